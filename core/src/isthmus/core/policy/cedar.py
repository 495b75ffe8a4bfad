"""How is Cedar asked? The only module that touches cedarpy.

What it must never do again is pinned here: entities are built with the schema (without it `action in` silently stops
matching), only `Decision.Allow` without any error is a yes (an erroring forbid is skipped by Cedar), ids travel
structured, nothing is parsed per question but the few entities, and partial evaluation, which is experimental
upstream, is not used.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from typing import TypeAlias, cast

import cedarpy

from isthmus.core.policy.entities import Uid, uid
from isthmus.core.records import JSON

__all__ = ["SCHEMA_TEXT", "Answer", "Ask", "Engine", "PolicyJSON", "parse", "render", "validate"]

SCHEMA_TEXT = files("isthmus.core.policy").joinpath("isthmus.cedarschema").read_text(encoding="utf-8")
ENTITY_SETS = 1024
SCHEMA = cedarpy.Schema.from_str(SCHEMA_TEXT)
PolicyJSON: TypeAlias = Mapping[str, JSON]
"""One policy in Cedar's JSON policy format."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request; `context` is JSON text."""

    principal: Uid
    action: str
    resource: Uid
    context: str


@dataclass(frozen=True, slots=True)
class Answer:
    """Cedar's answer: `rules` are the ids that decided, empty on a default deny; any error makes it a deny."""

    allowed: bool
    rules: tuple[str, ...] = ()
    errors: tuple[str, ...] = ()


def parse(text: str) -> tuple[PolicyJSON, ...]:
    """Read policies in the order of the text; raises ValueError with the place, also for a template."""
    found = json.loads(cedarpy.policies_to_json_str(text))
    if found.get("templates"):
        raise ValueError("a policy with ?principal or ?resource permits and forbids nothing; name them instead")
    by_number = sorted(found["staticPolicies"].items(), key=lambda item: int(item[0].removeprefix("policy")))
    return tuple(cast("PolicyJSON", policy) for _, policy in by_number)


def validate(text: str) -> tuple[tuple[int, str], ...]:
    """Check policies strictly against the schema; returns the number of each faulty policy and what is wrong."""
    result = cedarpy.validate_policies(text, SCHEMA_TEXT)
    if result.validation_passed:
        return ()
    problems = []
    for error in result.errors:
        number = error.policy_id.removeprefix("policy")
        sentence = error.error.removeprefix(f"for policy `{error.policy_id}`, ")
        problems.append((int(number) if number.isdigit() else 0, sentence))
    return tuple(problems) or ((0, "the policies do not fit the schema"),)


def render(policy: PolicyJSON, width: int = 100) -> str:
    """Write one policy as Cedar text, in Cedar's own layout."""
    text = cedarpy.policies_from_json_str(_policy_set({"policy0": policy}))
    return cedarpy.format_policies(text, line_width=width).strip()


def _policy_set(policies: Mapping[str, PolicyJSON]) -> str:
    return json.dumps({"staticPolicies": dict(policies), "templates": {}, "templateLinks": []})


class Engine:
    """A parsed policy set whose policy ids are the policies' own `@id`; raises ValueError where Cedar refuses it."""

    def __init__(self, policies: Mapping[str, PolicyJSON]) -> None:
        self._policies = cedarpy.PolicySet.from_json_str(_policy_set(policies))
        self._entities: dict[str, cedarpy.Entities] = {}

    def check_entities(self, entities: str) -> None:
        """Raise ValueError where the entities do not fit the schema or a hierarchy runs in a circle."""
        cedarpy.Entities.from_json_str(entities, SCHEMA)

    def ask(self, asks: Sequence[Ask], entities: str) -> tuple[Answer, ...]:
        """Answer each request on its own; whatever Cedar cannot read or evaluate is a deny with its error."""
        requests: list[dict[str, object]] = [
            {
                "principal": uid(ask.principal),
                "action": uid(("Action", ask.action)),
                "resource": uid(ask.resource),
                "context": ask.context,
            }
            for ask in asks
        ]
        try:
            results = cedarpy.is_authorized_batch(requests, self._policies, self._read(entities), SCHEMA)
            answers = tuple(_answer(result) for result in results)
        except (ValueError, TypeError, KeyError) as error:
            return tuple(Answer(allowed=False, errors=(str(error),)) for _ in asks)
        if len(answers) != len(asks):
            return tuple(
                Answer(allowed=False, errors=("Cedar gave fewer answers than it was asked for",)) for _ in asks
            )
        return answers

    def _read(self, entities: str) -> cedarpy.Entities:
        """Parse entities once for all questions between the same parties about the same object."""
        found = self._entities.get(entities)
        if found is None:
            found = cedarpy.Entities.from_json_str(entities, SCHEMA)
            if len(self._entities) >= ENTITY_SETS:
                self._entities.clear()
            self._entities[entities] = found
        return found


def _answer(result: cedarpy.AuthzResult) -> Answer:
    """Take only a plain Allow as yes: NoDecision, or an error beside an Allow, is a deny."""
    errors = tuple(result.diagnostics.errors)
    allowed = result.decision is cedarpy.Decision.Allow and not errors
    if not allowed and result.decision is not cedarpy.Decision.Deny and not errors:
        errors = ("Cedar made no decision",)
    return Answer(allowed, tuple(sorted(result.diagnostics.reasons)), errors)
