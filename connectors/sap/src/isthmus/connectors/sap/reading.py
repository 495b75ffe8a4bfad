"""How are the records of an entity set read, page by page, wherever the service says that the next one is?"""

from collections.abc import Sequence
from dataclasses import replace

from isthmus.connectors.sap.odata.answers import Rows, entities_of, entity_of
from isthmus.connectors.sap.odata.keys import values_of
from isthmus.connectors.sap.odata.options import entity_options, query_options, sections
from isthmus.connectors.sap.way import Way
from isthmus.core.connector import Batch
from isthmus.core.cursors import after_condition
from isthmus.core.errors import RetryLater, UpstreamError
from isthmus.core.records import AllOf, Condition, Order, Query, Row

__all__ = ["export_rows", "read_record", "read_rows"]

LOST = frozenset({400, 404, 410})
"""What a service answers to a page that it no longer remembers; it had given the address itself."""
MOST_EMPTY = 10
"""Pages without a record that may follow each other before it counts as a circle."""


async def read_rows(way: Way, query: Query) -> Sequence[Row]:
    """Read up to `query.limit` rows; raises RetryLater where the service forgot where it was."""
    rows = list[Row]()
    for one in sections(query, way.set_of(query.object), way.service):
        found, whole = await _stretch(way, replace(one, limit=query.limit - len(rows)))
        if not whole:
            raise _dropped(query)
        rows += found
        if len(rows) >= query.limit:
            break
    return rows


async def export_rows(way: Way, query: Query, at: str) -> Batch:
    """Read the next rows in the order of their keys; what the service forgets is asked for anew after the last row."""
    entity_set, rows = way.set_of(query.object), list[Row]()
    order = tuple(Order(name) for name in entity_set.keys)
    while len(rows) < query.limit:
        last = rows[-1].id if rows else at
        where = query.where
        if last:
            keys = values_of(last, entity_set, way.service)
            where = _and(where, after_condition(order[:-1], order[-1].field, [keys[one.field] for one in order]))
        found, whole = await _stretch(way, replace(query, where=where, order_by=order, limit=query.limit - len(rows)))
        rows += found
        if whole:
            break
        if not found:
            raise _dropped(query)
    return Batch(rows, rows[-1].id if len(rows) >= query.limit else "")


async def read_record(way: Way, object: str, id: str, fields: Sequence[str]) -> Row:
    """Read one record; raises NotFound."""
    entity_set = way.set_of(object)
    answer = await way.get(way.entity(entity_set, id), entity_options(fields, entity_set, way.service))
    entity = entity_of(answer.json(), way.service.version)
    row = Rows(object, entity_set, way.service, fields).row(entity, answer.headers)
    if row.id != id:
        raise UpstreamError("the service gave another record", code="unreadable_answer", object=object)
    return row


async def _stretch(way: Way, query: Query) -> tuple[Sequence[Row], bool]:
    """Read rows up to the limit, and tell whether they are all: False where the service forgot what comes next."""
    entity_set, rows = way.set_of(query.object), dict[str, Row]()
    reading = Rows(query.object, entity_set, way.service, query.select)
    answer = await way.get(way.collection(entity_set), query_options(query, entity_set, way.service))
    passed, empty = set[str](), 0
    while True:
        page = entities_of(answer.json(), way.service.version)
        before = len(rows)
        rows |= {row.id: row for row in reading.rows(page.entities)}
        if len(rows) - before < len(page.entities):
            raise _endless(query)
        if len(rows) >= query.limit or page.following is None:
            return list(rows.values())[: query.limit], True
        empty = 0 if page.entities else empty + 1
        if page.following in passed or empty > MOST_EMPTY:
            raise _endless(query)
        passed.add(page.following)
        answer = await way.follow(page.following, passing=LOST)
        if answer.status in LOST:
            return list(rows.values()), False


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
