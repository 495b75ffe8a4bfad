"""Could this caller ever be allowed this action on a system? Read off the heads of the rules, without asking Cedar.

Only for showing tools: what is listed may still be refused by a rule's condition, but nothing is hidden that could be
allowed.
"""

from collections.abc import Iterable, Iterator, Mapping

from isthmus.core.caller import Caller
from isthmus.core.operation import Effect, Verb
from isthmus.core.policy.decision import Policy
from isthmus.core.policy.question import READS
from isthmus.core.policy.rules import Rule
from isthmus.core.records import JSON

__all__ = ["could"]


def could(policy: Policy, caller: Caller, system: str, verb: Verb, effects: Iterable[Effect]) -> bool:
    """Tell whether some call of this verb on the system might be allowed, for the agent and for the user."""
    agent = policy.directory.agents.get(caller.agent)
    if agent is None or (caller.user is not None and caller.user not in policy.directory.users):
        return False
    parties = [("Agent", agent.name)] + ([("User", caller.user)] if caller.user is not None else [])
    told = frozenset(effects)
    # One action that is a tool of its own does what it declares; what `invoke` runs is not known before.
    acts = verb is Verb.INVOKE and told not in (frozenset(Effect), {Effect.READ})
    wanted = {verb.value} if verb in READS and not acts else {effect.value for effect in told if effect.writes}
    if verb is Verb.UPDATE:
        return any(all(_open(policy, party, system, {action}) for party in parties) for action in sorted(wanted))
    wanted.discard(Effect.TRANSITION.value)
    return all(_open(policy, party, system, {action}) for party in parties for action in sorted(wanted))


def _open(policy: Policy, party: tuple[str, str], system: str, actions: set[str]) -> bool:
    rules = [rule for rule in policy.rules.values() if _names(rule, policy, party, actions)]
    if any(not rule.permits and not rule.policy.get("conditions") and _covers(rule, system) for rule in rules):
        return False
    return any(rule.permits and _touches(rule, policy, system) for rule in rules)


def _names(rule: Rule, policy: Policy, party: tuple[str, str], actions: set[str]) -> bool:
    return _is_principal(_scope(rule, "principal"), policy, party) and bool(actions & set(_actions(rule)))


def _is_principal(scope: Mapping[str, JSON], policy: Policy, party: tuple[str, str]) -> bool:
    kind, name = party
    if scope["op"] == "All":
        return True
    if scope["op"] == "is":
        return scope["entity_type"] == f"Isthmus::{kind}"
    user = policy.directory.users.get(name) if kind == "User" else None
    held = policy.directory.roles_of(user) if user else frozenset()
    return any(one == party or (one[0] == "Role" and one[1] in held) for one in _entities(scope))


def _actions(rule: Rule) -> Iterator[str]:
    scope = _scope(rule, "action")
    named = {"use"} if scope["op"] == "All" else {name for _, name in _entities(scope)}
    yield from named
    if named & {"use", "read"}:
        yield from (verb.value for verb in READS)
    if named & {"use", "write"}:
        yield from (effect.value for effect in Effect if effect.writes)


def _touches(rule: Rule, policy: Policy, system: str) -> bool:
    """Tell whether the rule is about anything in the system."""
    scope = _scope(rule, "resource")
    if scope["op"] in ("All", "is"):
        return True
    homes = {system, *(name for name, facts in policy.connections.items() if facts.system == system)}
    return any(name.partition("/")[0] in homes for _, name in _entities(scope))


def _covers(rule: Rule, system: str) -> bool:
    """Tell whether the rule is about everything in the system."""
    scope = _scope(rule, "resource")
    return scope["op"] == "All" or ("System", system) in _entities(scope)


def _scope(rule: Rule, part: str) -> Mapping[str, JSON]:
    found = rule.policy[part]
    return found if isinstance(found, Mapping) else {"op": "All"}


def _entities(scope: Mapping[str, JSON]) -> list[tuple[str, str]]:
    one, several = scope.get("entity"), scope.get("entities")
    listed = several if isinstance(several, list) else [one]
    return [
        (str(entity["type"]).removeprefix("Isthmus::"), str(entity["id"]))
        for entity in listed
        if isinstance(entity, Mapping)
    ]
