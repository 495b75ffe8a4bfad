"""Who and what can a policy speak of: agents, users, roles, zones and connections."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest

__all__ = ["UNKNOWN", "Agent", "ConnectionFacts", "Directory", "User", "ZoneFacts"]

UNKNOWN = "??"
"""The explicit member for a country, class or zone that nobody stated."""
PARTIES = ("user", "owner")
"""Who can approve besides the holders of a role: the person acted for, and the agent's owner."""


@dataclass(frozen=True, slots=True)
class Agent:
    """One agent; with no purposes it may act only in calls that state none."""

    name: str
    owner: str
    purposes: frozenset[str] = frozenset()
    max_risk: int = 2
    zone: str = ""


@dataclass(frozen=True, slots=True)
class User:
    """One person; `residency` is an ISO 3166-1 alpha-2 country, empty where unknown."""

    name: str
    roles: frozenset[str] = frozenset()
    clearance: int = 0
    residency: str = ""
    department: str = ""


@dataclass(frozen=True, slots=True)
class ZoneFacts:
    """Where something runs: the countries it may use, who operates it and what was attested."""

    countries: frozenset[str] = frozenset()
    operator: str = ""
    attestations: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class ConnectionFacts:
    """One org, instance or tenant: its connector, zone, country and the logical system it serves."""

    kind: str
    zone: str
    country: str
    system: str


@dataclass(frozen=True, slots=True)
class Directory:
    """Every agent and user by name; `roles` maps a role to the wider roles that its holders hold too."""

    agents: Mapping[str, Agent]
    users: Mapping[str, User]
    roles: Mapping[str, frozenset[str]] = field(default_factory=dict)

    def roles_of(self, user: User) -> frozenset[str]:
        """Return every role that a user holds, the wider ones included."""
        found, waiting = set(user.roles), list(user.roles)
        while waiting:
            wider = self.roles.get(waiting.pop(), frozenset()) - found
            found |= wider
            waiting += wider
        return frozenset(found)

    @property
    def role_names(self) -> frozenset[str]:
        """Return the roles that are declared or held by somebody."""
        held = {role for user in self.users.values() for role in user.roles}
        return frozenset(held.union(self.roles, *self.roles.values()))


def check(directory: Directory, connections: Mapping[str, ConnectionFacts], zones: Mapping[str, ZoneFacts]) -> None:
    """Raise ConfigurationError where a name is misspelt, missing or would make an object's id mean two things."""
    _named("agent", directory.agents, {name: agent.name for name, agent in directory.agents.items()})
    _named("user", directory.users, {name: user.name for name, user in directory.users.items()})
    for agent in directory.agents.values():
        _known(f"agent {agent.name!r}: owner", agent.owner, directory.users)
        if agent.zone:
            _known(f"agent {agent.name!r}: zone", agent.zone, zones)
    for name in directory.role_names & set(PARTIES):
        raise ConfigurationError(
            f"a role cannot be named {name!r}: in approve:{name} that means somebody else; rename it"
        )
    systems = {facts.system for facts in connections.values()}
    for name in (*connections, *systems):
        if not name or "/" in name:
            raise ConfigurationError(f"{name!r} cannot name a connection or system; use a name without '/'")
    for name, facts in connections.items():
        _known(f"connection {name!r}: zone", facts.zone, zones)
        if name in systems and facts.system != name:
            raise ConfigurationError(
                f"connection {name!r} serves system {facts.system!r} but has the name of another system; "
                f"rename it, or policies on '{name}/...' would mean both",
                subject=name,
            )


def _named(kind: str, keys: Iterable[str], names: Mapping[str, str]) -> None:
    for key in keys:
        if key != names[key] or not key:
            raise ConfigurationError(f"{kind} {names[key]!r} is filed under {key!r}; file it under its own name")


def _known(place: str, name: str, known: Iterable[str]) -> None:
    known = list(known)
    if name not in known:
        raise ConfigurationError(f"{place} is {name!r}, which is not defined{nearest(name, known)}")
