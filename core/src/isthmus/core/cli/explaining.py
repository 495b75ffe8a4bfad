"""What would policy and residency be asked about a call that is not made?"""

from collections.abc import Mapping
from dataclasses import dataclass

from isthmus.core.caller import Caller
from isthmus.core.calls import Leg
from isthmus.core.gateway import Gateway
from isthmus.core.labelling import label_of
from isthmus.core.operation import Effect
from isthmus.core.plan import Plan
from isthmus.core.policy import Question, explain
from isthmus.core.records import JSON
from isthmus.core.tools import Tool
from isthmus.residency import UNKNOWN_COUNTRY

__all__ = ["Explained", "explained"]


@dataclass(frozen=True, slots=True)
class Explained:
    """One connection that a call would reach: what decides there, and how each field would be released.

    `forms` maps a field to its form by the subject's country; it is empty for a write.
    """

    question: Question
    allowed: bool
    lines: tuple[str, ...]
    forms: Mapping[str, Mapping[str, str]]


async def explained(
    gateway: Gateway, caller: Caller, tool: Tool, arguments: Mapping[str, JSON]
) -> tuple[Explained, ...]:
    """Plan a call, which takes look-ups, and ask about it; the tool may be one that the caller is not shown."""
    policy, found = gateway.parts.policy, []
    for leg, plan, question in await gateway.foresee(caller, tool, arguments):
        verdict = policy.decide(question)
        forms = _forms(gateway, leg, plan) if question.operation.effects == {Effect.READ} else {}
        found.append(Explained(question, verdict.allowed, explain(policy, question), forms))
    return tuple(found)


def _forms(gateway: Gateway, leg: Leg, plan: Plan) -> dict[str, dict[str, str]]:
    """Judge each field for subjects of every country where a zone is, and of none that is known."""
    parts, caller = gateway.parts, leg.caller
    countries = {country for zone in parts.flows.zones.values() for country in zone.countries} - {UNKNOWN_COUNTRY}
    source = parts.source(leg.call.system, leg.connection)
    return {
        path.path: {
            country: parts.releaser.decide(label_of(path, country, leg.connection.name), source, caller).form.value
            for country in (*sorted(countries), UNKNOWN_COUNTRY)
        }
        for path in plan.paths
    }
