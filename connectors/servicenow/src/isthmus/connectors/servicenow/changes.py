"""What changed since last time? Rows by the stamp of their last change, and ids from the record of deletions.

A stamp has whole seconds and is set a moment before its change can be seen, so what is younger than a few seconds by
the instance's own clock waits for the next look: nothing comes in late behind a place that was read.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from isthmus.connectors.servicenow.answers import ID, VERSION, listed, row_of, strange, text_at
from isthmus.connectors.servicenow.ids import is_id
from isthmus.connectors.servicenow.pages import MOST_ROWS, list_params
from isthmus.connectors.servicenow.queries import groups_of, text_of
from isthmus.connectors.servicenow.tables import DELETED, Tables
from isthmus.core.connector import Changed
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import Response
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Operator, Order, Query, Rows, comparisons
from isthmus.core.resilience import http_date

__all__ = ["Place", "changed_since"]

CHANGED, GONE = "sys_updated_on", "sys_created_on"
SETTLED = timedelta(seconds=3)
"""How old a change must be: its second is over, and whoever was writing in it is done."""
MOST_PAGES = 50
MOST_TABLES = 250
_MOMENT = "%Y-%m-%dT%H:%M:%SZ"
_STORED = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Place:
    """Behind which change to go on: its moment and the record's id; without an id the whole moment is still due."""

    moment: datetime
    id: str = ""

    @classmethod
    def of(cls, stamp: str, id: str) -> "Place":
        """Return the place of a change as the instance tells it."""
        try:
            return cls(datetime.strptime(stamp, _STORED).replace(tzinfo=UTC), id)
        except ValueError:
            raise UpstreamError(
                f"a record has no {CHANGED} that this identity may read; have it grant read on that field",
                code="unreadable_answer",
            ) from None

    def __str__(self) -> str:
        return f"{self.moment.strftime(_MOMENT)}/{self.id}"

    def beyond(self, field: str) -> Condition:
        """Say what comes behind it, in the order of moments and ids."""
        if not self.id:
            return Compare(field, Operator.GE, self.moment)
        same = AllOf((Compare(field, Operator.EQ, self.moment), Compare(ID, Operator.GT, self.id)))
        return AnyOf((Compare(field, Operator.GT, self.moment), same))


async def changed_since(tables: Tables, query: Query, since: str) -> Changed:
    """Read the next changes of a table, oldest first; a record of a child table is one of its parent too.

    Of deletions only those are known that the instance audits and that this identity may read of; the condition does
    not narrow them, since what is gone has no values any more.
    """
    root = await tables.facts_of(query.object)
    if CHANGED not in root.fields:
        raise InvalidArguments(f"{query.object} has no {CHANGED}, so its changes cannot be told", object=query.object)
    changed, gone = _places(since)
    kinds = await tables.kinds(query.object, query.select, control=True)
    await tables.kinds(query.object, [one.field for one in comparisons(query.where)])
    until, deleted, gone = await _gone(tables, query.object, gone, query.limit)
    if changed is None:
        return Changed((), _told(Place(until), gone or Place(until)))
    if changed.moment > until:
        return Changed((), _told(changed, gone or Place(changed.moment)))
    window = AllOf((changed.beyond(CHANGED), Compare(CHANGED, Operator.LE, until)))
    where = AllOf((query.where, window)) if query.where else window
    text = text_of(groups_of(where), (Order(CHANGED), Order(ID)), object=query.object)
    fields = tuple(dict.fromkeys((ID, VERSION, CHANGED, *kinds)))
    page = await _window(tables, query.object, text, fields, query.limit)
    if page.records:
        changed = Place.of(text_at(page.records[-1], CHANGED), text_at(page.records[-1], ID))
    read = [row_of(query.object, one, kinds) for one in page.records]
    return Changed(Rows(read) if page.hidden else read, _told(changed, gone or Place(until)), deleted)


