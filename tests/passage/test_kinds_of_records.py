"""A record that is of another kind than the object asked is read only by who may read that kind as well."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from tests.conftest import call
from tests.passage.conftest import CEDAR, FastClock
from tests.passage.faults.servicenow import ItsmHome

from isthmus.core.errors import Denied, NotFound
from isthmus.core.gateway import Gateway
from isthmus.core.records import Page, Record
from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

HIDDEN = """
@id("no-incidents") forbid (principal, action, resource in Isthmus::Object::"itsm/incident");
"""
FEW_FIELDS = """
@id("few-fields-of-incidents") forbid (principal is Isthmus::Agent, action in Isthmus::Action::"read",
  resource in Isthmus::Object::"itsm/incident") unless { ["sys_class_name", "number"].containsAll(context.fields) };
"""
MASKED = """
@id("masked") @obligation("mask:priority") permit (principal == Isthmus::Agent::"support",
  action == Isthmus::Action::"query", resource in Isthmus::Object::"itsm/incident");
"""


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> ItsmHome:
    return ItsmHome(tmp_path / "house", sandbox, cedar=CEDAR.replace("crm", "itsm") + HIDDEN)


@pytest.fixture
async def gateway(house: ItsmHome, clock: FastClock) -> AsyncIterator[Gateway]:
    async with house.open(clock) as gateway:
        yield gateway


@pytest.fixture
def org(house: ItsmHome) -> ServiceNowInstance:
    return house.org


def ids(org: ServiceNowInstance, *tables: str) -> set[str]:
    return {str(row["sys_id"]) for table in tables for row in org.rows(table)}


async def read(gateway: Gateway, house: ItsmHome, **more: object) -> Page:
    about = {"system": "itsm", "object": "task", "select": ["number", "sys_class_name"], "limit": 200}
    page = await call(gateway, house.caller("eu"), "query", **about | more)
    assert isinstance(page, Page)
    return page


async def test_a_page_leaves_them_out_and_says_so(gateway: Gateway, house: ItsmHome, org: ServiceNowInstance) -> None:
    found, after = [], None
    while True:
        page = await read(gateway, house, limit=20, **({"after": after} if after else {}))
        found += page.records
        withheld = {(one.what, one.rules) for one in page.withheld}
        assert withheld <= {("records that lie in an object which may not be read", ("no-incidents",))}
        assert page.complete is not bool(withheld)
        if (after := page.after) is None:
            break
    assert {one.id for one in found} == ids(org, "task") - ids(org, "incident")
    assert "incident" not in {one.fields["sys_class_name"] for one in found}


async def test_nothing_is_said_where_none_lies_there(gateway: Gateway, house: ItsmHome) -> None:
    where = {"field": "sys_class_name", "op": "eq", "value": "problem"}
    page = await read(gateway, house, where=where)
    assert page.records
    assert page.complete
    assert page.withheld == ()


async def test_the_field_that_tells_is_not_released_unasked(gateway: Gateway, house: ItsmHome) -> None:
    page = await read(gateway, house, select=["number"])
    assert {tuple(one.fields) for one in page.records} == {("number",)}


async def test_a_named_one_is_as_if_it_were_not_there(
    gateway: Gateway, house: ItsmHome, org: ServiceNowInstance
) -> None:
    hidden, shown = min(ids(org, "incident")), min(ids(org, "problem"))
    with pytest.raises(NotFound, match="that this caller may see"):
        await call(gateway, house.caller("eu"), "get", system="itsm", object="task", id=hidden)
    got = await call(gateway, house.caller("eu"), "get", system="itsm", object="task", id=shown)
    assert isinstance(got, Record)


@pytest.mark.parametrize("verb", ["search", "export", "changes"])
async def test_no_other_verb_shows_them(gateway: Gateway, house: ItsmHome, org: ServiceNowInstance, verb: str) -> None:
    session = gateway.session(house.caller("eu"))
    org.clock.advance(minutes=1)
    if verb == "search":
        told = str(org.rows("incident")[0]["number"])
        page = await session.call("search", system="itsm", object="task", text=told, fields=["number"])
        assert page.records == ()
        assert page.withheld
    elif verb == "export":
        found = {one.id async for page in session.export("itsm", "task", select=["number"]) for one in page.records}
        assert found == ids(org, "task") - ids(org, "incident")
    else:
        page = await session.changes(
            "itsm", "task", since=datetime(2020, 1, 1, tzinfo=UTC), select=["number"], limit=200
        )
        assert page.records
        assert not {one.id for one in page.records} & ids(org, "incident")


async def test_a_deletion_that_does_not_tell_its_object_is_not_told(
    gateway: Gateway, house: ItsmHome, org: ServiceNowInstance
) -> None:
    session = gateway.session(house.caller("eu"))
    since = org.clock.now()
    gone = min(ids(org, "problem"))
    org.clock.advance(minutes=1)
    await session.delete("itsm", "problem", gone)
    org.clock.advance(minutes=1)
    told = await session.changes("itsm", "problem", since=since, select=["number"])
    assert told.deleted == (gone,)
    unsaid = await session.changes("itsm", "task", since=since, select=["number"])
    assert unsaid.deleted == ()
    assert [one.what for one in unsaid.withheld] == ["ids of deleted records"]


async def test_figures_that_would_count_them_are_refused_before_sending(gateway: Gateway, house: ItsmHome) -> None:
    count = {"measures": [{"function": "count"}]}
    await call(gateway, house.caller("eu"), "describe", system="itsm", object="task")
    since = house.mark()
    with pytest.raises(Denied, match="ask for each kind by its own name"):
        await call(gateway, house.caller("eu"), "aggregate", system="itsm", object="task", **count)
    assert house.sent(since=since) == []
    assert await call(gateway, house.caller("eu"), "aggregate", system="itsm", object="problem", **count)


async def test_a_relation_does_not_lead_to_one(gateway: Gateway, house: ItsmHome, org: ServiceNowInstance) -> None:
    incident, change = (org.rows(table)[0] for table in ("incident", "change_request"))
    first, second, third = org.rows("problem")[:3]
    for problem, parent in ((first, incident), (second, change), (third, None)):
        org.store.change("problem", problem, {"parent": parent["sys_id"] if parent else ""}, "admin")
    named = {"field": "sys_id", "op": "in", "value": [str(one["sys_id"]) for one in (first, second, third)]}
    page = await read(gateway, house, object="problem", select=["number", "parent.number"], where=named)
    assert {one.fields["parent.number"] for one in page.records} == {change["number"], None}
    assert page.withheld
    assert not page.complete


async def test_fields_and_masks_of_the_kind_count(house: ItsmHome, clock: FastClock) -> None:
    for rules in (FEW_FIELDS, MASKED):
        house.cedar = CEDAR.replace("crm", "itsm") + rules
        async with house.open(clock) as gateway:
            plain = await read(gateway, house, select=["sys_class_name"])
            told = await read(gateway, house, select=["sys_class_name", "priority"])
        kinds = {one.fields["sys_class_name"] for one in told.records}
        assert "incident" not in kinds
        assert kinds
        if rules == FEW_FIELDS:
            assert "incident" in {one.fields["sys_class_name"] for one in plain.records}


async def test_who_may_read_all_of_them_gets_all(house: ItsmHome, clock: FastClock, org: ServiceNowInstance) -> None:
    house.cedar = CEDAR.replace("crm", "itsm")
    async with house.open(clock) as gateway:
        session = gateway.session(house.caller("eu"))
        pages = [page async for page in session.export("itsm", "task", select=["number"])]
        figures = await call(gateway, house.caller("eu"), "aggregate", system="itsm", object="task",
                             measures=[{"function": "count"}])  # fmt: skip
    assert {one.id for page in pages for one in page.records} == ids(org, "task")
    assert figures.rows
