"""What does the call path work with? Everything that a gateway owns, put together once when it opens."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from isthmus.core.audit import Auditor
from isthmus.core.caller import Caller
from isthmus.core.calls import Call
from isthmus.core.connection import Connection
from isthmus.core.cursors import CursorSeal, query_digest
from isthmus.core.journal import Journal
from isthmus.core.operation import Verb
from isthmus.core.policy import Policy, SequenceRules
from isthmus.core.records import Query, Ref
from isthmus.core.refs import RefVaults, Resolved
from isthmus.core.release import Releaser, Source
from isthmus.core.request import Changes
from isthmus.core.resilience import Clock
from isthmus.core.routing import Router
from isthmus.core.tasks import Tasks
from isthmus.core.tools import Tool
from isthmus.core.witness import Witness
from isthmus.residency import FlowPolicy

__all__ = ["Parts", "System"]


@dataclass(frozen=True, slots=True)
class System:
    """One logical system: its connections, how requests are routed among them, and where their values come from."""

    name: str
    connections: Mapping[str, Connection]
    router: Router
    sources: Mapping[str, Source]


@dataclass(frozen=True, slots=True)
class Parts:
    """The collaborators of the call path; `policies` maps each policy in force to its digest.

    `witness` is told which calls were labelled, where somebody records them.
    """

    systems: Mapping[str, System]
    tools: Mapping[str, Tool]
    journal: Journal
    policy: Policy
    sequences: SequenceRules
    flows: FlowPolicy
    releaser: Releaser
    vaults: RefVaults
    tasks: Tasks
    cursors: CursorSeal
    auditor: Auditor
    policies: Mapping[str, str]
    approval_key: bytes
    clock: Clock
    call_timeout: float
    transfer_timeout: float
    process: str
    entropy: Callable[[int], bytes] = os.urandom
    witness: Witness | None = None

    def now(self) -> datetime:
        """Return the time in UTC."""
        return datetime.fromtimestamp(self.clock.time(), UTC)

    def time_for(self, verb: Verb) -> float:
        """Return the seconds that a call may take: a file may take longer than records."""
        return self.transfer_timeout if verb in (Verb.ATTACH, Verb.DOWNLOAD) else self.call_timeout

    def new_id(self) -> str:
        """Return an id that sorts by time: 12 hexadecimal digits of milliseconds, then 80 random bits."""
        return f"{int(self.clock.time() * 1000):012x}{self.entropy(10).hex()}"

    def consumer_zone(self, caller: Caller) -> str:
        """Return the zone of the caller's consumer, empty where it is unknown."""
        consumer = self.flows.consumers.get(caller.consumer)
        return consumer.zone if consumer and consumer.zone else ""

    def owner(self, caller: Caller) -> str:
        """Name whose refs a call mints and resolves: one client and one task."""
        return f"{caller.consumer}|{caller.agent}|{caller.user or ''}|{caller.task}"

    def resolver(self, caller: Caller) -> Callable[[Ref], Resolved]:
        """Return how refs of this caller resolve."""
        return lambda ref: self.vaults.resolve(self.owner(caller), ref)

    def source(self, system: str, connection: Connection) -> Source:
        """Name where the values of a connection come from."""
        return self.systems[system].sources[connection.name]

    def page_binding(self, call: Call, query: Query) -> str:
        """Name what a page is bound to: its caller, its query without `after`, and the policies."""
        if isinstance(query, Changes):
            # Where an earlier look ended says more than the moment at which the first one began.
            query = replace(query, since="")
        return query_digest(query, f"{call.system}|{self.owner(call.caller)}|{sorted(self.policies.items())}")

    def connection(self, name: str) -> Connection:
        """Return a connection by its name."""
        return next(found for system in self.systems.values() if (found := system.connections.get(name)))
