"""How do all records of a condition leave the org, a page at a time?

The first 2,000 come by ordinary queries in the order of ids, which costs a small export one request and no job. What
is beyond them comes from one job of Bulk API 2.0, with the records as they were when it began.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace

from isthmus.connectors.salesforce.answers import strange
from isthmus.connectors.salesforce.bulk.jobs import CSV, GONE, check_complete, count_of, ended, job_id, lost
from isthmus.connectors.salesforce.bulk.sheet import Columns, read_sheet
from isthmus.connectors.salesforce.queries import MOST_ROWS, bulk_text, query_text
from isthmus.connectors.salesforce.reader import Reader, fits
from isthmus.core.connector import FactsOf, FieldType
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamError, UpstreamRejected
from isthmus.core.records import AllOf, Compare, Operator, Order, Query, Row
from isthmus.core.streams import Batch

__all__ = ["export"]

BY_QUERY = 2_000
"""Records from which on the vendor advises a job ("Bulk API 2.0 and Bulk API Developer Guide", Introduction)."""
ID = "Id"


@dataclass(frozen=True, slots=True)
class _Keyset:
    """Go on behind a record; `jobs` is False where the org takes no job for this query."""

    last: str = ""
    given: int = 0
    jobs: bool = True

    def __str__(self) -> str:
        return json.dumps(["keys", self.last, self.given, self.jobs])


@dataclass(frozen=True, slots=True)
class _Results:
    """Go on in the results of a job: `total` is known once it is complete, `locator` once a page was given."""

    job: str
    given: int = 0
    total: int = -1
    locator: str = ""

    def __str__(self) -> str:
        return json.dumps(["job", self.job, self.given, self.total, self.locator])


def _place(at: str) -> _Keyset | _Results:
    match json.loads(at) if at else ["keys", "", 0, True]:
        case ["keys", str(last), int(given), bool(jobs)]:
            return _Keyset(last, given, jobs)
        case ["job", str(job), int(given), int(total), str(locator)]:
            return _Results(job, given, total, locator)
        case _:
            raise InvalidArguments("this is no place in an export; begin it anew, without `after`", field="after")


async def export(org: Reader, facts_of: FactsOf, query: Query, at: str) -> Batch:
    """Read the next page; raises UpstreamError where the rest cannot be had, and never ends early without saying so."""
    place = _place(at)
    if isinstance(place, _Keyset):
        text = query_text(_behind(query, place.last))
        if not place.jobs or (place.given < BY_QUERY and fits(text)):
            return await _queried(org, query, place)
        made = await _made(org, query, place)
        if made is None:
            return await _queried(org, query, replace(place, jobs=False))
        place = made
    return await _results(org, facts_of, query, place)


def _behind(query: Query, last: str) -> Query:
    """Return the query for what stands behind a record in the order of ids."""
    beyond = Compare(ID, Operator.GT, last)
    where = query.where if not last else AllOf((query.where, beyond)) if query.where else beyond
    return replace(query, where=where, order_by=(Order(ID),), limit=min(query.limit, MOST_ROWS))


async def _queried(org: Reader, query: Query, place: _Keyset) -> Batch:
    asked = _behind(query, place.last)
    rows = await org.rows(query_text(asked), asked)
    if len(rows) < asked.limit:
        return Batch(rows)
    return Batch(rows, str(replace(place, last=rows[-1].id, given=place.given + len(rows))))


async def _made(org: Reader, query: Query, place: _Keyset) -> _Results | None:
    """Make a job for what is left; None where the org takes none, since an ordinary query may still do."""
    text = bulk_text(_behind(query, place.last))
    body = {"operation": "query", "query": text, "columnDelimiter": "COMMA", "lineEnding": "LF"}
    try:
        return _Results(job_id(await org.http.post(org.path("/jobs/query"), json=body)))
    except (UpstreamRejected, NotFound):
        return None


async def _results(org: Reader, facts_of: FactsOf, query: Query, place: _Results) -> Batch:
    org = replace(org, http=org.http.within(place.job))
    if place.total < 0:
        told = await ended(org, "query", place.job)
        if told is None:
            return Batch((), str(place))
        check_complete(told, place.job)
        place = replace(place, total=count_of(told, "numberRecordsProcessed"))
    params = {"maxRecords": str(query.limit)} | ({"locator": place.locator} if place.locator else {})
    where = org.path("/jobs/query/{}/results", place.job)
    answer = await org.http.get(where, params=params, headers={"accept": CSV}, passing=GONE)
    if answer.status in GONE:
        raise lost(answer)
    locator, counted = (answer.headers.get(name, "") for name in ("sforce-locator", "sforce-numberofrecords"))
    if answer.status != 200 or not (locator and counted.isdecimal()):
        raise strange()
    columns = Columns(query.object, query.select, await _types(facts_of, query))
    rows: Sequence[Row] = read_sheet(answer, columns, headed=not place.locator) if int(counted) else ()
    after = replace(place, given=place.given + len(rows), locator=locator)
    ended_here = locator == "null"
    if len(rows) != int(counted) or (ended_here and after.given != place.total):
        raise _short(after)
    if not ended_here and (locator == place.locator or not rows or after.given > place.total):
        raise _short(after)
    return Batch(rows, "" if ended_here else str(after))


async def _types(facts_of: FactsOf, query: Query) -> tuple[FieldType, ...]:
    """Return what the fields of the paths hold; through a reference to several objects, only texts can be had."""
    facts, found = await facts_of(query.object), []
    for path in query.select:
        *hops, last = path.split(".")
        there = facts
        for hop in hops:
            relation = there.relation(hop)
            if relation is None or not relation.references:
                raise strange()
            there = await facts_of(relation.references[0])
        spelled = {name.casefold(): one for name, one in there.fields.items()}
        known = there.fields.get(last) or spelled.get(last.casefold())
        found.append(known.type if known else FieldType.STRING)
    return tuple(found)


def _short(place: _Results) -> UpstreamError:
    return UpstreamError(
        f"the org's results of job {place.job} do not agree with its own count ({place.given} of {place.total} "
        "records); what came so far is not all, so begin the export anew",
        code="incomplete_export",
    )
