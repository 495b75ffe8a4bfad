"""What does the journal say of a call? Its entries are built here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache

from msgspec.structs import replace

from isthmus.core.caller import Caller
from isthmus.core.calls import Call, Judged, Leg
from isthmus.core.errors import IsthmusError, Refused
from isthmus.core.journal import Entry, FieldForm, Intent, Kind
from isthmus.core.operation import Operation
from isthmus.core.release import Forms
from isthmus.core.wording import visible
from isthmus.residency import Label

__all__ = ["Auditor"]


@dataclass(frozen=True, slots=True)
class Auditor:
    """Build entries; `policies` maps every policy in force to its digest."""

    policies: Mapping[str, str]

    def intent(self, judged: Judged, approval: str, approver: str) -> Entry:
        """Say that a write is about to be sent."""
        entry = self._entry(Kind.INTENT, judged.leg.call, judged.leg, judged=judged, decision="allowed", state="open")
        return replace(entry, approval=approval, approver=approver)

    def outcome(self, judged: Judged, forms: Forms, label_after: Label | None, now: datetime, state: str) -> Entry:
        """Say what came of a call, and in which forms it was released."""
        # Every read comes by here, so nothing is asked that is known: no detour by way of `_entry`.
        leg, done = judged.leg, judged.operation
        call, home, meter, before = leg.call, leg.connection, leg.meter, judged.plan.state
        caller, tool = call.caller, call.tool
        return Entry(
            agent=caller.agent, approval=call.approval, argument_digest=judged.call_digest, attempt=leg.id,
            attempts=meter.attempts, basis=_basis(forms), bytes=meter.bytes_in + meter.bytes_out,
            client=caller.client, connection=home.name, consumer=caller.consumer,
            credential_generation=meter.generation, decision="allowed", door=home.door,
            duration_us=_micros(now - call.started), effects=tuple(sorted(done.effects)), forms=_field_forms(forms),
            http_status=meter.statuses[-1] if meter.statuses else None, kind=Kind.OUTCOME, label_after=label_after,
            label_before=judged.task_label, object=done.object, on_behalf_of=caller.user or "", policy=self.policies,
            principal=leg.principal.user, purpose=caller.purpose,
            quota_spent={home.name: meter.quota_spent} if meter.quota_spent else {}, record_ids=done.records,
            rules=judged.verdict.rules, schema_hash=tool.schema_hash, state=state, system=call.system,
            task=caller.task, tool=tool.name, trace_id=call.id, upstream_request_ids=tuple(meter.upstream_ids[:20]),
            version_before=(before.version or "") if before else "", zone=home.zone,
        )  # fmt: skip

    def refusal(self, call: Call, leg: Leg | None, error: IsthmusError, now: datetime) -> Entry:
        """Say that a call was refused or failed, and by which rules."""
        refused = isinstance(error, Refused)
        kind, decision = (Kind.DECISION, "refused") if refused else (Kind.OUTCOME, "failed")
        entry = self._entry(kind, call, leg, decision=decision, now=now)
        return replace(entry, error=error.reason, rules=error.rules)

    def unread(self, caller: Caller, tool: str, error: IsthmusError) -> Entry:
        """Say that a call was refused before it was understood; the tool's name is the caller's word."""
        return Entry(
            kind=Kind.DECISION,
            agent=caller.agent,
            on_behalf_of=caller.user or "",
            client=caller.client,
            consumer=caller.consumer,
            purpose=caller.purpose,
            task=caller.task,
            tool=visible(tool)[:100],
            decision="refused",
            error=error.reason,
            policy=self.policies,
        )

    def settled(self, intent: Intent, state: str) -> Entry:
        """Say what reading back told of a write whose outcome was not known."""
        return Entry(
            kind=Kind.OUTCOME,
            attempt=intent.id,
            principal=intent.principal,
            agent=intent.agent,
            on_behalf_of=intent.user or "",
            tool=intent.tool,
            connection=intent.connection,
            object=intent.object,
            decision="reconciled",
            state=state,
            argument_digest=intent.digest,
            policy=self.policies,
            trace_id=intent.id,
        )

    def looked_up(self, leg: Leg, operation: Operation) -> Entry:
        """Say that something was read in order to decide."""
        return self._entry(Kind.LOOKUP, leg.call, leg, operation=operation)

    def _entry(
        self,
        kind: Kind,
        call: Call,
        leg: Leg | None,
        *,
        judged: Judged | None = None,
        operation: Operation | None = None,
        decision: str = "",
        state: str = "",
        now: datetime | None = None,
    ) -> Entry:
        """Say what is known of a call; `now` ends it, so that what was sent by then is told too."""
        caller, home = call.caller, leg.connection if leg else None
        meter = leg.meter if leg and now else None
        before = judged.plan.state if judged else None
        done = judged.operation if judged else operation
        return Entry(
            kind=kind, attempt=leg.id if leg else call.id, trace_id=call.id,
            principal=leg.principal.user if leg else "",
            agent=caller.agent, on_behalf_of=caller.user or "", client=caller.client,
            consumer=caller.consumer, purpose=caller.purpose, task=caller.task,
            tool=call.tool.name, schema_hash=call.tool.schema_hash, approval=call.approval,
            system=call.system, connection=home.name if home else "",
            door=home.door if home else "", zone=home.zone if home else "",
            object=done.object if done else getattr(call.request, "object", ""),
            effects=tuple(sorted(done.effects)) if done else (),
            record_ids=done.records if done else (),
            version_before=(before.version or "") if before else "",
            argument_digest=judged.call_digest if judged else "",
            policy=self.policies, rules=judged.verdict.rules if judged else (), decision=decision, state=state,
            label_before=judged.task_label if judged else None,
            credential_generation=meter.generation if meter else None,
            upstream_request_ids=tuple(meter.upstream_ids[:20]) if meter else (),
            http_status=meter.statuses[-1] if meter and meter.statuses else None,
            attempts=meter.attempts if meter else None,
            bytes=meter.bytes_in + meter.bytes_out if meter else None,
            duration_us=_micros(now - call.started) if meter and now else None,
            quota_spent={home.name: meter.quota_spent} if home and meter and meter.quota_spent else {},
        )  # fmt: skip


def _field_forms(forms: Forms) -> tuple[FieldForm, ...]:
    return tuple(_released(names, form, rules) for (form, rules, _), names in forms.fields.items())


@lru_cache(maxsize=1_024)
def _released(names: frozenset[str], form: str, rules: tuple[str, ...]) -> FieldForm:
    return FieldForm(names, form, rules)


def _basis(forms: Forms) -> str:
    return ", ".join(sorted({basis for _, _, basis in forms.fields if basis}))


def _micros(took: timedelta) -> int:
    return int(took.total_seconds() * 1_000_000)
