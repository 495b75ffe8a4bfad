"""How does isthmus speak to a Salesforce org? REST, one request per verb, nothing that policy has not judged."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import BinaryIO, ClassVar

from httpx2 import Request

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.answers import done, found_row, new_id, nodes_of, object_of, strange
from isthmus.connectors.salesforce.approvals import APPROVAL_OBJECTS, Approvals, approval_actions
from isthmus.connectors.salesforce.bridge import serve
from isthmus.connectors.salesforce.bulk import export, load_lines, read_back
from isthmus.connectors.salesforce.changes import changes
from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.clients import client
from isthmus.connectors.salesforce.describe import (
    Classification,
    classification_text,
    classifications,
    object_facts,
    object_summaries,
)
from isthmus.connectors.salesforce.faults import fault_of, quota_of
from isthmus.connectors.salesforce.files import FILE_OBJECTS, Files
from isthmus.connectors.salesforce.ids import checked_id, full_id
from isthmus.connectors.salesforce.organisation import ORGANISATION, probe_of
from isthmus.connectors.salesforce.queries import (
    aggregate_text,
    flat_row,
    parse_text,
    query_text,
    search_term,
)
from isthmus.connectors.salesforce.readback import MERGED, altered, settle, settle_delete
from isthmus.connectors.salesforce.reader import Reader
from isthmus.connectors.salesforce.settings import SalesforceSettings
from isthmus.connectors.salesforce.tree import Tree, has_below, own_values
from isthmus.connectors.salesforce.values import flat_values, key_text
from isthmus.core.connector import (
    Action,
    Calls,
    Connector,
    ConnectorSettings,
    Fault,
    FileFacts,
    Invoked,
    Key,
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
from isthmus.core.errors import (
    InvalidArguments,
    NotFound,
    Refused,
    UpstreamError,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.http import QueryString, Response, query_string
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Aggregate, Compare, Operator, Query, Row
from isthmus.core.streams import Batch, Begun, Changed, Load, Loaded

__all__ = ["Salesforce"]


class Salesforce(Connector):
    """Read and write the records of one org over REST."""

    settings: ClassVar[type[ConnectorSettings]] = SalesforceSettings
    kind: ClassVar[str] = "salesforce"
    clients = {"salesforce": client}  # noqa: RUF012 typed by the contract
    metadata_objects: ClassVar[frozenset[str]] = frozenset({"FieldDefinition", "Organization"})
    file_objects: ClassVar[frozenset[str]] = FILE_OBJECTS
    action_objects: ClassVar[frozenset[str]] = APPROVAL_OBJECTS

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, SalesforceSettings):
            raise TypeError(f"connection {name!r} needs SalesforceSettings")
        self._reads_back = settings.read_back
        self._base = f"/services/data/v{settings.api_version}"
        self._for_others = settings.approve_for_others

    @property
    def _org(self) -> Reader:
        return Reader(self.http, self._base)

    def classify(self, request: Request) -> Sequence[RequestClass]:
        """Tell what each part of a request would do."""
        return classify(request)

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer."""
        return fault_of(response)

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        """Read the daily usage that nearly every answer reports."""
        return quota_of(response)

    def parse(self, text: str) -> Query | Aggregate:
        """Parse SOQL; raises InvalidArguments saying where and what to do."""
        return parse_text(text)

    async def serve(self, request: Request, calls: Calls) -> Response:
        """Answer a request of a Salesforce SDK by governed calls."""
        return await serve(request, calls)

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the queryable objects."""
        listed = object_of(await self._org.get(self._org.path("/sobjects")))
        nodes_of(listed.get("sobjects"))
        return object_summaries(listed)

    async def catalogue(self, object: str) -> ObjectFacts:
        """Read describe, and FieldDefinition and the approval processes where this identity may."""
        try:
            soql.check_name(object)
        except soql.SoqlError as error:
            raise InvalidArguments(str(error), field="object") from error
        described = object_of(await self._org.get(self._org.path("/sobjects/{}/describe", object)))
        name = described.get("name")
        if not isinstance(name, str) or name.casefold() != object.casefold() or not nodes_of(described.get("fields")):
            raise strange()
        facts = object_facts(described, await self._classified(name))
        return replace(facts, actions=await self._actions(name)) if facts.updateable else facts

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows, following the org's own pages inside the pinned origin."""
        return await self._org.rows(query_text(query), query)

    async def export(self, query: Query, at: str) -> Batch:
        """Read all records by ordinary queries where they are few, and by a bulk job beyond that."""
        return await export(self._org, self.facts_of, query, at)

    async def changes(self, query: Query, since: str) -> Changed:
        """Read what changed in the order of its stamps, the deleted ones included."""
        return await changes(self._org, self.facts_of, query, since)

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record with its related fields."""
        wanted, asked = _asked_of_row(tuple(fields))
        if asked is None:
            rows = await self.query(Query(object, wanted, Compare("Id", Operator.EQ, checked_id(id)), limit=1))
            if not rows:
                raise NotFound(f"there is no {object} {id!r}, or this identity may not see it", object=object)
            return rows[0]
        where = self._org.path("/sobjects/{}/{}", object, checked_id(id))
        row = flat_row(object, object_of(await self._org.get(where, asked)), wanted)
        if row.id[:15] != id[:15]:
            raise strange()
        return row

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Search the names of the objects given by words; a search of all fields would probe what nobody may see."""
        rows: list[Row] = []
        for object, fields in objects.items():
            wanted = tuple(dict.fromkeys(["Id", *fields]))
            told = {"q": search_term(text), "in": "NAME", "sobject": object, f"{object}.fields": ",".join(wanted)}
            answer = await self._org.get(self._org.path("/parameterizedSearch"), told | {f"{object}.limit": str(limit)})
            rows += [flat_row(object, raw, wanted) for raw in nodes_of(object_of(answer).get("searchRecords"))]
        return rows[:limit]

    async def aggregate(self, aggregate: Aggregate) -> Sequence[Mapping[str, JSON]]:
        """Compute figures; an empty result of an ungrouped count is still one row, a missing group value is null."""
        names = {f"g{at}": group for at, group in enumerate(aggregate.group_by)}
        names |= {f"m{at}": measure.name for at, measure in enumerate(aggregate.measures)}
        found = await self._org.records(aggregate_text(aggregate), aggregate.limit)
        return [{name: raw.get(key) for key, name in names.items()} for raw in found]

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by POST; the key field is unique in the org, so a second create with it is refused there."""
        if has_below(values):
            tree = Tree(self.facts_of)
            body = await tree.body(object, values, key)
            return tree.written(await self.http.post(self._org.path("/composite/tree/{}", object), json=body))
        body = flat_values(values) | ({key.field: key_text(key)} if key else {})
        answer = await self.http.post(self._org.path("/sobjects/{}", object), json=body)
        return await self._told(Written(new_id(answer), created=True), object, values)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by PATCH; the server compares versions on Account only, elsewhere they are read just before."""
        guard, headers = await self._same_version(object, id, version)
        where = self._org.path("/sobjects/{}/{}", object, checked_id(id))
        unchanged = partial(self._same_version, object, id, version)
        done(await self.http.patch(where, json=flat_values(values), headers=headers, unchanged=unchanged))
        return await self._told(Written(full_id(id), guard=guard), object, values, id)

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        """Create or change by PATCH on the key field."""
        where = self._org.path("/sobjects/{}/{}/{}", object, key.field, key_text(key))
        others = {name: value for name, value in values.items() if name != key.field}
        answer = await self.http.patch(where, json=flat_values(others))
        if answer.status == 204:
            row = await self._by_key(object, key, ("Id",))
            return await self._told(Written(row.id if row else "", created=False), object, others)
        written = Written(new_id(answer), created=object_of(answer).get("created") is True)
        return await self._told(written, object, others)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete; the vendor compares no version on DELETE, so it is read just before."""
        guard, _ = await self._same_version(object, id, version)
        where = self._org.path("/sobjects/{}/{}", object, checked_id(id))
        done(await self.http.delete(where, unchanged=partial(self._same_version, object, id, version)))
        return Written(full_id(id), guard="read" if guard else None)

    async def load(self, load: Load, begun: Begun) -> Loaded | None:
        """Write up to 200 records by one request, more by a bulk job."""
        return await load_lines(self._org, load, begun)

    async def attach(self, object: str, id: str, file: Upload) -> Written:
        """Send a file as a ContentVersion that is first published on the record."""
        return await self._files(object).attach(id, file)

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        """Fetch a file of the record by the id of a ContentVersion, a ContentDocument or an Attachment."""
        return await self._files(object).download(id, file, into)

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        """Submit a record for approval, approve or reject it."""
        return await self._approvals(object).run(action, id, arguments, key)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        """Read back by key, id, job or mark. Absence proves something only once no transaction can still be running."""
        if pending.load is not None:
            return await read_back(self._org, pending, pending.load)
        if pending.verb == "attach":
            return await self._files(pending.object).reconcile(pending)
        if pending.verb == "invoke":
            return await self._approvals(pending.object).reconcile(pending)
        if pending.verb == "delete":
            return await self._deleted(pending), Written(full_id(pending.id))
        if has_below(pending.values):
            # All of a tree is there, or nothing: what it is found by is its first record.
            pending = replace(pending, values=own_values(pending.values))
        if pending.key is not None:
            row = await self._by_key(pending.object, pending.key, ("Id", *pending.values))
        elif pending.id:
            row = await self._by_id(pending)
        else:
            return Settlement.CANNOT_TELL, None
        written = Written(row.id if row else full_id(pending.id), created=pending.verb == "create")
        return settle(pending, row), written

    async def probe(self) -> Probe:
        """Ask who this identity is, which organisation it is in and what quota is left."""
        told = object_of(await self._org.get(self._org.path(""))).get("identity")
        return probe_of(told, await self._rows(ORGANISATION), object_of(await self._org.get(self._org.path("/limits"))))

    def _files(self, object: str) -> Files:
        return Files(self.http, self._base, self._rows, object, self.http.scope.correlation_id)

    def _approvals(self, object: str) -> Approvals:
        return Approvals(self.http, self._base, self._rows, object, self._for_others)

    async def _actions(self, object: str) -> tuple[Action, ...]:
        """Read which approval processes an object has; an identity that may not see them submits nothing."""
        try:
            return approval_actions((await self._org.get(self._org.path("/process/approvals"))).json(), object)
        except (UpstreamRejected, NotFound):
            return ()

    async def _rows(self, query: Query, resource: str = "/query") -> Sequence[Row]:
        return await self._org.rows(query_text(query), query, resource)

    async def _classified(self, object: str) -> Mapping[str, Classification]:
        """Read the org's own classification; an identity that may not see it gets none, which narrows."""
        try:
            return classifications(await self._org.records(classification_text(object), 2000))
        except (UpstreamRejected, NotFound):
            return {}

    async def _row(self, object: str, id: str, fields: Sequence[str], passing: tuple[int, ...] = ()) -> Response:
        where = self._org.path("/sobjects/{}/{}", object, checked_id(id))
        return await self._org.get(where, {"fields": ",".join(fields)}, passing)

    async def _by_key(self, object: str, key: Key, fields: Sequence[str]) -> Row | None:
        wanted = tuple(dict.fromkeys(fields))
        where = self._org.path("/sobjects/{}/{}/{}", object, key.field, key_text(key))
        answer = await self._org.get(where, {"fields": ",".join(wanted)}, passing=(404,))
        return found_row(object, answer, wanted)

    async def _by_id(self, pending: Pending) -> Row | None:
        version = ("SystemModstamp",) if pending.version is not None else ()
        wanted = tuple(dict.fromkeys(["Id", *version, *pending.values]))
        answer = await self._row(pending.object, pending.id, wanted, passing=(404,))
        return found_row(pending.object, answer, wanted)

    async def _told(self, written: Written, object: str, values: Mapping[str, JSON], id: str = "") -> Written:
        """Add what the org stored otherwise, where that is wanted; what was written stays written if reading fails."""
        if not self._reads_back or not written.id or not values:
            return written
        try:
            answer = await self._row(object, id or written.id, tuple(values))
            return replace(written, altered=altered(values, flat_row(object, object_of(answer), tuple(values))))
        except (UpstreamError, Refused):
            return written

    async def _deleted(self, pending: Pending) -> Settlement:
        """Look among all rows: a row that is not found by `get` may be hidden, and only a deleted one says so."""
        names = ["Id", "IsDeleted", *(["SystemModstamp"] if pending.version is not None else [])]
        names += ["MasterRecordId"] if pending.object in MERGED else []
        select = soql.Select(
            items=tuple(soql.FieldRef((name,)) for name in names),
            object=pending.object,
            where=soql.Comparison(soql.FieldRef(("Id",)), "=", soql.Text(checked_id(pending.id))),
        )
        return settle_delete(pending, list(await self._org.records(soql.render(select), 1, "/queryAll")))

    async def _same_version(self, object: str, id: str, version: str | None) -> tuple[str | None, dict[str, str]]:
        """Compare versions; return who guards the write from here on, and the header that makes the server do it.

        `If-Match` works on Account rows and not on DELETE (REST API guide, "Conditional Request Headers").
        """
        if version is None:
            return None, {}
        fields = ("Id", "SystemModstamp")
        answer = await self._row(object, id, fields)
        if flat_row(object, object_of(answer), fields).version != version:
            raise VersionConflict(
                f"{object} {id} changed since version {version}; read it again and decide again", object=object
            )
        tag = answer.headers.get("etag")
        return ("server", {"If-Match": tag}) if object == "Account" and tag else ("read", {})


@lru_cache(maxsize=1_024)
def _asked_of_row(fields: tuple[str, ...]) -> tuple[tuple[str, ...], QueryString | None]:
    """Return what to read of a row by its id, and how to ask for it; None where a related field takes a query."""
    wanted = tuple(dict.fromkeys(["Id", *fields]))
    return wanted, None if "." in "".join(wanted) else query_string({"fields": ",".join(wanted)})
