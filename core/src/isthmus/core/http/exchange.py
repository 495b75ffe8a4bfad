"""How do one request and its answer pass over a connection of aiohttp's pool?

aiohttp's own session does that for any program: it follows redirects, keeps cookies, watches, and sends again. None of
that may happen here, and being ready for it costs twice as much as the exchange. Connections, TLS, proxies and the
parser of answers are aiohttp's.
"""

import asyncio
import select
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple
from weakref import WeakKeyDictionary

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.http import HttpProcessingError, RawResponseMessage, StreamWriter

__all__ = ["Exchange", "Line", "Outgoing", "head_of", "taken"]

LONGEST_LINE = 8_190
MOST_HEADERS = 128
"""Of an answer, its trailers included; interim answers (1xx) have as many each."""
INTERIM = frozenset(range(100, 200)) - {101}
MOST_INTERIM = 63
READ_AHEAD = 512 << 10
"""Bytes of an answer that wait to be read before its connection is paused, which takes as long as reading many."""

_WATCHES: WeakKeyDictionary[ResponseHandler, select.poll] = WeakKeyDictionary()
"""What looks at the sockets of connections that have carried a request."""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A request as it is written: `rest` follows `head` portion by portion, where it is too large for one piece."""

    method: str
    head: bytes
    rest: AsyncIterator[bytes] | None = None


def head_of(method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """Write the request line and the header lines (RFC 9112 sections 3 and 5).

    Raises:
        ValueError: a part holds what would end it early, so that a server would read another request than was meant.
    """
    first = b"%b %b HTTP/1.1" % (method.encode("ascii"), target)
    head = b"\r\n".join([first, *[b"%b: %b" % pair for pair in headers], b"\r\n"])
    lines = len(headers) + 2
    if head.count(b"\n") != lines or head.count(b"\r") != lines or b"\0" in head or first.count(b" ") != 2:
        raise ValueError("a request line or a header that holds a control character")
    return head


class Line(NamedTuple):
    """A connection taken out of the pool."""

    connection: aiohttp.connector.Connection
    protocol: ResponseHandler
    transport: asyncio.Transport


async def taken(pool: aiohttp.BaseConnector, way: aiohttp.ClientRequest, times: aiohttp.ClientTimeout) -> Line:
    """Take a connection out of the pool, or open one; `way` says where it leads.

    One that was used before is looked at first: what came unasked would be read as the next request's answer. aiohttp
    looks for a closed one only, and only once the loop has heard of it.

    Raises:
        aiohttp.ClientError, TimeoutError, OSError: none came about.
    """
    while True:
        connection = await pool.connect(way, [], times)
        protocol, transport = connection.protocol, connection.transport
        if protocol is None or transport is None:
            connection.close()
            raise aiohttp.ServerDisconnectedError
        watch = _WATCHES.get(protocol)
        if watch is None:
            watch = _WATCHES[protocol] = select.poll()
            watch.register(transport.get_extra_info("socket"), select.POLLIN)
            return Line(connection, protocol, transport)
        if not (protocol.should_close or watch.poll(0)):
            return Line(connection, protocol, transport)
        # Nothing has left on it; the next one is another, in the end a new one.
        connection.close()


class Exchange:
    """One request on a connection, and its answer; the connection goes back to the pool only when both are over.

    Use it as an async context manager. What it raises is aiohttp's, or HttpProcessingError for what is not HTTP.
    """

    def __init__(self, line: Line, outgoing: Outgoing, idle: float | None) -> None:
        """`idle` is how many seconds an answer may stand still."""
        self._line = line
        self._outgoing = outgoing
        self._idle = idle
        self._pouring: asyncio.Task[None] | None = None

    async def __aenter__(self) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
        """Send, and return the head of the answer and what its body is read from."""
        _, protocol, transport = self._line
        try:
            protocol.set_response_params(
                skip_payload=self._outgoing.method == "HEAD",
                read_until_eof=True,
                auto_decompress=False,
                read_timeout=self._idle,
                read_bufsize=READ_AHEAD,
                max_line_size=LONGEST_LINE,
                max_field_size=LONGEST_LINE,
                max_headers=MOST_HEADERS,
            )
            transport.write(self._outgoing.head)
            if self._outgoing.rest is None:
                protocol.start_timeout()
            else:
                # A system may refuse before it has read all: its answer is waited for meanwhile.
                self._pouring = asyncio.create_task(_pour(protocol, self._outgoing.rest))
            return await _answer(protocol)
        except BaseException:
            await self._close()
            raise

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        if kind is not None or (self._pouring is not None and not self._pouring.done()):
            await self._close()
        else:
            # Where something is left to be read, or the system wants no more of it, the pool closes it.
            self._line.connection.release()

    async def _close(self) -> None:
        self._line.connection.close()
        if self._pouring is not None:
            self._pouring.cancel()
            await asyncio.wait({self._pouring})


async def _answer(protocol: ResponseHandler) -> tuple[RawResponseMessage, aiohttp.StreamReader]:
    """Wait for the head of the answer, past those that only say that it will come (RFC 9110 section 15.2)."""
    for _ in range(MOST_INTERIM + 1):
        message, body = await protocol.read()
        if message.code not in INTERIM:
            return message, body
    raise HttpProcessingError(message="no end of interim answers")


async def _pour(protocol: ResponseHandler, portions: AsyncIterator[bytes]) -> None:
    """Write the portions as fast as they are taken; what goes wrong is raised where the answer is waited for."""
    writer = StreamWriter(protocol, asyncio.get_running_loop())
    try:
        async for portion in portions:
            await writer.write(portion)
    except Exception as error:  # noqa: BLE001 whoever waits for the answer raises it
        protocol.set_exception(error)
    else:
        protocol.start_timeout()
