"""How does a value look inside, in JSON of either version, and in a URL?"""

import base64
import binascii
import json
import re
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal, InvalidOperation
from typing import Final, TypeAlias
from uuid import UUID

from isthmus.plugins.sandbox.message import Json

from .schema import Field

Value: TypeAlias = str | int | float | bool | Decimal | date | datetime | time | UUID | bytes | None
"""What a row holds: dates are `date`, instants are `datetime` in UTC, numbers with a scale are `Decimal`."""

_MARK: Final = "\ue000"
_BARE: Final = re.compile(f'"{_MARK}(-?[0-9.eE+-]+){_MARK}"')
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_TICKS: Final = re.compile(r"/Date\((-?\d+)(?:([+-])(\d{1,4}))?\)/")
_SPAN: Final = re.compile(r"PT(?:(\d{1,2})H)?(?:(\d{1,2})M)?(?:(\d{1,2})(?:\.\d+)?S)?")
_WHOLE: Final = {
    "byte": (0, 255),
    "int16": (-(2**15), 2**15 - 1),
    "int": (-(2**31), 2**31 - 1),
    "long": (-(2**63), 2**63 - 1),
}
_EDM: Final = {
    "char": ("Edm.String", "Edm.String"),
    "alpha": ("Edm.String", "Edm.String"),
    "numc": ("Edm.String", "Edm.String"),
    "dec": ("Edm.Decimal", "Edm.Decimal"),
    "date": ("Edm.DateTime", "Edm.Date"),
    "time": ("Edm.Time", "Edm.TimeOfDay"),
    "stamp": ("Edm.DateTimeOffset", "Edm.DateTimeOffset"),
    "bool": ("Edm.Boolean", "Edm.Boolean"),
    "guid": ("Edm.Guid", "Edm.Guid"),
    "int": ("Edm.Int32", "Edm.Int32"),
    "int16": ("Edm.Int16", "Edm.Int16"),
    "long": ("Edm.Int64", "Edm.Int64"),
    "double": ("Edm.Double", "Edm.Double"),
    "byte": ("Edm.Byte", "Edm.Byte"),
    "binary": ("Edm.Binary", "Edm.Binary"),
}


class NotThatType(Exception):
    """A value that a field of this type cannot hold."""


def edm(field: Field, version: int) -> str:
    """Return the name of the field's type in OData of this version."""
    return _EDM[field.kind][0 if version == 2 else 1]


def inner(field: Field, text: str) -> str:
    """Return a key's digits padded as ABAP keeps them (conversion exit ALPHA); other text as it is."""
    if field.kind == "alpha" and text.isascii() and text.isdecimal():
        return text.zfill(field.size) if text.strip("0") else ""
    return text.upper() if "upper" in field.marks or field.kind == "alpha" else text


def outer(field: Field, text: str) -> str:
    """Return what `inner` padded without its zeros."""
    return text.lstrip("0") if field.kind == "alpha" and text.isdecimal() else text


def shown(field: Field, value: Value, version: int, *, exact: bool = False, zeros: bool = True) -> Json:
    """Return a value as JSON; `exact` writes V4 decimals as strings, `zeros` keeps those at a decimal's end."""
    match value:
        case bool() | None:
            return value
        case str():
            return outer(field, value)
        case Decimal():
            text = _plain(value if zeros else value.normalize())
            return text if version == 2 or exact else f"{_MARK}{text}{_MARK}"
        case int():
            return str(value) if field.kind == "long" and (version == 2 or exact) else value
        case float():
            return repr(value) if version == 2 else value
        case _:
            return _spelled(value, version)


def _spelled(value: UUID | bytes | datetime | date | time, version: int) -> str:
    """Return what JSON has no type for."""
    match value:
        case UUID():
            return str(value)
        case bytes():
            return base64.b64encode(value).decode()
        case datetime():
            return _ticks(value, "+0000") if version == 2 else _iso(value)
        case time():
            return value.strftime("PT%HH%MM%SS" if version == 2 else "%H:%M:%S")
        case date():
            at = datetime(value.year, value.month, value.day, tzinfo=UTC)
            return _ticks(at, "") if version == 2 else value.isoformat()


def as_bytes(body: Json) -> bytes:
    """Write JSON; the decimals that `shown` marked stand there digit by digit, as numbers."""
    text = json.dumps(body, separators=(",", ":"), ensure_ascii=False, default=_marked)
    return _BARE.sub(r"\1", text).encode()


def _marked(value: object) -> str:
    if not isinstance(value, Decimal):
        raise TypeError(f"{type(value).__name__} is nothing that JSON can say")
    return f"{_MARK}{value}{_MARK}"


