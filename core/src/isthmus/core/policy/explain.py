"""Why was this decided, and what would have to be different?"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from msgspec.structs import replace as changed

from isthmus.core.policy import lint
from isthmus.core.policy.cedar import Ask, Engine, PolicyJSON, render
from isthmus.core.policy.decision import Policy, Side
from isthmus.core.policy.entities import Uid
from isthmus.core.policy.question import Question
from isthmus.core.policy.rules import Rule

__all__ = ["explain"]

NEAREST = 3
ANY: Mapping[str, str] = {"op": "All"}


def explain(policy: Policy, question: Question) -> tuple[str, ...]:
    """Return readable lines: the deciding rules, or the nearest permits and where each stops."""
    verdict = policy.judge(question)
    lines = [verdict.why]
    if verdict.approvable:
        lines.append(f"Approvable by {verdict.approvable}.")
    lines += [f"Obligation: {one}" for one in verdict.obligations]
    lines += [f"Error: {error}" for error in verdict.errors]
    if policy.refuses_unasked(question):
        return tuple(lines)
    caller = question.caller
    principals: list[Uid] = [("Agent", caller.agent), *([("User", caller.user)] if caller.user is not None else [])]
    for principal, side in zip(principals, policy.sides(question), strict=True):
        lines.append(f"{principal[0]} {principal[1]!r}: {'allowed' if side.allowed else 'denied'}")
        lines += (f"  {line}" for line in _side(policy, question, principal, side))
    if not verdict.allowed:
        lines += _remedies(policy, question)
    return tuple(lines)


def _side(policy: Policy, question: Question, principal: Uid, side: Side) -> Iterator[str]:
    for rule in side.rules:
        yield from _rule(policy.rules[rule])
    if side.attended_only:
        yield f"{', '.join(side.attended_only)} would permit it for a user; without one, a permit must say"
        yield "  context.on_behalf_of == principal.owner"
    elif not side.allowed and not side.rules and not side.errors:
        yield "no rule permits it; nearest:"
        found = sorted(_stops(policy, question, principal), key=lambda one: (one[0], one[1]))
        yield from (f"  {name}: {stop}" for _, name, stop in found[:NEAREST])


def _rule(rule: Rule) -> Iterator[str]:
    yield f"{rule.id} ({rule.file})" + (f": {rule.why}" if rule.why else "")
    yield from (f"  {line}" for line in rule.text.splitlines())


def _stops(policy: Policy, question: Question, principal: Uid) -> Iterator[tuple[int, str, str]]:
    """Yield for each permit how far it is from matching, its id and the first thing that does not match."""
    asks, entities = policy.requests(question, [principal])
    for rule in policy.rules.values():
        if not rule.permits:
            continue
        for ask in asks:
            distance, stop = _stop(rule, ask, entities)
            if stop:
                yield distance, rule.id, stop
                break


def _stop(rule: Rule, ask: Ask, entities: str) -> tuple[int, str]:
    """Find what keeps a permit from matching: parts of its scope, else the first condition that is not true."""
    wrong = [
        part
        for part in ("principal", "action", "resource")
        if not _holds({**rule.policy, **dict.fromkeys(_others(part), ANY), "conditions": []}, ask, entities)
    ]
    if wrong:
        what = {"principal": "another principal", "action": f"actions other than {ask.action}"}
        said = ", ".join(what.get(part, f"resources other than {ask.resource[1]}") for part in wrong)
        return 10 * len(wrong), f"is for {said}"
    terms = list(lint.conjuncts(rule.policy))
    for count in range(1, len(terms) + 1):
        conditions = [{"kind": kind, "body": body} for kind, body in terms[:count]]
        if not _holds({**rule.policy, "conditions": conditions}, ask, entities):
            return len(terms) - count, f"stops at {_condition(conditions[-1])}"
    return 0, ""


def _others(part: str) -> list[str]:
    return [one for one in ("principal", "action", "resource") if one != part]


def _holds(policy: PolicyJSON, ask: Ask, entities: str) -> bool:
    return Engine({"probe": policy}).ask([ask], entities)[0].allowed


def _condition(clause: PolicyJSON) -> str:
    bare: PolicyJSON = {
        "effect": "permit",
        "principal": ANY,
        "action": ANY,
        "resource": ANY,
        "conditions": [clause],
        "annotations": {},
    }
    text = " ".join(render(bare, width=100_000).split())
    return text.partition(") ")[2].removesuffix(";")


def _remedies(policy: Policy, question: Question) -> Iterator[str]:
    """Ask again with one thing varied, and tell what would have been allowed."""
    for said, varied in _variations(policy, question):
        if policy.judge(varied).allowed:
            yield f"It would be allowed {said}."
    fields = sorted(question.operation.fields | question.operation.probed)
    if len(fields) > 1:
        kept = frozenset(field for field in fields if policy.judge(_with_fields(question, {field})).allowed)
        dropped = [field for field in fields if field not in kept]
        if kept and dropped and policy.judge(_with_fields(question, kept)).allowed:
            yield f"It would be allowed without {', '.join(dropped)}."


def _with_fields(question: Question, fields: set[str] | frozenset[str]) -> Question:
    return replace(question, operation=changed(question.operation, fields=frozenset(fields), probed=frozenset()))


def _variations(policy: Policy, question: Question) -> Iterator[tuple[str, Question]]:
    caller, operation = question.caller, question.operation
    if not question.approved:
        yield "once approved", replace(question, approved=True)
    if not question.mfa:
        yield "with a second factor (mfa)", replace(question, mfa=True)
    if operation.risk:
        yield "with no risk points", replace(question, operation=changed(operation, risk=0))
    if operation.rows > 1:
        yield "for one row", replace(question, operation=changed(operation, rows=1))
    for purpose in sorted(policy.directory.agents[caller.agent].purposes - {caller.purpose}):
        yield f"for the purpose {purpose!r}", replace(question, caller=replace(caller, purpose=purpose))
