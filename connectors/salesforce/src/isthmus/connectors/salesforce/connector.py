"""How does isthmus speak to a Salesforce org? REST, one request per verb, nothing that policy has not judged."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from typing import ClassVar
from urllib.parse import quote

from httpx2 import Request

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.describe import Classification, object_facts, object_summaries
from isthmus.connectors.salesforce.faults import fault_of, quota_of
from isthmus.connectors.salesforce.queries import aggregate_select, flat_row, parse_text, query_select
from isthmus.connectors.salesforce.settings import SalesforceSettings
from isthmus.core.connector import (
    Connector,
    ConnectorSettings,
    Fault,
    Key,
    ObjectFacts,
    ObjectSummary,
    Pending,
    Probe,
    QuotaReading,
    Settlement,
    Written,
)
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Path, Response, path
from isthmus.core.operation import RequestClass
from isthmus.core.records import JSON, Aggregate, Compare, Operator, Query, Row

__all__ = ["Salesforce"]

LONGEST_TRANSACTION = 600.0
"""Seconds after which a write that is not there will not appear any more (the vendor ends transactions at 10 min)."""
LONGEST_URI = 16_000


class Salesforce(Connector):
    """Read and write the records of one org over REST."""

    settings: ClassVar[type[ConnectorSettings]] = SalesforceSettings
    kind: ClassVar[str] = "salesforce"
    metadata_objects: ClassVar[frozenset[str]] = frozenset({"FieldDefinition"})

    def __init__(self, name: str, settings: ConnectorSettings) -> None:
        super().__init__(name, settings)
        if not isinstance(settings, SalesforceSettings):
            raise TypeError(f"connection {name!r} needs SalesforceSettings")
        self._base = f"/services/data/v{settings.api_version}"

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

    async def objects(self) -> Sequence[ObjectSummary]:
        """List the queryable objects."""
        return object_summaries(_object(await self.http.get(self._path("/sobjects"))))

    async def catalogue(self, object: str) -> ObjectFacts:
        """Read describe, and FieldDefinition where this identity may."""
        described = _object(await self.http.get(self._path("/sobjects/{}/describe", object)))
        name = described.get("name")
        return object_facts(described, await self._classified(name if isinstance(name, str) else object))

    async def query(self, query: Query) -> Sequence[Row]:
        """Read up to `limit` rows, following the org's own pages inside the pinned origin."""
        found = self._records(soql.render(query_select(query)), query.limit)
        rows = [flat_row(query.object, raw, query.select) async for raw in found]
        if len({row.id for row in rows if row.id}) < sum(1 for row in rows if row.id):
            raise _cyclic()
        return rows

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        """Read one record with its related fields."""
        wanted = tuple(dict.fromkeys(["Id", "SystemModstamp", *fields]))
        plain = [one for one in wanted if "." not in one]
        if len(plain) == len(wanted):
            answer = await self.http.get(
                self._path("/sobjects/{}/{}", object, _id(id)), params={"fields": ",".join(plain)}
            )
            return flat_row(object, _object(answer), wanted)
        return await self._get_by_query(object, id, wanted)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        """Search by words over the objects named."""
        rows: list[Row] = []
        for object, fields in objects.items():
            wanted = tuple(dict.fromkeys(["Id", *fields]))
            answer = await self.http.get(
                self._path("/parameterizedSearch"),
                params={
                    "q": soql.escape_search_term(text),
                    "sobject": object,
                    f"{object}.fields": ",".join(wanted),
                    f"{object}.limit": str(limit),
                },
            )
            found = _object(answer).get("searchRecords")
            rows += [flat_row(object, raw, wanted) for raw in _nodes(found)]
        return rows[:limit]

    async def aggregate(self, aggregate: Aggregate) -> Sequence[Mapping[str, JSON]]:
        """Compute figures; an empty result of an ungrouped count is still one row."""
        names = {f"g{at}": group for at, group in enumerate(aggregate.group_by)}
        names |= {f"m{at}": measure.name for at, measure in enumerate(aggregate.measures)}
        found = self._records(soql.render(aggregate_select(aggregate)), aggregate.limit)
        return [{names[key]: value for key, value in raw.items() if key in names} async for raw in found]

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        """Create by POST; the key field is unique in the org, so a second create with it is refused there."""
        body = dict(values) | ({key.field: key.value} if key else {})
        answer = await self.http.post(self._path("/sobjects/{}", object), json=body)
        return Written(_new_id(answer), created=True)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        """Change by PATCH; the server compares versions on Account only, elsewhere they are read just before."""
        guard, headers = await self._same_version(object, id, version)
        await self.http.patch(self._path("/sobjects/{}/{}", object, _id(id)), json=dict(values), headers=headers)
        return Written(id, guard=guard)

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        """Create or change by PATCH on the key field."""
        where = self._path("/sobjects/{}/{}/{}", object, key.field, key.value)
        answer = await self.http.patch(where, json={name: value for name, value in values.items() if name != key.field})
        if answer.status == 204:
            row = await self._by_key(object, key, ("Id",))
            return Written(row.id if row else "", created=False)
        return Written(_new_id(answer), created=_object(answer).get("created") is True)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        """Delete; the vendor compares no version on DELETE, so it is read just before."""
        guard, _ = await self._same_version(object, id, version)
        await self.http.delete(self._path("/sobjects/{}/{}", object, _id(id)))
        return Written(id, guard="read" if guard else None)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | None]:
        """Read back by key or id. Absence proves something only once no transaction can still be running."""
        if pending.key is not None:
            wanted = ("Id", "SystemModstamp", *pending.values)
            row = await self._by_key(pending.object, pending.key, wanted)
        elif pending.id:
            row = await self._maybe(pending.object, pending.id, tuple(pending.values))
        else:
            return Settlement.CANNOT_TELL, None
        settled = _settle(pending, row)
        return settled, Written(row.id if row else pending.id, created=pending.verb == "create")

    async def probe(self) -> Probe:
        """Ask who this identity is, where the org runs and what quota is left."""
        select = soql.parse("SELECT Id, InstanceName, IsSandbox, OrganizationType FROM Organization")
        found = [raw async for raw in self._records(soql.render(select), 1)]
        limits = _object(await self.http.get(self._path("/limits"))).get("DailyApiRequests")
        facts = {key: str(value) for key, value in (found[0] if found else {}).items() if key != "attributes"}
        quotas: tuple[QuotaReading, ...] = ()
        if isinstance(limits, Mapping):
            most, left = limits.get("Max"), limits.get("Remaining")
            if isinstance(most, int) and isinstance(left, int):
                quotas = (QuotaReading(limit=most, remaining=left, window=86_400.0),)
        return Probe(identity=facts.get("Id", "unknown"), facts=facts, quotas=quotas)

    async def _classified(self, object: str) -> Mapping[str, Classification]:
        """Read the org's own classification; an identity that may not see it gets none, which narrows."""
        entity = soql.FieldRef(("EntityDefinition", "QualifiedApiName"))
        select = soql.Select(
            items=tuple(
                soql.FieldRef((name,)) for name in ("QualifiedApiName", "SecurityClassification", "ComplianceGroup")
            ),
            object="FieldDefinition",
            where=soql.Comparison(entity, "=", soql.Text(object)),
        )
        try:
            found = [raw async for raw in self._records(soql.render(select), 2000)]
        except UpstreamRejected:
            return {}
        return {
            str(raw.get("QualifiedApiName")): Classification(
                str(raw.get("SecurityClassification") or ""),
                tuple(group for group in str(raw.get("ComplianceGroup") or "").split(";") if group),
            )
            for raw in found
        }

    async def _records(self, text: str, limit: int) -> AsyncIterator[Mapping[str, JSON]]:
        if len(quote(text)) > LONGEST_URI:
            raise InvalidArguments("the query is too long for one request; name fewer fields or values")
        answer, followed = await self.http.get(self._path("/query"), params={"q": text}), set[str]()
        while True:
            page = _object(answer)
            for raw in _nodes(page.get("records")):
                if limit <= 0:
                    return
                limit -= 1
                yield raw
            following = page.get("nextRecordsUrl")
            if limit <= 0 or page.get("done") is not False or not isinstance(following, str):
                return
            if following in followed:
                raise _cyclic()
            followed.add(following)
            answer = await self.http.follow(following)

    async def _get_by_query(self, object: str, id: str, wanted: Sequence[str]) -> Row:

        rows = await self.query(Query(object, tuple(wanted), Compare("Id", Operator.EQ, _id(id)), limit=1))
        if not rows:
            raise NotFound(f"there is no {object} {id!r}, or this identity may not see it", object=object)
        return rows[0]

    async def _by_key(self, object: str, key: Key, fields: Sequence[str]) -> Row | None:
        wanted = tuple(dict.fromkeys(fields))
        answer = await self.http.get(
            self._path("/sobjects/{}/{}/{}", object, key.field, key.value),
            params={"fields": ",".join(wanted)},
            passing=(404,),
        )
        return flat_row(object, _object(answer), wanted) if answer.status == 200 else None

    async def _maybe(self, object: str, id: str, fields: Sequence[str]) -> Row | None:
        wanted = tuple(dict.fromkeys(["Id", "SystemModstamp", *fields]))
        answer = await self.http.get(
            self._path("/sobjects/{}/{}", object, _id(id)),
            params={"fields": ",".join(wanted)},
            passing=(404,),
        )
        return flat_row(object, _object(answer), wanted) if answer.status == 200 else None

    async def _same_version(self, object: str, id: str, version: str | None) -> tuple[str | None, dict[str, str]]:
        """Compare versions; return who guards the write from here on, and the header that makes the server do it.

        `If-Match` works on Account rows and not on DELETE (REST API guide, "Conditional Request Headers").
        """
        if version is None:
            return None, {}
        fields = ("Id", "SystemModstamp")
        answer = await self.http.get(
            self._path("/sobjects/{}/{}", object, _id(id)), params={"fields": ",".join(fields)}
        )
        if flat_row(object, _object(answer), fields).version != version:
            raise VersionConflict(
                f"{object} {id} changed since version {version}; read it again and decide again", object=object
            )
        tag = answer.headers.get("etag")
        return ("server", {"If-Match": tag}) if object == "Account" and tag else ("read", {})

    def _path(self, template: str, *parts: str) -> Path:
        return path(self._base + template, *parts)


