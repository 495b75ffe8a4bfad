"""What may one request spend, and what did the org say is left?"""

from datetime import datetime
from typing import TYPE_CHECKING

from msgspec import Struct

if TYPE_CHECKING:
    from isthmus.core.budgets.budget import Budget

__all__ = ["UNCOUNTED", "Permit", "QuotaReading"]


class QuotaReading(Struct, frozen=True, gc=False):
    """What an answer says about one quota of the org.

    `window` is its length in seconds. `at` is the time of the answer on the org's own clock (its `Date`), against
    which `resets_at` is read, so that skew does no harm. `quota` tells several quotas of one org apart. Where the org
    does not say what is left, `remaining` is None, and what is sent in its window is counted here.
    """

    limit: int
    remaining: int | None
    window: float | None = None
    resets_at: datetime | None = None
    at: datetime | None = None
    quota: str = ""


UNCOUNTED = QuotaReading(0, None)
"""The reading of an answer that shows that its request counted against no quota."""


class Permit:
    """The right to send one request of `cost` units; it also holds one of the slots for requests in flight."""

    __slots__ = ("_budget", "_open", "_used", "at", "cost", "extra", "mark")

    def __init__(self, budget: "Budget", cost: int, *, extra: bool) -> None:
        self._budget = budget
        self._open = True
        self._used = False
        self.cost = cost
        self.extra = extra
        self.mark = 0
        self.at = 0.0

    def use(self) -> bool:
        """Take the permit for one request; False means that it has been used or given back before."""
        if self._used or not self._open:
            return False
        self._used = True
        self.mark, self.at = self._budget.answered
        return True

    def finish(self, *, sent: bool) -> None:
        """End the request: free the slot, and give the units back where no byte of it was sent."""
        if self._open:
            self._open = False
            self._budget.take_back(self, sent=sent)

    def release_unused(self) -> None:
        """Give everything back if no request has used the permit; safe to call at any time."""
        if not self._used:
            self.finish(sent=False)
