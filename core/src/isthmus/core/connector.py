"""What a connector is: the contract between core and the plugin that speaks to one kind of system."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

from isthmus.core.budgets import QuotaReading
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.nearest import nearest
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Aggregate, Query, Row
from isthmus.core.resilience import FaultKind

if TYPE_CHECKING:
    from httpx2 import Request
    from requests import Session as RequestsSession

    from isthmus.core.http import Http, Response
    from isthmus.core.results import Result

__all__ = [
    "Calls",
    "Connector",
    "ConnectorSettings",
    "FactsOf",
    "Fault",
    "FaultKind",
    "FieldFacts",
    "FieldType",
    "Key",
    "ObjectFacts",
    "ObjectSummary",
    "Pending",
    "Probe",
    "QuotaReading",
    "Settlement",
    "Written",
]


class ConnectorSettings(BaseModel):
    """The part of `[connections.<name>]` that belongs to the connector; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FieldType(StrEnum):
    """What a field holds, as far as schemas, literals and forms need to know."""

    STRING = "string"
    TEXT = "text"
    ID = "id"
    REFERENCE = "reference"
    BOOLEAN = "boolean"
    INTEGER = "integer"
    NUMBER = "number"
    DATE = "date"
    DATETIME = "datetime"
    TIME = "time"
    CHOICE = "choice"
    CHOICES = "choices"
    BINARY = "binary"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class FieldFacts:
    """What is known of one field; `source` tells where its classes come from.

    `choice_labels` say what the `choices` mean, in the same order, where the values do not speak for themselves.
    `restricted` is True where the system refuses a value that is not among `choices`.
    """

    name: str
    type: FieldType = FieldType.STRING
    label: str = ""
    classes: frozenset[str] = frozenset({"unclassified"})
    source: str = "default"
    choices: tuple[str, ...] = ()
    choice_labels: tuple[str, ...] = ()
    restricted: bool = False
    references: tuple[str, ...] = ()
    relationship: str = ""
    createable: bool = True
    updateable: bool = True
    filterable: bool = True
    sortable: bool = True
    groupable: bool = True
    required: bool = False
    unique: bool = False
    external_id: bool = False

    @property
    def enumerable(self) -> bool:
        """Tell whether its values are so few that a ref to one could be guessed."""
        return self.type in (FieldType.BOOLEAN, FieldType.CHOICE, FieldType.CHOICES)


@dataclass(frozen=True, slots=True)
class ObjectFacts:
    """What is known of one object: its fields, whose data it holds, and which fields control a read.

    `country` lists paths that tell the subject's country, the first present wins. `person` is True where a record
    is about a person, so that an unclassified field counts as personal. `searched` are the fields that a search by
    words looks into.
    """

    name: str
    fields: Mapping[str, FieldFacts]
    label: str = ""
    person: bool = False
    country: tuple[str, ...] = ()
    default_fields: tuple[str, ...] = ()
    searched: tuple[str, ...] = ()
    id_field: str = "Id"
    version_field: str | None = None
    owner_field: str | None = None
    state_field: str | None = None
    createable: bool = True
    updateable: bool = True
    deletable: bool = True
    _spelling: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        self._spelling.update({name.casefold(): name for name in self.fields})

    def field(self, name: str) -> FieldFacts:
        """Return the facts of a field of any letter case; raises InvalidArguments naming the nearest one."""
        found = self._spelling.get(name.casefold())
        if found is None:
            hint = nearest(name, self.fields)
            raise InvalidArguments(
                f"{self.name} has no field {name!r} that this identity may see{hint}",
                object=self.name,
                field=name,
            )
        return self.fields[found]

    def relation(self, name: str) -> FieldFacts | None:
        """Return the reference field behind a relationship name, or None."""
        wanted = name.casefold()
        return next((one for one in self.fields.values() if one.relationship.casefold() == wanted), None)


@dataclass(frozen=True, slots=True)
class ObjectSummary:
    """One line of the list of objects."""

    name: str
    label: str
    createable: bool = False
    updateable: bool = False
    deletable: bool = False


@dataclass(frozen=True, slots=True)
class Key:
    """The idempotency key of a write: the field that holds it in the system, and its value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did; `guard` tells who compared the version, `created` is False where an upsert updated.

    `altered` are fields that the system stored otherwise than it was asked to, as they are now.
    """

    id: str
    created: bool = False
    version: str | None = None
    guard: str | None = None
    altered: Mapping[str, JSON] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Fault:
    """An answer that is not a success, explained.

    `kind` decides what the request path may do about it, `error` is what the caller gets where the path passes it on.
    `sentence` is ours; `text` is the system's own and is treated as data.
    """

    kind: FaultKind
    code: str
    sentence: str
    error: type[UpstreamError] = UpstreamRejected
    field: str = ""
    text: str = ""


class Settlement(StrEnum):
    """What reading back says of a write whose answer was lost."""

    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"
    CANNOT_TELL = "cannot_tell"


