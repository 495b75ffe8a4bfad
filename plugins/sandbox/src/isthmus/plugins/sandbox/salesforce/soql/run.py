"""Which rows answer a statement?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.salesforce.access import View
from isthmus.plugins.sandbox.salesforce.schema import SObject
from isthmus.plugins.sandbox.salesforce.store import Row, Store

from .columns import Column, Resolver, no_such_object
from .filter import Filter, folder, key_of
from .groups import MAX_GROUPS, Grouping, is_aggregate
from .limits import check
from .records import Children, Tree
from .syntax import Call, Comparison, Condition, Logical, Macro, Operand, Order, Path, Query, Selected, SoqlError

Render: TypeAlias = Callable[[Row, str], Mapping[str, Json]]


@dataclass(frozen=True, slots=True)
class Results:
    """The rows that answer a statement; `render` writes one, given the base URL of the version in use."""

    sobject: SObject
    total: int
    rows: Sequence[Row]
    render: Render
    update: tuple[str, ...] = ()


def run(query: Query, store: Store, view: View, *, include_deleted: bool = False) -> Results:
    """Answer a statement as this user may; raises SoqlError where it cannot be answered."""
    return _Run(query, store, view, include_deleted=include_deleted or query.all_rows).results()


class _Run:
    """One statement on its way from words to rows."""

    def __init__(
        self, query: Query, store: Store, view: View, *, include_deleted: bool, sobject: SObject | None = None
    ) -> None:
        found = sobject or view.object(query.object)
        if found is None:
            raise no_such_object(query.object, query.at)
        check(query, found)
        self.query = query
        self.store = store
        self.view = view
        self.sobject = found
        self.include_deleted = include_deleted
        self.resolver = Resolver(store, view, found, query.alias)

    def results(self) -> Results:
        """Return the answer."""
        query = self.query
        if _is_bare_count(query):
            return Results(self.sobject, len(self.window(self.matching())), (), lambda _row, _base: {})
        if is_aggregate(query):
            return self._grouped()
        tree = self.tree()
        rows = self.window(self.sorted_rows())
        return Results(self.sobject, len(rows), rows, tree.render, query.update)

    def matching(self) -> list[Row]:
        """Return the visible rows that the condition lets through, in the order of their ids."""
        tests: list[Callable[[Row], bool]] = []
        if not self.include_deleted and "isdeleted" in self.sobject.by_name:
            tests.append(lambda row: not row["IsDeleted"])
        visible = self.view.rows_of(self.sobject)
        if visible is not None:
            tests.append(visible)
        if self.query.scope is not None and self.query.scope.lower() == "mine":
            tests.append(lambda row: row.get("OwnerId") == self.view.user_id)
        if self.query.where is not None:
            tests.append(self._filter(self.resolver.operand).test(self.query.where))
        rows: Iterable[Row] = self._candidates()
        for test in tests:
            rows = filter(test, rows)
        return list(rows)

    def sorted_rows(self) -> list[Row]:
        """Return the matching rows in the order that the statement asks for."""
        orders = [(order, self.resolver.operand(order.operand)) for order in self.query.order_by]
        rows = self.matching()
        for order, column in reversed(orders):
            rows = _sorted_by(rows, order, column)
        return rows

    def window(self, rows: list[Row]) -> list[Row]:
        """Return what LIMIT and OFFSET leave."""
        end = None if self.query.limit is None else self.query.offset + self.query.limit
        return rows[self.query.offset : end]

    def tree(self) -> Tree:
        """Return the shape of one record of the answer."""
        tree = Tree(self.store.schema, self.sobject)
        for selected in self._expanded(self.query.select):
            if selected.alias is not None:
                raise SoqlError("MALFORMED_QUERY", "only aggregate expressions use field aliasing", self.query.at)
            expression = selected.expression
            if isinstance(expression, Query):
                self._add_children(tree, expression)
            elif isinstance(expression, Path | Call):
                self._add_column(tree, expression)
        return tree

    def _filter(self, resolve: Callable[[Operand], Column]) -> Filter:
        return Filter(resolve, self._members, self.store.clock.now().date())

    def _members(self, query: Query) -> frozenset[str]:
        """Return the values of the one column that a nested query selects."""
        inner = _Run(query, self.store, self.view, include_deleted=self.include_deleted)
        selected = query.select[0].expression
        if len(query.select) != 1 or not isinstance(selected, Path):
            raise SoqlError("MALFORMED_QUERY", "a nested query must select exactly one field", query.at)
        column = inner.resolver.column(selected)
        if column.field.type not in ("id", "reference"):
            raise SoqlError("MALFORMED_QUERY", "a nested query must select an id or a reference", selected.at)
        return frozenset(str(value) for row in inner.matching() if (value := column.get(row)) is not None)

    def _candidates(self) -> Iterable[Row]:
        """Return the rows worth testing: those with the wanted keys where the condition asks for keys."""
        for comparison in _required(self.query.where):
            found = self._by_key(comparison)
            if found is not None:
                return [found[key] for key in sorted(found)]
        return self.store[self.sobject.name]

    def _by_key(self, comparison: Comparison) -> dict[str, Row] | None:
        operand, value = comparison.operand, comparison.value
        if not isinstance(operand, Path) or comparison.operator not in ("=", "IN") or isinstance(value, Query):
            return None
        column = self.view.field(self.sobject, operand.text)
        literals = value if isinstance(value, tuple) else (value,)
        if column is None or any(each.kind != "string" for each in literals):
            return None
        table = self.store[self.sobject.name]
        keys = [str(key_of(column, each)) for each in literals]
        if column.name == "Id" and not self.sobject.metadata:
            return {key: table.rows[key] for key in keys if key in table.rows}
        if table.has_index(column) and not self.include_deleted:
            return {str(row["Id"]): row for key in keys for row in table.find(column, key)}
        return None

    def _grouped(self) -> Results:
        grouping = Grouping(self.query, self.resolver)
        having = self._filter(grouping.column).test(self.query.having) if self.query.having else None
        orders = [(order, grouping.column(order.operand)) for order in self.query.order_by]
        groups = grouping.rows(self.matching())
        if having is not None:
            groups = list(filter(having, groups))
        for order, column in reversed(orders):
            groups = _sorted_by(groups, order, column)
        groups = self.window(groups)
        if len(groups) > MAX_GROUPS:
            message = (
                "Aggregate query does not support queryMore(), use LIMIT to restrict the results to a single batch"
            )
            raise SoqlError("EXCEEDED_ID_LIMIT", message)
        outputs = grouping.outputs

        def render(row: Row, _base: str) -> Mapping[str, Json]:
            return {"attributes": {"type": "AggregateResult"}} | {name: row[key] for name, key in outputs}

        return Results(self.sobject, len(groups), groups, render)

    def _expanded(self, select: Sequence[Selected]) -> list[Selected]:
        found: list[Selected] = []
        for selected in select:
            macro = selected.expression
            if not isinstance(macro, Macro):
                found.append(selected)
                continue
            if macro.group != "STANDARD" and (self.query.limit is None or self.query.limit > 200):
                message = "The SOQL FIELDS function must have a LIMIT of at most 200"
                raise SoqlError("MALFORMED_QUERY", message, macro.at)
            found += [
                Selected(Path((column.name,), macro.at))
                for column in self.view.fields(self.sobject)
                if macro.group == "ALL" or column.custom is (macro.group == "CUSTOM")
            ]
        return found

    def _add_column(self, tree: Tree, operand: Operand) -> None:
        column = self.resolver.operand(operand)
        *parents, name = column.names
        node, sobject = tree, tree.object
        for depth, parent in enumerate(parents, start=1):
            reference = sobject.by_relationship[parent.lower()] if sobject else None
            refers = reference.refers if reference else ()
            sobject = self.store.schema.objects[refers[0]] if len(refers) == 1 else None
            if parent not in node.parents:
                locate = self.resolver.column(Path((*parents[:depth], "Id"), operand.at))
                node.parents[parent] = Tree(tree.schema, sobject, locate)
            node = node.parents[parent]
        if name in node.columns:
            raise SoqlError("INVALID_FIELD", f"duplicate field selected: {name}", operand.at)
        node.columns[name] = column

    def _add_children(self, tree: Tree, query: Query) -> None:
        wanted = query.object.lower()
        children = self.store.schema.children_of(self.sobject.name)
        child = next((each for each in children if (each.relationship or "").lower() == wanted), None)
        sobject = self.view.object(child.object) if child else None
        if child is None or sobject is None:
            message = f"Didn't understand relationship '{query.object}' in FROM part of query call."
            raise SoqlError("INVALID_TYPE", message, query.at)
        inner = _Run(query, self.store, self.view, include_deleted=self.include_deleted, sobject=sobject)
        name = str(child.relationship)
        tree.children[name] = Children(inner.sorted_rows, inner.window, inner.tree(), child.field)


def _is_bare_count(query: Query) -> bool:
    first = query.select[0]
    return (
        len(query.select) == 1
        and isinstance(first.expression, Call)
        and first.expression.function == "COUNT"
        and first.expression.argument is None
        and first.alias is None
        and not query.group_by
    )


def _required(condition: Condition | None) -> Iterable[Comparison]:
    """Yield the comparisons that every row of the answer must pass."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Logical) and condition.operator == "AND":
        for term in condition.terms:
            yield from _required(term)


def _sorted_by(rows: list[Row], order: Order, column: Column) -> list[Row]:
    if not column.field.sortable:
        message = f"field '{column.field.name}' can not be sorted in a query call"
        raise SoqlError("MALFORMED_QUERY", message, order.operand.at)
    get, fold = column.get, folder(column.field)
    filled, empty = list[Row](), list[Row]()
    for row in rows:
        (empty if get(row) is None else filled).append(row)
    filled.sort(key=lambda row: fold(get(row)), reverse=order.descending)
    return filled + empty if order.nulls_last else empty + filled
