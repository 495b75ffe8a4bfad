"""May this call be made? Policy for agent and user, then residency of its own words, then what must be approved."""

import asyncio
import dataclasses
import json
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

import msgspec
from msgspec.structs import replace as changed

from isthmus.core.amounts import UNKNOWN
from isthmus.core.caller import Caller
from isthmus.core.calls import Judged, Leg
from isthmus.core.errors import Denied
from isthmus.core.flows import Flows
from isthmus.core.inheritance import check_figures
from isthmus.core.keyed import KeyedHash
from isthmus.core.operation import Operation
from isthmus.core.parts import Parts
from isthmus.core.plan import Plan
from isthmus.core.policy import Circumstances, Duty, Question, RecordFacts, Verdict, assess, could
from isthmus.core.reach import Reach
from isthmus.core.records import Query
from isthmus.core.request import Describe, Get, Search
from isthmus.core.resolving import resolved
from isthmus.core.tasks import Tasks
from isthmus.core.tools import Tool
from isthmus.residency import Integrity, Label, normalise_country

__all__ = ["Authorizer", "canonical"]

_SHOWING = (Get, Search, Query)
"""Reads that show records, one by one."""

MOST_KEPT = 1_024


class Authorizer:
    """Judge legs; raises Denied or ResidencyError."""

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self._calls = KeyedHash(parts.approval_key)
        self._listed: dict[tuple[str, str | None], Mapping[str, Tool]] = {}
        self._kept: dict[tuple[object, ...], Reach] = {}
        self._reads: dict[tuple[object, ...], Operation] = {}
        self._labels: dict[str, Label | None] = {}

    def judge(self, leg: Leg, plan: Plan) -> Judged:
        """Judge a planned leg over everything that it reads, probes and writes."""
        label = self.task_label(leg)
        plan, question = self.ask(leg, plan, label)
        operation = question.operation
        if isinstance(plan.request, Describe) and plan.facts is None:
            # The list of objects is cut to those that may be described, so there is nothing else to ask.
            return Judged(leg, plan, operation, question, Verdict(allowed=True))
        verdict = self.parts.policy.decide(question)
        if not verdict.allowed and not verdict.approvable:
            raise self._denied(leg, operation, verdict)
        self._can_carry_out(leg, operation, verdict)
        flows = Flows(
            self.parts.releaser,
            self.parts.source(leg.call.system, leg.connection),
            leg.caller,
            self.parts.consumer_zone(leg.caller),
            label,
            self.parts.resolver(leg.caller),
            leg.connection.file_classes,
        )
        smallest = flows.judge(plan)
        call_digest, approval_digest = self._digests(leg, plan, approvable=operation.writes or bool(verdict.approvable))
        judged = Judged(
            leg,
            plan,
            operation,
            question,
            verdict,
            smallest,
            label,
            call_digest,
            approval_digest,
            "" if verdict.allowed else verdict.approvable,
        )
        if plan.reach.lying:
            check_figures(judged, self.parts.policy)
        return judged

    def ask(self, leg: Leg, plan: Plan, label: Label | None) -> tuple[Plan, Question]:
        """Return the plan without fields that nobody named and the caller may not have, and the question to policy.

        `label` is what the caller's task already knows.
        """
        plan = self._trimmed(leg, plan, label)
        return plan, self._question(leg, plan, self._operation(leg, plan, label))

    def may_describe(self, judged: Judged, object: str) -> bool:
        """Tell whether the caller may know that an object exists."""
        operation = changed(judged.operation, object=object, objects=frozenset({object}))
        return self.parts.policy.decide(replace(judged.question, operation=operation)).allowed

    def may_use(self, caller: Caller) -> Mapping[str, Tool]:
        """Return the tools that a caller could use by name, each on the systems where it could."""
        known = self._listed.get((caller.agent, caller.user))
        if known is not None:
            return known
        found = {}
        for tool in self.parts.tools.values():
            open_to = tuple(
                name for name in tool.systems if could(self.parts.policy, caller, name, tool.verb, tool.effects)
            )
            if open_to:
                found[tool.name] = tool if open_to == tool.systems else tool.narrowed(open_to)
        self._listed[caller.agent, caller.user] = found
        return found

    def task_label(self, leg: Leg) -> Label | None:
        """Return what the caller's task already knows, as the store has it in this turn of the event loop.

        Calls that are judged in one turn would read the same, and each read offers the interpreter to other threads.
        """
        key = Tasks.label_keys(leg.caller)[0]
        if key not in self._labels:
            if not self._labels:
                asyncio.get_running_loop().call_soon(self._labels.clear)
            self._labels[key] = self.parts.journal.view().task_label(key)
        return self._labels[key]

    def _trimmed(self, leg: Leg, plan: Plan, label: Label | None) -> Plan:
        """Leave out fields that nobody named and the caller may not have; all of them gone is a plain denial."""
        reach, caller = plan.reach, leg.caller
        if not reach.trim or reach.facts is None:
            return plan
        # Trimmed are reads only, so neither the record nor the task's label has a say.
        key = (
            reach, leg.connection.name, leg.call.tool.name, plan.verb, getattr(plan.request, "limit", 1),
            caller.agent, caller.user, caller.purpose, caller.consumer,
        )  # fmt: skip
        kept = self._kept.get(key)
        if kept is None:
            alone = [changed(plan, reach=Reach(reach.facts, (path,), objects=reach.objects)) for path in reach.paths]
            verdicts = [self._verdict(leg, one, label) for one in alone]
            seen = tuple(path for path, verdict in zip(reach.paths, verdicts, strict=True) if verdict.allowed)
            kept = replace(reach, paths=seen) if 0 < len(seen) < len(reach.paths) else reach
            if len(self._kept) >= MOST_KEPT:
                self._kept.clear()
            if not any(verdict.errors for verdict in verdicts):
                self._kept[key] = kept
        return changed(plan, reach=kept)

    def _verdict(self, leg: Leg, plan: Plan, label: Label | None) -> Verdict:
        return self.parts.policy.decide(self._question(leg, plan, self._operation(leg, plan, label)))

    def _operation(self, leg: Leg, plan: Plan, label: Label | None) -> Operation:
        if not isinstance(plan.request, _SHOWING):
            return self._assessed(leg, plan, label)
        # A read is assessed by what it touches and how much of it, whichever record it names.
        key = (plan.reach, leg.connection.name, leg.call.tool.name, plan.verb, getattr(plan.request, "limit", 1))
        found = self._reads.get(key)
        if found is None:
            if len(self._reads) >= MOST_KEPT:
                self._reads.clear()
            found = self._reads[key] = self._assessed(leg, plan, label).naming()
        return found.naming(plan.record) if plan.record else found

    def _assessed(self, leg: Leg, plan: Plan, label: Label | None) -> Operation:
        operation = plan.operation(leg.connection.name, leg.call.system, leg.call.tool.name)
        states = [operation.transition, *(begins for one in plan.related for begins in one.transitions)]
        amount = leg.connection.amounts.of(plan) if operation.writes else None
        circumstances = Circumstances(
            classes=plan.classes,
            money_or_identity=amount is not None,
            final=any(one is not None and one.to_state in leg.connection.final_states for one in states),
            untrusted=label is not None and label.integrity is Integrity.UNTRUSTED and operation.writes,
        )
        return changed(operation, amount=amount, risk=assess(operation, circumstances).points)

    def _question(self, leg: Leg, plan: Plan, operation: Operation) -> Question:
        records: tuple[RecordFacts, ...] = ()
        if plan.state is not None and plan.facts is not None:
            country = next((str(one) for path in plan.facts.country if (one := plan.state.fields.get(path))), "")
            state = plan.state.fields.get(plan.facts.state_field or "")
            records = (
                RecordFacts(
                    state=state if isinstance(state, str) else "",
                    subject_country=normalise_country(country),
                    classes=plan.classes,
                ),
            )
        return Question(
            caller=leg.caller,
            operation=operation,
            records=records,
            related=plan.related if plan.below else plan.reach.related,
            consumer_zone=self.parts.consumer_zone(leg.caller),
        )

    def _denied(self, leg: Leg, operation: Operation, verdict: Verdict) -> Denied:
        hand = any(one.duty is Duty.HAND_TO_HUMAN for one in verdict.obligations)
        known = self.parts.policy.rules
        untold = operation.amount == UNKNOWN and any(
            known[one].tests("amount") for one in verdict.rules if one in known
        )
        hint = " The amount is not known, which counts as the most." if untold else ""
        return Denied(
            f"{verdict.why}{hint} {'Hand this to a person.' if hand else 'Ask whoever owns the policy if it should.'}",
            subject=leg.caller.agent,
            object=operation.target,
            rules=verdict.rules,
        )

    def _can_carry_out(self, leg: Leg, operation: Operation, verdict: Verdict) -> None:
        """Turn an allow whose obligation cannot be carried out into a deny."""
        for one in verdict.obligations if verdict.allowed else ():
            if one.duty not in (Duty.MASK, Duty.LIMIT_ROWS):
                raise Denied(
                    f"rule {', '.join(verdict.rules)} asks for {one.duty.value!r}, which cannot be done here; "
                    "ask whoever owns the policy",
                    subject=leg.caller.agent,
                    object=operation.target,
                    rules=verdict.rules,
                )

    def _digests(self, leg: Leg, plan: Plan, *, approvable: bool) -> tuple[str, str]:
        """Digest exactly this call, and this call on this version of the record under these policies.

        The second is worked out only where somebody may have to approve the call.
        """
        if isinstance(plan.request, Describe):
            return "", ""
        plain = resolved(plan.request, self.parts.resolver(leg.caller))
        caller = leg.caller
        told = [caller.agent, caller.user, leg.call.tool.name, leg.connection.name, type(plan.request).__name__, plain]
        call = self._hash(told)
        if not approvable:
            return call, ""
        version = plan.state.version if plan.state else None
        return call, self._hash([call, version, leg.call.tool.schema_hash, sorted(self.parts.policies.items())])

    def _hash(self, told: object) -> str:
        return self._calls.digest(canonical(told)).hex()


def canonical(told: object) -> bytes:
    """Write what a digest is taken over: JSON in ASCII, with sorted names and no spaces."""
    if isinstance(told, list) and isinstance(told[-1], Get):
        # Texts only. The quicker writer escapes neither what is not ASCII nor DEL; without them, both write alike.
        with suppress(UnicodeEncodeError):
            written = _QUICK.encode(told)
            if written.isascii() and b"\x7f" not in written:
                return written
    return _CANONICAL.encode(told).encode()


def _plain(value: object) -> object:
    """Write what JSON does not know: the parts of a request by their names, all else as text."""
    if dataclasses.is_dataclass(value):
        return {name: getattr(value, name) for name in value.__dataclass_fields__}
    return str(value)


_QUICK = msgspec.json.Encoder(order="sorted")
_CANONICAL = json.JSONEncoder(sort_keys=True, default=_plain, separators=(",", ":"))
