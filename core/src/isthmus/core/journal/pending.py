"""Which rows of the log wait to be written with the batch?"""

import sqlite3
from functools import cache
from itertools import chain
from typing import Final

__all__ = ["Pending"]

_COLUMNS: Final = {"entries": 3, "payloads": 4}
_WIDTHS: Final = (64, 16, 4, 1)
_Row = tuple[int | bytes, ...]


class Pending:
    """Rows that are appended only; written together they cost half, and a unit needs no savepoint for them.

    A unit that has to read them flushes first. Undoing a unit also undoes what it flushed for the units before it,
    so rows stay here until the batch ends, and a mark remembers how many were written.
    """

    def __init__(self) -> None:
        self.entries: list[_Row] = []
        self.payloads: list[_Row] = []
        self._tables = (("entries", self.entries), ("payloads", self.payloads))
        self._written = [0, 0]

    def flush(self, db: sqlite3.Connection) -> None:
        """Write what was not written yet."""
        for number, (table, rows) in enumerate(self._tables):
            _insert(db, table, rows, self._written[number])
            self._written[number] = len(rows)

    def mark(self) -> tuple[int, int, list[int]]:
        """Remember this state for `back_to`."""
        return len(self.entries), len(self.payloads), self._written.copy()

    def back_to(self, mark: tuple[int, int, list[int]]) -> None:
        """Forget the rows since the mark, after the database went back to it too."""
        entries, payloads, self._written = mark
        del self.entries[entries:], self.payloads[payloads:]


def _insert(db: sqlite3.Connection, table: str, rows: list[_Row], at: int) -> None:
    # Many rows a statement: between two statements a busy event loop takes the interpreter lock away.
    for width in _WIDTHS:
        while len(rows) - at >= width:
            db.execute(_statement(table, width), tuple(chain.from_iterable(rows[at : at + width])))
            at += width


@cache
def _statement(table: str, width: int) -> str:
    row = f"({','.join('?' * _COLUMNS[table])})"
    return f"INSERT INTO {table} VALUES {','.join([row] * width)}"  # noqa: S608 both are our own words
