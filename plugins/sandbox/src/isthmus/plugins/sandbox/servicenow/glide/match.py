"""Which rows does an encoded query mean, and in which order?"""

import operator
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, TypeAlias

from isthmus.plugins.sandbox.servicenow.schema import NUMBERS, TableDefinition
from isthmus.plugins.sandbox.servicenow.store import Row, Store
from isthmus.plugins.sandbox.servicenow.viewer import Viewer

from .conditions import build
from .invalid import Invalid
from .paths import resolve
from .syntax import Condition, Group, Inner, Join, Query, Related, Term, parse

Test: TypeAlias = Callable[[Row], bool]
_COUNTS: Final[Mapping[str, Callable[[int, int], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


@dataclass(frozen=True, slots=True)
class Compiled:
    """A query ready to run: `ignored` holds the parts that were left out."""

    test: Test
    order: tuple[tuple[Callable[[Row], tuple[int, float, str]], bool], ...]
    group_by: tuple[str, ...]
    ignored: tuple[str, ...]

    def run(self, rows: Iterable[Row]) -> list[Row]:
        """Return the rows that fit, sorted; what is equal stays in the order it came in."""
        found = [row for row in rows if self.test(row)]
        for key, descending in reversed(self.order):
            found.sort(key=key, reverse=descending)
        return found


@dataclass(frozen=True, slots=True)
class Finder:
    """Read encoded queries as one user, now; `before` is the row's former state where a business rule asks."""

    store: Store
    viewer: Viewer
    now: datetime
    before: Row | None = None
    strict: bool = False
    """Whether a part that makes no sense empties the answer instead of widening it."""

    def compile(self, table: TableDefinition, text: str) -> Compiled:
        """Return the query for rows of this table."""
        return self._compiled(table, parse(text))

    def _compiled(self, table: TableDefinition, query: Query) -> Compiled:
        ignored = list(query.broken)
        tests = [test for group in query.groups if (test := self._group(table, group, ignored)) is not None]
        keys = []
        for name, descending in query.order:
            try:
                keys.append((self._key(table, name), descending))
            except Invalid:
                ignored.append(f"ORDERBY{name}")
        return Compiled(self._whole(tests, ignored), tuple(keys), query.group_by, tuple(ignored))

    def _whole(self, tests: list[Test], ignored: list[str]) -> Test:
        if ignored and self.strict:
            return _never
        if not tests:
            return _always
        return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)

    def _group(self, table: TableDefinition, group: Group, ignored: list[str]) -> Test | None:
        """Return the test of one group, or None where nothing of it is left: it then asks for nothing."""
        needed: list[Test] = []
        for alternatives in group:
            tests = []
            for term in alternatives:
                try:
                    tests.append(self._term(table, term, ignored))
                except Invalid:
                    ignored.append(str(term))
            if tests:
                needed.append(_any(tests))
        if not needed:
            return None
        return needed[0] if len(needed) == 1 else lambda row: all(test(row) for test in needed)

    def _term(self, table: TableDefinition, term: Term, ignored: list[str]) -> Test:
        if isinstance(term, Condition):
            return build(self.store, self.viewer, self.now, self.before, table, term)
        if isinstance(term, Join):
            return self._join(table, term, ignored)
        if isinstance(term, Related):
            return self._related(term, ignored)
        return self._inner(table, term, ignored)

    def _join(self, table: TableDefinition, term: Join, ignored: list[str]) -> Test:
        if not table.extends(term.table) or term.column not in table.columns:
            raise Invalid(term.table)
        values = self._values(term.other, term.other_column, term.inner, ignored)
        return lambda row: row.get(term.column, "") in values

    def _related(self, term: Related, ignored: list[str]) -> Test:
        other = self._table(term.table)
        read = resolve(self.store, other, term.column).reader(self.store)
        counts: dict[str, int] = {}
        compiled = self._below(other, term.inner, ignored)
        for row in self.store.scan(other):
            if compiled.test(row):
                counts[read(row)] = counts.get(read(row), 0) + 1
        compare = _COUNTS[term.operator]
        return lambda row: compare(counts.get(row["sys_id"], 0), term.number)

    def _inner(self, table: TableDefinition, term: Inner, ignored: list[str]) -> Test:
        read = resolve(self.store, table, term.field).reader(self.store)
        values = self._values(term.table, term.column, term.inner, ignored)
        return lambda row: read(row) in values

    def _values(self, name: str, column: str, inner: Query, ignored: list[str]) -> frozenset[str]:
        other = self._table(name)
        if column not in other.columns:
            raise Invalid(column)
        compiled = self._below(other, inner, ignored)
        return frozenset(row[column] for row in self.store.scan(other) if compiled.test(row)) - {""}

    def _below(self, table: TableDefinition, inner: Query, ignored: list[str]) -> Compiled:
        compiled = self._compiled(table, inner)
        ignored += compiled.ignored
        return compiled

    def _table(self, name: str) -> TableDefinition:
        found = self.store.schema.find(name)
        if found is None:
            raise Invalid(name)
        return found

    def _key(self, table: TableDefinition, name: str) -> Callable[[Row], tuple[int, float, str]]:
        path = resolve(self.store, table, name)
        read, store, column = path.reader(self.store), self.store, path.column
        if column.type in NUMBERS:
            return lambda row: _number(read(row))
        if column.is_reference:

            def displayed(row: Row) -> tuple[int, float, str]:
                target = store.referred(column, read(row))
                return (1, 0.0, store.display(column.to, target).casefold()) if target else (0, 0.0, "")

            return displayed
        return lambda row: (1, 0.0, read(row).casefold())


def _number(text: str) -> tuple[int, float, str]:
    try:
        return (1, float(text), "")
    except ValueError:
        return (0, 0.0, text)


def _any(tests: list[Test]) -> Test:
    return tests[0] if len(tests) == 1 else lambda row: any(test(row) for test in tests)


def _always(_row: Row) -> bool:
    return True


def _never(_row: Row) -> bool:
    return False
