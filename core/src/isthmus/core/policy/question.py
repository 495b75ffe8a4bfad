"""What is asked of policy, which actions does that mean, and is the question fit to be answered?"""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from isthmus.core.caller import Caller
from isthmus.core.operation import LARGEST_AMOUNT, Effect, Operation, Transition, Verb

__all__ = ["Question", "RecordFacts", "Related", "actions", "objection"]

READS = frozenset(
    {
        Verb.DESCRIBE, Verb.QUERY, Verb.GET, Verb.SEARCH, Verb.AGGREGATE,
        Verb.EXPORT, Verb.DOWNLOAD, Verb.CHANGES, Verb.INVOKE,
    }
)  # fmt: skip
NAMES_FIELDS = frozenset(
    {
        Verb.QUERY, Verb.GET, Verb.SEARCH, Verb.EXPORT, Verb.CHANGES,
        Verb.CREATE, Verb.UPDATE, Verb.UPSERT, Verb.LOAD,
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class RecordFacts:
    """What is known of one record; `owner` is a user's name in the directory, `classes` None where unknown."""

    owner: str = ""
    state: str = ""
    subject_country: str = ""
    classes: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Related:
    """Another object that the call reads through a relationship or subquery, and the fields it reads there.

    Where `creates`, it makes new records of it with these fields; `transitions` are the states that they begin in, None
    where one names no state.
    """

    object: str
    fields: frozenset[str]
    creates: bool = False
    transitions: tuple[Transition | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class Question:
    """One call as policy judges it.

    `records` are the facts of the records that the operation names; one that is named without facts counts as
    unknown in everything. `related` tells which of `operation.objects` are only read or made along, and how; one that
    it leaves out is judged with the effects and all fields of the whole call. `consumer_zone` empty means unknown.
    """

    caller: Caller
    operation: Operation
    records: tuple[RecordFacts, ...] = ()
    related: tuple[Related, ...] = ()
    approved: bool = False
    mfa: bool = False
    consumer_zone: str = ""


def actions(operation: Operation) -> tuple[str, ...]:
    """Name every action that must be allowed for the operation."""
    return tuple(sorted(set(_actions(operation))))


def read_action(operation: Operation) -> str:
    """Name the action under which the operation reads."""
    return operation.verb.value if operation.verb in READS else Verb.GET.value


def _actions(operation: Operation) -> Iterator[str]:
    if operation.verb is Verb.LOAD:
        yield Verb.LOAD.value
    if operation.verb is Verb.TRANSITION or (operation.transition is not None and operation.verb is not Verb.CREATE):
        # A state field written by an update is a transition whatever the tool declares.
        yield Effect.TRANSITION.value
    for effect in operation.effects:
        if effect is Effect.READ:
            yield read_action(operation)
        elif operation.verb is Verb.ATTACH and effect in (Effect.CREATE, Effect.UPDATE):
            yield Verb.ATTACH.value
        else:
            yield effect.value


def objection(question: Question) -> str:
    """Say why the question cannot be answered safely; empty where it can."""
    operation = question.operation
    if not operation.effects:
        return "the call declares no effect"
    if operation.verb in NAMES_FIELDS and not operation.fields and operation.effects != {Effect.DELETE}:
        # [allowed].containsAll([]) is true in Cedar: an empty set would pass every allow-list.
        return "the call names no field; expand '*' and defaults before asking"
    if operation.amount is not None and cedar_decimal(operation.amount) is None:
        return "the amount is not a number with at most four digits after the point"
    if Effect.TRANSITION.value not in actions(operation):
        return ""
    change = operation.transition
    if change is None or not change.to_state:
        return "a change of state does not say to which state"
    if not change.from_state and Effect.CREATE not in operation.effects:
        return "a change of state does not say from which state"
    return ""


def cedar_decimal(text: str) -> str | None:
    """Write an amount as Cedar reads it; None where it does not fit without rounding."""
    try:
        value = Decimal(text)
        if not value.is_finite() or abs(value) > LARGEST_AMOUNT or value != round(value, 4):
            return None
    except InvalidOperation:
        return None
    return f"{value:.4f}"
