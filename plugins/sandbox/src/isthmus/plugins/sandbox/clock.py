"""What time is it in the sandbox?"""

from datetime import UTC, datetime, timedelta
from threading import Lock
from typing import Final

START: Final = datetime(2026, 11, 20, 9, 0, 0, tzinfo=UTC)
"""A Friday morning: every sandbox begins at the same instant unless told otherwise."""


def stamp(moment: datetime) -> str:
    """Write an instant as journals do, and as Salesforce does."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.000+0000")


class Clock:
    """Keep a time that moves only when somebody advances it."""

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            raise ValueError("a sandbox clock needs a start with a time zone, for instance datetime(..., tzinfo=UTC)")
        self._start = self._now = start.astimezone(UTC)
        self._lock = Lock()

    def __call__(self) -> float:
        """Return the seconds since 1970, so that the clock can stand in for `time.time`."""
        return self.now().timestamp()

    def now(self) -> datetime:
        """Return the present instant in UTC."""
        with self._lock:
            return self._now

    def reset(self) -> None:
        """Go back to the start."""
        with self._lock:
            self._now = self._start

    def advance(self, *, days: float = 0, hours: float = 0, minutes: float = 0, seconds: float = 0) -> datetime:
        """Move forward and return the new instant; raises ValueError when the step points backwards."""
        step = timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
        if step < timedelta():
            raise ValueError(f"the sandbox clock only moves forward, not by {step}")
        with self._lock:
            self._now += step
            return self._now
