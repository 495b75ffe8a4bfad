"""Who may do what, as a table to review and to keep under version control?"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from msgspec.structs import replace as changed

from isthmus.core.caller import Caller
from isthmus.core.operation import Effect, Operation, Transition, Verb
from isthmus.core.policy.decision import Policy, Verdict
from isthmus.core.policy.question import NAMES_FIELDS, READS, Question

__all__ = ["Row", "matrix", "rows"]

HEAD = ("agent", "user", "purpose", "object", "verb", "transition", "answer", "fields", "by")
OWN_EFFECTS = {
    Verb.UPSERT: frozenset({Effect.CREATE, Effect.UPDATE}),
    Verb.ATTACH: frozenset({Effect.CREATE}),
    Verb.LOAD: frozenset({Effect.CREATE}),
    Verb.INVOKE: frozenset({Effect.EXECUTE}),
}


@dataclass(frozen=True, slots=True)
class Row:
    """One cell of the matrix, written out."""

    agent: str
    user: str
    purpose: str
    object: str
    verb: str
    transition: str
    answer: str
    fields: str
    by: str


def matrix(
    policy: Policy,
    objects: Mapping[str, Mapping[str, frozenset[str]]],
    states: Mapping[str, Sequence[Transition]],
    users: Sequence[str | None] | None = None,
) -> str:
    """Return the rows as an aligned table; equal input gives equal text."""
    cells = [HEAD, *(tuple(getattr(row, name) for name in HEAD) for row in rows(policy, objects, states, users))]
    widths = [max(len(line[column]) for line in cells) for column in range(len(HEAD))]
    lines = ("  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells)
    return "\n".join(lines) + "\n"


def rows(
    policy: Policy,
    objects: Mapping[str, Mapping[str, frozenset[str]]],
    states: Mapping[str, Sequence[Transition]],
    users: Sequence[str | None] | None = None,
) -> Iterator[Row]:
    """Ask for every agent, user, purpose, object, verb and declared transition.

    `objects` maps a connection to its objects and their fields, `states` maps `connection/Object` to transitions.
    `users` defaults to one person of each set of roles, and to no user at all.
    """
    for agent in sorted(policy.directory.agents):
        for user in _representatives(policy) if users is None else users:
            for purpose in sorted(policy.directory.agents[agent].purposes) or [""]:
                caller = Caller(agent, user, purpose)
                for connection, held in sorted(objects.items()):
                    for name, fields in sorted(held.items()):
                        for operation in _operations(policy, connection, name, fields, states):
                            yield _row(policy, caller, operation)


def _representatives(policy: Policy) -> list[str | None]:
    by_roles = {user.roles: name for name, user in sorted(policy.directory.users.items(), reverse=True)}
    return [None, *sorted(by_roles.values())]


def _operations(
    policy: Policy, connection: str, name: str, fields: frozenset[str], states: Mapping[str, Sequence[Transition]]
) -> Iterator[Operation]:
    system = policy.connections[connection].system
    for verb in Verb:
        if verb is Verb.TRANSITION:
            continue
        asked = fields if verb in NAMES_FIELDS else frozenset()
        yield Operation(connection, system, verb.value, verb, _effects(verb), name, fields=asked)
    for change in states.get(f"{connection}/{name}", ()):
        verb = Verb.TRANSITION if change.from_state else Verb.CREATE
        yield Operation(
            connection, system, verb.value, verb, frozenset({Effect(verb.value)}), name,
            fields=frozenset({change.field}), transition=change,
        )  # fmt: skip


def _effects(verb: Verb) -> frozenset[Effect]:
    if verb in OWN_EFFECTS:
        return OWN_EFFECTS[verb]
    return frozenset({Effect.READ if verb in READS else Effect(verb.value)})


def _row(policy: Policy, caller: Caller, operation: Operation) -> Row:
    question = Question(caller, operation)
    verdict = policy.decide(question)
    shown = ""
    if operation.verb in NAMES_FIELDS and operation.transition is None:
        verdict, shown = _by_field(policy, question, verdict)
    change = operation.transition
    return Row(
        caller.agent,
        caller.user if caller.user is not None else "-",
        caller.purpose or "-",
        operation.target,
        operation.verb.value,
        f"{change.from_state or '(new)'} -> {change.to_state}" if change else "-",
        _answer(verdict),
        shown or "-",
        ", ".join(verdict.rules) or "(no rule)",
    )


def _by_field(policy: Policy, question: Question, whole: Verdict) -> tuple[Verdict, str]:
    """Find which fields pass, each alone and then all together, where not all of them do."""
    if whole.allowed or whole.approvable:
        return whole, "all asked"
    fields = question.operation.fields
    passing = frozenset(one for one in fields if _passes(_ask(policy, question, frozenset({one}))))
    if not passing:
        return whole, "none"
    together = _ask(policy, question, passing)
    listed = ", ".join(sorted(passing))
    if _passes(together):
        return together, listed
    return _ask(policy, question, frozenset({min(passing)})), f"one at a time: {listed}"


def _ask(policy: Policy, question: Question, fields: frozenset[str]) -> Verdict:
    return policy.decide(replace(question, operation=changed(question.operation, fields=fields)))


def _passes(verdict: Verdict) -> bool:
    return verdict.allowed or bool(verdict.approvable)


def _answer(verdict: Verdict) -> str:
    if verdict.allowed:
        return " ".join(["allow", *(str(one) for one in verdict.obligations)])
    if verdict.approvable:
        return f"approve:{verdict.approvable}"
    return f"deny ({verdict.denied_by})"
