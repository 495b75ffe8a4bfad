"""What did the system answer, and is it what it claims to be?"""

import json
import math
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from itertools import chain
from typing import TypeVar

import httpx2
import msgspec

from isthmus.core.errors import UpstreamError
from isthmus.core.records import JSON

__all__ = ["HEAVIEST", "Response", "Whole", "answer_of", "parse_json"]

DEEPEST = 100
MOST_NAMES = 512
_UTF_8 = ("", "utf-8", "utf8", "us-ascii")
HEAVIEST = 56 << 20
"""Bytes that a body, its text and its values may take together, as estimated before any of it is read."""
LIGHT = 256 << 10
"""A body below this cannot be too heavy, whatever it holds."""
VALUE = 200
"""Bytes that a value costs beside its text, a share of the object around it and of what is made of it included."""

T = TypeVar("T")


class Response(msgspec.Struct, frozen=True, gc=False):
    """An answer with its whole body, decompressed; `headers` are looked up without regard to case.

    `filed` are the bytes of a body that went into a file instead, None where it did not.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    filed: int | None = None

    @property
    def is_json(self) -> bool:
        """Tell whether the answer is declared as JSON (RFC 6839 suffixes included)."""
        return _declared(self.headers.get("content-type", ""))[0]

    @property
    def is_plain_json(self) -> bool:
        """Tell whether the answer is declared as JSON in UTF-8."""
        return _declared(self.headers.get("content-type", ""))[1]

    @property
    def is_page(self) -> bool:
        """Tell whether this is a page for a browser, by its type or its first bytes: a sign-on page comes as either."""
        kind = self.headers.get("content-type", "").lower()
        return "html" in kind or self.body[:64].lstrip().lower().startswith((b"<!doctype html", b"<html"))

    @property
    def weight(self) -> int:
        """Estimate the bytes of memory that the body, its text and its values take together."""
        return _weight(self.body)

    def json(self) -> JSON:
        """Parse the body.

        Raises:
            UpstreamError: it is not declared as JSON, or not JSON that every reader understands alike.
        """
        json, plain = _declared(self.headers.get("content-type", ""))
        if not json:
            raise _unreadable("content of another type where JSON was due; a login page or a proxy may be in between")
        if not plain:
            raise _unreadable("JSON in another encoding than UTF-8 (RFC 8259 section 8.1)")
        return parse_json(self.body)


@lru_cache(maxsize=256)
def _declared(content_type: str) -> tuple[bool, bool]:
    """Tell whether a content type says JSON, and JSON in UTF-8."""
    kind, _, parameters = content_type.partition(";")
    kind = kind.strip().lower()
    is_json = kind == "application/json" or (kind.startswith("application/") and kind.endswith("+json"))
    encoding = parameters.lower().partition("charset=")[2].partition(";")[0].strip(" \"'")
    return is_json, is_json and encoding in _UTF_8


def parse_json(body: bytes) -> JSON:
    """Parse JSON without the liberties of `json.loads`.

    Duplicate names, NaN and infinite numbers, lone surrogates and more than 100 levels are refused (RFC 7493), and so
    is what would take too much memory.
    """
    if len(body) > LIGHT and _weight(body) > HEAVIEST:
        raise _unreadable("more JSON than one answer may hold; ask for less")
    try:
        value: JSON = msgspec.json.decode(body)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        # The careful reader knows why, or reads it after all: a byte order mark, for example.
        return _parse_carefully(body)
    return value if _is_sound(body, value) else _parse_carefully(body)


def _is_sound(body: bytes, value: JSON) -> bool:
    """Tell whether JSON surely has no name twice in one object, and not too many levels; what is unsure is False.

    Every name and every text takes two quotation marks. A name that came twice lost one of its values, and with it at
    least its own two: as many marks as what was kept needs means that nothing was lost.
    """
    marks = body.count(b'"')
    if b"\\" in body:
        if b"\\\\" in body:
            return False
        marks -= body.count(b'\\"')
    level = [value]
    for _ in range(DEEPEST):
        kinds = list(map(type, level))
        marks -= 2 * kinds.count(str)
        if _NESTED.isdisjoint(kinds):
            return marks == 0
        nested = [one for one in level if type(one) in _NESTED]
        objects = [one for one in nested if type(one) is dict]
        marks -= 2 * sum(map(len, objects))
        lists = [one for one in nested if type(one) is list]
        level = list(chain.from_iterable([*map(dict.values, objects), *lists]))
        if not level:
            return marks == 0
    return False


_NESTED = frozenset({dict, list})


def _parse_carefully(body: bytes) -> JSON:
    try:
        text = body.decode("utf-8-sig")
        value: JSON = json.loads(text, object_pairs_hook=_unique, parse_constant=_no_constant, parse_float=_finite)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError as error:
        raise _unreadable("JSON nested too deeply") from error
    except UnicodeError as error:
        raise _unreadable("JSON that is not valid Unicode") from error
    except ValueError as error:
        # The text of the parser's error may quote the body.
        reason = error.args[0] if isinstance(error, _RefusedError) else "something that is not JSON"
        raise _unreadable(reason) from None
    if body.count(b"[") + body.count(b"{") > DEEPEST:
        _check_depth(value)
    return value


def _weight(body: bytes) -> int:
    """Estimate the memory that a body, its text and its values take: one wide character makes a whole text wide."""
    wide = 1 if body.isascii() else 4 if any(lead in body for lead in _ASTRAL) else 2
    return len(body) * (1 + 2 * wide) + VALUE * sum(body.count(mark) for mark in (b",", b"[", b"{"))


_ASTRAL = (b"\xf0", b"\xf1", b"\xf2", b"\xf3", b"\xf4")
"""First bytes of characters beyond U+FFFF in UTF-8."""


class _RefusedError(ValueError):
    """JSON that parses but that readers understand differently."""


def _unique(pairs: list[tuple[str, JSON]]) -> dict[str, JSON]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _RefusedError("JSON with the same name twice in one object")
    return found


def _no_constant(_name: str) -> float:
    raise _RefusedError("JSON with a number that is not one")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _RefusedError("JSON with a number that is too large")
    return number


def _check_depth(value: JSON) -> None:
    level = [value]
    for _ in range(DEEPEST):
        level = [
            child
            for parent in level
            for child in (parent.values() if isinstance(parent, dict) else parent if isinstance(parent, list) else ())
            if isinstance(child, dict | list)
        ]
        if not level:
            return
    raise _unreadable("JSON nested too deeply")


def _unreadable(what: str) -> UpstreamError:
    return UpstreamError(f"The system answered with {what}; the answer was not used.", code="unreadable_answer")


class Headers(Mapping[str, str]):
    """Header values by name in any letter case; those of one name are joined by commas (RFC 9110 section 5.3)."""

    __slots__ = ("_found",)

    def __init__(self, raw: Iterable[tuple[bytes, bytes]]) -> None:
        found: dict[str, str] = {}
        for name, value in raw:
            key, text = _NAMES.get(name) or _name(name), _text(value)
            found[key] = f"{found[key]}, {text}" if key in found else text
        self._found = found

    def __getitem__(self, name: str) -> str:
        return self._found[name.lower()]

    def get(self, name: str, default: T | None = None) -> str | T | None:  # type: ignore[override]
        """Return a value, or the default."""
        return self._found.get(name.lower(), default)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._found

    def __iter__(self) -> Iterator[str]:
        return iter(self._found)

    def __len__(self) -> int:
        return len(self._found)


_NAMES: dict[bytes, str] = {}
"""Header names as they come, and as they are looked up: the same few in every answer."""


def _name(raw: bytes) -> str:
    name = raw.decode("latin-1").lower()
    if len(_NAMES) < MOST_NAMES:
        _NAMES[raw] = name
    return name


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value.decode("latin-1")


class Whole(httpx2.Response):
    """An answer whose whole body is there, as all layers above the wire get it.

    They look at status and `answer`; what else an httpx2 response has is made when somebody asks for it.
    """

    def __init__(self, status: int, headers: list[tuple[bytes, bytes]], body: bytes, filed: int | None = None) -> None:
        self.status_code = status
        self.extensions = {}
        self.answer = Response(status, Headers(headers), body, filed)
        self._raw = headers

    def __getattr__(self, name: str) -> object:
        """Make the rest; called only for what is not there yet."""
        raw = self.__dict__.pop("_raw", None)
        if raw is None:
            raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}", name=name, obj=self)
        known = self.__dict__.copy()
        stream = httpx2.ByteStream(self.answer.body)
        super().__init__(self.status_code, headers=raw, stream=stream)
        self.__dict__ |= known
        return getattr(self, name)

    @property
    def content(self) -> bytes:
        """Return the body."""
        return self.answer.body


def answer_of(response: httpx2.Response) -> Response:
    """Return the answer as connectors see it: without the request and its secrets."""
    if isinstance(response, Whole):
        return response.answer
    return Response(response.status_code, response.headers, response.content)
