"""What happens to one call, from its arguments to its answer? Nine steps, read from top to bottom.

1 read · 2 route · 3 look up · 4 authorize · 5 reserve · 6 commit to it · 7 execute · 8 settle · 9 release and record
"""

import asyncio
import logging
from collections.abc import Coroutine, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from typing import TYPE_CHECKING

import httpx2
from msgspec.structs import replace as changed
from opentelemetry import trace

from isthmus.core.arguments import parse_request
from isthmus.core.authorization import Authorizer
from isthmus.core.caller import Caller
from isthmus.core.calls import Call, Judged, Leg
from isthmus.core.commitment import Committer
from isthmus.core.errors import (
    Denied,
    InvalidArguments,
    IsthmusError,
    NotFound,
    ResidencyError,
)
from isthmus.core.eventloop import OwnLoop
from isthmus.core.execution import execute
from isthmus.core.facts import ObjectFacts
from isthmus.core.files import inline
from isthmus.core.http import Meter, Response
from isthmus.core.http.telemetry import tracing
from isthmus.core.inheritance import check_record
from isthmus.core.lookups import LookUps
from isthmus.core.merging import check_combinable
from isthmus.core.operation import Verb
from isthmus.core.outcomes import Outcomes
from isthmus.core.pauses import Pauses
from isthmus.core.plan import Plan
from isthmus.core.policy import Question
from isthmus.core.recording import Fetched, Recorder
from isthmus.core.records import JSON, MOST_BATCH, Aggregate, Page, Query, Withheld
from isthmus.core.relaying import relayed
from isthmus.core.request import Describe, Export, RawQuery, day_of
from isthmus.core.resilience import Deadline
from isthmus.core.results import Description, Result
from isthmus.core.session import Session
from isthmus.core.settlement import Settler, as_failure
from isthmus.core.streams import Upload
from isthmus.core.tools import Tool

if TYPE_CHECKING:
    from isthmus.core.budgets import Permit
    from isthmus.core.parts import Parts

__all__ = ["Gateway"]

LOG = logging.getLogger("isthmus.gateway")
HOUSE_KEEPING = 60.0
"""Seconds between looks at open intents, and between checkpoints."""


