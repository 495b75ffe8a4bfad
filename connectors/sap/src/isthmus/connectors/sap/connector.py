"""How does isthmus speak to a SAP system? Its OData services, V2 and V4, one request per verb where one is enough."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from httpx2 import Request

from isthmus.connectors.sap.classify import Classifier
from isthmus.connectors.sap.csrf import Tokens
from isthmus.connectors.sap.describe import object_facts, operation_of, summaries
from isthmus.connectors.sap.facts import ServedFacts, served
from isthmus.connectors.sap.faults import fault_of
from isthmus.connectors.sap.invoking import run_operation
from isthmus.connectors.sap.loadback import read_load_back
from isthmus.connectors.sap.loads import load_lines
from isthmus.connectors.sap.odata.edm import Batches
from isthmus.connectors.sap.readback import read_back
from isthmus.connectors.sap.reading import export_rows, read_record, read_rows, search_rows
from isthmus.connectors.sap.services import Services
from isthmus.connectors.sap.settings import SapSettings
from isthmus.connectors.sap.terms import Terms
from isthmus.connectors.sap.way import Way, headers_of
from isthmus.connectors.sap.writing import change_record, create_record, delete_record
from isthmus.core.connector import (
    Batch,
    Begun,
    Connector,
    ConnectorSettings,
    Fault,
    Invoked,
    Key,
    Load,
    Loaded,
    ObjectFacts,
    ObjectSummary,
    Outcome,
    Pending,
    Probe,
    Settlement,
    Written,
)
from isthmus.core.errors import CredentialError, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Compare, Operator, Query, Row, Rows

__all__ = ["Sap"]

_FORMS = {"multipart": Batches.MULTIPART, "json": Batches.JSON, "none": Batches.NONE}


class Sap(Connector):
    """Read and write the records of one client over its OData services, and run their operations."""

    settings: ClassVar[type[ConnectorSettings]] = SapSettings
    kind: ClassVar[str] = "sap"
    wants_cookies: ClassVar[bool] = True
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-request-id", "x-correlation-id")

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, SapSettings):
            raise TypeError(f"connection {name!r} needs SapSettings")
        self._terms = Terms(name, settings)
        self._headers = headers_of(settings.client, settings.language)
        self._tokens = Tokens()
        self._batches = {alias: _FORMS[form] for alias, form in settings.batches.items()}
        self._services = Services(settings.services, self._headers)
        self._classifier = Classifier(settings, self._services.seen)

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell what each part of a request would do."""
        return self._classifier(request)

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the entity sets of every service that may be used."""
        self._terms.check()
        listed = [(alias, await self._services.of(self.http, alias)) for alias in sorted(self._terms.settings.services)]
        return tuple(one for alias, service in listed for one in summaries(alias, service))

    async def catalogue(self, object: str) -> ObjectFacts:
        """Read what the metadata of its service say of an object."""
        alias = self._alias(object)
        service = await self._services.of(self.http, alias)
        return served(object_facts(alias, service, object), service)

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows, over as many pages as the service makes of them."""
        return await read_rows(await self._way(query.object), query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows in the order of their keys, and no more of them than the terms allow."""
        way = await self._way(query.object)
        count, _, last = at.partition(":")
        passed = int(count) if count.isascii() and count.isdigit() else 0
        left = self._terms.rows_left(passed)
        batch = await export_rows(way, replace(query, limit=min(query.limit, left)), last)
        return Batch(batch.rows, f"{passed + len(batch.rows)}:{batch.at}" if batch.at else "")

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; missing and hidden look the same."""
        return await read_record(await self._way(object), object, id, fields)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find records that hold all words, where their set can be searched."""
        parts = [
            await search_rows(await self._way(name), name, text, fields, limit) for name, fields in objects.items()
        ]
        found = [row for part in parts for row in part][:limit]
        return Rows(found) if any(isinstance(part, Rows) for part in parts) else found

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by POST. No service keeps a key unique, so it is looked for first."""
        way = await self._way(object)
        if key is not None:
            where = Compare(key.field, Operator.EQ, key.value)
            if await read_rows(way, Query(object, way.set_of(object).keys, where, limit=1)):
                raise UpstreamRejected(
                    "a record with this key is there already; find it, or use another key",
                    object=object,
                    field=key.field,
                )
            values = {**values, key.field: key.value}
        return await create_record(way, object, values)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by MERGE or PATCH; the service compares the version."""
        return await change_record(await self._way(object), object, id, values, version)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete; the service compares the version."""
        return await delete_record(await self._way(object), object, id, version)

    async def invoke(
        self,
        object: str,
        action: str,
        id: str,
        arguments: Mapping[str, JSON],
        key: str,  # noqa: ARG002 see below
    ) -> Invoked:
        """Call a function import, a function or an action; no service has a place for `key`."""
        way = await self._way(object)
        return await run_operation(way, operation_of(way.alias, way.service, object, action), object, id, arguments)

    async def load(self, load: Load, begun: Begun) -> Loaded | None:
        """Write many records by batches, each line in a change set of its own."""
        return await load_lines(await self._way(load.object), load, begun)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read back by key or id; what an operation did leaves nothing that would prove it."""
        if pending.load is not None:
            return await read_load_back(await self._way(pending.object), pending, pending.load)
        return await read_back(await self._way(pending.object), pending)

    async def probe(self) -> Probe:
        """Read the metadata of every service; which login this is no service tells."""
        self._terms.check()
        facts, troubles = dict(self._terms.facts()), list[str]()
        for alias in sorted(self._terms.settings.services):
            try:
                service = await self._services.of(self.http, alias)
            except CredentialError:
                # Another refused logon might lock the user.
                raise
            except UpstreamError as error:
                troubles.append(f"service {alias} cannot be used: {error.sentence}")
            else:
                facts[alias] = f"OData V{service.version.value}, {len(service.sets)} entity sets"
        return Probe("the login of this connection", facts, troubles=tuple(troubles))

    def _alias(self, object: str) -> str:
        """Return the service of an object; raises Denied before anything is sent."""
        alias = object.partition(".")[0]
        self._terms.root(alias)
        return alias

    async def _way(self, object: str) -> Way:
        """Return this call's way to the service of an object, as it was described to this identity."""
        alias = self._alias(object)
        facts = await self.facts_of(object)
        service = facts.service if isinstance(facts, ServedFacts) else None
        if service is None:
            service = await self._services.of(self.http, alias)
        self._services.see(alias, service)
        return Way(self.http, alias, self._terms.root(alias), service, self._tokens, self._headers, self._batches)
