"""What changed is told once it is settled, under the rules of the moment, and in another process too."""

from datetime import UTC, datetime

import pytest
from tests.conftest import call
from tests.passage.conftest import FastClock, Home

from isthmus.core.errors import InvalidArguments
from isthmus.core.gateway import Gateway
from isthmus.core.records import Page, Ref

HOUR = 3_600


def written(house: Home, country: str) -> str:
    """Change a contact of a country, at the org itself, an hour after the last time; return its id."""
    house.org.clock.advance(seconds=HOUR)
    row = next(row for row in house.org.rows("Contact") if row["MailingCountryCode"] == country and row["Email"])
    house.org.store["Contact"].rows[str(row["Id"])]["SystemModstamp"] = (
        f"{house.org.clock.now():%Y-%m-%dT%H:%M:%S}.000+0000"
    )
    house.org.clock.advance(seconds=HOUR)
    return str(row["Id"])


async def test_goes_on_from_now_in_another_process(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as gateway:
        begun = await call(gateway, house.caller("eu"), "changes", system="crm", object="Contact", select=["Email"])
    assert isinstance(begun, Page)
    assert (begun.records, begun.deleted) == ((), ())
    id = written(house, "FR")
    async with house.open(clock) as gateway:
        session = gateway.session(house.caller("eu"))
        page = await session.changes("crm", "Contact", select=["Email"], after=begun.after or "")
        again = await session.changes("crm", "Contact", select=["Email"], after=page.after or "")
    assert [one.id for one in page.records] == [id]
    assert again.records == ()


async def test_gives_refs_to_a_consumer_elsewhere_and_no_field_that_was_read_along(
    gateway: Gateway, house: Home
) -> None:
    moment = datetime.fromtimestamp(house.org.clock() + 60, UTC)
    id = written(house, "DE")
    page = await gateway.session(house.caller("us")).changes("crm", "Contact", since=moment, select=["Email"])
    assert [one.id for one in page.records] == [id]
    assert list(page.records[0].fields) == ["Email"]
    assert isinstance(page.records[0].fields["Email"], Ref)


async def test_a_place_belongs_to_its_caller(gateway: Gateway, house: Home) -> None:
    begun = await gateway.session(house.caller("eu")).changes("crm", "Contact")
    with pytest.raises(InvalidArguments, match="does not continue"):
        await gateway.session(house.caller("us")).changes("crm", "Contact", after=begun.after or "")
