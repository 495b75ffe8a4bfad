"""Which nested queries may stand in a condition, and which ids do they give?"""

from collections.abc import Iterator
from typing import Final

from isthmus.plugins.sandbox.salesforce.schema import SObject

from .syntax import Comparison, Condition, Logical, Not, Path, Query, is_aggregate, malformed
from .values import Column

_MAX_JOINS: Final = 2
_BARRED: Final = frozenset(
    {"Task", "Event", "Note", "Attachment", "ActivityHistory", "OpenActivity", "EventAttendee", "ContentDocumentLink"}
)
"""Objects that a nested query may not ask (SOQL and SOSL Reference, "Comparison Operators": semi-join restrictions)."""


def joins(condition: Condition | None) -> Iterator[Comparison]:
    """Yield the comparisons with a nested query."""
    match condition:
        case Comparison(value=Query()):
            yield condition
        case Logical(terms=terms):
            for term in terms:
                yield from joins(term)
        case Not(term=term):
            yield from joins(term)
        case _:
            return


def check_joins(condition: Condition | None, outer: SObject, *, nested: bool) -> None:
    """Hold the semi-joins and anti-joins of a WHERE clause to the vendor's restrictions."""
    found = list(joins(condition))
    if not found:
        return
    if nested:
        raise malformed("Nesting of semi join sub-selects is not supported", _place(found[0]))
    if len(found) > _MAX_JOINS:
        raise malformed(f"Maximum {_MAX_JOINS} semi join sub-selects are allowed", _place(found[_MAX_JOINS]))
    _check_place(condition)
    for comparison in found:
        _check_inner(comparison, outer)


def _check_place(condition: Condition | None) -> None:
    if (
        isinstance(condition, Logical)
        and condition.operator == "OR"
        and any(_is_join(each) for each in condition.terms)
    ):
        raise malformed("Semi join sub-selects are not allowed with the 'OR' operator")
    terms = condition.terms if isinstance(condition, Logical) else (condition,)
    for term in terms:
        if isinstance(term, Not) and any(joins(term)):
            raise malformed("Semi join sub-selects are not allowed with the 'NOT' operator")
        if isinstance(term, Logical) and any(joins(term)):
            message = "Semi join sub-selects are only allowed at the top level WHERE expressions"
            raise malformed(f"{message} and not in nested WHERE expressions.")


def _is_join(condition: Condition) -> bool:
    return isinstance(condition, Comparison) and isinstance(condition.value, Query)


def _check_inner(comparison: Comparison, outer: SObject) -> None:
    query = comparison.value
    if not isinstance(query, Query):
        return
    at = comparison.operand.at
    if not isinstance(comparison.operand, Path) or len(query.select) != 1:
        raise malformed("Semi join sub-selects must select exactly one field and compare it with a field", at)
    if is_aggregate(query) or not isinstance(query.select[0].expression, Path):
        raise malformed("The inner select of a semi join must select a field, not a function", at)
    if query.order_by or query.limit is not None or query.offset or query.group_by:
        raise malformed("ORDER BY, LIMIT, OFFSET and GROUP BY are not allowed in semi join sub-selects", query.at)
    if query.object.lower() == outer.name.lower():
        raise malformed("The inner and outer selects should not be on the same object type", query.at)
    if query.object.lower() in {name.lower() for name in _BARRED}:
        raise malformed(f"Entity '{query.object}' is not supported for semi join inner selects", query.at)


def check_sides(left: Column, right: Column, outer: SObject, inner: SObject, at: int) -> None:
    """Refuse to compare fields that do not hold ids of the same object."""
    for column, side in ((left, "outer"), (right, "inner")):
        if column.field.type not in ("id", "reference"):
            message = f"The {side} field of a semi join must be an id or a reference, cannot use: '{column.field.name}'"
            raise malformed(message, at)
        if len(column.names) > 1:
            raise malformed(f"The {side} select field '{'.'.join(column.names)}' cannot follow a relationship", at)
    one, two = (
        {sobject.name} if field.type == "id" else set(field.refers)
        for field, sobject in ((left.field, outer), (right.field, inner))
    )
    if one.isdisjoint(two):
        message = (
            f"The selected field '{right.field.name}' in the subquery and the left operand field in the where "
            f"expression in the outer query '{left.field.name}' should point to the same object type"
        )
        raise malformed(message, at)


def _place(comparison: Comparison) -> int:
    return comparison.operand.at
