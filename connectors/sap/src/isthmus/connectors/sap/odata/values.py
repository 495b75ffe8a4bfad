"""How does a value of an Edm type stand in the JSON of each version, and how in ours?

Ours: numbers where a number holds them exactly, else the text of their digits; dates and times as ISO 8601, bytes in
base64, everything else as the service has it.
"""

import base64
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation

from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntitySet,
    Enumeration,
    Navigation,
    Primitive,
    Property,
    Service,
    Structure,
    Version,
)
from isthmus.connectors.sap.odata.literals import INTEGERS, as_duration, canonical, of_duration
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["MEDIA_TYPE", "body_of", "is_day", "read_value", "same_value", "spelling", "written_value"]

MEDIA_TYPE = {Version.V2: "application/json", Version.V4: "application/json;IEEE754Compatible=true"}
"""What to accept and to send: in V4 only this form keeps the digits of Edm.Decimal and Edm.Int64."""

_PLAIN = str.maketrans("-_", "+/")
"""Bytes are base64url in V4 and base64 in V2; read, they are the latter."""

SAFE = 2**53 - 1
"""The largest whole number that every reader of JSON understands alike (RFC 7493 section 2.2)."""

_TICKS = re.compile(r"/Date\((-?[0-9]{1,15})(?:[+-]0{4})?\)/")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_WHOLE = re.compile(r"-?[0-9]{1,20}")
_NUMBER = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?(?:[eE][+-]?[0-9]{1,3})?")
_NAIVE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,12})?)?")
_MIDNIGHT = "T00:00:00Z"
_DIGITS = 15
"""Digits of a decimal that a float always gives back (IEEE 754 binary64)."""
DEEPEST = 20


def is_day(property: Property) -> bool:
    """Tell whether a property holds days, which V2 has no type for: it marks them (sap:display-format)."""
    kind = property.type.kind
    return kind is Primitive.DATE or (kind is Primitive.DATE_TIME and property.display == "Date")


def read_value(raw: JSON, property: Property, service: Service) -> JSON:
    """Read a value of an answer; what does not fit its type stays what it is."""
    found = _read(raw, property.type, service, 0)
    if isinstance(found, str) and found.endswith(_MIDNIGHT) and is_day(property):
        return found.removesuffix(_MIDNIGHT)
    return found


def _read(raw: JSON, type: EdmType, service: Service, depth: int) -> JSON:
    if type.collection:
        if isinstance(raw, Mapping):
            raw = raw.get("results")
        one = replace(type, collection=False)
        return [_read(part, one, service, depth + 1) for part in raw] if isinstance(raw, list) else raw
    if isinstance(type.kind, Structure):
        if not isinstance(raw, Mapping) or depth > DEEPEST:
            return raw
        parts = service.properties_of(type.kind)
        return {name: _read(raw[name], one.type, service, depth + 1) for name, one in parts.items() if name in raw}
    if isinstance(type.kind, Enumeration):
        return raw
    if isinstance(raw, str):
        return _of_text(raw, type.kind)
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        return _of_number(raw, type.kind)
    return raw


def _of_text(raw: str, kind: Primitive) -> JSON:
    match kind:
        case Primitive.DATE_TIME | Primitive.DATE_TIME_OFFSET:
            ticks = _TICKS.fullmatch(raw)
            if ticks is not None:
                return _moment(int(ticks[1])) or raw
            # V2 knows no zone; what a service stores is UTC.
            return f"{raw}Z" if kind is Primitive.DATE_TIME and _NAIVE.fullmatch(raw) else raw
        case Primitive.TIME:
            return of_duration(raw) or raw
        case Primitive.DECIMAL | Primitive.DOUBLE | Primitive.SINGLE if _NUMBER.fullmatch(raw):
            return _of_digits(raw, exact=kind is Primitive.DECIMAL)
        case _ if kind in INTEGERS and _WHOLE.fullmatch(raw):
            return int(raw) if abs(int(raw)) <= SAFE else raw
        case Primitive.BINARY:
            return f"{raw.translate(_PLAIN)}{'=' * (-len(raw) % 4)}"
    return raw


def _of_number(raw: float, kind: Primitive) -> JSON:
    if kind in INTEGERS and isinstance(raw, int):
        return raw if abs(raw) <= SAFE else str(raw)
    if kind is Primitive.DECIMAL and isinstance(raw, int):
        return _of_digits(str(raw), exact=True)
    return raw


def _of_digits(raw: str, *, exact: bool) -> JSON:
    number = Decimal(raw)
    if exact and len(number.as_tuple().digits) > _DIGITS and Decimal(repr(float(number))) != number:
        return raw
    return float(number)


def _moment(milliseconds: int) -> str | None:
    try:
        found = _EPOCH + timedelta(milliseconds=milliseconds)
    except OverflowError:
        return None
    text = found.replace(tzinfo=None).isoformat(timespec="milliseconds").removesuffix(".000")
    return f"{text}Z"


def written_value(value: JSON, property: Property, service: Service) -> JSON:
    """Write a value as a body holds it.

    Raises:
        InvalidArguments: it is none of the type, or longer or finer than the service keeps.
    """
    return _write(value, property.type, property.name, service)


def _write(value: JSON, type: EdmType, name: str, service: Service) -> JSON:
    if value is None:
        return None
    if type.collection:
        if not isinstance(value, list | tuple):
            raise InvalidArguments(f"{name} takes a list", field=name)
        one = replace(type, collection=False)
        return [_write(part, one, name, service) for part in value]
    if isinstance(type.kind, Structure):
        return _structure(value, type.kind, name, service)
    text = canonical(value, type, name)
    if isinstance(type.kind, Enumeration):
        return text
    _check_facets(text, type, name)
    return _written(text, type.kind, service.version, name)


