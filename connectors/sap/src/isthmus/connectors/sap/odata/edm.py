"""What does a service offer: which entity sets, of which types, with which keys, navigations and operations?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from types import MappingProxyType
from typing import TypeAlias

__all__ = [
    "Batches",
    "EdmType",
    "EntitySet",
    "EntityType",
    "Enumeration",
    "Kind",
    "Navigation",
    "Operation",
    "OperationKind",
    "Parameter",
    "Personal",
    "Primitive",
    "Property",
    "Service",
    "Structure",
    "ValueList",
    "Version",
]


class Version(IntEnum):
    """The version of the protocol that a service speaks."""

    V2 = 2
    V4 = 4


class Batches(StrEnum):
    """How a service takes several requests in one."""

    NONE = "not at all"
    MULTIPART = "multipart"
    JSON = "JSON"


class Primitive(StrEnum):
    """The primitive types of V2 and V4 together; `UNKNOWN` is one that has no literal here, such as a geography."""

    BINARY = "Edm.Binary"
    BOOLEAN = "Edm.Boolean"
    BYTE = "Edm.Byte"
    DATE = "Edm.Date"
    DATE_TIME = "Edm.DateTime"
    DATE_TIME_OFFSET = "Edm.DateTimeOffset"
    DECIMAL = "Edm.Decimal"
    DOUBLE = "Edm.Double"
    DURATION = "Edm.Duration"
    GUID = "Edm.Guid"
    INT16 = "Edm.Int16"
    INT32 = "Edm.Int32"
    INT64 = "Edm.Int64"
    SBYTE = "Edm.SByte"
    SINGLE = "Edm.Single"
    STREAM = "Edm.Stream"
    STRING = "Edm.String"
    TIME = "Edm.Time"
    TIME_OF_DAY = "Edm.TimeOfDay"
    UNKNOWN = "Edm.Untyped"


@dataclass(frozen=True, slots=True)
class Enumeration:
    """An enumeration with the numbers of its members; `flags` lets a value be several of them."""

    name: str
    members: Mapping[str, int] = field(hash=False)
    flags: bool = False


@dataclass(frozen=True, slots=True)
class Structure:
    """A complex or entity type by its qualified name; `Service.properties_of` holds what it is made of."""

    name: str


Kind: TypeAlias = Primitive | Enumeration | Structure


@dataclass(frozen=True, slots=True)
class EdmType:
    """A type with its facets; `precision` and `scale` are None where the service names no bound."""

    kind: Kind
    collection: bool = False
    nullable: bool = True
    max_length: int | None = None
    precision: int | None = None
    scale: int | None = None


@dataclass(frozen=True, slots=True)
class ValueList:
    """Where the values of a field come from: an entity set and the property of it that has them.

    `fixed` is True where there are only a few of them, which seldom change.
    """

    entity_set: str
    property: str
    fixed: bool = False


@dataclass(frozen=True, slots=True)
class Personal:
    """What the PersonalData vocabulary says of a property; `semantics` is a member of FieldSemantics or empty."""

    semantics: str = ""
    personal: bool = False
    sensitive: bool = False


@dataclass(frozen=True, slots=True)
class Property:
    """One property, as an entity set lets it be used; what is not forbidden in the metadata is allowed.

    `required` is True where a create has to name it. `unit` and `text` are paths to the properties that hold its unit
    or currency and its text. `filtered_by` is the one form of a condition that the service takes on it, in the words
    of the Capabilities vocabulary (such as SingleValue or SingleRange), or empty. `control` names the property that
    says for each record whether it can be written. `semantics` and `display` are SAP's own words, such as `tel` and
    `Date`.
    """

    name: str
    type: EdmType
    label: str = ""
    description: str = ""
    creatable: bool = True
    updatable: bool = True
    filterable: bool = True
    sortable: bool = True
    required: bool = False
    required_in_filter: bool = False
    filtered_by: str = ""
    unit: str = ""
    text: str = ""
    semantics: str = ""
    display: str = ""
    control: str = ""
    value_list: ValueList | None = None
    personal: Personal = Personal()
    concurrency: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    """A way from an entity to others; `entity_set` is where they live, empty where the metadata does not say.

    `constraints` pairs properties on this side with the properties there that have the same value. `own` is True where
    the metadata say that what it leads to belongs to this entity alone: contained, one to one, or declared insertable.
    """

    name: str
    target: str
    collection: bool
    entity_set: str = ""
    constraints: tuple[tuple[str, str], ...] = ()
    contained: bool = False
    creatable: bool = True
    filterable: bool = True
    own: bool = False


@dataclass(frozen=True, slots=True)
class EntityType:
    """An entity type by its qualified name, with what it inherits; keys are in the order of the metadata."""

    name: str
    keys: tuple[str, ...]
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    label: str = ""
    has_stream: bool = False
    personal: str = ""
    """A member of EntitySemantics of the PersonalData vocabulary, or empty."""


@dataclass(frozen=True, slots=True)
class EntitySet:
    """An entity set or singleton; `properties` and `navigations` are those of its type, with its own restrictions.

    `concurrency` is True where the metadata say that a change needs the entity's etag; False tells nothing.
    `updatable_path` and `deletable_path` name the property that says it for each record. `requires_filter` is True
    where it cannot be read without a condition.
    """

    name: str
    type: EntityType
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation]
    label: str = ""
    description: str = ""
    creatable: bool = True
    updatable: bool = True
    deletable: bool = True
    readable: bool = True
    addressable: bool = True
    searchable: bool = False
    countable: bool = True
    topable: bool = True
    pageable: bool = True
    requires_filter: bool = False
    concurrency: bool = False
    updatable_path: str = ""
    deletable_path: str = ""
    singleton: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the names of the key properties, in the order of the metadata."""
        return self.type.keys


