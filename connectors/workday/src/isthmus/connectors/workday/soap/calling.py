"""How are the records of a web service read, and its operations that write called?

Pages are of one moment: the first request fixes `As_Of_Entry_DateTime`, so what is typed meanwhile moves no row.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from isthmus.connectors.workday.answers import strange
from isthmus.connectors.workday.conditions import fits, in_order
from isthmus.connectors.workday.settings import OperationSettings, WorkdaySettings
from isthmus.connectors.workday.soap.envelope import Asked, get_request
from isthmus.connectors.workday.soap.replies import Found, Reply, begun_of, reply_of
from isthmus.connectors.workday.soap.writes import WRITES
from isthmus.core.connector import Batch, Invoked
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamRejected
from isthmus.core.http import Http, Response, path
from isthmus.core.records import JSON, Compare, Condition, Operator, Query, Row, comparisons

__all__ = ["FIELDS", "SoapWay", "call_operation", "export_service", "read_service", "read_service_record"]

FIELDS = ("id", "descriptor", "references", "data")
COUNT = 100
MOST_REFERENCES = 100
_XML = {"content-type": "text/xml; charset=utf-8", "accept": "text/xml"}


@dataclass(frozen=True, slots=True)
class SoapWay:
    """One call's way to one operation; `as_of` is the day that is asked about, today where it is None."""

    http: Http
    settings: WorkdaySettings
    operation: str
    own: OperationSettings
    as_of: str | None = None

    def asked(self) -> Asked:
        """Return a read of the first page, as known at this moment."""
        groups = tuple(dict.fromkeys(("Include_Reference", *self.own.groups)))
        moment = datetime.fromtimestamp(self.http.scope.deadline.clock.time(), UTC)
        entered = moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        return Asked(self.operation, item_of(self.operation, self.own), groups, (), 1, COUNT, self.as_of, entered)

    async def send(self, content: bytes) -> Response:
        """Send an envelope to the service of the operation."""
        template = f"{self.settings.soap}/{self.settings.tenant}/{self.own.service}/{self.settings.version}"
        return await self.http.post(path(template), content=content, headers=_XML)


def item_of(operation: str, own: OperationSettings) -> str:
    """Return the name of one record of an operation: Get_Workers gives Workers, each of which is a Worker."""
    return own.item or operation.removeprefix("Get_").removesuffix("s")


async def read_service(way: SoapWay, query: Query) -> Sequence[Row]:
    """Read up to `query.limit` records: those whose ids are asked for, else all pages of one moment."""
    _checked(query)
    references = _references(query.where)
    asked = replace(way.asked(), references=references or ())
    records, page = dict[str, Found](), 1
    while True:
        reply = await _page(way, replace(asked, page=page))
        if reply.total > way.settings.most_rows:
            raise UpstreamRejected(
                f"{query.object} has {reply.total:,} records, and one query looks through "
                f"{way.settings.most_rows:,}; export it, ask by ids, or raise settings.most_rows",
                object=query.object,
            )
        records |= {one.id: one for one in reply.records}
        page += 1
        if page > reply.pages or not reply.records:
            break
    rows = [_row(one, query.object, FIELDS) for one in records.values()]
    found = in_order([row for row in rows if fits(query.where, row.fields)], query.order_by)[: query.limit]
    return [Row(row.object, row.id, {name: row.fields.get(name) for name in query.select}) for row in found]


async def export_service(way: SoapWay, query: Query, at: str) -> Batch:
    """Read the next records, all of the moment at which the export began; `at` is that moment, page and place."""
    _checked(query)
    entered, page, place = _place(at)
    asked = way.asked()
    asked = replace(asked, entered=entered or asked.entered)
    rows = list[Row]()
    while True:
        reply = await _page(way, replace(asked, page=page))
        for number, one in enumerate(reply.records[place:], place + 1):
            row = _row(one, query.object, FIELDS)
            if fits(query.where, row.fields):
                rows.append(Row(row.object, row.id, {name: row.fields.get(name) for name in query.select}))
            if len(rows) >= query.limit:
                whole = number >= len(reply.records)
                ended = whole and page >= reply.pages
                return Batch(rows, "" if ended else f"{asked.entered}|{page + whole}|{0 if whole else number}")
        page, place = page + 1, 0
        if page > reply.pages or not reply.records:
            return Batch(rows, "")


async def read_service_record(way: SoapWay, object: str, id: str, fields: Sequence[str]) -> Row:
    """Read one record by a WID or a reference id; raises NotFound."""
    reply = await _page(way, replace(way.asked(), references=(id,)))
    if not reply.records:
        raise NotFound("there is no such record, or this identity may not see it", object=object)
    if len(reply.records) > 1 or ("=" not in id and reply.records[0].id != id):
        raise strange("with another record than was asked for")
    return _row(reply.records[0], object, fields)


async def call_operation(way: SoapWay, id: str, arguments: Mapping[str, JSON]) -> Invoked:
    """Call an operation that writes; what comes back is the event that it began."""
    write = WRITES.get(way.operation)
    if write is None:
        raise InvalidArguments(f"there is no template for {way.operation}", field="action")
    skips = arguments.get("autoComplete") is True
    if skips and not way.settings.auto_complete:
        raise InvalidArguments(
            "autoComplete skips the approvals of the process; it is refused unless settings.auto_complete is true",
            field="autoComplete",
        )
    answer = await way.send(write.content(id, arguments, way.settings.version, auto_complete=skips))
    found = begun_of(answer, way.operation)
    # The reply does not tell how the process stands; without approvals it may be done, which its event tells.
    values: dict[str, JSON] = {"event": found.event, "status": "In Progress"}
    if found.worker:
        values["worker"] = found.worker
    return Invoked(values, tuple(one for one in (found.event, found.worker) if one))


async def _page(way: SoapWay, asked: Asked) -> Reply:
    reply = reply_of(await way.send(get_request(asked, way.settings.version)), asked.operation, asked.item)
    if reply.records and reply.page != asked.page:
        raise strange("with another page than was asked for")
    if len(reply.records) > max(asked.count, len(asked.references)):
        raise strange("with more records than were asked for")
    return reply


def _row(found: Found, object: str, names: Sequence[str]) -> Row:
    told: dict[str, JSON] = {
        "id": found.id, "descriptor": found.descriptor or None, "references": dict(found.ids), "data": found.data,
    }  # fmt: skip
    return Row(object, found.id, {name: told.get(name) for name in names})


def _checked(query: Query) -> None:
    named = [*query.select, *(one.field for one in comparisons(query.where)), *(one.field for one in query.order_by)]
    for name in named:
        if name not in FIELDS:
            raise InvalidArguments(f"{query.object} has no field {name[:80]!a}", field=name[:80])


def _references(where: Condition | None) -> Sequence[str] | None:
    """Return the ids that a condition asks for, where it is nothing but that."""
    if not isinstance(where, Compare) or where.field != "id" or where.op not in (Operator.EQ, Operator.IN):
        return None
    listed = where.value if isinstance(where.value, tuple) else (where.value,)
    ids = [str(one) for one in listed]
    return ids if len(ids) <= MOST_REFERENCES else None


def _place(at: str) -> tuple[str, int, int]:
    if not at:
        return "", 1, 0
    entered, _, rest = at.partition("|")
    page, _, place = rest.partition("|")
    if not (page.isdecimal() and place.isdecimal()):
        raise InvalidArguments("this is no place in an export; begin again", field="after")
    return entered, int(page), int(place)
