"""May a request be repeated, and after which pause?"""

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["RetryPolicy", "RetryTokens", "full_jitter"]


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often and how fast one request is repeated; times in seconds.

    `shortest` is the least time left for which an attempt is still worth starting.
    """

    attempts: int = 3
    base: float = 0.1
    throttle_base: float = 1.0
    ceiling: float = 20.0
    shortest: float = 0.02


def full_jitter(attempt: int, *, base: float, ceiling: float, random: Callable[[], float]) -> float:
    """Return a pause drawn evenly from zero to the exponential bound of this attempt (1 is the first)."""
    return random() * min(ceiling, base * 2.0 ** min(attempt - 1, 32))


class RetryTokens:
    """The retry budget of one connection: every request earns a share of a retry, every retry costs one.

    So retries stay below `share` of the requests however long an outage lasts.
    """

    __slots__ = ("_most", "_share", "_tokens")

    def __init__(self, share: float = 0.1, most: float = 10.0) -> None:
        self._share = share
        self._most = most
        self._tokens = most

    def earn(self) -> None:
        """Count one request."""
        self._tokens = min(self._most, self._tokens + self._share)

    def spend(self) -> bool:
        """Take the token of one retry; False means that none is left."""
        if self._tokens < 1.0:
            return False
        self._tokens -= 1.0
        return True
