"""Which JSON fits a schema of a document? Each becomes one that stands alone (JSON Schema 2020-12).

OpenAPI 3.0 has a dialect of its own (Schema Object, section 4.7.24): `nullable`, exclusive limits that are flags.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeAlias

from isthmus.connectors.openapi.references import BadDocument, Place, Texts
from isthmus.core.records import JSON

__all__ = ["Direction", "Schema", "Schemas", "pointed"]

Schema: TypeAlias = Mapping[str, JSON]

_DROPPED = frozenset(
    {"nullable", "discriminator", "xml", "externalDocs", "example", "examples", "deprecated", "readOnly", "writeOnly",
     "$schema", "$id", "$anchor", "$comment", "$dynamicAnchor", "definitions", "$defs", "contentSchema"}
)  # fmt: skip
_MAPS = frozenset({"properties", "patternProperties", "dependentSchemas"})
_LISTS = frozenset({"allOf", "anyOf", "oneOf", "prefixItems"})
_ONES = frozenset(
    {"items", "additionalProperties", "not", "contains", "propertyNames", "if", "then", "else", "unevaluatedItems",
     "unevaluatedProperties"}
)  # fmt: skip
_PLAIN = frozenset(
    {"type", "enum", "const", "default", "title", "description", "format", "pattern", "minLength", "maxLength",
     "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems", "uniqueItems",
     "minProperties", "maxProperties", "required", "dependentRequired", "minContains", "maxContains",
     "contentEncoding", "contentMediaType"}
)  # fmt: skip
_NAME = re.compile(r"[^A-Za-z0-9_.-]+")


class Direction(StrEnum):
    """Which way a value goes: to the service (nothing that is readOnly), or from it (nothing that is writeOnly)."""

    SENT = "readOnly"
    GIVEN = "writeOnly"


@dataclass(slots=True)
class _Definition:
    name: str
    schema: JSON = None
    needs: set[tuple[str, str]] = field(default_factory=set)


class Schemas:
    """Translates the schemas of one document; what they share is translated once."""

    def __init__(self, texts: Texts, *, modern: bool) -> None:
        """`modern` is True for OpenAPI 3.1, whose schemas are JSON Schema 2020-12 already."""
        self._texts = texts
        self._modern = modern
        self._known: dict[tuple[Direction, str, str], _Definition] = {}
        self._taken: dict[tuple[Direction, str], int] = {}

    def of(self, place: Place, direction: Direction) -> Schema:
        """Return a schema that stands alone; raises BadDocument."""
        needs: set[tuple[str, str]] = set()
        found = self._translated(place, direction, needs)
        if not isinstance(found, dict):
            return {} if found is not False else {"not": {}}
        reached: dict[str, JSON] = {}
        waiting = list(needs)
        while waiting:
            one = self._known[direction, *waiting.pop()]
            if one.name not in reached:
                reached[one.name] = one.schema
                waiting += one.needs
        return {**found, "$defs": reached} if reached else found

    def hides(self, place: Place, direction: Direction) -> bool:
        """Tell whether a property does not go this way."""
        try:
            return self._texts.resolve(place).flag(direction.value)
        except BadDocument:
            return False

    def _translated(self, place: Place, direction: Direction, needs: set[tuple[str, str]]) -> JSON:
        raw = place.value
        if not isinstance(raw, Mapping):
            return raw if isinstance(raw, bool) else {}
        reference = raw.get("$ref")
        found: dict[str, JSON] = {}
        if isinstance(reference, str):
            link: dict[str, JSON] = {"$ref": f"#/$defs/{self._definition(reference, place.file, direction, needs)}"}
            if not self._modern:
                return link
            found = link
        for name in raw:
            if name in _MAPS:
                told = {key: one for key, one in place.at(name).members().items() if not self.hides(one, direction)}
                found[name] = {key: self._translated(one, direction, needs) for key, one in told.items()}
            elif name in _LISTS:
                found[name] = [self._translated(one, direction, needs) for one in place.at(name).each()]
            elif name in _ONES:
                found[name] = self._translated(place.at(name), direction, needs)
            elif name in _PLAIN or (direction is Direction.GIVEN and _tells(name, raw[name])):
                found[name] = raw[name]
        self._tidy(place, found, direction)
        return found

    def _tidy(self, place: Place, found: dict[str, JSON], direction: Direction) -> None:
        raw = place.value
        properties, required = place.at("properties"), found.get("required")
        if isinstance(required, list):
            hidden = {key for key, one in properties.members().items() if self.hides(one, direction)}
            found["required"] = [one for one in required if isinstance(one, str) and one not in hidden]
        elif required is not None:
            del found["required"]
        if self._modern or not isinstance(raw, Mapping):
            return
        for flag, limit in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
            if isinstance(found.get(flag), bool) and found.pop(flag) and limit in found:
                found[flag] = found.pop(limit)
        if raw.get("nullable") is True and isinstance(kind := found.get("type"), str):
            found["type"] = [kind, "null"]
            if isinstance(values := found.get("enum"), list) and None not in values:
                found["enum"] = [*values, None]

    def _definition(self, reference: str, file: str, direction: Direction, needs: set[tuple[str, str]]) -> str:
        place = self._texts.follow(reference, file)
        key = (place.file, place.pointer)
        needs.add(key)
        known = self._known.get((direction, *key))
        if known is None:
            known = self._known[direction, *key] = _Definition(self._name(place, direction))
            known.schema = self._translated(place, direction, known.needs)
        return known.name

    def _name(self, place: Place, direction: Direction) -> str:
        name = _NAME.sub("_", place.pointer.rpartition("/")[2]) or "root"
        number = self._taken[direction, name] = self._taken.get((direction, name), 0) + 1
        return name if number == 1 else f"{name}.{number}"


def _tells(name: str, value: JSON) -> bool:
    """Tell whether a member is an extension that may say of which class a value is; an agent need not see those."""
    return name.startswith("x-") and isinstance(value, str | int)


def pointed(schema: Schema, part: JSON) -> Schema:
    """Return what a part of a schema that stands alone is, past its references."""
    definitions = schema.get("$defs")
    for _ in range(30):
        if not isinstance(part, Mapping):
            return {}
        reference = part.get("$ref")
        if not isinstance(reference, str) or not isinstance(definitions, Mapping):
            return part
        part = definitions.get(reference.removeprefix("#/$defs/"))
    return {}
