"""How many calls are left, for REST and WQL on one side and for web services on the other?"""

import math
from collections.abc import Callable
from typing import Final, Literal

Surface = Literal["rest", "soap"]

CAPACITY: Final[dict[Surface, float]] = {"rest": 3600.0, "soap": 700.0}
PER_SECOND: Final[dict[Surface, float]] = {"rest": 5.0, "soap": 1.0}


class Buckets:
    """Two token buckets, filled up by the clock."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left: dict[Surface, float] = dict(CAPACITY)
        self._at = clock()
        self._told = 0

    def left(self, surface: Surface) -> float:
        """Return how many tokens are there now."""
        now = self._clock()
        for each, rate in PER_SECOND.items():
            self._left[each] = min(CAPACITY[each], self._left[each] + rate * (now - self._at))
        self._at = now
        return self._left[surface]

    def set(self, surface: Surface, tokens: float) -> None:
        """Leave only so many tokens."""
        self.left(surface)
        self._left[surface] = tokens

    def take(self, surface: Surface) -> int:
        """Use up one token; return 0, or where there is none, the seconds until there is one."""
        if self.left(surface) >= 1:
            self._left[surface] -= 1
            return 0
        return max(1, math.ceil((1 - self._left[surface]) / PER_SECOND[surface]))

    def header(self, surface: Surface) -> str:
        """Return what the header says: a whole number, and every other time with a point, as nodes differ."""
        self._told += 1
        whole = math.floor(self.left(surface))
        return str(whole) if self._told % 2 else f"{whole}.0"
