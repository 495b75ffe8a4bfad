"""Is what a method gave back what the contract says, down to the type of each part?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from isthmus.core.budgets import QuotaReading
from isthmus.core.connector import (
    Batch,
    Changed,
    FieldFacts,
    FieldType,
    FileFacts,
    Invoked,
    LineOutcome,
    Loaded,
    ObjectFacts,
    ObjectSummary,
    Probe,
    Settlement,
    Written,
)
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
        return "reconcile gives a Settlement, and what was done or None"
    match found[1]:
        case None:
            return ""
        case Loaded():
            return _loaded(found[1])
        case Invoked():
            return _invoked(found[1])
        case other:
            return _written(other)


def _batch(found: object) -> str:
    if not isinstance(found, Batch) or not _text(found.at):
        return f"a {type(found).__name__} is no Batch with a text as `at`"
    return _each(_row)(found.rows)


def _changed(found: object) -> str:
    if not isinstance(found, Changed) or not _text(found.at):
        return f"a {type(found).__name__} is no Changed with a text as `at`"
    if not _of(found.deleted, tuple) or not all(_text(one) and one for one in found.deleted):
        return "what is deleted is a tuple of ids"
    return _each(_row)(found.rows)


def _loaded(found: object) -> str:
    if found is None:
        return ""
    if not isinstance(found, Loaded):
        return f"a {type(found).__name__} is no Loaded"
    return _each(_line)(found.outcomes)


def _line(found: object) -> str:
    if not isinstance(found, LineOutcome) or not _of(found.created, bool):
        return f"a {type(found).__name__} is no LineOutcome"
    if not all(map(_text, (found.id, found.code, found.field, found.text))):
        return "what became of a line is told in texts"
    return "" if bool(found.id) is not bool(found.code) else "a line has either the record's id or a code, never both"


def _file(found: object) -> str:
    if not isinstance(found, FileFacts) or not _text(found.name) or not found.name or not _text(found.type):
        return f"a {type(found).__name__} is no FileFacts with the file's name"
    return ""


def _invoked(found: object) -> str:
    if not isinstance(found, Invoked) or not _of(found.values, Mapping) or not is_json(found.values):
        return f"a {type(found).__name__} is no Invoked with JSON by name"
    if not _of(found.records, tuple) or not all(_text(one) and one for one in found.records):
        return "the records of an Invoked are a tuple of ids"
    return ""


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
    "export": _batch,
    "changes": _changed,
    "load": _loaded,
    "attach": _written,
    "download": _file,
    "invoke": _invoked,
    "reconcile": _settled,
}
