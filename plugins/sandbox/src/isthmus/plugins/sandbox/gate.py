"""How do clients that insist on the vendor's own names reach the sandbox, and nothing else?"""

import asyncio
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from .names import is_vendor_name

MAX_HEAD: Final = 8_192
"""How many bytes a request line and its headers may have."""

_PATIENCE: Final = 10.0
_KEPT: Final = 10_000
_CHUNK: Final = 65_536
_REQUEST: Final = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+) (\S+) HTTP/1\.[01]")
_AUTHORITY: Final = re.compile(r"([^:\s]+):(\d{1,5})")


@dataclass(frozen=True, slots=True)
class Asked:
    """One request at the gate: its first line's words as they came, and the answer's status."""

    method: str
    target: str
    status: int


class Gate:
    """Be an HTTP proxy that only opens tunnels (RFC 9110, section 9.3.6), and those only to the TLS port.

    The vendor's names on port 443 lead there; every other name is refused, so that a client behind the gate reaches
    nothing outside. The last 10,000 requests are kept.
    """

    def __init__(self) -> None:
        self._asked: deque[Asked] = deque(maxlen=_KEPT)
        self._open: set[asyncio.StreamWriter] = set()
        self._ended = asyncio.Event()
        self.tls_port = 0

    @property
    def asked(self) -> tuple[Asked, ...]:
        """Return what was asked so far, oldest first."""
        return tuple(self._asked)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one connection."""
        self._open.add(writer)
        try:
            await self._answer(reader, writer)
        except OSError:
            pass  # a side went away: there is nobody left to tell
        finally:
            writer.close()
            self._open.discard(writer)
            self._ended.set()

    async def close(self) -> None:
        """End all tunnels and wait until they have ended."""
        for writer in tuple(self._open):
            writer.transport.abort()
        while self._open:
            await self._ended.wait()
            self._ended.clear()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        method, target, status = await _read_head(reader)
        if status == HTTPStatus.OK:
            status = _judge(method, target)
        self._asked.append(Asked(method, target, status))
        if status != HTTPStatus.OK:
            await _refuse(writer, HTTPStatus(status))
            return
        inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self.tls_port)
        self._open.add(inner_writer)
        try:
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await asyncio.gather(_copy(reader, inner_writer), _copy(inner_reader, writer))
        finally:
            self._open.discard(inner_writer)
            inner_writer.close()


async def _read_head(reader: asyncio.StreamReader) -> tuple[str, str, int]:
    """Return method, target and 200, or the status that says what is wrong with the head."""
    try:
        async with asyncio.timeout(_PATIENCE):
            head = await reader.readuntil(b"\r\n\r\n")
    except TimeoutError:
        return "", "", HTTPStatus.REQUEST_TIMEOUT
    except asyncio.LimitOverrunError:
        return "", "", HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
    except asyncio.IncompleteReadError:
        return "", "", HTTPStatus.BAD_REQUEST
    match = _REQUEST.fullmatch(head.partition(b"\r\n")[0].decode("latin-1"))
    if match is None:
        return "", "", HTTPStatus.BAD_REQUEST
    return match.group(1), match.group(2), HTTPStatus.OK


def _judge(method: str, target: str) -> int:
    if method != "CONNECT":
        return HTTPStatus.METHOD_NOT_ALLOWED
    match = _AUTHORITY.fullmatch(target)
    if match is None:
        return HTTPStatus.BAD_REQUEST
    known = is_vendor_name(match.group(1)) and match.group(2) == "443"
    return HTTPStatus.OK if known else HTTPStatus.FORBIDDEN


async def _refuse(writer: asyncio.StreamWriter, status: HTTPStatus) -> None:
    said = f"This gate opens tunnels to the vendors' names on port 443 only: {status.phrase}.\n".encode()
    allow = "Allow: CONNECT\r\n" if status == HTTPStatus.METHOD_NOT_ALLOWED else ""
    head = f"HTTP/1.1 {status.value} {status.phrase}\r\n{allow}Content-Type: text/plain\r\n"
    writer.write(f"{head}Content-Length: {len(said)}\r\nConnection: close\r\n\r\n".encode() + said)
    await writer.drain()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry bytes one way until that way ends; the end is passed on."""
    try:
        while data := await reader.read(_CHUNK):
            writer.write(data)
            await writer.drain()
    finally:
        with suppress(OSError):
            writer.write_eof()