@dataclass(frozen=True, slots=True)
class Pending:
    """A write whose outcome is not known: all that `reconcile` may use; `age` is seconds since it was sent."""

    verb: str
    object: str
    id: str = ""
    key: Key | None = None
    values: Mapping[str, JSON] = field(default_factory=dict)
    version: str | None = None
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What `doctor` shows of a connection."""

    identity: str
    facts: Mapping[str, str] = field(default_factory=dict)
    quotas: tuple[QuotaReading, ...] = ()


FactsOf: TypeAlias = Callable[[str], Awaitable[ObjectFacts]]


class Calls(Protocol):
    """One caller's calls on one system: all that `serve` can do."""

    async def call(self, tool: str, /, **arguments: JSON) -> "Result":
        """Call a tool on this system; raises as `Session.call`."""
        ...

    async def relay(self, request: "Request") -> "Response":
        """Send a read as it is, where no verb says it.

        Raises:
            Refused: it is no read, or its answer holds records of classes that the consumer may not see in clear.
        """
        ...


class Connector(ABC):
    """Speak to one kind of system; every request leaves through `self.http`, and `self.facts_of` describes an object.

    A subclass implements the verbs it can do as methods of the same name; core offers exactly those as tools.
    One instance serves a connection; each call works on a copy that is bound to the call's own `http`, which raises
    for every answer that `fault` does not pass. `metadata_objects` are those that `catalogue` and `objects` may read.
    `wants_cookies` keeps a jar for each principal. `clients` are clients of the system's own SDKs by name, each made
    from a `requests.Session` and the host that it is to believe in; a session has a method for each.
    """

    settings: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    kind: ClassVar[str] = ""
    metadata_objects: ClassVar[frozenset[str]] = frozenset()
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-request-id",)
    wants_cookies: ClassVar[bool] = False
    clients: ClassVar[Mapping[str, Callable[["RequestsSession", str], object]]] = {}
    http: "Http"
    facts_of: FactsOf

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self.name = name

    def bind(self, http: "Http", facts_of: FactsOf | None = None) -> Self:
        """Return a copy for one call; `facts_of` gives what `catalogue` says of an object, from memory where it can."""
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__, http=http, facts_of=facts_of or bound.catalogue)
        return bound

    @classmethod
    def verbs(cls) -> frozenset[str]:
        """Name the verbs that this connector implements."""
        own = frozenset(verb for verb in _VERBS if getattr(cls, verb) is not getattr(Connector, verb))
        # A change of state is an update of the field that holds it.
        return own | {"transition"} if "update" in own else own

    # What an outgoing request is, and what an answer means: pure, no I/O.

    @abstractmethod
    def classify(self, request: "Request") -> Sequence[RequestClass]:
        """Tell what each part of a request would do; an empty answer refuses it."""

    @abstractmethod
    def fault(self, response: "Response") -> Fault | None:
        """Classify an answer; None is success."""

    def quota(self, response: "Response") -> Iterable[QuotaReading]:
        """Read the quota that an answer reports."""
        return ()

    def parse(self, text: str) -> Query | Aggregate:
        """Parse a query in the system's own language; raises InvalidArguments."""
        raise InvalidArguments(f"{self.name} takes structured queries only; use select, where and order_by")

    async def serve(self, request: "Request", calls: Calls) -> "Response":
        """Answer a request of the system's own SDK by governed calls, encoding what they release.

        Errors that are about governance pass through as they are; what the system itself says becomes its own status
        and body. It has no `http`: whatever reaches the system does so through `calls`.
        """
        raise self._lacks("bridge for its SDKs")

    # Metadata.

    @abstractmethod
    async def objects(self) -> Sequence[ObjectSummary]:
        """List the objects that this identity may see."""

    @abstractmethod
    async def catalogue(self, object: str) -> ObjectFacts:
        """Describe one object; raises NotFound."""

    # The verbs. Values arrive resolved and typed; rows leave unlabelled.

    async def query(self, query: Query) -> Sequence[Row]:
        """Read at most `query.limit` rows in the order asked, missing values first; `Rows` where some are hidden."""
        raise self._lacks("query")

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record."""
        raise self._lacks("get")

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find records by words; `objects` maps each object to the fields to read."""
        raise self._lacks("search")

    async def aggregate(self, aggregate: Aggregate) -> Sequence[Mapping[str, JSON]]:
        """Compute figures over groups; each answer row holds the group's fields and the measures by name."""
        raise self._lacks("aggregate")

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create one record; with a key a repeated create must not make a second one."""
        raise self._lacks("create")

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change one record, if it still has `version`."""
        raise self._lacks("update")

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        """Create the record with this key, or change it."""
        raise self._lacks("upsert")

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete one record, if it still has `version`."""
        raise self._lacks("delete")

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | None]:
        """Read back whether a write happened; never guess by similarity."""
        return Settlement.CANNOT_TELL, None

    async def probe(self) -> Probe:
        """Tell who this identity is and what quota is left."""
        return Probe(identity="unknown")

    def _lacks(self, verb: str) -> InvalidArguments:
        return InvalidArguments(f"connection {self.name!r} has no {verb!r}; its connector does not implement it")


_VERBS = ("query", "get", "search", "aggregate", "create", "update", "upsert", "delete")
