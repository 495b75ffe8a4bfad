"""Which JSON fits a value of an Edm type (JSON Schema 2020-12)?"""

from collections.abc import Mapping

from isthmus.connectors.sap.odata.edm import EdmType, Enumeration, Primitive, Service, Structure
from isthmus.core.records import JSON

__all__ = ["schema_of"]

Schema = Mapping[str, JSON]
DEEPEST = 5

_NUMBERS = {"type": ["number", "string"], "pattern": r"^-?[0-9]+(\.[0-9]+)?$"}
_GUID = {"type": "string", "format": "uuid", "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$"}
_SCHEMAS: Mapping[Primitive, Schema] = {
    Primitive.BOOLEAN: {"type": "boolean"},
    Primitive.BYTE: {"type": "integer", "minimum": 0, "maximum": 255},
    Primitive.SBYTE: {"type": "integer", "minimum": -128, "maximum": 127},
    Primitive.INT16: {"type": "integer", "minimum": -(2**15), "maximum": 2**15 - 1},
    Primitive.INT32: {"type": "integer", "minimum": -(2**31), "maximum": 2**31 - 1},
    Primitive.INT64: {"type": ["integer", "string"], "pattern": "^-?[0-9]+$"},
    Primitive.DECIMAL: _NUMBERS,
    Primitive.DOUBLE: {"type": "number"},
    Primitive.SINGLE: {"type": "number"},
    Primitive.GUID: {
        "type": "string",
        "format": "uuid",
        "pattern": "^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$",
    },
    Primitive.DATE: {"type": "string", "format": "date"},
    Primitive.DATE_TIME: {"type": "string", "format": "date-time"},
    Primitive.DATE_TIME_OFFSET: {"type": "string", "format": "date-time"},
    Primitive.TIME: {"type": "string", "description": "a time of day such as 12:30:00"},
    Primitive.TIME_OF_DAY: {"type": "string", "description": "a time of day such as 12:30:00"},
    Primitive.DURATION: {"type": "string", "format": "duration"},
    Primitive.BINARY: {"type": "string", "contentEncoding": "base64"},
}


def schema_of(type: EdmType, service: Service, label: str = "", depth: int = 0) -> dict[str, JSON]:
    """Return the schema of a value; what is nested deeper than any service needs is any object."""
    found = dict(_one(type, service, depth))
    if type.collection:
        found = {"type": "array", "items": found}
    return found | ({"title": label} if label else {})


def _one(type: EdmType, service: Service, depth: int) -> Schema:
    kind = type.kind
    if isinstance(kind, Structure):
        if depth >= DEEPEST:
            return {"type": "object"}
        parts = service.properties_of(kind)
        properties: dict[str, JSON] = {
            name: schema_of(one.type, service, one.label, depth + 1) for name, one in parts.items()
        }
        return {"type": "object", "properties": properties, "additionalProperties": False}
    if isinstance(kind, Enumeration):
        # Flags are several members with commas between them.
        return {"type": "string"} if kind.flags else {"type": "string", "enum": list(kind.members)}
    if kind is Primitive.STRING:
        return {"type": "string"} | ({"maxLength": type.max_length} if type.max_length is not None else {})
    return _SCHEMAS.get(kind, {"type": "string"})
