"""May these values be written, and in which form are they stored?"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from typing import Final

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.message import Json

from .blobs import Held
from .call import Call
from .errors import ApiError
from .ids import normalise
from .schema import NUMERIC, Field, SObject
from .store import Row, Value

_EMAIL: Final = re.compile(r"[^@\s]+@[^@\s]+\.[^@\s]+")


def values(call: Call, sobject: SObject, body: Mapping[str, Json], existing: Row | None) -> dict[str, Value]:
    """Return the stored form of a body; raises ApiError for the first thing that the org refuses."""
    found: dict[str, Value] = {}
    for name, value in body.items():
        if name.lower() == "attributes":
            continue
        if isinstance(value, Mapping):
            column, stored = _by_foreign_key(call, sobject, name, value, existing)
        else:
            column = _writable(call, sobject, name, existing)
            stored = _stored(call, sobject, column, value)
        found[column.name] = stored
    if existing is None:
        _add_defaults(call, sobject, found)
    _check_required(sobject, found, creating=existing is None)
    for column in sobject.fields:
        if column.name in found:
            _check_value(column, found[column.name])
    _check_unique(call, sobject, found, existing)
    return found


def _writable(call: Call, sobject: SObject, name: str, existing: Row | None) -> Field:
    column = call.view.field(sobject, name)
    if column is None:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
    if column.read_only or (column.fixed and existing is not None):
        message = (
            f"Unable to create/update fields: {column.name}. Please check the security settings of this field and "
            "verify that it is read/write for your profile or permission set."
        )
        raise ApiError(400, "INVALID_FIELD_FOR_INSERT_UPDATE", message, [column.name])
    return column


def _by_foreign_key(
    call: Call, sobject: SObject, name: str, value: Mapping[str, Json], existing: Row | None
) -> tuple[Field, Value]:
    """Resolve `{"Account": {"Customer_Number__c": "C-1"}}` to the reference it stands for."""
    reference = sobject.by_relationship.get(name.lower())
    told = _told_type(reference, value)
    keys = {key: each for key, each in value.items() if key.lower() != "attributes"}
    if reference is None or len(keys) != 1:
        raise ApiError(400, "INVALID_FIELD", f"No such column '{name}' on sobject of type {sobject.name}")
    column = _writable(call, sobject, reference.name, existing)
    target = call.store.schema.objects[told or reference.refers[0]]
    key, wanted = next(iter(keys.items()))
    key_field = call.view.field(target, key)
    if key_field is None or not key_field.is_key:
        raise ApiError(400, "INVALID_FIELD", f"Foreign key external ID: {key} is not an external id of {target.name}")
    rows = [row for row in call.store[target.name].find(key_field, str(wanted)) if call.view.sees(target, row)]
    if len(rows) != 1:
        message = f"Foreign key external ID: {wanted} not found for field {key_field.name} in entity {target.name}"
        raise ApiError(400, "INVALID_FIELD", message)
    return column, rows[0]["Id"]


def _told_type(reference: Field | None, value: Mapping[str, Json]) -> str | None:
    """Return which object a nested key is about, where the field may point to several: `attributes` says it first."""
    if reference is None or len(reference.refers) < 2:
        return None
    first, attributes = next(iter(value.items()), ("", None))
    kind = attributes.get("type") if first == "attributes" and isinstance(attributes, Mapping) else None
    if kind not in reference.refers:
        message = "Nested object for polymorphic foreign key must have an attributes field before any other fields."
        raise ApiError(400, "JSON_PARSER_ERROR", message)
    return str(kind)


def _stored(call: Call, sobject: SObject, column: Field, value: Json) -> Value:
    if value is None or value == "":
        return False if column.type == "boolean" else None
    if column.type == "base64" or isinstance(value, Held):
        return _kept(call, sobject, column, value)
    if column.type == "boolean":
        return _boolean(value)
    if column.type in NUMERIC:
        return _number(column, value)
    if isinstance(value, list):
        raise _undeserializable(column.type, value)
    text = str(value).lower() if isinstance(value, bool) else str(value)
    special = _FORMS.get(column.type)
    if special is not None:
        return special(text)
    if column.type == "reference":
        return _reference(call, column, text)
    return text.strip() or None


def _kept(call: Call, sobject: SObject, column: Field, value: Json) -> str:
    """Return the name of a file's bytes, kept before they were sent as a part of their own, or else now."""
    if column.type != "base64" or not isinstance(value, str):
        raise _undeserializable(column.type, "a file" if isinstance(value, Held) else value)
    limits = call.org.file_limits
    if isinstance(value, Held):
        name, most = value, limits.version if sobject.name == "ContentVersion" else limits.other
    else:
        name, most = call.org.blobs.keep([_decoded(column, value)]), limits.in_json
    size = call.org.blobs[name].size
    if size > most:
        message = f"{column.label}: {size} bytes are more than the {most} that a file sent like this may have"
        raise ApiError(400, "FILE_SIZE_LIMIT_EXCEEDED", message, [column.name])
    return name


