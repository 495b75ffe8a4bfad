"""How are the records of an entity set read, page by page, wherever the service says that the next one is?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from types import MappingProxyType

from isthmus.connectors.sap.odata.answers import Rows, entities_of, entity_of
from isthmus.connectors.sap.odata.edm import EntitySet, Primitive
from isthmus.connectors.sap.odata.keys import id_field
from isthmus.connectors.sap.odata.options import entity_options, query_options, search_option, sections
from isthmus.connectors.sap.odata.values import read_value
from isthmus.connectors.sap.personal import blocking_fields, is_blocked
from isthmus.connectors.sap.way import Way
from isthmus.core.connector import Batch
from isthmus.core.errors import NotFound, RetryLater, UpstreamError
from isthmus.core.records import JSON, AllOf, Compare, Condition, Operator, Order, Query, Row
from isthmus.core.records import Rows as Some

__all__ = ["export_rows", "read_record", "read_rows", "search_rows"]

LOST = frozenset({400, 404, 410})
"""What a service answers to a page that it no longer remembers; it had given the address itself."""
EMPTY: Mapping[str, str] = MappingProxyType({})
MOST_EMPTY = 10
"""Pages without a record that may follow each other before it counts as a circle."""


async def read_rows(way: Way, query: Query) -> Sequence[Row]:
    """Read up to `query.limit` rows; raises RetryLater where the service forgot where it was."""
    rows, hidden = list[Row](), False
    for one in sections(query, way.set_of(query.object), way.service):
        found = await _stretch(way, replace(one, limit=query.limit - len(rows)))
        if not found.whole:
            raise _dropped(query)
        rows += found.rows
        hidden |= found.hidden
        if len(rows) >= query.limit:
            break
    return Some(rows) if hidden else rows


async def search_rows(way: Way, object: str, text: str, fields: Sequence[str], limit: int) -> Sequence[Row]:
    """Read up to `limit` rows that hold all words; raises InvalidArguments where the set cannot be searched."""
    more = search_option(text, way.set_of(object), way.service)
    found = await _stretch(way, Query(object, tuple(fields), limit=limit), more)
    if not found.whole:
        raise _dropped(Query(object))
    return Some(found.rows) if found.hidden else found.rows


async def export_rows(way: Way, query: Query, at: str) -> Batch:
    """Read the next rows in the order of their keys; what the service forgets is asked for anew after the last row."""
    entity_set, rows, hidden = way.set_of(query.object), list[Row](), False
    order = tuple(Order(name) for name in entity_set.keys)
    while len(rows) < query.limit:
        where = query.where
        if at:
            where = _and(where, Compare(id_field(entity_set), Operator.GT, at))
        asked = replace(query, where=where, order_by=order, limit=query.limit - len(rows))
        found = await _stretch(way, asked)
        rows += found.rows
        hidden |= found.hidden
        if found.whole and not (found.hidden and found.full):
            break
        if found.last in ("", at):
            raise _dropped(query)
        at = found.last
    return Batch(Some(rows) if hidden else rows, rows[-1].id if len(rows) >= query.limit else "")


async def read_record(way: Way, object: str, id: str, fields: Sequence[str]) -> Row:
    """Read one record; raises NotFound."""
    entity_set = way.set_of(object)
    asked = (*fields, *blocking_fields(entity_set))
    options = entity_options(asked, entity_set, way.service)
    answer = await way.at_record(object, way.get(way.entity(entity_set, id), options))
    entity = entity_of(answer.json(), way.service.version)
    if _hiding(way, entity_set)(entity):
        raise NotFound("there is no such record, or this identity may not see it", object=object)
    row = Rows(object, entity_set, way.service, fields).row(entity, answer.headers)
    if row.id != id:
        raise UpstreamError("the service gave another record", code="unreadable_answer", object=object)
    return row


@dataclass(frozen=True, slots=True)
class _Found:
    """Rows that were read: `whole` is False where the service forgot what comes next, `full` where there may be more.

    `hidden` tells that some were left out, and `last` is the id of the last one, left out or not.
    """

    rows: Sequence[Row]
    whole: bool
    full: bool
    hidden: bool
    last: str


async def _stretch(way: Way, query: Query, more: Mapping[str, str] = EMPTY) -> _Found:
    """Read rows up to the limit, over as many pages as the service makes of them; `more` are further options."""
    entity_set, rows, shown = way.set_of(query.object), dict[str, Row](), list[Row]()
    reading = Rows(query.object, entity_set, way.service, query.select)
    where = way.collection(entity_set)
    answer = await way.get(where, {**_options(way, entity_set, query), **more})
    hides, passed, empty = _hiding(way, entity_set), set[str](), 0
    while True:
        page = entities_of(answer.json(), way.service.version)
        before = len(rows)
        for entity, row in zip(page.entities, reading.rows(page.entities), strict=True):
            rows[row.id] = row
            if len(rows) <= query.limit and not hides(entity):
                shown.append(row)
        if len(rows) - before < len(page.entities):
            raise _endless(query)
        ended, full = page.following is None, len(rows) >= query.limit
        if not (ended or full):
            empty = 0 if page.entities else empty + 1
            if page.following in passed or empty > MOST_EMPTY:
                raise _endless(query)
            passed.add(page.following or "")
            answer = await way.follow(page.following or "", where, passing=LOST)
            if answer.status not in LOST:
                continue
        kept = list(rows)[: query.limit]
        hidden = len(shown) < len(kept)
        return _Found(shown, ended or full, full, hidden, kept[-1] if kept else "")


def _options(way: Way, entity_set: EntitySet, query: Query) -> dict[str, str]:
    """Write a query that leaves out whoever is blocked for privacy, as far as the service can be asked to."""
    blocking, where = blocking_fields(entity_set), query.where
    for name in blocking:
        property = entity_set.properties[name]
        if property.type.kind in (Primitive.BOOLEAN, Primitive.STRING) and property.filterable:
            value = True if property.type.kind is Primitive.BOOLEAN else "X"
            where = _and(where, Compare(name, Operator.NE, value))
    asked = replace(query, select=(*query.select, *blocking), where=where)
    return query_options(asked, entity_set, way.service)


def _hiding(way: Way, entity_set: EntitySet) -> Callable[[Mapping[str, JSON]], bool]:
    """Return what tells of an entity whether it is blocked for privacy."""
    names = blocking_fields(entity_set)
    if not names:
        return lambda _: False
    today = datetime.fromtimestamp(way.http.scope.deadline.clock.time(), UTC).date()

    def hides(entity: Mapping[str, JSON]) -> bool:
        values = {name: read_value(entity.get(name), entity_set.properties[name], way.service) for name in names}
        return any(values.values()) and is_blocked(values, entity_set, today)

    return hides


def _and(where: Condition | None, more: Condition) -> Condition:
    return more if where is None else AllOf((where, more))


def _dropped(query: Query) -> RetryLater:
    return RetryLater(
        f"the service dropped the rest of a long answer of {query.object}; repeat the call from its start",
        object=query.object,
    )


def _endless(query: Query) -> UpstreamError:
    return UpstreamError(
        f"the service gives the same page of {query.object} again; narrow the condition, and have the service checked",
        code="endless",
        object=query.object,
    )
