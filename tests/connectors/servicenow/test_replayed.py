"""Does a run against an instance come out the same from its cassette?"""

from collections.abc import AsyncIterator

import pytest
from tests.replaying import RECORD, cassette_of, forbid_network, played

from isthmus.core.gateway import Gateway
from isthmus.core.records import Compare, Operator, Query, Ref

from .conftest import House

CALLS = ("number", "short_description", "caller_id.name", "caller_id.country")


@pytest.fixture
async def gateway(
    request: pytest.FixtureRequest, house: House, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Gateway]:
    environ = {}
    if RECORD:
        instance = request.getfixturevalue("sandbox").servicenow["eu"]
        house.url, house.username = instance.url, "integration"
        environ = {"ITSM_PASSWORD": instance.password("integration")}
    else:
        forbid_network(monkeypatch)
    async with played(house.write(), environ, cassette_of(request, "servicenow")) as found:
        yield found


async def test_shows_who_called_at_home_and_refs_abroad(gateway: Gateway, house: House) -> None:
    wanted = Query("incident", CALLS, Compare("caller_id.country", Operator.EQ, "DE"), limit=2)
    at_home = await gateway.session(house.caller("eu")).query("itsm", wanted)
    abroad = await gateway.session(house.caller("us")).query("itsm", wanted)
    assert [one.id for one in at_home.records] == [one.id for one in abroad.records]
    assert all(isinstance(one.fields["caller_id.name"], str) for one in at_home.records)
    assert all(isinstance(one.fields["caller_id.name"], Ref) for one in abroad.records)
    assert {one.fields["caller_id.country"] for one in abroad.records} == {"DE"}
