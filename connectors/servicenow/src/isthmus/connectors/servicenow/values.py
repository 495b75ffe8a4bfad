"""How do the texts of an instance become values of a type, and values its texts?"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation

from isthmus.connectors.servicenow.ids import is_id
from isthmus.core.connector import FieldFacts, FieldType
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON, Value

__all__ = ["literal", "plain", "same_value", "wire"]

_MOMENT = "%Y-%m-%d %H:%M:%S"
_WHOLE = re.compile(r"-?[0-9]{1,18}")
_AMOUNT = re.compile(r"-?[0-9]{1,30}(?:\.[0-9]{1,30})?")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


def plain(raw: JSON, kind: FieldType) -> JSON:
    """Read a value as its field's type; an instance writes all of them as texts, and nothing as an empty one.

    What does not fit its type stays the text that it is.
    """
    if isinstance(raw, Mapping):
        raw = raw.get("value")
    if not isinstance(raw, str) or not raw:
        return None
    match kind:
        case FieldType.BOOLEAN:
            return {"true": True, "1": True, "false": False, "0": False}.get(raw, raw)
        case FieldType.INTEGER if _WHOLE.fullmatch(raw):
            return int(raw)
        case FieldType.NUMBER if _AMOUNT.fullmatch(raw):
            return float(raw)
        case FieldType.DATETIME:
            moment = _moment(raw)
            return f"{moment:%Y-%m-%dT%H:%M:%SZ}" if moment else raw
    return raw


def literal(value: Value, field: str) -> str:
    """Write a typed value as a text of a condition; raises InvalidArguments for what an instance cannot compare with.

    Instants are in UTC and have whole seconds.
    """
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case float() if math.isfinite(value):
            return format(Decimal(repr(value)), "f")
        case Decimal():
            return format(value, "f")
        case datetime() if value.tzinfo is not None and not value.microsecond:
            return value.astimezone(UTC).strftime(_MOMENT)
        case date() if not isinstance(value, datetime):
            return value.isoformat()
        case str():
            return str(value)
    raise InvalidArguments(f"{field} cannot be compared with a {type(value).__name__} here", field=field)


def wire(value: JSON, field: FieldFacts) -> str:
    """Write a value as the Table API stores it; raises InvalidArguments for what it would store as something else."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return literal(value, field.name)
    if isinstance(value, list | tuple) and all(isinstance(one, str) and "," not in one for one in value):
        return ",".join(map(str, value))
    if not isinstance(value, str):
        raise InvalidArguments(f"{field.name} takes one value; write to the other record", field=field.name)
    return _text(value, field)


def same_value(sent: str, stored: JSON) -> bool:
    """Tell whether what is stored is what was sent: texts apart from line ends and outer spaces, numbers by amount."""
    if isinstance(stored, Mapping):
        stored = stored.get("value")
    if not isinstance(stored, str):
        return False
    mine, theirs = (one.replace("\r\n", "\n").strip() for one in (sent, stored))
    if mine == theirs:
        return True
    try:
        return Decimal(mine) == Decimal(theirs)
    except InvalidOperation:
        return False


def _text(value: str, field: FieldFacts) -> str:
    if not value:
        return ""
    match field.type:
        case FieldType.DATETIME:
            return _instant(value, field.name)
        case FieldType.DATE if not _DAY.fullmatch(value):
            raise InvalidArguments(f"{field.name} takes a date such as 2026-01-31", field=field.name)
        case FieldType.REFERENCE if not is_id(value) and value != "global":
            # A name is looked up, and where it is not found something else is stored or made.
            raise InvalidArguments(f"{field.name} takes the sys_id of a record; find it first", field=field.name)
        case FieldType.CHOICE if field.choices and value not in field.choices:
            labels = field.choice_labels or field.choices
            known = ", ".join(f"{one} ({label})" for one, label in zip(field.choices[:20], labels, strict=False))
            raise InvalidArguments(f"{field.name} takes one of its choices: {known}", field=field.name)
        case FieldType.BOOLEAN if value not in ("true", "false"):
            raise InvalidArguments(f"{field.name} takes true or false", field=field.name)
        case FieldType.INTEGER | FieldType.NUMBER if not _AMOUNT.fullmatch(value):
            raise InvalidArguments(f"{field.name} takes a number", field=field.name)
    return value


def _instant(value: str, field: str) -> str:
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None or moment.microsecond:
        raise InvalidArguments(
            f"{field} takes a time with its zone and whole seconds such as 2026-01-31T12:00:00Z", field=field
        )
    return moment.astimezone(UTC).strftime(_MOMENT)


def _moment(raw: str) -> datetime | None:
    try:
        return datetime.strptime(raw, _MOMENT).replace(tzinfo=UTC)
    except ValueError:
        return None
