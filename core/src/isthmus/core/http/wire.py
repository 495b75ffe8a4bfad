"""How do bytes get to the system and back?"""

import asyncio
import ssl
from asyncio import get_running_loop
from collections.abc import AsyncIterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache
from http import HTTPStatus
from typing import BinaryIO

import aiohttp
import httpx2
from aiohttp.http import HttpProcessingError, RawResponseMessage
from yarl import URL

from isthmus.core.credentials import ClientCertificate
from isthmus.core.errors import ConfigurationError
from isthmus.core.http.address import content_of
from isthmus.core.http.answer import LIGHT, Whole
from isthmus.core.http.exchange import Exchange, Outgoing, head_of, taken
from isthmus.core.http.faults import Broken, NotSent
from isthmus.core.http.inflate import ACCEPTED, Body, encoding_of
from isthmus.core.http.scope import Sending, sending_of

__all__ = ["AiohttpWire", "Carrier", "ForeignWire", "WireSettings"]

LARGEST = 32 << 20
"""Of the 64 MB that one answer may cost in all: its JSON takes as much again (`answer.HEAVIEST`)."""
LARGEST_FILE = 2 << 30
PORTION = 1 << 20
"""Bytes of a file that are read at a time."""
INLINE = 256 << 10
"""A body up to this is written in one piece with its head; a larger one waits for room, portion by portion."""
_UNPACKED = (b"content-encoding", b"content-length", b"transfer-encoding")
_FOR_PROXY = b"proxy-authorization"
_OURS = frozenset(
    {b"accept-encoding", b"connection", b"content-length", b"expect", b"transfer-encoding", b"upgrade", _FOR_PROXY}
)
_AGENT, _ACCEPTED = (b"user-agent", b"isthmus"), (b"accept-encoding", ACCEPTED.encode())
_WITH_BODY = ("POST", "PUT", "PATCH")


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
        self._pool: aiohttp.TCPConnector | None = None
        self._ways: dict[tuple[str, bytes], aiohttp.ClientRequest] = {}
        self._timeout = aiohttp.ClientTimeout(total=None, sock_connect=self._settings.connect)
        self._closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once.

        Raises:
            NotSent: no byte of the request left.
            Broken: it broke off later.
            Unreadable: the answer breaks a bound.
        """
        pool = self._pool or self._open()
        sending = sending_of(request)
        content = await content_of(request)
        idle: float | None = self._settings.idle
        if sending.scope.deadline.remaining() <= self._settings.idle:
            # The call is cut at its deadline anyway; a timer that could only fire later costs as much as a layer.
            idle = None
        try:
            outgoing = self._outgoing(request, sending, content)
            line = await taken(pool, self._way(request), self._timeout)
        except aiohttp.ClientHttpProxyError as error:
            if error.status != HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
                raise _unsent(error) from error
            return Whole(error.status, [], b"", None)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise _unsent(error) from error
        sending.sent()
        try:
            async with Exchange(line, outgoing, idle) as (message, body):
                into = sending.into if message.code == HTTPStatus.OK else None
                plain = await self._body(message, body, into)
        except (aiohttp.ClientError, HttpProcessingError, TimeoutError, OSError, ValueError) as error:
            raise Broken(_how(error)) from error
        headers = [pair for pair in message.raw_headers if pair[0].lower() not in _UNPACKED]
        return Whole(message.code, headers, plain, into.tell() if into else None)

    async def aclose(self) -> None:
        """Close all connections; what is still under way fails, and nothing opens them again."""
        self._closed = True
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _body(self, message: RawResponseMessage, body: aiohttp.StreamReader, into: BinaryIO | None) -> bytes:
        most, encoding = self._settings.most, encoding_of(message.headers.getall("content-encoding", []))
        chunked, due = "transfer-encoding" in message.headers, int(message.headers.get("content-length", 0))
        if into is not None:
            most = LARGEST_FILE
        elif not (encoding or chunked) and (due or most) < min(LIGHT, most):
            # It has the few bytes that it says: aiohttp reads no more, and does not take less for the whole.
            return await body.read()
        with closing(Body(encoding, most, 0 if chunked else due, into)) as unpacked:
            async for chunk in body.iter_any():
                unpacked.feed(chunk)
            return unpacked.whole()

    def _outgoing(self, request: httpx2.Request, sending: Sending, content: bytes) -> Outgoing:
        """Write the request; headers that concern the connection are ours, and a proxy's credential is its own.

        Without a tunnel the proxy reads it in the request itself.
        """
        url, method, unsafe = request.url, request.method, _OURS
        target = url.raw_path
        if self._settings.proxy is not None and url.scheme == "http":
            target, unsafe = b"http://%b%b" % (url.netloc, target), _OURS - {_FOR_PROXY}
        headers = [pair for pair in request.headers.raw if pair[0].lower() not in unsafe]
        if not any(name.lower() == b"user-agent" for name, _ in headers):
            headers.append(_AGENT)
        headers.append(_ACCEPTED)
        size = len(content) + (sending.file.size + len(sending.tail) if sending.file else 0)
        if size or method in _WITH_BODY:
            headers.append((b"content-length", b"%d" % size))
        head = head_of(method, target, headers)
        if sending.file is None and len(content) <= INLINE:
            return Outgoing(method, head + content)
        return Outgoing(method, head, _portions(sending, content))

    def _way(self, request: httpx2.Request) -> aiohttp.ClientRequest:
        """Return what the pool knows the way by: scheme, host and port, and the proxy with its credential."""
        url, proxy = request.url, self._settings.proxy
        if proxy is None and (known := self._ways.get((url.scheme, url.netloc))) is not None:
            return known
        if url.scheme not in ("http", "https"):
            raise ValueError(url.scheme)
        root = URL(f"{url.scheme}://{url.netloc.decode('ascii')}/", encoded=True)
        if proxy is None:
            way = self._ways[url.scheme, url.netloc] = aiohttp.ClientRequest("GET", root, loop=get_running_loop())
            return way
        told = request.headers.get("proxy-authorization") if url.scheme == "https" else None
        tunnel = {"Proxy-Authorization": told} if told else None
        return aiohttp.ClientRequest("GET", root, loop=get_running_loop(), proxy=URL(proxy), proxy_headers=tunnel)

    def _open(self) -> aiohttp.TCPConnector:
        if self._closed:
            raise NotSent("isthmus is closing", lasting=True)
        self._pool = aiohttp.TCPConnector(limit=self._settings.connections, ssl=self._tls)
        return self._pool


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


async def _portions(sending: Sending, content: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(content), PORTION):
        yield content[start : start + PORTION]
    if sending.file is not None:
        with sending.file.open() as source:
            while portion := await asyncio.to_thread(source.read, PORTION):
                yield portion
        yield sending.tail


async def _whole(request: httpx2.Request, sending: Sending) -> httpx2.Request:
    """Return a request with its file in its body, for a transport that knows nothing of files."""
    if sending.file is None:
        return request
    content = b"".join([portion async for portion in _portions(sending, sending.content)])
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
    if isinstance(error, HttpProcessingError | aiohttp.ClientPayloadError):
        return "the answer is not complete, valid HTTP"
    return "the connection was lost"
