"""How does isthmus speak to a Workday tenant? Its REST services, data sources, web services and reports."""

from collections.abc import Iterable, Mapping, Sequence
from typing import ClassVar

from httpx2 import Request

from isthmus.connectors.workday.faults import fault_of
from isthmus.connectors.workday.figures import quota_of
from isthmus.connectors.workday.rest.answering import answer_step, begin, settle_process, settle_step
from isthmus.connectors.workday.rest.classify import RestClassifier
from isthmus.connectors.workday.rest.describe import collection_facts, is_steps, summary
from isthmus.connectors.workday.rest.reading import Way, export_rows, read_record, read_rows, search_rows
from isthmus.connectors.workday.settings import WorkdaySettings
from isthmus.connectors.workday.shapes import Collection, collections_of, unclassified
from isthmus.connectors.workday.wql.classify import WqlClassifier
from isthmus.connectors.workday.wql.reading import SourceWay, read_source, read_source_row
from isthmus.connectors.workday.wql.source import Source, SourceFacts, source_facts
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
    request_id_headers: ClassVar[tuple[str, ...]] = ("wd-stat-request-id", "x-wd-gid")

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, WorkdaySettings):
            raise TypeError(f"connection {name!r} needs WorkdaySettings")
        if unknown := unclassified(settings):
            raise ConfigurationError(
                f"connection {name!r}: the shape of services.{unknown[0]} is not known in this version; describe its "
                f"collections in settings.collections, or use another version",
                object=name,
            )
        self._settings = settings
        self._collections = collections_of(settings)
        self._classifiers = (RestClassifier(settings, self._collections), WqlClassifier(settings))
        # Reading back looks at what processes leave, beside the worker that they are about.
        beside = ("businessTitleChanges", "workers/businessTitleChanges", "events")
        self.action_objects = frozenset(  # type: ignore[misc]  # by the aliases of this connection
            one.object for one in self._collections.values() if "/".join(one.path) in beside
        )

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

    async def objects(self) -> Sequence[ObjectSummary]:
        """List what may be used here; the services have no list of their own."""
        sources = [ObjectSummary(f"wql.{alias}", one.source or alias) for alias, one in self._settings.sources.items()]
        return [*(summary(one) for one in self._collections.values()), *sources]

    async def catalogue(self, object: str) -> ObjectFacts:
        """Describe an object."""
        if alias := self._source(object):
            return await source_facts(self.http, self._settings, f"wql.{alias}")
        return collection_facts(self._collection(object))

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows."""
        if self._source(query.object):
            return await read_source(await self._source_way(query.object), query)
        return await read_rows(self._way(query.object), query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows: of a data source in the order of ids, of all else as the tenant gives them."""
        if self._source(query.object):
            return await super().export(query, at)
        return await export_rows(self._way(query.object), query, at)

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; missing and hidden look the same."""
        if self._source(object):
            return await read_source_row(await self._source_way(object), object, id, fields)
        return await read_record(self._way(object), id, fields)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find workers by words."""
        found: list[Row] = []
        for object, fields in objects.items():
            if object not in self._collections:
                continue
            way = self._way(object)
            if way.collection.search and len(found) < limit:
                found += await search_rows(way, text, fields, limit - len(found))
        return found

    async def update(
        self,
        object: str,
        id: str,
        values: Mapping[str, JSON],
        version: str | None,  # noqa: ARG002 no record has a version; whether a step waits the tenant itself looks at
    ) -> Written:
        """Answer a step of a process; nothing else is changed but by a process of its own."""
        way = self._way(object)
        if not is_steps(way.collection):
            raise InvalidArguments(
                f"{object} is changed by business processes alone; see its actions", object=object, field="object"
            )
        return await answer_step(way, id, values)

    async def invoke(
        self,
        object: str,
        action: str,
        id: str,
        arguments: Mapping[str, JSON],
        key: str,  # noqa: ARG002 no service has a place for it
    ) -> Invoked:
        """Begin a business process; what comes back is its event and how it stands."""
        return await begin(self._way(object), action, id, arguments)

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
        """Read one record of each service, and ask who this is where a token of a user tells."""
        facts = {f"services.{alias}": service for alias, service in self._settings.services.items()}
        return Probe(identity="the login of this connection", facts={"tenant": self._settings.tenant, **facts})

    def _source(self, object: str) -> str:
        """Return the alias of the data source that an object stands for, in its own spelling; empty for all else."""
        head, _, name = object.partition(".")
        wanted = name.casefold()
        return next((one for one in self._settings.sources if one.casefold() == wanted), "") if head == "wql" else ""

    async def _source_way(self, object: str, as_of: str | None = None) -> SourceWay:
        alias = self._source(object)
        facts = await self.facts_of(f"wql.{alias}")
        source = facts.source if isinstance(facts, SourceFacts) else None
        if source is None:
            told = await source_facts(self.http, self._settings, f"wql.{alias}")
            source = told.source or Source(self._settings.sources[alias].source or alias, {})
        return SourceWay(self.http, self._settings, self._settings.sources[alias], source, as_of)

    def _collection(self, object: str) -> Collection:
        found = self._collections.get(object)
        if found is None:
            wanted = object.casefold()
            found = next((one for name, one in self._collections.items() if name.casefold() == wanted), None)
        if found is None:
            raise NotFound(
                f"there is no object {object[:80]!a}{nearest(object, list(self._collections))}", object=object[:80]
            )
        return found

    def _way(self, object: str, as_of: str | None = None) -> Way:
        return self._to(self._collection(object), as_of)

    def _to(self, collection: Collection, as_of: str | None = None) -> Way:
        return Way(self.http, self._settings, collection, as_of)
