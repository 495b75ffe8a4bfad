"""Whatever faults come in whatever order: is every write done at most once, and everything acknowledged there?"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from pathlib import Path

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.passage.conftest import FastClock

from isthmus.core.errors import Conflict, IsthmusError, OutcomeUnknown
from isthmus.core.http import AiohttpWire
from isthmus.core.journal import IntentState
from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.journal import Entry
from isthmus.plugins.sandbox.salesforce import SalesforceOrg

from .cell import texts
from .outcomes import Signal
from .salesforce import SALESFORCE
from .servicenow import SERVICENOW
from .subject import Subject
from .verbs import Stage, Verb

RESERVE, RECONCILE = 0.2, 0.02
SHORT = {"slow": {"seconds": 0.02}, "slow_body": {"seconds": 0.02}, "gzip_bomb": {"megabytes": 2}}


@dataclass(frozen=True)
class Arm:
    kind: str
    times: int
    method: str | None
    committed: bool

    async def take(self, run: "Run") -> None:
        details = SHORT.get(self.kind, {}) | ({"committed": True} if self.committed else {})
        method, path = ("POST", run.stage.house.token_path) if "token" in self.kind else (self.method, run.subject.api)
        run.stage.house.org.faults.arm(self.kind, times=self.times, method=method, path=path, **details)


@dataclass(frozen=True)
class Wish:
    """A new write."""

    verb: str

    async def take(self, run: "Run") -> None:
        await run.make(run.wishes[self.verb].pop())


@dataclass(frozen=True)
class Again:
    """The same call once more, where the earlier one said that it may be repeated, or that nobody knows."""

    which: int

    async def take(self, run: "Run") -> None:
        if open_ := [one for one in run.made if one.state in ("later", "unknown")]:
            await run.make(open_[self.which % len(open_)])


@dataclass(frozen=True)
class Read:
    verb: str

    async def take(self, run: "Run") -> None:
        await run.call(run.subject.verbs[self.verb].tool, run.reads[self.verb])


@dataclass(frozen=True)
class Wait:
    seconds: float

    async def take(self, run: "Run") -> None:
        run.stage.clock.jump(self.seconds)
        if self.seconds > 100:
            await run.stage.gateway.settler.settle_all()


@dataclass
class Wanted:
    """One write that somebody wants once, however often it must be asked for."""

    verb: Verb
    arguments: dict[str, object]
    mark: str
    state: str = "new"
    intent: str = ""


Step = Arm | Wish | Again | Read | Wait
METHODS = st.sampled_from([None, "GET", "POST", "PATCH", "DELETE"])
LOSING = (Signal.FAILS, Signal.LOST, Signal.USELESS, Signal.LOCK)


def struck(kind: str, times: int, committed: bool, verb: Verb) -> tuple[Step, ...]:
    """A write that meets a fault for certain: by chance alone that is rare."""
    return Arm(kind, times, verb.method, committed), Wish(verb.name)


def steps_of(subject: Subject) -> st.SearchStrategy[tuple[Step, ...]]:
    writes = st.sampled_from([verb for verb in subject.verbs.values() if verb.writes])
    reads = st.sampled_from(
        [name for name, verb in subject.verbs.items() if not verb.effect and "locator" not in verb.traits]
    )
    kinds = sorted({mishap.kind for mishap in subject.mishaps if mishap.signal in LOSING})
    times = st.integers(1, 4)
    return st.one_of(
        st.builds(struck, st.sampled_from(kinds), times, st.booleans(), writes),
        st.tuples(st.builds(Arm, st.sampled_from(sorted(subject.switches)), times, METHODS, st.booleans())),
        st.tuples(st.builds(Wish, writes.map(lambda verb: verb.name))),
        st.tuples(st.builds(Again, st.integers(0, 3))),
        st.tuples(st.builds(Read, reads)),
        st.tuples(st.builds(Wait, st.sampled_from([1.0, 20.0, 700.0, 3700.0]))),
    )


def sequences(subject: Subject, least: int, most: int) -> st.SearchStrategy[list[Step]]:
    return st.lists(steps_of(subject), min_size=least, max_size=most).map(
        lambda chunks: [step for chunk in chunks for step in chunk]
    )


@dataclass
class Run:
    """One sequence, and a checker that believes only the sandbox's journal."""

    subject: Subject
    stage: Stage
    wishes: dict[str, list[Wanted]] = field(default_factory=dict)
    reads: dict[str, dict[str, object]] = field(default_factory=dict)
    made: list[Wanted] = field(default_factory=list)
    began: float = 0.0

    async def prepare(self, steps: Sequence[Step]) -> None:
        """Make what is to be read, changed and deleted, while nothing goes wrong yet."""
        for step in steps:
            if isinstance(step, Read) and step.verb not in self.reads:
                self.reads[step.verb], _ = await self.subject.verbs[step.verb].prepare(self.stage)
            if isinstance(step, Wish):
                self.wishes.setdefault(step.verb, []).append(await self.wanted(self.subject.verbs[step.verb]))

    async def wanted(self, verb: Verb) -> Wanted:
        arguments, path = await verb.prepare(self.stage)
        if verb.tool == "delete":
            return Wanted(verb, arguments, path)
        mark = f"wish{self.stage.number}x"
        texts = {name: mark for name in arguments["values"] if name in self.subject.texts}
        return Wanted(verb, arguments | {"values": {**arguments["values"], **texts}}, mark)

    async def make(self, one: Wanted) -> None:
        if one not in self.made:
            self.made.append(one)
        since = self.stage.house.mark()
        error = await self.call(one.verb.tool, one.arguments)
        repeated = [entry.status for entry in self.sent(one, since)][:-1]
        assert all(status in self.subject.dropped or 400 <= (status or 0) < 500 for status in repeated), repeated
        before = one.state
        one.state = "done" if error is None else "later" if error.retryable or isinstance(error, Conflict) else "failed"
        if isinstance(error, OutcomeUnknown):
            one.state, one.intent = "unknown", error.intent
        elif before == "unknown" and error is not None and not self.settled_undone(one):
            one.state = "unknown"  # the repeated call failed before anybody looked at what became of the first
        self.check(one)

    def settled_undone(self, one: Wanted) -> bool:
        return self.stage.gateway.parts.journal.view().intent(one.intent).state is IntentState.NOT_HAPPENED

    async def call(self, tool: str, arguments: dict[str, object]) -> IsthmusError | None:
        try:
            await self.stage.call(tool, **arguments)
        except IsthmusError as error:
            self.check_secrets(error)
            return error
        return None

    def check_secrets(self, error: IsthmusError) -> None:
        assert not [text for text in texts(error) for secret in self.stage.house.secrets if secret in text]

    def effects(self, one: Wanted) -> int:
        return sum(len(entry.effects) for entry in self.sent(one))

    def sent(self, one: Wanted, since: int = 0) -> list[Entry]:
        sent = self.stage.house.sent(one.verb.method, since)
        return [entry for entry in sent if one.mark in entry.body or one.mark in entry.path]

    def check(self, one: Wanted) -> None:
        due = {"done": {1}, "later": {0}, "failed": {0}, "unknown": {0, 1}}[one.state]
        assert self.effects(one) in due, (one.state, one.verb.name)

    async def end(self) -> None:
        """All is well again: what was wanted and not refused is done once, or still says that nobody can tell."""
        org = self.stage.house.org
        if isinstance(org, SalesforceOrg):
            self.check_quota(org)
            org.quota.set(used=0, maximum=15_000)
        org.faults.clear()
        self.stage.clock.jump(3_700)
        await self.stage.works()
        await self.stage.gateway.settler.settle_all()
        for one in self.made:
            if one.state in ("later", "unknown"):
                await self.make(one)
                assert one.state in ("done", "unknown")
            if one.state == "unknown":
                state = self.stage.gateway.parts.journal.view().intent(one.intent).state
                assert state is IntentState.UNKNOWN
            self.check(one)
        waiting = {one.id for one in self.stage.gateway.parts.journal.view().open_intents()}
        assert waiting == {one.intent for one in self.made if one.state == "unknown"}

    def check_quota(self, org: SalesforceOrg) -> None:
        # Beyond the share, one request an hour may have asked whether the quota is there again, and one more where
        # that told nothing.
        asked = 2 * int((self.stage.clock.time() - self.began) // 3_600)
        assert org.quota.used <= org.quota.maximum * (1 - RESERVE + RECONCILE) + asked


async def play(subject: Subject, sandbox: Sandbox, folder: Path, steps: Sequence[Step], quota: int) -> None:
    sandbox.reset()
    house, clock = subject.home(folder / f"house-{next(NUMBERS)}", sandbox), FastClock()

    def wire(_, settings):
        return AiohttpWire(replace(settings, most=1 << 20))

    async with house.open(clock, wire) as gateway:
        run = Run(subject, Stage(house, gateway, clock, subject.plain))
        await run.stage.works()
        await run.prepare(steps)
        run.began = clock.time()
        if isinstance(house.org, SalesforceOrg):
            house.org.quota.set(used=0, maximum=quota)
        await run.stage.works()
        for step in steps:
            await step.take(run)
        await run.end()
    shutil.rmtree(house.folder)


NUMBERS = count()
QUOTAS = st.sampled_from([40, 100, 15_000])
CHECKS = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
EACH = pytest.mark.parametrize("subject", [SALESFORCE, SERVICENOW], ids=lambda subject: subject.name)


@EACH
@settings(max_examples=12, deadline=None, suppress_health_check=CHECKS, derandomize=True, phases=[Phase.generate])
@given(st.data(), QUOTAS)
async def test_any_sequence_of_faults(
    subject: Subject, sandbox: Sandbox, tmp_path: Path, data: st.DataObject, quota: int
):
    await play(subject, sandbox, tmp_path, data.draw(sequences(subject, 4, 12)), quota)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@EACH
@settings(max_examples=400, deadline=None, suppress_health_check=CHECKS)
@given(st.data(), QUOTAS)
async def test_any_long_sequence_of_faults(
    subject: Subject, sandbox: Sandbox, tmp_path: Path, data: st.DataObject, quota: int
):
    await play(subject, sandbox, tmp_path, data.draw(sequences(subject, 6, 18)), quota)
