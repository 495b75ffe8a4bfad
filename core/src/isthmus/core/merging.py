"""How do figures of several connections add up?"""

from collections.abc import Mapping, Sequence

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Aggregate, Value

__all__ = ["check_combinable", "combine"]


def check_combinable(aggregate: Aggregate) -> None:
    """Refuse figures that several connections cannot answer together: averages and distinct counts do not add up."""
    for measure in aggregate.measures:
        if measure.function in ("avg", "count_distinct"):
            raise InvalidArguments(
                f"{measure.function} cannot be computed over several connections; ask for sum and count, "
                "or group by what tells them apart",
                field="measures",
            )


def combine(rows: Sequence[Mapping[str, Value]], aggregate: Aggregate) -> list[Mapping[str, Value]]:
    """Add up the figures of equal groups."""
    groups: dict[tuple[Value, ...], dict[str, Value]] = {}
    for row in rows:
        key = tuple(row.get(name) for name in aggregate.group_by)
        known = groups.setdefault(key, {name: row.get(name) for name in aggregate.group_by})
        for measure in aggregate.measures:
            known[measure.name] = _added(measure.function, known.get(measure.name), row.get(measure.name))
    return list(groups.values())


def _added(function: str, known: Value, more: Value) -> Value:
    if not isinstance(known, int | float):
        return known if more is None else more
    if not isinstance(more, int | float):
        return known
    if function == "min":
        return min(known, more)
    return max(known, more) if function == "max" else known + more
