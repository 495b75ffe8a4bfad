"""How do bytes get to the system and back?"""

import asyncio
import io
import select
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, partial
from http import HTTPStatus
from typing import BinaryIO
from weakref import WeakSet

import aiohttp
import httpx2
from yarl import URL

from isthmus.core.credentials import ClientCertificate
from isthmus.core.errors import ConfigurationError
from isthmus.core.http.address import content_of
from isthmus.core.http.answer import LIGHT, Whole
from isthmus.core.http.faults import Broken, NotSent
from isthmus.core.http.inflate import ACCEPTED, Body, encoding_of
from isthmus.core.http.scope import Sending, sending_of
from isthmus.core.streams import Upload

__all__ = ["AiohttpWire", "Carrier", "ForeignWire", "WireSettings"]

USER_AGENT = "isthmus"
LARGEST = 32 << 20
"""Of the 64 MB that one answer may cost in all: its JSON takes as much again (`answer.HEAVIEST`)."""
LARGEST_FILE = 2 << 30
PORTION = 1 << 20
"""Bytes of a file that are read at a time."""
LONGEST_LINE = 8_190
MOST_HEADERS = 128
"""Of an answer, its trailers included; interim answers (1xx) have as many each, and no number of theirs is bounded."""
READ_AHEAD = 512 << 10
"""Bytes of an answer that wait to be read before its connection is paused, which takes as long as reading many."""
INLINE = 1 << 20
"""Above this aiohttp wants a body as a file, to write it without blocking the loop."""
_UNPACKED = (b"content-encoding", b"content-length", b"transfer-encoding")
_NO_TYPE = ("Content-Type",)
"""aiohttp would make one up for a body."""
_FOR_PROXY = b"proxy-authorization"
_NEVER = (b"accept-encoding", b"connection", b"transfer-encoding", _FOR_PROXY)


@dataclass(frozen=True, slots=True)
class WireSettings:
    """How one connection reaches its system; times in seconds.

    `most` bounds the decompressed bytes of an answer. `ca_file` replaces the machine's trusted authorities.
    `certificate` is shown to whoever asks for one.
    """

    connections: int = 100
    connect: float = 10.0
    idle: float = 60.0
    most: int = LARGEST
    ca_file: str | None = None
    certificate: ClientCertificate | None = field(default=None, repr=False)
    proxy: str | None = None

    def tls(self) -> ssl.SSLContext:
        """Build the TLS context.

        Raises:
            ConfigurationError: a file is missing or is not what it should be.
        """
        if self.certificate is None:
            return _shared_tls(self.ca_file)
        context = _tls(self.ca_file)
        try:
            self.certificate.load_into(context)
        except (OSError, ssl.SSLError) as error:
            raise ConfigurationError(
                f"The client certificate of the connection cannot be used ({type(error).__name__}); check "
                "`client_certificate` and `client_key`."
            ) from None
        return context


def _tls(ca_file: str | None) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file)
    except (OSError, ssl.SSLError) as error:
        raise ConfigurationError(
            f"The authorities of the connection cannot be used ({type(error).__name__}); check `ca_file`."
        ) from error


@cache
def _shared_tls(ca_file: str | None) -> ssl.SSLContext:
    """Build a context once for all connections that want the same: loading the authorities takes 30 ms."""
    return _tls(ca_file)


class _Stale(Exception):
    """A connection of the pool was closed meanwhile, or holds an answer that nobody asked for."""


_USED: WeakSet[object] = WeakSet()
"""Connections that have carried a request."""


def _stale(conn: aiohttp.connector.Connection) -> bool:
    """Look at a connection before it is used again: what came unasked would be read as the next request's answer.

    aiohttp looks for a closed one only, and only once the loop has heard of it.
    """
    protocol = conn.protocol
    if protocol not in _USED:
        _USED.add(protocol)
        return False
    sock = None if conn.transport is None else conn.transport.get_extra_info("socket")
    if protocol is None or protocol.should_close or sock is None:
        return True
    looking = select.poll()
    looking.register(sock, select.POLLIN)
    return bool(looking.poll(0))


