"""Which rows of the log wait to be written with the batch?"""

import sqlite3
from typing import Final

__all__ = ["Pending"]

_INSERTS: Final = {
    "entries": "INSERT INTO entries VALUES (?, ?, ?)",
    "payloads": "INSERT INTO payloads VALUES (?, ?, ?, ?)",
}
_Row = tuple[int | bytes, ...]


class Pending:
    """Rows that are appended only; written together they cost half, and a unit's savepoint stays empty.

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
            if self._written[number] < len(rows):
                db.executemany(_INSERTS[table], rows[self._written[number] :])
                self._written[number] = len(rows)

    def mark(self) -> tuple[list[int], list[int]]:
        """Remember this state for `back_to`."""
        return [len(rows) for _, rows in self._tables], self._written.copy()

    def back_to(self, mark: tuple[list[int], list[int]]) -> None:
        """Forget the rows since the mark, after the database went back to it too."""
        lengths, self._written = mark
        for (_, rows), length in zip(self._tables, lengths, strict=True):
            del rows[length:]
