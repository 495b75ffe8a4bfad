"""What leaves, and what is known of it for ever? Outcome, label and audit entry are durable before the answer goes."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress

from msgspec import Struct

from isthmus.core.caller import Caller
from isthmus.core.calls import Call, Done, Judged, Leg
from isthmus.core.cursors import Cursor, Scalar, merged
from isthmus.core.errors import IsthmusError, OutcomeUnknown, UpstreamRejected
from isthmus.core.execution import MOST_GROUPS, SUPPORT
from isthmus.core.files import File
from isthmus.core.flows import answers, compared_with_refs, file_label
from isthmus.core.inheritance import forbidden_kind, readable
from isthmus.core.journal import AttemptState, Intent, IntentState, JournalUnavailable, Transaction
from isthmus.core.labelling import anything, label_of
from isthmus.core.merging import combine
from isthmus.core.metadata import FieldPath
from isthmus.core.outcomes import joined, may_read_vendor_text
from isthmus.core.parts import Parts
from isthmus.core.records import MOST_ROWS, Aggregate, Page, Query, Record, Row, Rows, Withheld
from isthmus.core.release import Forms, Released, as_value
from isthmus.core.request import Changes, Describe, Download, Export, Get, Relay
from isthmus.core.results import Description, Groups, Result
from isthmus.residency import Label

__all__ = ["Fetched", "Recorder"]

_OF_THE_SYSTEM = (Describe, Relay)
"""Reads that show no records."""


class Fetched(Struct, frozen=True, gc=False):
    """A leg that was read, not yet released."""

    judged: Judged
    done: Done


@dataclass(frozen=True, slots=True)
class Recorder:
    """Release answers and record everything, refusals included."""

    parts: Parts

    async def read(
        self, call: Call, fetched: Sequence[Fetched], refused: Sequence[Withheld], waiting: Collection[str] = ()
    ) -> Result:
        """Release what the legs of a read brought back; all legs are recorded in one transaction.

        `waiting` are connections that this page did not get to.
        """
        first = fetched[0].judged.plan.request
        if isinstance(first, Download):
            return await self._file(fetched[0])
        if isinstance(first, Aggregate):
            return await self._figures(fetched, refused)
        if isinstance(first, _OF_THE_SYSTEM):
            return await self._metadata(fetched)
        if isinstance(first, Get):
            return await self._row(fetched[0])
        return await self._rows(call, fetched, refused, waiting)

    async def _file(self, one: Fetched) -> File:
        """Hand out a file, once it is recorded who got it; nobody else keeps its bytes."""
        file, connection = one.done.file, one.judged.leg.connection
        label = file_label(one.judged.plan, connection.file_classes, connection.name)
        if file is None:
            raise TypeError("a download brought no file")
        out = Released((), label, Forms())
        try:
            await self._record_reads((one,), {connection.name: out})
        except BaseException:
            file.close()
            raise
        file.id = self._id(one, file.id)
        return file

    async def _row(self, one: Fetched) -> Record:
        released = self._released(one, one.done.rows)
        await self._record_reads((one,), {one.judged.leg.connection.name: released})
        return released.records[0]

    async def _rows(
        self, call: Call, fetched: Sequence[Fetched], refused: Sequence[Withheld], waiting: Collection[str]
    ) -> Result:
        request = fetched[0].judged.plan.request
        orders = request.order_by if isinstance(request, Query) else ()
        if isinstance(request, Export | Changes):
            limit = sum(len(one.done.rows) for one in fetched)
        else:
            limit = min(self._limit(one) for one in fetched)
        legs = {one.judged.leg.connection.name: one for one in fetched}
        rows, homes = merged({name: one.done.rows for name, one in legs.items()}, orders, limit)
        shown, shown_homes, kept_back = self._shown(legs, rows, homes)
        refused = (*refused, *kept_back)
        released = {name: self._released(one, shown[name]) for name, one in legs.items()}
        await self._record_reads(fetched, released)
        records = _in_order(shown_homes, released)
        if not isinstance(request, Query):
            return Page(records, complete=False, withheld=tuple(refused))
        gone, unsaid = self._gone(fetched)
        refused = (*refused, *unsaid)
        after = self._after(call, request, legs, rows, waiting)
        complete = not refused and all(_whole_answer(one) for one in fetched)
        return Page(records, after, complete=complete, withheld=tuple(refused), deleted=gone)

    def _gone(self, fetched: Sequence[Fetched]) -> tuple[tuple[str, ...], Sequence[Withheld]]:
        """Return the ids of what is gone; they do not say in which object it lay, so all of these must be open."""
        gone, withheld = list[str](), list[Withheld]()
        for one in fetched:
            rules = forbidden_kind(one.judged, self.parts.policy) if one.done.deleted else None
            if rules is None:
                gone += (self._id(one, id) for id in one.done.deleted)
            else:
                withheld.append(Withheld("ids of deleted records", rules))
        return tuple(gone), withheld

    def _id(self, one: Fetched, id: str) -> str:
        return self.parts.source(one.judged.leg.call.system, one.judged.leg.connection).id(id)

    def _shown(
        self, legs: Mapping[str, Fetched], rows: Mapping[str, Sequence[Row]], homes: Sequence[str]
    ) -> tuple[Mapping[str, Sequence[Row]], Sequence[str], Sequence[Withheld]]:
        """Leave out records that would tell what a ref stands for, and those of objects that may not be read."""
        withheld: list[Withheld] = []
        if any(one.judged.plan.reach.lying for one in legs.values()):
            lying = {name: readable(legs[name].judged, some, self.parts.policy) for name, some in rows.items()}
            rows, left = _left(rows, homes, {name: one for name, (one, _) in lying.items()})
            if len(left) < len(homes):
                rules = dict.fromkeys(rule for _, some in lying.values() for rule in some)
                withheld.append(Withheld("records that lie in an object which may not be read", tuple(rules)))
            homes = left
        compared = {name: compared_with_refs(one.judged.plan) for name, one in legs.items()}
        if any(compared.values()):
            kept = {
                name: [self._answers(legs[name], row, compared[name]) for row in some] for name, some in rows.items()
            }
            rows, left = _left(rows, homes, kept)
            if len(left) < len(homes):
                withheld.append(Withheld("records that would tell what a ref stands for", ("refs-stay-opaque",)))
            homes = left
        return rows, homes, withheld

    def _answers(self, one: Fetched, row: Row, compared: Sequence[FieldPath]) -> bool:
        leg = one.judged.leg
        source = self.parts.source(leg.call.system, leg.connection)
        return answers(row, compared, self.parts.releaser, source, leg.caller)

    def _limit(self, one: Fetched) -> int:
        limit = getattr(one.judged.plan.request, "limit", 1)
        allowed = one.judged.verdict.row_limit
        return limit if allowed is None else min(limit, allowed)

    def _released(self, one: Fetched, rows: Sequence[Row]) -> Released:
        leg = one.judged.leg
        return self.parts.releaser.rows(
            rows,
            one.judged.plan.reach,
            self.parts.source(leg.call.system, leg.connection),
            leg.caller,
            self.parts.owner(leg.caller),
            masked=one.judged.verdict.masked,
        )

    def _after(
        self,
        call: Call,
        query: Query,
        legs: Mapping[str, Fetched],
        rows: Mapping[str, Sequence[Row]],
        waiting: Collection[str],
    ) -> str | None:
        """Seal where each leg stands: after its last chosen record, where its connector says, or done."""
        before = call.cursor or Cursor()
        stands: dict[str, tuple[Scalar, ...] | None] = dict(before.legs)
        done = set(before.done)
        for name, one in legs.items():
            given = rows[name]
            if isinstance(query, Export | Changes):
                stands[name] = (one.done.at, *one.done.passed)
                over = not one.done.at
            else:
                stands[name] = _keys(given[-1], query) if given else stands.get(name)
                over = len(given) == len(one.done.rows) < MOST_ROWS
            if over:
                done.add(name)
        if done >= {*legs, *waiting}:
            return None
        asked = call.request if isinstance(call.request, Query) else query
        return self.parts.cursors.seal(Cursor(stands, frozenset(done)), self.parts.page_binding(call, asked))

    async def _figures(self, fetched: Sequence[Fetched], refused: Sequence[Withheld]) -> Result:
        rows, forms, hidden = [], {}, list(refused)
        for one in fetched:
            if len(fetched) > 1 and len(one.done.figures) >= MOST_GROUPS:
                raise UpstreamRejected(
                    f"{one.judged.operation.target} has {MOST_GROUPS} groups or more, so figures of several "
                    "connections cannot be added up; narrow the condition or group by less",
                    object=one.judged.operation.target,
                )
            smallest = one.judged.smallest
            kept = [row for row in one.done.figures if _support(row) >= smallest or smallest == 1]
            if len(kept) < len(one.done.figures):
                hidden.append(Withheld(f"groups of fewer than {smallest} records", ("k-anonymity",)))
            rows += [{name: as_value(value) for name, value in row.items() if name != SUPPORT} for row in kept]
            forms[one.judged.leg.connection.name] = Released((), self._figure_label(one.judged), Forms())
        await self._record_reads(fetched, forms)
        request = fetched[0].judged.plan.request
        merged = combine(rows, request) if isinstance(request, Aggregate) and len(fetched) > 1 else rows
        most = request.limit if isinstance(request, Aggregate) else MOST_GROUPS
        if len(merged) > most:
            merged = merged[:most]
            hidden.append(Withheld(f"groups beyond the limit of {most}", ("limit",)))
        complete = not hidden and all(one.judged.leg.connection.sees_all_rows for one in fetched)
        return Groups(tuple(merged), complete=complete, withheld=tuple(hidden))

    def _figure_label(self, judged: Judged) -> Label | None:
        """Label figures by the fields they are grouped by, which the caller may see in clear."""
        request = judged.plan.request
        groups = request.group_by if isinstance(request, Aggregate) else ()
        found: Label | None = None
        for path in (*judged.plan.probed, *judged.plan.paths):
            if path.path in groups:
                label = label_of(path, "", judged.leg.connection.name)
                found = label if found is None else found | label
        return found

    async def _metadata(self, fetched: Sequence[Fetched]) -> Result:
        labels = {one.judged.leg.connection.name: _whole(one.judged) for one in fetched}
        await self._record_reads(fetched, {name: Released((), label, Forms()) for name, label in labels.items()})
        if fetched[0].done.answer is not None:
            return Description(answer=fetched[0].done.answer)
        facts = fetched[0].judged.plan.facts
        request = fetched[0].judged.plan.request
        words = request.words if isinstance(request, Describe) else ""
        if facts is not None:
            return Description(facts=facts.finding(words) if words else facts)
        listed = [summary.finding(words) for one in fetched for summary in one.done.objects]
        seen = {one.name: one for one in listed if one is not None}
        return Description(objects=tuple(seen[name] for name in sorted(seen)))

    async def _record_reads(self, fetched: Sequence[Fetched], released: Mapping[str, Released]) -> None:
        now = self.parts.now()

        def work(transaction: Transaction) -> None:
            for one in fetched:
                judged, out = one.judged, released[one.judged.leg.connection.name]
                after = joined(transaction, judged.leg, out.label)
                transaction.append(self.parts.auditor.outcome(judged, out.forms, after, now, "done"))
                if self.parts.sequences.names(judged.operation):
                    transaction.finish_attempt(judged.leg.id, AttemptState.DONE, rows=len(out.records))

        await self.parts.journal.transact(work)
        if self.parts.witness is not None:
            for one in fetched:
                leg = one.judged.leg
                self.parts.witness.labelled(one.judged, self.parts.resolver(leg.caller))

    async def unread(self, caller: Caller, tool: str, error: IsthmusError) -> None:
        """Record a call that was refused before it was understood."""
        entry = self.parts.auditor.unread(caller, tool, error)
        await self.parts.journal.transact(lambda transaction: transaction.append(entry))

    async def failed(self, call: Call, leg: Leg | None, error: IsthmusError, judged: Judged | None = None,
                     intent: Intent | None = None) -> None:  # fmt: skip
        """Record a refusal or a failure, and what it says of the intent; the error's vendor text passes the gate."""
        if self.parts.witness is not None:
            self.parts.witness.unlabelled(leg.id if leg else call.id)
        now = self.parts.now()
        unknown = isinstance(error, OutcomeUnknown)

        def work(transaction: Transaction) -> None:
            if intent is not None:
                transaction.settle_intent(intent.id, IntentState.UNKNOWN if unknown else IntentState.NOT_HAPPENED)
                if judged is not None and self.parts.sequences.names(judged.operation):
                    transaction.finish_attempt(intent.id, AttemptState.FAILED)
            transaction.append(self.parts.auditor.refusal(call, leg, error, now))

        if error.vendor_text and not may_read_vendor_text(self.parts, leg):
            error.vendor_text = ""
        try:
            await self.parts.journal.transact(work)
        except JournalUnavailable as unavailable:
            if intent is not None and judged is not None and judged.leg.meter.write_sent:
                raise OutcomeUnknown(
                    f"{error.sentence}; and that could not be recorded ({unavailable.sentence})", intent=intent.id
                ) from error
            raise error from unavailable


