"""Which entities does one question need, and how are they written for Cedar?

Only what the question can reach is handed over: Cedar reads the set anew for every question.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TypeAlias

from isthmus.core.policy.directory import UNKNOWN, ConnectionFacts, Directory, ZoneFacts
from isthmus.core.policy.question import RecordFacts
from isthmus.core.records import JSON

__all__ = ["NAMESPACE", "Graph", "Uid", "reference", "uid"]

NAMESPACE = "Isthmus"
Uid: TypeAlias = tuple[str, str]
"""Entity type without its namespace, and id."""


def uid(one: Uid) -> dict[str, str]:
    """Write an id structured, so that no character of it can mean anything."""
    return {"type": f"{NAMESPACE}::{one[0]}", "id": one[1]}


def reference(kind: str, name: str) -> JSON:
    """Write an attribute that points at another entity."""
    return {"__entity": uid((kind, name))}


class Graph:
    """The entities of a directory, each with those it points at, ready to be picked for a question."""

    def __init__(
        self, directory: Directory, connections: Mapping[str, ConnectionFacts], zones: Mapping[str, ZoneFacts]
    ) -> None:
        self._text: dict[Uid, str] = {}
        self._next: dict[Uid, tuple[Uid, ...]] = {}
        self._connections = connections
        for role in directory.role_names:
            self._add(("Role", role), {}, [("Role", wider) for wider in directory.roles.get(role, ())])
        for user in directory.users.values():
            facts: dict[str, JSON] = {"clearance": user.clearance, "residency": user.residency or UNKNOWN}
            if user.department:
                facts["department"] = user.department
            self._add(("User", user.name), facts, [("Role", role) for role in user.roles])
        for name, zone in {UNKNOWN: ZoneFacts(frozenset({UNKNOWN})), **zones}.items():
            self._add(
                ("Zone", name),
                {
                    "countries": sorted(zone.countries),
                    "operator": zone.operator or UNKNOWN,
                    "attestations": sorted(zone.attestations),
                },
            )
        for agent in directory.agents.values():
            zone_name = agent.zone or UNKNOWN
            purposes = sorted(agent.purposes) or [""]
            self._add(
                ("Agent", agent.name),
                {
                    "owner": reference("User", agent.owner),
                    "purposes": purposes,
                    "max_risk": agent.max_risk,
                    "zone": reference("Zone", zone_name),
                },
                (),
                [("User", agent.owner), ("Zone", zone_name)],
            )
        self._add_connections()

    def _add_connections(self) -> None:
        for name, facts in self._connections.items():
            self._add(("System", facts.system), {})
            self._add(
                ("Connection", name),
                {"kind": facts.kind, "zone": reference("Zone", facts.zone), "country": facts.country or UNKNOWN},
                [("System", facts.system)],
                [("Zone", facts.zone)],
            )

    def _add(self, one: Uid, attrs: JSON, parents: Sequence[Uid] = (), points_at: Sequence[Uid] = ()) -> None:
        self._text[one] = _write(one, attrs, parents)
        self._next[one] = (*parents, *points_at)

    def __contains__(self, one: Uid) -> bool:
        return one in self._text

    def names(self, kind: str) -> list[str]:
        """List the known ids of one entity type."""
        return sorted(name for known, name in self._text if known == kind)

    def everything(self) -> str:
        """Write the whole graph, to be validated once."""
        return self.pick(self._text, ())

    def pick(self, wanted: Iterable[Uid], written: Iterable[str]) -> str:
        """Write the wanted entities with all they reach, and those already written; an unknown one is left out."""
        found: dict[Uid, str] = {}
        open_ends = list(wanted)
        while open_ends:
            one = open_ends.pop()
            if one not in found and one in self._text:
                found[one] = self._text[one]
                open_ends.extend(self._next[one])
        return f"[{','.join((*found.values(), *written))}]"

    def object(self, connection: str, name: str) -> tuple[Uid, list[str]]:
        """Write an object of a connection and its group over all connections of the system."""
        system = self._connections[connection].system
        name = name or "*"
        one, group = ("Object", f"{connection}/{name}"), ("Object", f"{system}/{name}")
        attrs: JSON = {"name": name}
        if one == group:
            return one, [_write(one, attrs, [("Connection", connection), ("System", system)])]
        return one, [
            _write(group, attrs, [("System", system)]),
            _write(one, attrs, [("Connection", connection), group]),
        ]

    @staticmethod
    def record(of: Uid, number: int, facts: RecordFacts) -> tuple[Uid, str]:
        """Write a record of an object; its own id is no part of it, so equal facts get equal answers."""
        one = ("Record", f"{of[1]}#{number}")
        classes = {UNKNOWN} if facts.classes is None else facts.classes
        attrs: dict[str, JSON] = {
            "subject_country": facts.subject_country or UNKNOWN,
            "classes": sorted(classes),
        }
        if facts.owner:
            attrs["owner"] = reference("User", facts.owner)
        if facts.state:
            attrs["state"] = facts.state
        return one, _write(one, attrs, [of])


def _write(one: Uid, attrs: JSON, parents: Sequence[Uid]) -> str:
    return json.dumps({"uid": uid(one), "attrs": attrs, "parents": [uid(parent) for parent in sorted(parents)]})
