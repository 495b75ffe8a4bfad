"""Which rows meet a condition, and in which order do they come? A service seldom says; so it is done here."""

from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, time
from decimal import Decimal
from functools import partial
from operator import ge, gt, le, lt

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Negated, Operator, Order, Row, Value

__all__ = ["check", "equals", "meets", "sorted_rows"]

_PLAIN = str | int | float | bool | date | time | None
_TEXTS = {Operator.CONTAINS: str.__contains__, Operator.STARTS_WITH: str.startswith, Operator.ENDS_WITH: str.endswith}
_ORDERS = {Operator.LT: lt, Operator.LE: le, Operator.GT: gt, Operator.GE: ge}


def check(condition: Condition | None) -> None:
    """Refuse what cannot be judged from a row alone; raises InvalidArguments before anything is sent."""
    match condition:
        case None:
            return
        case AllOf(terms) | AnyOf(terms):
            for one in terms:
                check(one)
        case Negated(term):
            check(term)
        case Compare(field, op, value):
            each = value if isinstance(value, tuple) else (value,)
            if op in (Operator.INCLUDES, Operator.EXCLUDES) or not all(isinstance(one, _PLAIN) for one in each):
                raise InvalidArguments(f"{field!a} cannot be compared so here; use a plain value", field=field)
            if op in _TEXTS and not isinstance(value, str):
                raise InvalidArguments(f"{field!a}: {op.value} takes a text", field=field)
        case _:
            raise InvalidArguments("a condition may not ask another object here; query that object first")


def equals(condition: Condition | None) -> Mapping[str, JSON]:
    """Return what every row must have, by field: the comparisons that all must hold."""
    match condition:
        case AllOf(terms):
            found: dict[str, JSON] = {}
            for one in terms:
                found = {**equals(one), **found}
            return found
        case Compare(field, Operator.EQ, value) if isinstance(value, str | int | float):
            return {field: value}
        case Compare(field, Operator.EQ, value) if isinstance(value, date | time):
            return {field: value.isoformat()}
        case _:
            return {}


def meets(row: Mapping[str, JSON], condition: Condition | None) -> bool:
    """Tell whether a row meets a condition."""
    match condition:
        case None:
            return True
        case AllOf(terms):
            return all(meets(row, one) for one in terms)
        case AnyOf(terms):
            return any(meets(row, one) for one in terms)
        case Negated(term):
            return not meets(row, term)
        case Compare(field, op, value):
            return _compared(row.get(field), op, value)
        case _:
            return False


def _compared(found: JSON, op: Operator, value: Value) -> bool:
    if op in (Operator.IN, Operator.NOT_IN):
        among = any(_same(found, one) for one in value) if isinstance(value, tuple) else False
        return among is (op is Operator.IN)
    if op in (Operator.EQ, Operator.NE):
        return _same(found, value) is (op is Operator.EQ)
    if found is None or value is None:
        return False
    if op in _TEXTS:
        return isinstance(found, str) and _TEXTS[op](found.casefold(), str(value).casefold())
    ours, theirs = _ranked(found), _ranked(value)
    return ours[0] == theirs[0] and _ORDERS[op](ours, theirs)


def _same(found: JSON, value: Value) -> bool:
    if found is None or value is None:
        return found is value
    return _ranked(found) == _ranked(value)


def _ranked(value: object) -> tuple[int, float, str]:
    """Rank a value for comparing: numbers and moments by size, all else as text."""
    if isinstance(value, bool | int | float | Decimal):
        return 0, float(value), ""
    if isinstance(value, datetime):
        return 1, _aware(value).timestamp(), ""
    if isinstance(value, str) and len(value) >= len("2026-01-01T00:00Z") and value[10:11] in ("T", "t"):
        try:
            return 1, _aware(datetime.fromisoformat(value)).timestamp(), ""
        except (ValueError, OverflowError):
            pass
    return 2, 0.0, value.isoformat() if isinstance(value, date | time) else str(value)


def _rank_of(name: str, row: Row) -> tuple[int, float, str]:
    return _ranked(row.fields.get(name))


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def sorted_rows(rows: Sequence[Row], order_by: Sequence[Order]) -> list[Row]:
    """Sort rows, missing values first in both directions."""
    found = list(rows)
    for one in reversed(order_by):
        present = [row for row in found if row.fields.get(one.field) is not None]
        present.sort(key=partial(_rank_of, one.field), reverse=one.descending)
        found = [row for row in found if row.fields.get(one.field) is None] + present
    return found