async def _gone(
    tables: Tables, object: str, place: Place | None, limit: int
) -> tuple[datetime, tuple[str, ...], Place | None]:
    """Read deletions, and the moment up to which changes are settled; without a place only that moment."""
    names = (object, *(await tables.facts_of(object)).kinds)
    terms: list[Condition] = [place.beyond(GONE)] if place else []
    # Where more tables lie below this one than an address holds, all deletions are read, and those of others left out.
    terms += [Compare("tablename", Operator.IN, names)] if len(names) <= MOST_TABLES else []
    where = AllOf(tuple(terms))
    text = text_of(groups_of(where), (Order(GONE), Order(ID)), object=DELETED)
    deadline = tables.http.scope.deadline
    before = deadline.remaining()
    # An identity that may not read deletions still learns what time it is there.
    fields = (ID, "documentkey", "tablename", GONE)
    page = await _window(tables, DELETED, text, fields, limit if place else 1, (400, 403, 404))
    until = _clock(page.first) - timedelta(seconds=max(0.0, before - deadline.remaining())) - SETTLED
    ids = []
    for one in page.records if place else ():
        last = Place.of(text_at(one, GONE), text_at(one, ID))
        if last.moment > until:
            break
        place = last
        if is_id(key := text_at(one, "documentkey")) and text_at(one, "tablename") in names:
            ids.append(key)
    return until.replace(microsecond=0), tuple(ids), place


@dataclass(frozen=True, slots=True)
class _Window:
    """Records in order, whether others were left out between them, and the first of the answers that held them."""

    records: Sequence[Mapping[str, JSON]]
    hidden: bool
    first: Response


async def _window(
    tables: Tables, object: str, text: str, fields: Sequence[str], limit: int, passing: Collection[int] = ()
) -> _Window:
    """Read records, page by page as long as their number stays.

    One that changes meanwhile goes elsewhere and moves those behind it up by one: what was read before is whole, and
    the next look goes on behind it. Raises UpstreamError where too much is hidden to find anything.
    """
    where, found, hidden, total = tables.path("/table/{}", object), list[Mapping[str, JSON]](), False, -1
    size, first = min(limit, MOST_ROWS), None
    for offset in range(0, MOST_PAGES * size, size):
        params = list_params(where, text, fields, size, offset)
        answer = await tables.http.get(where, params=params, passing=passing)
        first = first or answer
        if answer.status != 200:
            return _Window((), hidden=False, first=first)
        page = listed(answer)
        if len(page.records) > size:
            raise strange()
        if page.total is None:
            return _Window(page.records, hidden=True, first=first)
        if total not in (-1, page.total):
            return _Window(found, hidden, first)
        total = page.total
        found += page.records
        hidden |= len(page.records) < min(size, max(0, total - offset))
        if len(found) >= limit or offset + size >= total:
            return _Window(found[:limit], hidden, first)
    if found and first:
        return _Window(found, hidden, first)
    raise UpstreamError(
        "the instance hides so many changes from this identity that none can be found; narrow the condition, or have "
        "the identity's rights on rows mended",
        code="endless_pages",
    )


def _clock(answer: Response) -> datetime:
    """Read the instance's own time (RFC 9110 section 6.6.1)."""
    told = http_date(answer.headers.get("date", ""))
    if told is None:
        raise UpstreamError(
            "the instance does not say what time it is there (no Date header), so what is settled cannot be told; "
            "have the proxy in between pass the header on",
            code="no_date",
        )
    return told.astimezone(UTC)


def _places(since: str) -> tuple[Place | None, Place | None]:
    """Read from where to go on: nothing, a moment, or what `_told` wrote."""
    if not since:
        return None, None
    parts = since.split("|")
    try:
        changed = _place(parts[0])
        return changed, _place(parts[1]) if len(parts) > 1 else Place(changed.moment)
    except ValueError:
        raise InvalidArguments("'since' is no moment and no `after` of earlier changes", field="since") from None


def _place(text: str) -> Place:
    moment, _, id = text.partition("/")
    return Place(datetime.strptime(moment, _MOMENT).replace(tzinfo=UTC), id)


def _told(changed: Place, gone: Place) -> str:
    return f"{changed}|{gone}"
