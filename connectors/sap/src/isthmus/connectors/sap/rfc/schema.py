"""Which JSON Schema do the arguments and results of a function module follow?"""

from collections.abc import Iterable, Mapping, Sequence

from isthmus.connectors.sap.rfc.interface import Field, Interface, Parameter
from isthmus.connectors.sap.rfc.types import BOUNDS
from isthmus.core.records import JSON

__all__ = ["arguments_schema", "required_of", "results_schema"]

Schema = Mapping[str, JSON]


def arguments_schema(interface: Interface) -> Mapping[str, Schema]:
    """Return a schema for each parameter that a caller gives."""
    return {one.name: _parameter(one, strict=True) for one in interface.parameters if one.sent}


def required_of(interface: Interface) -> Sequence[str]:
    """Name what must be given; a table that is left out is an empty one."""
    return tuple(one.name for one in interface.parameters if one.sent and not one.optional and not one.table)


def results_schema(interface: Interface) -> Mapping[str, Schema]:
    """Return a schema for each parameter that an answer may hold."""
    return {one.name: _parameter(one, strict=False) for one in interface.parameters if one.answered}


def _parameter(parameter: Parameter, *, strict: bool) -> Schema:
    if parameter.flat:
        schema = _value(parameter.fields[0], strict=strict)
    else:
        schema = {"type": "object"} if parameter.untyped else _line(parameter.fields, strict=strict)
        if parameter.table:
            schema = {"type": "array", "items": schema}
    return {**schema, "description": parameter.text} if parameter.text else schema


def _line(fields: Iterable[Field], *, strict: bool) -> dict[str, JSON]:
    told: dict[str, JSON] = {one.name: _labelled(one, strict=strict) for one in fields}
    schema: dict[str, JSON] = {"type": "object", "properties": told}
    return {**schema, "additionalProperties": False} if strict else schema


def _labelled(field: Field, *, strict: bool) -> Schema:
    schema = _value(field, strict=strict)
    return {**schema, "title": field.text} if field.text else schema


def _value(field: Field, *, strict: bool) -> dict[str, JSON]:
    match field.type:
        case "C":
            return {"type": "string", "maxLength": field.length}
        case "N":
            return {"type": "string", "pattern": f"^[0-9]{{0,{field.length}}}$"}
        case "D":
            # Initial dates, and those that some program wrote without looking, come back as they are.
            return {"type": ["string", "null"], **({"format": "date"} if strict else {})}
        case "P":
            digits = f"^-?[0-9]{{1,{max(field.length - field.decimals, 1)}}}(\\.[0-9]{{1,{max(field.decimals, 1)}}})?$"
            return {"type": ["string", "number"] if strict else "string", "pattern": digits}
        case "b" | "s" | "I":
            low, high = BOUNDS[field.type]
            return {"type": "integer", "minimum": low, "maximum": high}
        case _:
            # A type that is not supported takes nothing, so that a call with it is refused before it is sent.
            return dict(_PLAIN.get(field.type, {"not": {}} if strict else {}))


_PLAIN: Mapping[str, Schema] = {
    "T": {"type": "string", "pattern": "^[0-9]{2}:[0-9]{2}:[0-9]{2}$"},
    "8": {"type": ["integer", "string"], "pattern": "^-?[0-9]{1,19}$"},
    "F": {"type": "number"},
    **{each: {"type": "string", "contentEncoding": "base64"} for each in "Xy"},
    "g": {"type": "string"},
}
