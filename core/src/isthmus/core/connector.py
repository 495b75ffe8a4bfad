"""What a connector is: the contract between core and the plugin that speaks to one kind of system."""

from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, BinaryIO, ClassVar, Protocol, Self, TypeAlias

from pydantic import BaseModel, ConfigDict

from isthmus.core.budgets import UNCOUNTED, QuotaReading
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.facts import Action, FieldFacts, FieldType, ObjectFacts, ObjectSummary, Promoted
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Aggregate, AllOf, Compare, Note, Operator, Order, Query, Row
from isthmus.core.resilience import FaultKind
from isthmus.core.streams import Batch, Begun, Changed, FileFacts, Invoked, Line, LineOutcome, Load, Loaded, Upload

if TYPE_CHECKING:
    from httpx2 import AsyncBaseTransport, Request
    from requests import Session as RequestsSession

    from isthmus.core.config import ConnectionConfig
    from isthmus.core.credentials import ClientCertificate
    from isthmus.core.http import Http, Response
    from isthmus.core.results import Result

__all__ = [
    "UNCOUNTED",
    "Action",
    "Batch",
    "Begun",
    "Calls",
    "Changed",
    "Connector",
    "ConnectorSettings",
    "FactsOf",
    "Fault",
    "FaultKind",
    "FieldFacts",
    "FieldType",
    "FileFacts",
    "Invoked",
    "Key",
    "Line",
    "LineOutcome",
    "Load",
    "Loaded",
    "Note",
    "ObjectFacts",
    "ObjectSummary",
    "Outcome",
    "Pending",
    "Probe",
    "Promoted",
    "QuotaReading",
    "Settlement",
    "Upload",
    "Written",
]


