"""A record made with others below it: judged object by object, made as a whole or not at all, and done once."""

import pytest
from tests.conftest import call

from isthmus.core.errors import (
    ApprovalRequired,
    Denied,
    InvalidArguments,
    OutcomeUnknown,
    ResidencyError,
    UpstreamRejected,
)
from isthmus.core.gateway import Gateway
from isthmus.core.results import as_json

from .conftest import CEDAR, Home

LEFT = {"LastName": "Links", "MailingCountry": "Germany"}
FAMILY = {
    "Name": "Kessler und Partner",
    "Contacts": [LEFT, {"LastName": "Rechts", "FirstName": "Rita"}],
    "Opportunities": [{"Name": "Neubau", "StageName": "Prospecting", "CloseDate": "2027-01-31"}],
}
RULES = """
@id("no-titles") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"create",
  resource in Isthmus::Object::"crm/Contact")
  unless { ["LastName", "FirstName", "MailingCountry", "Email"].containsAll(context.fields) };
@id("none-won") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"create",
  resource in Isthmus::Object::"crm/Opportunity")
  when { context has transition && context.transition.to == "Closed Won" };
@id("large-ones") @obligation("approve:manager") forbid (principal is Isthmus::Agent,
  action == Isthmus::Action::"create", resource in Isthmus::Object::"crm/Opportunity")
  unless { context.approved || ["Name", "StageName", "CloseDate"].containsAll(context.fields) };
"""


@pytest.fixture
def house(house: Home) -> Home:
    house.cedar = CEDAR + RULES
    return house


async def create(gateway: Gateway, house: Home, values: object, consumer: str = "eu", **more: object):
    caller = house.caller(consumer)
    return await call(gateway, caller, "create", system="crm", object="Account", values=values, **more)


def made(house: Home, object: str, **values: object) -> list[dict[str, object]]:
    return [row for row in house.org.rows(object) if all(row[name] == value for name, value in values.items())]


async def test_all_are_made_by_one_request_and_told_in_their_order(gateway: Gateway, house: Home) -> None:
    since = house.mark()
    found = await create(gateway, house, FAMILY)
    assert [object for object, _ in found.below] == ["Contact", "Contact", "Opportunity"]
    assert len(house.sent("POST", since)) == 1
    people = made(house, "Contact", AccountId=found.id)
    assert [one["LastName"] for one in people] == ["Links", "Rechts"]
    assert [one["Id"] for one in people] == [id for object, id in found.below if object == "Contact"]
    assert made(house, "Opportunity", AccountId=found.id)[0]["Name"] == "Neubau"
    assert as_json(found)["below"][0] == {"object": "Contact", "id": people[0]["Id"]}


async def test_names_of_any_case_and_several_levels_are_understood(gateway: Gateway, house: Home) -> None:
    found = await create(gateway, house, {"Name": "Tief", "contacts": [{**LEFT, "cases": [{"Subject": "tief"}]}]})
    assert [object for object, _ in found.below] == ["Contact", "Case"]
    assert made(house, "Case", Subject="tief")[0]["ContactId"] == found.below[0][1]


async def test_one_that_the_org_refuses_leaves_none_behind(gateway: Gateway, house: Home) -> None:
    values = {"Name": "Halb", "Contacts": [LEFT, {"FirstName": "ohne Nachnamen"}]}
    with pytest.raises(UpstreamRejected, match="required fields are missing") as refused:
        await create(gateway, house, values)
    assert refused.value.vendor_code == "REQUIRED_FIELD_MISSING"
    assert made(house, "Account", Name="Halb") == []
    assert made(house, "Contact", LastName="Links") == []


@pytest.mark.parametrize(
    ("values", "rule"),
    [
        ({"Name": "x", "Contacts": [LEFT, {"LastName": "Rechts", "Title": "Chef"}]}, "no-titles"),
        (FAMILY | {"Opportunities": [{**FAMILY["Opportunities"][0], "StageName": "Closed Won"}]}, "none-won"),
    ],
)
async def test_each_object_is_judged_by_its_own_fields_and_states(
    gateway: Gateway, house: Home, values: object, rule: str
) -> None:
    since = house.mark()
    with pytest.raises(Denied) as refused:
        await create(gateway, house, values)
    assert refused.value.rules == (rule,)
    assert house.sent("POST", since) == []


