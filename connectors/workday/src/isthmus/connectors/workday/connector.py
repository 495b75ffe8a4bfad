"""How does isthmus speak to a Workday tenant? Its REST services, data sources, web services and reports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from httpx2 import AsyncBaseTransport, Request

from isthmus.connectors.workday.doors import Door, ReportDoor, RestDoor, SoapDoor, SourceDoor
from isthmus.connectors.workday.faults import fault_of
from isthmus.connectors.workday.figures import QUOTAS, quota_name, quota_of
from isthmus.connectors.workday.raas.describe import ReportClassifier, ReportFacts, report_facts
from isthmus.connectors.workday.raas.reading import Kept, ReportWay, read_schema, run_report
from isthmus.connectors.workday.raas.schema import Schema
from isthmus.connectors.workday.rest.answering import answer_step, begin, settle_process, settle_step
from isthmus.connectors.workday.rest.classify import RestClassifier
from isthmus.connectors.workday.rest.describe import collection_facts, is_steps, summary
from isthmus.connectors.workday.rest.reading import Way, search_rows
from isthmus.connectors.workday.settings import ReportSettings, WorkdaySettings
from isthmus.connectors.workday.shapes import Collection, collections_of, unclassified
from isthmus.connectors.workday.soap.calling import SoapWay, call_operation
from isthmus.connectors.workday.soap.classify import SoapClassifier
from isthmus.connectors.workday.soap.describe import operation_for, service_facts, service_summaries
from isthmus.connectors.workday.soap.security import is_service, secured
from isthmus.connectors.workday.soap.writes import WHOLE, writes_of
from isthmus.connectors.workday.wql.classify import WqlClassifier
from isthmus.connectors.workday.wql.reading import SourceWay
from isthmus.connectors.workday.wql.source import Source, SourceFacts, source_facts
from isthmus.core.config import ConnectionConfig
from isthmus.core.connector import (
    Batch,
    Connector,
    ConnectorSettings,
    Fault,
    Invoked,
    ObjectFacts,
    ObjectSummary,
    Outcome,
    Pending,
    Probe,
    QuotaReading,
    Settlement,
    Written,
)
from isthmus.core.credentials import ClientCertificate
from isthmus.core.errors import ConfigurationError, InvalidArguments, NotFound
from isthmus.core.http import METHOD_OVERRIDES, Response
from isthmus.core.nearest import nearest
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Query, Row

__all__ = ["Workday"]


class Workday(Connector):
    """Read the records of one tenant, begin its business processes and answer their steps."""

    settings: ClassVar[type[ConnectorSettings]] = WorkdaySettings
    kind: ClassVar[str] = "workday"
    quotas: ClassVar[tuple[str, ...]] = tuple(QUOTAS)
    request_id_headers: ClassVar[tuple[str, ...]] = ("wd-stat-request-id", "x-wd-gid")

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, WorkdaySettings):
            raise TypeError(f"connection {name!r} needs WorkdaySettings")
        if unknown := unclassified(settings):
            raise ConfigurationError(
                f"connection {name!r}: the shape of services.{unknown[0]} is not known in this version; describe its "
                "collections in settings.collections, or use another version",
                object=name,
            )
        self._settings = settings
        self._collections = collections_of(settings)
        self._classifiers = (
            RestClassifier(settings, self._collections),
            WqlClassifier(settings),
            SoapClassifier(settings),
            ReportClassifier(settings),
        )
        self._kept = Kept()
        self._reports = f"{settings.soap}/customreport2/"
        # Reading back looks at what processes leave, beside the worker that they are about.
        beside = ("businessTitleChanges", "workers/businessTitleChanges", "events")
        self.action_objects = frozenset(  # type: ignore[misc]  # by the aliases of this connection
            one.object for one in self._collections.values() if "/".join(one.path) in beside
        )

    def carrier(self, wire: AsyncBaseTransport, url: str) -> AsyncBaseTransport:  # noqa: ARG002 any host is served alike
        """Return the wire; a login for web services is written into their envelopes on it."""
        return secured(wire, self._settings.soap, self._reports)

    def sign(self, request: Request, certificate: ClientCertificate, now: float) -> Request:
        """Return a request to a web service with its envelope signed; another as it is."""
        if not is_service(request, self._settings.soap, self._reports):
            return request
        # lxml takes a while to import, and most connections sign nothing.
        from isthmus.connectors.workday.soap.signing import signed

        return signed(request, certificate, now)

    def misfit(self, connection: ConnectionConfig) -> str:
        """Say where a signature would be the only proof of what takes none."""
        settings = self._settings
        others = [name for name in ("services", "sources", "reports") if getattr(settings, name)]
        if connection.auth.kind != "x509_signature" or not others:
            return ""
        return f"auth: only web services take a signature; give settings.{others[0]} a connection of its own"

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell what a request would do."""
        if any(name.lower() in METHOD_OVERRIDES for name in request.headers):
            return ()
        return next((found for one in self._classifiers if (found := one(request))), ())

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        """Read what is left of the tenant's tokens."""
        return quota_of(response)

    def quota_of(self, object: str) -> str:
        """Tell the surface that calls on an object use."""
        return quota_name(object)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List what may be used here; the tenant has no list of all of it."""
        settings = self._settings
        sources = [ObjectSummary(f"wql.{alias}", one.source or alias) for alias, one in settings.sources.items()]
        reports = [ObjectSummary(f"report.{alias}", one.report) for alias, one in settings.reports.items()]
        shipped = [summary(one) for one in self._collections.values()]
        return [*shipped, *sources, *service_summaries(settings), *reports]

    async def catalogue(self, object: str) -> ObjectFacts:
        """Describe an object: from the shipped table and settings, data sources and reports as the tenant does."""
        settings, (head, _, name) = self._settings, object.partition(".")
        if head == "wql" and (alias := _spelled(name, settings.sources)):
            return await source_facts(self.http, settings, f"wql.{alias}")
        if head == "report" and (alias := _spelled(name, settings.reports)):
            own = settings.reports[alias]
            return report_facts(f"report.{alias}", own, await read_schema(self.http, settings, own))
        if operation := operation_for(object, settings):
            return service_facts(_records_of(operation), operation, settings)
        if object == WHOLE and writes_of(WHOLE, settings.operations):
            return service_facts(WHOLE, "", settings)
        return collection_facts(self._collection(object))

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows."""
        return await (await self._door(query.object, self.as_of or None)).query(query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows: of a data source in the order of ids, of all else as the tenant gives them."""
        return await (await self._door(query.object, self.as_of or None)).export(query, at)

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; missing and hidden look the same."""
        return await (await self._door(object, self.as_of or None)).get(id, fields)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find workers by words."""
        found: list[Row] = []
        for object, fields in objects.items():
            collection = self._collections.get(object)
            if collection is not None and collection.search and len(found) < limit:
                found += await search_rows(self._to(collection), text, fields, limit - len(found))
        return found

    async def update(
        self,
        object: str,
        id: str,
        values: Mapping[str, JSON],
        version: str | None,  # noqa: ARG002 no record has a version; whether a step waits the tenant itself looks at
    ) -> Written:
        """Answer a step of a process; nothing else is changed but by a process of its own."""
        door = await self._door(object)
        if not isinstance(door, RestDoor) or not is_steps(door.way.collection):
            raise InvalidArguments(
                f"{object} is changed by business processes alone; see its actions", object=object, field="object"
            )
        return await answer_step(door.way, id, values)

    async def invoke(
        self,
        object: str,
        action: str,
        id: str,
        arguments: Mapping[str, JSON],
        key: str,  # noqa: ARG002 no service has a place for it
    ) -> Invoked:
        """Begin a business process, whose event and state come back, or run a report."""
        if any(one.name == action for one in writes_of(object, self._settings.operations)):
            own = self._settings.operations[action]
            return await call_operation(SoapWay(self.http, self._settings, action, own), id, arguments)
        door = await self._door(object)
        if isinstance(door, ReportDoor):
            return await run_report(door.way, action, arguments)
        if isinstance(door, RestDoor):
            return await begin(door.way, action, id, arguments)
        raise InvalidArguments(f"{object} has no action {action[:80]!a}", object=object, field="action")

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read the step, or the events of the worker; that nothing is to be seen proves nothing."""
        if pending.object not in self._collections:
            return Settlement.CANNOT_TELL, None
        way = self._way(pending.object)
        if is_steps(way.collection):
            return await settle_step(way, pending)
        if not pending.action or not pending.id:
            return Settlement.CANNOT_TELL, None
        events = next((one for one in self._collections.values() if one.path == ("events",)), None)
        return await settle_process(way, self._to(events) if events else None, pending)

    async def probe(self) -> Probe:
        """Tell what may be used; which login this is only a token of a user tells."""
        settings = self._settings
        facts = {f"services.{alias}": service for alias, service in settings.services.items()}
        named: Mapping[str, Iterable[str]] = {
            "sources": settings.sources,
            "reports": settings.reports,
            "operations": settings.operations,
        }
        facts |= {name: told for name, one in named.items() if (told := ", ".join(sorted(one)))}
        return Probe(identity="the login of this connection", facts={"tenant": settings.tenant, **facts})

    async def _door(self, object: str, as_of: str | None = None) -> Door:
        """Return this call's way to an object; `as_of` is the day that is asked about, today where it is None."""
        settings, (head, _, name) = self._settings, object.partition(".")
        if head == "wql" and (alias := _spelled(name, settings.sources)):
            source = await self._source(f"wql.{alias}")
            return SourceDoor(SourceWay(self.http, settings, settings.sources[alias], source, as_of), f"wql.{alias}")
        if head == "report" and (alias := _spelled(name, settings.reports)):
            own, object = settings.reports[alias], f"report.{alias}"
            schema = await self._schema(object, own)
            return ReportDoor(ReportWay(self.http, settings, own, schema, object, self._kept, as_of))
        if operation := operation_for(object, settings):
            way = SoapWay(self.http, settings, operation, settings.operations[operation], as_of)
            return SoapDoor(way, _records_of(operation))
        return RestDoor(self._way(object, as_of))

    async def _source(self, object: str) -> Source:
        facts = await self.facts_of(object)
        source = facts.source if isinstance(facts, SourceFacts) else None
        if source is None:
            source = (await source_facts(self.http, self._settings, object)).source
        if source is None:
            raise NotFound(f"there is no data source behind {object}", object=object)
        return source

    async def _schema(self, object: str, own: ReportSettings) -> Schema:
        facts = await self.facts_of(object)
        schema = facts.schema if isinstance(facts, ReportFacts) else None
        return schema or await read_schema(self.http, self._settings, own)

    def _collection(self, object: str) -> Collection:
        found = self._collections.get(_spelled(object, self._collections))
        if found is None:
            raise NotFound(
                f"there is no object {object[:80]!a}{nearest(object, list(self._collections))}", object=object[:80]
            )
        return found

    def _way(self, object: str, as_of: str | None = None) -> Way:
        return self._to(self._collection(object), as_of)

    def _to(self, collection: Collection, as_of: str | None = None) -> Way:
        return Way(self.http, self._settings, collection, as_of)


def _spelled(name: str, known: Iterable[str]) -> str:
    """Return a name in its own spelling; empty where it is not known."""
    wanted = name.casefold()
    return next((one for one in known if one.casefold() == wanted), "")


def _records_of(operation: str) -> str:
    """Return the object that an operation reads."""
    return f"{WHOLE}.{operation.removeprefix('Get_')}"
