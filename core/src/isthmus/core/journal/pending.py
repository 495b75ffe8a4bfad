"""Which rows of the log wait to be written with the batch?"""

import sqlite3
from collections.abc import Callable, Sequence
from functools import cache
from itertools import chain, count
from typing import Any, Final

from .tree import Growth

__all__ = ["Pending", "PendingMark", "Run"]

Run = Callable[[str, Sequence[Any]], sqlite3.Cursor]
"""Run a statement; what does it inside a unit sets the unit's savepoint first."""
PendingMark = tuple[int, int, tuple[int, int, int, bytes]]

_COLUMNS: Final = {"entries": 3, "payloads": 4}
_WIDTHS: Final = (64, 16, 4)
_Row = tuple[int | bytearray, ...]


class Pending:
    """Rows that are appended only; written together they cost half, and a unit needs no savepoint for them.

    A unit that has to read them flushes first. Undoing a unit also undoes what it flushed for the units before it,
    so rows stay here until the batch ends, and a mark remembers how many were written.
    """

    def __init__(self, growth: Growth) -> None:
        self._growth = growth
        self._first = growth.size
        self._leaves: list[bytes] = []
        self._bodies: list[_Row] = []
        # How many leaves and bodies were written, and the tree then.
        self._written = (0, 0, growth.size, growth.edge)

    @property
    def size(self) -> int:
        """Return how many entries the log has with those that wait."""
        return self._first + len(self._leaves)

    def add(self, leaf: bytes) -> None:
        """Put an entry at the end of the log."""
        self._leaves.append(leaf)

    def add_body(self, index: int, salt: bytes, sealed: bytes, named: bytes) -> None:
        """Put what is sealed beside an entry."""
        # A bytearray is bound as it is; of bytes it is asked first, at length, whether they want to be something else.
        self._bodies.append((index, bytearray(salt), bytearray(sealed), bytearray(named)))

    def flush(self, run: Run) -> None:
        """Write what was not written yet, and the new head."""
        growth, (written, bodies, *_) = self._growth, self._written
        if len(self._bodies) > bodies:
            _insert(run, "payloads", self._bodies[bodies:])
        if len(self._leaves) > written:
            leaves, numbers = self._leaves[written:], count(growth.size)
            roots = growth.extend(leaves)
            _insert(run, "entries", list(zip(numbers, map(bytearray, leaves), map(bytearray, roots), strict=False)))
            run("UPDATE tree SET size = ?, edge = ?", (growth.size, bytearray(growth.edge)))
        self._written = (len(self._leaves), len(self._bodies), growth.size, growth.edge)

    def mark(self) -> PendingMark:
        """Remember this state for `back_to`."""
        return len(self._leaves), len(self._bodies), self._written

    def back_to(self, mark: PendingMark) -> None:
        """Forget the rows since the mark, after the database went back to it too."""
        leaves, bodies, self._written = mark
        del self._leaves[leaves:], self._bodies[bodies:]
        *_, self._growth.size, self._growth.edge = self._written


def _insert(run: Run, table: str, rows: Sequence[_Row]) -> None:
    # Many rows a statement: between two statements a busy event loop takes the interpreter lock away.
    at = 0
    for width in _WIDTHS if len(rows) > 1 else ():
        while len(rows) - at >= width:
            run(_statement(table, width), tuple(chain.from_iterable(rows[at : at + width])))
            at += width
    for row in rows[at:]:
        run(_statement(table, 1), row)


@cache
def _statement(table: str, width: int) -> str:
    row = f"({','.join('?' * _COLUMNS[table])})"
    return f"INSERT INTO {table} VALUES {','.join([row] * width)}"  # noqa: S608 both are our own words
