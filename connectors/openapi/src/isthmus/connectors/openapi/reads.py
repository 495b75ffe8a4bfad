"""How are the rows of an object read, page after page?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from isthmus.connectors.openapi.describe import IF_MATCH
from isthmus.connectors.openapi.document import In
from isthmus.connectors.openapi.matching import check, equals, meets, sorted_rows
from isthmus.connectors.openapi.paging import Pager, Turn, pager_of
from isthmus.connectors.openapi.rows import at_path, items_of, properties_of, row_of
from isthmus.connectors.openapi.schemas import Schema
from isthmus.connectors.openapi.service import Listed
from isthmus.connectors.openapi.writing import argument_of, send, write
from isthmus.core.connector import Batch
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.http import Http, Response
from isthmus.core.records import JSON, Compare, Query, Row, comparisons

__all__ = ["Collection", "given", "guards", "read_record", "version_of"]

MOST_PAGES = 2_000
MOST_EMPTY = 10


@dataclass(frozen=True, slots=True)
class _Page:
    rows: Sequence[JSON]
    turn: Turn | None


@dataclass(frozen=True, slots=True)
class Collection:
    """One operation that lists rows, on the way of one call."""

    http: Http
    base: str
    listed: Listed
    pager: Pager
    most_rows: int

    @classmethod
    def of(cls, http: Http, base: str, listed: Listed, most_rows: int) -> "Collection":
        """Make it as the operation's document and settings say."""
        return cls(http, base, listed, pager_of(listed.operation, listed.rows, listed.settings.pages), most_rows)

    async def query(self, query: Query) -> Sequence[Row]:
        """Read all rows, since the service promises no order, and keep those asked for.

        Raises:
            UpstreamRejected: there are more rows than `most_rows`.
        """
        check(query.where)
        told = self._filters(query)
        rows, seen = dict[str, Row](), set[Turn]()
        turn: Turn | None = self.pager.begin()
        passed = empty = 0
        while turn is not None:
            page = await self._page(told, turn, passed)
            before, passed = len(rows), passed + len(page.rows)
            rows |= {one.id: one for one in self._rows(page.rows, query)}
            empty = empty + 1 if len(rows) == before else 0
            if page.turn is not None and (page.turn in seen or empty > MOST_EMPTY or len(seen) > MOST_PAGES):
                raise _endless(query.object)
            if passed > self.most_rows:
                raise UpstreamRejected(
                    f"{query.object} has more than {self.most_rows} rows; compare a field that the service filters by, "
                    "use export, or raise `most_rows`",
                    code="too_many_rows",
                    object=query.object,
                )
            turn = page.turn
            if turn is not None:
                seen.add(turn)
        kept = [one for one in rows.values() if meets(one.fields, query.where)]
        return [self._cut(one, query) for one in sorted_rows(kept, query.order_by)[: query.limit]]

    async def export(self, query: Query, at: str) -> Batch:
        """Read the next rows in the order in which the service has them; `at` is a page and how much of it is done."""
        check(query.where)
        told = self._filters(query)
        passed, done, turn = 0, 0, self.pager.begin()
        if at:
            counts, _, rest = at.partition(" ")
            first, _, second = counts.partition(":")
            if not (first.isdigit() and second.isdigit()):
                raise InvalidArguments("`after` is none of this export's", field="after")
            passed, done, turn = int(first), int(second), Turn.load(rest)
        page = await self._page(told, turn, passed)
        found = self._rows(page.rows[done : done + query.limit], query)
        rows = [self._cut(one, query) for one in found if meets(one.fields, query.where)]
        if done + query.limit < len(page.rows):
            return Batch(rows, f"{passed}:{done + query.limit} {turn.dump()}")
        if page.turn is None:
            return Batch(rows)
        if page.turn == turn:
            raise _endless(query.object)
        return Batch(rows, f"{passed + len(page.rows)}:0 {page.turn.dump()}")

    def _filters(self, query: Query) -> Mapping[str, JSON]:
        """Return the arguments by which the service itself narrows; what it finds is judged again."""
        operation, found = self.listed.operation, dict[str, JSON]()
        for field, value in equals(query.where).items():
            name = self.listed.settings.filters.get(field)
            argument = argument_of(operation, In.QUERY, name) if name else None
            if argument is not None:
                found[argument.name] = value
        return found

    async def _page(self, told: Mapping[str, JSON], turn: Turn, passed: int) -> _Page:
        if turn.url:
            answer = await self.http.follow(turn.url)
        else:
            answer = await send(self.http, write(self.listed.operation, self.base, told).with_query(turn.query))
        body = answer.json()
        rows = at_path(body, self.listed.rows)
        if not isinstance(rows, list):
            raise UpstreamError(
                f"the service gave no rows of {self.listed.object} where they should lie; mend `rows`",
                code="unreadable_answer",
                object=self.listed.object,
            )
        return _Page(rows, self.pager.turn(answer, body, turn, passed + len(rows)))

    def _rows(self, page: Sequence[JSON], query: Query) -> Sequence[Row]:
        schema = self.listed.operation.reply.schema
        known = properties_of(schema, items_of(schema, self.listed.rows))
        probed = [one.field for one in comparisons(query.where) if isinstance(one, Compare)]
        names = tuple(dict.fromkeys((*query.select, *probed, *(one.field for one in query.order_by))))
        return [row_of(one, self.listed.object, self.listed.id_field, known, schema, names) for one in page]

    @staticmethod
    def _cut(row: Row, query: Query) -> Row:
        return Row(row.object, row.id, {name: row.fields.get(name) for name in query.select}, row.version)


async def read_record(http: Http, base: str, listed: Listed, id: str, fields: Sequence[str]) -> Row:
    """Read one record."""
    operation = listed.operation
    answer = await send(http, write(operation, base, given(listed, id)))
    schema = operation.reply.schema
    known: Mapping[str, Schema] = properties_of(schema, items_of(schema, listed.rows))
    row = row_of(at_path(answer.json(), listed.rows), listed.object, listed.id_field, known, schema, fields)
    if row.id != id:
        raise UpstreamError("the service gave another record", code="unreadable_answer", object=listed.object)
    return Row(row.object, row.id, row.fields, version_of(answer))


def given(listed: Listed, id: str) -> "dict[str, JSON]":
    """Return the argument that says which record is meant; raises InvalidArguments for an id that cannot be one."""
    argument = argument_of(listed.operation, In.PATH, listed.record)
    if argument is None:
        raise InvalidArguments(f"{listed.operation.id} acts on no record", field="id")
    if argument.schema.get("type") == "integer" and not (id.isascii() and id.removeprefix("-").isdigit()):
        raise InvalidArguments(f"an id of {listed.object} is a whole number", field="id")
    return {argument.name: id}


def version_of(answer: Response) -> str | None:
    """Return the entity tag of an answer (RFC 9110 section 8.8.3), unless it is a weak one, which guards nothing."""
    found = answer.headers.get("etag", "")
    return found if found.startswith('"') else None


def guards(listed: Listed) -> bool:
    """Tell whether an operation takes the version that it changes."""
    return any(one.place is In.HEADER and one.name.lower() == IF_MATCH for one in listed.operation.parameters)


def _endless(object: str) -> UpstreamError:
    return UpstreamError(
        f"the service gives the same page of {object} again; name how it pages in `pages`, or have it checked",
        code="endless",
        object=object,
    )
