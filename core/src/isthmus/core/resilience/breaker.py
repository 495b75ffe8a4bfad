"""Is this system well enough to be asked at all?"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from msgspec import Struct

from isthmus.core.resilience.clock import Clock

__all__ = ["Admission", "Breaker", "BreakerRules", "Breakers", "State"]


SLICES = 10
"""Into how many parts the window is cut; memory stays flat however many calls there are."""


class State(StrEnum):
    """Where a breaker stands."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(frozen=True, slots=True)
class BreakerRules:
    """When to open and for how long; times in seconds.

    Opens when at least `least` calls of the last `window` are known and `share` of them failed. Each opening in
    a row doubles the pause up to `longest`; every pause is stretched by a random factor from 1 to 1.5, so that
    processes do not come back together.
    """

    window: float = 30.0
    least: int = 10
    share: float = 0.5
    pause: float = 5.0
    longest: float = 60.0


class Admission(Struct, frozen=True, gc=False):
    """One call let through; give it back exactly once with what became of it."""

    breaker: "Breaker"
    probe: bool
    era: int

    def succeeded(self) -> None:
        """Count an answer that shows the system is there."""
        self.breaker.settle(self, failed=False)

    def failed(self) -> None:
        """Count a failure of the system."""
        self.breaker.settle(self, failed=True)

    def ignored(self) -> None:
        """Count nothing: throttles, quota, and what the caller cancelled."""
        self.breaker.settle(self, failed=None)


@dataclass(slots=True)
class _Slice:
    number: int
    calls: int = 0
    failures: int = 0


class Breaker:
    """A sliding-window breaker; while half open exactly one read is under way, and only its result decides."""

    def __init__(self, rules: BreakerRules, clock: Clock, random: Callable[[], float]) -> None:
        self._rules = rules
        self._clock = clock
        self._random = random
        self._slices: deque[_Slice] = deque()
        self._open_until: float | None = None
        self._openings = 0
        self._probing = False
        self._era = 0

    @property
    def state(self) -> State:
        """Tell the state as of now."""
        if self._open_until is None:
            return State.CLOSED
        return State.OPEN if self._clock.monotonic() < self._open_until else State.HALF_OPEN

    def admit(self, *, read: bool) -> Admission | None:
        """Let a call through, or return None; writes never probe."""
        state = self.state
        if state is State.CLOSED:
            return Admission(self, probe=False, era=self._era)
        if state is State.HALF_OPEN and read and not self._probing:
            self._probing = True
            return Admission(self, probe=True, era=self._era)
        return None

    def wait(self) -> float:
        """Return the seconds after which asking again makes sense."""
        if self._open_until is None:
            return 0.0
        return max(self._open_until - self._clock.monotonic(), self._rules.pause / 10)

    def settle(self, admission: Admission, *, failed: bool | None) -> None:
        """Take back an admission; answers to calls let through before the last change of state count for nothing."""
        if admission.era != self._era:
            return
        if admission.probe:
            self._probing = False
            if failed is not None:
                self._open() if failed else self._close()
            return
        if failed is not None:
            self._count(failed=failed)

    def _count(self, *, failed: bool) -> None:
        number = int(self._clock.monotonic() / self._rules.window * SLICES)
        if not self._slices or self._slices[-1].number != number:
            self._slices.append(_Slice(number))
        self._slices[-1].calls += 1
        self._slices[-1].failures += failed
        while self._slices[0].number <= number - SLICES:
            self._slices.popleft()
        if not failed:
            return
        calls = sum(part.calls for part in self._slices)
        failures = sum(part.failures for part in self._slices)
        if calls >= self._rules.least and failures >= self._rules.share * calls:
            self._open()

    def _open(self) -> None:
        pause = min(self._rules.longest, self._rules.pause * 2.0 ** min(self._openings, 16))
        self._openings += 1
        self._begin(self._clock.monotonic() + pause * (1.0 + self._random() / 2))

    def _close(self) -> None:
        self._openings = 0
        self._begin(None)

    def _begin(self, open_until: float | None) -> None:
        self._open_until = open_until
        self._era += 1
        self._probing = False
        self._slices.clear()


class Breakers:
    """The breakers of this process, one for each org and class of operations."""

    def __init__(self, clock: Clock, random: Callable[[], float], rules: BreakerRules | None = None) -> None:
        self._clock = clock
        self._random = random
        self._rules = rules or BreakerRules()
        self._breakers: dict[tuple[str, str], Breaker] = {}

    def of(self, org: str, operations: str) -> Breaker:
        """Return the one breaker of this org and class of operations."""
        key = (org, operations)
        found = self._breakers.get(key)
        if found is None:
            found = self._breakers[key] = Breaker(self._rules, self._clock, self._random)
        return found
