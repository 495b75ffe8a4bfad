"""How does isthmus speak to a ServiceNow instance? The Table API, one request per verb where one is enough."""

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from typing import ClassVar

from httpx2 import Request

from isthmus.connectors.servicenow.answers import CLASS, ID, VERSION, record_of, row_of, strange, text_at
from isthmus.connectors.servicenow.bridge import serve
from isthmus.connectors.servicenow.classify import TABLE_FIELDS, TABLES, WHO, classify
from isthmus.connectors.servicenow.clients import client
from isthmus.connectors.servicenow.describe import object_facts
from isthmus.connectors.servicenow.dictionary import METADATA, read_dictionary
from isthmus.connectors.servicenow.encoded import check_name
from isthmus.connectors.servicenow.faults import fault_of, quota_of
from isthmus.connectors.servicenow.figures import figure_params, figures_of
from isthmus.connectors.servicenow.ids import checked_id, id_of_key, is_id
from isthmus.connectors.servicenow.pages import PLAIN, Found, read_list
from isthmus.connectors.servicenow.queries import explained, groups_of, parse_text, sections, text_of
from isthmus.connectors.servicenow.readback import absent, altered, settle
from isthmus.connectors.servicenow.settings import ServiceNowSettings
from isthmus.connectors.servicenow.values import wire
from isthmus.core.connector import (
    Calls,
    Connector,
    ConnectorSettings,
    Fault,
    FieldFacts,
    FieldType,
    Key,
    ObjectFacts,
    ObjectSummary,
    Pending,
    Probe,
    QuotaReading,
    Settlement,
    Written,
)
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Path, Response, path
from isthmus.core.operation import RequestClass
from isthmus.core.records import (
    JSON,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Operator,
    Order,
    Query,
    Row,
    Rows,
    comparisons,
)

__all__ = ["ServiceNow"]

MOST_OBJECTS = 20_000
MOST_WORDS = 10
DELETED = "sys_audit_delete"
BY_ID = Order(ID)


