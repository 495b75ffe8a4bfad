"""The one small company that the policy tests judge."""

from dataclasses import replace

from isthmus.core.caller import Caller
from isthmus.core.operation import Effect, Operation, Transition, Verb
from isthmus.core.policy import Agent, ConnectionFacts, Directory, Policy, Question, User, ZoneFacts

DIRECTORY = Directory(
    agents={
        "support": Agent("support", "ada", frozenset({"support"}), max_risk=4, zone="us"),
        "night": Agent("night", "ada", max_risk=3),
    },
    users={
        "ada": User("ada", frozenset({"leads"}), clearance=3, residency="DE"),
        "bob": User("bob", frozenset({"support"}), department="service"),
        "eve": User("eve"),
    },
    roles={"leads": frozenset({"support"})},
)
CONNECTIONS = {
    "crm-eu": ConnectionFacts("salesforce", "eu", "DE", "crm"),
    "crm-us": ConnectionFacts("salesforce", "us", "US", "crm"),
    "pay": ConnectionFacts("openapi", "eu", "DE", "pay"),
}
ZONES = {"eu": ZoneFacts(frozenset({"DE", "FR"}), "acme"), "us": ZoneFacts(frozenset({"US"}), "modelco")}
STAFF = '@id("staff") permit(principal in Isthmus::Role::"support", action, resource);'


def policy(*texts, directory=DIRECTORY, staff=True):
    """Load policies for the company; people in support may do everything unless told otherwise."""
    named = {f"file{number}.cedar": text for number, text in enumerate(texts, 1)}
    if staff:
        named["staff.cedar"] = STAFF
    return Policy.load(named, directory, connections=CONNECTIONS, zones=ZONES)


def operation(verb="query", object="Case", fields=("Subject",), effects=None, connection="crm-eu", **facts):
    if effects is None:
        effects = {"upsert": {"create", "update"}, "invoke": {"execute"}, "attach": {"create"}, "load": {"create"}}.get(
            verb, {verb} if verb in set(Effect) else {"read"}
        )
    if isinstance(facts.get("transition"), tuple):
        facts["transition"] = Transition("Status", *facts["transition"])
    return Operation(
        connection,
        CONNECTIONS[connection].system if connection in CONNECTIONS else "crm",
        facts.pop("tool", verb),
        Verb(verb),
        frozenset(Effect(one) for one in effects),
        object,
        fields=frozenset(fields),
        **{name: frozenset(value) if name in ("objects", "probed") else value for name, value in facts.items()},
    )


def question(verb="query", *, agent="support", user="bob", purpose="support", ask=None, **facts):
    caller = Caller(agent, user, purpose)
    return replace(Question(caller, operation(verb, **facts)), **(ask or {}))


def permit(id="all", *, principal="principal", action="action", resource="resource", when="", notes=""):
    head = f'@id("{id}") {notes} permit({principal}, {action}, {resource})'
    return f"{head} when {{ {when} }};" if when else f"{head};"


def forbid(id="no", *, principal="principal", action="action", resource="resource", when="", unless="", notes=""):
    head = f'@id("{id}") {notes} forbid({principal}, {action}, {resource})'
    return head + (f" when {{ {when} }}" if when else "") + (f" unless {{ {unless} }}" if unless else "") + ";"


def act(*verbs):
    return "action in [" + ", ".join(f'Isthmus::Action::"{verb}"' for verb in verbs) + "]"
