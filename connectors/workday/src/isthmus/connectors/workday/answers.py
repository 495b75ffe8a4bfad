"""What does a JSON answer of Workday's hold: a page of entities, one entity, and the values of its fields?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.workday.shapes import ID, PARENT, Collection, Field, Kind
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON, Row

__all__ = ["Entity", "Listed", "entity_of", "listed_in", "row_of", "shown", "strange", "text_at"]

Entity = Mapping[str, JSON]


@dataclass(frozen=True, slots=True)
class Listed:
    """One page: how many there are in all as the system counts them, and the entities that it shows."""

    total: int
    entities: Sequence[Entity]


def strange(what: str = "in another form than its documents say") -> UpstreamError:
    """Return the error of an answer that is not understood."""
    return UpstreamError(f"the tenant answered {what}; the answer was not used", code="unreadable_answer")


def entity_of(answer: Response) -> Entity:
    """Read one entity; raises UpstreamError."""
    found = answer.json()
    if not isinstance(found, Mapping) or "error" in found:
        raise strange()
    return found


def listed_in(answer: Response) -> Listed:
    """Read a page; raises UpstreamError. `data` may be missing where the page is empty."""
    found = entity_of(answer)
    total, data = found.get("total"), found.get("data", [])
    if type(total) is not int or total < 0 or not isinstance(data, list):
        raise strange()
    entities = [one for one in data if isinstance(one, Mapping)]
    if len(entities) < len(data):
        raise strange()
    return Listed(total, entities)


def text_at(entity: JSON, *steps: str) -> str:
    """Return the text at a path; empty where there is none."""
    found = _at(entity, steps)
    return found if isinstance(found, str) else ""


def _at(entity: JSON, steps: Iterable[str]) -> JSON:
    for step in steps:
        if not isinstance(entity, Mapping):
            return None
        entity = entity.get(step)
    return entity


def row_of(entity: Entity, collection: Collection, names: Iterable[str], parent: str = "") -> Row:
    """Return the asked fields of an entity; keys that are left out have no value. Raises UpstreamError."""
    known = {name: parent for name in (PARENT,) if collection.below}
    id = _id(entity, collection, parent)
    values = {
        name: known[name] if name in known else id if name == ID else _value(entity, collection.fields[name])
        for name in names
        if name in collection.fields
    }
    return Row(collection.object, id, values)


def _id(entity: Entity, collection: Collection, parent: str) -> str:
    if not collection.key:
        found = entity.get(ID)
        if not isinstance(found, str) or not found:
            raise strange("with a record that has no id")
        return found
    told = [_value(entity, collection.fields[name]) for name in collection.key]
    if not any(one is not None for one in told):
        raise strange("with a record that nothing tells from others")
    return ";".join([parent, *("" if one is None else str(one) for one in told)])


def _value(entity: Entity, field: Field) -> JSON:
    return shown(_at(entity, field.path), field.kind, field.name)


def shown(found: JSON, kind: Kind, name: str) -> JSON:
    """Return a value in the form of its type; raises UpstreamError where it is of another type."""
    if found is None:
        return None
    form = _FORMS.get(kind)
    if form is not None:
        return form(found, name)
    return found if isinstance(found, str) else _wrong(name)


def _instance(found: JSON, name: str) -> JSON:
    return text_at(found, ID) or (None if isinstance(found, Mapping) else _wrong(name))


def _instances(found: JSON, name: str) -> JSON:
    return [{"id": text_at(one, ID), "descriptor": text_at(one, "descriptor")} for one in _list(found, name)]


def _last_comment(found: JSON, name: str) -> JSON:
    return next((text for one in reversed(_list(found, name)) if (text := text_at(one, "comment"))), None)


def _state(found: JSON, name: str) -> JSON:
    return _STATES.get(found.strip().casefold(), found) if isinstance(found, str) else _wrong(name)


def _list(found: JSON, name: str) -> Sequence[JSON]:
    if not isinstance(found, list):
        raise strange(f"with another type of value in {name}")
    return found


_STATES: Mapping[str, str] = {
    "approved": "approved",
    "denied": "denied",
    "sent back": "sentBack",
    "awaiting action": "awaiting",
    "in progress": "awaiting",
}
"""States of a step by what the tenant calls them; a word that is not known stays as it is."""


def _money(found: JSON, name: str) -> JSON:
    """Keep an amount the text that it is: a float would lose cents."""
    value = found.get("value") if isinstance(found, Mapping) else found
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return _wrong(name)
    return {"value": str(value), "currency": text_at(found, "currency")}


def _number(found: JSON, name: str) -> JSON:
    """Return a figure; some services write figures as texts."""
    if isinstance(found, int | float) and not isinstance(found, bool):
        return found
    try:
        return float(found) if isinstance(found, str) else _wrong(name)
    except ValueError:
        return _wrong(name)


def _flag(found: JSON, name: str) -> JSON:
    return found if isinstance(found, bool) else found == "1" if found in ("0", "1") else _wrong(name)


def _wrong(name: str) -> JSON:
    raise strange(f"with another type of value in {name}")


_FORMS: Mapping[Kind, Callable[[JSON, str], JSON]] = {
    Kind.INSTANCE: _instance,
    Kind.INSTANCES: _instances,
    Kind.CURRENCY: _money,
    Kind.NUMERIC: _number,
    Kind.BOOLEAN: _flag,
    Kind.STATE: _state,
    Kind.LAST_COMMENT: _last_comment,
    Kind.OTHER: lambda found, _: found,
}
