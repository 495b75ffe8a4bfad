"""Which policies would fail open although Cedar accepts them?

The rules read the JSON form of a policy, where every way of writing an expression looks the same.
"""

from collections.abc import Iterator, Mapping, Sequence

from isthmus.core.policy.cedar import PolicyJSON
from isthmus.core.policy.entities import NAMESPACE, Uid
from isthmus.core.records import JSON

__all__ = ["conjuncts", "field_fault", "identity_fault", "mentioned", "runs_unattended", "tests"]

CONTEXT: JSON = {"Var": "context"}
FIELDS: JSON = {".": {"left": CONTEXT, "attr": "fields"}}
GROUP_KINDS = ("Object", "Connection", "System", "Role")
ACTION_GROUPS = ("use", "read", "write")
FIELD_FAULT = (
    "tests context.fields in a way that lets unlisted fields through; write an allow-list: "
    '`permit ... when { ["A", "B"].containsAll(context.fields) }`, '
    'or `forbid ... unless { ["A", "B"].containsAll(context.fields) }`'
)


def field_fault(policy: PolicyJSON) -> str:
    """Say what is wrong with the policy's test of fields; empty where it is an allow-list or there is none.

    A name that must not occur is no fence: new fields, other spellings and relationship paths pass it.
    """
    permits = policy["effect"] == "permit"
    for kind, body in clauses(policy):
        narrows = permits if kind == "when" else not permits
        if not _fields_safe(body, narrows=narrows):
            return FIELD_FAULT
    return ""


def _fields_safe(node: JSON, *, narrows: bool | None) -> bool:
    """Tell whether each use of context.fields is an allow-list in a place where a false narrows the policy set.

    `narrows` is None where the value of the node may count both ways.
    """
    if node == CONTEXT:
        return False
    if not isinstance(node, Mapping):
        return all(_fields_safe(child, narrows=None) for child in _children(node))
    if "Record" in node:
        # Its keys are names of the writer's choice, "&&" among them, and no operators.
        return all(_fields_safe(child, narrows=None) for child in _children(node["Record"]))
    if "containsAll" in node and _pair(node["containsAll"])[1] == FIELDS:
        return narrows is True and _is_literal_set(_pair(node["containsAll"])[0])
    for access in (".", "has"):
        if access in node and _left(node[access]) == CONTEXT:
            return node != FIELDS
    if "!" in node:
        flipped = None if narrows is None else not narrows
        return all(_fields_safe(child, narrows=flipped) for child in _children(node["!"]))
    for junction in ("&&", "||"):
        if junction in node:
            return all(_fields_safe(child, narrows=narrows) for child in _pair(node[junction]))
    return all(_fields_safe(child, narrows=None) for child in _children(node))


def identity_fault(policy: PolicyJSON) -> str:
    """Say which name is compared where only membership can hold; a forbid written so would never match.

    A call is about an object of a connection or one of its records, by an agent or user, under one action; it equals
    no system, role, group of actions, nor an object named by its system.
    """
    scope = policy["resource"]
    compared = [*mentioned(scope)] if isinstance(scope, Mapping) and scope.get("op") == "==" else []
    for _, body in clauses(policy):
        compared += _compared(body)
    for kind, name in compared:
        if kind in GROUP_KINDS or (kind == "Action" and name in ACTION_GROUPS):
            return f'{kind} "{name}" is compared with `==` or in a set, which never holds; name it with `in`'
    return ""


def _compared(node: JSON) -> Iterator[Uid]:
    """Yield the entities named anywhere but as what something is in."""
    if isinstance(node, Mapping) and set(node) == {"in"}:
        container, groups = _pair(node["in"])
        yield from _compared(container)
        if not _is_literal(groups) and not _is_literal_set(groups):
            yield from _compared(groups)
    elif isinstance(node, Mapping) and set(node) == {"is"}:
        yield from _compared(_left(node["is"]))
    elif isinstance(node, Mapping) and set(node) == {"type", "id"}:
        yield from mentioned(node)
    else:
        for child in _children(node):
            yield from _compared(child)


def _is_literal(node: JSON) -> bool:
    return isinstance(node, Mapping) and set(node) == {"Value"}


def _is_literal_set(node: JSON) -> bool:
    members = node.get("Set") if isinstance(node, Mapping) else None
    return isinstance(members, Sequence) and all(_is_literal(one) for one in members)


def _children(node: JSON) -> Iterator[JSON]:
    if isinstance(node, Mapping):
        yield from node.values()
    elif isinstance(node, Sequence) and not isinstance(node, str):
        yield from node


def _pair(node: JSON) -> tuple[JSON, JSON]:
    return (node.get("left"), node.get("right")) if isinstance(node, Mapping) else (None, None)


def _left(node: JSON) -> JSON:
    return _pair(node)[0]


def clauses(policy: PolicyJSON) -> Iterator[tuple[str, JSON]]:
    """Yield the `when` and `unless` clauses of a policy."""
    conditions = policy["conditions"]
    for clause in conditions if isinstance(conditions, Sequence) else ():
        if isinstance(clause, Mapping):
            yield str(clause["kind"]), clause["body"]


def conjuncts(policy: PolicyJSON) -> Iterator[tuple[str, JSON]]:
    """Yield the parts of the condition that must each hold: terms of `when`, and of `unless` negated."""
    for kind, body in clauses(policy):
        for term in _terms(body, "&&" if kind == "when" else "||"):
            yield kind, term


def _terms(node: JSON, junction: str) -> Iterator[JSON]:
    if isinstance(node, Mapping) and junction in node:
        for side in _pair(node[junction]):
            yield from _terms(side, junction)
    else:
        yield node


def tests(policy: PolicyJSON, attribute: str) -> bool:
    """Tell whether a condition reads this attribute of the context."""
    wanted: JSON = {".": {"left": CONTEXT, "attr": attribute}}
    return any(_contains(body, wanted) for _, body in clauses(policy))


def _contains(node: JSON, wanted: JSON) -> bool:
    return node == wanted or any(_contains(child, wanted) for child in _children(node))


def runs_unattended(policy: PolicyJSON) -> bool:
    """Tell whether a permit says in so many words that the agent acts for its owner."""
    owner: JSON = {".": {"left": {"Var": "principal"}, "attr": "owner"}}
    acted_for: JSON = {".": {"left": CONTEXT, "attr": "on_behalf_of"}}
    wanted: tuple[JSON, ...] = (
        {"==": {"left": acted_for, "right": owner}},
        {"==": {"left": owner, "right": acted_for}},
    )
    return policy["effect"] == "permit" and any(kind == "when" and term in wanted for kind, term in conjuncts(policy))


def mentioned(node: JSON) -> Iterator[Uid]:
    """Yield every entity that a policy names, in its scope or its conditions."""
    if isinstance(node, Mapping):
        kind, name = node.get("type"), node.get("id")
        if isinstance(kind, str) and isinstance(name, str) and set(node) == {"type", "id"}:
            yield kind.removeprefix(f"{NAMESPACE}::"), name
            return
        for child in node.values():
            yield from mentioned(child)
    elif isinstance(node, Sequence) and not isinstance(node, str):
        for child in node:
            yield from mentioned(child)
