"""What did a write do, and what of it may its caller know? Durable before it is told."""

from dataclasses import dataclass

from msgspec.structs import replace

from isthmus.core.calls import Done, Judged, Leg
from isthmus.core.connector import Outcome, Written
from isthmus.core.errors import OutcomeUnknown
from isthmus.core.journal import AttemptState, Intent, IntentState, JournalUnavailable, Transaction
from isthmus.core.labelling import answer_label
from isthmus.core.parts import Parts
from isthmus.core.reach import Reach
from isthmus.core.records import Note, Record, Row, Withheld
from isthmus.core.release import Forms, Released
from isthmus.core.request import Create, Invoke, Update, Upsert
from isthmus.core.results import Answer, Result
from isthmus.core.settlement import outcome_json
from isthmus.core.streams import Invoked, LineOutcome, Loaded
from isthmus.core.tasks import Tasks
from isthmus.residency import Form, Label

__all__ = ["Outcomes", "joined", "may_read_vendor_text"]


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Settle writes that happened and release what they did."""

    parts: Parts

    async def wrote(self, judged: Judged, done: Done, intent: Intent | None) -> Result:
        """Settle a write as happened and return what it did; an outcome that cannot be recorded is unknown."""
        if done.invoked is not None:
            return await self._answered(judged, done.invoked, done.repeats, intent)
        if done.loaded is not None:
            return await self._loaded(judged, done.loaded, done.repeats, intent)
        leg, written = judged.leg, done.written
        if written is None:
            raise OutcomeUnknown("the connector did not say what it wrote", intent=intent.id if intent else "")
        altered = self._altered(judged, written, done.repeats)
        records = (written.id, *(id for _, id in written.below))
        await self._happened(judged, written, records, altered, done.repeats, intent)
        source = self.parts.source(leg.call.system, leg.connection)
        told = altered.records[0] if altered.records else None
        return Record(
            judged.operation.object,
            source.id(written.id),
            told.fields if told else {},
            written.version,
            told.withheld if told else (),
            guard=written.guard,
            created=written.created,
            altered=tuple(written.altered),
            below=tuple((object, source.id(id)) for object, id in written.below),
            notes=_told(written.notes, may_see=not written.notes or may_read_vendor_text(self.parts, leg)),
        )

    async def _loaded(self, judged: Judged, loaded: Loaded, repeats: str, intent: Intent | None) -> Loaded:
        """Settle a load; what the system said of its lines passes the gate."""
        written = tuple(one.id for one in loaded.outcomes if not one.code)
        await self._happened(judged, loaded, written, Released((), None, Forms()), repeats, intent)
        source = self.parts.source(judged.leg.call.system, judged.leg.connection)
        may_see = may_read_vendor_text(self.parts, judged.leg)
        return Loaded(
            tuple(
                LineOutcome(
                    source.id(one.id),
                    one.created,
                    one.code,
                    one.field,
                    one.text if may_see else "",
                    one.altered,
                    _told(one.notes, may_see=may_see),
                )
                for one in loaded.outcomes
            )
        )

    async def _answered(self, judged: Judged, invoked: Invoked, repeats: str, intent: Intent | None) -> Answer:
        """Settle what an action did; its answer is given where the caller may see all of it."""
        leg, facts, request = judged.leg, judged.plan.facts, judged.plan.request
        source = self.parts.source(leg.call.system, leg.connection)
        values, released = invoked.values, Released((), None, Forms())
        withheld: tuple[Withheld, ...] = ()
        if values and facts is not None and isinstance(request, Invoke):
            label = answer_label(facts.action(request.action), facts, leg.connection.name)
            decision = self.parts.releaser.decide(label, source, leg.caller)
            released = Released((), label.released(decision.form), Forms())
            told = (decision.form.value, decision.rules, decision.basis)
            released.forms.add(told, frozenset(values))
            if decision.form is not Form.CLEAR:
                values, withheld = {}, (Withheld("the answer", decision.rules),)
        await self._happened(judged, invoked, invoked.records, released, repeats, intent)
        return Answer(judged.operation.object, values, tuple(map(source.id, invoked.records)), withheld)

    async def _happened(
        self,
        judged: Judged,
        outcome: Outcome,
        records: tuple[str, ...],
        released: Released,
        repeats: str,
        intent: Intent | None,
    ) -> None:
        """Make durable that a write happened, and to which records."""
        leg, now = judged.leg, self.parts.now()
        version = outcome.version or "" if isinstance(outcome, Written) else ""

        def work(transaction: Transaction) -> None:
            if intent is not None:
                transaction.settle_intent(intent.id, IntentState.HAPPENED, outcome_json(outcome))
                if self.parts.sequences.names(judged.operation):
                    transaction.finish_attempt(leg.id, AttemptState.DONE, rows=len(records))
            if repeats:
                transaction.collect_outcome(repeats)
            state = "happened" if intent is not None else "repeated" if repeats else "done"
            after = joined(transaction, leg, released.label)
            entry = self.parts.auditor.outcome(judged, released.forms, after, now, state)
            transaction.append(replace(entry, record_ids=records, version_after=version))

        try:
            await self.parts.journal.transact(work)
        except JournalUnavailable as error:
            raise OutcomeUnknown(
                f"the {judged.operation.verb.value} on {judged.operation.target} was done, but that could not be "
                f"recorded ({error.sentence}); mend the journal's disk, then `isthmus intents settle {leg.id}`",
                intent=leg.id,
                subject=leg.caller.agent,
                object=judged.operation.target,
            ) from error
        if self.parts.witness is not None:
            self.parts.witness.labelled(judged, self.parts.resolver(leg.caller))

    def _altered(self, judged: Judged, written: Written, repeats: str) -> Released:
        """Release what the system made of the values where that is something else; a repeat tells its fields only."""
        paths = tuple(one for one in judged.plan.paths if one.path in written.altered)
        if not paths or repeats:
            return Released((), None, Forms())
        plan, leg, request = judged.plan, judged.leg, judged.plan.request
        sent = request.values if isinstance(request, Create | Update | Upsert) else {}
        said = {name: value for name, value in sent.items() if isinstance(value, str)}
        known = {**(plan.state.fields if plan.state else {}), **plan.linked, **said, **written.altered}
        row = Row(judged.operation.object, written.id, known)
        return self.parts.releaser.rows(
            (row,),
            Reach(plan.facts, paths),
            self.parts.source(leg.call.system, leg.connection),
            leg.caller,
            self.parts.owner(leg.caller),
            masked=judged.verdict.masked,
        )


def _told(notes: tuple[Note, ...], *, may_see: bool) -> tuple[Note, ...]:
    """Release what the system said beside a success: its sentences only to whoever may read its own words."""
    return notes if may_see else tuple(Note(one.severity, one.code, one.field) for one in notes)


def joined(transaction: Transaction, leg: Leg, label: Label | None) -> Label | None:
    """Add to what the caller's task knows, and return what it knows then."""
    if label is None:
        return None
    found = [transaction.join_label(key, label) for key in Tasks.label_keys(leg.caller)]
    return found[0]


def may_read_vendor_text(parts: Parts, leg: Leg | None) -> bool:
    """Judge what the system said in its own words as free text about anybody."""
    if leg is None:
        return False
    label = Label.of(("free_text", "pii"), (), (leg.connection.name,), person=True)
    source = parts.source(leg.call.system, leg.connection)
    return parts.releaser.decide(label, source, leg.caller).form is Form.CLEAR
