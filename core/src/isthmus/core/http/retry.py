"""Is a failed request sent again, and if not, what does the caller learn?"""

from collections.abc import Callable

import httpx2

from isthmus.core.connector import Fault
from isthmus.core.http.effect import Dialect
from isthmus.core.http.failure import answer_error, wire_error
from isthmus.core.http.faults import Broken, NotSent, WireFault, fault_of, pause_of, settles
from isthmus.core.http.scope import CallScope, Sending, sending_of
from isthmus.core.resilience import Clock, FaultKind, RetryPolicy, RetryTokens, full_jitter

__all__ = ["Retry"]

PASSING = (FaultKind.TRANSIENT, FaultKind.THROTTLE)
"""Faults that go away by themselves."""


class Retry(httpx2.AsyncBaseTransport):
    """The only layer that sends a request again.

    A request that provably never left is repeated, whatever it does. A read is repeated on passing faults. A write
    whose first byte has left is repeated only where the answer says that nothing was done: after a 401 once, with a
    new credential, and after a passing refusal (a locked row, a throttle), once what the write was decided on has been
    looked at again. Faults become the error that tells what to do next, unless the connector passes them.
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        dialect: Dialect,
        *,
        clock: Clock,
        random: Callable[[], float],
        policy: RetryPolicy,
    ) -> None:
        self._inner = inner
        self._dialect = dialect
        self._clock = clock
        self._random = random
        self._policy = policy
        self._tokens = RetryTokens()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on, and again where that is safe and of use."""
        sending = sending_of(request)
        scope = sending.scope
        self._tokens.earn()
        while True:
            sending.attempts += 1
            renewed = sending.renewed
            try:
                response = await self._inner.handle_async_request(request)
            except WireFault as error:
                pause, failure = self._pause(sending, None), wire_error(error, scope, sending)
                again = _may_repeat(error, sending)
            else:
                fault = fault_of(self._dialect, response)
                if settles(response.status_code, fault):
                    sending.answered(done=fault is None)
                if sending.renewed and not renewed:
                    continue
                if fault is None or (response.status_code in sending.passing and not sending.open):
                    return response
                asked = pause_of(response, self._clock.time())
                pause, failure = self._pause(sending, asked, fault), answer_error(fault, asked, scope, sending)
                again = fault.kind in PASSING and not sending.open
            if not (again and self._worth(scope, sending, pause)):
                raise failure
            await self._clock.sleep(pause)
            if sending.unchanged is not None and sending.sends:
                # Whoever stood in the way may have changed what this write was decided on.
                await sending.unchanged()

    def _pause(self, sending: Sending, asked: float | None, fault: Fault | None = None) -> float:
        """Return how long to wait: never less than the system asked for."""
        base = self._policy.throttle_base if fault and fault.kind is FaultKind.THROTTLE else self._policy.base
        jitter = full_jitter(sending.attempts, base=base, ceiling=self._policy.ceiling, random=self._random)
        return jitter if asked is None else asked + min(jitter, 1.0)

    def _worth(self, scope: CallScope, sending: Sending, pause: float) -> bool:
        fits = pause + self._policy.shortest <= scope.deadline.remaining()
        return sending.attempts < self._policy.attempts and fits and self._tokens.spend()


def _may_repeat(error: WireFault, sending: Sending) -> bool:
    if isinstance(error, NotSent):
        return not error.lasting
    return isinstance(error, Broken) and not sending.writes
