"""How does a record's id become part of a URL without becoming anything else?"""

import re
import unicodedata
from functools import lru_cache
from typing import NewType
from urllib.parse import quote

from isthmus.core.errors import InvalidArguments

__all__ = ["ENCODED", "Path", "path"]

Path = NewType("Path", str)
"""A path built by `path()`: nothing else is accepted by `Http`."""

_TEMPLATE = re.compile(r"/[A-Za-z0-9\-._~!$&'()*+,;=:@/{}]*")
_PLAIN = re.compile(r"[A-Za-z0-9_-]+")
"""What may stand in a path as it is."""
_DOTS = re.compile(r"(?:\A|/)\.{1,2}(?:/|\Z)")
_FORBIDDEN = re.compile(r"[\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
ENCODED = re.compile(r"%(?:25)*(?:2f|5c|2e|00)", re.IGNORECASE)
"""A slash, backslash, dot or zero byte, encoded any number of times."""


def path(template: str, *values: str | int) -> Path:
    """Fill the `{}` of a template from code, each value percent-encoded as one segment or a part of one.

    Raises:
        InvalidArguments: a value is empty, has a dot segment, a control character, a backslash, an encoded slash
            or dot, or a lone surrogate.
        ValueError: the template is not an absolute path, or the numbers of `{}` and values differ.
    """
    literals = _literals(template)
    if len(literals) != len(values) + 1:
        raise ValueError(f"{template!r} takes {len(literals) - 1} values, not {len(values)}")
    filled = [literals[0]]
    for value, literal in zip(values, literals[1:], strict=True):
        filled += (_segment(str(value)), literal)
    whole = "".join(filled)
    if _has_dots(whole):
        raise _refusal(whole)
    return Path(whole)


@lru_cache(maxsize=1_024)
def _literals(template: str) -> tuple[str, ...]:
    literals = tuple(template.split("{}"))
    if not _TEMPLATE.fullmatch(template) or "{" in "".join(literals) or "}" in "".join(literals):
        raise ValueError(f"{template!r} is no path template: write an absolute path with {{}} for each value")
    if _has_dots(template) or template.startswith("//"):
        raise ValueError(f"{template!r} has a dot segment or starts with two slashes")
    return literals


def _segment(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    if not value or _FORBIDDEN.search(value) or ENCODED.search(value) or _has_dots(value):
        raise _refusal(value)
    return quote(value, safe="")


def _has_dots(text: str) -> bool:
    """Tell whether any segment is `.` or `..`, in any spelling that some server may fold into it."""
    folded = text if text.isascii() else unicodedata.normalize("NFKC", text)
    return _DOTS.search(folded) is not None


def _refusal(value: str) -> InvalidArguments:
    shown = ascii(value if len(value) <= 40 else value[:40] + "...")
    return InvalidArguments(f"{shown} cannot be an id or a name in a path; pass the id as the system gave it.")
