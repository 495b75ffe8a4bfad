"""What may still be sent to an org, as all processes that share a store agree on it?

`granted` and `completed` count units since the ledger began: handed to a process, and answered by the org. A reading
"`remaining` are left", in the answer to a request that was sent when `completed` stood at `mark`, includes at least
those `mark` units and its own. So sending stays within the reading as long as `granted` does not pass `mark` plus the
request's cost plus `remaining`: that sum is the `ceiling`. It holds for readings that arrive late or out of order,
because `mark` is never later than the reading.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import msgspec
from msgspec.structs import replace

__all__ = ["NOTHING", "Ask", "Grant", "Lease", "Ledger", "Mark", "Rules", "dump", "load", "settle"]


@dataclass(frozen=True, slots=True)
class Rules:
    """The configured bounds of one org; times in seconds, units are upstream calls.

    `reserve` is the share of the limit that people keep; reconciling may go into it by `reconcile`. `allowance` is
    the limit of one `window` where the org reports none. `rate` is units a second with a burst of `burst`.
    `concurrency` is the most requests in flight. `block` bounds what one process holds unused. A process that has
    not reported for `lease` is taken for dead. `pause` is the wait before a spent quota is asked again where the
    org did not tell its end. `blind` is what a process may send in a minute that has never reached the store.
    """

    reserve: float = 0.2
    reconcile: float = 0.02
    allowance: int | None = None
    window: float = 86_400.0
    rate: float | None = None
    burst: int = 2
    concurrency: int | None = None
    block: int = 64
    refresh: float = 0.1
    idle: float = 1.0
    lease: float = 60.0
    calm: float = 1.0
    pause: float = 3_600.0
    blind: int = 5


class Mark(msgspec.Struct, frozen=True, gc=False):
    """A reading as the ledger keeps it: the ceiling it allows, and when (epoch) it was taken and ends.

    `certain` is False where the org told no end: then `resets` is when a single unit may ask for a new reading.
    `counted` is True where the org did not say what is left: such a reading opens a window and does not move it.
    """

    ceiling: int
    limit: int
    at: float
    resets: float
    certain: bool
    counted: bool = False


class Lease(msgspec.Struct, frozen=True, array_like=True):
    """What one process holds: units not answered yet, slots for requests in flight, and how many more it wants."""

    held: int
    slots: int
    demand: int
    served: float
    expires: float


class Ledger(msgspec.Struct, frozen=True, gc=False):
    """The shared state of one budget; times are epoch seconds.

    `begun` is when the last window of our own making began. `asking` is True while a single unit may find out whether
    a spent quota is back, and one more may follow it. Every look at the store makes several, so it is a msgspec
    structure: changed and written at a tenth of the cost.
    """

    granted: int = 0
    completed: int = 0
    ceiling: int | None = None
    limit: int | None = None
    reported: float = 0.0
    resets: float = 0.0
    certain: bool = True
    asking: bool = False
    begun: float = 0.0
    exhausted: float = 0.0
    hold: float = 0.0
    concurrency: float | None = None
    changed: float = 0.0
    arrival: float = 0.0
    leases: Mapping[str, Lease] = msgspec.field(default_factory=dict)

    def left(self, rules: Rules, *, extra: bool) -> int | None:
        """Return the units that may still be granted; None means that no limit is known."""
        if self.ceiling is None or self.limit is None:
            return None
        share = rules.reserve - (rules.reconcile if extra else 0.0)
        return max(0, self.ceiling - _share(self.limit, share) - self.granted)


class Ask(msgspec.Struct, frozen=True, gc=False):
    """What a process reports since its last call, and what it wants now.

    `unleased` are units that the process took on its local share while the store was away. `extra` are units for
    reconciling. `crowd` is how many of its requests were in flight when a throttle came. `uncounted` are units that
    turned out to count against no quota, by the time they were sent.
    """

    process: str
    completed: int = 0
    returned: int = 0
    unleased: int = 0
    units: int = 0
    extra: int = 0
    busy: int = 0
    waiting: int = 0
    succeeded: bool = False
    mark: Mark | None = None
    uncounted: tuple[float, ...] = ()
    exhausted: float = 0.0
    throttled: float = 0.0
    crowd: int = 0
    leaving: bool = False


class Grant(msgspec.Struct, frozen=True, gc=False):
    """The store's answer: units with the time from which each may be used, and the state a process needs to wait."""

    ready: tuple[float, ...]
    extra: tuple[float, ...]
    slots: int | None
    completed: int
    left: int | None
    processes: int
    outstanding: bool
    hold: float
    exhausted: float
    resets: float
    again: float


NOTHING = Grant(
    ready=(),
    extra=(),
    slots=1,
    completed=0,
    left=None,
    processes=1,
    outstanding=False,
    hold=0.0,
    exhausted=0.0,
    resets=0.0,
    again=0.0,
)
"""What a process may assume before it has seen the ledger: one request at a time."""


def _share(limit: int, share: float) -> int:
    """Round up, but not for what binary fractions add to 18 % of 100."""
    return math.ceil(round(limit * share, 6))


