"""Time that is moved by hand, and a store in memory."""

import asyncio
import heapq
import itertools

import pytest

from isthmus.core.budgets import Budget, StoreUnavailable
from isthmus.core.resilience import Deadline


class VirtualClock:
    """Sleepers wake in order; `drive` moves time on whenever nothing else can happen."""

    def __init__(self, start=1_000_000.0):
        self.now = start
        self.sleepers = []
        self.count = itertools.count()

    def time(self):
        return self.now

    def monotonic(self):
        return self.now

    async def sleep(self, seconds):
        future = asyncio.get_running_loop().create_future()
        heapq.heappush(self.sleepers, (self.now + max(0.0, seconds), next(self.count), future))
        await future

    async def settle(self):
        for _ in range(30):
            await asyncio.sleep(0)

    async def step(self, until=float("inf")):
        while self.sleepers and self.sleepers[0][2].done():
            heapq.heappop(self.sleepers)
        if not self.sleepers or self.sleepers[0][0] > until:
            return False
        at, _, future = heapq.heappop(self.sleepers)
        self.now = max(self.now, at)
        future.set_result(None)
        await self.settle()
        return True

    async def drive(self, work):
        task = asyncio.ensure_future(work)
        await self.settle()
        while not task.done():
            if not await self.step():
                raise AssertionError("nothing will ever happen again")
        return await task

    async def advance(self, seconds):
        until = self.now + seconds
        await self.settle()
        while await self.step(until):
            pass
        self.now = until


class MemoryStore:
    """What several budgets of one test share; `away` makes it unreachable."""

    def __init__(self):
        self.texts = {}
        self.away = False
        self.updates = 0

    async def update(self, key, change):
        await asyncio.sleep(0)
        if self.away:
            raise StoreUnavailable("away")
        self.updates += 1
        self.texts[key], answer = change(self.texts.get(key))
        return answer


@pytest.fixture
def clock():
    return VirtualClock()


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
async def budgets(clock, store):
    opened = []

    def build(rules, **options):
        opened.append(Budget("org", store, rules, clock=clock, **options))
        return opened[-1]

    yield build
    for budget in opened:
        await budget.aclose()


@pytest.fixture
def soon(clock):
    return lambda seconds: Deadline.after(seconds, clock)
