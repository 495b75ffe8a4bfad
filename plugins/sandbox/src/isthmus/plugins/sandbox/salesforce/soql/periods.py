"""Which stretch of time does a date literal such as LAST_N_DAYS:30 name?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final, TypeAlias

from .syntax import Literal, malformed

Stretch: TypeAlias = tuple[date, date]
"""The first day and the first day after it, in UTC, which is every user's time zone here."""

_MAX_COUNT: Final = 1_000


@dataclass(frozen=True, slots=True)
class Calendar:
    """A user's today and first day of the week (0 is Monday, as in `date.weekday`).

    The fiscal year is the calendar year: these orgs keep the standard setting.
    """

    today: date
    first_weekday: int = 6

    def stretch(self, literal: Literal) -> Stretch:
        """Return the days that the literal covers; raises SoqlError for an unknown name."""
        unknown = malformed(f"unexpected token: '{literal.text}'", literal.at)
        name = literal.text.replace("_FISCAL_", "_")
        if name != literal.text and not name.removesuffix("_AGO").endswith(("YEAR", "YEARS", "QUARTER", "QUARTERS")):
            raise unknown
        plain = _PLAIN.get(name)
        if plain is not None:
            return plain(self)
        counted = _COUNTED.get(name)
        if counted is None or not 0 < literal.number <= _MAX_COUNT:
            raise unknown
        return counted(literal.number)(self)


_Span: TypeAlias = Callable[[Calendar], Stretch]


def _month(year: int, month: int) -> date:
    """Return the first day of a month, counting on past December and before January."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _days(first: int, count: int) -> _Span:
    return lambda calendar: (
        calendar.today + timedelta(days=first),
        calendar.today + timedelta(days=first + count),
    )


def _weeks(first: int, count: int) -> _Span:
    def span(calendar: Calendar) -> Stretch:
        passed = (calendar.today.weekday() - calendar.first_weekday) % 7
        start = calendar.today - timedelta(days=passed) + timedelta(weeks=first)
        return start, start + timedelta(weeks=count)

    return span


def _months(first: int, count: int, unit: int = 1) -> _Span:
    def span(calendar: Calendar) -> Stretch:
        today = calendar.today
        month = (today.month - 1) // unit * unit + 1 + first * unit
        return _month(today.year, month), _month(today.year, month + count * unit)

    return span


def _quarters(first: int, count: int) -> _Span:
    return _months(first, count, 3)


def _years(first: int, count: int) -> _Span:
    return _months(first, count, 12)


_UNITS: Final[Mapping[str, Callable[[int, int], _Span]]] = {
    "WEEK": _weeks,
    "MONTH": _months,
    "QUARTER": _quarters,
    "YEAR": _years,
}
_PLAIN: Final[Mapping[str, _Span]] = {
    "YESTERDAY": _days(-1, 1),
    "TODAY": _days(0, 1),
    "TOMORROW": _days(1, 1),
    "LAST_90_DAYS": _days(-90, 91),
    "NEXT_90_DAYS": _days(1, 90),
    **{
        f"{which}_{unit}": span(first, 1)
        for unit, span in _UNITS.items()
        for which, first in (("LAST", -1), ("THIS", 0), ("NEXT", 1))
    },
}


def _last(span: Callable[[int, int], _Span]) -> Callable[[int], _Span]:
    return lambda count: span(-count, count)


def _next(span: Callable[[int, int], _Span]) -> Callable[[int], _Span]:
    return lambda count: span(1, count)


def _ago(span: Callable[[int, int], _Span]) -> Callable[[int], _Span]:
    return lambda count: span(-count, 1)


_COUNTED: Final[Mapping[str, Callable[[int], _Span]]] = {
    "LAST_N_DAYS": lambda count: _days(-count, count + 1),
    "NEXT_N_DAYS": _next(_days),
    "N_DAYS_AGO": _ago(_days),
    **{f"LAST_N_{unit}S": _last(span) for unit, span in _UNITS.items()},
    **{f"NEXT_N_{unit}S": _next(span) for unit, span in _UNITS.items()},
    **{f"N_{unit}S_AGO": _ago(span) for unit, span in _UNITS.items()},
}
"""Only the days include today (SOQL and SOSL Reference, "Date Formats and Date Literals")."""