class _Request(aiohttp.ClientRequest):
    """Tells when its first byte is about to leave: a connection, TLS included, stands by then."""

    leaving: Callable[[], None] | None = None

    async def send(self, conn: aiohttp.connector.Connection) -> aiohttp.ClientResponse:
        if _stale(conn):
            raise _Stale
        if self.leaving is not None:
            self.leaving()
        return await super().send(conn)


async def _once(
    leaving: Callable[[], None],
    request: aiohttp.ClientRequest,
    handler: Callable[[aiohttp.ClientRequest], Awaitable[aiohttp.ClientResponse]],
) -> aiohttp.ClientResponse:
    """Keep aiohttp from sending a PUT or DELETE again by itself: it does so only on these two kinds of error."""
    if isinstance(request, _Request):
        request.leaving = leaving
    try:
        while True:
            try:
                return await handler(request)
            except _Stale:
                # It is closed by now, and nothing has left; the next one is another, in the end a new one.
                continue
    except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError):
        raise
    except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError) as error:
        raise Broken("the connection was lost") from error


class Carrier(httpx2.AsyncBaseTransport):
    """A wire that tells `sending_of(request)` itself when the first byte leaves, and answers with a `Whole`.

    It raises what `AiohttpWire` raises: NotSent only while nothing has left.
    """


class AiohttpWire(Carrier):
    """aiohttp's connection pool under httpx2's types; redirects, cookies and the environment's proxies are left alone.

    Answers come back whole and decompressed.
    """

    def __init__(self, settings: WireSettings | None = None) -> None:
        self._settings = settings or WireSettings()
        self._tls = self._settings.tls()
        self._session: aiohttp.ClientSession | None = None
        self._untimed = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect)
        self._timed = aiohttp.ClientTimeout(
            total=None, sock_connect=self._settings.connect, sock_read=self._settings.idle
        )
        self._closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once.

        Raises:
            NotSent: no byte of the request left.
            Broken: it broke off later.
            Unreadable: the answer breaks a bound.
        """
        session = self._session or self._open()
        sending = sending_of(request)
        content = await content_of(request)
        named, tunnel = self._headers(request)
        soon = sending.scope.deadline.remaining() <= self._settings.idle
        left = False

        def leaving() -> None:
            nonlocal left
            left = True
            sending.sent()

        try:
            async with session.request(
                request.method,
                URL(str(request.url), encoded=True),
                headers=named,
                data=_data(sending, content),
                skip_auto_headers=_NO_TYPE if content or sending.file else None,
                allow_redirects=False,
                proxy=self._settings.proxy,
                proxy_headers=tunnel,
                middlewares=(partial(_once, leaving),),
                # The call is cut at its deadline anyway; a timer that could only fire later costs as much as a layer.
                timeout=self._untimed if soon else self._timed,
            ) as answer:
                into = sending.into if answer.status == HTTPStatus.OK else None
                plain = await self._body(answer, into)
        except aiohttp.ClientHttpProxyError as error:
            if error.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise _unsent(error) from error
            return Whole(error.status, [], b"", None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            if left:
                raise Broken(_how(error)) from error
            raise _unsent(error) from error
        headers = [pair for pair in answer.raw_headers if pair[0].lower() not in _UNPACKED]
        return Whole(answer.status, headers, plain, into.tell() if into else None)

    async def aclose(self) -> None:
        """Close all connections; what is still under way fails, and nothing opens them again."""
        self._closed = True
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def _body(self, answer: aiohttp.ClientResponse, into: BinaryIO | None) -> bytes:
        most, encoding = self._settings.most, encoding_of(answer.headers.getall("content-encoding", []))
        chunked = "transfer-encoding" in answer.headers
        if into is not None:
            most = LARGEST_FILE
        elif not (encoding or chunked) and (answer.content_length or most) < min(LIGHT, most):
            # It has the few bytes that it says: aiohttp reads no more, and does not take less for the whole.
            return await answer.content.read()
        with closing(Body(encoding, most, 0 if chunked else answer.content_length or 0, into)) as body:
            async for chunk in answer.content.iter_any():
                body.feed(chunk)
            return body.whole()

    def _headers(self, request: httpx2.Request) -> tuple[list[tuple[str, str]], dict[str, str] | None]:
        """Return the headers of the request, and those with which a proxy is asked for a tunnel.

        A credential for the proxy goes no further: without a tunnel the proxy reads it in the request itself.
        """
        raw = request.headers.raw
        named = [(name.decode("ascii"), value.decode("ascii")) for name, value in raw if name.lower() not in _NEVER]
        if self._settings.proxy is None:
            return named, None
        told = [value.decode("ascii") for name, value in raw if name.lower() == _FOR_PROXY]
        if request.url.scheme == "https":
            return named, {"Proxy-Authorization": told[0]} if told else None
        return [*named, *(("Proxy-Authorization", one) for one in told)], None

    def _open(self) -> aiohttp.ClientSession:
        if self._closed:
            raise NotSent("isthmus is closing", lasting=True)
        settings = self._settings
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=settings.connections, ssl=self._tls),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            request_class=_Request,
            read_bufsize=READ_AHEAD,
            headers={"User-Agent": USER_AGENT, "Accept-Encoding": ACCEPTED},
            max_line_size=LONGEST_LINE,
            max_field_size=LONGEST_LINE,
            max_headers=MOST_HEADERS,
        )
        return self._session


class ForeignWire(httpx2.AsyncBaseTransport):
    """Any other httpx2 transport as the wire: an ASGI app, or a cassette.

    It cannot tell the moment of the first byte, so a request counts as sent as soon as it is handed over.
    """

    def __init__(self, inner: httpx2.AsyncBaseTransport, *, most: int = LARGEST) -> None:
        self._inner = inner
        self._most = most

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once; raises what `AiohttpWire` raises."""
        sending = sending_of(request)
        sending.sent()
        try:
            response = await self._inner.handle_async_request(await _whole(request, sending))
            into = sending.into if response.status_code == HTTPStatus.OK else None
            most = self._most if into is None else LARGEST_FILE
            body = Body(encoding_of(response.headers.get_list("content-encoding")), most, into=into)
            if not isinstance(response.stream, httpx2.AsyncByteStream):
                raise Broken("the answer cannot be read asynchronously")
            with closing(body):
                async for chunk in response.stream:
                    body.feed(chunk)
                plain = body.whole()
            await response.aclose()
        except httpx2.TransportError as error:
            raise Broken("the connection was lost") from error
        headers = [pair for pair in response.headers.raw if pair[0].lower() not in _UNPACKED]
        return Whole(response.status_code, headers, plain, into.tell() if into else None)

    async def aclose(self) -> None:
        """Close the transport."""
        await self._inner.aclose()