class ServiceNow(Connector):
    """Read and write the records of one instance over the Table API."""

    settings: ClassVar[type[ConnectorSettings]] = ServiceNowSettings
    kind: ClassVar[str] = "servicenow"
    clients = {"pysnc": client}  # noqa: RUF012 typed by the contract
    metadata_objects: ClassVar[frozenset[str]] = METADATA | {DELETED}
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

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the tables."""
        found = await self._list("sys_db_object", TABLES, TABLE_FIELDS.split(","), MOST_OBJECTS)
        # What may be done with a table is for the instance to say when it is done: no table tells it before.
        named = {text_at(one, "name"): text_at(one, "label") for one in found.records}
        return tuple(ObjectSummary(name, named[name], True, True, True) for name in sorted(named) if name)  # noqa: FBT003

    async def catalogue(self, object: str) -> ObjectFacts:
        """Read the dictionary of a table and its parents; what may not be read of it is an error, never a guess."""
        with explained(object, "object"):
            name = check_name(object.lower() if object.isascii() else object)
        if "." in name:
            raise InvalidArguments(f"{object[:40]!a} is no table; describe lists them", field="object")
        told = await read_dictionary(self._list, name, self._settings.language)
        return object_facts(told, self._settings.data_classes)

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows; every name is known, since an instance would ignore a condition on another."""
        kinds = await self._kinds(query.object, query.select, control=True)
        order = query.order_by if BY_ID in query.order_by else (*query.order_by, BY_ID)
        await self._kinds(query.object, [one.field for one in (*order, *comparisons(query.where))])
        rows, hidden = list[Row](), False
        for groups, keys in sections(groups_of(query.where), order):
            text = text_of(groups, keys, object=query.object)
            found = await self._list(query.object, text, tuple(kinds), query.limit - len(rows))
            rows += [row_of(query.object, one, kinds) for one in found.records]
            hidden |= found.hidden
            if len(rows) >= query.limit:
                break
        return Rows(rows) if hidden else rows

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record; missing and hidden look the same."""
        kinds = await self._kinds(object, fields, control=True)
        return row_of(object, await self._record(object, id, tuple(kinds)), kinds)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Find records that have every word in one of their names; a full-text search would probe hidden fields."""
        rows: list[Row] = []
        words = text.split()[:MOST_WORDS]
        for object, fields in objects.items():
            searched = (await self.facts_of(object)).searched
            if not searched or not words:
                raise InvalidArguments(f"{object} has no name to search; query it by a condition", object=object)
            each = [AnyOf(tuple(Compare(name, Operator.CONTAINS, word) for name in searched)) for word in words]
            asked = Query(object, tuple(fields), AllOf(tuple(each)), limit=limit - len(rows))
            rows += await self.query(asked) if asked.limit > 0 else ()
        return rows

    async def aggregate(self, aggregate: Aggregate) -> Sequence[Mapping[str, JSON]]:
        """Compute figures; an instance refuses that where a single record may not be read."""
        named = [*aggregate.group_by, *(one.field for one in aggregate.measures if one.field)]
        kinds = await self._kinds(aggregate.object, named)
        await self._kinds(aggregate.object, [one.field for one in comparisons(aggregate.where)])
        params = figure_params(aggregate, text_of(groups_of(aggregate.where), object=aggregate.object))
        return figures_of(
            await self.http.get(self._path("/stats/{}", aggregate.object), params=params), aggregate, kinds
        )

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by POST; with a key the record's own id follows from it, and ids are unique on every instance."""
        facts = await self.facts_of(object)
        sent = _sent(facts, values)
        if key is not None:
            sent = _keyed(object, sent, key, facts)
        answer = await self.http.post(self._path("/table/{}", object), json=sent, params=_shown(sent))
        return self._written(facts, sent, answer, created=True)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by PATCH; an instance compares no versions, so they are read just before."""
        facts = await self.facts_of(object)
        sent = _sent(facts, values)
        unchanged = partial(self._unchanged, object, id, version)
        guard = await unchanged()
        where = self._path("/table/{}/{}", object, checked_id(id))
        answer = await self.http.patch(where, json=sent, params=_shown(sent), unchanged=unchanged)
        return self._written(facts, sent, answer, guard=guard, id=id)

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        """Find the record by its key, then change or create it; the Table API has no address by key."""
        classed = await self._classed(object)
        found = await self._by_key(object, key, (ID, *classed))
        if found.hidden or len(found.records) > 1:
            raise UpstreamRejected(
                f"several records have this {key.field}, or one that this identity may not see; name one by its id",
                object=object,
                field=key.field,
            )
        if not found.records:
            return await self.create(object, values, key)
        self._check_class(object, found.records[0], classed)
        id, facts = checked_id(text_at(found.records[0], ID)), await self.facts_of(object)
        sent = _sent(facts, {name: value for name, value in values.items() if name != key.field})
        where = self._path("/table/{}/{}", object, id)
        return self._written(facts, sent, await self.http.on(id).patch(where, json=sent, params=_shown(sent)), id=id)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete; versions are read just before."""
        unchanged = partial(self._unchanged, object, id, version)
        guard = await unchanged()
        answer = await self.http.delete(self._path("/table/{}/{}", object, checked_id(id)), unchanged=unchanged)
        if answer.status != 204:
            raise UpstreamError(
                "the instance gave an answer to a delete that is not understood", code="unreadable_answer"
            )
        return Written(id, guard=guard)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | None]:
        """Read back by key or id. Absence proves something only once no transaction can still be running."""
        facts = await self.facts_of(pending.object)
        names = tuple(dict.fromkeys((ID, VERSION, *pending.values)))
        if pending.verb == "delete":
            return await self._deleted(pending), Written(pending.id)
        if pending.key is not None:
            found = await self._by_key(pending.object, pending.key, names, either=True)
        elif pending.id:
            found = await self._list(pending.object, _by(ID, checked_id(pending.id)), names, 2)
        else:
            return Settlement.CANNOT_TELL, None
        if found.hidden:
            return Settlement.CANNOT_TELL, None
        id = text_at(found.records[0], ID) if found.records else pending.id
        return settle(pending, facts, found.records), Written(id, created=pending.verb == "create")

    async def probe(self) -> Probe:
        """Ask who this identity is, and by which clock it reads times."""
        found = await self._list("sys_user", WHO, (ID, "user_name", "time_zone"), 1)
        if not found.records:
            return Probe(identity="unknown")
        told = found.records[0]
        zone = text_at(told, "time_zone")
        return Probe(identity=text_at(told, "user_name") or text_at(told, ID), facts={"time zone": zone or "default"})

    async def _list(self, table: str, text: str, fields: Sequence[str], limit: int) -> Found:
        return await read_list(self.http, self._path("/table/{}", table), text, fields, limit)

    async def _record(self, object: str, id: str, fields: Sequence[str]) -> Mapping[str, JSON]:
        params = {"sysparm_fields": ",".join(fields), **PLAIN}
        where = self._path("/table/{}/{}", object, checked_id(id))
        found = record_of(await self.http.get(where, params=params))
        if text_at(found, ID).lower() != id.lower():
            raise strange()
        return found

    async def _kinds(self, object: str, paths: Iterable[str], *, control: bool = False) -> dict[str, FieldType]:
        """Look every path up, and id and version where they are read along; raises InvalidArguments for no field."""
        root, found = await self.facts_of(object), dict[str, FieldType]()
        own = (ID, *([VERSION] if root.version_field else [])) if control else ()
        for name in dict.fromkeys((*own, *paths)):
            facts = root
            *hops, last = name.split(".")
            for hop in hops:
                relation = facts.relation(hop)
                if relation is None or not relation.references:
                    raise InvalidArguments(f"{facts.name} has no reference {hop[:80]!a}", object=object, field=name)
                facts = await self.facts_of(relation.references[0])
            found[name] = facts.field(last).type
        return found

    async def _by_key(self, object: str, key: Key, fields: Sequence[str], *, either: bool = False) -> Found:
        """Look for the key in its field; with `either` for the record whose id follows from it as well."""
        field = (await self.facts_of(object)).field(key.field)
        value, derived = _key_value(key, field), id_of_key(object, field.name, key.value)
        if field.name == ID:
            value = value if is_id(value) else derived
        where: Condition = Compare(field.name, Operator.EQ, value)
        if either and field.name != ID:
            where = AnyOf((where, Compare(ID, Operator.EQ, derived)))
        return await self._list(object, text_of(groups_of(where), (BY_ID,)), fields, 2)

    async def _unchanged(self, object: str, id: str, version: str | None) -> str | None:
        """Compare class and version; return who does. Between this and the write another change is overwritten."""
        classed = await self._classed(object)
        if version is None and not classed:
            return None
        found = await self._record(object, id, (ID, VERSION, *classed))
        self._check_class(object, found, classed)
        if version is None:
            return None
        if text_at(found, VERSION) != version:
            raise VersionConflict(
                f"{object} {id} changed since version {version}; read it again and decide again", object=object
            )
        return "read"

    async def _classed(self, object: str) -> Sequence[str]:
        """Name the field that tells in which table a record lies, where there may be several."""
        return (CLASS,) if CLASS in (await self.facts_of(object)).fields else ()

    def _check_class(self, object: str, found: Mapping[str, JSON], classed: Sequence[str]) -> None:
        """Refuse to write a record through a table above its own: it was judged under another name."""
        if classed and text_at(found, CLASS) != object:
            told = text_at(found, CLASS)[:80] or "another table"
            raise InvalidArguments(f"this record of {object} lies in {told!a}; write it by that name", object=object)

    async def _deleted(self, pending: Pending) -> Settlement:
        """Judge a delete: a live record rules it out, and of a missing one only the record of deletions tells."""
        live = await self._list(pending.object, _by(ID, checked_id(pending.id)), (ID,), 1)
        if live.records:
            return absent(pending)
        try:
            told = await self._list(DELETED, _by("documentkey", pending.id), (ID, "documentkey", "tablename"), 1)
        except UpstreamRejected:
            return Settlement.CANNOT_TELL
        return Settlement.HAPPENED if told.records else Settlement.CANNOT_TELL

    def _written(
        self, facts: ObjectFacts, sent: Mapping[str, str], answer: Response, *, created: bool = False,
        guard: str | None = None, id: str = "",
    ) -> Written:  # fmt: skip
        """Read the record that a write answers with, and tell in what it differs from what was sent."""
        stored = record_of(answer)
        told = text_at(stored, ID)
        if not is_id(told) or (id and told.lower() != id.lower()) or (answer.status == 201) is not created:
            raise UpstreamError("the instance did not say what it wrote", code="unreadable_answer")
        changed = altered(facts, sent, stored)
        return Written(told, created, text_at(stored, VERSION) or None, guard, changed)

    def _path(self, template: str, *parts: str) -> Path:
        return path(self._base + template, *parts)


