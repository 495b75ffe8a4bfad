import gzip
import json
import tracemalloc
import zlib

import httpx2
import pytest

from isthmus.core.credentials import JoinedSource, Secret, StaticCredential
from isthmus.core.credentials.credential import StaticSource
from isthmus.core.errors import ConfigurationError, CredentialError, RetryLater, UpstreamError
from isthmus.core.http import AiohttpWire, WireSettings, path
from isthmus.core.http.faults import Unreadable
from isthmus.core.http.inflate import Body, encoding_of

TICKET = path("/Ticket/{}", "1")
PROXY = "Proxy-Authorization"


def both(_principal):
    """A token for the system, and a password for the proxy before it."""
    kept = StaticSource("desk", lambda: Secret("token"), StaticCredential.bearer)
    proxy = StaticSource(
        "desk", lambda: Secret("Basic cHJveHk6cHc="), lambda number, value: StaticCredential(number, PROXY, value)
    )
    return JoinedSource(kept, proxy)


class Tokens:
    """A proxy's tokens, a new one for each that was refused."""

    def __init__(self):
        self.number = 1

    async def current(self):
        return StaticCredential(self.number, PROXY, Secret(f"Bearer token-{self.number}"))

    async def replace(self, spent):
        self.number = spent.generation + 1
        return await self.current()


PLAIN = json.dumps({"text": "x" * 5_000}).encode()


def raw_deflate(data):
    packer = zlib.compressobj(wbits=-zlib.MAX_WBITS)
    return packer.compress(data) + packer.flush()


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [
        ("gzip", gzip.compress),
        ("x-gzip", gzip.compress),
        ("deflate", zlib.compress),
        ("deflate", raw_deflate),
        ("identity", lambda data: data),
        ("gzip", lambda data: gzip.compress(data[:100]) + gzip.compress(data[100:])),
    ],
)
async def test_unpacks(connect, upstream, reply, encoding, pack):
    upstream.script.append(reply(200, pack(PLAIN), Content_Encoding=encoding))
    found = await connect(upstream.url).http().get(TICKET)
    assert found.body == PLAIN
    assert found.json() == json.loads(PLAIN)
    assert upstream.requests[0].headers["accept-encoding"] == "gzip, deflate"


def bomb(most):
    packer = zlib.compressobj(9, wbits=16 + zlib.MAX_WBITS)
    chunk = bytes(1 << 20)
    return b"".join(packer.compress(chunk) for _ in range(most >> 20)) + packer.flush()


async def test_a_bomb_is_cut_while_it_unpacks(connect, upstream, reply):
    upstream.script.append(reply(200, bomb(200 << 20), Content_Encoding="gzip"))
    connection = connect(upstream.url, settings=WireSettings(most=1 << 20))
    tracemalloc.start()
    with pytest.raises(UpstreamError) as caught:
        await connection.http().get(TICKET)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert caught.value.reason == "unreadable_answer"
    assert peak < 8 << 20
    assert len(upstream.requests) == 1


async def test_an_endless_plain_body_is_cut(connect, upstream):
    async def endless(writer):
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" " * 65_536)
            await writer.drain()

    upstream.script.append(endless)
    with pytest.raises(UpstreamError):
        await connect(upstream.url, settings=WireSettings(most=1 << 20)).http().get(TICKET)


@pytest.mark.parametrize("size", [1_000, 1_001])
async def test_a_short_body_that_says_its_length_is_bounded_too(connect, upstream, reply, size):
    upstream.script.append(reply(200, bytes(size)))
    reading = connect(upstream.url, settings=WireSettings(most=1_000)).http().get(TICKET)
    if size <= 1_000:
        assert len((await reading).body) == size
        return
    with pytest.raises(UpstreamError) as caught:
        await reading
    assert caught.value.reason == "unreadable_answer"


@pytest.mark.parametrize("encoding", ["br", "gzip, gzip", "gzip, br", "zstd", "compress"])
async def test_other_encodings_are_refused(connect, upstream, reply, encoding):
    upstream.script.append(reply(200, b"xx", Content_Encoding=encoding))
    with pytest.raises(UpstreamError):
        await connect(upstream.url).http().get(TICKET)


@pytest.mark.parametrize(
    "body",
    [b"not gzip at all", gzip.compress(PLAIN)[:-9], gzip.compress(PLAIN) + b"tail"],
    ids=["none", "cut off", "more behind it"],
)
def test_broken_compression_is_told(body):
    def unpack():
        found = Body("gzip", 1 << 20)
        found.feed(body)
        return found.whole()

    with pytest.raises(Unreadable):
        unpack()


def test_an_empty_body_is_empty_whatever_its_encoding():
    assert Body(encoding_of(["gzip"]), 10).whole() == b""


@pytest.mark.parametrize("due", [0, 1, 8, 9, 10, 1 << 40])
@pytest.mark.parametrize("chunks", [[], [b"x"], [b"abc", b"", b"defghi"]])
def test_a_body_is_what_came_whatever_was_due(due, chunks):
    body = Body("", 9, due)
    for chunk in chunks:
        body.feed(chunk)
    assert body.whole() == b"".join(chunks)
    assert Body("gzip", 9, due).whole() == b""
    with pytest.raises(Unreadable):
        body.feed(b"1234567890")


