"""How are the records of a collection read, when pages have no cursor and rows shift between them?

The services neither filter nor sort, so a query looks through the whole collection, up to `settings.most_rows`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.workday.answers import Entity, Listed, entity_of, listed_in, row_of, strange
from isthmus.connectors.workday.conditions import fits, in_order, split
from isthmus.connectors.workday.ids import checked_id, is_own, is_wid
from isthmus.connectors.workday.settings import WorkdaySettings
from isthmus.connectors.workday.shapes import ID, PARENT, Collection
from isthmus.core.connector import Batch
from isthmus.core.errors import InvalidArguments, RetryLater, UpstreamRejected
from isthmus.core.http import Http, Path, path
from isthmus.core.records import Condition, Query, Row, Rows, comparisons

__all__ = ["PAGE", "Way", "export_rows", "read_record", "read_rows", "search_rows"]

PAGE = 100
"""The most rows of one page; more is refused by the services, and so by us."""


@dataclass(frozen=True, slots=True)
class Way:
    """One call's way to one collection; `as_of` is the day that is asked about, today where it is None."""

    http: Http
    settings: WorkdaySettings
    collection: Collection
    as_of: str | None = None

    def address(self, *ids: str) -> Path:
        """Return the address of the collection, or of a record; ids stand after the steps of its path in turn."""
        steps: list[str] = []
        for at, step in enumerate(self.collection.path):
            steps += [step, *(["{}"] if at < len(ids) else [])]
        service = self.collection.service
        template = "/".join([self.settings.rest, service, self.settings.tenant, *steps])
        return path(template, *(ids if is_own(self.collection.path, ids) else map(checked_id, ids)))


@dataclass(frozen=True, slots=True)
class _Asked:
    """A query as the service takes it: the address of the collection, its parameters, and what is left to us."""

    where: Path
    params: Mapping[str, str]
    parent: str
    left: Condition | None


async def read_rows(way: Way, query: Query) -> Sequence[Row]:
    """Read up to `query.limit` rows; `Rows` where some were counted and not shown."""
    asked = _asked(way, query)
    reads = _reads(way.collection, query)
    entities, whole = await _all(way, asked)
    rows = [row_of(one, way.collection, reads, asked.parent) for one in entities]
    found = in_order([row for row in rows if fits(asked.left, row.fields)], query.order_by)[: query.limit]
    kept = [_only(row, query.select) for row in found]
    return kept if whole else Rows(kept)


async def export_rows(way: Way, query: Query, at: str) -> Batch:
    """Read the next rows as the service gives them.

    Each batch begins with the last row of the one before: where that is another one, or the number of rows is, rows
    have shifted, and the export has to begin again.
    """
    asked, reads = _asked(way, query), _reads(way.collection, query)
    offset, total, last = _place(at)
    rows, seen = list[Row](), set[str]()
    while True:
        page = await _page(way, asked, max(offset - 1, 0))
        entities = list(page.entities)
        if total not in (-1, page.total) or (offset and not entities):
            raise _shifted(query.object)
        total = page.total
        read = [row_of(one, way.collection, reads, asked.parent) for one in entities]
        if offset and read[0].id != last:
            raise _shifted(query.object)
        fresh = read[1:] if offset else read
        for row in fresh:
            offset, last = offset + 1, row.id
            if row.id in seen:
                raise _shifted(query.object)
            seen.add(row.id)
            if fits(asked.left, row.fields):
                rows.append(_only(row, query.select))
            if len(rows) >= query.limit:
                return Batch(rows, f"{offset}:{total}:{last}" if offset < total else "")
        if offset >= total or not fresh:
            return Batch(rows if offset >= total else Rows(rows), "")


async def read_record(way: Way, id: str, fields: Sequence[str]) -> Row:
    """Read one record by any of its ids; raises NotFound."""
    collection = way.collection
    if not collection.single:
        told = f"query it with {PARENT}" if collection.below else "query it"
        raise InvalidArguments(f"{collection.object} has no address for single records; {told}", field="id")
    params = _dated(way)
    row = row_of(entity_of(await way.http.get(way.address(id), params=params)), collection, fields)
    if is_wid(id) and row.id != id:
        raise strange("with another record than was asked for")
    return row


