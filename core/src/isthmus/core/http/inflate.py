"""How many bytes does a compressed body really have?"""

import zlib

from isthmus.core.http.faults import Unreadable

__all__ = ["Body", "encoding_of"]

ACCEPTED = "gzip, deflate"
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
    """Collects a body and decompresses it as it comes, never holding more than `most` bytes of it."""

    def __init__(self, encoding: str, most: int) -> None:
        self._encoding = encoding
        self._most = most
        self._size = 0
        self._chunks: list[bytes] = []
        self._inflate = zlib.decompressobj(_GZIP if encoding == "gzip" else zlib.MAX_WBITS) if encoding else None
        self._begun = False

    def feed(self, chunk: bytes) -> None:
        """Take the next bytes of the wire.

        Raises:
            Unreadable: the body is too large, or not what its encoding says.
        """
        if self._inflate is None:
            self._keep(chunk)
            return
        try:
            self._expand(chunk)
        except zlib.error as error:
            raise Unreadable("its compression is broken") from error

    def whole(self) -> bytes:
        """Return the body after its last byte.

        Raises:
            Unreadable: the compressed data ends too early.
        """
        if self._inflate is not None and self._begun and not self._inflate.eof:
            raise Unreadable("its compression is broken")
        return self._chunks[0] if len(self._chunks) == 1 else b"".join(self._chunks)

    def _expand(self, chunk: bytes) -> None:
        inflate = self._inflate
        while chunk and inflate is not None:
            if inflate.eof:
                # A gzip body may have several members (RFC 1952 section 2.2).
                inflate = self._inflate = zlib.decompressobj(_GZIP if self._encoding == "gzip" else zlib.MAX_WBITS)
            try:
                plain = inflate.decompress(chunk, self._most - self._size + 1)
            except zlib.error:
                if self._begun or self._encoding == "gzip":
                    raise
                # Some servers send "deflate" without its zlib wrapper.
                inflate = self._inflate = zlib.decompressobj(-zlib.MAX_WBITS)
                plain = inflate.decompress(chunk, self._most - self._size + 1)
            self._begun = True
            self._keep(plain)
            chunk = inflate.unconsumed_tail or inflate.unused_data

    def _keep(self, plain: bytes) -> None:
        self._size += len(plain)
        if self._size > self._most:
            raise Unreadable(f"it has more than {self._most} bytes")
        if plain:
            self._chunks.append(plain)
