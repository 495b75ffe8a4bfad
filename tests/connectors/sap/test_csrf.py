"""Is a token fetched once for all who write at once, and is a spent one nobody's concern?"""

import asyncio
from collections.abc import Iterable, Sequence

import httpx2
import pytest

from isthmus.connectors.sap.csrf import Tokens
from isthmus.connectors.sap.faults import fault_of
from isthmus.connectors.sap.odata.edm import Service, Version
from isthmus.connectors.sap.way import Way
from isthmus.core.budgets import QuotaReading
from isthmus.core.caller import Principal
from isthmus.core.connector import Fault
from isthmus.core.credentials import Credential, Secret, StaticCredential
from isthmus.core.errors import CredentialError, RetryLater, UpstreamRejected
from isthmus.core.http import CallScope, CookieJars, Http, Meter, Origin, Response, path
from isthmus.core.http.credential import CredentialLayer
from isthmus.core.http.effect import EffectCheck
from isthmus.core.http.origin import OriginPin
from isthmus.core.http.retry import Retry
from isthmus.core.http.timing import DeadlineCut
from isthmus.core.http.wire import ForeignWire
from isthmus.core.operation import Effect, Operation, RequestClass, Verb
from isthmus.core.resilience import Deadline, RetryPolicy, SystemClock

from .system import ROOT, System

ORDERS = path(f"{ROOT}/A_Order")


class Plain:
    """What the request path asks, answered for this system alone."""

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return (RequestClass(Effect.READ if request.method == "GET" else Effect.CREATE),)

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        return ()

    def fault(self, response: Response) -> Fault | None:
        return fault_of(response)


class Login:
    def __init__(self, user: str) -> None:
        self._user = user

    async def current(self) -> Credential:
        return StaticCredential.basic(1, self._user, Secret("pw"))

    async def replace(self, spent: Credential) -> Credential:
        return spent


class Connection:
    """What all calls of one connection share."""

    def __init__(self, system: System) -> None:
        self.tokens = Tokens()
        chain: httpx2.AsyncBaseTransport = ForeignWire(system)
        chain = CredentialLayer(chain, lambda who: Login(who.user), CookieJars())
        chain = Retry(chain, Plain(), clock=SystemClock(), random=lambda: 0.0, policy=RetryPolicy(attempts=1))
        self.origin = Origin.of("https://upstream.example")
        self.chain = OriginPin(self.origin, EffectCheck(Plain(), DeadlineCut(chain)))

    def way(self, user: str = "anna", seconds: float = 5.0) -> Way:
        effects = frozenset({Effect.CREATE, Effect.READ})
        doing = Operation("erp", "erp", "erp_create", Verb.CREATE, effects, "", frozenset({""}))
        scope = CallScope(Principal("erp", user), doing, Deadline.after(seconds), None, Meter(), "c", agent="a")
        http = Http(self.chain, self.origin, scope)
        return Way(http, "so", ROOT, Service(Version.V2, {}, {}), self.tokens, {})

    async def create(self, note: str, user: str = "anna") -> str:
        answer = await self.way(user).write("POST", ORDERS, {"Note": note})
        raw = answer.json()
        assert isinstance(raw, dict)
        return str(raw["d"]["Order"])  # type: ignore[index]


@pytest.fixture
def system() -> System:
    return System(pause=0.02)


@pytest.fixture
def connection(system: System) -> Connection:
    return Connection(system)


async def test_32_writers_share_one_fetch(system: System, connection: Connection):
    made = await asyncio.gather(*(connection.create(str(n)) for n in range(32)))
    assert len(set(made)) == 32
    assert len(system.fetches) == 1
    assert system.refused() == 0


async def test_a_later_writer_fetches_nothing(system: System, connection: Connection):
    await connection.create("1")
    await connection.create("2")
    assert len(system.fetches) == 1


async def test_expiry_is_invisible_and_renewed_once(system: System, connection: Connection):
    await connection.create("first")
    before = len(system.orders)
    system.expire()
    made = await asyncio.gather(*(connection.create(str(n)) for n in range(32)))
    assert len(set(made)) == 32
    assert len(system.orders) == before + 32
    assert len(system.fetches) == 2


