"""Whatever happens in whatever order: is the grant usable, or does it say that consent is needed?"""

import asyncio
import tempfile
from pathlib import Path

import httpx2
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from isthmus.core.credentials import Secret, TokenSource
from isthmus.core.credentials.grants import RefreshTokenGrant, TokenEndpoint
from isthmus.core.credentials.store import Slot
from isthmus.core.credentials.tokens import TOKENS
from isthmus.core.errors import CredentialError, RetryLater

SLOT = Slot("crm", "", TOKENS)


class Killed(BaseException):
    """The process is gone."""


class Fuse:
    """Counts the steps that a process has left to live; after that every step of it fails."""

    def __init__(self, steps):
        self.steps = steps

    def burn(self):
        if self.steps is not None:
            self.steps -= 1
            if self.steps < 0:
                raise Killed


class MortalStore:
    """The store as a process that may die before and after each of its calls."""

    def __init__(self, store, fuse):
        self._store, self._fuse = store, fuse

    def __getattr__(self, name):
        def mortal(*arguments, **options):
            self._fuse.burn()
            result = getattr(self._store, name)(*arguments, **options)
            self._fuse.burn()
            return result

        return mortal


class MortalWire(httpx2.AsyncBaseTransport):
    """The wire as a process that may die before a request leaves and after its answer is there."""

    def __init__(self, wire, fuse):
        self._wire, self._fuse = wire, fuse

    async def handle_async_request(self, request):
        self._fuse.burn()
        response = await self._wire.handle_async_request(request)
        self._fuse.burn()
        return response


class Rotation(RuleBasedStateMachine):
    """Two processes over one grant; `harmed` tells that an answer may be lost or consent was taken back."""

    def __init__(self, new_deployment):
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.deployment = new_deployment(Path(self.folder.name))
        self.runner = asyncio.Runner()
        self.store = self.deployment.store()
        self.harmed = False
        self.consent()
        self.fuses, self.sources = [None, None], [None, None]
        for process in (0, 1):
            self.start(process)

    def teardown(self):
        self.store.close()
        self.runner.close()
        self.folder.cleanup()

    def start(self, process, steps=None):
        async def secret():
            return Secret(self.deployment.server.client[1])

        fuse = self.fuses[process] = Fuse(steps)
        wire, clock = MortalWire(self.deployment.wire, fuse), self.deployment.clock
        grant = RefreshTokenGrant(
            TokenEndpoint("crm", "https://idp.example/token", wire, clock, timeout=5), "client", secret
        )
        self.sources[process] = TokenSource(
            SLOT, grant, MortalStore(self.store, fuse), seed=lambda: self.store.secret("seed"), clock=clock
        )

    async def use(self, source):
        """Make one call as the HTTP layer does."""
        token = await source.current()
        if self.deployment.server.accepts(token.value.reveal()):
            return True
        return self.deployment.server.accepts((await source.replace(token)).value.reveal())

    def attempt(self, process, fault=None):
        """Make one call; tell what came of it."""
        self.deployment.wire.faults = [fault] if fault else []
        try:
            outcome = "usable" if self.runner.run(self.use(self.sources[process])) else "refused"
        except (CredentialError, RetryLater) as error:
            outcome = error.reason
        self.deployment.wire.faults = []
        self.deployment.clock.advance(11)
        return outcome

    @rule(process=st.integers(0, 1))
    def call(self, process):
        outcome = self.attempt(process)
        if self.harmed and outcome == "refused":
            # A call replays once: where two tokens were revoked, it learns of the first and the next call of the other.
            outcome = self.attempt(process)
        assert outcome in ({"usable", "reauth_required"} if self.harmed else {"usable"})

    @rule(process=st.integers(0, 1))
    def call_twice_at_once(self, process):
        async def both():
            return await asyncio.gather(
                *(self.use(self.sources[one]) for one in (0, 1, process)), return_exceptions=True
            )

        for outcome in self.runner.run(both()):
            refused = outcome is False or isinstance(outcome, CredentialError)
            assert outcome is True or (refused and self.harmed), outcome
        self.deployment.clock.advance(11)
        if self.harmed:
            self.call(process)

    @rule(seconds=st.sampled_from([100, 3500, 3590, 3700, 10**6]))
    def expire(self, seconds):
        self.deployment.clock.advance(seconds)

    @rule(process=st.integers(0, 1))
    def unreachable(self, process):
        """A request that does not leave harms nothing; the call after it must succeed."""
        outcome = self.attempt(process, "unreachable")
        assert outcome in {"usable", "retry_later"} | ({"reauth_required", "refused"} if self.harmed else set())
        self.call(process)

    @rule(process=st.integers(0, 1))
    def lose_the_next_answer(self, process):
        calls = self.deployment.server.token_calls
        # Refused, as in `call`, where the token that it learned of had been revoked as well.
        assert self.attempt(process, "lost") in {"usable", "reauth_required"} | ({"refused"} if self.harmed else set())
        self.harmed |= self.deployment.server.token_calls > calls

    @rule(process=st.integers(0, 1), steps=st.integers(0, 20))
    def crash_and_reopen(self, process, steps):
        """Die at some step of a call; the lease of the dead runs out before the next call."""
        self.start(process, steps)
        self.deployment.clock.advance(4000)
        before = self.store.read(SLOT)
        try:
            self.runner.run(self.use(self.sources[process]))
        except (Killed, CredentialError):
            pass
        self.harmed |= self.store.read(SLOT).pending is not None and before.pending is None
        self.start(process)
        self.deployment.clock.advance(60)

    @rule()
    def revoke(self):
        self.deployment.server.revoke_all()
        self.harmed = True

    @rule()
    def consent(self):
        self.store.set_secret("seed", Secret(self.deployment.server.consent()))
        self.deployment.clock.advance(11)

    @rule(process=st.integers(0, 1))
    def consent_and_call(self, process):
        """After new consent a call succeeds, whatever was before."""
        self.consent()
        self.deployment.clock.advance(10**6)
        assert self.runner.run(self.use(self.sources[process]))
        self.harmed = False

    @invariant()
    def no_spent_token_was_sent(self):
        assert self.deployment.server.reused == 0


def check(new_deployment, examples, steps):
    run_state_machine_as_test(
        lambda: Rotation(new_deployment),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )


def test_the_grant_is_usable_or_needs_consent(new_deployment):
    check(new_deployment, 30, 12)


@pytest.mark.soak
@pytest.mark.timeout(1800)
def test_the_grant_is_usable_or_needs_consent_over_many_histories(new_deployment):
    check(new_deployment, 1500, 40)
