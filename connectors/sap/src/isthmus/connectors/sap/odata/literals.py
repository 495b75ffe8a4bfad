"""How is a value written in an address, as a literal of its Edm type, and how is a literal read?

Both versions have a grammar of their own: MS-ODATA section 2.2.2 for V2, the ABNF of OData 4.01 (primitiveLiteral) for
V4. What is written here is not yet percent-encoded.
"""

import base64
import binascii
import math
import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time
from decimal import Decimal

from isthmus.connectors.sap.odata.edm import EdmType, Enumeration, Primitive, Version
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Relative, Value

__all__ = ["INTEGERS", "as_duration", "canonical", "literal", "of_duration", "quoted", "read_literal"]

INTEGERS: Mapping[Primitive, tuple[int, int]] = {
    Primitive.BYTE: (0, 255),
    Primitive.SBYTE: (-128, 127),
    Primitive.INT16: (-(2**15), 2**15 - 1),
    Primitive.INT32: (-(2**31), 2**31 - 1),
    Primitive.INT64: (-(2**63), 2**63 - 1),
}
_SUFFIX = {Primitive.INT64: "L", Primitive.DECIMAL: "M", Primitive.DOUBLE: "d", Primitive.SINGLE: "f"}
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_AMOUNT = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")
_SCIENTIFIC = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_GUID = re.compile(r"[0-9A-Fa-f]{8}-(?:[0-9A-Fa-f]{4}-){3}[0-9A-Fa-f]{12}")
_DURATION = re.compile(
    r"-?P(?=.)(?:[0-9]{1,9}D)?(?:T(?=.)(?:[0-9]{1,9}H)?(?:[0-9]{1,9}M)?(?:[0-9]{1,9}(?:\.[0-9]{1,12})?S)?)?"
)
_MOMENT = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"(?:[Tt]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,12}))?([Zz]|[+-][0-9]{2}:[0-9]{2}))?"
)
_CLOCK = re.compile(r"([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:\.([0-9]{1,12}))?")
_TIME = re.compile(r"PT(?:([0-9]{1,2})H)?(?:([0-9]{1,2})M)?(?:([0-9]{1,2})(?:\.([0-9]{1,12}))?S)?")
_MEMBERS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(?:,[A-Za-z_][A-Za-z0-9_]*)*")


def literal(value: Value, type: EdmType, version: Version, name: str) -> str:
    """Write a value as a literal; `name` is the field that it is compared with.

    Raises:
        InvalidArguments: the value is not one of the type, or the type has no literal.
    """
    if value is None:
        return "null"
    text = canonical(value, type, name)
    kind = type.kind
    if isinstance(kind, Enumeration):
        return f"{kind.name}{quoted(text)}"
    if not isinstance(kind, Primitive):
        raise InvalidArguments(f"{name} holds several values and cannot be compared; name one of them", field=name)
    if kind is Primitive.STRING:
        return quoted(text)
    return _written(text, kind) if version is Version.V2 else _written_v4(text, kind)


def canonical(value: Value, type: EdmType, name: str) -> str:
    """Write a value as the one text that stands for it, whatever the version; raises as `literal`."""
    kind = type.kind
    if isinstance(value, Relative):
        raise _misfit(name, f"no relative date such as {value.name}, which OData does not have; give the date itself")
    if isinstance(kind, Enumeration):
        return _members(value, kind, name)
    if isinstance(kind, Primitive) and not type.collection:
        if kind in INTEGERS:
            return _integer(value, kind, name)
        if kind in _TEXTS:
            return _TEXTS[kind](value, name)
    raise InvalidArguments(f"{name} has a type without literals and cannot be compared; leave it out", field=name)


def quoted(text: str) -> str:
    """Write a text as a string literal: a quotation mark is doubled, and nothing else means anything in it."""
    return f"'{text.replace(chr(39), chr(39) * 2)}'"


def _text(value: object, name: str) -> str:
    """Return a text that UTF-8 can carry; raises InvalidArguments."""
    if not isinstance(value, str):
        raise _misfit(name, "text")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise _misfit(name, "whole characters, and there is half of one (a lone surrogate); correct it") from None
    return str(value)


def _integer(value: Value, kind: Primitive, name: str) -> str:
    low, high = INTEGERS[kind]
    told = int(value) if isinstance(value, str) and _WHOLE.fullmatch(value) else value
    if isinstance(told, float) and told.is_integer():
        told = int(told)
    if isinstance(told, bool) or not isinstance(told, int) or not low <= told <= high:
        raise _misfit(name, f"a whole number from {low} to {high}")
    return str(told)