def _plain(value: Decimal) -> str:
    return f"{value:f}"


def _ticks(value: datetime, offset: str) -> str:
    return f"/Date({(value - _EPOCH) // timedelta(milliseconds=1)}{offset})/"


def to_the_second(value: datetime) -> str:
    """Return an instant without its zone and fraction; `strftime` would write the year 999 in three digits."""
    return value.replace(tzinfo=None, microsecond=0).isoformat()


def _iso(value: datetime) -> str:
    return to_the_second(value) + (f".{value.microsecond // 1000:03d}" * bool(value.microsecond)) + "Z"


def taken(field: Field, value: Json, version: int, *, exact: bool = False) -> Value:
    """Read a value from JSON; `exact` takes V4 numbers from strings. Raises NotThatType."""
    if value is None:
        return None
    try:
        return _taken(field, value, version, exact=exact)
    except (ValueError, InvalidOperation, OverflowError, binascii.Error) as error:
        raise NotThatType(f"{value!r} is no {edm(field, version)}") from error


def _taken(field: Field, value: Json, version: int, *, exact: bool) -> Value:
    match field.kind, value:
        case (kind, bool()) if kind != "bool":
            raise ValueError(value)
        case ("bool", bool()):
            return value
        case (("char" | "alpha" | "numc"), str()):
            return _text(field, value)
        case ("dec", str()) if version == 2 or exact:
            return decimal(field, Decimal(value))
        case ("dec", Decimal() | int()) if not (exact and version == 4):
            return decimal(field, Decimal(value))
        case ("long", str()) if version == 2 or exact:
            return _whole(field, int(value))
        case (("long" | "int" | "int16" | "byte"), int()):
            return _whole(field, value)
        case ("double", str() | int() | Decimal()) if version == 2 or not isinstance(value, str):
            return float(value)
        case (("date" | "time" | "stamp" | "guid" | "binary"), str()):
            return _written(field, value, version)
        case _:
            raise ValueError(value)


def _text(field: Field, value: str) -> str:
    if field.size and len(value) > field.size:
        raise NotThatType(f"{value!r} is longer than {field.size} characters")
    return inner(field, value.rstrip(" ") if field.size else value)


def decimal(field: Field, value: Decimal) -> Decimal:
    """Return a decimal in the field's scale; raises ValueError where digits would be lost."""
    if not value.is_finite():
        raise ValueError(value)
    fitted = value.quantize(Decimal(1).scaleb(-field.scale)) if field.scale or value == value.to_integral() else value
    if fitted != value or len(fitted.as_tuple().digits) > max(field.size, 1):
        raise ValueError(value)
    return fitted


def _whole(field: Field, value: int) -> int:
    low, high = _WHOLE[field.kind]
    if not low <= value <= high:
        raise ValueError(value)
    return value


def _written(field: Field, text: str, version: int) -> Value:
    if field.kind == "guid":
        return guid(text)
    if field.kind == "binary":
        return base64.b64decode(text, validate=True)
    if field.kind == "time":
        return span(text) if version == 2 else clock_time(text)
    if version == 2 and (match := _TICKS.fullmatch(text)):
        at = _EPOCH + timedelta(milliseconds=int(match[1]))
        return at if field.kind == "stamp" else at.date()
    return instant(text) if field.kind == "stamp" else day(text, version)


def guid(text: str) -> UUID:
    """Read a GUID in its only form; raises ValueError."""
    found = UUID(text)
    if str(found) != text.lower():
        raise ValueError(text)
    return found


def span(text: str) -> time:
    """Read V2's Edm.Time; raises ValueError."""
    match = _SPAN.fullmatch(text)
    if match is None or text == "PT":
        raise ValueError(text)
    hours, minutes, seconds = (int(each or 0) for each in match.groups())
    return time(hours, minutes, seconds)


def clock_time(text: str) -> time:
    """Read V4's Edm.TimeOfDay; raises ValueError."""
    if not re.fullmatch(r"\d\d:\d\d(:\d\d(\.\d{1,12})?)?", text):
        raise ValueError(text)
    return time.fromisoformat(text[:8]).replace(microsecond=0)


def instant(text: str) -> datetime:
    """Read an instant with its zone; without one it is UTC. Raises ValueError."""
    if not re.match(r"\d{4}-\d\d-\d\dT", text):
        raise ValueError(text)
    found = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text))
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)


def day(text: str, version: int) -> date:
    """Read a date: in V2 an instant without a zone, whose time Gateway drops. Raises ValueError."""
    if version == 4:
        if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            raise ValueError(text)
        return date.fromisoformat(text)
    if not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?", text):
        raise ValueError(text)
    return datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", text)).date()
