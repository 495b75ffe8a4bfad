"""Where in an answer do the rows lie, and what becomes of one?

A row holds the fields that the document describes. What else an answer holds is of no known class and is left out.
"""

from collections.abc import Iterator, Mapping, Sequence

from isthmus.connectors.openapi.schemas import Schema, pointed
from isthmus.core.errors import UpstreamError
from isthmus.core.records import JSON, Row

__all__ = ["at_path", "described", "id_field_of", "id_of", "items_of", "properties_of", "row_of", "rows_path_of"]

_USUAL = ("data", "items", "results", "value", "values", "records", "entries", "rows")
_DEEPEST = 20


def properties_of(schema: Schema, part: JSON = None) -> Mapping[str, Schema]:
    """Return the properties of an object, and of what it is all of."""
    found: dict[str, Schema] = {}
    for one in _wholes(schema, schema if part is None else part, 0):
        told = one.get("properties")
        if isinstance(told, Mapping):
            found |= {name: each if isinstance(each, Mapping) else {} for name, each in told.items()}
    return found


def _wholes(schema: Schema, part: JSON, depth: int) -> Iterator[Schema]:
    told = pointed(schema, part)
    yield told
    parts = told.get("allOf")
    for one in parts if isinstance(parts, list) and depth < _DEEPEST else ():
        yield from _wholes(schema, one, depth + 1)


def items_of(schema: Schema, path: Sequence[str]) -> JSON:
    """Return the schema of a row, given where the rows lie."""
    part: JSON = schema
    for step in path:
        part = properties_of(schema, part).get(step)
    told = pointed(schema, part)
    return told.get("items") if "items" in told else told


def rows_path_of(schema: Schema) -> tuple[str, ...] | None:
    """Return where a collection has its rows; None where that cannot be told."""
    if pointed(schema, schema).get("items") is not None:
        return ()
    lists = [name for name, one in properties_of(schema).items() if pointed(schema, one).get("items") is not None]
    usual = [name for name in _USUAL if name in lists]
    if usual or len(lists) == 1:
        return (usual[0] if usual else lists[0],)
    return None


def id_field_of(schema: Schema, path: Sequence[str], record: str) -> str:
    """Return the field that most likely holds a row's id; empty where none does."""
    known = properties_of(schema, items_of(schema, path))
    return next((name for name in ("id", record) if name in known), "")


def at_path(answer: JSON, path: Sequence[str]) -> JSON:
    """Return what lies at a path; None where nothing does."""
    for step in path:
        answer = answer.get(step) if isinstance(answer, Mapping) else None
    return answer


def id_of(row: JSON, id_field: str, object: str) -> str:
    """Return the id of a row; raises UpstreamError where it has none."""
    found = row.get(id_field) if isinstance(row, Mapping) else None
    if isinstance(found, bool) or not isinstance(found, str | int) or found == "":
        raise UpstreamError(
            f"the service gave a record of {object} without {id_field!a}; mend `id_field`, or have the service checked",
            code="unreadable_answer",
            object=object,
        )
    return str(found)


def row_of(
    row: JSON, object: str, id_field: str, known: Mapping[str, Schema], schema: Schema, fields: Sequence[str]
) -> Row:
    """Return a row of the fields that are asked for, of what the document describes of each."""
    if not isinstance(row, Mapping):
        raise UpstreamError("the service gave a row that is no object", code="unreadable_answer", object=object)
    values = {name: described(row.get(name), schema, known[name]) if name in known else None for name in fields}
    return Row(object, id_of(row, id_field, object), values)


def described(value: JSON, schema: Schema, part: JSON, depth: int = 0) -> JSON:
    """Return what a schema describes of a value; of a value that it says nothing about, everything."""
    wholes = [one for one in _wholes(schema, part, 0) if one]
    if depth > _DEEPEST or not wholes:
        return value
    if isinstance(value, Mapping):
        known = properties_of(schema, part)
        open_ended = _also(wholes)
        if not known and open_ended is None and not any("properties" in one for one in wholes):
            return _of_any(value, schema, wholes, depth)
        told = {name: described(one, schema, known[name], depth + 1) for name, one in value.items() if name in known}
        if open_ended is not None:
            rest = {name: one for name, one in value.items() if name not in known}
            told |= {name: described(one, schema, open_ended, depth + 1) for name, one in rest.items()}
        return told
    if isinstance(value, list):
        items = next((one["items"] for one in wholes if "items" in one), None)
        return [described(one, schema, items, depth + 1) for one in value] if items is not None else value
    return value


def _also(wholes: Sequence[Schema]) -> JSON:
    """Return the schema of members without a name of their own, as a map has them."""
    found = (one.get("additionalProperties") for one in wholes)
    return next((one for one in found if isinstance(one, Mapping) and one), None)


def _of_any(value: Mapping[str, JSON], schema: Schema, wholes: Sequence[Schema], depth: int) -> JSON:
    """Keep of a value that is one of several shapes what any of them describes."""
    shapes = [each for one in wholes for word in ("oneOf", "anyOf") for each in _list(one.get(word))]
    if not shapes:
        return dict(value)
    kept: dict[str, JSON] = {}
    for one in shapes:
        told = described(dict(value), schema, one, depth + 1)
        kept |= told if isinstance(told, dict) else {}
    return kept


def _list(value: JSON) -> Sequence[JSON]:
    return value if isinstance(value, list) else ()
