"""Which rows fit a condition and in which order do they come, where the system itself neither filters nor sorts?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import (
    JSON,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Operator,
    Order,
    Row,
    Value,
    comparisons,
)

__all__ = ["fits", "in_order", "split"]

Key: TypeAlias = tuple[int, Decimal, str]


def split(where: Condition | None, names: frozenset[str]) -> tuple[Mapping[str, str], Condition | None]:
    """Take out of a condition what is told by parameters: equalities that every row must fit.

    Raises:
        InvalidArguments: one of the names is compared in another way.
    """
    terms = where.terms if isinstance(where, AllOf) else () if where is None else (where,)
    found, rest = dict[str, str](), list[Condition]()
    for term in terms:
        if isinstance(term, AllOf):
            inner, left = split(term, names)
            found |= inner
            rest += [] if left is None else [left]
        elif isinstance(term, Compare) and term.field in names and term.op is Operator.EQ:
            if found.get(term.field, text := _plain(term.value, term.field)) != text:
                raise InvalidArguments(f"{term.field} is given twice; give one value", field=term.field)
            found[term.field] = text
        else:
            rest.append(term)
    for one in (leaf for term in rest for leaf in comparisons(term)):
        if one.field in names:
            raise InvalidArguments(
                f"{one.field} takes one value, by `eq`, beside all other conditions", field=one.field
            )
    return found, None if not rest else rest[0] if len(rest) == 1 else AllOf(tuple(rest))


def _plain(value: Value, field: str) -> str:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, str) and value and value.isprintable():
        return str(value)
    raise InvalidArguments(f"{field} takes one plain text or date", field=field)


def in_order(rows: Sequence[Row], order_by: Sequence[Order]) -> Sequence[Row]:
    """Sort rows, missing values first in both directions."""
    found = list(rows)
    for order in reversed(order_by):
        present = [row for row in found if row.fields.get(order.field) is not None]
        missing = [row for row in found if row.fields.get(order.field) is None]
        present.sort(key=lambda row: _rank(row.fields[order.field]), reverse=order.descending)
        found = missing + present
    return found


def fits(where: Condition | None, row: Mapping[str, JSON]) -> bool:
    """Tell whether a row fits; raises InvalidArguments for a sub-query."""
    match where:
        case None:
            return True
        case AllOf(terms):
            return all(fits(term, row) for term in terms)
        case AnyOf(terms):
            return any(fits(term, row) for term in terms)
        case Negated(term):
            return not fits(term, row)
        case InQuery(field):
            raise InvalidArguments("sub-queries are not to be had here; read the ids first, and use `in`", field=field)
        case Compare(field, op, value):
            return _compared(row.get(field), op, value)


def _compared(found: JSON, op: Operator, value: Value) -> bool:
    if op in (Operator.IN, Operator.NOT_IN):
        listed = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        return any(_same(found, one) for one in listed) is (op is Operator.IN)
    if op in (Operator.EQ, Operator.NE):
        return _same(found, value) is (op is Operator.EQ)
    if op in _TEXTS:
        return found is not None and _TEXTS[op](str(found).casefold(), str(value).casefold())
    if op in _ORDERS:
        return found is not None and value is not None and _ORDERS[op](_rank(found), _rank(value))
    raise InvalidArguments(f"{op.value} is not to be had here; use eq, in or contains")


def _same(found: JSON, value: Value) -> bool:
    if found is None or value is None:
        return found is None and value is None
    return _rank(found) == _rank(value)


def _rank(value: JSON | Value) -> Key:
    """Order values of one kind as their systems do: figures by size, texts and dates letter by letter."""
    if isinstance(value, bool | int | float | Decimal):
        return 0, Decimal(str(int(value) if isinstance(value, bool) else value)), ""
    if isinstance(value, datetime | date):
        return 1, Decimal(0), value.isoformat()
    return 1, Decimal(0), str(value)


_TEXTS: Mapping[Operator, Callable[[str, str], bool]] = {
    Operator.CONTAINS: lambda text, part: part in text,
    Operator.STARTS_WITH: str.startswith,
    Operator.ENDS_WITH: str.endswith,
}
_ORDERS: Mapping[Operator, Callable[[Key, Key], bool]] = {
    Operator.LT: lambda one, other: one < other,
    Operator.LE: lambda one, other: one <= other,
    Operator.GT: lambda one, other: one > other,
    Operator.GE: lambda one, other: one >= other,
}
