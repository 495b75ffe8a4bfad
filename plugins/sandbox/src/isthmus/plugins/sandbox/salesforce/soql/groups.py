"""What do GROUP BY, HAVING and the aggregate functions make of the rows?"""

from collections.abc import Callable, Sequence
from typing import Final, cast

from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .columns import Column, Resolver
from .filter import folder
from .parse import AGGREGATES
from .syntax import Call, Operand, Path, Query, Selected, SoqlError

MAX_GROUPS: Final = 2_000


def is_aggregate(query: Query) -> bool:
    """Say whether the statement answers with groups instead of records."""
    calls = (each.expression for each in query.select)
    return bool(query.group_by) or any(isinstance(each, Call) and each.function in AGGREGATES for each in calls)


class Grouping:
    """Work out one row for each group; such a row is keyed by the text of its operands."""

    def __init__(self, query: Query, resolver: Resolver) -> None:
        self._query = query
        self._resolver = resolver
        self._keys = {_key(each): self._group_column(each) for each in query.group_by}
        self._totals: dict[str, tuple[Column, Callable[[Sequence[Row]], Value]]] = {}
        self._aliases = {each.alias.lower(): _operand_of(each) for each in query.select if each.alias}
        self.outputs = self._outputs()

    def column(self, operand: Operand) -> Column:
        """Return where a group's row holds this operand; for HAVING and ORDER BY."""
        if isinstance(operand, Path) and len(operand.parts) == 1:
            operand = self._aliases.get(operand.text.lower(), operand)
        key = _key(operand)
        if key in self._keys:
            field = self._keys[key].field
        elif isinstance(operand, Call) and operand.function in AGGREGATES:
            field = self._total(operand)[0].field
        else:
            raise SoqlError("MALFORMED_QUERY", f"Field must be grouped or aggregated: {_text(operand)}", operand.at)
        return Column((field.name,), field, lambda row: row[key])

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Return one row for each group, in the order in which the groups are met."""
        groups: dict[tuple[Value, ...], list[Row]] = {}
        if self._keys:
            getters = [column.get for column in self._keys.values()]
            for row in rows:
                groups.setdefault(tuple(get(row) for get in getters), []).append(row)
        else:
            groups[()] = list(rows)
        found: list[Row] = []
        for values, members in groups.items():
            group: Row = dict(zip(self._keys, values, strict=True))
            for key, (_, total) in self._totals.items():
                group[key] = total(members)
            found.append(group)
        return found

    def _outputs(self) -> list[tuple[str, str]]:
        """Return, for each selected column, its name in the answer and its key in a group's row."""
        outputs: list[tuple[str, str]] = []
        unnamed = 0
        for selected in self._query.select:
            operand = _operand_of(selected)
            column = self.column(operand)
            if selected.alias:
                name = selected.alias
            elif isinstance(operand, Path):
                name = column.field.name
            else:
                name, unnamed = f"expr{unnamed}", unnamed + 1
            if any(name == other for other, _ in outputs):
                raise SoqlError("MALFORMED_QUERY", f"duplicate alias: {name}", operand.at)
            outputs.append((name, _key(operand)))
        return outputs

    def _group_column(self, operand: Operand) -> Column:
        column = self._resolver.operand(operand)
        if not column.field.groupable:
            message = f"field '{column.field.name}' can not be grouped in a query call"
            raise SoqlError("MALFORMED_QUERY", message, operand.at)
        return column

    def _total(self, call: Call) -> tuple[Column, Callable[[Sequence[Row]], Value]]:
        key = _key(call)
        if key not in self._totals:
            self._totals[key] = self._make_total(call)
        return self._totals[key]

    def _make_total(self, call: Call) -> tuple[Column, Callable[[Sequence[Row]], Value]]:
        if call.argument is None:
            return _column("int", lambda row: row[""]), len
        source = self._resolver.column(call.argument)
        field, get = source.field, source.get
        allowed = field.type in NUMERIC if call.function in ("SUM", "AVG") else field.type not in ("boolean", "address")
        if not allowed or not field.filterable:
            message = f"field {field.name} does not support aggregate operator {call.function}"
            raise SoqlError("MALFORMED_QUERY", message, call.at)
        if call.function == "COUNT":
            return _column("int", get), lambda rows: sum(get(row) is not None for row in rows)
        fold = folder(field)
        if call.function == "COUNT_DISTINCT":
            return _column("int", get), lambda rows: len(
                {fold(value) for row in rows if (value := get(row)) is not None}
            )
        if call.function in ("MIN", "MAX"):
            pick = min if call.function == "MIN" else max
            return source, lambda rows: pick(
                (value for row in rows if (value := get(row)) is not None), key=fold, default=None
            )
        return _column("double", get), lambda rows: _sum_or_mean(
            [cast("float", value) for row in rows if (value := get(row)) is not None], mean=call.function == "AVG"
        )


def _column(kind: str, get: Callable[[Row], Value]) -> Column:
    return Column(("expr",), Field("expr", "expr", kind), get)


def _sum_or_mean(values: list[float], *, mean: bool) -> Value:
    if not values:
        return None
    return sum(values) / len(values) if mean else round(sum(values), 6)


def _operand_of(selected: Selected) -> Operand:
    if isinstance(selected.expression, Path | Call):
        return selected.expression
    raise SoqlError("MALFORMED_QUERY", "a grouped statement selects only fields and aggregate functions")


def _text(operand: Operand) -> str:
    if isinstance(operand, Path):
        return operand.text
    return f"{operand.function}({operand.argument.text if operand.argument else ''})"


def _key(operand: Operand) -> str:
    return _text(operand).lower()
