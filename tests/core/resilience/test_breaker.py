import random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from isthmus.core.resilience import Breaker, BreakerRules, Breakers, State

RULES = BreakerRules(window=30.0, least=4, share=0.5, pause=5.0, longest=20.0)


class HandClock:
    def __init__(self):
        self.now = 0.0

    def monotonic(self):
        return self.now

    def time(self):
        return self.now

    async def sleep(self, seconds):
        self.now += seconds


@pytest.fixture
def clock():
    return HandClock()


@pytest.fixture
def breaker(clock):
    return Breaker(RULES, clock, random.Random(1).random)


def opened(breaker):
    for _ in range(RULES.least):
        breaker.admit(read=True).failed()
    assert breaker.state is State.OPEN
    return breaker


def test_opens_at_the_share_of_failures(breaker):
    for failed in (False, False, False, True, True):
        admission = breaker.admit(read=False)
        admission.failed() if failed else admission.succeeded()
        assert breaker.state is State.CLOSED
    breaker.admit(read=False).failed()
    assert breaker.state is State.OPEN
    assert breaker.admit(read=True) is None


def test_old_failures_are_forgotten(breaker, clock):
    for _ in range(RULES.least - 1):
        breaker.admit(read=True).failed()
    clock.now += 31
    breaker.admit(read=True).failed()
    assert breaker.state is State.CLOSED


def test_ignored_calls_count_for_nothing(breaker):
    for _ in range(100):
        breaker.admit(read=True).ignored()
    for _ in range(RULES.least - 1):
        breaker.admit(read=True).failed()
    assert breaker.state is State.CLOSED


def test_half_open_lets_one_read_through_and_no_write(breaker, clock):
    opened(breaker)
    clock.now += 8
    assert breaker.state is State.HALF_OPEN
    assert breaker.admit(read=False) is None
    admitted = [breaker.admit(read=True) for _ in range(10)]
    assert sum(one is not None for one in admitted) == 1
    admitted[0].succeeded()
    assert breaker.state is State.CLOSED
    assert breaker.admit(read=False) is not None


def test_an_undecided_probe_makes_room_for_another(breaker, clock):
    opened(breaker)
    clock.now += 8
    breaker.admit(read=True).ignored()
    assert breaker.state is State.HALF_OPEN
    assert breaker.admit(read=True) is not None


def test_each_opening_in_a_row_lasts_longer(breaker, clock):
    opened(breaker)
    pauses = [breaker.wait()]
    for _ in range(3):
        clock.now += 31
        breaker.admit(read=True).failed()
        pauses.append(breaker.wait())
    assert [pause // 1 >= least for pause, least in zip(pauses, (5, 10, 20, 20), strict=True)] == [True] * 4
    assert max(pauses) <= 30


def test_stragglers_do_not_speak_for_the_present(breaker, clock):
    straggler = breaker.admit(read=True)
    opened(breaker)
    clock.now += 8
    straggler.succeeded()
    assert breaker.state is State.HALF_OPEN


def test_processes_do_not_come_back_together(clock):
    waits = {round(opened(Breaker(RULES, clock, random.Random(seed).random)).wait(), 3) for seed in range(20)}
    assert len(waits) > 15


def test_a_partial_outage_stays_apart(clock):
    breakers = Breakers(clock, random.Random(1).random, RULES)
    opened(breakers.of("org", "bulk"))
    assert breakers.of("org", "rest").state is State.CLOSED
    assert breakers.of("other", "bulk").state is State.CLOSED
    assert breakers.of("org", "bulk").state is State.OPEN


class BreakerMachine(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.clock = HandClock()
        self.breaker = Breaker(RULES, self.clock, random.Random(3).random)
        self.flying = []

    @rule(read=st.booleans())
    def call(self, read):
        before = self.breaker.state
        admission = self.breaker.admit(read=read)
        if before is State.CLOSED:
            assert admission is not None
        if before is State.OPEN:
            assert admission is None
        if before is State.HALF_OPEN and admission is not None:
            assert read
        if admission is not None:
            self.flying.append((admission, before))

    @precondition(lambda self: self.flying)
    @rule(data=st.data(), how=st.sampled_from(["succeeded", "failed", "ignored"]))
    def answer(self, data, how):
        admission, admitted_in = self.flying.pop(data.draw(st.integers(0, len(self.flying) - 1)))
        before = self.breaker.state
        getattr(admission, how)()
        after = self.breaker.state
        if before is not State.CLOSED and after is State.CLOSED:
            assert admitted_in is State.HALF_OPEN
            assert how == "succeeded"
        if before is State.CLOSED and after is not State.CLOSED:
            assert how == "failed"

    @rule(seconds=st.floats(0, 60))
    def wait(self, seconds):
        self.clock.now += seconds

    @invariant()
    def at_most_one_probe_decides(self):
        live = [one for one, state in self.flying if state is State.HALF_OPEN and one.era == self.breaker._era]
        assert len(live) <= 1


TestBreakerMachine = BreakerMachine.TestCase
TestBreakerMachine.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
