"""How are figures asked for, and how are they read?"""

import re
from collections.abc import Mapping, Sequence

from isthmus.connectors.servicenow.answers import strange
from isthmus.connectors.servicenow.values import plain
from isthmus.core.connector import FieldType
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import JSON, Aggregate, Measure

__all__ = ["figure_params", "figures_of"]

_FIGURES = ("avg", "min", "max", "sum")
_COUNT = re.compile(r"[0-9]{1,15}")
_AMOUNTS = {"avg": FieldType.NUMBER, "sum": FieldType.NUMBER}


def figure_params(aggregate: Aggregate, text: str) -> Mapping[str, str]:
    """Write an aggregate as parameters; raises InvalidArguments for figures that an instance does not compute."""
    for one in aggregate.measures:
        if one.function not in ("count", *_FIGURES) or (one.function == "count" and one.field):
            raise InvalidArguments(
                f"{one.function} of {one.field or 'records'} is not computed by the instance; count records, or take "
                "sum, avg, min or max of a field",
                object=aggregate.object,
                field=one.field,
            )
    params = {"sysparm_count": "true", "sysparm_display_value": "false"}
    for function in _FIGURES:
        named = [one.field for one in aggregate.measures if one.function == function]
        if named:
            params[f"sysparm_{function}_fields"] = ",".join(dict.fromkeys(named))
    if aggregate.group_by:
        params["sysparm_group_by"] = ",".join(aggregate.group_by)
    return params | ({"sysparm_query": text} if text else {})


def figures_of(answer: Response, aggregate: Aggregate, kinds: Mapping[str, FieldType]) -> Sequence[Mapping[str, JSON]]:
    """Read figures: one object without groups, a list with them; all numbers come as texts."""
    body = answer.json()
    result = body.get("result") if isinstance(body, Mapping) else None
    if not aggregate.group_by:
        # Nothing to count is an empty list on some releases.
        return [_row(result if isinstance(result, Mapping) else {"stats": {"count": "0"}}, aggregate, kinds)]
    if not isinstance(result, list) or not all(isinstance(one, Mapping) for one in result):
        raise strange()
    rows = [_row(one, aggregate, kinds) for one in result if isinstance(one, Mapping)]
    return rows[: aggregate.limit]


def _row(raw: Mapping[str, JSON], aggregate: Aggregate, kinds: Mapping[str, FieldType]) -> Mapping[str, JSON]:
    stats = raw.get("stats")
    if not isinstance(stats, Mapping):
        raise strange()
    groups = _groups(raw.get("groupby_fields"), aggregate.group_by, kinds)
    return groups | {one.name: _figure(stats, one, kinds) for one in aggregate.measures}


def _groups(raw: JSON, names: Sequence[str], kinds: Mapping[str, FieldType]) -> dict[str, JSON]:
    told: dict[str, JSON] = {}
    for one in raw if isinstance(raw, list) else ():
        if isinstance(one, Mapping) and isinstance(name := one.get("field"), str):
            told[name] = one.get("value")
    if not told.keys() >= set(names):
        raise strange()
    return {name: plain(told[name], kinds[name]) for name in names}


def _figure(stats: Mapping[str, JSON], one: Measure, kinds: Mapping[str, FieldType]) -> JSON:
    if one.function == "count":
        count = stats.get("count")
        if not isinstance(count, str) or not _COUNT.fullmatch(count):
            raise strange()
        return int(count)
    found = stats.get(one.function)
    value = found.get(one.field) if isinstance(found, Mapping) else None
    return plain(value, _AMOUNTS.get(one.function, kinds[one.field]))
