"""When is a call committed to? Once sequence rules, approval and intent are durable, in one transaction."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from isthmus.core import policy
from isthmus.core.calls import Done, Judged
from isthmus.core.connector import Key, Outcome, Written
from isthmus.core.errors import ApprovalRequired, Conflict, Denied, OutcomeUnknown, UnderWay
from isthmus.core.journal import (
    Approval,
    ApprovalState,
    ApprovalUnusable,
    Attempt,
    Intent,
    IntentOpen,
    IntentState,
    KeyUsed,
    Transaction,
)
from isthmus.core.parts import Parts
from isthmus.core.pauses import Pauses
from isthmus.core.plan import Plan
from isthmus.core.records import JSON, Note
from isthmus.core.request import Attach, Create, Delete, Invoke, Loading, Request, Update, Upsert
from isthmus.core.resolving import plain_record, plain_values, resolved
from isthmus.core.settlement import Settler, done_of, load_json, stored_load
from isthmus.core.streams import Invoked, Line, Load
from isthmus.core.summary import summarise
from isthmus.residency import Integrity

__all__ = ["Committer"]

APPROVAL_LIFE = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Committer:
    """Make calls durable before they are sent."""

    parts: Parts
    settler: Settler
    pauses: Pauses

    async def earlier(self, judged: Judged) -> Done | None:
        """Return the stored outcome of the same call or key; raises OutcomeUnknown or Conflict while there is none."""
        if not judged.operation.writes:
            return None
        twin = self._twin(judged)
        if twin is None:
            return None
        if twin.digest != judged.call_digest:
            raise Conflict(
                f"key {twin.key!r} was used for a call with other arguments; use another key",
                subject=judged.leg.caller.agent,
                object=judged.operation.target,
            )
        leased = twin.state is IntentState.OPEN and twin.lease_until and twin.lease_until > self.parts.now()
        if leased and not self.settler.settles(twin):
            raise _twin_under_way(judged)
        if not twin.state.settled:
            twin = await self.settler.settle_open(twin)
        if twin.state is IntentState.HAPPENED:
            return done_of(_stored(twin, judged.plan.request), twin.id)
        if twin.state is IntentState.NOT_HAPPENED:
            return None
        if isinstance(judged.plan.request, Loading) and twin.payload.get("job"):
            raise under_way(judged, twin.id)
        raise OutcomeUnknown(
            f"an identical call left and its outcome is not known; run `isthmus intents settle {twin.id}` "
            "or wait, and do not send it under another form",
            intent=twin.id,
            subject=judged.leg.caller.agent,
            object=judged.operation.target,
        )

    async def commit(self, judged: Judged) -> Intent | None:
        """Make the call durable: sequence check and attempt, approval consumed, intent written; all or nothing.

        Raises ApprovalRequired, Denied (a sequence rule, or a pause), Conflict (an identical call is under way).
        """
        named = self.parts.sequences.names(judged.operation)
        approval = await self._approval(judged) if judged.needs_approval_of else None
        if not (named or approval or judged.operation.writes):
            return None
        intent = self._intent(judged) if judged.operation.writes else None
        # Refs resolve on the loop's thread; the unit of work below runs on the journal's.
        same = self._same(judged) if named else {}

        def work(transaction: Transaction) -> None:
            if named:
                self._check_sequence(transaction, judged, same)
            if intent is not None:
                self.pauses.check_write(judged, transaction)
            if approval is not None:
                transaction.consume(approval.id, judged.approval_digest, transaction.now)
            if intent is not None:
                transaction.open_intent(intent)
                entry = self.parts.auditor.intent(
                    judged, approval.id if approval else "", approval.approver if approval else ""
                )
                transaction.append(entry)

        try:
            await self.parts.journal.transact(work)
        except (IntentOpen, KeyUsed) as error:
            raise _twin_under_way(judged) from error
        except ApprovalUnusable as error:
            raise Conflict(
                f"{error.sentence}", subject=judged.leg.caller.agent, object=judged.operation.target
            ) from error
        return intent

    def _twin(self, judged: Judged) -> Intent | None:
        caller, view = judged.leg.caller, self.parts.journal.view()
        request = judged.plan.request
        if isinstance(request, Create | Loading | Invoke) and request.key:
            found = view.intent_for_key(caller.agent, caller.user, judged.leg.call.tool.name, request.key)
            if found is not None:
                return found
        waiting = view.open_intent_for(caller.agent, caller.user, judged.call_digest)
        return waiting or view.owed_intent_for(caller.agent, caller.user, judged.call_digest, self.parts.now())

    def _check_sequence(self, transaction: Transaction, judged: Judged, same: Mapping[str, str]) -> None:
        """Judge the sequence rules on the ledger as it is in this transaction, then enter the attempt."""
        leg, rules, now = judged.leg, self.parts.sequences, transaction.now
        acting = leg.caller.user or self.parts.policy.directory.agents[leg.caller.agent].owner
        caller = replace(leg.caller, user=acting)
        reach = rules.lookback(judged.operation)
        since = now - (reach if reach is not None else timedelta(days=365))
        earlier = [
            policy.Attempt(
                one.at, one.agent, acting if one.user == transaction.pseudonym(acting) else one.user or "", one.task,
                one.system, one.connection, one.verb, "+".join(sorted(one.effects)), one.object, dict(one.same),
                _ATTEMPTS.get(one.state.value, one.state.value),
            )
            for one in transaction.attempts(since)
        ]  # fmt: skip
        integrity = judged.task_label.integrity.value if judged.task_label else Integrity.TRUSTED.value
        hashed = {name: transaction.pseudonym(value) for name, value in same.items()}
        broken = rules.judge(judged.operation, caller, hashed, now, earlier, integrity=integrity)
        if broken:
            raise Denied(
                f"sequence rule {broken[0].rule!r} forbids this now"
                + (f", because {broken[0].why}" if broken[0].why else "")
                + "; hand this to a person",
                subject=leg.caller.agent,
                object=judged.operation.target,
                rules=tuple(one.rule for one in broken),
            )
        transaction.record_attempt(
            Attempt(
                id=leg.id,
                at=now,
                agent=leg.caller.agent,
                user=acting,
                task=leg.caller.task,
                system=leg.call.system,
                connection=leg.connection.name,
                verb=judged.operation.verb.value,
                effects=frozenset(effect.value for effect in judged.operation.effects),
                object=judged.operation.object,
                same=same,
                risk=judged.operation.risk,
                rows=judged.operation.rows,
            )
        )

    def _same(self, judged: Judged) -> dict[str, str]:
        wanted = self.parts.sequences.same_keys(judged.operation)
        request = judged.plan.request
        known: dict[str, object] = {"id": judged.plan.record}
        if isinstance(request, Create | Update | Upsert):
            known |= dict(resolved(request, self.parts.resolver(judged.leg.caller)).values)  # type: ignore[union-attr]
        return {name: policy.canonical(known[name]) for name in wanted if known.get(name)}

    async def _approval(self, judged: Judged) -> Approval:
        """Return the granted approval of exactly this call, or ask for one and refuse."""
        leg, now = judged.leg, self.parts.now()
        view = self.parts.journal.view()
        found = view.approval_for(leg.caller.agent, leg.caller.user, judged.approval_digest, now)
        if found is not None and found.state is ApprovalState.APPROVED:
            self._approver_may(judged, found)
            return found
        asked = Approval(
            id=f"ap_{self.parts.new_id()}",
            digest=judged.approval_digest,
            agent=leg.caller.agent,
            user=leg.caller.user,
            tool=leg.call.tool.name,
            summary=summarise(judged),
            asked_of=judged.needs_approval_of,
            asked_at=now,
            expires=now + APPROVAL_LIFE,
        )
        waiting = await self.parts.journal.transact(lambda transaction: transaction.ask(asked))
        raise ApprovalRequired(
            f"{judged.needs_approval_of} has to approve this {judged.operation.verb.value} on "
            f"{judged.operation.target}: `isthmus approvals approve {waiting.id} --as USER`; "
            "then repeat the call unchanged",
            approval=waiting.id,
            expires=waiting.expires,
            asked_of=judged.needs_approval_of,
            subject=leg.caller.agent,
            object=judged.operation.target,
        )

    def _approver_may(self, judged: Judged, approval: Approval) -> None:
        """Refuse where the approver is not who was asked, or could not do it himself now."""
        caller = judged.leg.caller
        asked = self.parts.policy.may_approve(judged.needs_approval_of, approval.approver, caller)
        as_approver = replace(judged.question, caller=replace(caller, user=approval.approver), approved=True)
        if not asked or not self.parts.policy.decide(as_approver).allowed:
            raise Denied(
                f"{approval.approver!r} may not approve this call; {judged.needs_approval_of} has to",
                subject=caller.agent,
                object=judged.operation.target,
            )

    def _intent(self, judged: Judged) -> Intent:
        leg, request = judged.leg, judged.plan.request
        return Intent(
            id=leg.id,
            digest=judged.call_digest,
            agent=leg.caller.agent,
            user=leg.caller.user,
            principal=leg.principal.user,
            tool=leg.call.tool.name,
            connection=leg.connection.name,
            object=judged.operation.object,
            key=request.key or None if isinstance(request, Create | Loading | Invoke) else None,
            opened_at=self.parts.now(),
            lease_owner=self.parts.process,
            lease_until=self.parts.now() + timedelta(seconds=leg.call.deadline.remaining() + 30),
            payload=self._payload(judged),
        )

    def _payload(self, judged: Judged) -> dict[str, JSON]:
        """Keep what reading back needs: sealed, and gone once the intent is settled."""
        request = resolved(judged.plan.request, self.parts.resolver(judged.leg.caller))
        key = key_of(request, judged)
        load = load_of(request, judged) if isinstance(request, Loading) else None
        return {
            "verb": judged.operation.verb.value,
            "id": judged.plan.record,
            "key": {"field": key.field, "value": key.value} if key else None,
            "values": _told_by(request),
            "version": judged.plan.state.version if judged.plan.state else None,
            **({"below": _objects_below(judged.plan)} if judged.plan.below else {}),
            **({"load": load_json(load)} if load else {}),
            **({"action": request.action} if isinstance(request, Invoke) else {}),
        }


_ATTEMPTS = {"attempted": "in_flight", "done": "succeeded", "failed": "failed"}


def key_of(request: Request, judged: Judged) -> Key | None:
    """Return the key of a write whose refs are resolved: an upsert's own, or what a create's key field will hold."""
    if isinstance(request, Upsert):
        return Key(request.key_field, str(request.key))
    if isinstance(request, Invoke):
        return Key("", request.key or judged.leg.id)
    field = judged.leg.connection.key_fields.get(judged.operation.object)
    if not isinstance(request, Create) or field is None:
        return None
    told = request.values.get(field)
    return Key(field, str(told) if told else request.key or judged.leg.id)


def load_of(request: Loading, judged: Judged) -> Load:
    """Return a load whose refs are resolved as its connector takes it: with a key for every line that can have one."""
    first = request.lines[0]
    made = first.key_field if isinstance(first, Upsert) else judged.leg.connection.key_fields.get(request.object, "")
    lines = []
    for number, line in enumerate(request.lines):
        match line:
            case Create(values=values):
                told = values.get(made)
                own = f"{request.key or judged.leg.id}:{number}"
                lines.append(Line(plain_values(values), key=(str(told) if told else own) if made else None))
            case Update(values=values):
                lines.append(Line(plain_values(values), id=line.id))
            case Upsert(values=values):
                lines.append(Line(plain_values(values), key=str(line.key)))
            case Delete():
                lines.append(Line(id=line.id))
    return Load(request.object, request.action, tuple(lines), made if request.action in ("create", "upsert") else "")


def under_way(judged: Judged, intent: str = "") -> UnderWay:
    """Say that the system has not ended a load yet."""
    return UnderWay(
        f"{judged.leg.connection.name!r} is still at this load of {judged.operation.object}; repeat exactly this call "
        "to wait for its outcome",
        intent=intent or judged.leg.id,
        subject=judged.leg.caller.agent,
        object=judged.operation.target,
    )


def _twin_under_way(judged: Judged) -> Conflict:
    return Conflict(
        "the same call is under way; wait for its outcome, then repeat this call to get it",
        subject=judged.leg.caller.agent,
        object=judged.operation.target,
    )


def _objects_below(plan: Plan) -> list[JSON]:
    return [*sorted({one.facts.name for one in plan.below if one.facts})]


def _told_by(request: Request) -> Mapping[str, JSON]:
    """Return what a write says, as reading it back needs it."""
    match request:
        case Create():
            return plain_record(request)
        case Update(values=values) | Upsert(values=values) | Invoke(arguments=values):
            return plain_values(values)
        case Attach():
            return {"name": request.name, "type": request.type, "size": request.size, "sha256": request.sha256}
        case _:
            return {}


def _stored(intent: Intent, request: Request) -> Outcome:
    outcome = intent.outcome
    if isinstance(request, Loading):
        return stored_load(outcome)
    if isinstance(request, Invoke):
        records = outcome.get("records")
        return Invoked(records=tuple(map(str, records)) if isinstance(records, list) else ())
    version, guard, altered = outcome.get("version"), outcome.get("guard"), outcome.get("altered")
    below = cast("Sequence[tuple[str, str]]", outcome.get("below", ()))
    return Written(
        str(outcome.get("id", "")),
        outcome.get("created") is True,
        version if isinstance(version, str) else None,
        guard if isinstance(guard, str) else None,
        dict.fromkeys(map(str, altered)) if isinstance(altered, list) else {},
        tuple((object, id) for object, id in below),
        tuple(Note(*one) for one in cast("Sequence[tuple[str, str, str]]", outcome.get("notes", ()))),
    )
