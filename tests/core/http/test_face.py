"""Does a connector's own waiting end with its call?"""

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.http import CallScope, Http, Meter, Origin
from isthmus.core.operation import Effect, Operation, Verb
from isthmus.core.resilience import Deadline


class Slow:
    """A clock that only moves while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0

    def monotonic(self) -> float:
        return self.now

    time = monotonic

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


async def test_a_pause_is_taken_only_where_the_call_outlives_it() -> None:
    clock = Slow()
    operation = Operation("crm", "crm", "by hand", Verb.EXPORT, frozenset({Effect.READ}), "Case")
    scope = CallScope(Principal("crm"), operation, Deadline.after(10, clock), None, Meter(), "by hand")
    http = Http(httpx2.MockTransport(lambda _: httpx2.Response(500)), Origin.of("https://crm.example"), scope)
    assert await http.pause(4)
    assert clock.now == 4
    assert not await http.pause(6)
    assert clock.now == 4
    assert await http.pause(5.5)
    assert not scope.deadline.expired
