"""How many API calls has the org had in the last 24 hours?"""

from typing import Final

from isthmus.plugins.sandbox.clock import Clock

from .errors import ApiError

_HOUR: Final = 3600


class DailyQuota:
    """Count calls over a rolling day, hour by hour."""

    def __init__(self, clock: Clock, maximum: int = 15_000) -> None:
        self._clock = clock
        self._hours: dict[int, int] = {}
        self.maximum = maximum

    @property
    def used(self) -> int:
        """Return the calls of the last 24 hours."""
        hour = self._hour()
        self._hours = {each: count for each, count in self._hours.items() if hour - each < 24}
        return sum(self._hours.values())

    @property
    def remaining(self) -> int:
        """Return how many calls are left."""
        return max(self.maximum - self.used, 0)

    @property
    def header(self) -> str:
        """Return the value of `Sforce-Limit-Info`."""
        return f"api-usage={self.used}/{self.maximum}"

    def charge(self) -> None:
        """Count one call; raises ApiError where none is left."""
        if self.remaining == 0:
            raise daily_limit()
        hour = self._hour()
        self._hours[hour] = self._hours.get(hour, 0) + 1

    def set(self, *, used: int | None = None, maximum: int | None = None) -> None:
        """Pretend that `used` calls were made within this hour, or change the allowance."""
        if used is not None:
            self._hours = {self._hour(): used}
        if maximum is not None:
            self.maximum = maximum

    def _hour(self) -> int:
        return int(self._clock() // _HOUR)


def daily_limit() -> ApiError:
    """Say that the day's calls are used up."""
    return ApiError(403, "REQUEST_LIMIT_EXCEEDED", "TotalRequests Limit exceeded.")


def concurrent_limit() -> ApiError:
    """Say that too many long requests are running."""
    message = "ConcurrentRequests (Concurrent API Requests) Limit exceeded."
    return ApiError(403, "REQUEST_LIMIT_EXCEEDED", message)
