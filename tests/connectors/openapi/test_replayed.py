"""Does a run against a service that only its document describes come out the same from its cassette?"""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.replaying import RECORD, cassette_of, forbid_network, played

from isthmus.core.records import Compare, Operator, Query
from isthmus.core.session import Session
from isthmus.plugins.sandbox import AccessService, Sandbox

from .conftest import House


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    if RECORD:
        request.getfixturevalue("sandbox").reset()
        service: AccessService = request.getfixturevalue("sandbox").access["eu"]
        environ = {"ACCESS_KEY": service.api_key}
    else:
        service, environ = Unreached(Sandbox(seed=7).access["eu"].document), {}  # type: ignore[assignment]
        forbid_network(monkeypatch)
    house = House(tmp_path / "house", service)
    async with played(house.write(), environ, cassette_of(request, "openapi")) as gateway:
        yield gateway.session(house.caller())


class Unreached:
    """What of a service is known without it: its document."""

    url = "https://access.example"

    def __init__(self, document: str) -> None:
        self.document = document


async def test_gives_a_badge_opens_a_door_and_ends_it(desk: Session) -> None:
    at_work = Compare("site", Operator.EQ, "HAM")
    badges = (await desk.query("access", Query("badges", ("holderName", "site"), at_work))).records
    assert all(one.fields["holderName"] for one in badges)
    assert {one.fields["site"] for one in badges} == {"HAM"}
    people = (await desk.query("access", Query("people", ("id", "name"), limit=3))).records
    assert len({one.id for one in people}) == 3
    values = {"holder": "21999", "holderName": "Nina Neu", "country": "DE", "site": "HAM"}
    made = await desk.create("access", "badges", values, key="hire-21999")
    doors = await desk.call("access_openDoor", id=made.id, doorId="HAM-lab", until="2027-01-31")
    assert len(doors.values["doors"]) == 1  # type: ignore[arg-type]
    await desk.invoke("access", "badges", "revokeBadge", {"reason": "lost", "note": "by Nina Neu"}, id=made.id)
    assert (await desk.get("access", "badges", made.id, ["status"])).fields["status"] == "revoked"