async def test_an_approver_reads_what_lies_below(gateway: Gateway, house: Home) -> None:
    values = FAMILY | {"Opportunities": [{**FAMILY["Opportunities"][0], "Amount": 900_000}]}
    with pytest.raises(ApprovalRequired) as asked:
        await create(gateway, house, values)
    shown = gateway.parts.journal.view().approval(asked.value.approval).summary
    assert "Opportunities: Opportunity" in shown
    assert "Amount = 900000" in shown
    assert "LastName = Rechts" in shown


async def test_a_repeat_with_the_same_key_tells_the_same_records(gateway: Gateway, house: Home) -> None:
    first = await create(gateway, house, FAMILY, key="k-1")
    assert (await create(gateway, house, FAMILY, key="k-1")).below == first.below
    assert len(made(house, "Account", Name=FAMILY["Name"])) == 1


async def test_a_lost_answer_is_read_back_by_the_key_of_the_first(gateway: Gateway, house: Home) -> None:
    house.org.faults.arm("lost_answer", method="POST")
    values = {"Subject": "verloren", "Tasks": [{"Subject": "anrufen"}]}
    found = await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values=values)
    assert [row["Id"] for row in house.cases(Subject="verloren")] == [found.id]
    assert len(made(house, "Task", WhatId=found.id)) == 1


async def test_without_a_key_a_lost_answer_stays_unknown(gateway: Gateway, house: Home) -> None:
    house.org.faults.arm("lost_answer", method="POST")
    values = {"LastName": "Spur", "Company": "Weit", "Tasks": [{"Subject": "anrufen"}]}
    with pytest.raises(OutcomeUnknown):
        await call(gateway, house.caller("eu"), "create", system="crm", object="Lead", values=values)


async def test_a_ref_below_becomes_its_value_on_the_way_home_and_nowhere_else(gateway: Gateway, house: Home) -> None:
    where = {"field": "MailingCountry", "op": "eq", "value": "Germany"}
    page = await call(
        gateway, house.caller("us"), "query", system="crm", object="Contact", select=["Email"], where=where, limit=1
    )
    ref = as_json(page)["records"][0]["fields"]["Email"]
    email = made(house, "Contact", Id=page.records[0].id)[0]["Email"]
    values = {"Name": "Von weit", "Contacts": [{**LEFT, "Email": ref}]}
    found = await create(gateway, house, values, consumer="us")
    assert made(house, "Contact", AccountId=found.id)[0]["Email"] == email
    since = house.mark()
    with pytest.raises(ResidencyError, match=r"Opportunity\.Name"):
        await create(
            gateway, house, {"Name": "x", "Opportunities": [{**FAMILY["Opportunities"][0], "Name": ref}]}, "us"
        )
    assert house.sent("POST", since) == []


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"Name": "x", "Contacts": []}, "give a list"),
        ({"Name": "x", "Contacts": [{}]}, "give a list"),
        ({"Name": "x", "Contacts": [{"LastNam": "x"}]}, "LastName"),
        ({"Name": "x", "Contacs": [LEFT]}, "did you mean 'Contacts'"),
        ({"Name": "x", "ChildAccounts": [{"Name": "y"}]}, "call of its own"),
        ({"Name": "x", "Contacts": [LEFT] * 200}, "at most 199"),
        ({"Name": "x", "Contacts": [LEFT], "contacts": [LEFT]}, ""),
    ],
)
async def test_what_cannot_lie_below_is_said_before_anything_is_sent(
    gateway: Gateway, house: Home, values: object, told: str
) -> None:
    since = house.mark()
    if told:
        with pytest.raises(InvalidArguments, match=told):
            await create(gateway, house, values)
        assert house.sent("POST", since) == []
    else:
        assert len((await create(gateway, house, values)).below) == 2


async def test_describe_names_what_can_lie_below(gateway: Gateway, house: Home) -> None:
    found = await call(gateway, house.caller("eu"), "describe", system="crm", object="Account")
    assert as_json(found)["children"]["Contacts"] == "Contact"


async def test_a_load_takes_no_records_with_others_below(gateway: Gateway, house: Home) -> None:
    lines = [{"values": FAMILY}]
    with pytest.raises(InvalidArguments, match="without others below"):
        await call(
            gateway, house.caller("eu"), "load", system="crm", object="Account", action="create", lines=lines, key="l"
        )