def _decimal(value: Value, name: str) -> str:
    """Write the digits that count: 12.50 and 12.5 are one number, and services do not keep the difference."""
    exact = _exact(value, name, _AMOUNT)
    text = f"{exact:f}" if exact else "0"
    return text.rstrip("0").rstrip(".") if "." in text else text


def _float(value: Value, name: str) -> str:
    exact = _exact(value, name, _SCIENTIFIC)
    found = float(exact)
    if not math.isfinite(found):
        raise _misfit(name, "a number that a float can hold")
    return repr(found)


def _exact(value: Value, name: str, form: re.Pattern[str]) -> Decimal:
    """Return a number as it stands, with nothing rounded."""
    if isinstance(value, str) and form.fullmatch(value):
        found = Decimal(value)
    elif isinstance(value, Decimal):
        found = value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        found = Decimal(repr(value))
    else:
        raise _misfit(name, "a number")
    if not found.is_finite():
        raise _misfit(name, "a finite number")
    if form is _AMOUNT and found and abs(found.adjusted()) > 40:
        raise _misfit(name, "a number of at most 40 digits")
    return found


def _boolean(value: Value, name: str) -> str:
    if not isinstance(value, bool):
        raise _misfit(name, "true or false")
    return "true" if value else "false"


def _guid(value: Value, name: str) -> str:
    if not isinstance(value, str) or not _GUID.fullmatch(value):
        raise _misfit(name, "a GUID such as 005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c")
    return value.lower()


def _date(value: Value, name: str) -> str:
    try:
        found = date.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        found = None
    if isinstance(found, datetime) or not isinstance(found, date):
        raise _misfit(name, "a date such as 2026-01-31")
    return found.isoformat()


def _instant(value: Value, name: str) -> str:
    """Write a moment in UTC with all digits that it was given with; a day is its first moment."""
    text = value.isoformat() if isinstance(value, date) else value
    found = _MOMENT.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        raise _misfit(name, "a time with its zone such as 2026-01-31T12:00:00Z")
    day, clock, fraction, zone = found.groups()
    try:
        moment = datetime.fromisoformat(f"{day}T{clock or '00:00'}{(zone or 'Z').upper()}").astimezone(UTC)
    except (ValueError, OverflowError):
        raise _misfit(name, "a time between the years 1 and 9999 in UTC") from None
    return f"{moment.replace(tzinfo=None).isoformat()}{_fraction(fraction)}Z"


def _fraction(digits: str | None) -> str:
    kept = (digits or "").rstrip("0")
    return f".{kept}" if kept else ""


def _time(value: Value, name: str) -> str:
    text = value.isoformat() if isinstance(value, time) else value
    found = _CLOCK.fullmatch(text) if isinstance(text, str) else None
    try:
        clock = time.fromisoformat(found[1]) if found else None
    except ValueError:
        clock = None
    if found is None or clock is None:
        raise _misfit(name, "a time of day such as 12:30:00")
    return clock.isoformat() + _fraction(found[2])


def _duration(value: Value, name: str) -> str:
    if not isinstance(value, str) or not _DURATION.fullmatch(value):
        raise _misfit(name, "a duration such as P1DT2H30M")
    return value


def _binary(value: Value, name: str) -> str:
    """Return bytes that are given in base64 or base64url as the latter, without padding."""
    try:
        if not isinstance(value, str):
            raise _misfit(name, "bytes in base64")
        found = value.replace("-", "+").replace("_", "/").rstrip("=")
        raw = base64.b64decode(found + "=" * (-len(found) % 4), validate=True)
    except (binascii.Error, ValueError):
        raise _misfit(name, "bytes in base64") from None
    return base64.urlsafe_b64encode(raw).decode("ascii").rstrip("=")


def _members(value: Value, kind: Enumeration, name: str) -> str:
    told = str(value).replace(" ", "") if isinstance(value, str) else ""
    named = told.split(",") if _MEMBERS.fullmatch(told) else []
    if not named or not all(one in kind.members for one in named) or (len(named) > 1 and not kind.flags):
        raise _misfit(name, f"one of {', '.join(list(kind.members)[:50])}")
    return ",".join(named)


_TEXTS: Mapping[Primitive, Callable[[Value, str], str]] = {
    Primitive.STRING: _text,
    Primitive.BOOLEAN: _boolean,
    Primitive.GUID: _guid,
    Primitive.DECIMAL: _decimal,
    Primitive.DOUBLE: _float,
    Primitive.SINGLE: _float,
    Primitive.DATE: _date,
    Primitive.DATE_TIME: _instant,
    Primitive.DATE_TIME_OFFSET: _instant,
    Primitive.TIME: _time,
    Primitive.TIME_OF_DAY: _time,
    Primitive.DURATION: _duration,
    Primitive.BINARY: _binary,
}


