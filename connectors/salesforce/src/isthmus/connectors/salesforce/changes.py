"""Which records changed, and which are gone?

By stamp and id, over `queryAll`, which has the deleted rows as well. A record is given once its stamp lies some seconds
before the moment at which the org was asked: a transaction that committed later may bear an earlier stamp.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from isthmus.connectors.salesforce.answers import Batch, read_rows, strange
from isthmus.connectors.salesforce.queries import MOST_ROWS, query_text
from isthmus.connectors.salesforce.reader import Reader
from isthmus.core.connector import FactsOf, ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, Operator, Order, Query, Row
from isthmus.core.streams import Changed

__all__ = ["changes"]

SETTLING = timedelta(seconds=5)
"""How long after its stamp a record waits for transactions that commit late."""
EPOCH = datetime.fromtimestamp(0, UTC)
ID, DELETED = "Id", "IsDeleted"
STAMPS = ("SystemModstamp", "LastModifiedDate")


async def changes(org: Reader, facts_of: FactsOf, query: Query, since: str) -> Changed:
    """Read what changed since a moment or a place; without either, say where what changes from now on begins.

    Raises:
        InvalidArguments: the object has no stamp to go by.
    """
    facts = await facts_of(query.object)
    stamp, deletes = _stamp(facts), DELETED in facts.fields
    resource = "/queryAll" if deletes else "/query"
    asking = _Asking(org, resource)
    if not since:
        await asking.rows(Query(query.object, (ID,), limit=1))
        return Changed((), _place(asking.settled, ""))
    more = (ID, stamp, *((DELETED,) if deletes else ()))
    rows = await asking.rows(
        replace(
            query,
            select=tuple(dict.fromkeys((*query.select, *more))),
            where=_after(stamp, since),
            order_by=(Order(stamp), Order(ID)),
            limit=min(query.limit, MOST_ROWS),
        )
    )
    settled = [row for row in rows if _moment(row.fields[stamp]) <= asking.settled]
    if not settled:
        return Changed((), since)
    last = settled[-1]
    return Changed(
        tuple(_only(row, query.select) for row in settled if row.fields.get(DELETED) is not True),
        _place(_moment(last.fields[stamp]), last.id),
        tuple(row.id for row in settled if row.fields.get(DELETED) is True),
    )


@dataclass(slots=True)
class _Asking:
    """One look at the org, and the moment up to which it is sure to have seen everything."""

    org: Reader
    resource: str
    settled: datetime = EPOCH

    async def rows(self, query: Query) -> Sequence[Row]:
        """Read rows, and note when; the answer is dated when it was made, and the org looked before that."""
        deadline, first = self.org.http.scope.deadline, True
        began = deadline.remaining()

        def read(answer: Response) -> Batch[Row]:
            nonlocal first
            if first:
                took = timedelta(seconds=began - deadline.remaining())
                first, self.settled = False, _date(answer) - took - SETTLING
            return read_rows(answer, object=query.object, paths=query.select)

        return await self.org.pages(query_text(query), query.limit, read, self.resource)


def _stamp(facts: ObjectFacts) -> str:
    """Return the field that says when a record changed last, and that can be filtered and sorted by."""
    for name in STAMPS:
        found = facts.fields.get(name)
        if found is not None and found.filterable and found.sortable:
            return name
    raise InvalidArguments(
        f"{facts.name} does not say when a record changed ({' or '.join(STAMPS)}), so what changed cannot be told; "
        "query or export it",
        object=facts.name,
    )


def _after(stamp: str, since: str) -> Condition:
    """Return the condition for what stands behind a place, or at a moment and after it."""
    told, _, last = since.partition("|")
    moment = _moment(told)
    if not last:
        return Compare(stamp, Operator.GE, moment)
    same = AllOf((Compare(stamp, Operator.EQ, moment), Compare(ID, Operator.GT, last)))
    return AnyOf((Compare(stamp, Operator.GT, moment), same))


def _place(moment: datetime, last: str) -> str:
    return f"{_written(moment)}|{last}"


def _written(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _moment(told: object) -> datetime:
    """Read a stamp of the org, or one of our own, to the millisecond: the org compares no more."""
    try:
        found = datetime.fromisoformat(str(told))
    except ValueError:
        raise strange() from None
    whole = found.replace(microsecond=found.microsecond // 1000 * 1000)
    return whole if whole.tzinfo else whole.replace(tzinfo=UTC)


def _date(answer: Response) -> datetime:
    """Return when the org says that it answered (RFC 9110 section 6.6.1)."""
    try:
        found = parsedate_to_datetime(answer.headers.get("date", ""))
    except (TypeError, ValueError):
        raise strange() from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _only(row: Row, paths: Sequence[str]) -> Row:
    """Leave out what was read along."""
    return Row(row.object, row.id, {path: row.fields[path] for path in paths}, row.version)