def _left(
    rows: Mapping[str, Sequence[Row]], homes: Sequence[str], kept: Mapping[str, Sequence[bool]]
) -> tuple[Mapping[str, Sequence[Row]], Sequence[str]]:
    """Return the rows of each connection that are kept, and the connections in the order of those rows."""
    waiting = {name: iter(some) for name, some in kept.items()}
    found = {name: some if all(kept[name]) else list(compress(some, kept[name])) for name, some in rows.items()}
    return found, [name for name in homes if next(waiting[name])]


def _whole_answer(one: Fetched) -> bool:
    """Tell whether nothing may be hidden: the operator says so, and the system does not say otherwise."""
    return one.judged.leg.connection.sees_all_rows and not isinstance(one.done.rows, Rows)


def _whole(judged: Judged) -> Label | None:
    """Label an answer that is handed on unread; metadata is nobody's."""
    return anything(judged.leg.connection.name) if isinstance(judged.plan.request, Relay) else None


def _support(row: Mapping[str, object]) -> int:
    found = row.get(SUPPORT)
    return int(found) if isinstance(found, int | float) else 0


def _keys(row: Row, query: Query) -> tuple[Scalar, ...]:
    found: list[Scalar] = []
    for order in query.order_by:
        value = row.fields.get(order.field)
        found.append(value if isinstance(value, str | int | float | bool) else None)
    return (*found, row.id)


def _in_order(homes: Sequence[str], released: Mapping[str, Released]) -> tuple[Record, ...]:
    if len(released) == 1:
        return next(iter(released.values())).records
    waiting = {name: iter(one.records) for name, one in released.items()}
    return tuple(next(waiting[name]) for name in homes)