def _written(text: str, kind: Primitive) -> str:
    """Write V2: what is no number and no truth has the name of its type before it."""
    if kind is Primitive.DATE_TIME:
        return f"datetime'{text.removesuffix('Z')}'"
    if kind is Primitive.TIME:
        return f"time'{as_duration(text)}'"
    if kind is Primitive.BINARY:
        return f"X'{base64.urlsafe_b64decode(text + '=' * (-len(text) % 4)).hex().upper()}'"
    named = {Primitive.GUID: "guid", Primitive.DATE_TIME_OFFSET: "datetimeoffset"}
    return f"{named[kind]}'{text}'" if kind in named else text + _SUFFIX.get(kind, "")


def _written_v4(text: str, kind: Primitive) -> str:
    if kind in (Primitive.DURATION, Primitive.BINARY):
        return f"{'duration' if kind is Primitive.DURATION else 'binary'}'{text}'"
    return text


def as_duration(text: str) -> str:
    """Write a time of day as V2 does: PT12H30M00S."""
    hours, minutes, seconds = (*text.split(":"), "00")[:3]
    return f"PT{hours}H{minutes}M{seconds}S"


def of_duration(text: str) -> str | None:
    """Read a time of day as V2 writes it; None for anything else, such as more than a day."""
    found = _TIME.fullmatch(text)
    if found is None:
        return None
    hours, minutes, seconds, fraction = found.groups()
    try:
        clock = time(int(hours or 0), int(minutes or 0), int(seconds or 0))
    except ValueError:
        return None
    return clock.isoformat() + _fraction(fraction)


_PREFIXED = re.compile(r"(?:([A-Za-z_][A-Za-z0-9_.]*))?'((?:[^']|'')*)'")


def read_literal(text: str, type: EdmType, version: Version, name: str) -> str | bool:
    """Read a literal of a type; what is no truth is given as the text of the value. Raises InvalidArguments."""
    value = _meaning(text, type, version)
    if value is None:
        raise _misfit(name, "a literal of its type in an id; use ids as answers give them")
    canonical(value, type, name)
    return value


def _meaning(text: str, type: EdmType, version: Version) -> str | bool | None:
    kind = type.kind
    quoted_part = _PREFIXED.fullmatch(text)
    if quoted_part is not None:
        prefix, inner = quoted_part[1] or "", quoted_part[2].replace("''", "'")
        return _prefixed(prefix, inner, type, version)
    if not isinstance(kind, Primitive):
        return None
    if kind is Primitive.BOOLEAN:
        return {"true": True, "false": False}.get(text)
    if version is Version.V2:
        if kind not in INTEGERS and kind not in _SUFFIX:
            return None
        suffix = _SUFFIX.get(kind, "")
        return text[: -len(suffix)] if suffix and text.lower().endswith(suffix.lower()) else text
    return None if kind in (Primitive.STRING, Primitive.DURATION, Primitive.BINARY) else text


def _prefixed(prefix: str, inner: str, type: EdmType, version: Version) -> str | None:
    kind = type.kind
    if isinstance(kind, Enumeration):
        return inner if prefix == kind.name else None
    if kind is Primitive.STRING:
        return None if prefix else inner
    wanted = _PREFIXES[version].get(kind) if isinstance(kind, Primitive) else None
    if wanted is None or prefix.lower() not in wanted:
        return None
    if kind is Primitive.BINARY and version is Version.V2:
        return _unhexed(inner)
    if kind is Primitive.TIME:
        return of_duration(inner)
    return f"{inner}Z" if kind is Primitive.DATE_TIME and not inner.endswith(("Z", "z")) else inner


def _unhexed(text: str) -> str | None:
    try:
        return base64.urlsafe_b64encode(bytes.fromhex(text)).decode("ascii").rstrip("=")
    except ValueError:
        return None


_PREFIXES: Mapping[Version, Mapping[Primitive, tuple[str, ...]]] = {
    Version.V2: {
        Primitive.GUID: ("guid",),
        Primitive.DATE_TIME: ("datetime",),
        Primitive.DATE_TIME_OFFSET: ("datetimeoffset",),
        Primitive.TIME: ("time",),
        Primitive.BINARY: ("x", "binary"),
    },
    Version.V4: {Primitive.DURATION: ("duration",), Primitive.BINARY: ("binary",)},
}


def _misfit(name: str, takes: str) -> InvalidArguments:
    return InvalidArguments(f"{name} takes {takes}", field=name)