def _data(sending: Sending, content: bytes) -> object:
    """Return what aiohttp is to send: nothing, bytes, or a file in portions."""
    if sending.file is not None:
        return _portions(sending, sending.file)
    return (content if len(content) < INLINE else io.BytesIO(content)) if content else None


async def _portions(sending: Sending, file: Upload) -> AsyncIterator[bytes]:
    yield sending.content
    with file.open() as source:
        while portion := await asyncio.to_thread(source.read, PORTION):
            yield portion
    yield sending.tail


async def _whole(request: httpx2.Request, sending: Sending) -> httpx2.Request:
    """Return a request with its file in its body, for a transport that knows nothing of files."""
    if sending.file is None:
        return request
    content = b"".join([portion async for portion in _portions(sending, sending.file)])
    return httpx2.Request(
        request.method, request.url, headers=request.headers, content=content, extensions=request.extensions
    )


def _unsent(error: Exception) -> NotSent:
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return NotSent("its name cannot be resolved")
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NotSent("its certificate is not trusted", lasting=True)
    if isinstance(error, aiohttp.ClientSSLError):
        return NotSent("TLS could not be agreed on")
    if isinstance(error, aiohttp.ClientHttpProxyError | aiohttp.ClientProxyConnectionError):
        return NotSent("the proxy does not let the connection through")
    if isinstance(error, TimeoutError):
        return NotSent("no connection came about in time")
    if isinstance(error, ValueError):
        return NotSent("the request is not valid HTTP", lasting=True)
    return NotSent("the connection was refused")


def _how(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "the answer stopped coming"
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.ClientPayloadError):
        return "the answer is not complete, valid HTTP"
    return "the connection was lost"