class ConnectorSettings(BaseModel):
    """The part of `[connections.<name>]` that belongs to the connector; unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True)


@dataclass(frozen=True, slots=True)
class Key:
    """The idempotency key of a write: the field that holds it in the system, and its value."""

    field: str
    value: str


@dataclass(frozen=True, slots=True)
class Written:
    """What a write did; `guard` tells who compared the version, `created` is False where an upsert updated.

    `altered` are fields that the system stored otherwise than it was asked to, as they are now. `below` are object and
    id of each record that was made along with it, in the order in which the values give them. `notes` are what the
    system says beside the success, such as a warning.
    """

    id: str
    created: bool = False
    version: str | None = None
    guard: str | None = None
    altered: Mapping[str, JSON] = field(default_factory=dict)
    below: tuple[tuple[str, str], ...] = ()
    notes: tuple[Note, ...] = ()


Outcome: TypeAlias = Written | Loaded | Invoked
"""What a write did, of whichever kind it was."""


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
    """A write whose outcome is not known: all that `reconcile` may use; `age` is seconds since it was sent.

    `values` are the arguments of an action too; of an attached file they are its name, type, size and sha256.
    """

    verb: str
    object: str
    id: str = ""
    key: Key | None = None
    values: Mapping[str, JSON] = field(default_factory=dict)
    version: str | None = None
    action: str = ""
    load: Load | None = None
    job: str = ""
    age: float = 0.0


@dataclass(frozen=True, slots=True)
class Probe:
    """What `doctor` shows of a connection; `troubles` are what somebody should mend there, each with its remedy."""

    identity: str
    facts: Mapping[str, str] = field(default_factory=dict)
    troubles: tuple[str, ...] = ()
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
    for every answer that `fault` does not pass. `metadata_objects` are those that `catalogue` and `objects` may read,
    and `changes` beside the object's own; `file_objects` are those in which the system keeps files, and which `attach`
    and `download` touch beside the record's, `action_objects` those that `invoke` touches beside it. `wants_cookies`
    keeps a jar for each principal; `quotas` are what the system counts apart, each with a budget; `schemes` are those
    of the addresses that `carrier` can reach. `clients` are clients of the system's own SDKs by name, each made from a
    `requests.Session` and the host that it is to believe in; a session has a method for each.
    """

    settings: ClassVar[type[ConnectorSettings]] = ConnectorSettings
    kind: ClassVar[str] = ""
    metadata_objects: ClassVar[frozenset[str]] = frozenset()
    file_objects: ClassVar[frozenset[str]] = frozenset()
    action_objects: ClassVar[frozenset[str]] = frozenset()
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-request-id",)
    wants_cookies: ClassVar[bool] = False
    quotas: ClassVar[tuple[str, ...]] = ()
    schemes: ClassVar[frozenset[str]] = frozenset({"http", "https"})
    clients: ClassVar[Mapping[str, Callable[["RequestsSession", str], object]]] = {}
    http: "Http"
    facts_of: FactsOf
    as_of: str

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        self.name = name

    def bind(self, http: "Http", facts_of: FactsOf | None = None, as_of: str = "") -> Self:
        """Return a copy for one call; `facts_of` gives what `catalogue` says of an object, from memory where it can.

        `as_of` is the day whose truth the call reads (ISO 8601; empty is today). Only reads of objects whose facts are
        `dated` name one.
        """
        bound = object.__new__(type(self))
        bound.__dict__.update(self.__dict__, http=http, facts_of=facts_of or bound.catalogue, as_of=as_of)
        return bound

    @classmethod
    def verbs(cls) -> frozenset[str]:
        """Name the verbs that this connector implements."""
        own = {verb for verb in _VERBS if getattr(cls, verb) is not getattr(Connector, verb)}
        if "update" in own:
            # A change of state is an update of the field that holds it.
            own.add("transition")
        if "query" in own:
            own.add("export")
        return frozenset(own)

    def carrier(self, wire: "AsyncBaseTransport", url: str) -> "AsyncBaseTransport":
        """Return what carries this connection's requests below the request path; by default that is HTTP.

        Another carrier may use `wire`, which core closes after it. It is an
        `isthmus.core.http.Carrier` where it can tell when the first byte of a request leaves.
        """
        return wire

    def sign(self, request: "Request", certificate: "ClientCertificate", now: float) -> "Request":
        """Return a request with its message signed, where `auth` says so; `now` is in Unix seconds.

        Core asks for it below the request path, for every attempt. Nothing of the certificate may be kept.
        """
        raise self._lacks("signature")

    # What the settings bring: pure, no I/O.

    def misfit(self, connection: "ConnectionConfig") -> str:
        """Say which setting of the connection does not fit, by its name, and what to write there; empty if all do."""
        return ""

    def promoted(self) -> Sequence[Promoted]:
        """Name the actions that are tools of their own, beside `invoke`."""
        return ()

    # What an outgoing request is, and what an answer means: pure, no I/O.

    @abstractmethod
    def classify(self, request: "Request") -> Sequence[RequestClass]:
        """Tell what each part of a request would do; an empty answer refuses it."""

    @abstractmethod
    def fault(self, response: "Response") -> Fault | None:
        """Classify an answer; None is success."""

    def quota(self, response: "Response") -> Iterable[QuotaReading]:
        """Read the quota that an answer reports; `UNCOUNTED` where it shows that its request counted against none."""
        return ()

    def quota_of(self, object: str) -> str:
        """Name the one of `quotas` that calls on an object use."""
        return ""

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

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next of all rows that a query finds, at most `query.limit`, in whichever order suits the system.

        `at` is where the last batch said to go on, empty at first. Where the system has no way of its own for this,
        its pages are read in the order of ids.
        """
        id_field = (await self.facts_of(query.object)).id_field
        where = query.where
        if at:
            beyond = Compare(id_field, Operator.GT, at)
            where = AllOf((where, beyond)) if where else beyond
        rows = await self.query(replace(query, where=where, order_by=(Order(id_field),)))
        return Batch(rows, rows[-1].id if len(rows) == query.limit else "")

    async def changes(self, query: Query, since: str) -> Changed:
        """Read what changed since a moment (ISO 8601), or since the `at` of earlier changes; `query.limit` at most."""
        raise self._lacks("changes")

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
        """Create one record; with a key a repeated create must not make a second one.

        The value of one of the object's `children` is a list of the values of new records below it: all or none.
        """
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

    async def load(self, load: Load, begun: Begun) -> Loaded | None:
        """Write many records and tell what became of each line; None where the system is still at it by the deadline.

        Where the system works on a job, `begun` is told its id before the first line leaves: from then on `reconcile`
        is asked for the outcome, with the job in `Pending.job`, by whichever process comes first.
        """
        raise self._lacks("load")

    async def attach(self, object: str, id: str, file: Upload) -> Written:
        """Put a file beside a record; `Written.id` is the id of the file. The bytes go by `self.http.upload`."""
        raise self._lacks("attach")

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        """Write the bytes of a file of this record into `into`, by `self.http.download`; raises NotFound.

        A file of another record is not found.
        """
        raise self._lacks("download")

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        """Run an action that `catalogue` names for this object; `id` is empty where it acts on no record.

        `key` is what tells this run from every other, where the system has a field for it.
        """
        raise self._lacks("invoke")

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read back whether a write happened; never guess by similarity.

        A load that the system is still at cannot be told; one whose job has not begun to work must be ended, so that
        it never happens, before it counts as not happened.
        """
        return Settlement.CANNOT_TELL, None

    async def probe(self) -> Probe:
        """Tell who this identity is and what quota is left."""
        return Probe(identity="unknown")

    def _lacks(self, verb: str) -> InvalidArguments:
        return InvalidArguments(f"connection {self.name!r} has no {verb!r}; its connector does not implement it")


_VERBS = (
    "query",
    "changes",
    "get",
    "search",
    "aggregate",
    "create",
    "update",
    "upsert",
    "delete",
    "load",
    "attach",
    "download",
    "invoke",
)
