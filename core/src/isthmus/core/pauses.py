"""Has an operator stopped this? The store is asked before anything is sent, and again as a write's intent is opened."""

from collections.abc import Callable, Sequence
from time import monotonic

from isthmus.core.calls import Judged, Leg
from isthmus.core.errors import Denied
from isthmus.core.journal import Journal, Pause, Paused, Scope, Transaction
from isthmus.core.operation import Verb

__all__ = ["KNOWN_FOR", "Pauses"]

KNOWN_FOR = 0.02
"""Seconds for which the store's answer is good: asking costs a call a hundredth, and people pause, not programs."""


class Pauses:
    """Refuse what is paused; it belongs to one event loop."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._paused: Paused = frozenset()
        self._until = 0.0

    def check(self, leg: Leg) -> None:
        """Raise Denied where the agent or the connection is paused, or writes are and this certainly is one."""
        paused = self.standing()
        if paused:
            tool = leg.call.tool
            certain = tool.verb is not Verb.INVOKE and any(effect.writes for effect in tool.effects)
            self._check(paused, leg, self._journal.view().pause_of, writes=certain)

    def check_write(self, judged: Judged, transaction: Transaction) -> None:
        """Do so for what is about to be sent, as the store has it in the transaction that opens its intent."""
        paused = transaction.paused()
        if paused:
            self._check(paused, judged.leg, transaction.pause_of, writes=judged.operation.writes)

    def open_leg(self, legs: Sequence[Leg]) -> Leg:
        """Return the first leg whose connection is not paused; raises Denied where none may be asked anything."""
        paused = self.standing()
        leg = next((one for one in legs if (Scope.CONNECTION, one.connection.name) not in paused), legs[0])
        self.check(leg)
        return leg

    def standing(self) -> Paused:
        """Return what is paused, as the store had it a moment ago."""
        now = monotonic()
        if now >= self._until:
            self._paused, self._until = self._journal.view().paused(), now + KNOWN_FOR
        return self._paused

    def _check(self, paused: Paused, leg: Leg, find: Callable[[Scope, str], Pause | None], *, writes: bool) -> None:
        told = [(Scope.AGENT, leg.caller.agent), (Scope.CONNECTION, leg.connection.name)]
        for scope, name in [*told, *([(Scope.WRITES, "")] if writes else [])]:
            if (scope, name) in paused:
                raise _denied(leg, scope, name, find(scope, name))


def _denied(leg: Leg, scope: Scope, name: str, pause: Pause | None) -> Denied:
    what = "every write is paused" if scope is Scope.WRITES else f"{scope.value} {name!r} is paused"
    since = f" since {pause.since:%Y-%m-%d %H:%M} UTC" if pause else ""
    why = f" ({pause.why})" if pause and pause.why else ""
    resume = " ".join(part for part in ("isthmus resume", scope.value, name) if part)
    return Denied(
        f"{what}{since}{why}, so nothing was sent; hand this to a person, who ends it by `{resume}`",
        code="paused",
        subject=leg.caller.agent,
        object=f"{leg.connection.name}/{getattr(leg.call.request, 'object', '')}",
    )
