"""What does the gateway say before, and around, what the application server says?"""

import asyncio
import struct
from dataclasses import dataclass
from typing import Final

_CODE_PAGE: Final = slice(20, 24)
_UTF_16_LE: Final = b"4103"
_HEAD: Final = 80
_SAVED: Final = 12
"""The bytes behind the head of a logon that say, in EBCDIC, that RFC follows."""
_EYECATCHER: Final = bytes.fromhex("d9c6c3")
_LARGEST: Final = 64 << 20
_DATA: Final = 0xCB
_CONNECT: Final = 0x01
_INFO: Final = 0x0F
_DONE: Final = 0x05
_VERSIONS: Final = (0x03, 0x0B)


class Ended(Exception):
    """The client went away, or sent what no client sends."""


@dataclass(frozen=True, slots=True)
class Frame:
    """One message to the application server: the gateway's head and the records."""

    head: bytes
    body: bytes


class Conversation:
    """One client's conversation; answers to the gateway's own questions are given here."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        self._reader = reader
        self._writer = writer
        self._handle = f"{number:08d}".encode()

    async def next(self) -> Frame:
        """Return the next message for the application server; raises Ended."""
        while True:
            data = await self._read()
            if len(data) >= _HEAD and data[0] == 0x06 and data[1] == _DATA:
                return Frame(data[:_HEAD], data[_HEAD + _SAVED * data[_HEAD:].startswith(_EYECATCHER) :])
            await self._greet(data)

    async def answer(self, frame: Frame, body: bytes) -> None:
        """Send the records of an answer."""
        head = bytearray(frame.head)
        head[36:44] = self._handle
        head[56:64] = struct.pack(">II", len(body), 1)
        head[76:80] = bytes.fromhex("05000000")
        await self._write(bytes(head) + body)

    async def _greet(self, data: bytes) -> None:
        if len(data) == 64 and data[0] == 0x02 and data[1] in _VERSIONS:
            reply = bytearray(data)
            reply[_CODE_PAGE] = _UTF_16_LE
            await self._write(bytes(reply))
        elif len(data) >= 4 and data[0] == 0x06 and data[1] == _CONNECT:
            await self._write(bytes.fromhex("06010200ffff").ljust(40, b"\0") + self._handle + bytes(_HEAD - 48))
        elif len(data) >= 4 and data[0] == 0x06 and data[1] == _DONE:
            await self._write(data[:_HEAD])
        elif not (len(data) >= 4 and data[0] == 0x06 and data[1] == _INFO):
            raise Ended

    async def _read(self) -> bytes:
        try:
            (length,) = struct.unpack(">I", await self._reader.readexactly(4))
            if length > _LARGEST:
                raise Ended
            return await self._reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError) as error:
            raise Ended from error

    async def _write(self, payload: bytes) -> None:
        self._writer.write(struct.pack(">I", len(payload)) + payload)
        await self._writer.drain()
