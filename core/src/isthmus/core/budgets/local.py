"""What may a process send while it cannot reach the store?"""

__all__ = ["RETRY_STORE", "LocalShare"]

RETRY_STORE = 1.0
"""Seconds between two tries to reach the store."""
PERIOD = 60.0


class LocalShare:
    """A share that stays safe even if every process takes one like it.

    It is a quarter of an even part of what was known to be left, and a few units a minute where nothing was known.
    """

    def __init__(self, blind: int) -> None:
        self._blind = blind
        self._since: float | None = None
        self._units = 0
        self._until = 0.0

    @property
    def away(self) -> bool:
        """Tell whether the store could not be reached last time."""
        return self._since is not None

    def cautious(self, now: float) -> bool:
        """Tell whether nothing should be taken from the ledger: it does not yet know what others have sent alone."""
        return self.away or now < self._until

    def lost(self, now: float, left: int | None, processes: int) -> bool:
        """Note that the store cannot be reached; return True the first time."""
        first = self._since is None
        if first:
            self._since = now
            self._units = self._blind if left is None else left // (4 * processes)
        elif left is None and self._since is not None and now - self._since >= PERIOD:
            self._since, self._units = now, self._blind
        return first

    def found(self, now: float) -> None:
        """Note that the store answers; the other processes have two tries' time to tell what they sent."""
        if self._since is not None:
            self._since = None
            self._until = now + 2 * RETRY_STORE

    def take(self, wanted: int) -> int:
        """Take up to so many units of the share."""
        units = max(0, min(wanted, self._units))
        self._units -= units
        return units
