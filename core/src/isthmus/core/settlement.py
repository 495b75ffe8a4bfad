"""What became of a write whose answer was lost? Read back, never guessed; what stays open is settled later."""

import asyncio
import logging
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import PurePath
from typing import cast

from isthmus.core.caller import Principal
from isthmus.core.calls import Done, Judged, Leg
from isthmus.core.connector import Key, Outcome, Pending, Settlement
from isthmus.core.errors import IsthmusError, OutcomeUnknown, RetryLater, UnderWay, UpstreamError
from isthmus.core.http import NO_ANSWER, CallScope, Meter
from isthmus.core.journal import Intent, IntentState, Scope, Transaction
from isthmus.core.operation import Verb
from isthmus.core.parts import Parts
from isthmus.core.records import JSON
from isthmus.core.request import Loading
from isthmus.core.resilience import Deadline
from isthmus.core.streams import Invoked, Line, LineOutcome, Load, Loaded

__all__ = ["Settler", "load_json", "outcome_json", "stored_load", "unsent_json"]

LOG = logging.getLogger("isthmus.settlement")
READ_BACK_AFTER = (0.2, 1.0, 3.0)
"""Seconds before each look: the system may need a moment before it shows what it did."""
READ_BACK_WITHIN = 30.0
OWED_FOR = timedelta(hours=24)
"""How long an outcome that was settled behind its caller's back waits to be given to the identical call."""
_STATES = {
    Settlement.HAPPENED: IntentState.HAPPENED,
    Settlement.NOT_HAPPENED: IntentState.NOT_HAPPENED,
    Settlement.CANNOT_TELL: IntentState.UNKNOWN,
}


@dataclass(frozen=True, slots=True)
class Settler:
    """Settle intents by reading back, on the connection's identity and a deadline of its own."""

    parts: Parts
    _running: dict[str, asyncio.Future[Intent]] = field(default_factory=dict)

    async def after(self, judged: Judged, intent: Intent, error: Exception) -> Done:
        """Return what a failed write did after all; raises the error where it did nothing, or OutcomeUnknown."""
        meter, loads = judged.leg.meter, isinstance(judged.plan.request, Loading)
        if isinstance(error, UnderWay):
            raise error
        if not meter.write_sent or (meter.write_answered and not meter.writes_done):
            raise error
        # A load has noted its job since.
        intent = self.parts.journal.view().intent(intent.id) or intent
        settlement, outcome = await self._read_back(intent)
        if settlement is Settlement.HAPPENED and outcome is not None:
            return done_of(outcome)
        if settlement is Settlement.NOT_HAPPENED and (loads or not meter.writes_done):
            if not _leaves_open(error):
                raise error
            raise RetryLater(
                f"the {judged.operation.verb.value} on {judged.operation.target} was sent and its answer was lost; "
                "reading back shows that it wrote nothing. Repeat the call",
                subject=judged.leg.caller.agent,
                object=judged.operation.target,
            ) from error
        raise OutcomeUnknown(
            f"the {judged.operation.verb.value} on {judged.operation.target} was sent and its answer was lost; reading "
            f"back does not tell what happened. Do not repeat it in another form: repeat exactly this call later, or "
            f"run `isthmus intents settle {intent.id}`",
            intent=intent.id,
            subject=judged.leg.caller.agent,
            object=judged.operation.target,
        ) from error

    async def settle_open(self, intent: Intent) -> Intent:
        """Settle an intent that somebody left open, under a lease; returns it as it then is.

        Callers in this process share one settlement; the lease keeps other processes out.
        """
        running = self._running.get(intent.id)
        if running is None:
            running = self._running[intent.id] = asyncio.ensure_future(self._settle_leased(intent))
            running.add_done_callback(lambda _: self._running.pop(intent.id, None))
        return await asyncio.shield(running)

    def settles(self, intent: Intent) -> bool:
        """Tell whether this process is settling an intent right now."""
        return intent.id in self._running

    async def aclose(self) -> None:
        """Leave what is being settled to the next process: it looks again once the lease has run out."""
        running = set(self._running.values())
        for one in running:
            one.cancel()
        if running:
            await asyncio.wait(running)

    async def _settle_leased(self, intent: Intent) -> Intent:
        now = self.parts.now()
        until = now + timedelta(seconds=READ_BACK_WITHIN + 5)
        owner = self.parts.process
        if not await self.parts.journal.transact(lambda tx: tx.take_lease(intent.id, owner, until)):
            return self.parts.journal.view().intent(intent.id) or intent
        settlement, outcome = await self._read_back(intent)
        return await self.record(intent, _STATES[settlement], outcome)

    async def record(self, intent: Intent, state: IntentState, outcome: Outcome | None) -> Intent:
        """Make a settlement durable: the intent's state and an entry, in one transaction."""

        def work(transaction: Transaction) -> Intent:
            known = transaction.intent(intent.id)
            if known is not None and known.state.settled:
                return known
            owed = transaction.now + OWED_FOR if state is IntentState.HAPPENED else None
            told = outcome_json(outcome) if outcome else {}
            settled = transaction.settle_intent(intent.id, state, told, owed_until=owed)
            transaction.append(self.parts.auditor.settled(intent, state.value))
            return settled

        return await self.parts.journal.transact(work)

    async def settle_all(self) -> tuple[Intent, ...]:
        """Settle what other processes left open and return it; leases keep two processes from doing so at once."""
        expired = [one for one in self.parts.journal.view().open_intents() if self._abandoned(one)]
        return tuple([await self.settle_open(one) for one in expired])

    def _abandoned(self, intent: Intent) -> bool:
        known = any(intent.connection in system.connections for system in self.parts.systems.values())
        paused = (Scope.CONNECTION, intent.connection) in self.parts.journal.view().paused()
        return known and not paused and (intent.lease_until is None or intent.lease_until <= self.parts.now())

    async def _read_back(self, intent: Intent) -> tuple[Settlement, Outcome | None]:
        connection = self.parts.connection(intent.connection)
        pending = _pending(intent)
        deadline = Deadline.after(READ_BACK_WITHIN, self.parts.clock)
        for pause in READ_BACK_AFTER:
            await self.parts.clock.sleep(pause)
            scope = CallScope(
                principal=Principal(connection.name, intent.principal),
                operation=connection.reading_back(Verb(pending.verb), pending.object, pending.id, _below(intent)),
                deadline=deadline,
                permit=None,
                meter=Meter(),
                correlation_id=intent.id,
                waiting="reconcile",
                agent=intent.agent,
            )
            age = (self.parts.now() - intent.opened_at).total_seconds()
            try:
                settlement, outcome = await connection.bind(scope).reconcile(replace(pending, age=age))
            except Exception as error:  # noqa: BLE001 nothing a connector raises here tells what became of the write
                LOG.warning("reading back intent %s failed: %s", intent.id, type(error).__name__)
                continue
            if settlement is not Settlement.CANNOT_TELL:
                return settlement, outcome
        return Settlement.CANNOT_TELL, None


