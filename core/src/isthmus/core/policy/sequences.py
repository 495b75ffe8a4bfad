"""Which chains of calls are refused although each call alone is allowed?

Rules are judged on attempts, running ones included: what counts is what was tried, and by default for whom, whichever
agent or task did it.
"""

import hashlib
import json
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from isthmus.core.caller import Caller
from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest
from isthmus.core.operation import Operation
from isthmus.core.policy.patterns import Pattern, parse_pattern

__all__ = ["Across", "Attempt", "AttemptState", "Broken", "SequenceRule", "SequenceRules", "canonical"]

PRIMITIVES = ("after", "only_after", "at_most", "not_with_label")
KEYS = ("id", "deny", *PRIMITIVES, "within", "same", "across", "why")
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
TRUST = ("trusted", "untrusted")


class AttemptState(StrEnum):
    """How far an attempt got."""

    IN_FLIGHT = "in_flight"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    UNKNOWN = "unknown"
    REFUSED = "refused"


class Across(StrEnum):
    """Whose calls count together."""

    USER = "user"
    AGENT = "agent"
    TASK = "task"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One call in the ledger.

    `user` is the person acted for, the agent's owner where there is none. `effect` joins several with `+`. `same`
    maps key names to keyed hashes of their `canonical` values.
    """

    at: datetime
    agent: str
    user: str
    task: str
    system: str
    connection: str
    verb: str
    effect: str
    object: str
    same: Mapping[str, str]
    state: str = AttemptState.IN_FLIGHT


@dataclass(frozen=True, slots=True)
class Broken:
    """A rule that the call breaks, and why it is there."""

    rule: str
    why: str


@dataclass(frozen=True, slots=True)
class SequenceRule:
    """One rule: the calls it may refuse, and exactly one of the four conditions."""

    id: str
    deny: Pattern
    why: str
    after: Pattern | None = None
    only_after: Pattern | None = None
    at_most: int | None = None
    integrity: str = ""
    within: timedelta | None = None
    same: tuple[str, ...] = ()
    across: Across = Across.USER

    @property
    def earlier(self) -> Pattern | None:
        """Return the attempts that the rule looks for."""
        return self.after or self.only_after or (self.deny if self.at_most is not None else None)

    def names(self, operation: Operation) -> bool:
        """Tell whether the rule may refuse the operation, or looks for it later."""
        return self.deny.operation(operation) or (self.earlier is not None and self.earlier.operation(operation))

    def broken(self, caller: Caller, same: Mapping[str, str], now: datetime, attempts: Iterable[Attempt]) -> bool:
        """Tell whether earlier attempts stand against a call that `deny` names."""
        found = [one for one in attempts if self._belongs(one, caller) and self._counts(one, same, now)]
        if self.after is not None:
            return bool(found)
        if self.only_after is not None:
            return not found
        return self.at_most is not None and len(found) >= self.at_most

    def _counts(self, attempt: Attempt, same: Mapping[str, str], now: datetime) -> bool:
        pattern = self.earlier
        if pattern is None or attempt.state == AttemptState.REFUSED:
            return False
        if self.within is not None and now - attempt.at > self.within:
            return False
        if self.only_after is not None and attempt.state != AttemptState.SUCCEEDED:
            return False
        return self._same(attempt.same, same) and pattern.matches(
            homes=(attempt.system, attempt.connection),
            objects=(attempt.object,),
            verb=attempt.verb,
            effects=frozenset(attempt.effect.split("+")),
            risk=None,
        )

    def _belongs(self, attempt: Attempt, caller: Caller) -> bool:
        """Tell whether an attempt is of the same user, agent or task; without a user, everybody's may be."""
        same_user = caller.user == attempt.user if caller.user is not None else self.only_after is None
        match self.across:
            case Across.USER:
                return same_user
            case Across.AGENT:
                return attempt.agent == caller.agent
            case Across.TASK if caller.task:
                return attempt.task == caller.task
            case _:
                return not attempt.task and attempt.agent == caller.agent and same_user

    def _same(self, theirs: Mapping[str, str], ours: Mapping[str, str]) -> bool:
        """Compare keys; one that either side lacks counts against the call."""
        absent_counts = self.only_after is None
        for key in self.same:
            if key not in ours or key not in theirs:
                if not absent_counts:
                    return False
            elif ours[key] != theirs[key]:
                return False
        return True


