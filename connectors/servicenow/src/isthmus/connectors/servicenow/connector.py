"""How does isthmus speak to a ServiceNow instance? The Table API, one request per verb where one is enough."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import BinaryIO, ClassVar

from httpx2 import Request

from isthmus.connectors.servicenow.actions import actions_of, run_action, settle_action
from isthmus.connectors.servicenow.answers import ID, VERSION, row_of, text_at
from isthmus.connectors.servicenow.bridge import serve
from isthmus.connectors.servicenow.changes import changed_since
from isthmus.connectors.servicenow.classify import TABLE_FIELDS, TABLES, classify
from isthmus.connectors.servicenow.clients import client
from isthmus.connectors.servicenow.deeds import Run
from isthmus.connectors.servicenow.describe import object_facts
from isthmus.connectors.servicenow.dictionary import METADATA, read_dictionary
from isthmus.connectors.servicenow.encoded import check_name
from isthmus.connectors.servicenow.faults import fault_of, quota_of
from isthmus.connectors.servicenow.figures import figure_params, figures_of
from isthmus.connectors.servicenow.files import FILES, attach_file, download_file, find_file
from isthmus.connectors.servicenow.ids import checked_id
from isthmus.connectors.servicenow.knowledge import ARTICLES, SEARCHED, articles_of, searches_text
from isthmus.connectors.servicenow.loads import load_lines, read_back
from isthmus.connectors.servicenow.queries import explained, groups_of, parse_text, sections, text_of
from isthmus.connectors.servicenow.readback import settle
from isthmus.connectors.servicenow.settings import ServiceNowSettings
from isthmus.connectors.servicenow.tables import BY_ID, DELETED, Tables, by, check_class
from isthmus.connectors.servicenow.who import WHO
from isthmus.connectors.servicenow.writing import keyed, sent_of, shown, written
from isthmus.core.connector import (
    Begun,
    Calls,
    Changed,
    Connector,
    ConnectorSettings,
    Fault,
    FileFacts,
    Invoked,
    Key,
    Load,
    Loaded,
    ObjectFacts,
    ObjectSummary,
    Outcome,
    Pending,
    Probe,
    QuotaReading,
    Settlement,
    Upload,
    Written,
)
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Response
from isthmus.core.operation import RequestClass
from isthmus.core.records import (
    JSON,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Operator,
    Query,
    Row,
    Rows,
    comparisons,
)

__all__ = ["ServiceNow"]

MOST_OBJECTS = 20_000
MOST_WORDS = 10


class ServiceNow(Connector):
    """Read and write the records of one instance over the Table API."""

    settings: ClassVar[type[ConnectorSettings]] = ServiceNowSettings
    kind: ClassVar[str] = "servicenow"
    clients = {"pysnc": client}  # noqa: RUF012 typed by the contract
    metadata_objects: ClassVar[frozenset[str]] = METADATA | {DELETED}
    file_objects: ClassVar[frozenset[str]] = frozenset({FILES})
    request_id_headers: ClassVar[tuple[str, ...]] = ("x-transaction-id",)

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, ServiceNowSettings):
            raise TypeError(f"connection {name!r} needs ServiceNowSettings")
        self._settings = settings
        self._base = "/".join(one for one in ("/api/now", settings.api_version) if one)

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell what each part of a request would do."""
        return classify(request)

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        """Read the hourly limit of the rule that a call matched."""
        return quota_of(response)

    def parse(self, text: str) -> Query | Aggregate:
        """Read a table, an encoded query and fields; raises InvalidArguments saying what is not taken."""
        return parse_text(text)

    async def serve(self, request: Request, calls: Calls) -> Response:
        """Answer a request of a ServiceNow SDK by governed calls."""
        return await serve(request, calls)

    @property
    def _tables(self) -> Tables:
        return Tables(self.http, self.facts_of, self._base, self._settings.problem_service)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the tables."""
        found = await self._tables.list("sys_db_object", TABLES, TABLE_FIELDS.split(","), MOST_OBJECTS)
        # What may be done with a table is for the instance to say when it is done: no table tells it before.
        named = {text_at(one, "name"): text_at(one, "label") for one in found.records}
        return tuple(ObjectSummary(name, named[name], True, True, True) for name in sorted(named) if name)  # noqa: FBT003

    async def catalogue(self, object: str) -> ObjectFacts:
        """Read the dictionary of a table and its parents; what may not be read of it is an error, never a guess."""
        with explained(object, "object"):
            name = check_name(object.lower() if object.isascii() else object)
        if "." in name:
            raise InvalidArguments(f"{object[:40]!a} is no table; describe lists them", field="object")
        told = await read_dictionary(self._tables.list, name, self._settings.language)
        actions = actions_of(told.chain, problems=bool(self._settings.problem_service))
        facts = replace(object_facts(told, self._settings.data_classes), actions=actions)
        if name == ARTICLES and self._settings.knowledge_search and SEARCHED in facts.fields:
            return replace(facts, searched=(*facts.searched, SEARCHED))
        return facts

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows; every name is known, since an instance would ignore a condition on another."""
        kinds = await self._tables.kinds(query.object, query.select, control=True)
        order = query.order_by if BY_ID in query.order_by else (*query.order_by, BY_ID)
        await self._tables.kinds(query.object, [one.field for one in (*order, *comparisons(query.where))])
        rows, hidden = list[Row](), False
        for groups, keys in sections(groups_of(query.where), order):
            text = text_of(groups, keys, object=query.object)
            found = await self._tables.list(query.object, text, tuple(kinds), query.limit - len(rows))
            rows += [row_of(query.object, one, kinds) for one in found.records]
            hidden |= found.hidden
            if len(rows) >= query.limit:
                break
        return Rows(rows) if hidden else rows

    async def changes(self, query: Query, since: str) -> Changed:
        """Read what changed, as the instance stamps it, and what it audits as deleted."""
        return await changed_since(self._tables, query, since)

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; missing and hidden look the same."""
        kinds = await self._tables.kinds(object, fields, control=True)
        return row_of(object, await self._tables.record(object, id, tuple(kinds)), kinds)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find records that have every word in one of their names; a full-text search would probe hidden fields."""
        rows: list[Row] = []
        words = text.split()[:MOST_WORDS]
        for object, fields in objects.items():
            facts = await self.facts_of(object)
            searched = facts.searched
            if not searched or not words:
                raise InvalidArguments(f"{object} has no name to search; query it by a condition", object=object)
            if searches_text(facts):
                articles = await articles_of(self._tables, " ".join(words), fields, limit - len(rows))
                if articles is not None:
                    rows += articles
                    continue
            each = [AnyOf(tuple(Compare(name, Operator.CONTAINS, word) for name in searched)) for word in words]
            asked = Query(object, tuple(fields), AllOf(tuple(each)), limit=limit - len(rows))
            rows += await self.query(asked) if asked.limit > 0 else ()
        return rows

    async def aggregate(self, aggregate: Aggregate) -> Sequence[Mapping[str, JSON]]:
        """Compute figures; an instance refuses that where a single record may not be read."""
        named = [*aggregate.group_by, *(one.field for one in aggregate.measures if one.field)]
        kinds = await self._tables.kinds(aggregate.object, named)
        await self._tables.kinds(aggregate.object, [one.field for one in comparisons(aggregate.where)])
        params = figure_params(aggregate, text_of(groups_of(aggregate.where), object=aggregate.object))
        return figures_of(
            await self.http.get(self._tables.path("/stats/{}", aggregate.object), params=params), aggregate, kinds
        )

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by POST; with a key the record's own id follows from it, and ids are unique on every instance."""
        facts = await self.facts_of(object)
        sent = sent_of(facts, values)
        if key is not None:
            sent = keyed(object, sent, key, facts)
        answer = await self.http.post(self._tables.path("/table/{}", object), json=sent, params=shown(sent))
        return written(facts, sent, answer, created=True)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by PATCH; an instance compares no versions, so they are read just before."""
        facts = await self.facts_of(object)
        sent = sent_of(facts, values)
        unchanged = partial(self._unchanged, object, id, version)
        guard = await unchanged()
        where = self._tables.path("/table/{}/{}", object, checked_id(id))
        answer = await self.http.patch(where, json=sent, params=shown(sent), unchanged=unchanged)
        return written(facts, sent, answer, guard=guard, id=id)

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        """Find the record by its key, then change or create it; the Table API has no address by key."""
        classed = await self._tables.classed(object)
        found = await self._tables.by_key(object, key, (ID, *classed))
        if found.hidden or len(found.records) > 1:
            raise UpstreamRejected(
                f"several records have this {key.field}, or one that this identity may not see; name one by its id",
                object=object,
                field=key.field,
            )
        if not found.records:
            return await self.create(object, values, key)
        check_class(object, found.records[0])
        id, facts = checked_id(text_at(found.records[0], ID)), await self.facts_of(object)
        sent = sent_of(facts, {name: value for name, value in values.items() if name != key.field})
        where = self._tables.path("/table/{}/{}", object, id)
        return written(facts, sent, await self.http.on(id).patch(where, json=sent, params=shown(sent)), id=id)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete; versions are read just before."""
        unchanged = partial(self._unchanged, object, id, version)
        guard = await unchanged()
        answer = await self.http.delete(self._tables.path("/table/{}/{}", object, checked_id(id)), unchanged=unchanged)
        if answer.status != 204:
            raise UpstreamError(
                "the instance gave an answer to a delete that is not understood", code="unreadable_answer"
            )
        return Written(id, guard=guard)

    async def attach(self, object: str, id: str, file: Upload) -> Written:
        """Put a file on a record."""
        return await attach_file(self._tables, object, id, file)

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        """Read a file of a record."""
        return await download_file(self._tables, object, id, file, into)

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        """Run an action by the instance's own service for it."""
        return await run_action(self._tables, action, Run(object, id, arguments, key))

    async def load(self, load: Load, begun: Begun) -> Loaded:  # noqa: ARG002 there is no job to begin
        """Write many records by batches; an answer that is lost is read back line by line."""
        return await load_lines(self._tables, load)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read back by key or id. Absence proves something only once no transaction can still be running."""
        if pending.load is not None:
            return await read_back(self._tables, pending, pending.load)
        if pending.action:
            return await settle_action(self._tables, pending)
        if pending.verb == "attach":
            return await find_file(self._tables, pending)
        facts = await self.facts_of(pending.object)
        names = tuple(dict.fromkeys((ID, VERSION, *pending.values)))
        if pending.verb == "delete":
            return await self._tables.deleted(pending), Written(pending.id)
        if pending.key is not None:
            found = await self._tables.by_key(pending.object, pending.key, names, either=True)
        elif pending.id:
            found = await self._tables.list(pending.object, by(ID, checked_id(pending.id)), names, 2)
        else:
            return Settlement.CANNOT_TELL, None
        if found.hidden:
            return Settlement.CANNOT_TELL, None
        id = text_at(found.records[0], ID) if found.records else pending.id
        return settle(pending, facts, found.records), Written(id, created=pending.verb == "create")

    async def probe(self) -> Probe:
        """Ask who this identity is, and by which clock it reads times."""
        found = await self._tables.list("sys_user", WHO, (ID, "user_name", "time_zone"), 1)
        if not found.records:
            return Probe(identity="unknown")
        told = found.records[0]
        zone = text_at(told, "time_zone")
        return Probe(identity=text_at(told, "user_name") or text_at(told, ID), facts={"time zone": zone or "default"})

    async def _unchanged(self, object: str, id: str, version: str | None) -> str | None:
        """Compare class and version; return who does. Between this and the write another change is overwritten."""
        classed = await self._tables.classed(object)
        if version is None and not classed:
            return None
        found = await self._tables.record(object, id, (ID, VERSION, *classed))
        check_class(object, found)
        if version is None:
            return None
        if text_at(found, VERSION) != version:
            raise VersionConflict(
                f"{object} {id} changed since version {version}; read it again and decide again", object=object
            )
        return "read"