def dump(ledger: Ledger) -> str:
    """Write a ledger as JSON."""
    return _WRITER.encode(ledger).decode()


def load(text: str | None) -> Ledger:
    """Read a ledger back; None is a new one."""
    return Ledger() if text is None else _READER.decode(text)


_WRITER = msgspec.json.Encoder()
_READER = msgspec.json.Decoder(Ledger)


def settle(ledger: Ledger, ask: Ask, rules: Rules, now: float) -> tuple[Ledger, Grant]:
    """Book what a process reports and grant what it may have; pure, so that any store can run it in a transaction."""
    ledger = _expire(ledger, now)
    ledger = _book(ledger, ask, now)
    ledger = _learn(ledger, ask, rules, now)
    ledger = _turn(ledger, rules, now)
    ledger = _ask_again(ledger, rules)
    ledger = _adapt(ledger, ask, rules, now)
    return _grant(ledger, ask, rules, now)


def _expire(ledger: Ledger, now: float) -> Ledger:
    """Count the units of dead processes as answered: every request of theirs has ended by now."""
    dead = [name for name, lease in ledger.leases.items() if lease.expires <= now]
    if not dead:
        return ledger
    lost = sum(ledger.leases[name].held for name in dead)
    alive = {name: lease for name, lease in ledger.leases.items() if name not in dead}
    return replace(ledger, completed=ledger.completed + lost, leases=alive)


def _book(ledger: Ledger, ask: Ask, now: float) -> Ledger:
    mine = ledger.leases.get(ask.process)
    held = mine.held if mine else 0
    # A process that was taken for dead reports units that were booked then; they are not booked twice.
    held += ask.unleased
    completed = min(ask.completed, held)
    returned = min(ask.returned, held - completed)
    # Whoever has just been served goes to the end of the row for slots.
    served = mine.served if mine and not ask.completed else now
    lease = Lease(held - completed - returned, ask.busy, ask.waiting, served, now)
    return replace(
        ledger,
        granted=ledger.granted + ask.unleased - returned,
        completed=ledger.completed + completed,
        leases={**ledger.leases, ask.process: lease},
    )


def _learn(ledger: Ledger, ask: Ask, rules: Rules, now: float) -> Ledger:
    # Before the reading: its mark holds what this process was told of earlier.
    ledger, mark = _free(ledger, ask), ask.mark
    if mark is not None and mark.at >= ledger.reported and ledger.exhausted <= now and not _known(ledger, mark, now):
        ledger = replace(
            ledger,
            ceiling=mark.ceiling,
            limit=mark.limit,
            reported=mark.at,
            resets=mark.resets,
            certain=mark.certain,
            asking=False,
        )
    if ask.exhausted > ledger.exhausted:
        ledger = replace(ledger, exhausted=ask.exhausted)
    if ledger.ceiling is None and rules.allowance is not None:
        ceiling = ledger.granted + rules.allowance
        ledger = replace(ledger, ceiling=ceiling, limit=rules.allowance, resets=now + rules.window)
    return ledger


def _free(ledger: Ledger, ask: Ask) -> Ledger:
    """Give back what counted against no quota; what was sent before the window began has used up nothing of it.

    While a few units ask whether a quota is back, each such answer lets one more follow: a lost answer then stops
    nothing, and what may be out at once stays within a whole window.
    """
    if not ask.uncounted or ledger.ceiling is None or ledger.limit is None:
        return ledger
    ceiling = ledger.ceiling + sum(at >= ledger.begun for at in ask.uncounted)
    if not ledger.certain:
        ceiling = max(ceiling, min(2 * ceiling - ledger.ceiling, ledger.completed + ledger.limit))
    return replace(ledger, ceiling=ceiling)


def _known(ledger: Ledger, mark: Mark, now: float) -> bool:
    """Tell whether a reading without a count says nothing new: a window is being counted, and it is no wider.

    Several quotas of an org may take turns; the tightest one is counted until its window ends.
    """
    counting = ledger.reported > 0.0 and ledger.certain and ledger.resets > now
    return mark.counted and counting and ledger.limit is not None and mark.limit >= ledger.limit


