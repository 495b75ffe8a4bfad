"""Which objects and fields does the org hold?"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache, cached_property
from importlib.resources import files
from types import MappingProxyType
from typing import TypedDict, cast

NUMERIC = frozenset({"int", "double", "currency", "percent"})
TEXTUAL = frozenset({"string", "textarea", "email", "phone", "url", "picklist", "combobox", "multipicklist"})


@dataclass(frozen=True, slots=True)
class Field:
    """One column of an object, as describe explains it."""

    name: str
    label: str
    type: str
    length: int = 0
    digits: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    read_only: bool = False
    defaulted: bool = False
    default: str | None = None
    calculated: bool = False
    auto_number: str = ""
    name_field: bool = False
    unique: bool = False
    external_id: bool = False
    case_sensitive: bool = False
    id_lookup: bool = False
    values: tuple[str, ...] = ()
    restricted: bool = False
    refers: tuple[str, ...] = ()
    relationship: str | None = None
    children: str | None = None
    security: str | None = None
    compliance: str | None = None
    minimum: float | None = None
    rule: str = ""

    @property
    def custom(self) -> bool:
        """Say whether the org's own administrators added the field."""
        return self.name.endswith("__c")

    @property
    def nillable(self) -> bool:
        """Say whether the field may be empty."""
        return not (self.required or self.type in {"boolean", "id"} or self.name in _NEVER_EMPTY)

    @property
    def filterable(self) -> bool:
        """Say whether a WHERE clause may name the field."""
        return self.type != "address" and not (self.type == "textarea" and self.length > 255)

    @property
    def sortable(self) -> bool:
        """Say whether ORDER BY may name the field."""
        return self.filterable and self.type != "multipicklist"

    @property
    def groupable(self) -> bool:
        """Say whether GROUP BY may name the field."""
        return (
            self.sortable
            and not self.calculated
            and self.type not in {"double", "currency", "percent", "datetime", "textarea"}
        )

    @property
    def is_key(self) -> bool:
        """Say whether a record URL may address rows by this field."""
        return self.external_id or self.id_lookup


_NEVER_EMPTY = frozenset(
    {"OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "Name"}
)


@dataclass(frozen=True)
class SObject:
    """One object with its fields in describe order."""

    name: str
    label: str
    label_plural: str
    prefix: str
    fields: tuple[Field, ...]
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    metadata: bool = False
    search: tuple[str, ...] = ()

    @property
    def custom(self) -> bool:
        """Say whether the org's own administrators added the object."""
        return self.name.endswith("__c")

    @cached_property
    def by_name(self) -> Mapping[str, Field]:
        """Return the fields under their lower-case names."""
        return {each.name.lower(): each for each in self.fields}

    @cached_property
    def by_relationship(self) -> Mapping[str, Field]:
        """Return the reference fields under the lower-case names of their relationships."""
        return {each.relationship.lower(): each for each in self.fields if each.relationship}

    @cached_property
    def name_field(self) -> str:
        """Return the field that people read as the record's name."""
        return next((each.name for each in self.fields if each.name_field), "Id")


@dataclass(frozen=True, slots=True)
class Child:
    """A relationship that leads from a parent to many rows."""

    object: str
    field: str
    relationship: str | None


@dataclass(frozen=True)
class Schema:
    """All objects of an org."""

    objects: Mapping[str, SObject]
    _lower: Mapping[str, SObject] = field(default_factory=dict)

    def find(self, name: str) -> SObject | None:
        """Return the object of this name, in any spelling of its letters' case."""
        return self._lower.get(name.lower())

    def by_prefix(self, prefix: str) -> SObject | None:
        """Return the object whose record ids begin with these three characters."""
        return next((each for each in self.objects.values() if each.prefix == prefix), None)

    def children_of(self, name: str) -> tuple[Child, ...]:
        """Return the relationships that lead from this object to its children."""
        return tuple(
            Child(each.name, column.name, column.children)
            for each in self.objects.values()
            for column in each.fields
            if name in column.refers
        )


class _ObjectData(TypedDict, total=False):
    name: str
    label: str
    label_plural: str
    prefix: str
    createable: bool
    updateable: bool
    deletable: bool
    metadata: bool
    system_fields: bool
    search: list[str]
    fields: list[dict[str, object]]


@cache
def load_schema() -> Schema:
    """Read the schema from the package's data files."""
    folder = files(__package__) / "data"
    system = tomllib.loads((folder / "system_fields.toml").read_text("utf-8"))["fields"]
    system_fields = tuple(_field(each) for each in system)
    objects: dict[str, SObject] = {}
    for file in sorted((folder / "objects").iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".toml"):
            continue
        data = cast("_ObjectData", tomllib.loads(file.read_text("utf-8")))
        own = tuple(_field(each) for each in data["fields"])
        fields = (system_fields[0], *own, *system_fields[1:]) if data.get("system_fields", True) else own
        objects[data["name"]] = SObject(
            name=data["name"],
            label=data["label"],
            label_plural=data["label_plural"],
            prefix=data["prefix"],
            fields=fields,
            createable=data.get("createable", True),
            updateable=data.get("updateable", True),
            deletable=data.get("deletable", True),
            metadata=data.get("metadata", False),
            search=tuple(data.get("search", ())),
        )
    return Schema(MappingProxyType(objects), {name.lower(): each for name, each in objects.items()})


def _field(data: Mapping[str, object]) -> Field:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return Field(**cast("dict[str, str]", values))  # type: ignore[arg-type]
