"""Is what a method gave back what the contract says, down to the type of each part?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from isthmus.core.budgets import QuotaReading
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts, ObjectSummary, Probe, Settlement, Written
from isthmus.core.records import Row

__all__ = ["is_json", "unsound", "unsound_reading"]


def unsound(name: str, result: object) -> str:
    """Say what is wrong with the result of a method; empty where nothing is."""
    return _SHAPES[name](result)


def is_json(value: object) -> bool:
    """Tell whether a value is made of what JSON can carry."""
    if isinstance(value, Mapping):
        return all(isinstance(name, str) and is_json(one) for name, one in value.items())
    if isinstance(value, list | tuple):
        return all(is_json(one) for one in value)
    return value is None or isinstance(value, bool | int | float | str)


def unsound_reading(reading: object) -> str:
    """Say what is wrong with a quota reading."""
    if not isinstance(reading, QuotaReading):
        return f"a {type(reading).__name__} is no QuotaReading"
    counts = (reading.limit, 0 if reading.remaining is None else reading.remaining)
    if not all(type(one) is int and one >= 0 for one in counts):
        return f"limit and remaining are counts, not {counts!r}"
    if reading.window is not None and not (_of(reading.window, int, float) and reading.window > 0):
        return f"window is in seconds, not {reading.window!r}"
    return ""


def _row(row: object) -> str:
    if not isinstance(row, Row):
        return f"a {type(row).__name__} is no Row"
    if not (_text(row.object) and _text(row.id) and (row.version is None or _text(row.version))):
        return "object, id and version of a Row are texts"
    return "" if _of(row.fields, Mapping) and is_json(row.fields) else "the fields of a Row are JSON by path"


def _text(value: object) -> bool:
    return isinstance(value, str)


def _of(value: object, *kinds: type) -> bool:
    """Ask at run time what annotations only promise."""
    return isinstance(value, kinds)


def _each(what: Callable[[object], str]) -> Callable[[object], str]:
    def judge(found: object) -> str:
        if not isinstance(found, Sequence) or isinstance(found, str | bytes):
            return f"a {type(found).__name__} is no sequence"
        return _first(what(one) for one in found)

    return judge


def _first(problems: Iterable[str]) -> str:
    return next((one for one in problems if one), "")


def _figures(found: object) -> str:
    return "" if isinstance(found, Mapping) and is_json(found) else "an aggregate's rows are JSON by name"


def _summary(found: object) -> str:
    return (
        "" if isinstance(found, ObjectSummary) and _text(found.name) and found.name else "an ObjectSummary has a name"
    )


def _facts(found: object) -> str:
    if not isinstance(found, ObjectFacts) or not _text(found.name):
        return f"a {type(found).__name__} is no ObjectFacts with a name"
    return _first(_field(name, one) for name, one in found.fields.items())


def _field(name: str, found: Any) -> str:
    if not isinstance(found, FieldFacts) or found.name != name:
        return f"field {name!r} is not described by FieldFacts of the same name"
    if not _of(found.type, FieldType):
        return f"the type of {name!r} is no FieldType"
    if not _of(found.classes, frozenset) or not found.classes or not all(map(_text, found.classes)):
        return f"the classes of {name!r} are no frozenset of words; say 'unclassified' where nothing is known"
    return ""


def _written(found: object) -> str:
    if not isinstance(found, Written) or not _text(found.id):
        return f"a {type(found).__name__} is no Written with the record's id"
    if not _of(found.created, bool) or found.guard not in (None, "server", "read"):
        return "created is a bool, and guard is None, 'server' or 'read'"
    return ""


def _settled(found: object) -> str:
    if not isinstance(found, tuple) or len(found) != 2 or not isinstance(found[0], Settlement):
        return "reconcile gives a Settlement, and a Written or None"
    return "" if found[1] is None else _written(found[1])


def _probe(found: object) -> str:
    if not isinstance(found, Probe) or not _text(found.identity):
        return f"a {type(found).__name__} is no Probe with an identity"
    if not all(_text(name) and _text(value) for name, value in found.facts.items()):
        return "the facts of a Probe are texts"
    return _first(unsound_reading(one) for one in found.quotas)


_SHAPES: Mapping[str, Callable[[object], str]] = {
    "objects": _each(_summary),
    "catalogue": _facts,
    "query": _each(_row),
    "get": _row,
    "search": _each(_row),
    "aggregate": _each(_figures),
    "probe": _probe,
    "create": _written,
    "update": _written,
    "upsert": _written,
    "delete": _written,
    "reconcile": _settled,
}
