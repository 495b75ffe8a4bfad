"""Which rows of the log wait to be written with the batch?"""

import sqlite3
from collections.abc import Sequence
from functools import cache
from itertools import chain, count
from typing import Final

from .tree import Growth

__all__ = ["Pending", "PendingMark"]

_COLUMNS: Final = {"entries": 3, "payloads": 4}
_WIDTHS: Final = (64, 16, 4, 1)
_Row = tuple[int | bytearray, ...]
_State = tuple[int, int, tuple[int, list[bytes]]]
PendingMark = tuple[int, int, _State]


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
        # How many of each were written, and the tree then; replaced, never changed.
        self._written: _State = (0, 0, growth.mark())

    @property
    def size(self) -> int:
        """Return how many entries the log has with those that wait."""
        return self._first + len(self._leaves)

    def add(self, leaf: bytes) -> None:
        """Put an entry at the end of the log."""
        self._leaves.append(leaf)

    def add_body(self, index: int, salt: bytes, sealed: bytes, named: bytes) -> None:
        """Put what is sealed beside an entry."""
        # A bytearray is bound as it is; what else can be stored is found out for every other value that is no text.
        self._bodies.append((index, bytearray(salt), bytearray(sealed), bytearray(named)))

    def flush(self, db: sqlite3.Connection) -> None:
        """Write what was not written yet, and the new head."""
        leaves, bodies, _ = self._written
        if bodies < len(self._bodies):
            _insert(db, "payloads", self._bodies[bodies:])
        if leaves < len(self._leaves):
            waiting, numbers = self._leaves[leaves:], count(self._growth.size)
            roots = self._growth.extend(waiting)
            _insert(db, "entries", list(zip(numbers, map(bytearray, waiting), map(bytearray, roots), strict=False)))
            db.execute("UPDATE tree SET size = ?, edge = ?", (self._growth.size, bytearray(self._growth.edge)))
        self._written = len(self._leaves), len(self._bodies), self._growth.mark()

    def mark(self) -> PendingMark:
        """Remember this state for `back_to`."""
        return len(self._leaves), len(self._bodies), self._written

    def back_to(self, mark: PendingMark) -> None:
        """Forget the rows since the mark, after the database went back to it too."""
        leaves, bodies, self._written = mark
        del self._leaves[leaves:], self._bodies[bodies:]
        self._growth.back_to(self._written[2])


def _insert(db: sqlite3.Connection, table: str, rows: Sequence[_Row]) -> None:
    # Many rows a statement: between two statements a busy event loop takes the interpreter lock away.
    at = 0
    for width in _WIDTHS:
        while len(rows) - at >= width:
            db.execute(_statement(table, width), tuple(chain.from_iterable(rows[at : at + width])))
            at += width


@cache
def _statement(table: str, width: int) -> str:
    row = f"({','.join('?' * _COLUMNS[table])})"
    return f"INSERT INTO {table} VALUES {','.join([row] * width)}"  # noqa: S608 both are our own words
