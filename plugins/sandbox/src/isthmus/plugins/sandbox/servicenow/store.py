"""Where do the rows live, and how is one found?"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.clock import Clock

from .schema import Column, Schema, TableDefinition

Row: TypeAlias = dict[str, str]

FORM: Final = "%Y-%m-%d %H:%M:%S"


def written(moment: datetime) -> str:
    """Write an instant as the database holds it: UTC."""
    return moment.strftime(FORM)


def read(text: str) -> datetime:
    """Read what `written` wrote."""
    return datetime.strptime(text, FORM).replace(tzinfo=UTC)


@dataclass(slots=True)
class _Shelf:
    """The rows of one class by sys_id, and those that one indexed value leads to."""

    rows: dict[str, Row] = field(default_factory=dict)
    keys: dict[str, dict[str, dict[str, None]]] = field(default_factory=dict)


class Store:
    """Hold the rows of one instance: each in the table of its class, seen through every table above it."""

    def __init__(self, schema: Schema, clock: Clock, origin: str) -> None:
        self.schema = schema
        self.clock = clock
        self._origin = origin
        self._shelves = {table.name: _Shelf() for table in schema}
        self._minted = 0
        self._numbers: dict[str, int] = {}

    def copied(self, clock: Clock) -> "Store":
        """Return a store with the same rows that goes its own way from now on; rows themselves never change."""
        twin = Store(self.schema, clock, self._origin)
        twin._minted, twin._numbers = self._minted, dict(self._numbers)
        for name, shelf in self._shelves.items():
            keys = {column: {value: dict(ids) for value, ids in found.items()} for column, found in shelf.keys.items()}
            twin._shelves[name] = _Shelf(dict(shelf.rows), keys)
        return twin

    def scan(self, table: TableDefinition) -> Iterator[Row]:
        """Return the rows that the table shows, its own before those of the tables below."""
        for each in table.family:
            yield from self._shelves[each.name].rows.values()

    def count(self, name: str) -> int:
        """Return how many rows the table shows."""
        return sum(len(self._shelves[each.name].rows) for each in self.schema[name].family)

    def get(self, table: str, sys_id: str) -> Row | None:
        """Return the row with this id if the table shows it."""
        definition = self.schema.find(table)
        if definition is None:
            return None
        for each in definition.family:
            found = self._shelves[each.name].rows.get(sys_id)
            if found is not None:
                return found
        return None

    def referred(self, column: Column, value: str) -> Row | None:
        """Return the row that a reference with this value leads to."""
        return self.first(column.to, name=value) if column.named else self.get(column.to, value)

    def class_of(self, table: str, row: Row) -> TableDefinition:
        """Return the table in which a row that this table shows really lies."""
        sys_id = row["sys_id"]
        return next(each for each in self.schema[table].family if sys_id in self._shelves[each.name].rows)

    def find(self, table: str, **wanted: str) -> Iterator[Row]:
        """Return the rows of a table that hold these values exactly; looked up where an index exists."""
        definition = self.schema[table]
        for each in definition.family:
            shelf = self._shelves[each.name]
            rows: Iterable[Row] = shelf.rows.values()
            for name, keys in shelf.keys.items():
                if name in wanted:
                    rows = [shelf.rows[key] for key in keys.get(wanted[name], ())]
                    break
            yield from (row for row in rows if all(row.get(name) == value for name, value in wanted.items()))

    def first(self, table: str, **wanted: str) -> Row | None:
        """Return the first such row."""
        return next(self.find(table, **wanted), None)

    def index(self, table: str, column: str) -> None:
        """Look this column up from now on, instead of reading all rows."""
        for each in self.schema[table].family:
            shelf = self._shelves[each.name]
            keys = shelf.keys.setdefault(column, {})
            for key, row in shelf.rows.items():
                keys.setdefault(row.get(column, ""), {})[key] = None

    def mint(self, table: str) -> str:
        """Return a fresh sys_id."""
        self._minted += 1
        text = f"{self._origin} {table} {self._minted}".encode()
        return hashlib.md5(text, usedforsecurity=False).hexdigest()

    def next_number(self, table: TableDefinition) -> str:
        """Return the next automatic number of a table, or nothing where it has none."""
        prefix = next((each.prefix for each in table.line if each.prefix), "")
        if not prefix or "number" not in table.columns:
            return ""
        self._numbers[prefix] = self._numbers.get(prefix, 10_000) + 1
        return f"{prefix}{self._numbers[prefix]:07d}"

    def insert(self, table: str, values: Mapping[str, str], by: str, at: datetime | None = None) -> Row:
        """Store a new row made by this user and return it."""
        definition = self.schema[table]
        row = {**definition.blank, **{name: value for name, value in values.items() if name in definition.columns}}
        row["sys_id"] = row["sys_id"] or self.mint(table)
        made = written(at or self.clock.now())
        row.update(sys_created_on=made, sys_updated_on=made, sys_created_by=by, sys_updated_by=by, sys_mod_count="0")
        if "sys_class_name" in definition.columns:
            row["sys_class_name"] = table
        if "number" in definition.columns and not row["number"]:
            row["number"] = self.next_number(definition)
        self._put(table, row)
        return row

    def change(self, table: str, row: Row, values: Mapping[str, str], by: str, *, same_second: bool = False) -> Row:
        """Store a new state of a row and return it.

        So that two changes stay apart although the clock stands still, sys_updated_on moves at least one second past
        its predecessor; `same_second` leaves it where it is, as two quick changes would in life.
        """
        name = self.class_of(table, row).name
        before = read(row["sys_updated_on"])
        after = before if same_second else max(self.clock.now(), before + timedelta(seconds=1))
        count = str(int(row["sys_mod_count"]) + 1)
        changed = {**row, **values, "sys_updated_on": written(after), "sys_updated_by": by, "sys_mod_count": count}
        self._put(name, changed)
        return changed

    def delete(self, table: str, row: Row) -> None:
        """Forget a row."""
        shelf = self._shelves[self.class_of(table, row).name]
        self._unlist(shelf, shelf.rows.pop(row["sys_id"]))

    def _put(self, table: str, row: Row) -> None:
        shelf = self._shelves[table]
        old = shelf.rows.get(row["sys_id"])
        if old is not None:
            self._unlist(shelf, old)
        shelf.rows[row["sys_id"]] = row
        for name, keys in shelf.keys.items():
            keys.setdefault(row.get(name, ""), {})[row["sys_id"]] = None

    def _unlist(self, shelf: _Shelf, row: Row) -> None:
        for name, keys in shelf.keys.items():
            keys.get(row.get(name, ""), {}).pop(row["sys_id"], None)

    def display(self, table: str, row: Row) -> str:
        """Return what stands for a row where it is referred to."""
        definition = self.schema[table]
        name = definition.display
        column = definition.columns.get(name)
        value = row.get(name, "")
        if column is not None and column.is_reference and value:
            target = self.referred(column, value)
            return self.display(column.to, target) if target else ""
        return value
