"""How is a query written in WQL, so that every value is exactly one literal?

Quoted texts know no escape that Workday documents, so a value with a quotation mark or a backslash is refused. That
parameters stand behind the source, the effective date among them, is told by others only (the reference page lies
behind a login).
"""

import re
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal

from isthmus.connectors.workday.shapes import Kind
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, InQuery, Negated, Operator, Order, Value

__all__ = ["AS_OF", "literal", "query_text", "sections"]

AS_OF = "effectiveAsOfDate"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,119}")
_DATED = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9:.]{5,18}(Z|[+-][0-9]{2}:[0-9]{2})?)?")
_BAD = re.compile(r"['\"\\\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_LONGEST = 1_000
_SIGNS = {
    Operator.EQ: "=", Operator.NE: "!=", Operator.LT: "<", Operator.LE: "<=", Operator.GT: ">", Operator.GE: ">=",
    Operator.CONTAINS: "contains", Operator.STARTS_WITH: "startsWith", Operator.ENDS_WITH: "endsWith",
}  # fmt: skip
_OTHERWISE = {
    Operator.EQ: Operator.NE, Operator.NE: Operator.EQ, Operator.LT: Operator.GE, Operator.GE: Operator.LT,
    Operator.GT: Operator.LE, Operator.LE: Operator.GT, Operator.IN: Operator.NOT_IN, Operator.NOT_IN: Operator.IN,
}  # fmt: skip
_COMPARED = frozenset({Kind.TEXT, Kind.NUMERIC, Kind.BOOLEAN, Kind.DATE, Kind.MOMENT, Kind.ID, Kind.INSTANCE})


def query_text(
    source: str,
    select: Sequence[str],
    where: Condition | None,
    order_by: Sequence[Order],
    limit: int,
    kinds: Mapping[str, Kind],
    parameters: Mapping[str, str],
) -> str:
    """Write a query; every name must be among `kinds`. Raises InvalidArguments."""
    told = ", ".join(f"{_name(name, None)} = {_quoted(value, name)}" for name, value in parameters.items())
    parts = [
        f"SELECT {', '.join(_name(one, kinds) for one in select)}",
        f"FROM {_name(source, None)}" + (f"({told})" if told else ""),
    ]
    if where is not None:
        parts.append(f"WHERE {_condition(where, kinds)}")
    if order_by:
        keys = (f"{_name(one.field, kinds)} {'DESC' if one.descending else 'ASC'}" for one in order_by)
        parts.append(f"ORDER BY {', '.join(keys)}")
    return f"{' '.join(parts)} LIMIT {int(limit)}"


def sections(where: Condition | None, order_by: Sequence[Order], id_field: str) -> Sequence[Condition | None]:
    """Return the conditions of the queries that give missing values first, one after the other.

    Raises:
        InvalidArguments: it is sorted by more than one field beside the id.
    """
    keys = [one.field for one in order_by if one.field != id_field]
    if not keys:
        return (where,)
    if len(keys) > 1:
        raise InvalidArguments("a data source is sorted by one field at a time", field="order_by")
    ways = (Compare(keys[0], Operator.EQ, None), Compare(keys[0], Operator.NE, None))
    return tuple(one if where is None else AllOf((where, one)) for one in ways)


def _name(name: str, kinds: Mapping[str, Kind] | None) -> str:
    if not _NAME.fullmatch(name) or (kinds is not None and name not in kinds):
        raise InvalidArguments(f"there is no field {name[:80]!a} in this data source", field=name[:80])
    return name


def _condition(where: Condition, kinds: Mapping[str, Kind]) -> str:
    match where:
        case AllOf(terms):
            return _joined(" AND ", terms, kinds)
        case AnyOf(terms):
            return _joined(" OR ", terms, kinds)
        case Negated(term):
            return _condition(_denied(term), kinds)
        case InQuery(field):
            raise InvalidArguments("a data source takes no sub-queries; read the ids first, and use `in`", field=field)
        case Compare(field, op, value):
            return _compared(field, op, value, kinds)


def _joined(word: str, terms: Sequence[Condition], kinds: Mapping[str, Kind]) -> str:
    if not terms:
        raise InvalidArguments("a condition has no terms", field="where")
    return f"({word.join(_condition(one, kinds) for one in terms)})"


def _denied(term: Condition) -> Condition:
    match term:
        case AllOf(terms):
            return AnyOf(tuple(Negated(one) for one in terms))
        case AnyOf(terms):
            return AllOf(tuple(Negated(one) for one in terms))
        case Negated(inner):
            return inner
        case Compare(field, op, value) if op in _OTHERWISE:
            other = Compare(field, _OTHERWISE[op], value)
            # What has no value fits no comparison by size, so it fits the denial of one.
            sized = op in (Operator.LT, Operator.LE, Operator.GT, Operator.GE)
            return AnyOf((other, Compare(field, Operator.EQ, None))) if sized else other
        case _:
            raise InvalidArguments("a data source cannot deny this condition; say it the other way round")


def _compared(field: str, op: Operator, value: Value, kinds: Mapping[str, Kind]) -> str:
    name, kind = _name(field, kinds), kinds[field]
    if value is None and op in (Operator.EQ, Operator.NE):
        return f"{name} is {'not ' if op is Operator.NE else ''}empty"
    if kind not in _COMPARED:
        raise InvalidArguments(f"{field} cannot be compared; a data source does not say how", field=field)
    if op in (Operator.IN, Operator.NOT_IN):
        listed = value if isinstance(value, Sequence) and not isinstance(value, str) else (value,)
        if not listed:
            raise InvalidArguments(f"{field} is looked up in an empty list; give values", field=field)
        told = ", ".join(literal(one, kind, field) for one in listed)
        return f"{name} in ({told})" if op is Operator.IN else f"({name} not in ({told}) OR {name} is empty)"
    if op not in _SIGNS or (op.value in ("contains", "starts_with", "ends_with") and kind is not Kind.TEXT):
        raise InvalidArguments(f"{field} is not compared by {op.value} in a data source", field=field)
    told = f"{name} {_SIGNS[op]} {literal(value, kind, field)}"
    return f"({told} OR {name} is empty)" if op is Operator.NE else told


def literal(value: Value, kind: Kind, field: str) -> str:
    """Write one value of a field; raises InvalidArguments where it is of another type or cannot be written safely."""
    if kind is Kind.BOOLEAN and isinstance(value, bool):
        return "true" if value else "false"
    if kind is Kind.NUMERIC and isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        text = f"{Decimal(str(value)):f}"
        if re.fullmatch(r"-?[0-9]{1,30}(\.[0-9]{1,10})?", text):
            return text
    if kind in (Kind.DATE, Kind.MOMENT):
        text = value.isoformat() if isinstance(value, date | datetime) else str(value)
        if _DATED.fullmatch(text):
            return f"'{text}'"
    if kind in (Kind.TEXT, Kind.ID, Kind.INSTANCE) and isinstance(value, str):
        return _quoted(value, field)
    raise InvalidArguments(f"{field} takes another kind of value", field=field)


def _quoted(value: str, field: str) -> str:
    if _BAD.search(value) or len(value) > _LONGEST or not value:
        raise InvalidArguments(
            f"{field}: WQL has no way to write this text (no quotation marks, backslashes, control characters, nor "
            f"more than {_LONGEST} letters); look for a part of it by `contains`",
            field=field,
        )
    return f"'{value}'"
