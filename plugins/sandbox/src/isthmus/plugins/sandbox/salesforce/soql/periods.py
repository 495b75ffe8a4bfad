"""Which stretch of time does a date literal such as LAST_N_DAYS:30 name?"""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Final

from .syntax import Literal, SoqlError

Stretch = tuple[date, date]
"""The first day and the first day after it, in UTC, which is every user's time zone here."""


_MAX_COUNT: Final = 1_000


def stretch(literal: Literal, today: date) -> Stretch:
    """Return the days that the literal covers; raises SoqlError for an unknown name."""
    plain = _PLAIN.get(literal.text)
    if plain is not None:
        return plain(today)
    counted = _COUNTED.get(literal.text)
    if counted is not None and 0 < literal.number <= _MAX_COUNT:
        return counted(today, literal.number)
    raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{literal.text}'", literal.at)


def _month(year: int, month: int) -> date:
    """Return the first day of a month, counting on past December and before January."""
    return date(year + (month - 1) // 12, (month - 1) % 12 + 1, 1)


def _days(first: int, count: int) -> Callable[[date], Stretch]:
    return lambda today: (today + timedelta(days=first), today + timedelta(days=first + count))


def _weeks(first: int) -> Callable[[date], Stretch]:
    def span(today: date) -> Stretch:
        sunday = today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=first)
        return sunday, sunday + timedelta(weeks=1)

    return span


def _months(first: int, count: int, unit: int = 1) -> Callable[[date], Stretch]:
    def span(today: date) -> Stretch:
        month = (today.month - 1) // unit * unit + 1 + first * unit
        return _month(today.year, month), _month(today.year, month + count * unit)

    return span


_PLAIN: Final[dict[str, Callable[[date], Stretch]]] = {
    "YESTERDAY": _days(-1, 1),
    "TODAY": _days(0, 1),
    "TOMORROW": _days(1, 1),
    "LAST_90_DAYS": _days(-90, 91),
    "NEXT_90_DAYS": _days(1, 90),
    "LAST_WEEK": _weeks(-1),
    "THIS_WEEK": _weeks(0),
    "NEXT_WEEK": _weeks(1),
    "LAST_MONTH": _months(-1, 1),
    "THIS_MONTH": _months(0, 1),
    "NEXT_MONTH": _months(1, 1),
    "LAST_QUARTER": _months(-1, 1, 3),
    "THIS_QUARTER": _months(0, 1, 3),
    "NEXT_QUARTER": _months(1, 1, 3),
    "LAST_YEAR": _months(-1, 1, 12),
    "THIS_YEAR": _months(0, 1, 12),
    "NEXT_YEAR": _months(1, 1, 12),
}

_COUNTED: Final[dict[str, Callable[[date, int], Stretch]]] = {
    "LAST_N_DAYS": lambda today, count: _days(-count, count + 1)(today),
    "NEXT_N_DAYS": lambda today, count: _days(1, count)(today),
    "N_DAYS_AGO": lambda today, count: _days(-count, 1)(today),
    "LAST_N_WEEKS": lambda today, count: (_weeks(-count)(today)[0], _weeks(0)(today)[0]),
    "NEXT_N_WEEKS": lambda today, count: (_weeks(1)(today)[0], _weeks(count)(today)[1]),
    "LAST_N_MONTHS": lambda today, count: _months(-count, count)(today),
    "NEXT_N_MONTHS": lambda today, count: _months(1, count)(today),
    "LAST_N_QUARTERS": lambda today, count: _months(-count, count, 3)(today),
    "LAST_N_YEARS": lambda today, count: _months(-count, count, 12)(today),
    "NEXT_N_YEARS": lambda today, count: _months(1, count, 12)(today),
}
