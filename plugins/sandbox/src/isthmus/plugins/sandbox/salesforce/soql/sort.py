"""In which order do rows stand?"""

from collections.abc import Callable, Sequence

from isthmus.plugins.sandbox.salesforce.schema import Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .filter import Key, folder
from .syntax import Order, malformed
from .values import Column


def sorter(orders: Sequence[tuple[Order, Column]]) -> Callable[[list[Row]], list[Row]]:
    """Return what puts rows in order, the first key counting most; raises SoqlError at a field without order."""
    for order, column in orders:
        if not column.field.sortable:
            raise malformed(f"field '{column.field.name}' can not be sorted in a query call", order.operand.at)

    def ordered(rows: list[Row]) -> list[Row]:
        for order, column in reversed(orders):
            rows = _sorted_by(rows, order, column)
        return rows

    return ordered


def _sorted_by(rows: list[Row], order: Order, column: Column) -> list[Row]:
    """Return the rows in order of one key; null comes first unless told otherwise."""
    get, rank = column.get, _ranker(column.field)
    filled, empty = list[Row](), list[Row]()
    for row in rows:
        (empty if get(row) is None else filled).append(row)
    filled.sort(key=lambda row: rank(get(row)), reverse=order.descending)
    return filled + empty if order.nulls_last else empty + filled


def _ranker(field: Field) -> Callable[[Value], Key | tuple[int, str]]:
    """Return how values are ranked: those of a picklist as they are listed, unlisted ones after them."""
    if field.type != "picklist" or not field.values:
        return folder(field)
    ranks = {value.casefold(): place for place, value in enumerate(field.values)}

    def rank(value: Value) -> tuple[int, str]:
        folded = str(value).casefold()
        return ranks.get(folded, len(ranks)), folded

    return rank
