"""How do the orgs listen on loopback, and how is a connection dropped without an answer?"""

import asyncio
import contextlib
import json
import socket
import ssl
import tempfile
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import replace
from email.utils import formatdate
from types import TracebackType
from typing import IO, Protocol, Self, TypeAlias, cast
from urllib.parse import unquote

import uvicorn
from starlette.datastructures import Headers
from uvicorn.protocols.http.h11_impl import H11Protocol, RequestResponseCycle

from .encoding import BadEncoding, packed, unpacked
from .message import Json, Reply, Request, Stream

Message: TypeAlias = MutableMapping[str, object]
Spools: TypeAlias = Callable[[Request], bool]
"""Say whether the body of a request, of which only the head is known, may lie on disk."""
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
AsgiApp: TypeAlias = Callable[[Message, Receive, Send], Awaitable[None]]

DROPS = 10
_IN_MEMORY = 1 << 20
_HEAD = 131_072  # ServiceNow takes request lines of 64 KiB
DROP = "isthmus.sandbox.drop"
"""The ASGI extension under which the server offers to close the connection."""


class Handler(Protocol):
    """Answer one request, completely and without waiting."""

    def handle(self, request: Request) -> Reply:
        """Return the answer to this request."""
        ...


class Connections(Protocol):
    """Serve bare connections."""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one connection until it ends."""
        ...

    async def close(self) -> None:
        """End all connections."""
        ...


class HttpApp:
    """Carry requests between ASGI and a handler."""

    def __init__(self, handler: Handler, spools: Spools = lambda _: False) -> None:
        self.handler = handler
        self._spools = spools

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _request(scope)
        with contextlib.ExitStack() as opened:
            spool = opened.enter_context(tempfile.TemporaryFile()) if self._spools(request) else None
            request = await _with_body(request, receive, spool)
            try:
                reply = self.handler.handle(replace(request, body=unpacked(request.body, request.headers)))
            except BadEncoding as refusal:
                reply = Reply(400, str(refusal).encode(), media_type="text/plain")
        if reply.delay:
            await asyncio.sleep(reply.delay)
        if reply.dropped:
            await _drop(scope, receive)
            return
        await _answer(request, reply, send)


async def _with_body(request: Request, receive: Receive, spool: IO[bytes] | None) -> Request:
    """Return the request with its body: in memory, or in the spool where it is large and there is one."""
    parts: list[bytes] = []
    held, more, spilled = 0, True, False
    while more:
        message = await receive()
        if message["type"] != "http.request":
            break
        more = bool(message.get("more_body", False))
        parts.append(cast("bytes", message.get("body", b"")))
        held += len(parts[-1])
        if spool is not None and held > _IN_MEMORY:
            spool.writelines(parts)
            parts, held, spilled = [], 0, True
    if spool is None or not spilled:
        return replace(request, body=b"".join(parts))
    spool.writelines(parts)
    spool.flush()
    return replace(request, spool=spool)


def _request(scope: Message) -> Request:
    raw = cast("bytes | None", scope.get("raw_path")) or str(scope["path"]).encode()
    raw_path = raw.decode("latin-1").partition("?")[0]
    headers = Headers(raw=cast("list[tuple[bytes, bytes]]", list(cast("list[object]", scope["headers"]))))
    return Request(
        method=str(scope["method"]),
        path=unquote(raw_path),
        raw_path=raw_path,
        query_string=cast("bytes", scope["query_string"]).decode("latin-1"),
        headers={name: ", ".join(headers.getlist(name)) for name in headers},
        body=b"",
        scheme=str(scope.get("scheme", "http")),
    )


async def _drop(scope: Message, receive: Receive) -> None:
    extensions = cast("Mapping[str, Callable[[], None]]", scope.get("extensions") or {})
    close = extensions.get(DROP)
    if close is None:
        raise ConnectionResetError("the sandbox dropped this connection without an answer, as a fault asked it to")
    close()
    while (await receive())["type"] != "http.disconnect":
        continue


async def _answer(request: Request, reply: Reply, send: Send) -> None:
    if reply.stream is not None:
        await _stream(request, reply, reply.stream, send)
        return
    content = b"" if reply.empty else _encode(reply.body, pretty=request.headers.get("x-prettyprint") == "1")
    headers = {name.lower(): value for name, value in reply.headers.items()}
    if content:
        headers.setdefault("content-type", reply.media_type)
        content = packed(content, request.headers.get("accept-encoding", ""), headers)
    if reply.status not in (204, 304):
        headers["content-length"] = str(len(content))
    await send(_start(reply.status, headers, reply.cookies))
    content = await _drip(content, reply, send)
    await send({"type": "http.response.body", "body": b"" if request.method == "HEAD" else content})


async def _stream(request: Request, reply: Reply, stream: Stream, send: Send) -> None:
    """Send bytes piece by piece, as they are: they are packed already or not worth it."""
    headers = {name.lower(): value for name, value in reply.headers.items()}
    headers |= {"content-type": reply.media_type}
    if stream.size is not None:
        headers["content-length"] = str(stream.size)
    await send(_start(reply.status, headers))
    for place, chunk in enumerate(stream.chunks() if request.method != "HEAD" else ()):
        content = await _drip(chunk, reply, send) if place == 0 else chunk
        await send({"type": "http.response.body", "body": content, "more_body": True})
        await asyncio.sleep(0)  # a long stream must not keep other connections waiting
    await send({"type": "http.response.body", "body": b""})


def _start(status: int, headers: Mapping[str, str], cookies: Iterable[str] = ()) -> Message:
    # Recordings of the vendors write Content-Type, and a client in use (Airbyte's CDK) minds the case.
    dated = {"date": formatdate(usegmt=True), **headers}
    raw = [(name.title().encode("latin-1"), value.encode("latin-1")) for name, value in dated.items()]
    raw += [(b"Set-Cookie", each.encode("latin-1")) for each in cookies]
    return {"type": "http.response.start", "status": status, "headers": raw}


async def _drip(content: bytes, reply: Reply, send: Send) -> bytes:
    """Send the first bytes one by one, so that even a short body takes its time, and return the rest."""
    for drop in range(DROPS if reply.drip else 0):
        await send({"type": "http.response.body", "body": content[drop : drop + 1], "more_body": True})
        await asyncio.sleep(reply.drip / DROPS)
    return content[DROPS:] if reply.drip else content


def _encode(body: "Json | bytes", *, pretty: bool) -> bytes:
    if isinstance(body, bytes):
        return body
    if pretty:
        return json.dumps(body, indent=2, ensure_ascii=False).encode()
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


class _ClosableProtocol(H11Protocol):
    """Offer every request a way to close its own connection: a real end of the TCP stream, no status line."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        app = cast("AsgiApp", self.app)

        async def closable(scope: Message, receive: Receive, send: Send) -> None:
            extensions = cast("dict[str, object]", scope.setdefault("extensions", {}))
            extensions[DROP] = transport.close
            await app(scope, receive, send)

        self.app = cast("object", closable)

    def shutdown(self) -> None:
        """End an idle connection; over TLS without waiting for a farewell that a pooled client never reads."""
        super().shutdown()
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if (cycle is None or cycle.response_complete) and self.transport.get_extra_info("ssl_object") is not None:
            self.transport.abort()


