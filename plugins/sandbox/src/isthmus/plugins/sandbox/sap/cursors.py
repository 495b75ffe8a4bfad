"""Where does a page go on, and for how long is that remembered?"""

from datetime import datetime, timedelta
from random import Random
from typing import Final

from isthmus.plugins.sandbox.clock import Clock

LIFE: Final = timedelta(minutes=10)


class Cursors:
    """Keep the skiptokens that were given out."""

    def __init__(self, clock: Clock, random: Random) -> None:
        self._clock = clock
        self._random = random
        self._open: dict[str, tuple[str, int, int, datetime]] = {}

    def open(self, login: str, path: str, start: int, end: int) -> str:
        """Return a token that leads on to a row of the same request by the same user."""
        token = f"{self._random.getrandbits(96):024X}{len(path):02X}"
        self._open[token] = (login, start, end, self._clock.now() + LIFE)
        return token

    def find(self, token: str, login: str) -> tuple[int, int] | None:
        """Return where a page starts and where all ends; None for a token that is unknown, expired or another's."""
        found = self._open.get(token)
        if found is None or found[0] != login or found[3] <= self._clock.now():
            return None
        return found[1], found[2]

    def forget(self, token: str) -> None:
        """Let a token expire."""
        self._open.pop(token, None)
