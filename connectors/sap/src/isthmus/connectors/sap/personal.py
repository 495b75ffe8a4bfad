"""Which fields hold personal data, by the service's own vocabulary and by what SAP's names mean, and who is blocked?"""

import re
import tomllib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from functools import cache, lru_cache
from importlib.resources import files

from isthmus.connectors.sap.odata.edm import EntitySet, Primitive, Property
from isthmus.core.records import JSON

__all__ = ["blocking_fields", "classes_of", "country_of", "default_fields", "is_about_persons", "is_blocked"]

_SUBJECTS = frozenset({"DataSubject", "DataSubjectDetails"})
_SEMANTICS: Mapping[str, frozenset[str]] = {
    "email": frozenset({"pii"}),
    "tel": frozenset({"pii"}),
    "bday": frozenset({"pii"}),
    "name": frozenset({"pii"}),
}
"""What SAP's own attribute `sap:semantics` says of a person (SAP Annotations for OData Version 2.0)."""
_IMPERSONAL = frozenset({Primitive.BOOLEAN, Primitive.GUID, Primitive.BYTE, Primitive.DATE_TIME_OFFSET})
_TEXT_FROM = 256


@dataclass(frozen=True, slots=True)
class _Table:
    classes: Mapping[str, re.Pattern[str]]
    person_keys: re.Pattern[str]
    only_keys: re.Pattern[str]
    person_fields: re.Pattern[str]
    blocking: re.Pattern[str]
    country: Mapping[str, Collection[str]]
    default: Mapping[str, Collection[str]]


def is_about_persons(entity_set: EntitySet) -> bool:
    """Tell whether a record of the set is about a person, so that what nobody classified counts as personal."""
    table, keys = _table(), entity_set.keys
    return (
        entity_set.type.personal in _SUBJECTS
        or any(table.person_keys.fullmatch(key) for key in keys)
        or (len(keys) == 1 and table.only_keys.fullmatch(keys[0]) is not None)
        or any(table.person_fields.fullmatch(name) for name in entity_set.properties)
    )


def classes_of(property: Property, *, person: bool) -> tuple[frozenset[str], str]:
    """Add up what each source says of a field; the name of the strongest goes with it."""
    told = property.personal
    found = set(_by_name(property.name))
    source = "shipped table" if found else "default"
    said = set(_SEMANTICS.get(property.semantics, ()))
    said |= {"pii"} if told.personal or told.semantics else set()
    said |= {"pii.special"} if told.sensitive else set()
    if said:
        found, source = (found - {"internal"}) | said, "org metadata"
    if not found and not person and (property.type.kind in _IMPERSONAL or property.semantics in _CODES):
        found, source = {"internal"}, "shipped table"
    if not found and not person and property.unit:
        found, source = {"internal"}, "shipped table"
    if is_long(property):
        found |= {"free_text", "pii"} if person else {"free_text"}
    return frozenset(found or {"unclassified"}), source


@lru_cache(maxsize=10_000)
def _by_name(name: str) -> frozenset[str]:
    found = frozenset(one for one, pattern in _table().classes.items() if pattern.fullmatch(name))
    return found - {"internal"} if len(found) > 1 else found


_CODES = frozenset({"currency-code", "unit-of-measure"})


def is_long(property: Property) -> bool:
    """Tell whether a field holds prose: a text of many characters, or one that is called so."""
    type = property.type
    if type.kind is not Primitive.STRING or type.collection:
        return False
    long = type.max_length is not None and type.max_length >= _TEXT_FROM
    return long or _table().classes["free_text"].fullmatch(property.name) is not None


def country_of(entity_set: EntitySet) -> tuple[str, ...]:
    """Return the paths that tell whose country the records belong to."""
    table = _table()
    shipped = [one for one in table.country.get(entity_set.name, ()) if one.split(".")[0] in entity_set.navigations]
    own = [name for name in ("Country", "CountryCode") if name in entity_set.properties]
    return tuple(shipped or own[:1])


def default_fields(entity_set: EntitySet) -> tuple[str, ...]:
    """Return the fields to give where none are asked for."""
    shipped = [one for one in _table().default.get(entity_set.name, ()) if one in entity_set.properties]
    short = (one.name for one in entity_set.properties.values() if _short(one))
    return tuple(dict.fromkeys(shipped or [*entity_set.keys, *short]))[:20]


def _short(property: Property) -> bool:
    plain = isinstance(property.type.kind, Primitive) and not property.type.collection
    return plain and property.type.kind not in (Primitive.BINARY, Primitive.STREAM) and not is_long(property)


def blocking_fields(entity_set: EntitySet) -> tuple[str, ...]:
    """Return the fields that say that a record may be used for no business purpose any more."""
    return tuple(one.name for one in entity_set.properties.values() if _blocks(one))


def is_blocked(values: Mapping[str, JSON], entity_set: EntitySet, today: date) -> bool:
    """Tell whether a record is blocked for privacy: it must not be shown. `values` are in our form.

    The central block of a business partner (BusinessPartnerIsBlocked) is another thing, and hides nothing.
    """
    return any(_is_set(values.get(name), entity_set.properties[name], today) for name in blocking_fields(entity_set))


def _blocks(one: Property) -> bool:
    told = one.personal.semantics
    return told in ("IsBlockedIndicator", "BlockingDate") or _table().blocking.fullmatch(one.name) is not None


def _is_set(value: JSON, property: Property, today: date) -> bool:
    if property.personal.semantics == "BlockingDate":
        return isinstance(value, str) and bool(value) and value[:10] <= today.isoformat()
    return value is True or (isinstance(value, str) and value.strip().upper() in ("X", "TRUE", "1"))


@cache
def _table() -> _Table:
    raw = tomllib.loads(files(__package__).joinpath("personal.toml").read_text(encoding="utf-8"))
    classes = {name: _any(patterns) for name, patterns in raw["classes"].items()}
    return _Table(
        classes,
        _any(raw["person_keys"]),
        _any(raw["only_keys"]),
        _any(raw["person_fields"]),
        _any(raw["blocking"]),
        raw["country"],
        raw["default"],
    )


def _any(patterns: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{one})" for one in patterns))