def _cyclic() -> UpstreamError:
    return UpstreamError(
        "the org's pages lead in a circle, so the answer was not used; repeat the query with a smaller limit",
        code="cyclic_pages",
    )


def _settle(pending: Pending, row: Row | None) -> Settlement:
    late = pending.age > LONGEST_TRANSACTION
    absent = Settlement.NOT_HAPPENED if late else Settlement.CANNOT_TELL
    match pending.verb:
        case "create":
            return Settlement.HAPPENED if row else absent
        case "delete":
            return absent if row else Settlement.HAPPENED
        case _:
            if row is None:
                return absent if pending.verb == "upsert" else Settlement.CANNOT_TELL
            same = all(row.fields.get(name) == value for name, value in pending.values.items())
            if row.version != pending.version:
                return Settlement.HAPPENED if same else Settlement.CANNOT_TELL
            # Versions count seconds: a change within the same one leaves only the values to tell it by.
            return Settlement.CANNOT_TELL if same else absent


def _id(id: str) -> str:
    if not (id.isascii() and id.isalnum() and len(id) in (15, 18)):
        raise InvalidArguments(f"{id[:40]!r} is no Salesforce id; use one that an answer gave", field="id")
    return id


def _new_id(answer: Response) -> str:
    found = _object(answer).get("id")
    if not isinstance(found, str):
        raise UpstreamError("the org accepted the write but gave no id")
    return found


def _object(answer: Response) -> Mapping[str, JSON]:
    body = answer.json()
    if not isinstance(body, Mapping):
        raise UpstreamError("the org answered with JSON of another shape than documented")
    return body


def _nodes(found: JSON) -> list[Mapping[str, JSON]]:
    return [one for one in found if isinstance(one, Mapping)] if isinstance(found, list) else []
