"""How does the id of a record hold its key, and how is that key written in an address?

A single key of type string is its own id. Any other key is its predicate without brackets: the key properties in the
order of the metadata, each with its literal, such as `SalesOrder='1',SalesOrderItem='10'`.
"""

import re
from collections.abc import Mapping

from isthmus.connectors.sap.odata.edm import EntitySet, Primitive, Property, Service
from isthmus.connectors.sap.odata.literals import literal, quoted, read_literal
from isthmus.connectors.sap.odata.values import read_value
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["ID", "MOST_CHARACTERS", "address_of", "id_field", "id_of", "literals_of", "values_of"]

ID = "_id"
"""Stands for the whole key where it is not one text: as a field of a row, a condition and a sort key."""

MOST_CHARACTERS = 1_000
_PART = re.compile(r"([^\W\d]\w{0,127})=((?:[A-Za-z_][A-Za-z0-9_.]{0,127})?'(?:[^']|'')*'|[^',=()\s]+)(,|\Z)")


def id_of(raw: Mapping[str, JSON], entity_set: EntitySet, service: Service) -> str:
    """Return the id of an entity as it stands in an answer; empty where its key is not among its properties."""
    keys = _keys(entity_set)
    values = [read_value(raw.get(one.name), one, service) for one in keys]
    if not keys or any(one is None for one in values):
        return ""
    if _bare(keys) and isinstance(values[0], str):
        return _plain(values[0], keys[0])
    try:
        parts = [
            f"{one.name}={literal(_scalar(told), one.type, service.version, one.name)}"
            for one, told in zip(keys, values, strict=True)
        ]
    except InvalidArguments:
        # What the service gives as a key is none of its own type.
        return ""
    return ",".join(parts)


def id_field(entity_set: EntitySet) -> str:
    """Return the field that holds the id of a record: its only key where that is a text."""
    return entity_set.keys[0] if _bare(_keys(entity_set)) else ID


def literals_of(id: str, entity_set: EntitySet, service: Service) -> dict[str, str]:
    """Return the literal of each key property; raises InvalidArguments for what is not an id of this set."""
    keys = _keys(entity_set)
    if not keys:
        raise InvalidArguments(f"{entity_set.name} has no key, so its records have no id; query it instead", field="id")
    if not id or len(id) > MOST_CHARACTERS:
        raise _strange(keys, id)
    if _bare(keys) and not id.startswith(f"{keys[0].name}='"):
        return {keys[0].name: literal(id, keys[0].type, service.version, keys[0].name)}
    found = dict(_parts(id, keys))
    for one in keys:
        value = read_literal(found[one.name], one.type, service.version, one.name)
        # One record, one id: another spelling would be another record to whoever counts or forbids them.
        if literal(value, one.type, service.version, one.name) != found[one.name]:
            raise _strange(keys, id)
        if _bare(keys) and _plain(str(value), one) != id:
            raise _strange(keys, id)
    return found


def values_of(id: str, entity_set: EntitySet, service: Service) -> dict[str, JSON]:
    """Return the value of each key property; raises as `literals_of`."""
    literals = literals_of(id, entity_set, service)
    found: dict[str, JSON] = {}
    for one in _keys(entity_set):
        told = read_literal(literals[one.name], one.type, service.version, one.name)
        found[one.name] = read_value(told, one, service)
    return found


def address_of(id: str, entity_set: EntitySet, service: Service) -> tuple[str, tuple[str, ...]]:
    """Return a template such as `A_Item(Order={},Item={})` and the literals that fill it; raises as `literals_of`."""
    if entity_set.singleton:
        return entity_set.name, ()
    literals = literals_of(id, entity_set, service)
    if len(literals) == 1:
        return f"{entity_set.name}({{}})", tuple(literals.values())
    named = ",".join(f"{key}={{}}" for key in entity_set.keys)
    return f"{entity_set.name}({named})", tuple(literals[key] for key in entity_set.keys)


def _keys(entity_set: EntitySet) -> list[Property]:
    return [entity_set.properties[key] for key in entity_set.keys]


def _bare(keys: list[Property]) -> bool:
    return len(keys) == 1 and keys[0].type.kind is Primitive.STRING


def _plain(value: str, key: Property) -> str:
    """Return the id for a key that is a text: itself, unless it is empty or looks like a predicate."""
    return f"{key.name}={quoted(value)}" if not value or value.startswith(f"{key.name}='") else value


def _scalar(value: JSON) -> str | int | float | bool | None:
    return value if isinstance(value, str | int | float | bool) else None


def _parts(id: str, keys: list[Property]) -> list[tuple[str, str]]:
    found, at = [], 0
    while at < len(id):
        part = _PART.match(id, at)
        if part is None or (part[3] and part.end() == len(id)):
            raise _strange(keys, id)
        found.append((part[1], part[2]))
        at = part.end()
    if [name for name, _ in found] != [one.name for one in keys]:
        raise _strange(keys, id)
    return found


def _strange(keys: list[Property], id: str) -> InvalidArguments:
    form = ",".join(f"{one.name}=..." for one in keys)
    return InvalidArguments(f"{id[:80]!a} is no id here; use ids as answers give them, such as {form}", field="id")
