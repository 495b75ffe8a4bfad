"""Which of these rows pass, and in which order?"""

from collections.abc import Iterable
from decimal import Decimal
from typing import cast

from .odata.evaluate import Compiler, words_in
from .odata.options import Options
from .schema import Table
from .store import Row
from .values import Value


def arranged(compiler: Compiler, table: Table, rows: Iterable[Row], options: Options) -> list[Row]:
    """Return the rows that a filter and a search let through, sorted; raises Malformed."""
    found = list(rows)
    if options.filter is not None:
        test = compiler.test(options.filter, table)
        found = [row for row in found if test(row)]
    if options.search:
        words = options.search.replace('"', " ").split()
        found = [row for row in found if words_in(table, row, words)]
    for path, descending in reversed(options.orderby):
        get = compiler.path(path, table, use="nosort").get
        found.sort(key=lambda row: _place(get(row, {})), reverse=descending)
    return found


def _place(value: Value) -> tuple[int, Decimal]:
    """Return what sorts a value: nothing comes first."""
    return (0, Decimal(0)) if value is None else (1, cast("Decimal", value))
