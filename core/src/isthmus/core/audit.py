"""What does the journal say of a call? Its entries are built here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

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
        return replace(self._judged(judged), kind=Kind.INTENT, state="open", approval=approval, approver=approver)

    def outcome(self, judged: Judged, forms: Forms, label_after: Label | None, now: datetime, state: str) -> Entry:
        """Say what came of a call, and in which forms it was released."""
        return replace(
            _metered(self._judged(judged), judged.leg, now),
            kind=Kind.OUTCOME,
            state=state,
            forms=tuple(
                FieldForm(name, form, rules) for (form, rules, _), names in forms.fields.items() for name in names
            ),
            basis=", ".join(sorted({basis for _, _, basis in forms.fields if basis})),
            label_after=label_after,
        )

    def refusal(self, call: Call, leg: Leg | None, error: IsthmusError, now: datetime) -> Entry:
        """Say that a call was refused or failed, and by which rules."""
        refused = isinstance(error, Refused)
        entry = replace(
            self._about(call, leg),
            kind=Kind.DECISION if refused else Kind.OUTCOME,
            decision="refused" if refused else "failed",
            error=error.reason,
            rules=error.rules,
        )
        return _metered(entry, leg, now) if leg else entry

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
        return replace(
            self._about(leg.call, leg),
            kind=Kind.LOOKUP,
            object=operation.object,
            effects=tuple(sorted(operation.effects)),
            record_ids=operation.records,
        )

    def _judged(self, judged: Judged) -> Entry:
        operation = judged.operation
        return replace(
            self._about(judged.leg.call, judged.leg),
            decision="allowed",
            object=operation.object,
            effects=tuple(sorted(operation.effects)),
            rules=judged.verdict.rules,
            argument_digest=judged.call_digest,
            record_ids=operation.records,
            version_before=(judged.plan.state.version or "") if judged.plan.state else "",
            label_before=judged.task_label,
        )

    def _about(self, call: Call, leg: Leg | None) -> Entry:
        caller = call.caller
        return Entry(
            kind=Kind.DECISION,
            attempt=leg.id if leg else call.id,
            principal=leg.principal.user if leg else "",
            agent=caller.agent,
            on_behalf_of=caller.user or "",
            client=caller.client,
            tool=call.tool.name,
            schema_hash=call.tool.schema_hash,
            system=call.system,
            connection=leg.connection.name if leg else "",
            object=getattr(call.request, "object", ""),
            door=leg.connection.door if leg else "",
            zone=leg.connection.zone if leg else "",
            consumer=caller.consumer,
            purpose=caller.purpose,
            task=caller.task,
            policy=self.policies,
            approval=call.approval,
            trace_id=call.id,
        )


def _metered(entry: Entry, leg: Leg, now: datetime) -> Entry:
    meter = leg.meter
    return replace(
        entry,
        upstream_request_ids=tuple(meter.upstream_ids[:20]),
        http_status=meter.statuses[-1] if meter.statuses else None,
        attempts=meter.attempts,
        bytes=meter.bytes_in + meter.bytes_out,
        credential_generation=meter.generation,
        quota_spent={leg.connection.name: meter.quota_spent} if meter.quota_spent else {},
        duration_us=int((now - leg.call.started).total_seconds() * 1_000_000),
    )