async def test_an_untrusted_certificate_is_told_and_not_retried(connect, tls_server):
    http = connect(tls_server.url).http("create")
    with pytest.raises(UpstreamError) as caught:
        await http.post(path("/Ticket"), json={})
    assert caught.value.reason == "unreachable"
    assert "certificate" in str(caught.value)
    assert (http.scope.meter.attempts, http.scope.meter.write_sent) == (1, False)
    assert tls_server.requests == 0


async def test_a_private_authority_can_be_named(connect, tls_server):
    connection = connect(tls_server.url, settings=WireSettings(ca_file=tls_server.ca_file))
    assert (await connection.http().get(TICKET)).status == 200


async def test_a_client_certificate_is_shown_where_one_is_set(connect, tls_server):
    trusting = WireSettings(ca_file=tls_server.ca_file)
    await connect(tls_server.url, settings=trusting).http().get(TICKET)
    known = WireSettings(ca_file=tls_server.ca_file, certificate=tls_server.certificate)
    await connect(tls_server.url, settings=known).http().get(TICKET)
    assert not tls_server.peers[0]
    assert tls_server.peers[1]["subject"] == ((("commonName", "desk"),),)


async def test_unusable_tls_files_are_told_when_the_connection_opens(tmp_path):
    with pytest.raises(ConfigurationError) as caught:
        AiohttpWire(WireSettings(ca_file=str(tmp_path / "missing.pem")))
    assert "ca_file" in str(caught.value)


async def test_a_proxy_is_used_where_one_is_set(connect, upstream):
    settings = WireSettings(proxy=upstream.url)
    await connect("http://desk.example", settings=settings, credentials=both).http().get(TICKET)
    assert upstream.requests[0].path == "http://desk.example/Ticket/1"
    assert upstream.requests[0].headers["proxy-authorization"] == "Basic cHJveHk6cHc="
    assert upstream.requests[0].headers["authorization"] == "Bearer token"


async def test_what_proves_us_to_a_proxy_goes_nowhere_else(connect, upstream):
    await connect(upstream.url, credentials=both).http().get(TICKET)
    assert "proxy-authorization" not in upstream.requests[0].headers


async def test_a_tunnel_is_asked_for_with_a_renewed_credential(connect, upstream, reply, sleep_log):
    upstream.script.append(reply(407))
    tokens = Tokens()
    connection = connect(
        "https://desk.example", settings=WireSettings(proxy=upstream.url), clock=sleep_log, credentials=lambda _: tokens
    )
    with pytest.raises(RetryLater):
        await connection.http().get(TICKET)
    first, second = (seen.headers["proxy-authorization"] for seen in upstream.requests[:2])
    assert (first, second) == ("Bearer token-1", "Bearer token-2")


async def test_a_proxy_that_refuses_has_let_nothing_through(connect, upstream, reply, sleep_log):
    upstream.script.extend([reply(407)] * 3)
    settings = WireSettings(proxy=upstream.url)
    http = connect("https://desk.example", settings=settings, clock=sleep_log, credentials=both).http("create")
    with pytest.raises(CredentialError, match="does not accept"):
        await http.post(path("/Ticket"), json={"secret": "value"})
    assert {seen.method for seen in upstream.requests} == {"CONNECT"}
    assert {seen.headers["proxy-authorization"] for seen in upstream.requests} == {"Basic cHJveHk6cHc="}
    assert not any(seen.body or "authorization" in seen.headers for seen in upstream.requests)
    assert not http.scope.meter.write_sent


async def test_a_large_body_is_sent_whole(connect, upstream):
    body = b"x" * (3 << 20)
    await connect(upstream.url).http("create").post(path("/Ticket"), content=body, headers={"content-type": "text/csv"})
    assert upstream.requests[0].body == body
    assert upstream.requests[0].headers["content-type"] == "text/csv"


async def test_any_httpx2_transport_can_be_the_wire(connect):
    async def app(request):
        if request.url.path == "/Ticket/1":
            return httpx2.Response(200, json={"host": request.headers["authorization"]})
        raise httpx2.ReadError("gone")

    connection = connect("https://desk.example", wire=httpx2.MockTransport(app))
    assert (await connection.http().get(TICKET)).json() == {"host": "Bearer token-1"}
    http = connection.http("create")
    with pytest.raises(UpstreamError):
        await http.post(path("/Ticket"), json={})
    assert (http.scope.meter.write_sent, http.scope.meter.write_answered) == (True, False)


async def test_a_cassette_stands_before_the_wire(connect, upstream):
    seen = []

    class Tape(httpx2.AsyncBaseTransport):
        def __init__(self, inner):
            self.inner = inner

        async def handle_async_request(self, request):
            seen.append(request.method)
            return await self.inner.handle_async_request(request)

    assert (await connect(upstream.url, cassette=Tape).http().get(TICKET)).status == 200
    assert seen == ["GET"]
    assert len(upstream.requests) == 1


async def test_names_that_do_not_resolve_send_nothing(connect, sleep_log):
    http = connect("http://nowhere.invalid", clock=sleep_log).http()
    with pytest.raises(RetryLater) as caught:
        await http.get(TICKET)
    assert "name" in str(caught.value)
