"""Which tools are offered: one per verb over all systems, with the schemas that arguments and answers must fit."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import chain
from typing import cast

import jsonschema_rs

from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON, MOST_BATCH, MOST_ROWS

__all__ = ["Tool", "surface"]

_STRICT = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
Schema = Mapping[str, JSON]

_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": 128}
_ID: Schema = {"type": "string", "minLength": 1, "maxLength": 255, "description": "as an earlier answer gave it"}
_FIELDS: Schema = {
    "type": "array",
    "items": {"type": "string", "maxLength": 512},
    "maxItems": 200,
    "description": "field names or paths such as Account.Name; left out: those you may see",
}
_VERSION: Schema = {
    "type": "string",
    "maxLength": 128,
    "description": "refuse if the record changed since this version",
}
_APPROVAL: Schema = {"type": "string", "maxLength": 64, "description": "id of a granted approval for exactly this call"}
_TASK: Schema = {"type": "string", "maxLength": 200, "description": "task handle from the host"}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 200}
_PAGE_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "description": "50 unless you ask"}
_BATCH: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_BATCH, "description": "2000 unless you ask"}
_AFTER: Schema = {"type": "string", "maxLength": 8192, "description": "from an earlier page of the same query"}
_VALUES: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 200,
    "description": "field to value; {'ref': 'ref_...'} stands for a value you were given only by reference",
}
_WHERE: Schema = {"$ref": "#/$defs/condition"}
_DEFS: Schema = {
    "value": {
        "anyOf": [
            {"type": ["string", "number", "boolean", "null"]},
            {"type": "array", "items": {"type": ["string", "number", "boolean", "null", "object"]}, "maxItems": 500},
            {
                "type": "object",
                "properties": {"ref": {"type": "string"}},
                "required": ["ref"],
                "additionalProperties": False,
            },
            {
                "type": "object",
                "properties": {"relative": {"type": "string"}, "count": {"type": "integer", "minimum": 0}},
                "required": ["relative"],
                "additionalProperties": False,
            },
        ]
    },
    "condition": {
        "oneOf": [
            {
                "type": "object",
                "properties": {
                    "field": _NAME,
                    "op": {
                        "enum": [
                            "eq", "ne", "lt", "le", "gt", "ge", "in", "not_in",
                            "contains", "starts_with", "ends_with", "includes", "excludes",
                        ]
                    },
                    "value": {"$ref": "#/$defs/value"},
                },
                "required": ["field", "op", "value"],
                "additionalProperties": False,
            },
            *(
                {
                    "type": "object",
                    "properties": {word: {"type": "array", "items": {"$ref": "#/$defs/condition"}, "minItems": 1}},
                    "required": [word],
                    "additionalProperties": False,
                }
                for word in ("all", "any")
            ),
            {
                "type": "object",
                "properties": {"not": {"$ref": "#/$defs/condition"}},
                "required": ["not"],
                "additionalProperties": False,
            },
        ]
    },
}  # fmt: skip
_ORDER: Schema = {
    "type": "array",
    "maxItems": 8,
    "items": {
        "type": "object",
        "properties": {"field": _NAME, "descending": {"type": "boolean"}},
        "required": ["field"],
        "additionalProperties": False,
    },
}
_MEASURES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": 20,
    "items": {
        "type": "object",
        "properties": {
            "function": {"enum": ["count", "count_distinct", "sum", "avg", "min", "max"]},
            "field": _NAME,
            "name": {"type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_]{0,39}$"},
        },
        "required": ["function"],
        "additionalProperties": False,
    },
}

_WITHHELD: Schema = {"type": "array", "items": {"type": "object"}}
_RECORD: Schema = {
    "type": "object",
    "properties": {
        "object": {"type": "string"},
        "id": {"type": "string"},
        "version": {"type": "string"},
        "guard": {"enum": ["server", "read"]},
        "created": {"type": "boolean"},
        "altered": {"type": "array", "items": {"type": "string"}},
        "fields": {"type": "object"},
        "withheld": _WITHHELD,
    },
    "required": ["object", "id", "fields"],
}
_PAGE: Schema = {
    "type": "object",
    "properties": {
        "records": {"type": "array", "items": _RECORD},
        "after": {"type": "string"},
        "deleted": {"type": "array", "items": {"type": "string"}},
        "complete": {"type": "boolean"},
        "withheld": _WITHHELD,
    },
    "required": ["records", "complete"],
}
_LINES: Schema = {
    "type": "array",
    "minItems": 1,
    "maxItems": MOST_BATCH,
    "items": {
        "type": "object",
        "properties": {"id": {"type": "string", "maxLength": 255}, "values": {"type": "object", "maxProperties": 200}},
        "additionalProperties": False,
    },
    "description": "create: values; update: id, values; upsert: values with the key field; delete: id",
}
_LOADED: Schema = {
    "type": "object",
    "properties": {
        "written": {"type": "integer"},
        "failed": {"type": "integer"},
        "lines": {"type": "array", "items": {"type": "object"}},
    },
    "required": ["written", "failed", "lines"],
}
_GROUPS: Schema = {
    "type": "object",
    "properties": {
        "groups": {"type": "array", "items": {"type": "object"}},
        "complete": {"type": "boolean"},
        "withheld": _WITHHELD,
    },
    "required": ["groups", "complete"],
}
_DESCRIPTION: Schema = {
    "type": "object",
    "properties": {"objects": {"type": "array"}, "object": {"type": "object"}, "fields": {"type": "array"}},
}


@dataclass(frozen=True)
class Tool:
    """A typed operation that an agent may call; `effects` are the most it can do."""

    name: str
    verb: Verb
    effects: frozenset[Effect]
    description: str
    input_schema: Schema
    output_schema: Schema
    systems: tuple[str, ...] = field(default=())

    def narrowed(self, systems: tuple[str, ...]) -> "Tool":
        """Return the same tool for some of its systems only."""
        properties = self.input_schema["properties"]
        known = dict(properties) if isinstance(properties, Mapping) else {}
        schema = {**self.input_schema, "properties": known | {"system": {"enum": list(systems)}}}
        return replace(self, systems=systems, input_schema=schema)

    @cached_property
    def schema_hash(self) -> str:
        """Digest name, description and input schema, so that a changed tool is noticed."""
        told = json.dumps([self.name, self.description, self.input_schema], sort_keys=True)
        return hashlib.sha256(told.encode()).hexdigest()

    @cached_property
    def _validator(self) -> jsonschema_rs.Draft202012Validator:
        return jsonschema_rs.Draft202012Validator(dict(self.input_schema))

    def check(self, arguments: Mapping[str, JSON]) -> None:
        """Refuse arguments that do not fit; the sentence names the argument and never repeats its value."""
        try:
            _texts(arguments) or _STRICT.encode(arguments).encode()
        except (ValueError, TypeError, RecursionError):
            raise InvalidArguments(
                f"{self.name}: the arguments hold what JSON cannot carry: a lone surrogate, a number that is none, an "
                "unknown type or too many levels"
            ) from None
        if self._validator.is_valid(arguments):
            return
        for problem in self._validator.iter_errors(arguments):
            where = ".".join(str(part) for part in problem.instance_path)
            raise InvalidArguments(f"{self.name}: {self._complaint(where, problem, arguments)}", field=where)

    def _complaint(self, where: str, problem: jsonschema_rs.ValidationError, arguments: Mapping[str, JSON]) -> str:
        known = self.input_schema.get("properties")
        required = self.input_schema.get("required")
        names = known if isinstance(known, Mapping) else {}
        if not where:
            unknown = sorted(set(arguments) - set(names))
            if unknown:
                return f"unknown argument {unknown[0]!r}{nearest(unknown[0], names)} (it takes {', '.join(names)})"
            wanted = required if isinstance(required, list) else []
            absent = [name for name in wanted if isinstance(name, str) and name not in arguments]
            if absent:
                return f"argument {absent[0]!r} is missing"
            return "the arguments do not fit together; see the tool's input schema"
        rule = str(problem.schema_path[-1]) if problem.schema_path else "schema"
        return f"argument {where!r} does not fit its schema ({rule})"


def _texts(arguments: Mapping[str, JSON]) -> bool:
    """Tell whether arguments are texts and lists of texts only, which JSON carries; raises UnicodeEncodeError."""
    lists = [value for value in arguments.values() if type(value) is list]
    texts = [*arguments, *(value for value in arguments.values() if type(value) is not list), *chain(*lists)]
    if set(map(type, texts)) != {str}:
        return False
    "".join(cast("list[str]", texts)).encode()
    return True


@dataclass(frozen=True, slots=True)
class _Shape:
    description: str
    effects: tuple[Effect, ...]
    properties: Mapping[str, Schema]
    required: tuple[str, ...]
    output: Schema
    one_of: tuple[tuple[str, ...], ...] = ()


_SHAPES: Mapping[Verb, _Shape] = {
    Verb.DESCRIBE: _Shape(
        "List a system's objects, or one object's fields with their types and data classes.",
        (Effect.READ,), {"object": _NAME}, (), _DESCRIPTION,
    ),
    Verb.QUERY: _Shape(
        "Read records by conditions. Give object, select and where, or the system's own query language as text.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "where": _WHERE, "order_by": _ORDER, "limit": _PAGE_LIMIT,
         "after": _AFTER,
         "text": {"type": "string", "maxLength": 100_000}},
        (), _PAGE, (("object",), ("text",)),
    ),
    Verb.EXPORT: _Shape(
        "Read all records that meet conditions, in no order, a large page at a time: go on with `after` until there is "
        "none. A page without records only says that the system is still at it.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "where": _WHERE, "limit": _BATCH, "after": _AFTER}, ("object",), _PAGE,
    ),
    Verb.CHANGES: _Shape(
        "Read which records changed or were deleted since a moment, or since `after` of an earlier look; nothing "
        "given: from now on. Keep the `after` of the last page for the next look.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "limit": _BATCH, "after": _AFTER,
         "since": {"type": "string", "maxLength": 40, "description": "ISO 8601 with zone: 2026-11-01T08:00:00Z"}},
        ("object",), _PAGE,
    ),
    Verb.GET: _Shape(
        "Read one record by its id.", (Effect.READ,),
        {"object": _NAME, "id": _ID, "fields": _FIELDS}, ("object", "id"), _RECORD,
    ),
    Verb.SEARCH: _Shape(
        "Find records by words.", (Effect.READ,),
        {"text": {"type": "string", "minLength": 2, "maxLength": 200}, "object": _NAME, "fields": _FIELDS,
         "limit": _LIMIT},
        ("text", "object"), _PAGE,
    ),
    Verb.AGGREGATE: _Shape(
        "Count, sum or average records, in groups if wanted.", (Effect.READ,),
        {"object": _NAME, "measures": _MEASURES, "group_by": _FIELDS, "where": _WHERE, "limit": _LIMIT},
        ("object", "measures"), _GROUPS,
    ),
    Verb.CREATE: _Shape(
        "Create one record. A key of your own makes a repeat harmless.", (Effect.CREATE,),
        {"object": _NAME, "values": _VALUES, "key": {"type": "string", "minLength": 1, "maxLength": 200},
         "approval": _APPROVAL},
        ("object", "values"), _RECORD,
    ),
    Verb.UPDATE: _Shape(
        "Change fields of one record.", (Effect.UPDATE, Effect.TRANSITION),
        {"object": _NAME, "id": _ID, "values": _VALUES, "version": _VERSION, "approval": _APPROVAL},
        ("object", "id", "values"), _RECORD,
    ),
    Verb.TRANSITION: _Shape(
        "Bring one record into another state (resolve, close, approve), with the values that this takes.",
        (Effect.TRANSITION, Effect.UPDATE),
        {"object": _NAME, "id": _ID, "to": {"type": "string", "minLength": 1, "maxLength": 200}, "values": _VALUES,
         "version": _VERSION, "approval": _APPROVAL},
        ("object", "id", "to"), _RECORD,
    ),
    Verb.UPSERT: _Shape(
        "Create the record that has this value in a unique field, or change it.",
        (Effect.CREATE, Effect.UPDATE, Effect.TRANSITION),
        {"object": _NAME, "key_field": _NAME, "key": {"$ref": "#/$defs/value"}, "values": _VALUES,
         "approval": _APPROVAL},
        ("object", "key_field", "key", "values"), _RECORD,
    ),
    Verb.DELETE: _Shape(
        "Delete one record.", (Effect.DELETE,),
        {"object": _NAME, "id": _ID, "version": _VERSION, "approval": _APPROVAL}, ("object", "id"), _RECORD,
    ),
    Verb.LOAD: _Shape(
        "Write many records of one object alike; the answer tells of every line what became of it.",
        (Effect.CREATE, Effect.UPDATE, Effect.DELETE),
        {"object": _NAME, "action": {"enum": ["create", "update", "upsert", "delete"]}, "lines": _LINES,
         "key_field": _NAME,
         "key": {"type": "string", "minLength": 1, "maxLength": 180, "description": "makes a repeat harmless"},
         "approval": _APPROVAL},
        ("object", "action", "lines", "key"), _LOADED,
    ),
}  # fmt: skip


def surface(systems: Mapping[str, Iterable[str]]) -> tuple[Tool, ...]:
    """Build the tools for logical systems, given the verbs that each one's connectors implement."""
    return tuple(_tool(verb, shape, systems) for verb, shape in _SHAPES.items() if _serving(verb, systems))


def _serving(verb: Verb, systems: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    return tuple(sorted(name for name, verbs in systems.items() if verb in verbs or verb is Verb.DESCRIBE))


def _tool(verb: Verb, shape: _Shape, systems: Mapping[str, Iterable[str]]) -> Tool:
    serving = _serving(verb, systems)
    properties: dict[str, JSON] = {"system": {"enum": list(serving)}, **shape.properties, "task": _TASK}
    schema: dict[str, JSON] = {
        "type": "object",
        "properties": properties,
        "required": ["system", *shape.required],
        "additionalProperties": False,
    }
    if shape.one_of:
        schema["oneOf"] = [{"required": list(names)} for names in shape.one_of]
    if "#/$defs/" in str(properties):
        schema["$defs"] = _DEFS if "condition" in str(properties) else {"value": _DEFS["value"]}
    return Tool(verb.value, verb, frozenset(shape.effects), shape.description, schema, shape.output, serving)
