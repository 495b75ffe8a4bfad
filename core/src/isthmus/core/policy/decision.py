"""May this agent, for this user, do this? The policy set, its verdicts and their cache."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from isthmus.core.caller import Caller
from isthmus.core.errors import ConfigurationError
from isthmus.core.operation import Effect, Transition
from isthmus.core.policy import directory as people
from isthmus.core.policy.canary import run_canaries
from isthmus.core.policy.cedar import SCHEMA_TEXT, Answer, Ask, Engine
from isthmus.core.policy.directory import UNKNOWN, ConnectionFacts, Directory, ZoneFacts
from isthmus.core.policy.entities import Graph, Uid, reference
from isthmus.core.policy.obligations import Duty, Obligation
from isthmus.core.policy.question import (
    Question,
    RecordFacts,
    Related,
    actions,
    cedar_decimal,
    objection,
    read_action,
)
from isthmus.core.policy.rules import Rule, read_rules
from isthmus.core.records import JSON

__all__ = ["Policy", "Verdict"]

CACHE_SIZE = 16_384
WHOLE_RECORD = frozenset({"*"})


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer for both parties; on a deny the rules are the forbids that decided, none where nothing permits.

    `denied_by` is agent, user, both or empty. `approvable` is who could approve, where an approval is all that is
    missing. `errors` are Cedar's own words; where there are any, the answer is a deny and is not cached.
    """

    allowed: bool
    agent_rules: tuple[str, ...] = ()
    user_rules: tuple[str, ...] = ()
    denied_by: str = ""
    obligations: tuple[Obligation, ...] = ()
    why: str = ""
    approvable: str = ""
    errors: tuple[str, ...] = ()
    cached: bool = False

    @property
    def rules(self) -> tuple[str, ...]:
        """Return the rules of both parties on an allow, of the denying ones on a deny, each once."""
        agent = self.agent_rules if self.denied_by != "user" else ()
        user = self.user_rules if self.denied_by != "agent" else ()
        return tuple(dict.fromkeys((*agent, *user)))

    @property
    def masked(self) -> frozenset[str]:
        """Return the fields that may not be released clear."""
        return frozenset(value for one in self.obligations if one.duty is Duty.MASK for value in one.values)

    @property
    def row_limit(self) -> int | None:
        """Return the most rows that may be released."""
        return min((int(one.values[0]) for one in self.obligations if one.duty is Duty.LIMIT_ROWS), default=None)


@dataclass(frozen=True, slots=True)
class Side:
    """The answers for one party over every action and resource."""

    allowed: bool
    rules: tuple[str, ...]
    errors: tuple[str, ...]
    unpermitted: str = ""
    """The first action and resource that no rule permits."""
    attended_only: tuple[str, ...] = ()
    """The permits that do not hold because there is no user to act for."""


