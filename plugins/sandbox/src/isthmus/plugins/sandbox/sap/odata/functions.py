"""Which functions may a filter call?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, time
from decimal import ROUND_CEILING, ROUND_FLOOR, ROUND_HALF_UP, Decimal
from typing import Final, TypeAlias, cast

from isthmus.plugins.sandbox.sap.schema import Field
from isthmus.plugins.sandbox.sap.store import Row
from isthmus.plugins.sandbox.sap.values import Value

from .syntax import Malformed

Get: TypeAlias = Callable[[Row, Mapping[str, Row]], Value]
"""Work out a value for a row, and for those that the variables of lambdas around stand for."""


@dataclass(frozen=True, slots=True)
class Expr:
    """A compiled expression: `kind` as literals name it, `field` where it is a property as it lies in the row."""

    kind: str
    get: Get
    field: Field | None = None


@dataclass(frozen=True, slots=True)
class Function:
    """What a function takes, each argument by its kinds, what it gives, and what it does."""

    takes: tuple[str, ...]
    gives: str
    does: Callable[..., Value]
    versions: tuple[int, ...] = (2, 4)
    optional: int = 0


def called(name: str, arguments: Sequence[Expr], version: int) -> Expr:
    """Return a call; raises Malformed where there is no such function or an argument does not fit."""
    function = _FUNCTIONS.get(name)
    if function is None or version not in function.versions:
        raise Malformed(f"Function '{name}' is not supported")
    if not len(function.takes) - function.optional <= len(arguments) <= len(function.takes):
        raise Malformed(f"Function '{name}' takes {len(function.takes)} arguments")
    for kinds, argument in zip(function.takes, arguments, strict=False):
        if argument.kind not in (*kinds.split("|"), "null"):
            raise Malformed(f"An argument of '{name}' has the wrong type")

    def get(row: Row, outer: Mapping[str, Row]) -> Value:
        values = [each.get(row, outer) for each in arguments]
        return None if None in values else function.does(*values)

    return Expr(function.gives, get)


def _rounded(how: str) -> Callable[[Value], Value]:
    return lambda value: Decimal(str(value)).quantize(Decimal(1), how)


def _cut(text: str, start: Decimal, length: Decimal | None = None) -> str:
    first = max(int(start), 0)
    return text[first:] if length is None else text[first : first + max(int(length), 0)]


def _part(name: str) -> Callable[[Value], Value]:
    return lambda value: Decimal(cast("int", getattr(value, name, 0)))


def _text(does: Callable[[str, str], bool]) -> Callable[..., Value]:
    return does


_DATES: Final = "date|stamp"
_TIMES: Final = "time|stamp"
_FUNCTIONS: Final[Mapping[str, Function]] = {
    "substringof": Function(("string", "string"), "bool", lambda needle, text: needle in text, (2,)),
    "contains": Function(("string", "string"), "bool", lambda text, needle: needle in text, (4,)),
    "startswith": Function(("string", "string"), "bool", _text(str.startswith)),
    "endswith": Function(("string", "string"), "bool", _text(str.endswith)),
    "length": Function(("string",), "number", lambda text: Decimal(len(text))),
    "indexof": Function(("string", "string"), "number", lambda text, needle: Decimal(text.find(needle))),
    "replace": Function(("string", "string", "string"), "string", str.replace, (2,)),
    "substring": Function(("string", "number", "number"), "string", _cut, optional=1),
    "tolower": Function(("string",), "string", str.lower),
    "toupper": Function(("string",), "string", str.upper),
    "trim": Function(("string",), "string", str.strip),
    "concat": Function(("string", "string"), "string", lambda one, two: one + two),
    "year": Function((_DATES,), "number", _part("year")),
    "month": Function((_DATES,), "number", _part("month")),
    "day": Function((_DATES,), "number", _part("day")),
    "hour": Function((_TIMES,), "number", _part("hour")),
    "minute": Function((_TIMES,), "number", _part("minute")),
    "second": Function((_TIMES,), "number", _part("second")),
    "date": Function(("stamp",), "date", lambda value: date(value.year, value.month, value.day), (4,)),
    "time": Function(("stamp",), "time", lambda value: time(value.hour, value.minute, value.second), (4,)),
    "round": Function(("number",), "number", _rounded(ROUND_HALF_UP)),
    "floor": Function(("number",), "number", _rounded(ROUND_FLOOR)),
    "ceiling": Function(("number",), "number", _rounded(ROUND_CEILING)),
}
