"""Does PySNC, unmodified, do its work through the passage, under all its rules?"""

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from pysnc import ServiceNowClient
from pysnc.exceptions import NotFoundException, RoleException

from isthmus.connectors.servicenow import pysnc
from isthmus.core import sync
from isthmus.core.config import load_config
from isthmus.core.errors import Denied, InvalidArguments
from isthmus.core.session import Session

from .conftest import House
from .instance import ANNA, JOHN, Instance, id_at


@pytest.fixture
def gateway_here(house: House) -> Iterator[sync.Gateway]:
    with sync.open_gateway(load_config(house.write()), house.around) as gateway:
        yield gateway


@pytest.fixture
def snow(gateway_here: sync.Gateway, house: House) -> ServiceNowClient:
    """Act for a model in the EU."""
    return pysnc(gateway_here.session(house.caller("eu")), "itsm")


@pytest.fixture
def far(gateway_here: sync.Gateway, house: House) -> ServiceNowClient:
    """Act for a model in the US."""
    return gateway_here.session(house.caller("us")).pysnc("itsm")


def test_records_are_listed_page_by_page(snow: ServiceNowClient, instance: Instance):
    found = snow.GlideRecord("incident", batch_size=2)
    found.add_query("active", "true")
    found.query()
    assert [one.get_value("number") for one in found] == [f"INC000000{at}" for at in range(1, 7)]
    assert all("sysparm_offset" not in one for one in instance.sent("GET"))


def test_conditions_fields_and_order_are_kept(snow: ServiceNowClient):
    found = snow.GlideRecord("incident")
    found.fields = ["number", "sys_created_on", "active", "caller_id"]
    found.add_query("short_description", "STARTSWITH", "Printer").add_or_condition("number", "INC0000099")
    found.order_by_desc("sys_created_on")
    found.limit = 2
    found.query()
    told = [(one.get_value("number"), one.get_value("sys_created_on"), one.get_value("active")) for one in found]
    assert told == [("INC0000006", "2026-01-06 10:00:00", "true"), ("INC0000005", "2026-01-05 10:00:00", "true")]


def test_one_record_is_read_and_a_missing_one_is_not(snow: ServiceNowClient):
    found = snow.GlideRecord("incident")
    assert found.get(id_at(1))
    assert (found.get_value("number"), found.get_value("caller_id")) == ("INC0000001", ANNA)
    assert not snow.GlideRecord("incident").get("f" * 32)


def test_a_german_name_is_a_token_abroad_that_finds_and_fills(far: ServiceNowClient, instance: Instance):
    person = far.GlideRecord("sys_user")
    assert person.get(ANNA)
    token = person.get_value("name")
    assert token.startswith("ref_")
    again = far.GlideRecord("sys_user")
    again.fields = ["country"]
    again.add_query("name", token)
    again.query()
    assert [one.get_value("sys_id") for one in again] == [ANNA]
    made = far.GlideRecord("incident")
    made.initialize()
    made.set_value("short_description", token)
    made.set_value("caller_id", ANNA)
    assert instance.tables["incident"][str(made.insert())]["short_description"] == "Anna Weber"
    other = far.GlideRecord("sys_user")
    assert other.get(JOHN)
    assert other.get_value("name") == "John Hill"


def test_a_record_is_made_changed_and_deleted(snow: ServiceNowClient, instance: Instance):
    record = snow.GlideRecord("incident")
    record.initialize()
    record.set_value("short_description", "Lamp is out")
    record.set_value("due_date", "2026-03-01 10:00:00")
    id = str(record.insert())
    assert (record.get_value("number"), record.get_value("active")) == ("INC0000007", "true")
    record.set_value("reassignment_count", "3")
    assert record.update() is not None
    assert instance.tables["incident"][id]["reassignment_count"] == "3"
    assert record.delete()
    assert id not in instance.tables["incident"]


def test_a_batch_is_taken_apart_and_every_part_is_judged(snow: ServiceNowClient, instance: Instance):
    found = snow.GlideRecord("incident")
    found.add_query("reassignment_count", "<", "7")
    found.query()
    while found.next():
        found.set_value("category", "printers")
    found.update_multiple()
    assert [instance.tables["incident"][id_at(at)].get("category") for at in (1, 2, 4)] == [
        "printers",
        "printers",
        None,
    ]
    assert not any("batch" in one for one in instance.sent())


def test_attachments_are_listed(snow: ServiceNowClient):
    found = snow.Attachment("incident")
    found.query()
    assert [one.file_name for one in found] == ["log.txt"]


