"""Which rows answer a statement?"""

from collections.abc import Callable, Iterable, Mapping
from typing import TypeAlias

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.access import View
from isthmus.plugins.sandbox.salesforce.schema import SObject
from isthmus.plugins.sandbox.salesforce.store import Row, Store

from .columns import Resolver
from .filter import Filter, key_of
from .groups import MAX_GROUPS, Grouping
from .joins import check_sides
from .limits import asks_by_id, check
from .periods import Calendar
from .records import Children, More, Results, Tree
from .select import Shaper
from .shape import group_columns, tree_columns
from .sort import sorter
from .syntax import (
    Comparison,
    Operand,
    Path,
    Query,
    SoqlError,
    is_aggregate,
    is_bare_count,
    malformed,
    required,
)
from .values import Column, no_such_object

Find: TypeAlias = Callable[[], list[Row]]


def run(query: Query, store: Store, view: View, *, include_deleted: bool = False) -> Results:
    """Answer a statement as this user may; raises SoqlError where it cannot be answered."""
    return _Run(query, store, view, include_deleted=include_deleted or query.all_rows).results()


def columns(query: Query, store: Store, view: View) -> Mapping[str, Json]:
    """Describe the columns of the answer without the answer; raises SoqlError where there would be none."""
    return _Run(query, store, view).columns()


