"""Does a whole run against two orgs come out the same from its cassette, for a person in Germany and one in the US?"""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import House
from tests.replaying import RECORD, cassette_of, forbid_network, played

from isthmus.core.gateway import Gateway
from isthmus.core.records import Compare, Operator, Query, Ref
from isthmus.core.session import Session

PEOPLE = ("Id", "Name", "Email", "MailingCountryCode")


class Sessions:
    """The same agent at a model in the US and at one in the EU."""

    def __init__(self, gateway: Gateway, house: House) -> None:
        self.us: Session = gateway.session(house.caller("us"))
        self.eu: Session = gateway.session(house.caller("eu"))


@pytest.fixture
async def desks(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Sessions]:
    if RECORD:
        sandbox = request.getfixturevalue("sandbox")
    else:
        org = SimpleNamespace(url="https://org.example", client_id="none", client_secret="none")
        sandbox = SimpleNamespace(salesforce={"eu": org, "us": org})
        forbid_network(monkeypatch)
    house = House(tmp_path / "house", sandbox)
    async with played(house.write(), house.environ, cassette_of(request, "salesforce")) as gateway:
        yield Sessions(gateway, house)


def living_in(country: str) -> Query:
    return Query("Contact", PEOPLE, Compare("MailingCountryCode", Operator.EQ, country), limit=4)


async def test_shows_a_german_as_refs_abroad_and_an_american_in_clear(desks: Sessions) -> None:
    german = (await desks.us.query("crm", living_in("DE"))).records[0]
    american = (await desks.us.query("crm", living_in("US"))).records[0]
    assert isinstance(german.fields["Name"], Ref)
    assert isinstance(german.fields["Email"], Ref)
    assert "@" in str(american.fields["Email"])
    at_home = await desks.eu.get("crm", "Contact", german.id, PEOPLE)
    assert "@" in str(at_home.fields["Email"])


async def test_creates_a_case_for_each_by_what_it_was_shown(desks: Sessions) -> None:
    for country, home in (("DE", "crm-eu"), ("US", "crm-us")):
        people = (await desks.us.query("crm", living_in(country))).records
        person = next(one for one in people if one.id.startswith(home))
        if isinstance(person.fields["Email"], Ref):
            same = Query("Contact", ("Id",), Compare("Email", Operator.EQ, person.fields["Email"]))
            assert person.id in [one.id for one in (await desks.us.query("crm", same)).records]
        made = await desks.us.create("crm", "Case", {"Subject": "Call back", "ContactId": person.id})
        assert made.created
        assert (await desks.us.get("crm", "Case", made.id, ("ContactId",))).fields["ContactId"] == person.id
