"""What do the policy files say, and may they be used?"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest
from isthmus.core.policy import cedar, lint
from isthmus.core.policy.cedar import PolicyJSON
from isthmus.core.policy.directory import Directory
from isthmus.core.policy.entities import Graph, Uid
from isthmus.core.policy.obligations import Duty, Obligation, parse_obligations

__all__ = ["Rule", "policy_texts", "read_rules"]

GUARDS = "guards.cedar"
OWN = "isthmus:"
ANNOTATIONS = ("id", "obligation", "why")
UNTOLD = {
    "amount": "which no connection tells, so what depends on it never holds; name its fields as `amounts`",
    "mfa": "which nothing proves yet, so it is always false; ask for an approval",
}
UNDONE = {Duty.NOTIFY: "leave it out", Duty.STEP_UP: "ask for an approval"}
CHECKED_KINDS = ("Agent", "User", "Role", "Zone", "System", "Connection")


@dataclass(frozen=True, slots=True)
class Rule:
    """One policy: its `@id`, whether it permits, what it obliges to, and where it is written."""

    id: str
    permits: bool
    obligations: tuple[Obligation, ...]
    why: str
    unattended: bool
    file: str
    policy: PolicyJSON

    @property
    def text(self) -> str:
        """Return the policy as Cedar text."""
        return cedar.render(self.policy)

    @property
    def entities(self) -> frozenset[Uid]:
        """Name every entity that the policy speaks of."""
        return frozenset(lint.mentioned({key: value for key, value in self.policy.items() if key != "action"}))

    def tests(self, name: str) -> bool:
        """Tell whether a condition reads this part of the context."""
        return lint.tests(self.policy, name)

    def unmet(self, *, told: frozenset[str] = frozenset()) -> tuple[str, ...]:
        """Say what the policy counts on that nothing brings about, and what to do about it.

        `told` are the parts of the context that the configuration has brought about.
        """
        then = "what it permits is denied" if self.permits else "what it forbids stays forbidden"
        untold = {name: why for name, why in UNTOLD.items() if name not in told}
        undone = [one.duty for one in self.obligations if one.duty in UNDONE]
        return (
            *(f"tests context.{name}, {why}" for name, why in untold.items() if self.tests(name)),
            *(f"asks for {duty.value!r}, which nothing carries out yet, so {then}; {UNDONE[duty]}" for duty in undone),
        )


def policy_texts(paths: Iterable[Path]) -> dict[str, str]:
    """Read policy files, keyed by path; raises ConfigurationError for one that cannot be read."""
    texts = {}
    for path in paths:
        try:
            texts[str(path)] = path.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"cannot read policy file {path}: {error}", object=str(path)) from error
    return texts


def read_rules(texts: Mapping[str, str], directory: Directory, graph: Graph) -> tuple[Rule, ...]:
    """Read and check every policy and add our own guards; raises ConfigurationError with file, id and remedy."""
    rules = [rule for file, text in texts.items() for rule in _read_file(file, text, directory)]
    if not rules:
        raise ConfigurationError("there is no policy, so every call would be denied; `isthmus init` writes a start")
    known: dict[str, Rule] = {}
    for rule in rules:
        if rule.id.startswith(OWN):
            raise _fault(rule.file, rule.id, f"ids that begin with {OWN!r} are our own; choose another")
        if rule.id in known:
            raise _fault(rule.file, rule.id, f"the id is used before, in {known[rule.id].file}; make it unique")
        known[rule.id] = rule
        _check_names(rule, graph)
    guards = files("isthmus.core.policy").joinpath(GUARDS).read_text(encoding="utf-8")
    return (*rules, *_read_file(GUARDS, guards, directory))


def _read_file(file: str, text: str, directory: Directory) -> list[Rule]:
    try:
        policies = cedar.parse(text)
    except ValueError as error:
        raise ConfigurationError(f"{file} is not a Cedar policy file: {error}", object=file) from error
    names = [_name(policy, number) for number, policy in enumerate(policies, 1)]
    for number, problem in cedar.validate(text):
        raise _fault(file, names[number], problem + _hint(problem))
    return [_rule(file, name, policy, directory) for name, policy in zip(names, policies, strict=True)]


def _name(policy: PolicyJSON, number: int) -> str:
    return _annotations(policy).get("id") or f"number {number}"


def _annotations(policy: PolicyJSON) -> dict[str, str]:
    found = policy.get("annotations")
    return {name: str(value or "") for name, value in found.items()} if isinstance(found, Mapping) else {}


def _rule(file: str, name: str, policy: PolicyJSON, directory: Directory) -> Rule:
    notes = _annotations(policy)
    if not notes.get("id"):
        raise _fault(file, name, 'it has no @id("..."); verdicts and the audit log name policies by it')
    for note in notes:
        if note not in ANNOTATIONS:
            raise _fault(file, name, f"unknown annotation @{note}{nearest(note, ANNOTATIONS)}")
    permits = policy["effect"] == "permit"
    obligations: tuple[Obligation, ...] = ()
    if "obligation" in notes:
        try:
            obligations = parse_obligations(notes["obligation"], permits=permits, roles=directory.role_names)
        except ValueError as error:
            raise _fault(file, name, str(error)) from error
    fault = lint.field_fault(policy) or lint.identity_fault(policy) or _dead_end(policy, obligations)
    if fault:
        raise _fault(file, name, fault)
    unattended = lint.runs_unattended(policy)
    return Rule(notes["id"], permits, obligations, notes.get("why", ""), unattended, file, policy)


def _dead_end(policy: PolicyJSON, obligations: tuple[Obligation, ...]) -> str:
    """Find a forbid that asks for something but would still forbid once that has happened."""
    for duty, attribute in ((Duty.APPROVE, "approved"), (Duty.STEP_UP, "mfa")):
        if any(one.duty is duty for one in obligations) and not lint.tests(policy, attribute):
            return f"{duty.value!r} cannot help: the policy never looks; add `unless {{ context.{attribute} }}`"
    return ""


def _check_names(rule: Rule, graph: Graph) -> None:
    """Refuse a policy about somebody who does not exist: a misspelt forbid forbids nothing."""
    for kind, name in sorted(rule.entities):
        if kind == "Record":
            raise _fault(rule.file, rule.id, "it names a single record; name its object and a condition on its facts")
        if kind in CHECKED_KINDS and (kind, name) not in graph:
            raise _fault(rule.file, rule.id, f"there is no {kind} {name!r}{nearest(name, graph.names(kind))}")
        if kind == "Object":
            owner, slash, _ = name.partition("/")
            homes = [*graph.names("System"), *graph.names("Connection")]
            if not slash or owner not in homes:
                hint = nearest(owner, homes)
                raise _fault(rule.file, rule.id, f"object {name!r} is not '<system or connection>/<Object>'{hint}")


def _hint(problem: str) -> str:
    """Name the remedy, or the word of the schema that a faulty word resembles."""
    if "applicable action" in problem:
        return "; groups of actions (use, read, write) are named with `action in`, and scopes must fit the schema"
    quoted = re.search(r"`([^`]+)`", problem)
    faulty = re.split(r'::|"', quoted.group(1).rstrip('"'))[-1] if quoted else ""
    if "optional attribute" in problem:
        return f"; test it first: `context has {faulty} && ...`"
    words = set(re.findall(r"\w+", re.sub(r"//.*", "", cedar.SCHEMA_TEXT)))
    return nearest(faulty, words) if faulty and faulty not in words else ""


def _fault(file: str, name: str, sentence: str) -> ConfigurationError:
    return ConfigurationError(f"{file}: policy {name!r}: {sentence}", subject=name, object=file)
