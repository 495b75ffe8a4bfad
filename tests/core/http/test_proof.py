"""Is a principal known by its own certificate and its own further credentials, and is none of them shown elsewhere?"""

import asyncio
import json
import ssl
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

from isthmus.core.caller import Principal
from isthmus.core.config import ConnectionConfig
from isthmus.core.credentials import SealingKey, Secret, SecretResolver, SQLiteSecretStore
from isthmus.core.errors import ConfigurationError, CredentialError
from isthmus.core.http import AiohttpWire, Origin, path
from isthmus.core.proof import Prover

TICKET = path("/Ticket/{}", "1")
ANNA, BEN, SERVICE = Principal("desk", "anna"), Principal("desk", "ben"), Principal("desk")


class Authority:
    """Issues certificates for servers and for people."""

    def __init__(self):
        self.key, self.name = ec.generate_private_key(ec.SECP256R1()), name_of("authority")
        # What Python 3.13 asks of certificates (VERIFY_X509_STRICT): both key identifiers, and what an authority's may sign.
        self.known_by = x509.SubjectKeyIdentifier.from_public_key(self.key.public_key())
        signs = x509.KeyUsage(*(name == 5 for name in range(7)), encipher_only=False, decipher_only=False)
        constraints = x509.BasicConstraints(ca=True, path_length=0)
        self.root = self.sign(self.name, self.key, (constraints, True), (signs, True), (self.known_by, False))

    @property
    def pem(self):
        return self.root.public_bytes(Encoding.PEM).decode()

    def sign(self, subject, key, *extensions, days=1):
        now = datetime.now(UTC)
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + timedelta(days=days))
        )
        issuer = x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(self.known_by)
        for extension, critical in (*extensions, (issuer, False)):
            builder = builder.add_extension(extension, critical=critical)
        return builder.sign(self.key, hashes.SHA256())

    def issue(self, subject, days=1):
        """Return a certificate and its key in PEM."""
        key = ec.generate_private_key(ec.SECP256R1())
        host = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
        found = self.sign(name_of(subject), key, (host, False), days=days)
        private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        return found.public_bytes(Encoding.PEM).decode(), private.decode()


def name_of(text):
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


@dataclass
class Seen:
    peer: str
    serial: str
    path: str
    headers: dict
    form: str


