"""Who is next, so that everybody gets a share and nobody starves?"""

import asyncio
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from isthmus.core.budgets.permit import Permit
from isthmus.core.resilience.deadline import Deadline

__all__ = ["FairQueue", "Waiter"]


@dataclass(slots=True, eq=False)
class Waiter:
    """One call that waits for a permit; `since` is when it began, in epoch seconds."""

    cost: int
    agent: str
    deadline: Deadline
    reconcile: bool
    since: float
    future: asyncio.Future[Permit]


class FairQueue:
    """First in, first out for each agent; between agents whoever has had the fewest units (start-time fair queueing).

    Reconciling comes before all: it is rare, and it frees what an open write blocks.
    """

    def __init__(self) -> None:
        self._settling: deque[Waiter] = deque()
        self._agents: dict[str, deque[Waiter]] = {}
        self._had: dict[str, int] = {}

    def __bool__(self) -> bool:
        return bool(self._settling or self._agents)

    @property
    def settling(self) -> bool:
        """Tell whether somebody waits to reconcile."""
        return bool(self._settling)

    def __iter__(self) -> Iterator[Waiter]:
        yield from self._settling
        for line in self._agents.values():
            yield from line

    def add(self, waiter: Waiter) -> None:
        """Put a call at the end of its agent's line; an agent that comes anew has no credit from its absence."""
        if waiter.reconcile:
            self._settling.append(waiter)
            return
        if waiter.agent not in self._agents:
            self._agents[waiter.agent] = deque()
            self._had[waiter.agent] = min(self._had.values(), default=0)
        self._agents[waiter.agent].append(waiter)

    def heads(self) -> list[Waiter]:
        """Return who may be served next: the first to reconcile, then the first of the agent with the least."""
        found = [self._settling[0]] if self._settling else []
        if self._agents:
            found.append(self._agents[min(self._agents, key=self._had.__getitem__)][0])
        return found

    def serve(self, waiter: Waiter) -> None:
        """Take out a call that got its permit, and count its units for its agent."""
        if not waiter.reconcile:
            self._had[waiter.agent] += waiter.cost
        self.discard(waiter)

    def discard(self, waiter: Waiter) -> None:
        """Take out a call that no longer waits, if it is still there."""
        line = self._settling if waiter.reconcile else self._agents.get(waiter.agent)
        if line is None or waiter not in line:
            return
        line.remove(waiter)
        if not line and not waiter.reconcile:
            del self._agents[waiter.agent], self._had[waiter.agent]