@dataclass(frozen=True, slots=True)
class SequenceRules:
    """All rules of one file; `digest` changes with their meaning only."""

    rules: tuple[SequenceRule, ...] = ()

    @classmethod
    def load(cls, text: str, name: str = "sequences.toml") -> "SequenceRules":
        """Read the rules; raises ConfigurationError naming the rule, the key and the nearest right one."""
        try:
            raw = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            raise ConfigurationError(f"{name} is not TOML: {error}", object=name) from error
        for key in raw:
            if key != "sequence":
                raise ConfigurationError(f"{name}: unknown key {key!r}{nearest(key, ['sequence'])}", object=name)
        tables = raw.get("sequence", [])
        if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
            raise ConfigurationError(f"{name}: rules are written as [[sequence]] tables", object=name)
        rules: dict[str, SequenceRule] = {}
        for number, table in enumerate(tables, 1):
            label = table.get("id") or f"number {number}"
            try:
                rule = _rule(table)
            except ValueError as error:
                raise ConfigurationError(
                    f"{name}: sequence {label!r}: {error}", subject=str(label), object=name
                ) from error
            if rule.id in rules:
                raise ConfigurationError(f"{name}: sequence {rule.id!r} is there twice; make ids unique", object=name)
            rules[rule.id] = rule
        return cls(tuple(rules.values()))

    @property
    def digest(self) -> str:
        """Return a SHA-256 over the rules."""
        whole = [asdict(rule) for rule in self.rules]
        return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()

    def names(self, operation: Operation) -> bool:
        """Tell whether any rule may refuse the operation or looks for it later, so that its attempt must be entered."""
        return any(rule.names(operation) for rule in self.rules)

    def same_keys(self, operation: Operation) -> frozenset[str]:
        """Return the arguments whose hashes an attempt of the operation must carry."""
        return frozenset(key for rule in self.rules if rule.names(operation) for key in rule.same)

    def lookback(self, operation: Operation) -> timedelta | None:
        """Return how far back attempts matter to judging the operation; None means without limit."""
        reach = [rule.within for rule in self.rules if rule.earlier is not None and rule.deny.operation(operation)]
        return None if None in reach else max((one for one in reach if one is not None), default=timedelta())

    def judge(
        self,
        operation: Operation,
        caller: Caller,
        same: Mapping[str, str],
        now: datetime,
        attempts: Sequence[Attempt],
        *,
        integrity: str = "",
    ) -> tuple[Broken, ...]:
        """Return the rules that the call breaks, given the attempts before it.

        `caller.user` is the agent's owner where there is no user. `same` is hashed as an attempt's is. `integrity` is
        the task label's; unknown counts as untrusted.
        """
        found = []
        for rule in self.rules:
            if not rule.deny.operation(operation):
                continue
            if rule.integrity:
                broken = rule.integrity == (integrity if integrity in TRUST else "untrusted")
            else:
                broken = rule.broken(caller, same, now, attempts)
            if broken:
                found.append(Broken(rule.id, rule.why))
        return tuple(found)


def canonical(value: object) -> str:
    """Write a `same` value so that spellings of one key are equal: trimmed, case folded, no leading zeros."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", str(value)).casefold()).strip()
    return re.sub(r"^[\s0]+", "", text) or ("0" if text else "")


def _rule(raw: Mapping[str, object]) -> SequenceRule:
    for key in raw:
        if key not in KEYS:
            raise ValueError(f"unknown key {key!r}{nearest(key, KEYS)}")
    given = [key for key in PRIMITIVES if key in raw]
    if len(given) != 1:
        raise ValueError(f"give exactly one of {', '.join(PRIMITIVES)}, not {' and '.join(given) or 'none'}")
    kind = given[0]
    deny = parse_pattern(raw.get("deny", ""), risk=True)
    if kind in ("at_most", "not_with_label") and "within" in raw:
        remedy = '; give `per` inside it: { n = 5, per = "1h" }' if kind == "at_most" else ""
        raise ValueError(f"`within` does not go with {kind}{remedy}")
    if kind == "at_most" and deny.risk:
        raise ValueError("past attempts carry no risk, so at_most cannot count by it; leave `risk` out")
    most, per = _at_most(raw["at_most"]) if kind == "at_most" else (None, None)
    return SequenceRule(
        id=_text(raw, "id"),
        deny=deny,
        why=_text(raw, "why") if "why" in raw else "",
        after=parse_pattern(raw["after"], risk=False) if kind == "after" else None,
        only_after=parse_pattern(raw["only_after"], risk=False) if kind == "only_after" else None,
        at_most=most,
        integrity=_integrity(raw["not_with_label"]) if kind == "not_with_label" else "",
        within=per or (_duration(raw["within"]) if "within" in raw else None),
        same=_same(raw.get("same", []), kind),
        across=_across(raw.get("across", "user"), kind, given="across" in raw),
    )


def _text(raw: Mapping[str, object], key: str) -> str:
    value = raw.get(key)
    if not isinstance(value, str) or not value.strip():
        raise ValueError(f"`{key}` is missing; give it as text")
    return value.strip()


def _duration(raw: object) -> timedelta:
    found = re.fullmatch(r"([1-9]\d{0,6})([smhd])", raw) if isinstance(raw, str) else None
    if found is None:
        raise ValueError(f'{raw!r} is no duration; write "90s", "30m", "24h" or "7d"')
    return timedelta(seconds=int(found.group(1)) * UNITS[found.group(2)])


def _at_most(raw: object) -> tuple[int, timedelta]:
    n = raw.get("n") if isinstance(raw, dict) else None
    if not isinstance(raw, dict) or set(raw) != {"n", "per"} or type(n) is not int or n < 0:
        raise ValueError('at_most takes { n = 5, per = "1h" }')
    return n, _duration(raw["per"])


def _integrity(raw: object) -> str:
    if not isinstance(raw, dict) or set(raw) != {"integrity"} or raw["integrity"] not in TRUST:
        raise ValueError('not_with_label takes { integrity = "untrusted" }')
    return str(raw["integrity"])


def _same(raw: object, kind: str) -> tuple[str, ...]:
    if not isinstance(raw, list) or not all(isinstance(one, str) and one for one in raw):
        raise ValueError('`same` is a list of argument names, such as ["ContactId"]')
    if raw and kind == "not_with_label":
        raise ValueError("`same` does not go with not_with_label")
    return tuple(raw)


def _across(raw: object, kind: str, *, given: bool) -> Across:
    if given and kind == "not_with_label":
        raise ValueError("`across` does not go with not_with_label: a label belongs to a task")
    try:
        return Across(str(raw))
    except ValueError:
        raise ValueError(f"across {raw!r} is unknown{nearest(str(raw), list(Across))} (user, agent, task)") from None
