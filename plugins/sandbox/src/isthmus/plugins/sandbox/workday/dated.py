"""What was true of a worker on a day, as far as it was known at a moment?"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TypeAlias

Value: TypeAlias = "str | int | bool | date | Decimal | None"
Values: TypeAlias = Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Entry:
    """Values that hold from the day `effective` on, typed at the moment `entered`.

    An entry that corrects another one takes its place; every other entry adds to what held before.
    """

    id: int
    worker: str
    effective: date
    entered: datetime
    values: Values
    corrects: int | None = None


class History:
    """Every entry about every worker: nothing is ever overwritten."""

    def __init__(self) -> None:
        self._entries: dict[str, list[Entry]] = {}
        self._last = 0

    def add(
        self, worker: str, effective: date, entered: datetime, values: Values, *, corrects: int | None = None
    ) -> Entry:
        """Write down an entry."""
        self._last += 1
        entry = Entry(self._last, worker, effective, entered, dict(values), corrects)
        self._entries.setdefault(worker, []).append(entry)
        return entry

    def entries(self, worker: str) -> tuple[Entry, ...]:
        """Return the entries about a worker in the order in which they were made."""
        return tuple(self._entries.get(worker, ()))

    def known(self, entered: datetime) -> Iterator[str]:
        """Return the workers of whom anything was typed by that moment."""
        return (worker for worker, entries in self._entries.items() if any(each.entered <= entered for each in entries))

    def as_of(self, worker: str, effective: date, entered: datetime) -> dict[str, Value]:
        """Return what held on that day, told from what was typed by that moment; empty before the first entry."""
        known = [each for each in self._entries.get(worker, ()) if each.entered <= entered]
        replaced = {each.corrects for each in known}
        live = [each for each in known if each.id not in replaced and each.effective <= effective]
        found: dict[str, Value] = {}
        for each in sorted(live, key=lambda entry: (entry.effective, entry.entered, entry.id)):
            found.update(each.values)
        return found

    def later(self, worker: str, name: str, effective: date) -> bool:
        """Say whether some entry changes this value after that day."""
        return any(each.effective > effective and name in each.values for each in self._entries.get(worker, ()))

    def forget(self, worker: str) -> None:
        """Drop every entry about a worker, as if nobody had ever typed one."""
        self._entries.pop(worker, None)

    def copied(self) -> "History":
        """Return a copy."""
        other = History()
        other._entries = {worker: list(entries) for worker, entries in self._entries.items()}
        other._last = self._last
        return other