def _decoded(column: Field, text: str) -> bytes:
    try:
        return base64.b64decode("".join(text.split()), validate=True)
    except (binascii.Error, ValueError):
        raise _undeserializable(column.type, text[:40]) from None


def _boolean(value: Json) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false"):
        return str(value).lower() == "true"
    raise _undeserializable("boolean", value)


def _number(column: Field, value: Json) -> Value:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise _undeserializable("double", value)
    try:
        number = float(value)
    except (ValueError, OverflowError):
        raise _undeserializable("double", value) from None
    if not math.isfinite(number):
        raise _undeserializable("double", value)
    return int(number) if column.type == "int" else round(number, column.scale)


def _date(text: str) -> str:
    try:
        return date.fromisoformat(text[:10]).isoformat()
    except ValueError:
        raise _undeserializable("date", text) from None


def _datetime(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text)
        return stamp((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        raise _undeserializable("datetime", text) from None


def _undeserializable(kind: str, value: object) -> ApiError:
    source = "VALUE_STRING" if isinstance(value, str) else "value"
    message = (
        f"Cannot deserialize instance of {kind} from {source} value {value} or request may be missing a required field "
        "at [line:1, column:1]"
    )
    return ApiError(400, "JSON_PARSER_ERROR", message)


_FORMS: Final[Mapping[str, Callable[[str], str]]] = {"date": _date, "datetime": _datetime}


def _reference(call: Call, column: Field, text: str) -> str:
    key = normalise(text)
    if key is None:
        raise ApiError(400, "MALFORMED_ID", f"{column.label}: id value of incorrect type: {text}", [column.name])
    target = call.store.schema.by_prefix(key[:3])
    if target is None or target.name not in column.refers:
        raise ApiError(
            400, "FIELD_INTEGRITY_EXCEPTION", f"{column.label}: id value of incorrect type: {text}", [column.name]
        )
    row = call.store[target.name].rows.get(key)
    if row is None or not call.view.sees(target, row):
        raise ApiError(400, "INVALID_CROSS_REFERENCE_KEY", "invalid cross reference id", [])
    if row["IsDeleted"]:
        raise ApiError(400, "ENTITY_IS_DELETED", "entity is deleted", [])
    return key


def _add_defaults(call: Call, sobject: SObject, found: dict[str, Value]) -> None:
    for column in sobject.fields:
        if column.default is not None and found.get(column.name) is None:
            found[column.name] = column.default
        if column.name == "OwnerId" and found.get("OwnerId") is None:
            found["OwnerId"] = call.user_id


def _check_required(sobject: SObject, found: Mapping[str, Value], *, creating: bool) -> None:
    missing = [
        column.name
        for column in sobject.fields
        if column.required and found.get(column.name) is None and (creating or column.name in found)
    ]
    if missing:
        message = f"Required fields are missing: [{', '.join(missing)}]"
        raise ApiError(400, "REQUIRED_FIELD_MISSING", message, missing)


def _check_value(column: Field, value: Value) -> None:
    if value is None:
        return
    text = str(value)
    if column.length and column.type not in ("id", "reference") and len(text) > column.length:
        message = f"{column.label}: data value too large: {text[:255]} (max length={column.length})"
        raise ApiError(400, "STRING_TOO_LONG", message, [column.name])
    if column.restricted and text not in column.values:
        message = f"{column.label}: bad value for restricted picklist field: {text}"
        raise ApiError(400, "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST", message, [column.name])
    if column.type == "email" and not _EMAIL.fullmatch(text):
        raise ApiError(400, "INVALID_EMAIL_ADDRESS", f"{column.label}: invalid email address: {text}", [column.name])
    if column.minimum is not None and float(text) < column.minimum:
        raise ApiError(400, "FIELD_CUSTOM_VALIDATION_EXCEPTION", column.rule, [column.name])


def _check_unique(call: Call, sobject: SObject, found: Mapping[str, Value], existing: Row | None) -> None:
    for column in sobject.fields:
        value = found.get(column.name)
        if not column.unique or value is None:
            continue
        for row in call.store[sobject.name].find(column, str(value)):
            if existing is not None and row["Id"] == existing["Id"]:
                continue
            known = call.view.sees(sobject, row)
            name, key = (column.name, row["Id"]) if known else ("<unknown>", "<unknown>")
            message = f"duplicate value found: {name} duplicates value on record with id: {key}"
            raise ApiError(400, "DUPLICATE_VALUE", message, [column.name] if known else [])
