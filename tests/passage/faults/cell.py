"""What came of one verb that met one fault, by the sandbox's journal, the audit log and the error?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import pytest

from isthmus.core import errors
from isthmus.core.errors import IsthmusError, OutcomeUnknown, QuotaExhausted, RetryLater
from isthmus.core.journal import IntentState
from isthmus.core.results import Result
from isthmus.plugins.sandbox.journal import Entry

from .outcomes import Mishap, Outcome, Signal
from .strike import Strike
from .verbs import BRISK, STEADY, Stage, Verb

TOO_LATE = 700.0
"""Seconds after which no transaction of the system can still be running."""
HOUR = 3_700.0


@dataclass
class Cell:
    """One call of one verb that meets one fault."""

    stage: Stage
    mishap: Mishap
    verb: Verb

    async def run(self) -> Outcome | None:
        """Make the call, compare what everybody says of it, settle it; None where the call did not meet the fault."""
        self.stage.clock.jump(TOO_LATE)
        self.stage.pace(STEADY)
        await self.stage.works()
        self.arguments, self.aim = await self.verb.prepare(self.stage)
        house = self.stage.house
        view = self.stage.gateway.parts.journal.view()
        self.since, self.logged, self.older = house.mark(), view.size, {one.id for one in view.open_intents()}
        strike = Strike(self.stage, self.mishap, self.verb.method, self.mishap.path or self.aim, self.verb.before)
        strike.arm()
        self.answer: Result | None = None
        error = await self.call(strike)
        met = strike.met
        self.stage.pace(STEADY)
        if self.mishap.blind and isinstance(error, OutcomeUnknown):
            house.org.faults.clear()
        found = self.seen(error)
        if not met:
            assert error is None, error
        self.check_log(error)
        if error is not None:
            self.check_secrets(error)
        if met and self.mishap.signal is Signal.SPENT:
            await self.check_left_alone()
        if isinstance(error, OutcomeUnknown):
            found = await self.settled(error, found)
        house.org.faults.clear()
        await self.check_works_again()
        return found if met else None

    async def call(self, strike: Strike | None = None) -> IsthmusError | None:
        try:
            await (strike.during(self.ask()) if strike else self.ask())
        except IsthmusError as error:
            return error
        return None

    async def ask(self) -> None:
        self.answer = await self.stage.call(self.verb.tool, **self.arguments)

    def aimed(self) -> list[Entry]:
        sent = self.stage.house.sent(self.verb.method, self.since)
        return [entry for entry in sent if self.aim in entry.path]

    def effects(self) -> int:
        entries = self.stage.house.sent(since=self.since)
        actions = [effect.action for entry in entries for effect in entry.effects]
        assert set(actions) <= {self.verb.effect}, actions
        return len(actions)

    def seen(self, error: IsthmusError | None) -> Outcome:
        """Read off the sandbox's journal what was sent and done, and off the error what was said of it."""
        aimed, sent = self.aimed(), self.stage.house.sent(since=self.since)
        read_back = self.verb.writes and bool(aimed) and any(one.method == "GET" for one in _after(sent, aimed[-1]))
        return Outcome(
            error=name_of(error),
            code=error.reason if error else "",
            retryable=bool(error and error.retryable),
            quota=isinstance(error, RetryLater) and error.quota,
            sends=len(aimed) - self.verb.before - (0 if error else self.verb.after),
            tokens=len(self.stage.house.token_calls(self.since)),
            effect=self.effects(),
            read_back=read_back,
            complete=self.verb.tool != "query" or getattr(self.answer, "complete", True),
            altered=getattr(self.answer, "altered", ()),
        )

    def check_log(self, error: IsthmusError | None) -> None:
        """A write has one intent and one outcome; a look-up that fails opens none."""
        leaves = self.leaves()
        intent = self.verb.intent or (self.verb.effect and error is None)
        said = [(leaf["kind"], leaf["decision"], leaf.get("error", "")) for leaf in leaves]
        outcome = ("outcome", "failed", error.reason) if error else ("outcome", "allowed", "")
        assert said == [*[("intent", "allowed", "")] * bool(intent), outcome]
        waiting = {one.id for one in self.stage.gateway.parts.journal.view().open_intents()}
        assert list(waiting - self.older) == ([error.intent] if isinstance(error, OutcomeUnknown) else [])

    def leaves(self) -> list[dict[str, object]]:
        view = self.stage.gateway.parts.journal.view()
        found = [dict(one.leaf) for one in view.entries(self.logged, view.size)]
        kinds = ("intent", "decision", "outcome")
        return [leaf for leaf in found if leaf["kind"] in kinds and leaf.get("attempt") not in self.older]

    def check_secrets(self, error: IsthmusError) -> None:
        for text in texts(error):
            assert not [secret for secret in self.stage.house.secrets if secret in text]

    async def check_left_alone(self) -> None:
        """Until the reset nothing more is sent, not even for a token."""
        since = self.stage.house.mark()
        for _ in range(2):
            with pytest.raises(QuotaExhausted) as refused:
                await self.stage.works()
            assert refused.value.retryable
            assert refused.value.resets_at is not None
        assert self.stage.house.mark() == since

    async def settled(self, error: OutcomeUnknown, found: Outcome) -> Outcome:
        """Repeat the call: blocked while unknown, then given its outcome, or sent at last. Its effect is never two."""
        stage, sends, journal = self.stage, len(self.aimed()), self.stage.gateway.parts.journal
        # Whoever is blocked looks again, and waits for that.
        stage.pace(1)
        if not self.mishap.blind:
            await self.check_blocked(error)
        stage.house.org.faults.clear()
        stage.clock.jump(TOO_LATE)
        stage.pace(BRISK)
        await stage.gateway.settler.settle_all()
        stage.pace(1)
        state = journal.view().intent(error.intent).state
        if state is IntentState.UNKNOWN:
            await self.check_blocked(error)
        else:
            leaf = next(
                leaf for leaf in self.leaves() if leaf["decision"] == "reconciled" and leaf["state"] != "unknown"
            )
            assert leaf["state"] == state.value
            assert await self.call() is None
            assert len(self.aimed()) - sends == (0 if state is IntentState.HAPPENED else 1)
            assert self.effects() == 1
        return Outcome(**{**vars(found), "settled": state.value})

    async def check_blocked(self, error: OutcomeUnknown) -> None:
        sends, again = len(self.aimed()), await self.call()
        assert isinstance(again, OutcomeUnknown), "an identical call was let through while the outcome is unknown"
        assert again.intent == error.intent
        assert len(self.aimed()) == sends

    async def check_works_again(self) -> None:
        """Nothing is stuck: a plain call works on the same gateway as soon as the fault is over."""
        if self.mishap.signal is Signal.SPENT:
            self.stage.clock.jump(HOUR)
        if self.mishap.signal is Signal.TOKEN:
            self.stage.clock.jump(15.0)
        self.stage.pace(STEADY)
        await self.stage.works()


def name_of(error: IsthmusError | None) -> str:
    """Return the name of the class in the tree of errors."""
    if error is None:
        return ""
    return next(kind.__name__ for kind in type(error).__mro__ if kind.__name__ in errors.__all__)


def texts(error: BaseException) -> Iterator[str]:
    """Yield all that an error and those behind it say, to people, to logs and to programs."""
    yield str(error)
    yield repr(error)
    if isinstance(error, IsthmusError):
        yield str(error.details())
        yield error.vendor_text
    for behind in (error.__cause__, error.__context__):
        if behind is not None:
            yield from texts(behind)


def _after(entries: Sequence[Entry], one: Entry) -> list[Entry]:
    return [entry for entry in entries if entry.number > one.number]
