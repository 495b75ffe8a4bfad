"""How many calls an hour may a user make, by which rule?"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.message import Reply

from .errors import ApiError
from .store import Row, Store
from .viewer import Viewer

HOUR: Final = 3_600


@dataclass(frozen=True, slots=True)
class Matched:
    """The rule that a call falls under, and what its headers say; `refused` where the hour is used up."""

    limit: int
    resets: int
    rule: str
    refused: bool
    wait: int

    @property
    def headers(self) -> dict[str, str]:
        """Return what the answer carries: there is no header that says how much is left."""
        found = {
            "X-RateLimit-Limit": str(self.limit),
            "X-RateLimit-Reset": str(self.resets),
            "X-RateLimit-Rule": self.rule,
        }
        return {**found, "Retry-After": str(self.wait)} if self.refused else found


class Rates:
    """Count calls by rule and user in whole hours of the clock.

    A real instance counts on every node and adds up every 30 s, so that a limit is overshot: `commits_every` (seconds)
    says how often here; at 0 every call counts at once.
    """

    def __init__(self, store: Store, clock: Clock) -> None:
        self._store = store
        self._clock = clock
        self._counts: dict[tuple[str, str, int], int] = {}
        self._committed: dict[tuple[str, str, int], tuple[float, int]] = {}
        self.commits_every = 0.0

    def charge(self, viewer: Viewer, path: str) -> Matched | None:
        """Count a call and return the rule that it falls under, if it falls under one."""
        rule = self._rule(viewer, path)
        if rule is None:
            return None
        now = self._clock()
        hour = int(now // HOUR)
        key = (rule["sys_id"], viewer.user_id, hour)
        limit, resets = int(rule["rate_limit"] or 0), (hour + 1) * HOUR
        refused = self._known(key, now) >= limit
        if not refused:
            self._counts[key] = self._counts.get(key, 0) + 1
        return Matched(limit, resets, rule["sys_id"], refused, max(1, int(resets - now)))

    def _known(self, key: tuple[str, str, int], now: float) -> int:
        count = self._counts.get(key, 0)
        if not self.commits_every:
            return count
        at, committed = self._committed.get(key, (now, 0))
        if now - at >= self.commits_every or key not in self._committed:
            committed, at = (count, now) if key in self._committed else (0, now)
            self._committed[key] = (at, committed)
        return committed

    def _rule(self, viewer: Viewer, path: str) -> Row | None:
        """Return the rule for this user, else the lowest of the user's roles, else the one for all."""
        fits = [
            row
            for row in self._store.find("sys_rate_limit_rules", active="true")
            if path.startswith(row["request_resource"])
        ]
        own = [row for row in fits if row["user"] == viewer.user_id]
        roles = [row for row in fits if not row["user"] and self._has(viewer, row["role"])]
        everybody = [row for row in fits if not row["user"] and not row["role"]]
        candidates = own or roles or everybody
        return min(candidates, key=lambda row: int(row["rate_limit"] or 0)) if candidates else None

    def _has(self, viewer: Viewer, role: str) -> bool:
        found = self._store.get("sys_user_role", role)
        return found is not None and found["name"] in viewer.roles


def too_many(clock: Clock, details: Mapping[str, str]) -> Reply:
    """Return the answer to a call above its limit; the vendor documents no text for it."""
    reply = ApiError(429, "Rate limit exceeded", "Too many requests; see the Retry-After header").reply()
    resets = int(clock.now().replace(minute=0, second=0).timestamp() + timedelta(hours=1).total_seconds())
    reply.headers = {"X-RateLimit-Reset": str(resets), **details}
    return reply