class ServerThread:
    """Serve several apps from one thread, each on its own loopback port: those in `tls` over TLS.

    `streams` are served beside them, as bare connections whose heads have at most `head` bytes.
    """

    def __init__(
        self,
        apps: Mapping[str, AsgiApp],
        ports: Mapping[str, int],
        *,
        tls: Mapping[str, ssl.SSLContext],
        streams: Mapping[str, Connections],
        head: int,
    ) -> None:
        self._apps = apps
        self._wanted = ports
        self._tls = tls
        self._streams = streams
        self._head = head
        self._servers: list[uvicorn.Server] = []
        self._thread: threading.Thread | None = None
        self._stop: Callable[[], object] = lambda: None
        self.ports: dict[str, int] = {}

    def __enter__(self) -> Self:
        with contextlib.ExitStack() as opened:
            names = (*self._apps, *self._streams)
            sockets = {name: opened.enter_context(_listen(self._wanted.get(name, 0))) for name in names}
            opened.pop_all()
        self.ports = {name: sock.getsockname()[1] for name, sock in sockets.items()}
        self._servers = [uvicorn.Server(_config(app, self._tls.get(name))) for name, app in self._apps.items()]
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve(sockets, ready)), name="sandbox", daemon=True
        )
        self._thread.start()
        if not ready.wait(timeout=10):
            raise RuntimeError("the sandbox server did not start within 10 s; is the machine overloaded?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()
        if self._thread is not None:
            self._thread.join(timeout=10)

    async def _serve(self, sockets: Mapping[str, socket.socket], ready: threading.Event) -> None:
        loop, stopped = asyncio.get_running_loop(), asyncio.Event()
        self._stop = lambda: loop.call_soon_threadsafe(stopped.set)
        bare = [
            await asyncio.start_server(stream.serve, sock=sockets[name], limit=self._head)
            for name, stream in self._streams.items()
        ]
        running = [
            asyncio.create_task(server.serve(sockets=[sockets[name]]))
            for server, name in zip(self._servers, self._apps, strict=True)
        ]
        while not all(server.started for server in self._servers):  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.005)
        ready.set()
        await stopped.wait()
        for each in bare:
            each.close()
        for stream in self._streams.values():  # before the apps, whose connections may run through them
            await stream.close()
        for server in self._servers:
            server.should_exit = True
        await asyncio.gather(*running)


def _listen(port: int) -> socket.socket:
    # asyncio turns Nagle's algorithm off only on sockets that name their protocol.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1", port))
    except OSError:
        sock.close()
        raise
    return sock


def _config(app: AsgiApp, context: ssl.SSLContext | None) -> uvicorn.Config:
    config = uvicorn.Config(
        cast("Callable[..., object]", app),
        http=_ClosableProtocol,
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        date_header=False,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=_HEAD,
        timeout_keep_alive=75,  # clients that poll every five seconds must not meet a connection just closing
    )
    config.load()
    config.ssl = context  # uvicorn itself takes files only, and a key should not lie in one
    return config
