"""What does a function make of the values of a row?"""

import math
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .expressions import PARTS
from .localise import Locale, formatted
from .syntax import Call, Literal, Operand, Path, SoqlError, malformed
from .tokens import unescape
from .values import Column

Resolve: TypeAlias = Callable[[Operand], Column]

_LABELLED: Final = frozenset({"picklist", "multipicklist", "combobox"})
_EARTH: Final = {"km": 6_371.0, "mi": 3_958.8}


def applied(call: Call, resolve: Resolve, locale: Locale) -> Column:
    """Return the column that a function of one row makes of others; raises SoqlError where it fits none."""
    if call.function == "DISTANCE":
        return _distance(call, resolve)
    argument = call.arguments[0] if call.arguments else None
    if call.function in PARTS and isinstance(argument, Path | Call):
        return _part(call, _in_zone(argument, resolve))
    if call.function == "FORMAT" and isinstance(argument, Path | Call):
        inner = resolve(argument)
        get, field = inner.get, inner.field
        if field.type not in NUMERIC | {"date", "datetime"}:
            raise malformed(f"FORMAT is not supported for the field {field.name}", call.at)
        return _renamed(inner, "string", lambda row: formatted(get(row), field, locale))
    if call.function == "TOLABEL" and isinstance(argument, Path):
        inner = resolve(argument)
        if inner.field.type not in _LABELLED:
            raise malformed(f"toLabel is not supported for the field {inner.field.name}", call.at)
        return inner
    if call.function == "CONVERTCURRENCY" and isinstance(argument, Path | Call):
        inner = resolve(argument)
        if inner.field.type != "currency":
            raise malformed(f"convertCurrency is not supported for the field {inner.field.name}", call.at)
        return inner
    raise malformed(f"function {call.name} not allowed here", call.at)


def part_of(call: Call, column: Column) -> Column:
    """Return the column that a date function makes of another."""
    return _part(call, column)


def _in_zone(argument: Operand, resolve: Resolve) -> Column:
    """Return the column of a date, moved into the user's time zone where asked: that is UTC for all users here."""
    if not (isinstance(argument, Call) and argument.function == "CONVERTTIMEZONE"):
        return resolve(argument)
    [moved] = argument.arguments
    column = resolve(moved) if isinstance(moved, Path) else None
    if column is None or column.field.type != "datetime":
        raise malformed("convertTimezone needs a dateTime field", argument.at)
    return column


def _part(call: Call, column: Column) -> Column:
    kind, cut = _CUTS[call.function]
    allowed = ("datetime",) if call.function in ("DAY_ONLY", "HOUR_IN_DAY") else ("date", "datetime")
    if column.field.type not in allowed:
        needed = "dateTime" if len(allowed) == 1 else "date or dateTime"
        raise malformed(f"{call.name} needs a {needed} field, not {column.field.name}", call.at)
    get = column.get

    def value_of(row: Row) -> Value:
        value = get(row)
        return None if value is None else cut(str(value))

    return _renamed(column, kind, value_of)


def _renamed(column: Column, kind: str, get: Callable[[Row], Value]) -> Column:
    return Column(column.names, Field(column.field.name, column.field.label, kind), get)


def _day(text: str) -> date:
    return date(int(text[:4]), int(text[5:7]), int(text[8:10]))


def _quarter(text: str) -> int:
    return (int(text[5:7]) + 2) // 3


def _day_in_year(text: str) -> int:
    return _day(text).timetuple().tm_yday


_CUTS: Final[Mapping[str, tuple[str, Callable[[str], Value]]]] = {
    "CALENDAR_YEAR": ("int", lambda text: int(text[:4])),
    "CALENDAR_QUARTER": ("int", _quarter),
    "CALENDAR_MONTH": ("int", lambda text: int(text[5:7])),
    "DAY_IN_MONTH": ("int", lambda text: int(text[8:10])),
    "DAY_IN_WEEK": ("int", lambda text: _day(text).isoweekday() % 7 + 1),
    "DAY_IN_YEAR": ("int", _day_in_year),
    "DAY_ONLY": ("date", lambda text: text[:10]),
    "FISCAL_YEAR": ("int", lambda text: int(text[:4])),
    "FISCAL_QUARTER": ("int", _quarter),
    "FISCAL_MONTH": ("int", lambda text: int(text[5:7])),
    "HOUR_IN_DAY": ("int", lambda text: int(text[11:13])),
    "WEEK_IN_MONTH": ("int", lambda text: (int(text[8:10]) + 6) // 7),
    "WEEK_IN_YEAR": ("int", lambda text: (_day_in_year(text) + 6) // 7),
}


def _distance(call: Call, resolve: Resolve) -> Column:
    """Return the column of DISTANCE(field, GEOLOCATION(lat, long) or field, 'mi' or 'km')."""
    start, end, unit = call.arguments
    text = unescape(unit.text, unit.at) if isinstance(unit, Literal) and unit.kind == "string" else ""
    if text not in _EARTH:
        raise malformed("DISTANCE needs 'mi' or 'km' as its unit", call.at)
    places = _place(start, resolve), _place(end, resolve)

    def between(row: Row) -> Value:
        one, two = (place(row) for place in places)
        return None if one is None or two is None else _EARTH[text] * _angle(one, two)

    return Column(("expr",), Field("DISTANCE", "Distance", "double"), between)


def _place(argument: Path | Call | Literal, resolve: Resolve) -> Callable[[Row], tuple[float, float] | None]:
    if isinstance(argument, Call) and argument.function == "GEOLOCATION":
        latitude, longitude = (_degrees(each) for each in argument.arguments)
        return lambda _: (latitude, longitude)
    column = resolve(argument) if isinstance(argument, Path) else None
    if column is None or column.field.type not in ("location", "address"):
        raise SoqlError("INVALID_FIELD", "DISTANCE needs a geolocation field or GEOLOCATION()", argument.at)
    get = column.get

    def place(row: Row) -> tuple[float, float] | None:
        value = get(row)
        if not isinstance(value, Mapping):
            return None
        latitude, longitude = value.get("latitude"), value.get("longitude")
        return None if latitude is None or longitude is None else (float(latitude), float(longitude))

    return place


def _degrees(argument: Path | Call | Literal) -> float:
    if not isinstance(argument, Literal) or argument.kind != "number":
        raise malformed("GEOLOCATION needs two numbers", argument.at)
    return float(argument.text)


def _angle(one: tuple[float, float], two: tuple[float, float]) -> float:
    """Return the angle between two places as seen from the centre of the earth (haversine formula)."""
    (south, west), (north, east) = (tuple(map(math.radians, each)) for each in (one, two))
    chord = math.sin((north - south) / 2) ** 2 + math.cos(south) * math.cos(north) * math.sin((east - west) / 2) ** 2
    return 2 * math.asin(min(1.0, math.sqrt(chord)))
