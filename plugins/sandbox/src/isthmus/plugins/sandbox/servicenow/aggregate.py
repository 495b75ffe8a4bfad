"""How are rows counted and summed up?"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .errors import ApiError, may_not_query
from .glide.invalid import Invalid
from .glide.paths import Path, resolve
from .routes import route
from .schema import NUMBERS, PASSWORDS, TableDefinition
from .store import Row
from .table_api import matching

if TYPE_CHECKING:
    from .call import Call

_WAYS: Final = ("avg", "min", "max", "sum")
_COMPARES: Final[Mapping[str, Callable[[float, float], bool]]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    "!=": operator.ne,
}


def statistics(call: "Call", arguments: Sequence[str]) -> Reply:
    """Answer GET on the statistics of a table; one row that the user may not see refuses all of it."""
    table = call.table(arguments[0])
    rows = matching(call, table)
    if not call.access.may("read", table) or not all(call.access.row("read", table, row) for row in rows):
        raise may_not_query()
    named = [*_names(call, "sysparm_group_by"), *call.compile(table, call.query.get("sysparm_query", "")).group_by]
    paths = {name: path for name in dict.fromkeys(named) if (path := _path(call, table, name)) is not None}
    if not paths:
        return Reply(200, {"result": {"stats": _stats(call, table, rows)}})
    groups: dict[tuple[str, ...], list[Row]] = {}
    readers = [path.reader(call.store) for path in paths.values()]
    for row in rows:
        groups.setdefault(tuple(read(row) for read in readers), []).append(row)
    found: list[Json] = []
    for values in _ordered(call, groups):
        if _has(call, table, groups[values]):
            first = groups[values][0]
            fields = [
                _field(call, path, name, value, first)
                for (name, path), value in zip(paths.items(), values, strict=True)
            ]
            found.append({"stats": _stats(call, table, groups[values]), "groupby_fields": fields})
    return Reply(200, {"result": found})


def _ordered(call: "Call", groups: Mapping[tuple[str, ...], Sequence[Row]]) -> list[tuple[str, ...]]:
    order = sorted(groups, key=lambda values: tuple(value.casefold() for value in values))
    wanted = call.query.get("sysparm_order_by", "").upper()
    if not wanted.startswith("COUNT"):
        return order
    return sorted(order, key=lambda values: len(groups[values]), reverse="DESC" in wanted)


def _names(call: "Call", parameter: str) -> list[str]:
    return [each.strip() for each in call.query.get(parameter, "").split(",") if each.strip()]


def _path(call: "Call", table: TableDefinition, name: str) -> Path | None:
    """Return the way to a column that the user may read; None where there is none."""
    try:
        path = resolve(call.store, table, name)
    except Invalid:
        return None
    readable = path.column.type not in PASSWORDS and call.access.field("read", path.table, path.column.name)
    return path if readable else None


def _field(call: "Call", path: Path, name: str, value: str, row: Row) -> Json:
    holder = path.holder(call.store, row)
    display = call.shown.display(path.table, path.column, holder) if holder else ""
    if call.style.display == "all":
        return {"field": name, "value": value, "display_value": display}
    return {"field": name, "value": display if call.style.display == "true" else value}


def _stats(call: "Call", table: TableDefinition, rows: Sequence[Row]) -> dict[str, Json]:
    found: dict[str, Json] = {}
    if call.flag("sysparm_count"):
        found["count"] = str(len(rows))
    for way in _WAYS:
        values: dict[str, Json] = {}
        for name in _names(call, f"sysparm_{way}_fields"):
            path = _path(call, table, name)
            if path is not None:
                values[name] = _summed(way, path, [path.reader(call.store)(row) for row in rows])
        if values:
            found[way] = values
    return found


def _summed(way: str, path: Path, values: Sequence[str]) -> str:
    present = [value for value in values if value]
    if path.column.type not in NUMBERS:
        if way in ("sum", "avg") or not present:
            return ""
        return min(present) if way == "min" else max(present)
    numbers = [float(value) for value in present]
    if not numbers:
        return ""
    if way == "avg":
        return f"{sum(numbers) / len(numbers):.4f}"
    result = sum(numbers) if way == "sum" else min(numbers) if way == "min" else max(numbers)
    return str(int(result)) if result == int(result) else str(result)


def _has(call: "Call", table: TableDefinition, rows: Sequence[Row]) -> bool:
    """Say whether a group passes `sysparm_having`, which reads `count^priority^>^3`, several joined by commas."""
    for text in _names(call, "sysparm_having"):
        parts = text.split("^")
        if len(parts) != 4 or parts[2] not in _COMPARES or not parts[3].replace(".", "", 1).isdecimal():
            raise ApiError(400, "Invalid having clause", text)
        if parts[0] == "count":
            found = float(len(rows))
        else:
            path = _path(call, table, parts[1])
            values = [path.reader(call.store)(row) for row in rows] if path else []
            found = float(_summed(parts[0], path, values) or 0) if path and parts[0] in _WAYS else 0.0
        if not _COMPARES[parts[2]](found, float(parts[3])):
            return False
    return True


ROUTES: Final = (route("GET", "now/stats/{}", statistics),)
