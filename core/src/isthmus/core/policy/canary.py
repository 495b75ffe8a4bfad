"""Does this Cedar, as it is installed here, still deny what it must deny?

Three ways in which Cedar can be made to fail open are tried at every load, through the same code that answers calls.
"""

from isthmus.core.errors import ConfigurationError
from isthmus.core.policy import cedar
from isthmus.core.policy.cedar import Answer, Ask, Engine
from isthmus.core.policy.directory import Agent, ConnectionFacts, Directory, User, ZoneFacts
from isthmus.core.policy.entities import Graph

__all__ = ["run_canaries"]

EVERYTHING = "permit (principal, action, resource);"
NO_WRITES = 'forbid (principal, action in Isthmus::Action::"write", resource);'
ERRING = "forbid (principal, action, resource) when { context.transition.to == principal.name };"
CONTEXT = (
    '{"on_behalf_of":{"__entity":{"type":"Isthmus::User","id":"canary"}},"purpose":"","risk":0,"approved":false,'
    '"mfa":false,"fields":["*"],"rows":1,"consumer_zone":{"__entity":{"type":"Isthmus::Zone","id":"canary"}}}'
)


def run_canaries() -> None:
    """Raise ConfigurationError where a call would be allowed that must not be, or nothing would be allowed at all."""
    guarded = _engine(EVERYTHING, NO_WRITES)
    if not _ask(guarded, "get", CONTEXT).allowed:
        raise _broken("a permitted read is denied")
    if _ask(guarded, "create", CONTEXT).allowed:
        raise _broken("`action in` does not match, so a forbidden write is allowed")
    if _ask(_engine(EVERYTHING, ERRING), "create", CONTEXT).allowed:
        raise _broken("a forbid that fails to evaluate is passed over")
    if _ask(_engine(EVERYTHING), "get", '{"purpose":1}').allowed:
        raise _broken("a malformed question is allowed")


def _engine(*policies: str) -> Engine:
    return Engine({f"canary{number}": cedar.parse(text)[0] for number, text in enumerate(policies)})


def _ask(engine: Engine, action: str, context: str) -> Answer:
    people = Directory({"canary": Agent("canary", "canary", zone="canary")}, {"canary": User("canary")})
    home = ConnectionFacts("canary", "canary", "", "canary")
    graph = Graph(people, {"canary": home}, {"canary": ZoneFacts()})
    resource, written = graph.object("canary", "Canary")
    entities = graph.pick([("Agent", "canary"), ("Connection", "canary")], written)
    return engine.ask([Ask(("Agent", "canary"), action, resource, context)], entities)[0]


def _broken(what: str) -> ConfigurationError:
    return ConfigurationError(
        f"Cedar does not answer as it must: {what}; install a cedarpy release that passes the policy tests",
        code="policy_canary",
    )
