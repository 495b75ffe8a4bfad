"""What do GROUP BY, HAVING and the aggregate functions make of the rows?"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final, TypeAlias, cast

from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .columns import Resolver
from .expressions import PARTS
from .filter import folder
from .functions import applied, part_of
from .syntax import AGGREGATES, Call, Operand, Path, Query, Selected, malformed
from .values import Column

MAX_GROUPS: Final = 2_000
Total: TypeAlias = Callable[[Sequence[Row]], Value]


@dataclass(frozen=True, slots=True)
class Output:
    """One column of the answer: its name there, how it was written and what a group's row holds for it."""

    name: str
    operand: Operand
    column: Column


class Grouping:
    """Work out one row for each group; such a row is keyed by the text of its operands."""

    def __init__(self, query: Query, resolver: Resolver) -> None:
        self._query = query
        self._resolver = resolver
        self._keys = {self._key_of(each): self._group_column(each) for each in query.group_by}
        self._totals: dict[str, tuple[Column, Total]] = {}
        self._aliases = {each.alias.lower(): _operand_of(each) for each in query.select if each.alias}
        self.outputs = self._outputs()

    def ordered(self, operand: Operand) -> Column:
        """Return where a group's row holds a sort key."""
        return self.column(operand, "Ordered field")

    def column(self, operand: Operand, role: str = "Field") -> Column:
        """Return where a group's row holds this operand; raises SoqlError where it is neither key nor aggregate."""
        key = self._key_of(operand)
        if key not in self._keys and key in self._aliases:
            operand = self._aliases[key]
            key = self._key_of(operand)
        if key in self._keys:
            field = self._keys[key].field
        elif isinstance(operand, Call):
            return self._function(operand, key)
        else:
            raise malformed(f"{role} must be grouped or aggregated: {operand.text}", operand.at)
        return Column((field.name,), field, lambda row: row[key])

    def rows(self, rows: Sequence[Row]) -> list[Row]:
        """Return one row for each group; subtotals follow the groups that they sum up."""
        found = [group for kept in self._levels() for group in self._level(rows, kept)]
        if self._query.grouping:
            for key, column in reversed(self._keys.items()):
                fold = folder(column.field)
                found.sort(key=lambda row, key=key, fold=fold: _rank(row, key, fold))  # type: ignore[misc]
        return found

    def _levels(self) -> list[tuple[str, ...]]:
        """Return which keys each level of subtotals keeps."""
        keys = tuple(self._keys)
        if self._query.grouping == "ROLLUP":
            return [keys[:count] for count in range(len(keys), -1, -1)]
        if self._query.grouping == "CUBE":
            return [kept for count in range(len(keys), -1, -1) for kept in combinations(keys, count)]
        return [keys]

    def _level(self, rows: Sequence[Row], kept: tuple[str, ...]) -> list[Row]:
        groups: dict[tuple[Value, ...], list[Row]] = {}
        if kept:
            getters = [self._keys[key].get for key in kept]
            for row in rows:
                groups.setdefault(tuple(get(row) for get in getters), []).append(row)
        else:
            groups[()] = list(rows)
        found: list[Row] = []
        for values, members in groups.items():
            group: Row = dict.fromkeys(self._keys)
            group.update(zip(kept, values, strict=True))
            group.update((f"grouping({key})", int(key not in kept)) for key in self._keys)
            group.update((key, total(members)) for key, (_, total) in self._totals.items())
            found.append(group)
        return found

    def _outputs(self) -> list[Output]:
        outputs: list[Output] = []
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
            if any(name.lower() == other.name.lower() for other in outputs):
                raise malformed(f"duplicate alias: {name}", operand.at)
            outputs.append(Output(name, operand, column))
        return outputs

    def _group_column(self, operand: Operand) -> Column:
        column = self._resolver.operand(operand)
        if not column.field.groupable or (isinstance(operand, Call) and operand.function not in PARTS):
            message = f"field '{column.field.name}' can not be grouped in a query call"
            raise malformed(message, operand.at)
        return column

    def _function(self, call: Call, key: str) -> Column:
        if call.function in AGGREGATES:
            field = self._total(call, key)[0].field
            return Column((field.name,), field, lambda row: row[key])
        if call.function == "GROUPING":
            return self._grouping(call)
        if call.function in PARTS:
            return self._part_of_day(call)
        return applied(call, self.column, self._resolver.locale)

    def _grouping(self, call: Call) -> Column:
        [argument] = call.arguments
        key = self._key_of(argument) if isinstance(argument, Path | Call) else ""
        if not self._query.grouping or key not in self._keys:
            raise malformed(f"{call.text} needs a field of GROUP BY ROLLUP or GROUP BY CUBE", call.at)
        return _column("int", lambda row: row[f"grouping({key})"])

    def _part_of_day(self, call: Call) -> Column:
        """Return a part of a date that is grouped by; a dateTime must be grouped by the function itself."""
        [argument] = call.arguments
        key = self._key_of(argument) if isinstance(argument, Path) else ""
        if key not in self._keys or self._keys[key].field.type != "date":
            raise malformed(f"Field must be grouped or aggregated: {argument.text}", call.at)
        return part_of(call, Column((key,), self._keys[key].field, lambda row: row[key]))

    def _total(self, call: Call, key: str) -> tuple[Column, Total]:
        if key not in self._totals:
            self._totals[key] = self._make_total(call)
        return self._totals[key]

    def _make_total(self, call: Call) -> tuple[Column, Total]:
        if not call.arguments:
            return _column("int", lambda row: row[""]), len
        [argument] = call.arguments
        if not isinstance(argument, Path):
            raise malformed(f"{call.name} needs a field", call.at)
        source = self._resolver.column(argument)
        field, get = source.field, source.get
        barred = ("boolean", "multipicklist", "address", "location")
        allowed = field.type in NUMERIC if call.function in ("SUM", "AVG") else field.type not in barred
        if not allowed or not field.filterable:
            raise malformed(f"field {field.name} does not support aggregate operator {call.function}", call.at)
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
        kind = field.type if field.type == "currency" else "double"
        return Column(("expr",), Field("expr", "expr", kind, scale=field.scale), get), lambda rows: _sum_or_mean(
            [cast("float", value) for row in rows if (value := get(row)) is not None], mean=call.function == "AVG"
        )

    def _key_of(self, operand: Operand) -> str:
        return _key(self._resolver.own(operand)) if isinstance(operand, Path) else _key(operand)


def _column(kind: str, get: Callable[[Row], Value]) -> Column:
    return Column(("expr",), Field("expr", "expr", kind), get)


def _rank(row: Row, key: str, fold: Callable[[Value], str | float | bool]) -> tuple[bool, bool, str | float | bool]:
    value = row[key]
    return bool(row[f"grouping({key})"]), value is not None, fold(value) if value is not None else False


def _sum_or_mean(values: list[float], *, mean: bool) -> Value:
    if not values:
        return None
    return sum(values) / len(values) if mean else round(sum(values), 6)


def _operand_of(selected: Selected) -> Operand:
    if isinstance(selected.expression, Path | Call):
        return selected.expression
    raise malformed("a grouped statement selects only fields and aggregate functions")


def _key(operand: Operand) -> str:
    return operand.text.lower()
