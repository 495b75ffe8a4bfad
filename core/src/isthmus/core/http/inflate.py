"""How many bytes does a compressed body really have?"""

import io
import zlib
from typing import BinaryIO

from isthmus.core.http.faults import Unreadable

__all__ = ["ACCEPTED", "MOST_MEMBERS", "ROOM", "STEP", "Body", "encoding_of"]

ACCEPTED = "gzip, deflate"
STEP = 256 << 10
"""Bytes that are unpacked at a time: zlib needs twice the room of what it is allowed to give."""
ROOM = 4 << 20
"""Bytes that are set aside at once for a body that says how long it is; room that grows is copied as it does."""
MOST_MEMBERS = 1_000
"""A gzip body may have several members (RFC 1952 section 2.2); each costs a copy of what is left."""
_GZIP = 16 + zlib.MAX_WBITS


def encoding_of(values: list[str]) -> str:
    """Return the one content encoding of an answer; empty for none.

    Raises:
        Unreadable: there are several, or it was not asked for.
    """
    named = [name.strip().lower() for value in values for name in value.split(",")]
    named = ["gzip" if name == "x-gzip" else name for name in named if name not in ("", "identity")]
    if len(named) > 1 or (named and named[0] not in ("gzip", "deflate")):
        raise Unreadable("it has a content encoding that was not asked for")
    return named[0] if named else ""


class Body:
    """Collects a body and decompresses it as it comes, never holding more than `most` bytes of it.

    No more than `most` bytes of the wire are taken either, for compressed data need not grow at all.
    """

    def __init__(self, encoding: str, most: int, due: int = 0, into: BinaryIO | None = None) -> None:
        """Begin a body; one that is not encoded may say how many bytes are `due`.

        It goes into a file, if one is given, which then holds nothing else.
        """
        self._encoding = encoding
        self._most = most
        self._taken = 0
        self._members = 0
        # Unlike a list of chunks it gives the whole away without a copy.
        self._room = io.BytesIO()
        self._plain = self._room if into is None else into
        if into is not None:
            into.seek(0)
            into.truncate()
        elif due and not encoding:
            self._plain.seek(min(due, most, ROOM) - 1)
            self._plain.write(b"\0")
            self._plain.seek(0)
        self._inflate = zlib.decompressobj(_GZIP if encoding == "gzip" else zlib.MAX_WBITS) if encoding else None

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the wire.

        Raises:
            Unreadable: the body is too large, or not what its encoding says.
        """
        self._taken += len(chunk)
        if self._taken > self._most:
            raise self._too_large()
        if self._inflate is None:
            self._plain.write(chunk)
        elif chunk:
            try:
                self._expand(chunk)
            except zlib.error as error:
                raise Unreadable("its compression is broken") from error

    def whole(self) -> bytes:
        """Return the body after its last byte; nothing where it is in a file.

        Raises:
            Unreadable: the compressed data ends too early.
        """
        if self._inflate is not None and self._members and not self._inflate.eof:
            raise Unreadable("its compression is broken")
        self._plain.truncate()
        return self._room.getvalue()

    def close(self) -> None:
        """Let go of everything: whoever keeps an error of the reading would else keep the bytes as well."""
        self._room.close()

    def _expand(self, chunk: bytes) -> None:
        inflate = self._inflate
        while inflate is not None:
            try:
                plain = inflate.decompress(chunk, STEP)
            except zlib.error:
                if self._members or self._encoding == "gzip":
                    raise
                # Some servers send "deflate" without its zlib wrapper.
                inflate = self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                plain = inflate.decompress(chunk, STEP)
            self._members = self._members or 1
            if self._plain.tell() + len(plain) > self._most:
                raise self._too_large()
            self._plain.write(plain)
            chunk = inflate.unconsumed_tail or inflate.unused_data
            if inflate.eof and chunk:
                self._begin_member()
                inflate = self._inflate
            elif not chunk and len(plain) < STEP:
                return

    def _begin_member(self) -> None:
        self._members += 1
        if self._members > MOST_MEMBERS:
            raise Unreadable(f"it has more than {MOST_MEMBERS} compressed parts")
        self._inflate = zlib.decompressobj(_GZIP if self._encoding == "gzip" else zlib.MAX_WBITS)

    def _too_large(self) -> Unreadable:
        return Unreadable(f"it has more than {self._most} bytes")
