"""Which words and literals does an expression consist of, in either version?"""

import base64
import binascii
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from isthmus.plugins.sandbox.sap.values import Value, clock_time, day, guid, instant, span

from .syntax import Literal, Malformed

_GUID: Final = r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_STRING: Final = r"'(?:[^']|'')*'"
_NAME: Final = r"[A-Za-z_$@][\w.]*(?:/[A-Za-z_$][\w.]*)*"
_SIGNS: Final = r"[(),:=;*]"
_V2: Final = re.compile(
    rf"\s*(?:(?P<typed>(?:datetimeoffset|datetime|time|guid|binary|X)'[^']*')|(?P<string>{_STRING})"
    rf"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?[mMlLfFdD]?(?![\w.]))"
    rf"|(?P<name>{_NAME})|(?P<sign>[(),:=;*-]))"
)
_V4: Final = re.compile(
    rf"\s*(?:(?P<guid>{_GUID})(?![\w-])|(?P<stamp>\d{{4}}-\d\d-\d\dT\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))"
    rf"|(?P<date>\d{{4}}-\d\d-\d\d)(?![\w:-])|(?P<time>\d\d:\d\d(?::\d\d(?:\.\d+)?)?)(?![\w:])"
    rf"|(?P<typed>binary'[^']*')|(?P<string>{_STRING})"
    rf"|(?P<number>-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?(?![\w.:-]))|(?P<name>{_NAME})|(?P<sign>[(),:=;*-]))"
)
_WORDS: Final[Mapping[str, Literal]] = {
    "true": Literal("bool", True),  # noqa: FBT003 - a value
    "false": Literal("bool", False),  # noqa: FBT003 - a value
    "null": Literal("null", None),
}


@dataclass(frozen=True, slots=True)
class Token:
    """One word: a `literal`, or a name or sign as it stands."""

    text: str
    literal: Literal | None = None
    named: bool = False


def tokens(text: str, version: int) -> list[Token]:
    """Cut an expression into its words; raises Malformed."""
    pattern, found, place = _V2 if version == 2 else _V4, list[Token](), 0
    text = text.rstrip()
    while place < len(text):
        match = pattern.match(text, place)
        if match is None or match.lastgroup is None:
            raise Malformed(f"Invalid token detected at position {place + 1}")
        found.append(_token(match.lastgroup, match[match.lastgroup], version))
        place = match.end()
    return found


def _token(group: str, text: str, version: int) -> Token:
    if group == "name":
        return Token(text, _WORDS.get(text), named=True)
    if group == "sign":
        return Token(text)
    try:
        return Token(text, _literal(group, text, version))
    except (ValueError, InvalidOperation, binascii.Error):
        raise Malformed(f"Malformed literal {text}") from None


def _literal(group: str, text: str, version: int) -> Literal:
    if group == "string":
        return Literal("string", text[1:-1].replace("''", "'"))
    if group == "number":
        return Literal("number", Decimal(text.rstrip("mMlLfFdD") if version == 2 else text))
    if group == "typed":
        kind, _, rest = text.partition("'")
        return _TYPED[kind](rest[:-1])
    return {"guid": _guid, "stamp": _stamp, "date": _date_v4, "time": _time_v4}[group](text)


def _guid(text: str) -> Literal:
    return Literal("guid", guid(text))


def _stamp(text: str) -> Literal:
    return Literal("stamp", instant(text))


def _date_v4(text: str) -> Literal:
    return Literal("date", day(text, 4))


def _time_v4(text: str) -> Literal:
    return Literal("time", clock_time(text))


def _hex(text: str) -> Value:
    return bytes.fromhex(text)


_TYPED: Final[Mapping[str, Callable[[str], Literal]]] = {
    "datetimeoffset": _stamp,
    "datetime": lambda text: Literal("date", day(text, 2)),
    "time": lambda text: Literal("time", span(text)),
    "guid": _guid,
    "X": lambda text: Literal("binary", _hex(text)),
    "binary": lambda text: Literal("binary", base64.urlsafe_b64decode(text)),
}
