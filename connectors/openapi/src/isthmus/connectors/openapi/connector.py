"""How does isthmus speak to a service that it knows by an OpenAPI document alone? One listed operation a request."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, ClassVar

from httpx2 import Request

from isthmus.connectors.openapi.classify import Classifier
from isthmus.connectors.openapi.describe import action_of, described_object, summaries
from isthmus.connectors.openapi.faults import fault_of
from isthmus.connectors.openapi.invoking import run_operation
from isthmus.connectors.openapi.quota import quota_of
from isthmus.connectors.openapi.readback import read_back
from isthmus.connectors.openapi.reads import Collection, read_record
from isthmus.connectors.openapi.security import asked, misfit
from isthmus.connectors.openapi.service import Listed, load_service
from isthmus.connectors.openapi.settings import OpenApiSettings
from isthmus.connectors.openapi.writes import change_record, create_record, delete_record
from isthmus.core.connector import (
    Batch,
    Connector,
    ConnectorSettings,
    Fault,
    Invoked,
    Key,
    ObjectFacts,
    ObjectSummary,
    Outcome,
    Pending,
    Probe,
    Promoted,
    QuotaReading,
    Settlement,
    Written,
)
from isthmus.core.errors import InvalidArguments, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.operation import RequestClass, Verb
from isthmus.core.records import JSON, Compare, Operator, Query, Row, comparisons

if TYPE_CHECKING:
    from isthmus.core.config import ConnectionConfig

__all__ = ["OpenApi"]


class OpenApi(Connector):
    """Run the listed operations of a service, and read and write the rows that they serve."""

    settings: ClassVar[type[ConnectorSettings]] = OpenApiSettings
    kind: ClassVar[str] = "openapi"
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-request-id", "x-correlation-id", "traceparent")

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, OpenApiSettings):
            raise TypeError(f"connection {name!r} needs OpenApiSettings")
        self._settings = settings
        self._service = load_service(name, settings)
        self._base = settings.base_path
        self._classifier = Classifier(self._service, self._base)

    def misfit(self, connection: "ConnectionConfig") -> str:
        """Say which operation would not take the credential that is configured."""
        return misfit(self._service.document, [one.operation for one in self._service.listed.values()], connection)

    def promoted(self) -> Sequence[Promoted]:
        """Name the operations that are tools of their own."""
        chosen = (one for one in self._service.listed.values() if one.settings.promote)
        return tuple(Promoted(one.object, action_of(one, self._settings.classes)) for one in chosen)

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell which operation a request is."""
        return self._classifier(request)

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        """Read the usual headers."""
        return quota_of(response)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the objects of the document, with every operation of it."""
        return summaries(self._service)

    async def catalogue(self, object: str) -> ObjectFacts:
        """Describe an object as the document does."""
        return described_object(self._service, self._settings.classes, object)

    async def query(self, query: Query) -> Sequence[Row]:
        """Read rows."""
        facts = await self.facts_of(query.object)
        probed = [one.field for one in comparisons(query.where)]
        for name in (*query.select, *probed, *(one.field for one in query.order_by)):
            facts.field(name)
        return await self._collection(query.object).query(query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows, a page of the service at a time."""
        return await self._collection(query.object).export(query, at)

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; where no operation does, nothing is known of it but its id."""
        listed = self._service.serving(self._service.object(object), Verb.GET)
        if listed is None and not fields:
            return Row(object, id, {})
        return await read_record(self.http, self._base, self._serving(object, Verb.GET), id, fields)

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by the operation that does; nothing says that it keeps a key unique, so that is looked for first."""
        listed = self._serving(object, Verb.CREATE)
        if key is not None:
            where = Compare(key.field, Operator.EQ, key.value)
            if await self._collection(object).query(Query(object, (), where, limit=1)):
                raise UpstreamRejected(
                    "a record with this key is there already; find it, or use another key",
                    object=object,
                    field=key.field,
                )
            values = {**values, key.field: key.value}
        return await create_record(self.http, self._base, listed, values, key.value if key else "")

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by the operation that does."""
        listed = self._serving(object, Verb.UPDATE)
        return await change_record(self.http, self._base, listed, id, values, version)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete by the operation that does."""
        return await delete_record(self.http, self._base, self._serving(object, Verb.DELETE), id, version)

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        """Run one operation."""
        listed = self._service.listed.get(action)
        name = self._service.object(object)
        if listed is None or listed.settings.verb is not None or listed.object != name:
            raise InvalidArguments(f"{name} has no action {action[:80]!a} that may run", object=name, field="action")
        return await run_operation(self.http, self._base, listed, id, arguments, key)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read back by key or id; what an operation did leaves nothing that would prove it."""
        name = self._service.object(pending.object)
        query, get = (self._service.serving(name, verb) for verb in (Verb.QUERY, Verb.GET))
        collection = self._collection(name) if query is not None else None
        reads = None if get is None else partial(read_record, self.http, self._base, get)
        return await read_back(pending, collection, reads)

    async def probe(self) -> Probe:
        """Tell what the document says; no operation is run to find out more."""
        document, listed = self._service.document, self._service.listed
        unusable = [one.id for one in document.operations.values() if one.problem]
        facts = {
            "document": f"{document.title} {document.version}".strip(),
            "operations": f"{len(listed)} of {len(document.operations)} may run",
            "credentials": "; ".join(sorted({asked(document, one.operation) for one in listed.values()} - {""})),
            "servers, which are not asked": ", ".join(document.servers),
            "operations that cannot be called": ", ".join(unusable),
        }
        return Probe(identity="the credential of this connection", facts={k: v for k, v in facts.items() if v})

    def _serving(self, object: str, verb: Verb) -> Listed:
        name = self._service.object(object)
        listed = self._service.serving(name, verb)
        if listed is None:
            raise InvalidArguments(
                f"no operation of {name} serves {verb.value!r}; use an action that describe names, or have one listed "
                f'with verb = "{verb.value}"',
                object=name,
            )
        return listed

    def _collection(self, object: str) -> Collection:
        listed = self._serving(object, Verb.QUERY)
        return Collection.of(self.http, self._base, listed, self._settings.most_rows)
