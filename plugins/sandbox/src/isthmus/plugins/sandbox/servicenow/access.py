"""What may this user see and change?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import TypeAlias, cast

from .glide import Finder
from .schema import TableDefinition, data_file
from .store import Row, Store
from .viewer import Viewer

Test: TypeAlias = Callable[[Row], bool]


@dataclass(frozen=True, slots=True)
class Rule:
    """One access rule: who has one of the roles passes where the condition, an encoded query, holds."""

    name: str
    operations: frozenset[str]
    roles: frozenset[str]
    condition: str = ""


@cache
def load_rules() -> Mapping[tuple[str, str], tuple[Rule, ...]]:
    """Read the rules from the package's data file, by name and operation."""
    found: dict[tuple[str, str], tuple[Rule, ...]] = {}
    for each in cast("Sequence[Mapping[str, object]]", data_file("access.toml")["rule"]):
        operations = frozenset(cast("list[str]", each["operations"]))
        roles = frozenset(cast("list[str]", each["roles"]))
        rule = Rule(str(each["name"]), operations, roles, str(each.get("condition", "")))
        for operation in operations:
            key = (rule.name, operation)
            found[key] = (*found.get(key, ()), rule)
    return found


class Access:
    """The rules as they are for one user, now."""

    def __init__(self, store: Store, viewer: Viewer, now: datetime) -> None:
        self._store = store
        self._viewer = viewer
        self._finder = Finder(store, viewer, now)
        self._tests: dict[tuple[str, str], Test | None] = {}

    def may(self, operation: str, table: TableDefinition) -> bool:
        """Say whether there is any row of the table for which the user may do that."""
        return self._viewer.is_admin or any(self._viewer.has_any(rule.roles) for rule in _rules(operation, table))

    def row(self, operation: str, table: TableDefinition, row: Row) -> bool:
        """Say whether the user may do that to a row; the rules of the row's own class hold."""
        if self._viewer.is_admin:
            return True
        owner = self._store.class_of(table.name, row) if table.children else table
        key = (operation, owner.name)
        if key not in self._tests:
            self._tests[key] = self._test(operation, owner)
        test = self._tests[key]
        return test is not None and test(row)

    def field(self, operation: str, table: TableDefinition, name: str) -> bool:
        """Say whether the user may do that with a field."""
        if self._viewer.is_admin:
            return True
        for each in table.line:
            rules = load_rules().get((f"{each.name}.{name}", operation))
            if rules is not None:
                return any(self._viewer.has_any(rule.roles) for rule in rules)
        return True

    def _test(self, operation: str, table: TableDefinition) -> Test | None:
        """Return what a row must pass, or None where no row passes."""
        rules = [rule for rule in _rules(operation, table) if self._viewer.has_any(rule.roles)]
        if not rules:
            return None
        tests = [self._finder.compile(table, rule.condition).test for rule in rules]
        return lambda row: any(test(row) for test in tests)


def _rules(operation: str, table: TableDefinition) -> tuple[Rule, ...]:
    for each in table.line:
        found = load_rules().get((each.name, operation))
        if found is not None:
            return found
    return load_rules()["*", operation]
