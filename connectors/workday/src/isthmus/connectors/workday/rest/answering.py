"""How is a step of a process answered, how is a process begun, and what shows that it happened when no answer came?"""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

from isthmus.connectors.workday.answers import Entity, entity_of, listed_in, text_at
from isthmus.connectors.workday.faults import NOT_AWAITING
from isthmus.connectors.workday.ids import checked_id
from isthmus.connectors.workday.rest.describe import COMMENT, STATE
from isthmus.connectors.workday.rest.processes import PROCESSES, STATES, Process, begun, step_body
from isthmus.connectors.workday.rest.reading import PAGE, Way, read_record
from isthmus.core.connector import Invoked, Outcome, Pending, Settlement, Written
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.http import Path, path
from isthmus.core.nearest import nearest
from isthmus.core.records import JSON, Row

__all__ = ["LONGEST", "answer_step", "begin", "settle_process", "settle_step"]

LONGEST = 900.0
"""Seconds after which a write that is not there will not appear any more."""
SKEW = timedelta(minutes=5)

Settled = tuple[Settlement, Outcome | None]
_UNSURE: Settled = (Settlement.CANNOT_TELL, None)


async def answer_step(way: Way, id: str, values: Mapping[str, JSON]) -> Written:
    """Approve, deny or send back; raises InvalidArguments where the values say anything else.

    A step that no longer waits was perhaps answered by this very write, whose answer was lost: it is read, and what it
    says counts.
    """
    state = values.get(STATE)
    if not isinstance(state, str) or state not in STATES:
        raise InvalidArguments(
            f"a step is only answered: give {STATE} as {', '.join(STATES)}", object=way.collection.object, field=STATE
        )
    body = step_body(checked_id(id), state, {name: one for name, one in values.items() if name != STATE})
    try:
        told = entity_of(await way.http.post(_step_path(way, id, STATES[state]), json=body))
    except UpstreamRejected as error:
        if error.vendor_code != NOT_AWAITING:
            raise
        found = await read_record(way, id, (STATE, COMMENT))
        if not _answered(found, state, values):
            raise
        return Written(found.id)
    if text_at(told, "id") not in ("", id) and "=" not in id:
        raise UpstreamError("the tenant answered for another step", code="unreadable_answer", object=id)
    return Written(id)


async def settle_step(way: Way, pending: Pending) -> Settled:
    """Read the step: its state and its comment tell whether it was answered so."""
    state = pending.values.get(STATE)
    if pending.verb not in ("update", "transition") or not isinstance(state, str) or not pending.id:
        return _UNSURE
    found = await read_record(way, pending.id, (STATE, COMMENT))
    if _answered(found, state, pending.values):
        return Settlement.HAPPENED, Written(found.id)
    if found.fields.get(STATE) == "awaiting" and pending.age > LONGEST:
        return Settlement.NOT_HAPPENED, Written(found.id)
    return Settlement.CANNOT_TELL, Written(found.id)


def _answered(found: Row, state: str, values: Mapping[str, JSON]) -> bool:
    said = values.get(COMMENT) or None
    return found.fields.get(STATE) == state and said in (None, found.fields.get(COMMENT))


def _step_path(way: Way, id: str, action: str) -> Path:
    return path(f"{way.address(id)}/{action}")


async def begin(way: Way, action: str, id: str, arguments: Mapping[str, JSON]) -> Invoked:
    """Begin a process about a worker; returns its event and state, which is seldom that it is done."""
    process = process_of(way, action)
    missing = [name for name in process.required if name not in arguments]
    if missing:
        raise InvalidArguments(f"{action} needs {missing[0]}", object=way.collection.object, field=missing[0])
    declared = {name: arguments[name] for name in process.parameters if name in arguments}
    where = path(f"{way.address(id)}/{action}")
    return begun(entity_of(await way.http.post(where, json=process.body(declared))))


def process_of(way: Way, action: str) -> Process:
    """Return what an action begins; raises InvalidArguments."""
    known = [name for name, one in PROCESSES.items() if way.collection.service in one.services]
    if way.collection.path != ("workers",) or action not in known:
        raise InvalidArguments(
            f"{way.collection.object} has no action {action[:80]!a}{nearest(action, known)}",
            object=way.collection.object, field="action",
        )  # fmt: skip
    return PROCESSES[action]


async def settle_process(way: Way, events: Way | None, pending: Pending) -> Settled:
    """Look at the events of the worker since the write left.

    An event alone may be somebody else's: only one that holds what was proposed proves that it happened. That there is
    none proves nothing, for security hides events.
    """
    sent = datetime.fromtimestamp(way.http.scope.deadline.clock.time() - pending.age, UTC) - SKEW
    if pending.action == "businessTitleChanges":
        return await _settle_title(way, pending, sent)
    if events is None:
        return _UNSURE
    about = {
        "worker": checked_id(pending.id),
        "initiatedOnOrAfter": sent.date().isoformat(),
    }
    page = listed_in(await events.http.get(events.address(), params={**about, "limit": PAGE, "offset": 0}))
    found = [one for one in page.entities if _since(text_at(one, "creationDate"), sent)]
    return Settlement.CANNOT_TELL, _candidates(found)


async def _settle_title(way: Way, pending: Pending, sent: datetime) -> Settled:
    below = path(f"{way.address(pending.id)}/businessTitleChanges")
    page = listed_in(await way.http.get(below, params={"limit": PAGE, "offset": 0}))
    found = [one for one in page.entities if _since(text_at(one, "initiated"), sent)]
    matching = list[Entity]()
    root = f"{way.settings.rest}/{way.collection.service}/{way.settings.tenant}"
    for id in [text_at(one, "id") for one in found[:5]]:
        told = entity_of(await way.http.on(id).get(path(f"{root}/businessTitleChanges/{{}}", checked_id(id))))
        if text_at(told, "proposedBusinessTitle") == pending.values.get("proposedBusinessTitle"):
            matching.append(told)
    if len(matching) == 1:
        return Settlement.HAPPENED, begun(matching[0])
    return Settlement.CANNOT_TELL, _candidates(found)


def _candidates(found: Sequence[Entity]) -> Invoked | None:
    ids = tuple(one for one in (text_at(each, "id") for each in found) if one)
    return Invoked({"candidates": list(ids)}, ()) if ids else None


def _since(text: str, sent: datetime) -> bool:
    """Tell whether a moment, or any part of a day, lies after another one; what cannot be read does."""
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return True
    if len(text) <= 10:
        return found.date() >= sent.date()
    return (found if found.tzinfo else found.replace(tzinfo=UTC)) >= sent