class OperationKind(StrEnum):
    """How an operation is called."""

    FUNCTION_IMPORT = "function import"
    """V2: arguments in the query string, by GET or POST."""
    FUNCTION = "function"
    """V4: arguments in the path, always by GET."""
    ACTION = "action"
    """V4: arguments in the body, always by POST."""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of an operation, without the one that it is bound by."""

    name: str
    type: EdmType
    label: str = ""
    required: bool = True


@dataclass(frozen=True, slots=True)
class Operation:
    """A function import of V2, or a function or action of V4.

    `path` is the segment that calls it: the import's name, or the qualified name where it is `bound_to` a type.
    A function import that is meant for a type (`sap:action-for`) is bound too, and takes the keys of the entity as
    the parameters that `keys` pairs with them. `for_each` is True where it acts on one entity, False where it is
    bound to the whole set or not at all. `applicable_path` names the property that says for each record whether it
    can be called.
    """

    name: str
    path: str
    kind: OperationKind
    method: str
    parameters: Mapping[str, Parameter]
    returns: EdmType | None = None
    entity_set: str = ""
    bound_to: str = ""
    for_each: bool = False
    keys: tuple[tuple[str, str], ...] = ()
    label: str = ""
    available: bool = True
    applicable_path: str = ""


@dataclass(frozen=True, slots=True)
class Service:
    """All that the metadata of one service say."""

    version: Version
    sets: Mapping[str, EntitySet]
    types: Mapping[str, EntityType]
    structures: Mapping[str, Mapping[str, Property]] = field(default_factory=dict)
    operations: tuple[Operation, ...] = ()
    batches: Batches = Batches.MULTIPART

    def properties_of(self, kind: Structure) -> Mapping[str, Property]:
        """Return the properties of a complex or entity type; none where the metadata do not hold it."""
        found = self.types.get(kind.name)
        return found.properties if found is not None else self.structures.get(kind.name, _NONE)

    def target(self, navigation: Navigation) -> EntitySet | None:
        """Return the entity set that a navigation leads to; None where nothing says which."""
        if navigation.entity_set:
            return self.sets.get(navigation.entity_set)
        fitting = [one for one in self.sets.values() if one.type.name == navigation.target]
        return fitting[0] if len(fitting) == 1 else None

    def made_along(self, entity_set: EntitySet, name: str) -> EntitySet | None:
        """Return the set of the entities that a new one of this set can bring with it along a navigation, or None.

        In V2 a set that takes no new entities by themselves is often one of parts, which come with their whole alone.
        """
        navigation = entity_set.navigations.get(name)
        if navigation is None or not (navigation.creatable and (navigation.collection or navigation.own)):
            return None
        found = self.target(navigation)
        if found is None or found.singleton or not found.keys:
            return None
        return found if navigation.own or found.creatable or self.version is Version.V2 else None

    def operations_of(self, entity_set: EntitySet) -> tuple[Operation, ...]:
        """Return what can be called on an entity set or on its entities."""
        return tuple(one for one in self.operations if one.bound_to == entity_set.type.name)


_NONE: Mapping[str, Property] = MappingProxyType({})
