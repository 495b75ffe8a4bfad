"""How risky is a call, counted in points that anybody can recount?"""

from collections.abc import Iterator
from dataclasses import dataclass

from isthmus.core.operation import Effect, Operation
from isthmus.residency import covers

__all__ = ["Circumstances", "Risk", "assess"]

MANY_ROWS = 20
SENSITIVE = ("pii.special", "phi", "financial")
"""Classes of the flow rules; those under them count as well, and so does one that nobody knows."""
EFFECT_POINTS = {
    Effect.READ: 0,
    Effect.CREATE: 1,
    Effect.UPDATE: 1,
    Effect.TRANSITION: 1,
    Effect.DELETE: 3,
    # What the operation does is not declared, so it counts as the most it could be.
    Effect.EXECUTE: 3,
}


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What the operation does not say of itself.

    `classes` are those of the fields touched; `final` is a state that ends the record's life; `untrusted` is the
    integrity of the task's label; `after_hours` counts only where business hours are configured.
    """

    classes: frozenset[str] = frozenset()
    final: bool = False
    money_or_identity: bool = False
    irreversible: bool = False
    untrusted: bool = False
    after_hours: bool = False


@dataclass(frozen=True, slots=True)
class Risk:
    """The points and what each was given for."""

    points: int
    reasons: tuple[str, ...]


def assess(operation: Operation, circumstances: Circumstances) -> Risk:
    """Count the risk points of a call; thresholds are for policies to set on `context.risk`."""
    found = [(points, reason) for points, reason in _points(operation, circumstances) if points]
    return Risk(sum(points for points, _ in found), tuple(f"{reason} +{points}" for points, reason in found))


def _points(operation: Operation, facts: Circumstances) -> Iterator[tuple[int, str]]:
    yield max(_effects(operation, facts), default=(3, "undeclared effect"))
    yield int(facts.irreversible), "cannot be undone"
    yield int(operation.rows > MANY_ROWS), f"more than {MANY_ROWS} rows"
    sensitive = sorted(found for found in facts.classes if any(covers(named, found) for named in SENSITIVE))
    yield int(bool(sensitive)), f"{' and '.join(sensitive)} data"
    yield 2 * facts.untrusted, "the task holds untrusted text"
    yield int(facts.after_hours), "outside business hours"


def _effects(operation: Operation, facts: Circumstances) -> Iterator[tuple[int, str]]:
    for effect in operation.effects:
        yield EFFECT_POINTS[effect], effect.value
        if effect is Effect.TRANSITION and facts.final:
            yield 3, "final transition"
        if effect.writes and facts.money_or_identity:
            yield 3, "money or identity"
