"""How do compressed bodies travel, in requests and in answers?"""

import gzip
import zlib
from collections.abc import Mapping
from typing import Final

MAX_BODY: Final = 64 * 1024 * 1024
_WORTH_IT: Final = 1_024


class BadEncoding(Exception):
    """A body that is not what its Content-Encoding says, or too large when unpacked."""


def unpacked(body: bytes, headers: Mapping[str, str]) -> bytes:
    """Return the body as it was before its Content-Encoding; raises BadEncoding."""
    kind = headers.get("content-encoding", "identity").strip().lower()
    if kind == "identity" or not body:
        return body
    if kind not in ("gzip", "deflate"):
        raise BadEncoding(f"Content-Encoding {kind} is not known here; send gzip, deflate or none")
    unpacker = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)
    try:
        found = unpacker.decompress(body, MAX_BODY)
    except zlib.error:
        raise BadEncoding(f"the body is no {kind}") from None
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise BadEncoding(f"the body ends early, or holds more than {MAX_BODY} bytes when unpacked")
    return found


def packed(content: bytes, accepts: str, headers: dict[str, str]) -> bytes:
    """Return an answer's bytes as the client accepts them, and say so in `headers`; small ones stay as they are."""
    if len(content) < _WORTH_IT or "content-encoding" in headers or not _takes_gzip(accepts):
        return content
    headers["content-encoding"] = "gzip"
    headers["vary"] = "Accept-Encoding"
    return gzip.compress(content, compresslevel=1, mtime=0)


def packed_blanks(megabytes: int) -> bytes:
    """Return a small gzip body that is large when unpacked."""
    pack = zlib.compressobj(wbits=16 + zlib.MAX_WBITS)
    return b"".join([pack.compress(b" " * (1 << 20)) for _ in range(megabytes)]) + pack.flush()


def _takes_gzip(accepts: str) -> bool:
    for each in accepts.lower().split(","):
        name, _, weight = each.replace(" ", "").partition(";q=")
        if name in ("gzip", "*"):
            return weight.strip("0.") != "" if weight else True
    return False