async def test_expiry_while_writes_are_under_way_is_invisible(system: System, connection: Connection):
    async def tokens_change() -> None:
        for _ in range(5):
            await asyncio.sleep(0.01)
            system.new_tokens()

    some = [connection.create(str(n)) for n in range(32)]
    made = await asyncio.gather(*some, tokens_change())
    assert len({one for one in made if one}) == 32


async def test_a_read_that_brings_a_new_session_costs_no_write(system: System, connection: Connection):
    """Reads that began before there was a session each bring one, and the last cookie to come wins."""
    reads = [connection.way().get(ORDERS) for _ in range(20)]
    made = await asyncio.gather(*(connection.create(str(n)) for n in range(20)), *reads)
    assert len([one for one in made if isinstance(one, str)]) == 20


async def test_the_fetch_of_a_cancelled_caller_goes_on(system: System, connection: Connection):
    first = asyncio.create_task(connection.create("first"))
    await system.fetching.wait()
    others = [asyncio.create_task(connection.create(str(n))) for n in range(5)]
    await asyncio.sleep(0)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert len(set(await asyncio.gather(*others))) == 5
    assert len(system.fetches) == 1


async def test_a_caller_in_a_hurry_does_not_take_the_others_along(system: System, connection: Connection):
    system.pause = 0.2
    hasty = asyncio.create_task(connection.way(seconds=0.05).write("POST", ORDERS, {}))
    await system.fetching.wait()
    patient = asyncio.create_task(connection.create("patient"))
    with pytest.raises(RetryLater):
        await hasty
    assert await patient


async def test_a_waiter_in_a_hurry_leaves_in_time(system: System, connection: Connection):
    system.pause = 0.3
    patient = asyncio.create_task(connection.create("patient"))
    await system.fetching.wait()
    with pytest.raises(RetryLater):
        await connection.way(seconds=0.05).write("POST", ORDERS, {})
    assert await patient


async def test_a_refused_login_is_asked_once_for_all(system: System, connection: Connection):
    system.answers.append(lambda request: httpx2.Response(401) if request.method == "GET" else None)
    found = await asyncio.gather(*(connection.create(str(n)) for n in range(8)), return_exceptions=True)
    assert all(isinstance(one, CredentialError) for one in found)
    assert len(system.fetches) <= 2


async def test_two_principals_share_neither_token_nor_cookies(system: System, connection: Connection):
    users = ["anna", "bert"] * 8
    made = await asyncio.gather(*(connection.create(user, user) for user in users))
    assert len(system.fetches) == 2
    assert [system.orders[one]["Owner"] for one in made] == users
    sent = {
        (one.headers["authorization"], one.headers["cookie"], one.headers["x-csrf-token"])
        for one in system.seen
        if one.method == "POST"
    }
    assert len(sent) == len({one[1] for one in sent}) == len({one[2] for one in sent}) == 2


async def test_a_service_without_tokens_is_written_to_all_the_same(system: System, connection: Connection):
    bare = httpx2.Response(200, headers={"content-type": "application/json"}, content=b"{}")
    system.answers.append(
        lambda request: bare if request.method == "GET" else httpx2.Response(201, json={"d": {"Order": "1"}})
    )
    assert await connection.create("x") == "1"
    assert "x-csrf-token" not in system.seen[-1].headers


async def test_a_token_that_is_never_taken_ends_in_one_error(system: System, connection: Connection):
    refused = {"content-type": "text/plain", "x-csrf-token": "Required"}
    system.answers.append(lambda request: httpx2.Response(403, headers=refused) if request.method == "POST" else None)
    with pytest.raises(UpstreamRejected, match="cookies"):
        await connection.create("x")
    assert len(system.seen) < 10


async def test_another_403_is_not_repeated(system: System, connection: Connection):
    system.answers.append(
        lambda request: httpx2.Response(403, json={"error": {}}) if request.method == "POST" else None
    )
    with pytest.raises(UpstreamRejected):
        await connection.create("x")
    assert len([one for one in system.seen if one.method == "POST"]) == 1
