"""What do the collections of Workday's REST services hold, and which classes are their fields of?"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from importlib.resources import files

from isthmus.connectors.workday.settings import CollectionSettings, WorkdaySettings
from isthmus.core.connector import FieldType
from isthmus.core.errors import ConfigurationError
from isthmus.core.records import JSON

__all__ = ["ID", "PARENT", "Collection", "Field", "Kind", "collections_of", "unclassified"]

ID = "id"
PARENT = "parent"
"""The field that names the record below which a collection lies."""


class Kind(StrEnum):
    """Workday's own types, by the words of the shipped table."""

    ID = "Id"
    TEXT = "Text"
    NUMERIC = "Numeric"
    BOOLEAN = "Boolean"
    DATE = "Date"
    MOMENT = "Moment"
    CURRENCY = "Currency"
    INSTANCE = "Instance"
    INSTANCES = "Instances"
    STATE = "State"
    LAST_COMMENT = "LastComment"
    OTHER = "Other"

    @property
    def type(self) -> FieldType:
        """Return the type in the words of core; money and lists of instances are values of their own form."""
        return _TYPES.get(self, FieldType.OTHER)


_TYPES: Mapping[Kind, FieldType] = {
    Kind.ID: FieldType.ID,
    Kind.TEXT: FieldType.STRING,
    Kind.NUMERIC: FieldType.NUMBER,
    Kind.BOOLEAN: FieldType.BOOLEAN,
    Kind.DATE: FieldType.DATE,
    Kind.MOMENT: FieldType.DATETIME,
    Kind.INSTANCE: FieldType.REFERENCE,
    Kind.STATE: FieldType.CHOICE,
    Kind.LAST_COMMENT: FieldType.TEXT,
}


@dataclass(frozen=True, slots=True)
class Field:
    """One field: its type, and the path of its value in a row."""

    name: str
    kind: Kind
    path: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """One collection of a service; `path` has a second step where it lies below a record.

    `key` are the fields that tell its rows apart where they have no id. `parameters` are sent as they are named, and
    `required` among them must be. `listed` is False where it is read by ids alone, `single` where it is only listed.
    """

    object: str
    service: str
    path: tuple[str, ...]
    label: str
    fields: Mapping[str, Field]
    classes: frozenset[str]
    person: bool = False
    country: tuple[str, ...] = ()
    default: tuple[str, ...] = ()
    only_single: frozenset[str] = frozenset()
    parameters: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    key: tuple[str, ...] = ()
    as_of: str = ""
    search: bool = False
    listed: bool = True
    single: bool = True

    @property
    def below(self) -> bool:
        """Tell whether it lies below a record of another one."""
        return len(self.path) > 1

    @property
    def sent(self) -> frozenset[str]:
        """Name the parameters that a condition may become; one that is a field too is compared here instead."""
        return frozenset(one for one in self.parameters if one in self.required or one not in self.fields)


def collections_of(settings: WorkdaySettings) -> Mapping[str, Collection]:
    """Return every collection of the services of a connection, by its object; raises ConfigurationError."""
    table, found = _shipped(), dict[str, Collection]()
    for alias, service in settings.services.items():
        for path, told in table.get(service, {}).items():
            one = _collection(f"{alias}.{path}", service, told)
            found[one.object] = one
    for name, own in settings.collections.items():
        found[name] = _configured(name, settings.services[name.partition(".")[0]], own)
    return found


def unclassified(settings: WorkdaySettings) -> Sequence[str]:
    """Name the services of a connection of whose version no shape is known."""
    known = _shipped().keys() | {settings.services[name.partition(".")[0]] for name in settings.collections}
    return [alias for alias, service in settings.services.items() if service not in known]


@lru_cache(maxsize=1)
def _shipped() -> Mapping[str, Mapping[str, Mapping[str, JSON]]]:
    raw = tomllib.loads((files(__package__) / "shapes.toml").read_text(encoding="utf-8"))
    domains = raw.pop("domains")
    for service in raw.values():
        for told in service.values():
            told["classes"] = sorted({one for domain in told["domains"] for one in domains[domain]})
    return raw


def _collection(object: str, service: str, told: Mapping[str, JSON]) -> Collection:
    path = tuple(object.partition(".")[2].split("/"))
    given = told.get("fields")
    fields = dict(_fields(object, given if isinstance(given, Mapping) else {}))
    return Collection(
        object=object,
        service=service,
        path=path,
        label=str(told.get("label", object)),
        fields=fields,
        classes=frozenset(_words(told, "classes")),
        person=told.get("person") is True,
        country=_words(told, "country"),
        default=_words(told, "default"),
        only_single=frozenset(_words(told, "only_single")),
        parameters=_words(told, "parameters"),
        required=_words(told, "required"),
        key=_words(told, "key"),
        as_of=str(told.get("as_of", "")),
        search=told.get("search") is True,
        listed=told.get("listed") is not False,
        single=told.get("single") is not False and len(path) == 1,
    )


def _configured(object: str, service: str, own: CollectionSettings) -> Collection:
    return _collection(object, service, {**own.model_dump(mode="json"), "label": object.partition(".")[2]})


def _words(told: Mapping[str, JSON], name: str) -> tuple[str, ...]:
    found = told.get(name, ())
    return tuple(str(one) for one in found) if isinstance(found, Sequence) and not isinstance(found, str) else ()


def _fields(object: str, given: Mapping[str, JSON]) -> Iterator[tuple[str, Field]]:
    for name, text in given.items():
        word, _, path = str(text).partition(" ")
        if word not in set(Kind):
            raise ConfigurationError(
                f"{object}: field {name!r} has the type {word[:40]!r}; write one of {', '.join(Kind)}", object=object
            )
        one = Field(name, Kind(word), tuple(path.split("/")) if path else (name,))
        yield name, one
        if one.kind is Kind.INSTANCE:
            # What a reference is called is a text of its own, and often a person's name.
            yield f"{name}_descriptor", Field(f"{name}_descriptor", Kind.TEXT, (*one.path, "descriptor"))
    if ID not in given:
        yield ID, Field(ID, Kind.ID, ())
    if "/" in object:
        yield PARENT, Field(PARENT, Kind.INSTANCE, ())
