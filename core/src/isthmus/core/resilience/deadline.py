"""How much time does this call have left?"""

from msgspec import Struct, field

from isthmus.core.resilience.clock import Clock, SystemClock

__all__ = ["Deadline"]


class Deadline(Struct, frozen=True, gc=False):
    """The moment, on the clock's monotonic scale, by which the whole call has ended: queueing, tokens, body, all."""

    at: float
    clock: Clock = field(default_factory=SystemClock)

    @classmethod
    def after(cls, seconds: float, clock: Clock | None = None) -> "Deadline":
        """Set a deadline this many seconds from now."""
        clock = clock or SystemClock()
        return cls(clock.monotonic() + seconds, clock)

    def remaining(self) -> float:
        """Return the seconds left, never below zero."""
        return max(0.0, self.at - self.clock.monotonic())

    @property
    def expired(self) -> bool:
        """Tell whether no time is left."""
        return self.clock.monotonic() >= self.at