@dataclass
class Guarded:
    """A server that asks who connects; tokens are `token-1` and so on; a serial in `revoked` is answered 401."""

    url: str = ""
    ca_file: str = ""
    seen: list = field(default_factory=list)
    open: dict = field(default_factory=dict)
    closed: dict = field(default_factory=dict)
    revoked: set = field(default_factory=set)
    hold: asyncio.Event = field(default_factory=asyncio.Event)
    held: asyncio.Event = field(default_factory=asyncio.Event)

    async def serve(self, reader, writer):
        try:
            known = writer.get_extra_info("peercert") or {}
            peer = next((value for ((name, value),) in known.get("subject", ()) if name == "commonName"), "")
            self.open[writer] = known.get("serialNumber", "")
            while head := await reader.readuntil(b"\r\n\r\n"):
                await self.one(head.decode("latin-1"), reader, writer, peer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            serial = self.open.pop(writer, "")
            if serial not in self.open.values():
                self.closed.setdefault(serial, asyncio.Event()).set()
            writer.close()

    async def one(self, head, reader, writer, peer):
        first, *lines = head.rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        form = (await reader.readexactly(int(headers.get("content-length", 0)))).decode()
        self.seen.append(Seen(peer, self.open[writer], first.split(" ")[1], headers, form))
        if "slow=" in first:
            self.held.set()
            await self.hold.wait()
        token = {"access_token": f"token-{len(self.seen)}", "token_type": "Bearer", "expires_in": 3600}
        body = json.dumps(token if "/token" in first else {}).encode()
        status = 401 if self.open[writer] in self.revoked else 200
        writer.write(
            f"HTTP/1.1 {status} X\r\nContent-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()


@pytest.fixture(scope="module")
def authority():
    return Authority()


@pytest_asyncio.fixture
async def guard(tmp_path, authority):
    """Start guarded servers; with `demanding` only a certificate of the authority's gets in."""
    servers = []
    (tmp_path / "ca.pem").write_text(authority.pem)

    async def start(*, demanding=True, tls=True):
        (tmp_path / "server.pem").write_text("".join(authority.issue("server")))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(tmp_path / "server.pem")
        context.load_verify_locations(tmp_path / "ca.pem")
        context.verify_mode = ssl.CERT_REQUIRED if demanding else ssl.CERT_OPTIONAL
        found = Guarded(ca_file=str(tmp_path / "ca.pem"))
        server = await asyncio.start_server(found.serve, "127.0.0.1", 0, ssl=context if tls else None)
        servers.append(server)
        port = server.sockets[0].getsockname()[1]
        found.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}"
        return found

    yield start
    for server in servers:
        server.close()


@pytest.fixture
def secrets(tmp_path, sleep_log):
    with SQLiteSecretStore(tmp_path / "secrets.db", SealingKey(SealingKey.generate()), zone="eu") as store:
        yield store


@pytest_asyncio.fixture
async def prove(tmp_path, connect, secrets, sleep_log):
    """Open a connection by its settings."""
    async with AsyncExitStack() as stack:

        async def opened(url, **settings):
            config = ConnectionConfig.model_validate(
                {"connector": "desk", "url": url, "zone": "eu", "ca_file": str(tmp_path / "ca.pem"), **settings}
            )
            prover = Prover(
                name="desk",
                settings=config,
                origin=Origin.of(url),
                resolver=SecretResolver(secrets, {}, folder=tmp_path),
                store=secrets,
                kinds={},
                make=lambda _, wire: AiohttpWire(wire),
                clock=sleep_log,
                stack=stack,
            )
            proof = await prover.proof()
            return connect(url, wire=proof.wire, credentials=proof.credentials)

        yield opened


CERTIFICATE = {"client_certificate": "sealed:desk.certificate", "client_key": "sealed:desk.key"}


@pytest.fixture
def give(secrets, authority):
    """Give somebody a certificate."""

    def give(who="", subject=None, **more):
        chain, key = authority.issue(subject or who or "machine", **more)
        secrets.set_secret("desk.certificate", Secret(chain), user=who)
        secrets.set_secret("desk.key", Secret(key), user=who)

    return give


async def test_two_people_are_known_by_their_own_certificates(guard, prove, give):
    server = await guard()
    give("anna")
    give("ben")
    connection = await prove(server.url, identity="user", auth={"kind": "client_certificate", **CERTIFICATE})
    for _ in range(3):
        asked = ANNA, BEN, BEN, ANNA, ANNA
        await asyncio.gather(*(connection.http(principal=one).get(TICKET, params={"me": one.user}) for one in asked))
    assert len(server.seen) == 15
    assert all(seen.path == f"/Ticket/1?me={seen.peer}" for seen in server.seen)
    assert all("authorization" not in seen.headers for seen in server.seen)


async def test_a_person_without_a_certificate_never_shows_the_machines_or_anothers(guard, prove, give):
    server = await guard(demanding=False)
    give()
    give("anna")
    connection = await prove(server.url, identity="user", auth={"kind": "client_certificate", **CERTIFICATE})
    await connection.http(principal=ANNA).get(TICKET)
    with pytest.raises(CredentialError, match=r"isthmus secret set desk\.certificate --user ben") as caught:
        await connection.http(principal=BEN).get(TICKET)
    assert caught.value.reason == "reauth_required"
    assert [seen.peer for seen in server.seen] == ["anna"]


async def test_a_certificate_is_replaced_under_load_and_no_call_fails(guard, prove, give, sleep_log):
    server = await guard()
    give("anna", "first")
    connection = await prove(server.url, identity="user", auth={"kind": "client_certificate", **CERTIFICATE})
    slow = asyncio.create_task(connection.http(principal=ANNA).get(TICKET, params={"slow": "1"}))
    await server.held.wait()

    async def work():
        for _ in range(20):
            assert (await connection.http(principal=ANNA).get(TICKET)).status == 200

    async def rotate():
        await asyncio.sleep(0.05)
        give("anna", "second")
        await sleep_log.sleep(31)

    await asyncio.gather(rotate(), *(work() for _ in range(12)))
    assert {seen.peer for seen in server.seen} == {"first", "second"}
    assert server.seen[-1].peer == "second"
    server.hold.set()
    assert (await slow).status == 200
    assert [seen.peer for seen in server.seen if "slow=" in seen.path] == ["first"]
    old = next(seen.serial for seen in server.seen if seen.peer == "first")
    async with asyncio.timeout(5):
        await server.closed.setdefault(old, asyncio.Event()).wait()
    assert old not in server.open.values()


async def test_a_certificate_that_is_refused_is_looked_up_again_at_once(guard, prove, give):
    server = await guard()
    give("anna", "first")
    connection = await prove(server.url, identity="user", auth={"kind": "client_certificate", **CERTIFICATE})
    await connection.http(principal=ANNA).get(TICKET)
    server.revoked.add(server.seen[0].serial)
    with pytest.raises(CredentialError, match="set a valid one"):
        await connection.http(principal=ANNA).get(TICKET)
    give("anna", "second")
    await connection.http(principal=ANNA).get(TICKET)
    assert server.seen[-1].peer == "second"


async def test_a_half_set_pair_leaves_the_old_one_in_use(guard, prove, give, secrets, sleep_log, authority):
    server = await guard()
    give("anna", "first")
    connection = await prove(server.url, identity="user", auth={"kind": "client_certificate", **CERTIFICATE})
    await connection.http(principal=ANNA).get(TICKET)
    chain, key = authority.issue("second")
    secrets.set_secret("desk.certificate", Secret(chain), user="anna")
    await sleep_log.sleep(31)
    await connection.http(principal=ANNA).get(TICKET)
    secrets.set_secret("desk.key", Secret(key), user="anna")
    await sleep_log.sleep(31)
    await connection.http(principal=ANNA).get(TICKET)
    assert [seen.peer for seen in server.seen] == ["first", "first", "second"]


@pytest.mark.parametrize(("days", "sentence"), [(-1, "expired on"), (None, "not a certificate"), (0, "do not belong")])
async def test_an_unusable_certificate_is_told_and_nothing_is_sent(guard, prove, give, secrets, days, sentence):
    server = await guard(demanding=False)
    give(days=1 if days is None else days or 1)
    if days is None:
        secrets.set_secret("desk.key", Secret("CANARY"))
    if days == 0:
        secrets.set_secret("desk.key", Secret(Authority().issue("other")[1]))
    connection = await prove(server.url, auth={"kind": "client_certificate", **CERTIFICATE})
    with pytest.raises(ConfigurationError, match=sentence) as caught:
        await connection.http().get(TICKET)
    assert "CANARY" not in str(caught.value)
    assert not server.seen


async def test_the_machines_certificate_is_shown_to_the_system_and_not_to_the_token_endpoint(
    guard, prove, give, secrets
):
    system, idp = await guard(), await guard(demanding=False)
    give()
    secrets.set_secret("desk.secret", Secret("CANARY-secret"))
    auth = {"kind": "client_credentials", "client_id": "c", "client_secret": "sealed:desk.secret"}
    connection = await prove(system.url, auth={**auth, "token_endpoint": f"{idp.url}/token"}, **CERTIFICATE)
    await connection.http().get(TICKET)
    assert [(seen.peer, seen.headers["authorization"]) for seen in system.seen] == [("machine", "Bearer token-1")]
    assert [seen.peer for seen in idp.seen] == [""]


async def test_a_client_is_known_to_the_token_endpoint_by_mutual_tls_alone(guard, prove, give, sleep_log):
    system, idp = await guard(demanding=False), await guard()
    give(subject="client-one")
    auth = {
        "kind": "client_credentials",
        "token_endpoint": f"{idp.url}/token",
        "client_id": "c",
        "token_endpoint_auth_method": "tls_client_auth",
    }
    connection = await prove(system.url, auth={**auth, **CERTIFICATE})
    await connection.http().get(TICKET)
    assert (idp.seen[0].peer, "authorization" in idp.seen[0].headers) == ("client-one", False)
    assert sorted(idp.seen[0].form.split("&")) == ["client_id=c", "grant_type=client_credentials"]
    assert [(seen.peer, seen.headers["authorization"]) for seen in system.seen] == [("", "Bearer token-1")]
    give(subject="client-two")
    await sleep_log.sleep(3600)
    await connection.http().get(TICKET)
    assert idp.seen[-1].peer == "client-two"


def principal_propagation(idp, proxy):
    """A person's token for the system behind, and the service's own for the proxy before it."""
    client = {"client_id": "c", "client_secret": "sealed:desk.secret", "token_endpoint": f"{idp.url}/token"}
    return {
        "identity": "user",
        "proxy": proxy.url,
        "auth": {"kind": "jwt_assertion", "header": "X-Behind", "assertion": "sealed:desk.jwt", **client},
        "also": {
            "proxy": {
                "identity": "service",
                "auth": {"kind": "client_credentials", "header": "Proxy-Authorization", **client},
            }
        },
    }


@pytest_asyncio.fixture
async def propagated(guard, prove, secrets):
    proxy, idp = await guard(tls=False), await guard(demanding=False)
    secrets.set_secret("desk.secret", Secret("CANARY-secret"))
    secrets.set_secret("desk.jwt", Secret("CANARY-jwt-anna"), user="anna")
    return await prove("http://virtual.internal:44300", **principal_propagation(idp, proxy)), proxy, idp


async def test_a_persons_token_travels_beside_the_proxys(propagated):
    connection, proxy, idp = propagated
    await connection.http(principal=ANNA).get(TICKET)
    (seen,) = proxy.seen
    assert seen.path == "http://virtual.internal:44300/Ticket/1"
    assert seen.headers["x-behind"] == "Bearer token-1"
    assert seen.headers["proxy-authorization"] == "Bearer token-2"
    assert "authorization" not in seen.headers
    assert ["CANARY-jwt-anna" in one.form for one in idp.seen] == [True, False]


async def test_a_person_without_a_token_does_not_pass_the_proxy_as_the_service(propagated, secrets):
    connection, proxy, idp = propagated
    await connection.http(principal=ANNA).get(TICKET)
    secrets.set_secret("desk.jwt", Secret("CANARY-technical"))
    with pytest.raises(CredentialError, match=r"isthmus secret set desk\.jwt --user ben"):
        await connection.http(principal=BEN).get(TICKET)
    with pytest.raises(CredentialError, match="names no person"):
        await connection.http(principal=SERVICE).get(TICKET)
    assert len(proxy.seen) == 1
    assert not any("CANARY-technical" in one.form for one in idp.seen)


async def test_a_further_credential_of_a_person_is_their_own(guard, prove, secrets):
    server = await guard(demanding=False)
    for name, who in (("a", "anna"), ("b", "anna"), ("a", "ben"), ("b", "")):
        secrets.set_secret(f"desk.{name}", Secret(f"CANARY-{name}-{who}"), user=who)
    first = {"kind": "bearer", "token": "sealed:desk.a"}
    further = {"kind": "bearer", "token": "sealed:desk.b", "header": "X-Further"}
    connection = await prove(server.url, identity="user", auth=first, also={"further": {"auth": further}})
    await connection.http(principal=ANNA).get(TICKET)
    with pytest.raises(CredentialError, match=r"isthmus secret set desk\.b --user ben"):
        await connection.http(principal=BEN).get(TICKET)
    (seen,) = server.seen
    assert (seen.headers["authorization"], seen.headers["x-further"]) == (
        "Bearer CANARY-a-anna",
        "Bearer CANARY-b-anna",
    )


def basic(header):
    return {"kind": "basic", "username": "u", "password": "sealed:p", "header": header}


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        ({"also": {"x": {"auth": basic("authorization")}}}, "two credentials go into header authorization"),
        ({"also": {"x": {"auth": basic("Proxy-Authorization")}}}, "`proxy` names none"),
        ({"also": {"x": {"identity": "user", "auth": basic("X-Two")}}}, "a person needs a connection"),
        ({"also": {"x": {"auth": {"kind": "client_certificate", **CERTIFICATE}}}}, "one certificate"),
        ({"auth": {"kind": "client_certificate", **CERTIFICATE}, **CERTIFICATE}, "one certificate"),
        ({"also": {"x": {"auth": {"kind": "made_up"}}}}, r"connections\.desk\.also\.x\.auth\.kind: 'made_up'"),
    ],
)
async def test_settings_that_contradict_each_other_are_refused(prove, tmp_path, authority, settings, sentence):
    (tmp_path / "ca.pem").write_text(authority.pem)
    with pytest.raises(ConfigurationError, match=sentence):
        await prove("https://127.0.0.1:1", **{"auth": basic("Authorization"), **settings})
