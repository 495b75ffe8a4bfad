"""Where do the rows live, and how is a unit of work taken back?"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.clock import Clock

from .schema import Link, Table, load_tables, owner_of
from .values import Value, inner

Row: TypeAlias = Mapping[str, Value]
Key: TypeAlias = tuple[Value, ...]

_CHANGED: Final = "@changed"


class Store:
    """Hold the rows of one landscape; a stored row never changes, a new one takes its place."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.tables = load_tables()
        self._rows: dict[str, dict[Key, Row]] = {name: {} for name in self.tables}
        self._found: dict[tuple[str, tuple[str, ...]], dict[Key, dict[Key, None]]] = {}
        self._numbers = {name: table.number for name, table in self.tables.items() if table.number is not None}
        self._undo: list[tuple[str, Key, Row | None]] | None = None

    def copied(self, clock: Clock) -> "Store":
        """Return a store with the same rows that goes its own way from now on."""
        twin = Store(clock)
        twin._rows = {name: dict(rows) for name, rows in self._rows.items()}
        twin._numbers = dict(self._numbers)
        return twin

    @contextmanager
    def unit_of_work(self) -> Iterator[None]:
        """Take back every change when the block ends with an exception; numbers that were drawn stay drawn."""
        if self._undo is not None:
            yield
            return
        self._undo = []
        try:
            yield
        except BaseException:
            for table, key, row in reversed(self._undo):
                self._put(table, key, row)
            raise
        finally:
            self._undo = None

    def scan(self, table: str) -> Iterator[Row]:
        """Return all rows of a table in the order of their keys' making."""
        yield from tuple(self._rows[table].values())

    def count(self, table: str) -> int:
        """Return how many rows a table has."""
        return len(self._rows[table])

    def get(self, table: str, key: Key) -> Row | None:
        """Return the row with this key, in the order in which the table names its key fields."""
        return self._rows[table].get(key)

    def find(self, table: str, **wanted: Value) -> list[Row]:
        """Return the rows whose fields hold these values; the fields are looked up from then on."""
        names = tuple(sorted(wanted))
        index = self._found.get((table, names))
        if index is None:
            index = self._found[table, names] = {}
            for key, row in self._rows[table].items():
                index.setdefault(tuple(row[name] for name in names), {})[key] = None
        return [self._rows[table][key] for key in index.get(tuple(wanted[name] for name in names), ())]

    def follow(self, link: Link, row: Row) -> list[Row]:
        """Return the rows that a link leads to."""
        wanted = {theirs: row[ours] for theirs, ours in link.on}
        return [] if "" in wanted.values() and link.kind == "one" else self.find(link.table, **wanted)

    def key_of(self, table: Table, row: Row) -> Key:
        """Return a row's key."""
        return tuple(row[name] for name in table.key)

    def root_of(self, table: Table, row: Row) -> tuple[Table, Row]:
        """Return the row that owns this one and is owned by none."""
        while (found := owner_of(table.name)) is not None:
            owner, link = found
            above = self.find(owner.name, **{ours: row[theirs] for theirs, ours in link.on})
            if not above:
                break
            table, row = owner, above[0]
        return table, row

    def next_number(self, table: str) -> int:
        """Draw the next number of a table whose numbers run through all of its rows."""
        number = self._numbers[table]
        self._numbers[table] = number + 1
        return number

    def insert(self, table: Table, values: Row, at: datetime | None = None) -> Row:
        """Store a new row, made now unless said otherwise, and return it; raises KeyError where the key is taken."""
        key = self.key_of(table, values)
        if key in self._rows[table.name]:
            raise KeyError(key)
        row = {**table.blank, **values, **_marks(table, at or self.clock.now())}
        self._set(table.name, key, row)
        return row

    def change(self, table: Table, row: Row, values: Row, *, silent: bool = False) -> Row:
        """Store a new state of a row and return it; `silent` leaves its moment of change where it is."""
        changed = {**row, **values, **({} if silent else _marks(table, self._moment(row)))}
        self._set(table.name, self.key_of(table, row), changed)
        return changed

    def delete(self, table: Table, row: Row) -> None:
        """Forget a row."""
        self._set(table.name, self.key_of(table, row), None)

    def changed(self, row: Row) -> datetime:
        """Return when a row last changed; two states of a row never share a moment."""
        found = row[_CHANGED]
        assert isinstance(found, datetime)  # noqa: S101 - every way in sets it
        return found

    def pad(self, table: Table, name: str, text: str) -> str:
        """Return a key's text as it is kept."""
        return inner(table.fields[name], text)

    def _moment(self, row: Row) -> datetime:
        return max(self.clock.now(), self.changed(row) + timedelta(milliseconds=1))

    def _set(self, table: str, key: Key, row: Row | None) -> None:
        if self._undo is not None:
            self._undo.append((table, key, self._rows[table].get(key)))
        self._put(table, key, row)

    def _put(self, table: str, key: Key, row: Row | None) -> None:
        rows = self._rows[table]
        former = rows.get(key)
        for (name, fields), index in self._found.items():
            if name != table:
                continue
            if former is not None:
                index.get(tuple(former[field] for field in fields), {}).pop(key, None)
            if row is not None:
                index.setdefault(tuple(row[field] for field in fields), {})[key] = None
        if row is None:
            rows.pop(key, None)
        else:
            rows[key] = row


def _marks(table: Table, moment: datetime) -> dict[str, Value]:
    """Return what in a row tells when it changed."""
    found: dict[str, Value] = {_CHANGED: moment}
    if "ETag" in table.fields:
        found["ETag"] = f"{moment:%Y%m%d%H%M%S}{moment.microsecond // 1000:03d}"
    if "LastChangeDateTime" in table.fields:
        found["LastChangeDateTime"] = moment
    if "LastChangeDate" in table.fields:
        found["LastChangeDate"] = moment.date()
    if "LastChangeTime" in table.fields:
        found["LastChangeTime"] = moment.time().replace(microsecond=0)
    return found
