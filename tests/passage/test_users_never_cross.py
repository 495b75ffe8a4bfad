"""Do two people over one connection keep their rows, cookies and tokens apart, however their calls interleave?"""

import asyncio
import itertools
import random
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import unquote

import httpx2
import pytest
from tests.conftest import call

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.errors import CredentialError, InvalidArguments
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire
from isthmus.core.http.scope import scope_of
from isthmus.plugins.sandbox.journal import Entry

from .conftest import Home

USERS = {"alice": 3, "bob": 5}
"""Each user with the limit that marks their queries: one row more is asked for."""


class ShuffledLoop(asyncio.SelectorEventLoop):
    """Run the tasks that are ready in an order drawn anew each time: any interleaving of awaits may come up.

    Callbacks that are no task's keep their place: asyncio's own transports count on it.
    """

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._chance = random.Random(seed)

    def _run_once(self) -> None:
        mixed: list[asyncio.Handle] = []
        for tasks, handles in itertools.groupby(self._ready, _of_a_task):
            run = list(handles)
            mixed += self._chance.sample(run, len(run)) if tasks else run
        self._ready.clear()
        self._ready.extend(mixed)
        super()._run_once()


def _of_a_task(handle: asyncio.Handle) -> bool:
    return isinstance(getattr(handle._callback, "__self__", None), asyncio.Task)


class HesitantWire(httpx2.AsyncBaseTransport):
    """A wire that gives way to others a few times before and after each request."""

    def __init__(self, wire: AiohttpWire, chance: random.Random) -> None:
        self._wire = wire
        self._chance = chance

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await self._give_way()
        response = await self._wire.handle_async_request(request)
        await self._give_way()
        return response

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _give_way(self) -> None:
        for _ in range(self._chance.randrange(8)):
            await asyncio.sleep(0)


@pytest.fixture
def user_house(house: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setattr(Salesforce, "wants_cookies", True)
    house.acts_as = "user"
    return house


async def work(gateway: Gateway, house: Home, user: str) -> dict[str, object]:
    caller, limit = house.caller("eu", user), USERS[user]
    contacts = await call(
        gateway, caller, "query", system="crm", object="Contact", select=["Name", "OwnerId"], limit=limit
    )
    made = await call(gateway, caller, "create", system="crm", object="Case", values={"Subject": f"of {user}"})
    back = await call(gateway, caller, "get", system="crm", object="Case", id=made.id, fields=["Subject", "OwnerId"])
    await call(gateway, caller, "update", system="crm", object="Case", id=made.id, values={"Priority": "High"})
    try:
        hidden = await call(gateway, caller, "query", system="crm", object="Contact", select=["SSN__c"], limit=limit)
    except InvalidArguments as error:
        hidden = error
    return {"contacts": contacts, "case": made, "back": back, "hidden": hidden}


def check_results(house: Home, found: dict[str, dict[str, object]], ids: dict[str, str]) -> None:
    alice, bob = found["alice"], found["bob"]
    assert len(alice["contacts"].records) == 3
    assert 0 < len(bob["contacts"].records) <= 5
    assert all(one.fields["OwnerId"] == ids["bob"] for one in bob["contacts"].records)
    assert isinstance(alice["hidden"], InvalidArguments), "alice's profile hides the field"
    assert len(bob["hidden"].records) == len(bob["contacts"].records)
    for user, one in found.items():
        assert one["back"].fields["Subject"] == f"of {user}"
        rows = house.cases(Id=one["case"].id)
        assert [(row["CreatedById"], row["LastModifiedById"]) for row in rows] == [(ids[user], ids[user])]


def check_journal(house: Home, entries: list[Entry]) -> None:
    turns = sum(one.user != other.user for one, other in itertools.pairwise(entries))
    assert turns >= 4, "the calls really interleaved"
    assert {one.user for one in entries} == {house.org.usernames[user] for user in USERS}
    for entry in entries:
        user = entry.user.partition("@")[0]
        assert entry.cookie_user in (None, entry.user), "a cookie went out for somebody else"
        query = unquote(entry.query)
        if "FROM Contact" in query:
            assert query.endswith(f"LIMIT {USERS[user] + 1}"), query
        if entry.method == "POST":
            assert f"of {user}" in entry.body
    assert sum(entry.cookie_user is not None for entry in entries) >= len(entries) - 6, "cookies are in use"


def interleave(house: Home, seed: int) -> None:
    house.sandbox.reset()
    chance = random.Random(seed)
    ids = {user: str(house.org.user(house.org.usernames[user])["Id"]) for user in USERS}

    async def both() -> dict[str, dict[str, object]]:
        async with house.open(wire=lambda _, settings: HesitantWire(AiohttpWire(settings), chance)) as gateway:
            if seed % 3 == 0:
                house.org.faults.arm("expire_session")
            results = await asyncio.gather(*(work(gateway, house, user) for user in USERS))
            return dict(zip(USERS, results, strict=True))

    with asyncio.Runner(loop_factory=lambda: ShuffledLoop(seed)) as runner:
        found = runner.run(both())
    entries = [one for one in house.sent() if one.status != 401]
    check_results(house, found, ids)
    check_journal(house, entries)
    assert len(house.token_calls()) <= 2 + (seed % 3 == 0)


@pytest.mark.parametrize("seed", range(4))
def test_rows_cookies_and_tokens_never_cross(user_house: Home, seed: int) -> None:
    interleave(user_house, seed)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_rows_cookies_and_tokens_never_cross_in_many_interleavings(user_house: Home) -> None:
    for seed in range(100, 300):
        interleave(user_house, seed)
        shutil.rmtree(user_house.folder)


@asynccontextmanager
async def recorded(house: Home) -> AsyncIterator[tuple[Gateway, list[tuple[str, str]]]]:
    sends: list[tuple[str, str]] = []

    class Watched(AiohttpWire):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            principal = scope_of(request).principal
            sends.append((principal.user, request.headers.get("authorization", "")))
            return await super().handle_async_request(request)

    async with house.open(wire=lambda _, settings: Watched(settings)) as gateway:
        yield gateway, sends


async def test_a_token_is_sent_for_its_own_user_only(user_house: Home) -> None:
    async with recorded(user_house) as (gateway, sends):
        await asyncio.gather(*(work(gateway, user_house, user) for user in USERS))
    tokens = {user: {token for who, token in sends if who == user and token} for user in USERS}
    assert all(len(found) == 1 for found in tokens.values())
    assert tokens["alice"].isdisjoint(tokens["bob"])


@pytest.mark.parametrize("verb", ["query", "create"])
async def test_a_call_without_a_user_fails_closed_and_sends_nothing(user_house: Home, verb: str) -> None:
    arguments = {"query": {"select": ["Subject"]}, "create": {"values": {"Subject": "nobody's"}}}[verb]
    async with user_house.open() as gateway:
        with pytest.raises(CredentialError, match="call on behalf of a user"):
            await call(gateway, user_house.caller("eu", None), verb, system="crm", object="Case", **arguments)
    assert user_house.org.journal.entries == ()


async def test_a_user_whom_the_org_does_not_know_gets_nobody_elses_rights(user_house: Home) -> None:
    async with user_house.open() as gateway:
        await work(gateway, user_house, "alice")
        since = user_house.mark()
        with pytest.raises(CredentialError):
            await call(gateway, user_house.caller("eu", "maria"), "query", system="crm", object="Case")
    assert user_house.sent(since=since) == []
