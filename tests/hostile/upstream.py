"""An upstream that can send anything, byte by byte; where there is an honest org behind it, all else goes there."""

import asyncio
import json
import re
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from urllib.parse import unquote_plus

JSON = "application/json;charset=UTF-8"


def answer(status: int = 200, body: object = b"{}", *more: str, kind: str = JSON, length: int | None = None) -> bytes:
    """Return a whole answer; anything but bytes is sent as JSON, and `length` may lie."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    lines = [f"HTTP/1.1 {status} X", f"Content-Type: {kind}", *more]
    if length is None or length >= 0:
        lines.append(f"Content-Length: {len(content) if length is None else length}")
    return "\r\n".join([*lines, "", ""]).encode("utf-8", "surrogateescape") + content


@dataclass
class Asked:
    """One request as it came in."""

    method: str
    target: str
    headers: dict[str, str]
    head: bytes
    body: bytes = b""

    @property
    def path(self) -> str:
        return unquote_plus(self.target)


@dataclass
class Exchange:
    """One request, and the way back to whoever asked."""

    asked: Asked
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    upstream: "Upstream"

    async def send(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def stream(self, head: bytes, chunk: bytes, times: int = 1 << 62) -> None:
        """Send a head and one chunk over and over, as long as somebody reads."""
        await self.send(head)
        for _ in range(times):
            if self.writer.is_closing():
                return
            await self.send(chunk)

    def close(self) -> None:
        self.writer.close()

    async def honest(self) -> bytes:
        """Return what the honest org behind answers; it has done then what was asked."""
        host, port = self.upstream.behind
        reader, writer = await asyncio.open_connection(host, port)
        head = re.sub(rb"\r\n[Cc]onnection:[^\r]*", b"", self.asked.head)
        writer.write(head.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n") + self.asked.body)
        found = await reader.read()
        writer.close()
        return re.sub(rb"\r\n[Cc]onnection: close", b"", found, count=1)


Lie = Callable[[Exchange], Awaitable[None]]


@dataclass
class Told:
    """When to lie: `early` answers before the body of the request is read; after `times` the truth returns."""

    method: str
    path: str
    lie: Lie
    times: int
    early: bool

    def fits(self, asked: Asked) -> bool:
        return self.times > 0 and self.method in ("", asked.method) and re.search(self.path, asked.path) is not None


@dataclass
class Upstream:
    """Listens on one loopback port; `lies` are tried in turn, then the org `behind` is asked, else `{}` is said."""

    behind: tuple[str, int] = ("", 0)
    asked: list[Asked] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    tls: bool = False
    told: list[Told] = field(default_factory=list)
    faults: list[BaseException] = field(default_factory=list)
    serving: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}"

    def lies(self, lie: Lie | bytes, method: str = "", path: str = "", times: int = 1 << 30, early: bool = False):
        self.told.append(Told(method, path, says(lie) if isinstance(lie, bytes) else lie, times, early))

    def was_asked(self, method: str = "", path: str = "") -> list[Asked]:
        return [one for one in self.asked if method in ("", one.method) and re.search(path, one.path)]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while not writer.is_closing():
                await self._one(reader, writer)
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError, ssl.SSLError):
            pass
        except Exception as error:
            self.faults.append(error)
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").rstrip().split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        asked = Asked(*first.split(" ")[:2], headers, head)
        told = next((one for one in self.told if one.fits(asked)), None)
        self.asked.append(asked)
        if told is None or not told.early:
            asked.body = await reader.readexactly(int(headers.get("content-length", 0)))
        exchange = Exchange(asked, reader, writer, self)
        if told is not None:
            told.times -= 1
            await told.lie(exchange)
        else:
            await exchange.send(await exchange.honest() if self.behind[1] else answer())

    @asynccontextmanager
    async def listening(
        self, host: str = "127.0.0.1", context: ssl.SSLContext | None = None
    ) -> AsyncIterator["Upstream"]:
        self.tls = context is not None

        def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            task = asyncio.ensure_future(self.serve(reader, writer))
            self.serving.add(task)
            task.add_done_callback(self.serving.discard)

        server = await asyncio.start_server(accept, host, self.port, ssl=context, limit=1 << 20)
        self.port = server.sockets[0].getsockname()[1]
        try:
            yield self
        finally:
            server.close()
            for task in tuple(self.serving):
                task.cancel()
            await asyncio.gather(*self.serving, return_exceptions=True)
        assert not self.faults


def says(data: bytes, *, close: bool = False) -> Lie:
    async def lie(exchange: Exchange) -> None:
        await exchange.send(data)
        if close:
            exchange.close()

    return lie


def after_doing(lie: Lie) -> Lie:
    """Do what was asked, then lie about it."""

    async def done_first(exchange: Exchange) -> None:
        await exchange.honest()
        await lie(exchange)

    return done_first


async def hangs(exchange: Exchange) -> None:
    """Never answer, until the other side hangs up."""
    await exchange.reader.read()
    exchange.close()
