"""Who must agree before something happens to a record, and what happens then?"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from operator import eq
from typing import Final, cast

from .errors import ApiError
from .store import Row, Value

CHOSEN: Final = "chosen"
"""Stands in place of an approver's login where whoever hands the record on names one."""


def _at_least(value: Value, bound: object) -> bool:
    return isinstance(value, int | float) and isinstance(bound, int | float) and value >= bound


_OPERATORS: Final[Mapping[str, Callable[[Value, object], bool]]] = {
    "=": eq,
    ">=": _at_least,
    "in": lambda value, choices: value in cast("Sequence[object]", choices),
}


@dataclass(frozen=True, slots=True)
class Criterion:
    """One condition on a record."""

    field: str
    operator: str
    value: object

    def holds(self, row: Row) -> bool:
        """Say whether a record meets it."""
        return _OPERATORS[self.operator](row[self.field], self.value)


@dataclass(frozen=True, slots=True)
class Step:
    """One consent; it is passed over for records that do not meet its entry."""

    approver: str
    entry: tuple[Criterion, ...] = ()


@dataclass(frozen=True, slots=True)
class Process:
    """One approval process, in the words of the object ProcessDefinition."""

    name: str
    developer_name: str
    object: str
    lock: str
    entry: tuple[Criterion, ...]
    steps: tuple[Step, ...]
    description: str | None = None
    approved: Mapping[str, Value] = field(default_factory=dict)
    rejected: Mapping[str, Value] = field(default_factory=dict)
    pending: int = 0

    def takes(self, row: Row) -> bool:
        """Say whether a record may enter."""
        return all(each.holds(row) for each in self.entry)

    def consents(self, row: Row) -> list[Step]:
        """Return the steps that concern a record, in order."""
        return [step for step in self.steps if all(each.holds(row) for each in step.entry)]


@cache
def load_processes() -> tuple[Process, ...]:
    """Read the processes from the package's data file, in the order in which a record tries them."""
    data = tomllib.loads((files(__package__) / "data" / "approvals.toml").read_text("utf-8"))
    return tuple(_process(each) for each in data["processes"])


def refused(code: str, message: str) -> ApiError:
    """Return a refusal in the form that approvals answer with."""
    return ApiError(400, code, message, [])


def _process(each: Mapping[str, object]) -> Process:
    told = dict(each)
    steps = cast("list[dict[str, object]]", told.pop("steps"))
    entry = _criteria(told.pop("entry"))
    made = tuple(Step(str(step["approver"]), _criteria(step.get("entry", []))) for step in steps)
    return Process(entry=entry, steps=made, **told)  # type: ignore[arg-type]


def _criteria(entries: object) -> tuple[Criterion, ...]:
    return tuple(Criterion(*each) for each in cast("list[tuple[str, str, object]]", entries))