class _Run:
    """One statement on its way from words to rows; `depth` counts the statements around it."""

    def __init__(
        self,
        query: Query,
        store: Store,
        view: View,
        *,
        include_deleted: bool = False,
        sobject: SObject | None = None,
        depth: int = 0,
    ) -> None:
        found = sobject or view.object(query.object)
        if found is None:
            raise no_such_object(query.object, query.at)
        check(query, found, depth)
        self.query = query
        self.store = store
        self.view = view
        self.sobject = found
        self.include_deleted = include_deleted
        self.depth = depth
        self.resolver = Resolver(store, view, found, query.alias, query.joined, deleted=include_deleted)

    def results(self) -> Results:
        """Return the answer."""
        query = self.query
        if is_bare_count(query):
            return Results(self.sobject, len(self.window(self.matching()())), (), lambda _row, _base, _more=None: {})
        if is_aggregate(query):
            return self._grouped()
        tree = self.tree()
        rows = self.window(self.sorted_rows()())
        return Results(self.sobject, len(rows), rows, tree.render, query.update)

    def columns(self) -> Mapping[str, Json]:
        """Return what the answer's columns look like."""
        query, found, ids = self.query, list[Json](), False
        self.matching()
        if is_aggregate(query) and not is_bare_count(query):
            found = group_columns(Grouping(query, self.resolver))
        elif not is_aggregate(query):
            self.sorted_rows()
            tree = self.tree()
            found, ids = tree_columns(tree), "Id" in tree.parts
        return {
            "columnMetadata": found,
            "entityName": self.sobject.name,
            "groupBy": bool(query.group_by),
            "idSelected": ids,
            "keyPrefix": self.sobject.prefix,
        }

    def matching(self) -> Find:
        """Return what finds the visible rows that the condition lets through, in the order of their ids.

        Finding comes after reading: a nested statement is refused before the first row is written.
        """
        tests: list[Callable[[Row], bool]] = []
        if not self.include_deleted:
            tests.append(lambda row: not row["IsDeleted"])
        visible = self.view.rows_of(self.sobject, named=self.depth > 0 or asks_by_id(self.query))
        if visible is not None:
            tests.append(visible)
        if self.query.scope is not None and self.query.scope.lower() == "mine":
            tests.append(lambda row: row["OwnerId"] == self.view.user_id)
        test = self._test()
        if test is not None:
            tests.append(test)

        def find() -> list[Row]:
            rows: Iterable[Row] = self._candidates()
            for each in tests:
                rows = filter(each, rows)
            return list(rows)

        return find

    def sorted_rows(self) -> Find:
        """Return what finds the matching rows in the order that the statement asks for."""
        ordered = sorter([(order, self.resolver.operand(order.operand)) for order in self.query.order_by])
        find = self.matching()
        return lambda: ordered(find())

    def window(self, rows: list[Row]) -> list[Row]:
        """Return what LIMIT and OFFSET leave."""
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        return rows[self.query.offset : end]

    def tree(self) -> Tree:
        """Return the shape of one record of the answer."""
        return Shaper(self.resolver, self._children).tree(self.query)

    def _test(self) -> Callable[[Row], bool] | None:
        where = self.query.where
        return None if where is None else self._filter(self.resolver.operand).test(where)

    def _filter(self, resolve: Callable[[Operand], Column]) -> Filter:
        calendar = Calendar(self.store.clock.now().date(), self.resolver.locale.first_weekday)
        return Filter(resolve, self._members, calendar)

    def _members(self, query: Query, left: Column) -> frozenset[str]:
        """Return the ids that a nested query finds, to be compared with a column."""
        inner = _Run(query, self.store, self.view, include_deleted=self.include_deleted, depth=self.depth + 1)
        [selected] = query.select
        if not isinstance(selected.expression, Path):
            raise malformed("Semi join sub-selects must select a field", query.at)
        right = inner.resolver.column(selected.expression)
        check_sides(left, right, self.sobject, inner.sobject, query.at)
        get = right.get
        return frozenset(str(value) for row in inner.matching()() if (value := get(row)) is not None)

    def _children(self, query: Query, sobject: SObject, key: str) -> Children:
        inner = _Run(
            query,
            self.store,
            self.view,
            include_deleted=self.include_deleted,
            sobject=sobject,
            depth=self.depth + 1,
        )
        return Children(inner.sorted_rows(), inner.window, inner.tree(), sobject, key)

    def _candidates(self) -> Iterable[Row]:
        """Return the rows worth testing: those with the wanted keys where the condition asks for keys."""
        for comparison in required(self.query.where):
            found = self._by_key(comparison)
            if found is not None:
                return [found[key] for key in sorted(found)]
        return self.store[self.sobject.name]

    def _by_key(self, comparison: Comparison) -> dict[str, Row] | None:
        operand, value = comparison.operand, comparison.value
        if not isinstance(operand, Path) or comparison.operator not in ("=", "IN") or isinstance(value, Query):
            return None
        column = self.view.field(self.sobject, self.resolver.own(operand).text)
        literals = value if isinstance(value, tuple) else (value,)
        if column is None or any(each.kind != "string" for each in literals):
            return None
        table = self.store[self.sobject.name]
        direct = column.name == "Id" and not self.sobject.metadata
        if not direct and (self.include_deleted or not table.has_index(column)):
            return None
        keys = [key_of(column, each) for each in literals]
        if None in keys:  # an empty string means null, and empty values have no entry
            return None
        if direct:
            return {str(key): table.rows[str(key)] for key in keys if str(key) in table.rows}
        return {str(row["Id"]): row for key in keys for row in table.find(column, str(key))}

    def _grouped(self) -> Results:
        grouping = Grouping(self.query, self.resolver)
        having = self._filter(grouping.column).test(self.query.having) if self.query.having else None
        ordered = sorter([(order, grouping.ordered(order.operand)) for order in self.query.order_by])
        groups = grouping.rows(self.matching()())
        if having is not None:
            groups = list(filter(having, groups))
        groups = self.window(ordered(groups))
        if len(groups) > MAX_GROUPS:
            message = (
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            )
            raise SoqlError("EXCEEDED_ID_LIMIT", message)
        outputs = [(output.name, output.column.get) for output in grouping.outputs]

        def render(row: Row, _base: str, _more: More | None = None) -> Mapping[str, Json]:
            return {"attributes": {"type": "AggregateResult"}} | {name: get(row) for name, get in outputs}

        return Results(self.sobject, len(groups), groups, render)