def _leaves_open(error: Exception) -> bool:
    """Tell whether an error's sentence says that nobody knows what became of the write."""
    return isinstance(error, OutcomeUnknown) or (isinstance(error, UpstreamError) and error.reason == NO_ANSWER)


def outcome_json(written: Outcome) -> dict[str, JSON]:
    """Store what a write did, to be given again for the same key."""
    if isinstance(written, Loaded):
        # What the system said of a line is data: only codes and names are kept.
        return {"lines": [[one.id, one.created, one.code, one.field, list(one.altered)] for one in written.outcomes]}
    if isinstance(written, Invoked):
        return {"records": list(written.records)}
    found: dict[str, JSON] = {"id": written.id, "created": written.created}
    # What the system made of the values is data: only the names of the fields are kept.
    told = (
        ("version", written.version),
        ("guard", written.guard),
        ("altered", sorted(written.altered)),
        ("below", [list(one) for one in written.below]),
        ("notes", [[one.severity, one.code, one.field] for one in written.notes]),
    )
    return found | {name: value for name, value in told if value}


def done_of(outcome: Outcome, repeats: str = "") -> Done:
    """Say what a write did; `repeats` is the intent that did it."""
    match outcome:
        case Loaded():
            return Done(loaded=outcome, repeats=repeats)
        case Invoked():
            return Done(invoked=outcome, repeats=repeats)
        case _:
            return Done(written=outcome, repeats=repeats)


def stored_load(outcome: Mapping[str, JSON]) -> Loaded:
    """Read what `outcome_json` stored of a load."""
    told = cast("Sequence[tuple[str, bool, str, str, Sequence[str]]]", outcome.get("lines", ()))
    return Loaded(
        tuple(LineOutcome(id, made, code, field, altered=tuple(other)) for id, made, code, field, other in told)
    )


def load_json(load: Load) -> JSON:
    """Keep a load until it is settled."""
    lines = [[dict(one.values), one.id, one.key] for one in load.lines]
    return {"action": load.action, "key_field": load.key_field, "lines": lines}


def unsent_json(unsent: Mapping[int, LineOutcome]) -> dict[str, JSON]:
    """Keep which lines of a load will not leave, and why, by code and field alone."""
    return {str(number): [one.code, one.field] for number, one in unsent.items()}


def _load(object: str, told: JSON, unsent: JSON) -> Load | None:
    if not isinstance(told, Mapping):
        return None
    refused = cast("Mapping[str, Sequence[str]]", unsent or {})
    lines = cast("Sequence[tuple[Mapping[str, JSON], str, str | None]]", told["lines"])
    left = {int(number): LineOutcome(code=code, field=field) for number, (code, field) in refused.items()}
    return Load(object, str(told["action"]), tuple(Line(*one) for one in lines), str(told["key_field"]), left)


def _below(intent: Intent) -> Sequence[str]:
    told = intent.payload.get("below")
    return [str(one) for one in told] if isinstance(told, list) else []


def _pending(intent: Intent) -> Pending:
    told = intent.payload
    key, values, version = told.get("key"), told.get("values"), told.get("version")
    return Pending(
        verb=str(told.get("verb", "")),
        object=intent.object,
        id=str(told.get("id") or ""),
        key=Key(str(key["field"]), str(key["value"])) if isinstance(key, Mapping) else None,
        values=values if isinstance(values, Mapping) else {},
        version=version if isinstance(version, str) else None,
        action=str(told.get("action") or ""),
        load=_load(intent.object, told.get("load"), told.get("unsent")),
        job=str(told.get("job") or ""),
    )


def as_failure(error: Exception, leg: Leg) -> IsthmusError:
    """Return an error of the tree; a connector's own fault becomes one that names the connection and the line.

    The fault itself stays out of every traceback, since its text may hold data.
    """
    if isinstance(error, IsthmusError):
        return error
    frame = traceback.extract_tb(error.__traceback__)[-1:]
    where = f" at {PurePath(frame[0].filename).name}:{frame[0].lineno}" if frame else ""
    target = f"{leg.connection.name}/{getattr(leg.call.request, 'object', '')}"
    failure = UpstreamError(
        f"the connector of {leg.connection.name!r} failed on {target} "
        f"({type(error).__name__}{where}); report it to the connector's author",
        code="connector_fault",
        object=target,
    )
    failure.__suppress_context__ = True
    return failure
