"""What does the target of a request name (RFC 9112 section 3.2), if no two servers can read it differently?"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import parse_qsl, unquote

import httpx2

from isthmus.core.http.path import ENCODED

__all__ = ["METHOD_OVERRIDES", "parameters", "read_parameters", "segments"]

METHOD_OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})
"""Headers by which some servers take another method than the one of the request line."""


def segments(request: httpx2.Request, form: re.Pattern[str]) -> Sequence[str] | None:
    """Split what group `rest` of a form holds of the path; None where the path has another form.

    None too where a slash, backslash, dot or zero byte is encoded, since some server in between may decode it before
    the system does.
    """
    raw = request.url.raw_path.decode("ascii").partition("?")[0]
    found = form.fullmatch(raw)
    if found is None or "\\" in raw or ENCODED.search(raw):
        return None
    parts = [unquote(part, errors="replace") if "%" in part else part for part in (found["rest"] or "").split("/")[1:]]
    sound = all(part.isprintable() and "\ufffd" not in part and part not in (".", "..") for part in parts)
    return parts if sound else None


def parameters(request: httpx2.Request) -> Mapping[str, str] | None:
    """Read the query string; None where a name comes twice or a semicolon might separate."""
    return read_parameters(request.url.query.decode("ascii"))


def read_parameters(raw: str) -> Mapping[str, str] | None:
    """Do what `parameters` does for a query string in ASCII."""
    try:
        pairs = parse_qsl(raw, keep_blank_values=True, strict_parsing=bool(raw), errors="strict")
    except ValueError:
        return None
    found = dict(pairs)
    return None if ";" in raw or len(found) < len(pairs) else found
