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
    """One column of an object, as describe explains it; a `fixed` one never changes once the row is made."""

    name: str
    label: str
    type: str
    length: int = 0
    digits: int = 0
    precision: int = 0
    scale: int = 0
    required: bool = False
    read_only: bool = False
    fixed: bool = False
    indexed: bool = False
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
    cascade: bool = False
    security: str | None = None
    compliance: str | None = None
    minimum: float | None = None
    rule: str = ""
    formula: str | None = None
    help: str | None = None

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
        return self.type not in {"address", "base64"} and not (self.type == "textarea" and self.length > 255)

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


_ADDRESS_PARTS = (
    *("Street", "City", "State", "StateCode", "PostalCode", "Country", "CountryCode"),
    *("Latitude", "Longitude", "GeocodeAccuracy"),
)
_NEVER_EMPTY = frozenset(
    {"OwnerId", "CreatedDate", "CreatedById", "LastModifiedDate", "LastModifiedById", "SystemModstamp", "Name"}
)


@dataclass(frozen=True)
class SObject:
    """One object with its fields in describe order.

    Whoever sees the record in the field `follows` sees a row; `granted_by` names the field of another object, which
    `grants`, whose rows say who sees one.
    """

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
    links: tuple[str, ...] = ()
    follows: str = ""
    granted_by: str = ""
    grants: bool = False

    @property
    def custom(self) -> bool:
        """Say whether the org's own administrators added the object."""
        return self.name.endswith("__c")

    @property
    def replicateable(self) -> bool:
        """Say whether the org can tell which rows changed."""
        return not self.metadata

    @cached_property
    def compounds(self) -> Mapping[str, str]:
        """Return, for each field that is a part of another one, the name of that one."""
        found = {
            f"{each.name.removesuffix('Address')}{part}": each.name
            for each in self.fields
            if each.type == "address"
            for part in _ADDRESS_PARTS
        }
        if "lastname" in self.by_name:
            found |= dict.fromkeys(("FirstName", "LastName", "Salutation"), "Name")
        if "fiscal" in self.by_name:
            found |= dict.fromkeys(("FiscalQuarter", "FiscalYear"), "Fiscal")
        return found

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
    """A relationship that leads from a parent to many rows; with `cascade` they are deleted along with it."""

    object: str
    field: str
    relationship: str | None
    cascade: bool


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
            Child(each.name, column.name, column.children, column.cascade)
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
    system_fields: bool | list[str]
    search: list[str]
    links: list[str]
    follows: str
    granted_by: str
    grants: bool
    fields: list[dict[str, object]]


@cache
def load_schema(part: str = "objects") -> Schema:
    """Read the schema from the package's data files: `objects`, or `tooling` for those of the Tooling API."""
    folder = files(__package__) / "data"
    system = tomllib.loads((folder / "system_fields.toml").read_text("utf-8"))["fields"]
    system_fields = tuple(_field(each) for each in system)
    objects: dict[str, SObject] = {}
    for file in sorted((folder / part).iterdir(), key=lambda each: each.name):
        if not file.name.endswith(".toml"):
            continue
        data = cast("_ObjectData", tomllib.loads(file.read_text("utf-8")))
        own = tuple(_field(each) for each in data["fields"])
        fields = _with_system_fields(own, system_fields, wanted=data.get("system_fields", True))
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
            links=tuple(data.get("links", _links(data))),
            follows=data.get("follows", ""),
            granted_by=data.get("granted_by", ""),
            grants=data.get("grants", False),
        )
    return Schema(MappingProxyType(objects), {name.lower(): each for name, each in objects.items()})


def _links(data: _ObjectData) -> tuple[str, ...]:
    """Return which links describe offers where the data names none: those of things that people work with."""
    if not data.get("createable", True):
        return ()
    searched = ("approvalLayouts", "listviews") if "search" in data else ()
    return ("compactLayouts", *searched, "quickActions", "layouts")


def _with_system_fields(
    own: tuple[Field, ...], system: tuple[Field, ...], *, wanted: bool | list[str]
) -> tuple[Field, ...]:
    """Add the fields that objects have in common: all, none or, beside the id, those that are named."""
    if wanted is False:
        return own
    return (system[0], *own, *(each for each in system[1:] if wanted is True or each.name in wanted))


def _field(data: Mapping[str, object]) -> Field:
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in data.items()}
    return Field(**cast("dict[str, str]", values))  # type: ignore[arg-type]