def _structure(value: JSON, kind: Structure, name: str, service: Service) -> dict[str, JSON]:
    parts = service.properties_of(kind)
    if not isinstance(value, Mapping) or not value.keys() <= parts.keys():
        raise InvalidArguments(f"{name} takes values by the names {', '.join(list(parts)[:50])}", field=name)
    return {part: _write(one, parts[part].type, f"{name}.{part}", service) for part, one in value.items()}


def _check_facets(text: str, type: EdmType, name: str) -> None:
    """Refuse what a service would cut or round without a word."""
    if type.kind is Primitive.STRING and type.max_length is not None and len(text) > type.max_length:
        raise InvalidArguments(f"{name} takes at most {type.max_length} characters; shorten it", field=name)
    if type.kind is Primitive.DECIMAL:
        whole, _, fraction = text.lstrip("-").partition(".")
        fraction = fraction.rstrip("0")
        if type.scale is not None and len(fraction) > type.scale:
            raise InvalidArguments(f"{name} takes at most {type.scale} decimal places; round it", field=name)
        room = None if type.precision is None else type.precision - (type.scale or 0)
        if room is not None and len(whole.lstrip("0")) > room:
            raise InvalidArguments(f"{name} takes at most {room} digits before the point", field=name)


def _written(text: str, kind: Primitive, version: Version, name: str) -> JSON:
    if kind is Primitive.BOOLEAN:
        return text == "true"
    if kind in INTEGERS and kind is not Primitive.INT64:
        return int(text)
    if kind in (Primitive.DOUBLE, Primitive.SINGLE):
        return float(text)
    if version is Version.V4:
        return text
    match kind:
        case Primitive.DATE_TIME:
            return f"/Date({_milliseconds(text, name)})/"
        case Primitive.DATE_TIME_OFFSET:
            return f"/Date({_milliseconds(text, name)}+0000)/"
        case Primitive.TIME:
            return as_duration(text)
        case Primitive.BINARY:
            return base64.b64encode(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))).decode("ascii")
    return text


def _milliseconds(text: str, name: str) -> int:
    moment = datetime.fromisoformat(text) if len(text) <= len("2026-01-31T12:00:00.123456Z") else None
    since = moment - _EPOCH if moment is not None else timedelta(microseconds=1)
    if since % timedelta(milliseconds=1):
        raise InvalidArguments(f"{name} takes a time to the millisecond; round it to three digits", field=name)
    return since // timedelta(milliseconds=1)


def body_of(
    values: Mapping[str, JSON],
    entity_set: EntitySet,
    service: Service,
    *,
    creating: bool,
    within: str = "",
) -> dict[str, JSON]:
    """Write the values of a create or update; a create may hold the entities that navigations lead to, in lists.

    Raises:
        InvalidArguments: there is no such field, it cannot be written, or its value does not fit it.
    """
    found: dict[str, JSON] = {}
    for name, value in values.items():
        property, target = entity_set.properties.get(name), service.made_along(entity_set, name)
        path = f"{within}{name}"
        if property is not None:
            if not (property.creatable if creating else property.updatable):
                raise InvalidArguments(f"{path} cannot be written here; leave it out", field=path)
            found[name] = _write(value, property.type, path, service)
        elif target is not None and creating:
            found[name] = _deep(value, entity_set.navigations[name], target, service, path)
        else:
            along = name in entity_set.navigations
            why = "cannot be written along; write to the other records" if along else "is no field"
            raise InvalidArguments(f"{path} {why}", field=path)
    return found


def _deep(value: JSON, navigation: Navigation, target: EntitySet, service: Service, path: str) -> JSON:
    """Write the entities that a new one brings with it: a list in both versions, or the one that there can be."""
    one_alone = isinstance(value, Mapping) and not navigation.collection
    records = value if isinstance(value, list | tuple) else [value] if one_alone else [None]
    if path.count(".") >= DEEPEST or not all(isinstance(one, Mapping) for one in records):
        raise InvalidArguments(f"{path} takes records: values by the names of their fields", field=path)
    if not navigation.collection and len(records) != 1:
        raise InvalidArguments(f"{path} takes one record", field=path)
    within = f"{path}."
    found = [body_of(one, target, service, creating=True, within=within) for one in records if isinstance(one, Mapping)]
    return found if navigation.collection else found[0]


def same_value(sent: JSON, stored: JSON, property: Property) -> bool:
    """Tell whether what is stored is what was sent, both in our form: numbers by amount, moments by instant.

    Texts are alike apart from blanks at their end, from leading zeros of numbers (ALPHA conversion), and from letter
    case where the field has capitals only.
    """
    if sent == stored or (sent in (None, "") and stored in (None, "")):
        return True
    if sent is None or stored is None or isinstance(sent, Mapping | list | tuple):
        return False
    try:
        mine, theirs = (canonical(one, property.type, property.name) for one in (sent, stored))
    except InvalidArguments:
        return False
    if property.type.kind is Primitive.STRING:
        return _folded(mine, property) == _folded(theirs, property)
    return mine == theirs or _amount(mine) == _amount(theirs) is not None


def spelling(value: JSON, property: Property) -> str:
    """Return the one text that all spellings of a value have in common, as `same_value` compares them."""
    try:
        text = canonical(value, property.type, property.name)
    except InvalidArguments:
        return repr(value)
    amount = None if property.type.kind is Primitive.STRING else _amount(text)
    return _folded(text, property) if amount is None else str(amount.normalize())


def _folded(text: str, property: Property) -> str:
    kept = text.rstrip()
    if kept.isascii() and kept.isdigit():
        return kept.lstrip("0")
    return kept.upper() if property.display == "UpperCase" else kept


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
