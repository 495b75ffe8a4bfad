"""A loopback system with scripted answers, and chains that reach it."""

import asyncio
import ipaddress
import json
import random
import ssl
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from isthmus.core.budgets import Budget, QuotaReading, SqliteBudgetStore
from isthmus.core.caller import Principal
from isthmus.core.connector import Fault
from isthmus.core.credentials import ClientCertificate, Secret, StaticCredential
from isthmus.core.errors import CredentialError, RetryLater, UpstreamRejected
from isthmus.core.http import AiohttpWire, CallScope, ChainParts, Http, Meter, Origin, WireSettings, compose
from isthmus.core.operation import Effect, Operation, RequestClass, Verb
from isthmus.core.resilience import Breakers, Deadline, SystemClock
from isthmus.core.resilience import FaultKind as Kind


@dataclass
class Seen:
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def answer(status=200, body=b"{}", **headers):
    named = {"Content-Type": "application/json", "Content-Length": str(len(body))}
    named |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in named.items() if value is not None)
    return f"HTTP/1.1 {status} X\r\n{head}\r\n".encode() + body


@dataclass
class Upstream:
    """Answers from `script` in turn, then `{}`; an entry is bytes, or a coroutine function over the stream writer."""

    requests: list[Seen] = field(default_factory=list)
    connections: int = 0
    script: deque = field(default_factory=deque)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    async def serve(self, reader, writer):
        self.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self.one(head.decode("latin-1"), reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.closed.set()
            writer.close()

    async def one(self, head, reader, writer):
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.asked.set()
        self.requests.append(Seen(*first.split(" ")[:2], headers, body))
        reply = self.script.popleft() if self.script else answer()
        if callable(reply):
            await reply(writer)
        else:
            writer.write(reply)
            await writer.drain()


@pytest_asyncio.fixture
async def upstream() -> AsyncIterator[Upstream]:
    found = Upstream()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


@pytest_asyncio.fixture
async def trap() -> AsyncIterator[Upstream]:
    """Another host that nobody should ever call."""
    found = Upstream()
    server = await asyncio.start_server(found.serve, "127.0.0.2", 0)
    found.port = server.sockets[0].getsockname()[1]
    yield found
    server.close()


KINDS = {
    400: (Kind.CALLER, UpstreamRejected),
    401: (Kind.AUTHORIZATION, CredentialError),
    403: (Kind.QUOTA, RetryLater),
    404: (Kind.CALLER, UpstreamRejected),
    409: (Kind.TRANSIENT, RetryLater),
    429: (Kind.THROTTLE, RetryLater),
    500: (Kind.TRANSIENT, RetryLater),
    503: (Kind.TRANSIENT, RetryLater),
}


EFFECTS = {
    "GET": Effect.READ,
    "POST": Effect.CREATE,
    "PATCH": Effect.UPDATE,
    "PUT": Effect.UPDATE,
    "DELETE": Effect.DELETE,
}


class Desk:
    """The dialect of a ticket system: `/Object/id`, and `/batch` with one `METHOD /Object/id` a line."""

    def classify(self, request):
        if request.url.path == "/batch":
            return tuple(self.part(*line.split(" ")) for line in request.content.decode().splitlines())
        if request.url.path.startswith("/unknown"):
            return ()
        return (self.part(request.method, request.url.path),)

    def part(self, method, where):
        _, object, *records = where.split("/")
        return RequestClass(EFFECTS[method], object, tuple(record for record in records if record))

    def quota(self, response):
        used, _, limit = response.headers.get("x-quota", "").partition("/")
        if limit:
            yield QuotaReading(int(limit), int(limit) - int(used), 3600.0)

    def fault(self, response):
        if response.status < 400:
            return None
        kind, error = KINDS.get(response.status, (Kind.UNKNOWN, UpstreamRejected))
        return Fault(
            kind,
            str(response.status),
            f"refused ({response.status})",
            error,
            text=response.body.decode("utf-8", "replace"),
        )


class Tokens:
    """Credentials that go up by one with each replacement; concurrent replacements share one."""

    def __init__(self):
        self.generation = 1
        self.replaced = 0
        self.gate = asyncio.Event()
        self.gate.set()
        self.running = None
        self.begun = asyncio.Event()

    def credential(self):
        return StaticCredential.bearer(self.generation, Secret(f"token-{self.generation}"))

    async def current(self):
        return self.credential()

    async def replace(self, spent):
        if spent.generation < self.generation:
            return self.credential()
        if self.running is None:
            self.running = asyncio.ensure_future(self.fetch())
        return await asyncio.shield(self.running)

    async def fetch(self):
        self.begun.set()
        await self.gate.wait()
        self.replaced += 1
        self.generation += 1
        self.running = None
        return self.credential()


@dataclass
class SleepLog(SystemClock):
    """The machine's clock, but waiting is noted instead of done, and moves time on."""

    slept: list[float] = field(default_factory=list)

    def monotonic(self):
        return super().monotonic() + sum(self.slept)

    def time(self):
        return super().time() + sum(self.slept)

    async def sleep(self, seconds):
        self.slept.append(seconds)
        await asyncio.sleep(0)


READ = Operation("desk", "itsm", "get_ticket", Verb.GET, frozenset({Effect.READ}), "Ticket", records=("1",))
CREATE = Operation("desk", "itsm", "create_ticket", Verb.CREATE, frozenset({Effect.CREATE}), "Ticket")
UPDATE = Operation("desk", "itsm", "update_ticket", Verb.UPDATE, frozenset({Effect.UPDATE}), "Ticket", records=("1",))
DELETE = Operation("desk", "itsm", "delete_ticket", Verb.DELETE, frozenset({Effect.DELETE}), "Ticket", records=("1",))
OPERATIONS = {"read": READ, "create": CREATE, "update": UPDATE, "delete": DELETE}


@dataclass
class Connection:
    """One connection with its chain; `http()` is the view of one call."""

    parts: ChainParts
    clock: SystemClock
    tokens: dict[Principal, Tokens]
    budget: Budget

    def __post_init__(self):
        self.chain = compose(self.parts)

    def http(self, operation="read", *, seconds=10.0, principal=None, permit=None, waiting="caller"):
        scope = CallScope(
            principal=principal or Principal("desk"),
            operation=OPERATIONS[operation] if isinstance(operation, str) else operation,
            deadline=Deadline.after(seconds, self.clock),
            permit=permit,
            meter=Meter(),
            correlation_id="c0ffee",
            waiting=waiting,
            agent="planner",
        )
        return Http(self.chain, self.parts.origin, scope)


@pytest_asyncio.fixture
async def connect(tmp_path) -> AsyncIterator[Callable[..., Connection]]:
    store = SqliteBudgetStore(tmp_path / "budgets.db")
    opened: list[tuple[Budget, object]] = []

    def build(url, *, clock=None, rules=None, breaker=None, settings=None, wire=None, credentials=None, **parts):
        clock = clock or SystemClock()
        budget = Budget("desk:org", store, rules)
        tokens: dict[Principal, Tokens] = {}
        wire = wire or AiohttpWire(settings or WireSettings(connect=2.0))
        opened.append((budget, wire))
        made = ChainParts(
            origin=Origin.of(url),
            org="desk:org",
            dialect=Desk(),
            credentials=credentials or (lambda principal: tokens.setdefault(principal, Tokens())),
            budget=budget,
            breakers=Breakers(clock, random.Random(7).random, breaker),
            wire=wire,
            clock=clock,
            random=random.Random(7).random,
            **parts,
        )
        return Connection(made, clock, tokens, budget)

    yield build
    for budget, wire in opened:
        await budget.aclose()
        await wire.aclose()
    await store.aclose()


@pytest.fixture
def reply():
    return answer


@pytest.fixture
def sleep_log():
    return SleepLog()


@pytest.fixture
def http_date():
    return lambda moment: datetime.fromtimestamp(moment, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


@pytest.fixture
def to_json():
    return lambda value: json.dumps(value).encode()


@dataclass
class TlsServer:
    url: str
    ca_file: str
    certificate: ClientCertificate
    requests: int = 0
    peers: list = field(default_factory=list)


@pytest_asyncio.fixture
async def tls_server(tmp_path) -> AsyncIterator[TlsServer]:
    certificate, key = self_signed()
    (tmp_path / "cert.pem").write_bytes(certificate)
    (tmp_path / "key.pem").write_bytes(key)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "cert.pem", tmp_path / "key.pem")
    context.verify_mode = ssl.CERT_OPTIONAL
    context.load_verify_locations(tmp_path / "cert.pem")

    async def serve(reader, writer):
        try:
            await reader.readuntil(b"\r\n\r\n")
            found.requests += 1
            found.peers.append(writer.get_extra_info("peercert"))
            writer.write(answer(Connection="close"))
            await writer.drain()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    port = server.sockets[0].getsockname()[1]
    shown = ClientCertificate(1, Secret(certificate.decode()), Secret(key.decode()), 9e9)
    found = TlsServer(f"https://127.0.0.1:{port}", str(tmp_path / "cert.pem"), shown)
    yield found
    server.close()


def self_signed():
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "desk")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private