class Policy:
    """An immutable, validated policy set over one directory."""

    def __init__(
        self,
        rules: Sequence[Rule],
        directory: Directory,
        connections: Mapping[str, ConnectionFacts],
        zones: Mapping[str, ZoneFacts],
    ) -> None:
        self.directory = directory
        self.connections = connections
        self.zones = zones
        self.rules: Mapping[str, Rule] = {rule.id: rule for rule in rules}
        self.graph = Graph(directory, connections, zones)
        self._engine = Engine({rule.id: rule.policy for rule in rules})
        self._named: tuple[Uid, ...] = tuple(sorted({one for rule in rules for one in rule.entities}))
        self._cache: dict[tuple[object, ...], Verdict] = {}
        self.digest = self._digest()

    @classmethod
    def load(
        cls,
        cedar_texts: Mapping[str, str],
        directory: Directory,
        *,
        connections: Mapping[str, ConnectionFacts],
        zones: Mapping[str, ZoneFacts],
    ) -> "Policy":
        """Read policies, keyed by file; raises ConfigurationError with file, policy id and remedy."""
        run_canaries()
        people.check(directory, connections, zones)
        graph = Graph(directory, connections, zones)
        rules = read_rules(cedar_texts, directory, graph)
        policy = cls(rules, directory, connections, zones)
        try:
            policy._engine.check_entities(graph.everything())
        except ValueError as error:
            raise ConfigurationError(f"agents, users and roles do not fit together: {error}") from error
        return policy

    def reload(self, cedar_texts: Mapping[str, str]) -> "Policy":
        """Return a new set over the same directory; a failure raises and leaves this one in use."""
        return Policy.load(cedar_texts, self.directory, connections=self.connections, zones=self.zones)

    def _digest(self) -> str:
        """Hash all that an answer depends on: policies without layout and comments, directory and schema."""
        policies = {rule.id: rule.policy for rule in self.rules.values()}
        graph = json.loads(self.graph.everything())
        whole = [policies, sorted(graph, key=lambda one: json.dumps(one, sort_keys=True)), SCHEMA_TEXT]
        return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()

    def decide(self, question: Question) -> Verdict:
        """Answer for agent and user over every effect, object and record; a deny is an answer, never an exception."""
        caller, operation = question.caller, question.operation
        # The cache dies with this object, so the digest of policies and directory is part of the key by identity.
        # Record ids are no part of it: policies cannot name a record, only the facts of one.
        key = (
            caller.agent, caller.user, caller.purpose, question.consumer_zone, question.approved, question.mfa,
            operation.connection, operation.system, operation.object, operation.verb, operation.effects,
            operation.fields, operation.probed, operation.objects, operation.transition, operation.risk,
            operation.rows, operation.amount, len(operation.records), question.records, question.related,
        )  # fmt: skip
        found = self._cache.get(key)
        if found is not None:
            return found
        verdict = self.judge(question)
        if not verdict.errors:
            if len(self._cache) >= CACHE_SIZE:
                self._cache.clear()
            self._cache[key] = replace(verdict, cached=True)
        return verdict

    def judge(self, question: Question) -> Verdict:
        """Answer without the cache."""
        refusal = self._refusal(question)
        if refusal is not None:
            return refusal
        sides = self.sides(question)
        agent, user = sides[0], sides[1] if len(sides) > 1 else None
        denied_by = _denied_by(agent, user)
        rules = (agent.rules, user.rules if user else ())
        deciding = {rule for side in sides if not side.allowed or not denied_by for rule in side.rules}
        verdict = Verdict(
            not denied_by,
            *rules,
            denied_by=denied_by,
            obligations=self._obligations(deciding),
            why=self._why(question, agent, user),
            errors=tuple(dict.fromkeys(error for side in sides for error in side.errors)),
        )
        return verdict if verdict.allowed or question.approved else self._with_approver(question, verdict)

    def _with_approver(self, question: Question, verdict: Verdict) -> Verdict:
        """Name who could approve, if that one approval is all that is missing."""
        wanted = {one.values[0] for one in verdict.obligations if one.duty is Duty.APPROVE}
        if len(wanted) != 1 or verdict.errors or not self.judge(replace(question, approved=True)).allowed:
            return verdict
        return replace(verdict, approvable=wanted.pop())

    def _obligations(self, rules: Iterable[str]) -> tuple[Obligation, ...]:
        return tuple(sorted({one for rule in rules for one in self.rules[rule].obligations}))

    def may_approve(self, asked_of: str, approver: str, caller: Caller) -> bool:
        """Tell whether a person is who an obligation asks: the user acted for, the agent's owner, or of a role.

        Where a role is asked, nobody approves what is done for himself.
        """
        if asked_of == "user":
            return approver == caller.user
        if asked_of == "owner":
            agent = self.directory.agents.get(caller.agent)
            return agent is not None and approver == agent.owner
        known = self.directory.users.get(approver)
        return known is not None and asked_of in self.directory.roles_of(known) and approver != caller.user

    def refuses_unasked(self, question: Question) -> bool:
        """Tell whether the question is denied before Cedar is asked."""
        return self._refusal(question) is not None

    def _refusal(self, question: Question) -> Verdict | None:
        """Deny what need not or cannot be asked."""
        caller, operation = question.caller, question.operation
        home = self.connections.get(operation.connection)
        if home is None or home.system != operation.system:
            why = f"no connection {operation.connection!r} serves system {operation.system!r}"
            return Verdict(allowed=False, denied_by="both", why=f"Denied: {why}.")
        if caller.agent not in self.directory.agents:
            return Verdict(allowed=False, denied_by="agent", why=f"Denied: agent {caller.agent!r} is not registered.")
        if caller.user is not None and caller.user not in self.directory.users:
            return Verdict(allowed=False, denied_by="user", why=f"Denied: user {caller.user!r} is not registered.")
        fault = objection(question)
        return Verdict(allowed=False, denied_by="both", why=f"Denied: {fault}.") if fault else None

    def sides(self, question: Question) -> tuple[Side, ...]:
        """Ask Cedar once for the agent and, where there is one, the user."""
        caller = question.caller
        principals: list[Uid] = [("Agent", caller.agent)]
        if caller.user is not None:
            principals.append(("User", caller.user))
        asks, entities = self.requests(question, principals)
        answers = self._engine.ask(asks, entities)
        sides = [
            _summary([(ask, answer) for ask, answer in zip(asks, answers, strict=True) if ask.principal == principal])
            for principal in principals
        ]
        if caller.user is None and sides[0].allowed and not self._all_unattended(answers):
            sides[0] = Side(allowed=False, rules=(), errors=(), attended_only=sides[0].rules)
        return tuple(sides)

    def _all_unattended(self, answers: Sequence[Answer]) -> bool:
        """Tell whether a permit made for calls without a user carries every part of the call."""
        return all(any(self.rules[rule].unattended for rule in answer.rules) for answer in answers)

    def requests(self, question: Question, principals: Sequence[Uid]) -> tuple[list[Ask], str]:
        """Write what Cedar is asked for these principals, and the entities that it needs to answer."""
        operation = question.operation
        related = {one.object: one for one in question.related if one.object != operation.object}
        written: list[str] = []
        parts: list[tuple[str, Uid, str]] = []
        for name in sorted({operation.object, *operation.objects, *related}):
            one, texts = self.graph.object(operation.connection, name)
            written += texts
            if name in related:
                parts += self._beside(question, one, related[name])
                continue
            context = self._context(question, operation.fields | operation.probed, operation.transition)
            resources = [one]
            if name == operation.object and (operation.records or question.records):
                resources = []
                for number, facts in enumerate(_distinct(question)):
                    record, text = self.graph.record(one, number, facts)
                    resources.append(record)
                    written.append(text)
            parts += [(action, resource, context) for resource in resources for action in actions(operation)]
        asks = [Ask(principal, *part) for principal in principals for part in parts]
        wanted = [*principals, ("Connection", operation.connection), self._consumer(question), *self._named]
        return asks, self.graph.pick(wanted, written)

    def _beside(self, question: Question, resource: Uid, one: Related) -> Iterator[tuple[str, Uid, str]]:
        """Ask for an object that is read or made along with the one that the call is about."""
        if not one.creates:
            yield read_action(question.operation), resource, self._context(question, one.fields, None)
            return
        for begins in one.transitions:
            yield Effect.CREATE.value, resource, self._context(question, one.fields, begins)

    def _consumer(self, question: Question) -> Uid:
        return "Zone", question.consumer_zone if question.consumer_zone in self.zones else UNKNOWN

    def _context(self, question: Question, fields: frozenset[str], states: Transition | None) -> str:
        caller, operation = question.caller, question.operation
        acted_for = caller.user if caller.user is not None else self.directory.agents[caller.agent].owner
        facts: dict[str, JSON] = {
            "on_behalf_of": reference("User", acted_for),
            "purpose": caller.purpose,
            "risk": operation.risk,
            "approved": question.approved,
            "mfa": question.mfa,
            "fields": sorted(fields or WHOLE_RECORD),
            "rows": operation.rows,
            "consumer_zone": reference(*self._consumer(question)),
        }
        if operation.amount is not None:
            facts["amount"] = {"__extn": {"fn": "decimal", "arg": cedar_decimal(operation.amount) or ""}}
        if states is not None:
            facts["transition"] = {"field": states.field, "from": states.from_state, "to": states.to_state}
        return json.dumps(facts)

    def _why(self, question: Question, agent: Side, user: Side | None) -> str:
        """Say in one sentence which rule of which side decided."""
        named = {"agent": agent} | ({"user": user} if user else {})
        refusing = {party: side for party, side in named.items() if not side.allowed}
        if not refusing:
            rules = " and ".join(f"{', '.join(side.rules)} for the {party}" for party, side in named.items())
            return f"Allowed by {rules}."
        return "Denied: " + "; ".join(self._reason(question, party, side) for party, side in refusing.items()) + "."

    def _reason(self, question: Question, party: str, side: Side) -> str:
        caller = question.caller
        who = f"{party} {(caller.agent if party == 'agent' else caller.user)!r}"
        if side.errors:
            return f"the policies could not be evaluated for {who}"
        if side.attended_only:
            return f"no rule lets {who} act without a user (context.on_behalf_of == principal.owner)"
        if not side.rules:
            return f"no rule permits {who} to {side.unpermitted}"
        rule = self.rules[side.rules[0]]
        because = f", because {rule.why}" if rule.why else ""
        return f"rule {', '.join(repr(one) for one in side.rules)} forbids it for {who}{because}"


def _distinct(question: Question) -> list[RecordFacts]:
    """Return each different set of facts once, with unknown facts for records that were named without any."""
    facts = list(question.records)
    if len(facts) < len(question.operation.records):
        facts.append(RecordFacts())
    return list(dict.fromkeys(facts))


def _summary(answered: Sequence[tuple[Ask, Answer]]) -> Side:
    allowed = all(answer.allowed for _, answer in answered)
    deciding = [answer for _, answer in answered if answer.allowed == allowed]
    unpermitted = next((ask for ask, answer in answered if not answer.allowed and not answer.rules), None)
    return Side(
        allowed,
        tuple(sorted({rule for answer in deciding for rule in answer.rules})),
        tuple(error for _, answer in answered for error in answer.errors),
        f"{unpermitted.action} {unpermitted.resource[1].partition('#')[0]}" if unpermitted else "",
    )


def _denied_by(agent: Side, user: Side | None) -> str:
    if not agent.allowed:
        return "agent" if user is None or user.allowed else "both"
    return "user" if user is not None and not user.allowed else ""
