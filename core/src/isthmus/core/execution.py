"""How does a judged call become requests? Refs become values here, and only here, on their way to their home."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from isthmus.core.calls import Done, Judged
from isthmus.core.commitment import key_of, load_of, under_way
from isthmus.core.connector import Connector
from isthmus.core.cursors import after_condition, endless, went_on, went_on_empty
from isthmus.core.errors import InvalidArguments, OutcomeUnknown, UpstreamError
from isthmus.core.files import File, digest_of, spool
from isthmus.core.metadata import typed
from isthmus.core.parts import Parts
from isthmus.core.records import JSON, MOST_ROWS, Aggregate, AllOf, Condition, Measure, Order, Query, Row, Rows
from isthmus.core.request import (
    Attach,
    Changes,
    Create,
    Delete,
    Describe,
    Download,
    Export,
    Get,
    Invoke,
    Loading,
    Request,
    Search,
    Update,
    Upsert,
)
from isthmus.core.resolving import plain_record, plain_values, resolved
from isthmus.core.settlement import unsent_json
from isthmus.core.streams import NO_LINES, LineOutcome, Load
from isthmus.core.table import Table

__all__ = ["MOST_GROUPS", "SUPPORT", "execute"]

MOST_GROUPS = 2000
"""The most groups that one answer brings (SOQL has the same bound)."""

SUPPORT = "isthmus_support"
"""The name of the figure that counts how many records a group stands for."""


async def execute(judged: Judged, connector: Connector, parts: Parts) -> Done:
    """Send the call through a connector that is bound to it.

    Raises:
        UnderWay: the system goes on with a load beyond the call's deadline.
    """
    plan, relayed = judged.plan, judged.leg.call.relayed
    if relayed is not None:
        return Done(answer=await connector.http.relay(relayed))
    request = resolved(plan.request, parts.resolver(judged.leg.caller))
    match request:
        case Describe(object=""):
            return Done(objects=tuple(await connector.objects()))
        case Describe():
            return Done()
        case Export() | Changes():
            return await _stretch(connector, request, judged)
        case Query():
            rows = await connector.query(_page(request, judged))
            return Done(rows=_kept(rows))
        case Get():
            return Done(rows=(await connector.get(request.object, request.id, plan.reach.reads),))
        case Search():
            found = await connector.search(
                request.text, {request.object: plan.reach.reads}, _limit(request.limit, judged)
            )
            return Done(rows=tuple(found))
        case Download():
            return await _download(connector, request)
        case Aggregate():
            return Done(figures=tuple(await connector.aggregate(_supported(request))))
        case _:
            return await _write(judged, connector, request, parts)


async def _download(connector: Connector, request: Download) -> Done:
    content = spool()
    try:
        told = await connector.download(request.object, request.id, request.file, content)
        size, sha256 = digest_of(content)
    except BaseException:
        content.close()
        raise
    return Done(file=File(request.object, request.file, told.name, told.type, size, sha256, content))


async def _load(judged: Judged, connector: Connector, load: Load, parts: Parts) -> Done:
    async def begun(job: str, unsent: Mapping[int, LineOutcome] = NO_LINES) -> None:
        told: dict[str, JSON] = {**({"job": job} if job else {}), **({"unsent": unsent_json(unsent)} if unsent else {})}
        await parts.journal.transact(lambda transaction: transaction.note_progress(judged.leg.id, told))

    loaded = await connector.load(load, begun)
    if loaded is None:
        raise under_way(judged)
    if len(loaded.outcomes) != len(load.lines):
        raise OutcomeUnknown("the connector did not say what became of every line", intent=judged.leg.id)
    return Done(loaded=loaded)


async def _write(judged: Judged, connector: Connector, request: Request, parts: Parts) -> Done:
    version = judged.plan.state.version if judged.plan.state else None
    match request:
        case Create():
            values = plain_record(request)
            return Done(written=await connector.create(request.object, values, key_of(request, judged)))
        case Update():
            values = plain_values(request.values)
            return Done(written=await connector.update(request.object, request.id, values, request.version or version))
        case Upsert():
            key = key_of(request, judged)
            if key is None:
                raise InvalidArguments("an upsert needs a key", object=request.object)
            return Done(written=await connector.upsert(request.object, key, plain_values(request.values)))
        case Delete():
            return Done(written=await connector.delete(request.object, request.id, request.version or version))
        case Loading():
            return await _load(judged, connector, load_of(request, judged), parts)
        case Attach() if judged.leg.call.upload is not None:
            return Done(written=await connector.attach(request.object, request.id, judged.leg.call.upload))
        case Invoke():
            arguments, own = plain_values(request.arguments), request.key or judged.leg.id
            return Done(invoked=await connector.invoke(request.object, request.action, request.id, arguments, own))
        case _:
            raise InvalidArguments(f"{type(request).__name__} is not implemented by any connector here")


def _page(query: Query, judged: Judged) -> Query:
    """Ask for one row more than wanted, after the last one given, in an order that has no ties.

    Beside the rows of a whole page the one more would cost a request of its own, so it is left out there.
    """
    limit = _limit(query.limit, judged)
    facts = judged.plan.facts
    id_field = facts.id_field if facts else "Id"
    where: Condition | None = query.where
    if judged.leg.last is not None:
        sorted_by = {one.path: one for one in judged.plan.sorted_by}
        keys = [typed(key, sorted_by[one.field]) for one, key in zip(query.order_by, judged.leg.last, strict=False)]
        beyond = after_condition(query.order_by, id_field, (*keys, judged.leg.last[-1]))
        where = AllOf((where, beyond)) if where is not None else beyond
    return replace(
        query,
        select=judged.plan.reach.reads,
        where=where,
        order_by=(*query.order_by, Order(id_field)),
        limit=limit + (limit < MOST_ROWS),
    )


async def _stretch(connector: Connector, request: Export | Changes, judged: Judged) -> Done:
    """Read the next of many records, and what they are labelled by; the connector says where the next ones begin."""
    query = Query(request.object, judged.plan.reach.reads, request.where, limit=_limit(request.limit, judged))
    at = str(judged.leg.last[0]) if judged.leg.last else ""
    if isinstance(request, Export):
        batch = await connector.export(query, at)
        _check_stretch(batch.rows, query.limit, judged, moved=not batch.at or batch.at != at)
        passed = judged.leg.last[1:] if judged.leg.last else ()
        if batch.rows:
            passed = went_on(passed, batch.rows[0].id, judged.operation.target)
        elif batch.at not in ("", at):
            # One that stays where it is waits for the system, each time for no longer than the call's deadline.
            passed = went_on_empty(passed, judged.operation.target)
        return Done(rows=_kept(batch.rows), at=batch.at, passed=passed)
    changed = await connector.changes(query, at or request.since)
    _check_stretch(changed.rows, query.limit, judged, moved=changed.at != (at or request.since))
    return Done(rows=_kept(changed.rows), at=changed.at, deleted=changed.deleted)


def _check_stretch(rows: Sequence[Row], limit: int, judged: Judged, *, moved: bool) -> None:
    """Refuse records beyond what was judged, and those that would come again from the same place for ever."""
    if len(rows) > limit:
        raise UpstreamError(
            f"{judged.operation.target} gave {len(rows)} records where {limit} were asked for; report it to the "
            "connector's author",
            object=judged.operation.target,
        )
    if rows and not moved:
        raise endless(judged.operation.target)


def _kept(rows: Sequence[Row]) -> Sequence[Row]:
    return rows if isinstance(rows, Table | Rows) else tuple(rows)


def _limit(limit: int, judged: Judged) -> int:
    allowed = judged.verdict.row_limit
    return limit if allowed is None else min(limit, allowed)


def _supported(aggregate: Aggregate) -> Aggregate:
    """Count the records behind every group along with its figures, and read all groups: a sum needs each of them."""
    return replace(aggregate, measures=(*aggregate.measures, Measure("count", "", SUPPORT)), limit=MOST_GROUPS)
