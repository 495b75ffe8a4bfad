"""A gateway whose org is an upstream that lies, the bare request path to it, and traps that nobody may ever reach."""

import asyncio
import contextlib
import random
import socket
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from tests.passage.conftest import Home

from isthmus.connectors.salesforce import Salesforce, SalesforceSettings
from isthmus.core.budgets import Budget, SqliteBudgetStore
from isthmus.core.caller import Principal
from isthmus.core.credentials import Secret, StaticCredential
from isthmus.core.http import (
    AiohttpWire,
    CallScope,
    ChainParts,
    CookieJars,
    Http,
    Meter,
    Origin,
    WireSettings,
    compose,
)
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.resilience import Breakers, Deadline, RetryPolicy, SystemClock
from isthmus.plugins.sandbox import Sandbox

from .upstream import Upstream

TOKEN = "CANARY-token-of-the-org"
CASE, ACCOUNT = "500000000000001AAA", "001000000000001AAA"


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    async with Upstream().listening() as found:
        yield found


@dataclass
class Traps:
    """Listeners that nobody should ever reach, each with what it heard."""

    ports: dict[str, int]
    heard: list[str] = field(default_factory=list)

    def url(self, host: str = "127.0.0.2") -> str:
        return f"http://{host}:{self.ports[host]}"


@pytest_asyncio.fixture
async def traps() -> AsyncIterator[Traps]:
    servers, found = [], Traps({})

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        found.heard.append(str(writer.get_extra_info("sockname")))
        writer.close()

    for host in ("127.0.0.1", "127.0.0.2", "127.0.0.3"):
        server = await asyncio.start_server(accept, host, 0)
        found.ports[host] = server.sockets[0].getsockname()[1]
        servers.append(server)
    yield found
    await asyncio.sleep(0.01)
    for server in servers:
        server.close()
    assert found.heard == []


@dataclass
class Network:
    """Every address that this process connected to, and every name that it looked up."""

    connected: set[tuple[str, int]] = field(default_factory=set)
    looked_up: set[str] = field(default_factory=set)

    def only(self, *urls: str) -> bool:
        places = {(urlsplit(url).hostname, urlsplit(url).port) for url in urls}
        return self.connected <= places and self.looked_up <= {host for host, _ in places}


@pytest.fixture
def network(monkeypatch: pytest.MonkeyPatch) -> Network:
    found, connect, look_up = Network(), socket.socket.connect, socket.getaddrinfo

    def connecting(sock: socket.socket, address):
        if sock.family in (socket.AF_INET, socket.AF_INET6):
            found.connected.add(address[:2])
        return connect(sock, address)

    def looking_up(host, *args, **kwargs):
        found.looked_up.add(host)
        return look_up(host, *args, **kwargs)

    monkeypatch.setattr(socket.socket, "connect", connecting)
    monkeypatch.setattr(socket, "getaddrinfo", looking_up)
    return found


class OneToken:
    """A credential source that has this one token."""

    async def current(self) -> StaticCredential:
        return StaticCredential.bearer(1, Secret(TOKEN))

    async def replace(self, spent: object) -> StaticCredential:
        return await self.current()


@dataclass
class Called:
    """The connector bound to one call, and what the call's meter saw."""

    connector: Salesforce
    meter: Meter
    http: Http
    deadline: Deadline


@dataclass
class Bare:
    """The connector on the bare request path: no policy and no journal above it."""

    chain: object
    origin: Origin

    def __call__(self, verb: str, seconds: float = 5.0, object: str = "Case") -> Called:
        effects = {
            "create": {Effect.CREATE},
            "update": {Effect.UPDATE},
            "upsert": {Effect.CREATE, Effect.UPDATE},
            "delete": {Effect.DELETE},
        }.get(verb, {Effect.READ})
        operation = Operation(
            connection="crm",
            system="crm",
            tool=verb,
            verb=Verb(verb),
            effects=frozenset(effects),
            object=object,
            objects=frozenset({object}) | Salesforce.metadata_objects,
            records=(CASE,) if verb in ("get", "update", "delete") else (),
        )
        deadline, meter = Deadline.after(seconds), Meter()
        http = Http(self.chain, self.origin, CallScope(Principal("crm"), operation, deadline, None, meter, "c0ffee"))
        return Called(Salesforce("crm", SalesforceSettings()).bind(http), meter, http, deadline)


@pytest_asyncio.fixture
async def bare(tmp_path: Path) -> AsyncIterator[Callable[..., Bare]]:
    async with contextlib.AsyncExitStack() as stack:
        store = await stack.enter_async_context(SqliteBudgetStore(tmp_path / "budgets.db"))

        def build(url: str, **parts: object) -> Bare:
            wire = AiohttpWire(WireSettings(connect=2.0, **parts))
            budget = Budget("crm", store)
            stack.push_async_callback(budget.aclose)
            stack.push_async_callback(wire.aclose)
            origin, clock = Origin.of(url), SystemClock()
            made = ChainParts(
                origin=origin,
                org="crm",
                dialect=Salesforce("crm", SalesforceSettings()),
                credentials=lambda _: OneToken(),
                budget=budget,
                breakers=Breakers(clock, random.Random(7).random),
                wire=wire,
                cookies=CookieJars(),
                retry=RetryPolicy(base=0.01),
            )
            return Bare(compose(made), origin)

        yield build


@dataclass
class Besieged(Home):
    """A house whose org is reached through the upstream that lies."""

    upstream: Upstream = field(default_factory=Upstream)
    call_timeout: float = 20
    token_endpoint: str = ""

    def write(self) -> Path:
        path = super().write()
        text = path.read_text()
        endpoint = self.token_endpoint or f"{self.upstream.url}/services/oauth2/token"
        text = text.replace(f'"{self.org.url}/services/oauth2/token"', f'"{endpoint}"')
        path.write_text(text.replace(self.org.url, self.upstream.url))
        return path


@pytest_asyncio.fixture
async def house(sandbox: Sandbox, upstream: Upstream, tmp_path: Path) -> Besieged:
    behind = urlsplit(sandbox.salesforce["eu"].url)
    upstream.behind = (behind.hostname or "", behind.port or 0)
    return Besieged(tmp_path / "house", sandbox, upstream=upstream)


class Jumping(SystemClock):
    """The machine's clock, that can jump; pauses are `speed` times shorter than asked for."""

    def __init__(self) -> None:
        self.jumped = 0.0
        self.speed = 10

    def monotonic(self) -> float:
        return time.monotonic() + self.jumped

    def time(self) -> float:
        return time.time() + self.jumped

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds / self.speed)


@pytest.fixture
def clock() -> Jumping:
    return Jumping()
