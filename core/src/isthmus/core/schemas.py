"""Which arguments does each verb take, what can it do at most, and what does its answer look like?"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeAlias

from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON, MOST_BATCH, MOST_LINES, MOST_ROWS

__all__ = ["DEFS", "SHAPES", "TASK", "Schema", "Shape"]

Schema: TypeAlias = Mapping[str, JSON]

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
TASK: Schema = {"type": "string", "maxLength": 200, "description": "task handle from the host"}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 200}
_PAGE_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_ROWS, "description": "50 unless you ask"}
_BATCH: Schema = {"type": "integer", "minimum": 1, "maximum": MOST_BATCH, "description": "2000 unless you ask"}
_AFTER: Schema = {"type": "string", "maxLength": 8192, "description": "from an earlier page of the same query"}
_DAY: Schema = {
    "type": "string",
    "maxLength": 10,
    "description": "the day to read (2026-11-01), of an object that describe calls dated; today if left out",
}
_VALUES: Schema = {
    "type": "object",
    "minProperties": 1,
    "maxProperties": 200,
    "description": "field to value; {'ref': 'ref_...'} stands for a value you were given only by reference",
}
_WHERE: Schema = {"$ref": "#/$defs/condition"}
DEFS: Schema = {
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
        "below": {"type": "array", "items": {"type": "object"}},
        "notes": {"type": "array", "items": {"type": "object"}},
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
    "maxItems": MOST_LINES,
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
_FILE: Schema = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "type": {"type": "string"},
        "size": {"type": "integer"},
        "sha256": {"type": "string"},
        "content": {"type": "string", "description": "base64"},
        "withheld": _WITHHELD,
    },
    "required": ["name", "size", "sha256"],
}
_ANSWER: Schema = {
    "type": "object",
    "properties": {
        "answer": {"type": "object"},
        "records": {"type": "array", "items": {"type": "string"}},
        "withheld": _WITHHELD,
    },
    "required": ["answer", "records"],
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
    "properties": {
        "objects": {"type": "array"},
        "object": {"type": "object"},
        "fields": {"type": "array"},
        "actions": {"type": "array"},
    },
}


@dataclass(frozen=True, slots=True)
class Shape:
    """One verb; of the argument lists in `one_of`, exactly one is given whole."""

    description: str
    effects: tuple[Effect, ...]
    properties: Mapping[str, Schema]
    required: tuple[str, ...]
    output: Schema
    one_of: tuple[tuple[str, ...], ...] = ()


SHAPES: Mapping[Verb, Shape] = {
    Verb.DESCRIBE: Shape(
        "List a system's objects, or one object's fields with their types and data classes. `words` finds actions.",
        (Effect.READ,),
        {"object": _NAME,
         "words": {"type": "string", "minLength": 2, "maxLength": 200, "description": "only what has all these words"}},
        (), _DESCRIPTION,
    ),
    Verb.QUERY: Shape(
        "Read records by conditions. Give object, select and where, or the system's own query language as text.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "where": _WHERE, "order_by": _ORDER, "limit": _PAGE_LIMIT,
         "after": _AFTER, "as_of": _DAY,
         "text": {"type": "string", "maxLength": 100_000}},
        (), _PAGE, (("object",), ("text",)),
    ),
    Verb.EXPORT: Shape(
        "Read all records that meet conditions, in no order, a large page at a time: go on with `after` until there is "
        "none. A page without records only says that the system is still at it.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "where": _WHERE, "limit": _BATCH, "after": _AFTER, "as_of": _DAY},
        ("object",), _PAGE,
    ),
    Verb.CHANGES: Shape(
        "Read which records changed or were deleted since a moment, or since `after` of an earlier look; nothing "
        "given: from now on. Keep the `after` of the last page for the next look.",
        (Effect.READ,),
        {"object": _NAME, "select": _FIELDS, "limit": _BATCH, "after": _AFTER,
         "since": {"type": "string", "maxLength": 40, "description": "ISO 8601 with zone: 2026-11-01T08:00:00Z"}},
        ("object",), _PAGE,
    ),
    Verb.GET: Shape(
        "Read one record by its id.", (Effect.READ,),
        {"object": _NAME, "id": _ID, "fields": _FIELDS, "as_of": _DAY}, ("object", "id"), _RECORD,
    ),
    Verb.SEARCH: Shape(
        "Find records by words.", (Effect.READ,),
        {"text": {"type": "string", "minLength": 2, "maxLength": 200}, "object": _NAME, "fields": _FIELDS,
         "limit": _LIMIT},
        ("text", "object"), _PAGE,
    ),
    Verb.AGGREGATE: Shape(
        "Count, sum or average records, in groups if wanted.", (Effect.READ,),
        {"object": _NAME, "measures": _MEASURES, "group_by": _FIELDS, "where": _WHERE, "limit": _LIMIT},
        ("object", "measures"), _GROUPS,
    ),
    Verb.CREATE: Shape(
        "Create one record, and those that its values put below it. A key of your own makes a repeat harmless.",
        (Effect.CREATE,),
        {"object": _NAME, "values": _VALUES, "key": {"type": "string", "minLength": 1, "maxLength": 200},
         "approval": _APPROVAL},
        ("object", "values"), _RECORD,
    ),
    Verb.UPDATE: Shape(
        "Change fields of one record.", (Effect.UPDATE, Effect.TRANSITION),
        {"object": _NAME, "id": _ID, "values": _VALUES, "version": _VERSION, "approval": _APPROVAL},
        ("object", "id", "values"), _RECORD,
    ),
    Verb.TRANSITION: Shape(
        "Bring one record into another state (resolve, close, approve), with the values that this takes.",
        (Effect.TRANSITION, Effect.UPDATE),
        {"object": _NAME, "id": _ID, "to": {"type": "string", "minLength": 1, "maxLength": 200}, "values": _VALUES,
         "version": _VERSION, "approval": _APPROVAL},
        ("object", "id", "to"), _RECORD,
    ),
    Verb.UPSERT: Shape(
        "Create the record that has this value in a unique field, or change it.",
        (Effect.CREATE, Effect.UPDATE, Effect.TRANSITION),
        {"object": _NAME, "key_field": _NAME, "key": {"$ref": "#/$defs/value"}, "values": _VALUES,
         "approval": _APPROVAL},
        ("object", "key_field", "key", "values"), _RECORD,
    ),
    Verb.DELETE: Shape(
        "Delete one record.", (Effect.DELETE,),
        {"object": _NAME, "id": _ID, "version": _VERSION, "approval": _APPROVAL}, ("object", "id"), _RECORD,
    ),
    Verb.ATTACH: Shape(
        "Put a file beside a record.", (Effect.CREATE,),
        {"object": _NAME, "id": _ID, "name": {"type": "string", "maxLength": 255},
         "type": {"type": "string", "maxLength": 127, "pattern": "^[A-Za-z0-9!#$&^_.+-]+/[A-Za-z0-9!#$&^_.+-]+$"},
         "content": {"type": "string", "maxLength": 14_000_000, "description": "base64"}, "approval": _APPROVAL},
        ("object", "id", "name"), _RECORD,
    ),
    Verb.DOWNLOAD: Shape(
        "Read a file of a record.", (Effect.READ,),
        {"object": _NAME, "id": _ID, "file": _ID}, ("object", "id", "file"), _FILE,
    ),
    Verb.INVOKE: Shape(
        "Run an action that `describe` names for an object.", tuple(Effect),
        {"object": _NAME, "action": _NAME, "id": _ID, "arguments": {"type": "object", "maxProperties": 100},
         "key": {"type": "string", "minLength": 1, "maxLength": 200, "description": "makes a repeat harmless"},
         "approval": _APPROVAL},
        ("object", "action"), _ANSWER,
    ),
    Verb.LOAD: Shape(
        "Write many records of one object alike; the answer tells of every line what became of it.",
        (Effect.CREATE, Effect.UPDATE, Effect.DELETE),
        {"object": _NAME, "action": {"enum": ["create", "update", "upsert", "delete"]}, "lines": _LINES,
         "key_field": _NAME,
         "key": {"type": "string", "minLength": 1, "maxLength": 180, "description": "makes a repeat harmless"},
         "approval": _APPROVAL},
        ("object", "action", "lines", "key"), _LOADED,
    ),
}  # fmt: skip
