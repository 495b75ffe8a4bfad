"""Where does a name with dots lead?"""

from collections.abc import Callable
from dataclasses import dataclass

from isthmus.plugins.sandbox.servicenow.schema import Column, TableDefinition
from isthmus.plugins.sandbox.servicenow.store import Row, Store

from .invalid import Invalid


@dataclass(frozen=True, slots=True)
class Path:
    """The way from a row to one value: the references on it, then the column; `table` is where that column is."""

    steps: tuple[Column, ...]
    column: Column
    table: TableDefinition

    def holder(self, store: Store, row: Row) -> Row | None:
        """Return the row that holds the value."""
        held: Row | None = row
        for step in self.steps:
            if held is None:
                return None
            held = store.referred(step, held.get(step.name, ""))
        return held

    def reader(self, store: Store) -> Callable[[Row], str]:
        """Return what reads the value from a row; nothing where the way ends early."""
        name = self.column.name
        if not self.steps:
            return lambda row: row.get(name, "")

        def read(row: Row) -> str:
            held = self.holder(store, row)
            return held.get(name, "") if held is not None else ""

        return read


def resolve(store: Store, table: TableDefinition, name: str) -> Path:
    """Return the way that a name such as `caller_id.department.name` describes; raises Invalid where there is none."""
    steps: list[Column] = []
    *walked, last = name.split(".")
    for each in walked:
        column = table.columns.get(each)
        target = store.schema.find(column.to) if column is not None and column.to else None
        if column is None or target is None or not column.is_reference:
            raise Invalid(name)
        steps.append(column)
        table = target
    column = table.columns.get(last)
    if column is None:
        raise Invalid(name)
    return Path(tuple(steps), column, table)