async def search_rows(way: Way, text: str, fields: Sequence[str], limit: int) -> Sequence[Row]:
    """Find records by words, one page at most."""
    most = min(limit, PAGE)
    answer = await way.http.get(way.address(), params={"search": text, "limit": most, "offset": 0})
    page = listed_in(answer)
    names = [one for one in fields if one not in way.collection.only_single]
    rows = {row.id: row for row in (row_of(one, way.collection, names) for one in page.entities)}
    return list(rows.values())[:most]


def _asked(way: Way, query: Query) -> _Asked:
    collection = way.collection
    if not collection.listed:
        raise InvalidArguments(f"{collection.object} cannot be listed; get its records by their ids", field="object")
    names = collection.sent | ({PARENT} if collection.below else frozenset())
    told, left = split(query.where, names)
    missing = [one for one in (*((PARENT,) if collection.below else ()), *collection.required) if one not in told]
    if missing:
        raise InvalidArguments(
            f"{collection.object} is read with one {missing[0]} only; add a condition on it by `eq`", field=missing[0]
        )
    for one in comparisons(left):
        if one.field in collection.only_single:
            raise InvalidArguments(f"{one.field} is told by `get` alone, so no query can look at it", field=one.field)
    parent = told.get(PARENT, "")
    params = {name: value for name, value in told.items() if name != PARENT} | dict(_dated(way))
    return _Asked(way.address(*((parent,) if collection.below else ())), params, parent, left)


def _dated(way: Way) -> Mapping[str, str]:
    if way.as_of is None:
        return {}
    if not way.collection.as_of:
        raise InvalidArguments(
            f"{way.collection.object} cannot be read as of another day; use a data source or a web service that can",
            field="as_of",
        )
    return {way.collection.as_of: way.as_of}


def _reads(collection: Collection, query: Query) -> Sequence[str]:
    """Name the fields that a query has to look at, beside those that it gives back."""
    looked = [one.field for one in comparisons(query.where)] + [one.field for one in query.order_by]
    names = list(dict.fromkeys((*query.select, *looked, ID)))
    for name in names:
        if name in collection.only_single:
            raise InvalidArguments(f"{name} is told by `get` alone; leave it out of the query", field=name)
        if name not in collection.fields and name not in collection.parameters:
            raise InvalidArguments(f"{collection.object} has no field {name[:80]!a}", field=name[:80])
    return names


def _only(row: Row, select: Sequence[str]) -> Row:
    return Row(row.object, row.id, {name: row.fields.get(name) for name in select})


async def _all(way: Way, asked: _Asked) -> tuple[Sequence[Entity], bool]:
    """Read a whole collection, once more where its rows shifted meanwhile; tell too whether that was all of them."""
    found, settled = await _through(way, asked)
    if not settled:
        found, settled = await _through(way, asked)
    if not settled:
        raise _shifted(way.collection.object)
    total, entities = found
    return list(entities.values()), len(entities) >= total


async def _through(way: Way, asked: _Asked) -> tuple[tuple[int, Mapping[str, Entity]], bool]:
    """Read page after page; rows that come twice, or another number of rows, tell that they shifted."""
    entities, offset, total, given = dict[str, Entity](), 0, -1, 0
    while True:
        page = await _page(way, asked, offset)
        if page.total > way.settings.most_rows:
            raise UpstreamRejected(
                f"{way.collection.object} has {page.total:,} rows, and one query looks through "
                f"{way.settings.most_rows:,}; export it, search it, use a data source, or raise settings.most_rows",
                object=way.collection.object,
            )
        if total not in (-1, page.total):
            return (total, entities), False
        total, offset, given = page.total, offset + PAGE, given + len(page.entities)
        for one in page.entities:
            entities[row_of(one, way.collection, (), asked.parent).id] = one
        if offset >= total:
            return (total, entities), len(entities) == given


async def _page(way: Way, asked: _Asked, offset: int) -> Listed:
    page = listed_in(await way.http.get(asked.where, params={**asked.params, "limit": PAGE, "offset": offset}))
    if len(page.entities) > PAGE or offset + len(page.entities) > max(page.total, offset):
        raise strange("with more rows than it counts")
    return page


def _place(at: str) -> tuple[int, int, str]:
    offset, _, rest = at.partition(":")
    total, _, last = rest.partition(":")
    if not at:
        return 0, -1, ""
    if not (offset.isdecimal() and total.isdecimal() and last):
        raise InvalidArguments("this is no place in an export; begin again", field="after")
    return int(offset), int(total), last


def _shifted(object: str) -> RetryLater:
    return RetryLater(
        f"rows of {object} were added or taken away while it was read, so some may be missing; begin again",
        object=object,
    )