def test_policy_stops_an_sdk_too(snow: ServiceNowClient, instance: Instance):
    record = snow.GlideRecord("incident")
    assert record.get(id_at(1))
    record.set_value("state", "7")
    with pytest.raises(Denied):
        record.update()
    assert instance.sent("PATCH") == []


def test_what_the_instance_refuses_is_told_in_its_own_shape(snow: ServiceNowClient, instance: Instance):
    instance.hidden = {id_at(1)}
    with pytest.raises(NotFoundException):
        snow.table_api.get(snow.GlideRecord("incident"), id_at(1))
    instance.hidden = {id_at(2)}
    with pytest.raises(RoleException):
        snow.table_api._validate_response(
            snow.session.get(f"{snow.instance}/api/now/stats/incident?sysparm_count=true")
        )


@pytest.mark.parametrize(
    "query", ["caller_id=javascript:gs.getUserID()", "active=true^JOINa.b=c.d!x=1", "nosuch=1", "123TEXTQUERY321=x"]
)
def test_a_query_that_an_instance_would_run_or_ignore_is_refused(
    snow: ServiceNowClient, instance: Instance, query: str
):
    found = snow.GlideRecord("incident")
    found.add_encoded_query(query)
    with pytest.raises(InvalidArguments):
        found.query()
    assert instance.sent() == []


async def ask(session: Session, method: str, where: str, body: object = None, **headers: str) -> Any:
    content = None if body is None else json.dumps(body).encode()
    host = "https://itsm.isthmus.invalid"
    made = httpx2.Request(method, f"{host}/api/now{where}", headers=headers, content=content)
    return await session.call_request("itsm", made)


async def test_figures_look_as_the_vendor_writes_them(home: Session):
    answer = await ask(
        home, "GET", "/stats/incident?sysparm_count=true&sysparm_sum_fields=reassignment_count&sysparm_group_by=state"
    )
    assert answer.json() == {
        "result": [
            {"stats": {"count": "6", "sum": {"reassignment_count": "54.0"}}, "groupby_fields": [{"field": "state", "value": "1"}]}
        ]
    }  # fmt: skip


async def test_plain_parameters_and_the_three_forms_of_values(home: Session):
    where = "/table/incident?number=INC0000001&sysparm_fields=number,caller_id"
    for more, wanted in (
        ("", {"link": f"https://itsm.isthmus.invalid/api/now/table/sys_user/{ANNA}", "value": ANNA}),
        ("&sysparm_exclude_reference_link=true", ANNA),
        ("&sysparm_display_value=all", {"display_value": ANNA, "value": ANNA}),
    ):
        (record,) = (await ask(home, "GET", where + more)).json()["result"]
        assert record["caller_id"] == wanted


@pytest.mark.parametrize(
    ("method", "where", "headers"),
    [
        ("POST", "/import/u_staging", {}), ("GET", "/table/incident?sysparm_view=ess", {}), ("DELETE", "/attachment/" + "a" * 32, {}),
        ("GET", "/table/incident?sysparm_query_no_domain=true", {}), ("POST", "/table/incident", {"X-HTTP-Method-Override": "DELETE"}),
        ("POST", "/v1/batch", {}), ("GET", "/table/incident?sysparm_offset=99999", {}),
    ],
)  # fmt: skip
async def test_everything_else_is_refused_unsent(
    home: Session, instance: Instance, method: str, where: str, headers: dict[str, str]
):
    with pytest.raises((Denied, InvalidArguments)):
        await ask(home, method, where, {} if method == "POST" else None, **headers)
    assert instance.sent() == []


async def test_a_batch_tells_of_a_refusal_once_something_was_written(home: Session, instance: Instance):
    def part(id: str, state: str) -> dict[str, object]:
        body = base64.b64encode(json.dumps({"state": state}).encode()).decode()
        return {
            "id": id,
            "method": "PATCH",
            "url": f"/api/now/table/incident/{id_at(int(id))}",
            "headers": [],
            "body": body,
        }

    with pytest.raises(Denied):
        await ask(home, "POST", "/v1/batch", {"batch_request_id": 1, "rest_requests": [part("1", "7"), part("2", "2")]})
    assert instance.sent("PATCH") == []
    answer = (
        await ask(home, "POST", "/v1/batch", {"batch_request_id": 1, "rest_requests": [part("2", "2"), part("1", "7")]})
    ).json()
    assert [(one["id"], one["status_code"]) for one in answer["serviced_requests"]] == [("2", 200), ("1", 400)]
    assert (answer["batch_request_id"], answer["unserviced_requests"]) == ("1", [])
