"""May this process send one more request to the org now, and if not, when?"""

import asyncio
import logging
import math
import os
import secrets
from collections import deque
from collections.abc import Coroutine, Iterable
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Self

from msgspec.structs import replace

from isthmus.core.budgets.ledger import NOTHING, Ask, Grant, Mark, Rules, dump, load, settle
from isthmus.core.budgets.local import RETRY_STORE, LocalShare
from isthmus.core.budgets.pending import Pending
from isthmus.core.budgets.permit import UNCOUNTED, Permit, QuotaReading
from isthmus.core.budgets.queue import FairQueue, Waiter
from isthmus.core.budgets.store import BudgetStore, StoreUnavailable
from isthmus.core.errors import QuotaExhausted
from isthmus.core.resilience.clock import Clock, SystemClock
from isthmus.core.resilience.deadline import Deadline

__all__ = ["Budget"]

LOG = logging.getLogger("isthmus.budgets")


class Budget:
    """This process's view of one quota of an org; the ledger behind it is shared by all processes of the store.

    Permits come in blocks from the ledger, so most cost no look at the store. What the process knows is at most
    `Rules.refresh` seconds old when it grants. It belongs to one event loop.
    """

    def __init__(
        self, key: str, store: BudgetStore, rules: Rules | None = None, *, clock: Clock | None = None, quota: str = ""
    ) -> None:
        """Name the org; `quota` names the readings that concern this budget, all of them where it is empty."""
        self.key = key
        self.quota = quota
        self._store = store
        self._rules = rules or Rules()
        self._clock = clock or SystemClock()
        self._queue = FairQueue()
        self._pending = Pending(f"{os.getpid()}-{secrets.token_hex(4)}")
        self._block: deque[float] = deque()
        self._extra: deque[float] = deque()
        self._busy = 0
        self._grant = NOTHING
        self._fresh_until = 0.0
        self._synced = 0.0
        self._hold = 0.0
        self._exhausted = 0.0
        self._few_units = False
        self._few_extra = False
        self._few_slots = False
        self._local = LocalShare(self._rules.blind)
        self._lock = asyncio.Lock()
        self._wake = asyncio.Event()
        self._pump: asyncio.Task[None] | None = None
        self._rest: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    @property
    def answered(self) -> tuple[int, float]:
        """Return how many units the org has certainly counted by now, over all processes, and as of when."""
        return self._grant.completed + self._pending.completed, self._synced

    async def acquire(self, cost: int, agent: str, deadline: Deadline, class_: str = "caller") -> Permit:
        """Wait for a permit; `class_` is "caller", or "reconcile" to reach a little into the reserve.

        Raises:
            QuotaExhausted: no permit can be had before the deadline.
        """
        now = self._clock.time()
        reconcile = class_ == "reconcile"
        if not self._queue and now < self._fresh_until and self._can(cost, now, reconcile=reconcile):
            return self._take(cost, reconcile=reconcile)
        future: asyncio.Future[Permit] = asyncio.get_running_loop().create_future()
        waiter = Waiter(max(1, cost), agent, deadline, reconcile, now, future)
        self._queue.add(waiter)
        self._stir()
        try:
            return await future
        except asyncio.CancelledError:
            if future.done() and not future.cancelled() and future.exception() is None:
                future.result().release_unused()
            else:
                self._queue.discard(waiter)
            raise

    def learn(self, readings: Iterable[QuotaReading], permit: Permit, *, at: datetime | None = None) -> None:
        """Take what the answer to this permit's request says; `at` is the org's time of it where a reading has none."""
        now = self._clock.time()
        for reading in readings:
            if reading is UNCOUNTED:
                self._pending.uncounted += (permit.at,) * permit.cost
                continue
            if self.quota not in ("", reading.quota):
                continue
            pause = min(reading.window, self._rules.pause) if reading.window else self._rules.pause
            resets, certain = now + pause, False
            if reading.resets_at is not None:
                answered = reading.at or at
                theirs = answered.timestamp() if answered else now
                ends = now + reading.resets_at.timestamp() - theirs
                resets, certain = (ends, True) if ends > now else (resets, False)
            counted = reading.remaining is None
            left = reading.limit - permit.cost if reading.remaining is None else reading.remaining
            ceiling = permit.mark + permit.cost + max(0, left)
            self._pending.mark = Mark(ceiling, max(0, reading.limit), now, resets, certain, counted)

    def succeeded(self) -> None:
        """Note an answer without throttle; calm spells raise the concurrency again."""
        self._pending.succeeded = True

    def throttled(self, after: float | None) -> None:
        """Hold every process of the org for `after` seconds and halve the requests in flight."""
        until = self._clock.time() + (after if after is not None else self._rules.calm)
        self._hold = max(self._hold, until)
        self._pending.throttled = max(self._pending.throttled, until)
        self._pending.crowd = max(self._pending.crowd, self._busy)
        self._stir()

    def exhausted(self, resets_at: datetime | None) -> None:
        """Stop every process until the quota's reset; where the org did not tell it, until `Rules.pause` has passed."""
        until = resets_at.timestamp() if resets_at else self._clock.time() + self._rules.pause
        self._exhausted = max(self._exhausted, until)
        self._pending.exhausted = max(self._pending.exhausted, until)
        self._drop()
        self._stir()

    def take_back(self, permit: Permit, *, sent: bool) -> None:
        """End one request; only its permit calls this."""
        self._busy -= 1
        now = self._clock.time()
        if sent:
            self._pending.completed += permit.cost
            self._pending.used += permit.cost
        elif self._exhausted > now:
            self._pending.returned += permit.cost
        else:
            (self._extra if permit.extra else self._block).extendleft([now] * permit.cost)
        if self._queue:
            self._serve(now)
            if self._must_sync(now):
                self._stir()
        else:
            self._rest_later()

    async def aclose(self) -> None:
        """Give back what is unused; waiting calls are cancelled."""
        for waiter in list(self._queue):
            self._queue.discard(waiter)
            waiter.future.cancel()
        for task in (self._pump, self._rest):
            if task is not None:
                task.cancel()
                await asyncio.wait({task})
        self._pump = self._rest = None
        if self._grant is not NOTHING:
            await self._sync(leaving=True)

    def _can(self, cost: int, now: float, *, reconcile: bool) -> bool:
        if self._hold > now or self._exhausted > now:
            return False
        if self._grant.slots is not None and self._busy >= self._grant.slots:
            return False
        block = self._extra if reconcile and len(self._extra) >= cost else self._block
        return len(block) >= cost and block[cost - 1] <= now

    def _take(self, cost: int, *, reconcile: bool) -> Permit:
        extra = reconcile and len(self._extra) >= cost
        block = self._extra if extra else self._block
        for _ in range(cost):
            block.popleft()
        self._busy += 1
        return Permit(self, cost, extra=extra)

    def _serve(self, now: float) -> None:
        if now >= self._fresh_until:
            return
        progress = True
        while progress:
            progress = False
            for waiter in self._queue.heads():
                if waiter.future.done():
                    # Its caller has left and not come round to say so.
                    self._queue.discard(waiter)
                    progress = True
                    break
                if self._can(waiter.cost, now, reconcile=waiter.reconcile):
                    self._queue.serve(waiter)
                    waiter.future.set_result(self._take(waiter.cost, reconcile=waiter.reconcile))
                    progress = True
                    break

    def _stir(self) -> None:
        self._wake.set()
        if self._pump is None:
            self._pump = self._start(self._turn(), "pump")

    def _start(self, work: Coroutine[None, None, None], name: str) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work, name=f"isthmus budget {self.key} {name}")
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Hand a fault of our own to whoever waits, instead of leaving them to their deadlines."""
        if task is self._pump:
            self._pump = None
        if task.cancelled() or (error := task.exception()) is None:
            if self._queue and self._pump is None and not task.cancelled():
                self._stir()
            return
        for waiter in list(self._queue):
            self._queue.discard(waiter)
            _refuse(waiter, error)

    async def _turn(self) -> None:
        while self._queue or self._pending.urgent:
            self._wake.clear()
            self._serve(self._clock.time())
            if self._must_sync(self._clock.time()):
                await self._sync()
                self._serve(self._clock.time())
            if self._queue and (pause := self._refuse_late()) > 0.0:
                await self._pause(pause)
            elif not self._queue:
                break
        self._rest_later()

    def _must_sync(self, now: float) -> bool:
        """Tell whether the ledger can help: not while fresh news say that it has no more to give."""
        if self._pending.urgent:
            return not self._local.away or now >= self._fresh_until
        if not self._queue:
            return False
        if now >= self._fresh_until:
            return True
        if self._grant.slots is not None and self._busy >= self._grant.slots:
            return not self._few_slots
        if self._queue.settling and not (self._extra or self._few_extra):
            return True
        paced = bool(self._block) and self._block[0] > now
        return not (paced or self._few_units)

    def _refuse_late(self) -> float:
        """Refuse whoever cannot be served in time; return how long to wait for the rest."""
        now = self._clock.time()
        opens, poll = self._opens(now)
        nearest = math.inf
        for waiter in list(self._queue):
            end = now + waiter.deadline.remaining()
            impatient = opens > now and poll is not None and now - waiter.since > 2 * self._rules.idle and opens > end
            if end <= now or (opens > end and poll is None) or impatient:
                self._queue.discard(waiter)
                _refuse(waiter, self._refusal(opens if opens > now else None))
            else:
                nearest = min(nearest, end)
        wait = min(nearest, opens if opens > now else math.inf, now + poll if poll is not None else math.inf)
        return max(0.001, wait - now) if self._queue else 0.0

    def _opens(self, now: float) -> tuple[float, float | None]:
        """Return when the budget opens again, and how soon to look whether it did earlier (None: it cannot)."""
        closed = max(self._hold, self._exhausted)
        if closed > now:
            return closed, None
        grant = self._grant
        if self._local.away or grant is NOTHING:
            return now, RETRY_STORE
        if grant.left == 0 and not self._block and not self._extra:
            return grant.resets, self._rules.refresh if grant.outstanding else None
        if self._block and self._block[0] > now:
            return self._block[0], None
        if grant.again > now:
            return grant.again, None
        return now, self._rules.refresh

    def _refusal(self, opens: float | None) -> QuotaExhausted:
        resets = datetime.fromtimestamp(opens, UTC) if opens else None
        if self._local.away:
            said = "its store cannot be reached and the local share is spent; repair the store, or wait"
        elif resets is not None:
            said = f"nothing more may be sent before {resets.isoformat(timespec='seconds')}; wait until then"
        else:
            said = "other calls are before this one; repeat it with a later deadline"
        return QuotaExhausted(f"No call to {self.key} is free: {said}.", resets_at=resets, budget=self.key)

    async def _pause(self, seconds: float) -> None:
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        woken = asyncio.ensure_future(self._wake.wait())
        try:
            await asyncio.wait({timer, woken}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            woken.cancel()

    async def _sync(self, *, leaving: bool = False) -> None:
        """Tell the ledger what happened here and take a block; without a store go on with the local share."""
        async with self._lock:
            if self._synced and self._clock.time() - self._synced > self._rules.lease:
                # The ledger has booked this process as dead, and its unused units as sent.
                self._block.clear()
                self._extra.clear()
            if leaving:
                self._drop()
            ask = self._ask(leaving=leaving)
            try:
                grant = await self._store.update(self.key, partial(self._settle, ask))
            except StoreUnavailable as error:
                self._go_on_alone(error)
                return
            self._pending.forget(ask)
            self._grant = grant
            self._local.found(self._clock.time())
            self._block.extend(grant.ready)
            self._extra.extend(grant.extra)
            self._few_units = len(grant.ready) < ask.units or self._local.cautious(self._clock.time())
            self._few_extra = len(grant.extra) < ask.extra
            self._few_slots = grant.slots is not None and grant.slots < ask.busy + ask.waiting
            self._hold, self._exhausted = max(self._hold, grant.hold), max(self._exhausted, grant.exhausted)
            self._synced = self._clock.time()
            self._fresh_until = 0.0 if leaving else self._synced + self._rules.refresh

    def _settle(self, ask: Ask, text: str | None) -> tuple[str, Grant]:
        ledger, grant = settle(load(text), ask, self._rules, self._clock.time())
        return dump(ledger), grant

    def _ask(self, *, leaving: bool) -> Ask:
        waiting = [waiter.cost for waiter in self._queue if not waiter.reconcile]
        settling = [waiter.cost for waiter in self._queue if waiter.reconcile]
        cautious = self._local.cautious(self._clock.time())
        wanted = 0 if cautious else sum(waiting)
        if self._rules.rate is None and not (leaving or cautious):
            wanted = max(wanted, self._ahead(wanted))
        return self._pending.ask(
            units=max(0, wanted - len(self._block)),
            extra=0 if cautious else max(0, sum(settling) - len(self._extra)),
            busy=self._busy,
            waiting=len(waiting) + len(settling),
            leaving=leaving,
        )

    def _ahead(self, wanted: int) -> int:
        """Return how many units to hold: what the last spell used, but never much of what is left for others."""
        used = min(self._rules.block, 2 * self._pending.used)
        if self._grant.left is not None:
            used = min(used, self._grant.left // (8 * self._grant.processes))
        return max(wanted, used)

    def _go_on_alone(self, error: StoreUnavailable) -> None:
        """Take units of the local share; the ledger books them when it is back."""
        now = self._clock.time()
        if self._local.lost(now, self._grant.left, self._grant.processes):
            LOG.warning("budget %s goes on with its local share: %s", self.key, error)
            if self._grant.slots == 0:
                self._grant = replace(self._grant, slots=1)
        units = self._local.take(sum(waiter.cost for waiter in self._queue) - len(self._block))
        self._pending.unleased += units
        self._block.extend([now] * units)
        self._few_units = self._few_extra = self._few_slots = True
        self._fresh_until = now + RETRY_STORE

    def _drop(self) -> None:
        self._pending.returned += len(self._block) + len(self._extra)
        self._block.clear()
        self._extra.clear()

    def _rest_later(self) -> None:
        if self._busy == 0 and not self._queue and (self._rest is None or self._rest.done()):
            self._rest = self._start(self._go_to_rest(), "rest")

    async def _go_to_rest(self) -> None:
        while True:
            await self._clock.sleep(self._rules.idle)
            if self._busy or self._queue:
                return
            await self._sync(leaving=True)
            if not self._local.away:
                return


def _refuse(waiter: Waiter, error: BaseException) -> None:
    if not waiter.future.done():
        waiter.future.set_exception(error)