def _turn(ledger: Ledger, rules: Rules, now: float) -> Ledger:
    """Begin a new window where one has ended: with the whole allowance, or with a few units that ask for a reading."""
    ended = 0.0 < ledger.exhausted <= now or (ledger.ceiling is not None and ledger.resets <= now)
    if not ended or ledger.exhausted > now:
        return ledger
    ledger = replace(ledger, exhausted=0.0)
    if ledger.reported == 0.0 and rules.allowance is not None:
        ceiling = ledger.granted + rules.allowance
        return replace(ledger, ceiling=ceiling, limit=rules.allowance, resets=now + rules.window, begun=now)
    if ledger.limit is None:
        return ledger
    few = max(1, ledger.limit // 100) if ledger.certain else 1
    ceiling = ledger.granted + _share(ledger.limit, rules.reserve) + few
    return replace(ledger, ceiling=ceiling, resets=now + rules.pause, certain=False, asking=few == 1, begun=now)


def _ask_again(ledger: Ledger, rules: Rules) -> Ledger:
    """Let one more unit ask, once a window, where the one before told nothing: it met a dead login, or was lost."""
    if not ledger.asking or ledger.ceiling is None or ledger.granted > ledger.completed:
        return ledger
    if ledger.left(rules, extra=False):
        return ledger
    return replace(ledger, ceiling=ledger.ceiling + 1, asking=False)


def _adapt(ledger: Ledger, ask: Ask, rules: Rules, now: float) -> Ledger:
    """Halve the requests in flight on a throttle, once an episode; add one for each calm spell with success."""
    now_allowed = ledger.concurrency if ledger.concurrency is not None else rules.concurrency
    if ask.throttled:
        ledger = replace(ledger, hold=max(ledger.hold, ask.throttled))
        if ledger.changed + rules.calm <= now or ledger.concurrency is None:
            others = sum(lease.slots for name, lease in ledger.leases.items() if name != ask.process)
            base = others + ask.crowd if now_allowed is None else now_allowed
            return replace(ledger, concurrency=max(1.0, base // 2), changed=now)
        return ledger
    if ledger.concurrency is None or not ask.succeeded or ledger.changed + rules.calm > now or ledger.hold > now:
        return ledger
    if rules.concurrency is not None and ledger.concurrency + 1 >= rules.concurrency:
        return replace(ledger, concurrency=None, changed=now)
    return replace(ledger, concurrency=ledger.concurrency + 1, changed=now)


def _grant(ledger: Ledger, ask: Ask, rules: Rules, now: float) -> tuple[Ledger, Grant]:
    open_now = ledger.hold <= now and ledger.exhausted <= now and not ask.leaving
    slots = _slots(ledger, ask, rules)
    paced: tuple[float, ...] = ()
    extra, again = 0, 0.0
    if open_now:
        extra = _at_most(ask.extra, ledger.left(rules, extra=True))
        left = ledger.left(rules, extra=False)
        units = _at_most(ask.units, None if left is None else max(0, left - extra))
        paced, arrival, again = _pace(ledger.arrival, extra + units, rules, now)
        ledger = replace(ledger, granted=ledger.granted + len(paced), arrival=arrival)
    ledger = replace(ledger, leases=_keep(ledger, ask, rules, slots, len(paced), now))
    return ledger, Grant(
        ready=paced[extra:],
        extra=paced[:extra],
        slots=slots,
        completed=ledger.completed,
        left=ledger.left(rules, extra=False),
        processes=max(1, len(ledger.leases)),
        outstanding=ledger.granted > ledger.completed,
        hold=ledger.hold,
        exhausted=ledger.exhausted,
        resets=ledger.resets,
        again=again,
    )


def _at_most(wanted: int, left: int | None) -> int:
    return wanted if left is None else min(wanted, left)


def _keep(ledger: Ledger, ask: Ask, rules: Rules, slots: int | None, units: int, now: float) -> dict[str, Lease]:
    leases = dict(ledger.leases)
    mine = leases.pop(ask.process)
    held = mine.held + units
    if ask.leaving and held == 0:
        return leases
    gained = slots is not None and slots > mine.slots
    kept = ask.busy if slots is None else max(slots, ask.busy)
    leases[ask.process] = Lease(held, kept, ask.waiting, now if gained else mine.served, now + rules.lease)
    return leases


def _pace(arrival: float, units: int, rules: Rules, now: float) -> tuple[tuple[float, ...], float, float]:
    """Space units by the generic cell rate algorithm (ITU-T I.371); the third value is when to ask again."""
    if rules.rate is None or units == 0:
        return (now,) * units, arrival, 0.0
    gap = 1.0 / rules.rate
    start = max(arrival, now)
    tolerance = (rules.burst - 1) * gap
    ready = tuple(
        at for number in range(units) if (at := max(now, start + number * gap - tolerance)) <= now + rules.refresh
    )
    again = max(now, start + len(ready) * gap - tolerance)
    return ready, start + len(ready) * gap, again


def _slots(ledger: Ledger, ask: Ask, rules: Rules) -> int | None:
    """Share the slots among the processes that want some: one each in turn, the longest unserved first."""
    allowed = ledger.concurrency if ledger.concurrency is not None else rules.concurrency
    if allowed is None:
        return None
    total = int(allowed)
    wants = {name: lease.slots + lease.demand for name, lease in ledger.leases.items()}
    order = sorted(wants, key=lambda name: (ledger.leases[name].served, name))
    share = dict.fromkeys(order, 0)
    free = total
    while free > 0 and (hungry := [name for name in order if share[name] < wants[name]]):
        for name in hungry[:free]:
            share[name] += 1
        free -= len(hungry[:free])
    taken = sum(lease.slots for name, lease in ledger.leases.items() if name != ask.process)
    return max(0, min(share[ask.process], total - taken))
