"""What is one condition compared with?"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.servicenow.schema import NUMBERS, Column, TableDefinition
from isthmus.plugins.sandbox.servicenow.store import Row, Store
from isthmus.plugins.sandbox.servicenow.viewer import Viewer

from .scripts import evaluate

Test: TypeAlias = Callable[[Row], bool]
Read: TypeAlias = Callable[[Row], str]
_SCRIPT: Final = "javascript:"


@dataclass(frozen=True, slots=True)
class Asked:
    """One condition whose field exists: how the value is read, what it is compared with."""

    store: Store
    viewer: Viewer
    now: datetime
    before: Row | None
    table: TableDefinition
    column: Column
    read: Read
    value: str

    def text(self, value: str) -> str:
        """Return a value of the query after its script, if it is one, has run."""
        script = value.lstrip()
        if script[: len(_SCRIPT)].lower() == _SCRIPT:
            return evaluate(script[len(_SCRIPT) :], self.viewer, self.now)
        return value

    def shown(self) -> Read:
        """Return what reads the text that a text operator looks at: of a reference its display value."""
        if not self.column.is_reference:
            return self.read
        store, column, plain = self.store, self.column, self.read

        def shown(row: Row) -> str:
            target = store.referred(column, plain(row))
            return store.display(column.to, target) if target else plain(row)

        return shown


def ordered(column: Column) -> Callable[[str], "float | str | None"]:
    """Return what brings a value into an order: numbers as such, text without case; None stands for no value."""
    if column.type not in NUMBERS:
        return lambda text: text.casefold() or None

    def number(text: str) -> float | None:
        try:
            return float(text)
        except ValueError:
            return None

    return number


def within(asked: Asked, low: str, high: str) -> Test:
    """Return the test of a value between two, both included."""
    key, plain = ordered(asked.column), asked.read
    first, last = key(low), key(high)

    def test(row: Row) -> bool:
        found = key(plain(row))
        if found is None or first is None or last is None:
            return False
        return bool(first <= found <= last)  # type: ignore[operator]

    return test
