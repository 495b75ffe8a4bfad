"""What must be done, besides saying yes or no, when a policy decides?"""

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum

from isthmus.core.nearest import nearest
from isthmus.core.policy.directory import PARTIES

__all__ = ["Duty", "Obligation", "parse_obligations"]


class Duty(StrEnum):
    """The kinds of obligation; a duty that cannot be carried out turns the answer into a deny."""

    APPROVE = "approve"
    MASK = "mask"
    LIMIT_ROWS = "limit_rows"
    NOTIFY = "notify"
    HAND_TO_HUMAN = "hand-to-human"
    STEP_UP = "step-up"


ON_PERMIT = frozenset({Duty.MASK, Duty.LIMIT_ROWS, Duty.NOTIFY})
ON_FORBID = frozenset({Duty.APPROVE, Duty.HAND_TO_HUMAN, Duty.STEP_UP, Duty.NOTIFY})
BARE = frozenset({Duty.HAND_TO_HUMAN, Duty.STEP_UP})


@dataclass(frozen=True, slots=True, order=True)
class Obligation:
    """One duty and what it is about: who approves or is told, which fields, how many rows."""

    duty: Duty
    values: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.duty.value}:{','.join(self.values)}" if self.values else self.duty.value


def parse_obligations(text: str, *, permits: bool, roles: Collection[str]) -> tuple[Obligation, ...]:
    """Read `@obligation("mask:Email,Phone; limit_rows:50")`; raises ValueError with the remedy.

    Who approves is `user` (the person acted for), `owner` (the agent's) or a role.
    """
    return tuple(_parse(part.strip(), permits=permits, roles=roles) for part in text.split(";"))


def _parse(text: str, *, permits: bool, roles: Collection[str]) -> Obligation:
    word, colon, rest = text.partition(":")
    try:
        duty = Duty(word.strip())
    except ValueError:
        hint = nearest(word, [duty.value for duty in Duty])
        raise ValueError(f"unknown obligation {text!r}{hint} (known: {', '.join(Duty)})") from None
    fitting = ON_PERMIT if permits else ON_FORBID
    if duty not in fitting:
        side = "permit" if permits else "forbid"
        raise ValueError(f"{duty.value!r} has no meaning on a {side}; there, use {', '.join(sorted(fitting))}")
    values = tuple(value.strip() for value in rest.split(",")) if colon else ()
    if (duty in BARE) != (not values) or not all(values):
        raise ValueError(f"obligation {text!r}: {_shape(duty)}")
    if duty is Duty.LIMIT_ROWS and (len(values) != 1 or not values[0].isascii() or not values[0].isdigit()):
        raise ValueError(f"obligation {text!r}: {_shape(duty)}")
    if duty is Duty.APPROVE:
        _approver(text, values, roles)
    return Obligation(duty, values)


def _approver(text: str, values: tuple[str, ...], roles: Collection[str]) -> None:
    known = [*PARTIES, *sorted(roles)]
    if len(values) != 1 or values[0] not in known:
        raise ValueError(f"obligation {text!r}: approve:<who> takes user, owner or a role{nearest(values[0], known)}")


def _shape(duty: Duty) -> str:
    if duty in BARE:
        return f"{duty.value} takes nothing after it"
    what = {Duty.LIMIT_ROWS: "limit_rows:<n>", Duty.MASK: "mask:<field>,<field>", Duty.NOTIFY: "notify:<who>"}
    return f"write {what.get(duty, 'approve:<who>')}"
