"""A ref is not written into a record that may turn out to be one which the caller sees in clear."""

import pytest

from isthmus.core.errors import ResidencyError
from isthmus.core.records import Ref

from .conftest import DE, US, Desk, TwoOrgs, ref
from .test_canary import DEEDS, with_itsm


@pytest.fixture
def house(house: TwoOrgs) -> TwoOrgs:
    house.cedar += DEEDS
    return house


async def refused(desk: Desk, house: TwoOrgs, tool: str, **arguments: object) -> None:
    start = house.mark()
    with pytest.raises(ResidencyError, match="nobody knows which country"):
        await desk.call(tool, **arguments)
    assert house.sent(start) == []


async def test_a_new_record_that_nothing_links_to_anybody(us: Desk, house: TwoOrgs):
    """Many systems link it by themselves, to whoever made it or to whose address is in it."""
    person = await us.person("eu", DE, "Email")
    await refused(us, house, "create", object="Case", values={"SuppliedEmail": ref(person, "Email")})


@pytest.mark.parametrize("line", ["a new record", "an old record"])
async def test_a_line_of_a_load(us: Desk, house: TwoOrgs, line: str):
    """Nobody reads here whom the line is linked to."""
    hidden, shown = await us.person("eu", DE, "Email"), await us.person("eu", US, "Title")
    values: dict[str, object] = {"SuppliedEmail": ref(hidden, "Email")}
    if line == "a new record":
        action, told = "create", {"values": {"ContactId": shown.id, **values}}
    else:
        found = await us.query("Case", ["Subject"], where={"field": "ContactId", "op": "ne", "value": None}, limit=200)
        old = next(one for one in found.records if one.id.startswith("crm-eu~"))
        action, told = "update", {"id": old.id, "values": values}
    await refused(us, house, "load", object="Case", action=action, lines=[told], key="k")


async def test_a_record_below_another(us: Desk, house: TwoOrgs):
    hidden, shown = await us.person("eu", DE, "Email"), await us.person("eu", US, "AccountId")
    below = [{"Origin": "Web", "SuppliedEmail": ref(hidden, "Email")}]
    values = {"LastName": "Roe", "AccountId": shown.fields["AccountId"], "MailingCountryCode": "US", "Cases": below}
    await refused(us, house, "create", object="Contact", values=values)


async def test_a_record_that_the_system_says_is_its_makers(house: TwoOrgs):
    with_itsm(house)
    house.cedar += DEEDS.replace("crm", "itsm")
    async with house.open() as gateway:
        desk = Desk(gateway, house.caller("us"), "itsm")
        page = await desk.query("customer_contact", ["email"], where={"field": "country", "op": "eq", "value": "DE"})
        email = page.records[0].fields["email"]
        assert isinstance(email, Ref)
        await refused(desk, house, "create", object="problem", values={"short_description": {"ref": email.token}})


async def test_what_it_is_linked_to_makes_it_known(us: Desk):
    person = await us.person("eu", DE, "Email")
    made = await us.call(
        "create", object="Case", values={"ContactId": person.id, "SuppliedEmail": ref(person, "Email")}
    )
    [again] = (
        await us.query("Case", ["SuppliedEmail"], where={"field": "Id", "op": "eq", "value": made.id}, limit=1)
    ).records
    assert isinstance(again.fields["SuppliedEmail"], Ref)