def _by(field: str, value: str) -> str:
    return text_of(groups_of(Compare(field, Operator.EQ, value)), (BY_ID,))


def _shown(sent: Mapping[str, str]) -> Mapping[str, str]:
    """Ask for the record as it is after the write: what was written, and its version."""
    names = dict.fromkeys((ID, VERSION, *sent))
    return {"sysparm_fields": ",".join(names), **PLAIN, "sysparm_input_display_value": "false"}


def _key_value(key: Key, field: FieldFacts) -> str:
    if not key.value.strip():
        raise InvalidArguments(f"the key in {field.name} is empty; use another key", field=field.name)
    return wire(key.value, field)


def _keyed(object: str, sent: Mapping[str, str], key: Key, facts: ObjectFacts) -> dict[str, str]:
    """Put the key into its field, and choose the record's id by it."""
    field = facts.field(key.field)
    value = _key_value(key, field)
    if field.name == ID and is_id(value):
        return {**sent, ID: value}
    own = {} if field.name == ID else {field.name: value}
    return {**sent, **own, ID: id_of_key(object, field.name, key.value)}


def _sent(facts: ObjectFacts, values: Mapping[str, JSON]) -> dict[str, str]:
    """Write values as they are stored; a field that the dictionary lacks would be dropped without a word."""
    return {facts.field(name).name: wire(value, facts.field(name)) for name, value in values.items()}
