"""How is a value written in SOQL or SOSL so that it stays exactly one value?"""

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Literal as OneOf

from .names import COUNTED_DATE_LITERALS, DATE_LITERALS, SoqlError, check_encodable

LikeKind = OneOf["contains", "starts_with", "ends_with"]

MAX_DIGITS = 64
_MAX_COUNT = 999_999
_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]+)?")
_AMOUNT = re.compile(r"[0-9]+(?:\.[0-9]+)?")
_CURRENCY = re.compile(r"[A-Z]{3}")
_PATTERN = re.compile(r"(?:[^\\]|\\[\\%_])*", re.DOTALL)
_PATTERN_PART = re.compile(r"\\[\\%_]|[^\\]", re.DOTALL)
_SOSL_RESERVED = re.compile(r"[?&|!{}\[\]()^~*:\\\"'+\-]")
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SOSL_WORD = re.compile(r"(?<!\S)(and|or|not)(?!\S)", re.IGNORECASE)

# "Quoted String Escape Sequences" of the vendor's reference: a backslash before anything else is an error there.
_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f", "'": "\\'", "\\": "\\\\"}
_UNESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", "'": "'", '"': '"', "\\": "\\"}
_ESCAPE = re.compile(r"\\(u[0-9A-Fa-f]{4}|.)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    """Hold a string; the value is the plain text, before any escaping."""

    value: str

    def __post_init__(self) -> None:
        check_encodable(self.value)


@dataclass(frozen=True, slots=True)
class Pattern:
    r"""Hold what LIKE compares with: `%` and `_` are wildcards, `\%`, `\_` and `\\` the characters themselves."""

    text: str

    def __post_init__(self) -> None:
        check_encodable(self.text)
        if not _PATTERN.fullmatch(self.text):
            raise SoqlError(r"In a LIKE pattern a backslash stands only before \, % or _; write \\ for a backslash.")


@dataclass(frozen=True, slots=True)
class Number:
    """Hold a number as its digits, so that nothing is rounded on the way."""

    text: str

    def __post_init__(self) -> None:
        if len(self.text) > MAX_DIGITS or not _NUMBER.fullmatch(self.text):
            raise SoqlError(f"A number is written like -12.50, without exponent, in at most {MAX_DIGITS} characters.")


@dataclass(frozen=True, slots=True)
class Boolean:
    """Hold TRUE or FALSE."""

    value: bool


@dataclass(frozen=True, slots=True)
class Null:
    """Stand for the missing value."""


@dataclass(frozen=True, slots=True)
class Date:
    """Hold a calendar day."""

    value: date


@dataclass(frozen=True, slots=True)
class DateTime:
    """Hold an instant, kept and written in UTC: a `+` of an offset does not survive a careless URL."""

    value: datetime

    def __post_init__(self) -> None:
        if self.value.utcoffset() is None:
            raise SoqlError("A date-time needs a zone; add Z or an offset such as +02:00.")
        if self.value.microsecond % 1000:
            raise SoqlError("A date-time is compared to the millisecond; round the value to three digits.")
        try:
            in_utc = self.value.astimezone(UTC)
        except OverflowError:
            raise SoqlError("A date-time lies between the years 1 and 9999 in UTC; use one inside.") from None
        object.__setattr__(self, "value", in_utc)


@dataclass(frozen=True, slots=True)
class Time:
    """Hold a time of day of a Time field, which knows no zone."""

    value: time

    def __post_init__(self) -> None:
        if self.value.tzinfo is not None:
            raise SoqlError("A Time field has no zone; leave the zone out.")
        if self.value.microsecond % 1000:
            raise SoqlError("A time is compared to the millisecond; round the value to three digits.")


@dataclass(frozen=True, slots=True)
class DateLiteral:
    """Name a range relative to today, such as TODAY, or LAST_N_DAYS with its count."""

    name: str
    count: int | None = None

    def __post_init__(self) -> None:
        if self.count is None and self.name not in DATE_LITERALS:
            raise SoqlError(f"{self.name!a} is no date literal that stands alone; the counted ones take :n.")
        if self.count is not None and self.name not in COUNTED_DATE_LITERALS:
            raise SoqlError(f"{self.name!a} is no date literal that takes a count; use one such as LAST_N_DAYS:30.")
        if self.count is not None and not 0 <= self.count <= _MAX_COUNT:
            raise SoqlError(f"{self.name} counts from 0 to {_MAX_COUNT}; use such a whole number.")


@dataclass(frozen=True, slots=True)
class Currency:
    """Hold an amount of one currency, written USD5000; `amount` keeps its digits."""

    code: str
    amount: str

    def __post_init__(self) -> None:
        if not _CURRENCY.fullmatch(self.code):
            raise SoqlError("A currency code is three capital letters of ISO 4217, such as USD.")
        if len(self.amount) > MAX_DIGITS or not _AMOUNT.fullmatch(self.amount):
            raise SoqlError(f"A currency amount is plain digits, at most {MAX_DIGITS}, such as 5000 or 12.50.")


Literal = Text | Number | Boolean | Null | Date | DateTime | Time | DateLiteral | Currency


def literal(value: object) -> Literal:
    """Return the literal of None, a bool, str, int, float, Decimal, date, aware datetime or naive time."""
    match value:
        case None:
            return Null()
        case bool():
            return Boolean(value)
        case str():
            return Text(value)
        case datetime():
            return DateTime(value)
        case date():
            return Date(value)
        case time():
            return Time(value)
        case int() | float() | Decimal():
            return _number(value)
        case _:
            raise SoqlError(f"A {type(value).__name__} has no SOQL literal; pass text, a number, a date or None.")


def _number(value: float | Decimal) -> Number:
    exact = Decimal(repr(value)) if isinstance(value, float) else Decimal(value)
    if not exact.is_finite() or not -MAX_DIGITS < exact.adjusted() < MAX_DIGITS:
        raise SoqlError(f"A number must be finite and at most {MAX_DIGITS} digits long; use a smaller one.")
    return Number(f"{exact:f}")


def quote(text: str) -> str:
    """Return text as one SOQL string literal, quotes included."""
    return f"'{''.join(map(_escaped, check_encodable(text)))}'"


def quote_pattern(pattern: Pattern) -> str:
    """Return a LIKE pattern as one SOQL string literal; the backslashes of the pattern are the literal's own."""
    parts = _PATTERN_PART.findall(pattern.text)
    return f"'{''.join(part if len(part) > 1 else _escaped(part) for part in parts)}'"


def _escaped(character: str) -> str:
    known = _ESCAPES.get(character)
    if known is not None:
        return known
    return f"\\u{ord(character):04x}" if _CONTROL.match(character) else character


def unquote(body: str, position: int, *, like: bool = False) -> str:
    """Return what the text between two quotes means; `like` keeps the backslashes that a pattern owns.

    `position` is where the text begins in the statement.
    """

    def meaning(match: re.Match[str]) -> str:
        sequence = match[1]
        if len(sequence) > 1:
            return chr(int(sequence[1:], 16))
        if like and sequence in "\\%_":
            return match[0]
        known = _UNESCAPES.get(sequence.lower())
        if known is None:
            raise SoqlError(
                r"A backslash stands only before n, r, t, b, f, quotes, a backslash or uXXXX (before % and _ in LIKE); "
                r"write \\ for a backslash.",
                position + match.start(),
            )
        return known

    text = _ESCAPE.sub(meaning, body)
    # \uXXXX writes a character beyond U+FFFF as two halves; UTF-16 joins them, and a half alone does not decode.
    try:
        return text.encode("utf-16", "surrogatepass").decode("utf-16")
    except UnicodeDecodeError:
        raise SoqlError("A lone surrogate is not a character; write both halves.", position) from None


def like_pattern(text: str, kind: LikeKind) -> Pattern:
    """Return the pattern that finds text itself: its own `%`, `_` and backslashes are characters, not wildcards."""
    escaped = re.sub(r"[\\%_]", r"\\\g<0>", text)
    match kind:
        case "contains":
            return Pattern(f"%{escaped}%")
        case "starts_with":
            return Pattern(f"{escaped}%")
        case "ends_with":
            return Pattern(f"%{escaped}")


def escape_search_term(text: str) -> str:
    """Return text as a SOSL or parameterizedSearch term that holds words only, no operator and no wildcard.

    Reserved characters get a backslash, the operator words AND, OR and NOT quotes, white space becomes one space.
    """
    words = " ".join(check_encodable(text).split())
    if len(words) < 2:
        raise SoqlError("A search term has at least two characters; use a longer one.")
    if _CONTROL.search(words):
        raise SoqlError("A search term holds no control characters; leave them out.")
    return _SOSL_WORD.sub(r'"\1"', _SOSL_RESERVED.sub(r"\\\g<0>", words))