class Gateway:
    """The one passage: every face calls `call`. It lives on the event loop that opened it; others hop there."""

    def __init__(self, parts: "Parts") -> None:
        self.parts = parts
        self.loop = OwnLoop()
        self.settler = Settler(parts)
        self._pauses = Pauses(parts.journal)
        self._lookups = LookUps(parts)
        self._authorizer = Authorizer(parts)
        self._committer = Committer(parts, self.settler, self._pauses)
        self._recorder = Recorder(parts)
        self._outcomes = Outcomes(parts)
        self._tracer = trace.get_tracer("isthmus")
        self._writing: set[asyncio.Task[Result]] = set()

    def session(self, caller: Caller) -> Session:
        """Return the session of a caller."""
        return Session(self, caller)

    def tools(self, caller: Caller) -> tuple[Tool, ...]:
        """List the tools that a caller may use."""
        return tuple(self._authorizer.may_use(caller).values())

    async def call(
        self,
        caller: Caller,
        name: str,
        arguments: Mapping[str, JSON],
        *,
        id: str = "",
        most: int = MOST_BATCH,
        upload: Upload | None = None,
    ) -> Result:
        """Carry one call through all nine steps.

        `id` is a fresh `parts.new_id()` that the caller's own log uses. `most` bounds a page of records where the
        face has less room than a program; the rest comes by `after`. `upload` is the file of an attach that is not
        among its arguments.
        """
        if not self.loop.here:
            return await self.loop.hop(lambda: self.call(caller, name, arguments, id=id, most=most, upload=upload))
        try:
            call = self._read(caller, name, arguments, id, most)
            call = call.carrying(upload or inline(arguments)) if call.tool.verb is Verb.ATTACH else call
        except IsthmusError as error:
            await self._recorder.unread(caller, name, error)
            raise
        with self._span(call):
            legs = await self._route(call)
            if call.tool.verb is Verb.INVOKE or any(effect.writes for effect in call.tool.effects):
                return await self._write(legs[0])
            return await self._look(call, legs)

    async def relay(self, caller: Caller, system: str, request: httpx2.Request) -> Response:
        """Carry a read of the system's own SDK, which no verb expresses, through the same steps as it is."""
        if not self.loop.here:
            return await self.loop.hop(lambda: self.relay(caller, system, request))
        try:
            tool, arguments = relayed(self.parts.systems[system], request)
            call = changed(self._understand(caller, tool, arguments), relayed=request)
        except IsthmusError as error:
            await self._recorder.unread(caller, "relay", error)
            raise
        with self._span(call):
            result = await self._look(call, (await self._route(call))[:1])
        if not isinstance(result, Description) or result.answer is None:
            raise TypeError("a relayed request brought no answer")
        return result.answer

    async def foresee(
        self, caller: Caller, tool: Tool, arguments: Mapping[str, JSON]
    ) -> tuple[tuple[Leg, Plan, Question], ...]:
        """Return what policy would be asked on each connection, without making the call; look-ups are made.

        The tool may be one that the caller is not shown, to explain why. A connection that has no such object is left
        out where another one has it.
        """
        found, absent = [], None
        for leg in await self._route(self._understand(caller, tool, arguments)):
            self._pauses.check(leg)
            try:
                plan = await self._lookups.plan(leg)
            except NotFound as error:
                absent = error
                continue
            found.append((leg, *self._authorizer.ask(leg, plan, self._authorizer.task_label(leg))))
        if absent is not None and not found:
            raise absent
        return tuple(found)

    # 1 read: validate against the schema, parse query text, name the system.

    def _read(self, caller: Caller, name: str, arguments: Mapping[str, JSON], id: str, most: int) -> Call:
        tool = self._authorizer.may_use(caller).get(name)
        if tool is None:
            raise InvalidArguments(f"Unknown tool: {name}", code="unknown_tool")
        return self._understand(caller, tool, arguments, id, most)

    def _understand(
        self, caller: Caller, tool: Tool, arguments: Mapping[str, JSON], id: str = "", most: int = MOST_BATCH
    ) -> Call:
        tool.check(arguments)
        arguments = tool.whole(arguments)
        system = self.parts.systems[str(arguments["system"])]
        request = parse_request(tool.verb, arguments)
        if isinstance(request, RawQuery):
            after, request = request.after, next(iter(system.connections.values())).connector.parse(request.text)
            request = replace(request, after=after) if isinstance(request, Query) else request
        if isinstance(request, Query) and request.limit > most:
            request = replace(request, limit=most)
        if isinstance(arguments.get("task"), str):
            caller = replace(caller, task=self.parts.tasks.check(caller, str(arguments["task"])))
        call = Call(
            id=id or self.parts.new_id(),
            caller=caller,
            tool=tool,
            system=system.name,
            request=request,
            deadline=Deadline.after(self.parts.time_for(tool.verb), self.parts.clock),
            started=self.parts.now(),
            approval=str(arguments.get("approval", "")),
        )
        if isinstance(request, Query) and request.after:
            bound = self.parts.page_binding(call, request)
            return changed(call, cursor=self.parts.cursors.open(request.after, bound))
        return call

    # 2 route: one connection for a write, all that may hold an answer for a read.

    async def _route(self, call: Call) -> tuple[Leg, ...]:
        try:
            names = await self.parts.systems[call.system].router.choose(
                call.request,
                self.parts.resolver(call.caller),
                lambda name: self._facts(call, name),
            )
            if isinstance(call.request, Aggregate) and len(names) > 1:
                check_combinable(call.request)
            done = call.cursor.done if call.cursor else frozenset()
            return tuple(self._leg(call, name, number) for number, name in enumerate(names) if name not in done)
        except IsthmusError as error:
            await self._recorder.failed(call, None, error)
            raise

    async def _facts(self, call: Call, object: str) -> ObjectFacts:
        """Read metadata from one of the connections: to place a record, any of them knows its object."""
        legs = [self._leg(call, name, 0) for name in self.parts.systems[call.system].connections]
        return await self._lookups.facts(self._pauses.open_leg(legs), object)

    def _leg(self, call: Call, name: str, number: int) -> Leg:
        connection = self.parts.systems[call.system].connections[name]
        principal = connection.principal(call.caller)
        last = call.cursor.legs.get(name) if call.cursor else None
        id = f"{call.id}.{number}" if number else call.id
        return Leg(id, call, call.caller, connection, principal, Meter(), last)

    # Nothing is sent of what an operator paused, neither to look up nor to execute.
    # 3 look up: metadata, and the named record as it is now; small governed reads, cached.
    # 4 authorize: policy for agent and user, residency of the call's own words, and what was already done.
    # 5 reserve: a permit of the org's budget.   6 commit to it: approval, sequence rules and intent, durable.

    async def _look(self, call: Call, legs: Sequence[Leg]) -> Result:
        """Pass a read over its legs; a leg that may not be asked is named in the answer, unless none may."""
        if isinstance(call.request, Export):
            return await self._look_in_turn(call, legs)
        if len(legs) == 1:
            return await self._recorder.read(call, (await self._fetch(legs[0]),), ())
        results = await asyncio.gather(*(self._fetch(leg) for leg in legs), return_exceptions=True)
        fetched = [one for one in results if isinstance(one, Fetched)]
        errors = [(leg, one) for leg, one in zip(legs, results, strict=True) if isinstance(one, BaseException)]
        for _, error in errors:
            if not fetched or not isinstance(error, _WITHHELD):
                raise error
        withheld = tuple(Withheld(leg.connection.name, _rules(error)) for leg, error in errors)
        return await self._recorder.read(call, fetched, withheld)

    async def _look_in_turn(self, call: Call, legs: Sequence[Leg]) -> Result:
        """Pass a read over the first of its legs that may be asked; the others wait for the pages to come."""
        withheld: list[Withheld] = []
        others_read = call.cursor is not None and bool(call.cursor.done)
        for at, leg in enumerate(legs):
            try:
                fetched = await self._fetch(leg)
            except _WITHHELD as error:
                if at == len(legs) - 1 and not others_read:
                    raise
                withheld.append(Withheld(leg.connection.name, _rules(error)))
            else:
                waiting = [one.connection.name for one in legs[at + 1 :]]
                return await self._recorder.read(call, (fetched,), withheld, waiting)
        return Page((), withheld=tuple(withheld))

    async def _fetch(self, leg: Leg) -> Fetched:
        try:
            self._pauses.check(leg)
            plan = await self._lookups.plan(leg)
            judged = self._authorizer.judge(leg, plan)
            judged.must_exist()
            if isinstance(plan.request, Describe) and plan.facts is not None and leg.call.relayed is None:
                return Fetched(judged, await execute(judged, leg.connection.connector, self.parts))
            permit = await leg.connection.reserve(leg.caller, judged.operation.object, leg.call.deadline)
            try:
                # Waiting for a permit may have taken long.
                self._pauses.check(leg)
                await self._committer.commit(judged)
                # 7 execute
                scope = leg.scope(judged.declared, permit)
                connector = leg.connection.bind(scope, as_of=day_of(judged.plan.request))
                done = await execute(judged, connector, self.parts)
                if judged.plan.reach.lying:
                    check_record(judged, done.rows, self.parts.policy)
                if done.objects:
                    known = tuple(one for one in done.objects if self._authorizer.may_describe(judged, one.name))
                    done = changed(done, objects=known)
                return Fetched(judged, done)
            finally:
                permit.release_unused()
        except Exception as error:  # noqa: BLE001 a connector's own fault must not carry data out
            failure = as_failure(error, leg)
            await self._recorder.failed(leg.call, leg, failure)
            raise failure  # noqa: B904 its context is suppressed unless it is the error itself

    async def _write(self, leg: Leg) -> Result:
        """Pass a write; once it is committed to, whoever cancels does not stop it from being settled."""
        try:
            self._pauses.check(leg)
            plan = await self._lookups.plan(leg)
            judged = self._authorizer.judge(leg, plan)
            earlier = await self._committer.earlier(judged)
            if earlier is not None:
                return await self._outcomes.wrote(judged, earlier, None)
            judged.must_exist()
            permit = await leg.connection.reserve(leg.caller, judged.operation.object, leg.call.deadline)
        except Exception as error:  # noqa: BLE001 a connector's own fault must not carry data out
            failure = as_failure(error, leg)
            await self._recorder.failed(leg.call, leg, failure)
            raise failure  # noqa: B904 its context is suppressed unless it is the error itself
        return await self._uninterrupted(self._send(judged, permit))

    async def _send(self, judged: Judged, permit: "Permit") -> Result:
        leg, intent = judged.leg, None
        try:
            intent = await self._committer.commit(judged)
            # 7 execute
            connector = leg.connection.bind(leg.scope(judged.declared, permit))
            done = await execute(judged, connector, self.parts)
        except Exception as error:  # noqa: BLE001 even a connector's own fault must leave a settled intent
            try:
                failed = as_failure(error, leg)
                if intent is None:
                    raise failed
                # 8 settle: an answer that was lost is read back.
                done = await self.settler.after(judged, intent, failed)
            except IsthmusError as failure:
                await self._recorder.failed(leg.call, leg, failure, judged, intent)
                raise
        finally:
            permit.release_unused()
        # 9 release and record
        return await self._outcomes.wrote(judged, done, intent)

    async def _uninterrupted(self, work: Coroutine[None, None, Result]) -> Result:
        task = asyncio.ensure_future(work)
        self._writing.add(task)
        task.add_done_callback(self._written)
        return await asyncio.shield(task)

    def _written(self, task: "asyncio.Task[Result]") -> None:
        self._writing.discard(task)
        if not task.cancelled() and task.exception() is not None:
            LOG.debug("a write ended with %s", type(task.exception()).__name__)

    async def drain(self) -> None:
        """Wait until every write under way is settled and recorded."""
        while self._writing:
            await asyncio.wait(set(self._writing))

    async def keep_house(self) -> None:
        """Settle what was left open, by whichever process, and sign what was recorded; for ever."""
        while True:
            try:
                await self.settler.settle_all()
                await self.parts.journal.checkpoint()
            except IsthmusError as error:
                LOG.warning("house-keeping: %s", error.sentence)
            await self.parts.clock.sleep(HOUSE_KEEPING)

    def _span(self, call: Call) -> AbstractContextManager[object]:
        """Make a span current for the call; nothing where no tracing is set up."""
        if not tracing():
            return nullcontext()
        about = {"isthmus.call": call.id, "isthmus.system": call.system}
        span = self._tracer.start_span(f"isthmus {call.tool.name}", attributes=about)
        return trace.use_span(span, end_on_exit=True) if span.get_span_context().is_valid else nullcontext()


_WITHHELD = (ResidencyError, Denied, NotFound, InvalidArguments)
"""Why one connection of several is left out of an answer."""


def _rules(error: BaseException) -> tuple[str, ...]:
    return (error.rules or (error.reason,)) if isinstance(error, IsthmusError) else ()
