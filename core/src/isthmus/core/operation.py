"""What policy sees of a call: the verb, its effect, the object, fields and records."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from msgspec import Struct

__all__ = ["LARGEST_AMOUNT", "Effect", "Operation", "RequestClass", "Transition", "Verb"]

LARGEST_AMOUNT = Decimal("922337203685477.5807")
"""What policy can hold: a Cedar decimal has 64 bits with four digits after the point. An unknown amount is as much."""


class Verb(StrEnum):
    """The one vocabulary of tools over all systems."""

    DESCRIBE = "describe"
    QUERY = "query"
    GET = "get"
    SEARCH = "search"
    AGGREGATE = "aggregate"
    CREATE = "create"
    UPDATE = "update"
    UPSERT = "upsert"
    DELETE = "delete"
    TRANSITION = "transition"
    ATTACH = "attach"
    DOWNLOAD = "download"
    EXPORT = "export"
    LOAD = "load"
    CHANGES = "changes"
    INVOKE = "invoke"


class Effect(StrEnum):
    """What a request does to the system."""

    READ = "read"
    CREATE = "create"
    UPDATE = "update"
    TRANSITION = "transition"
    DELETE = "delete"
    EXECUTE = "execute"

    @property
    def writes(self) -> bool:
        """Tell whether the effect changes anything."""
        return self is not Effect.READ


_READS = frozenset({Effect.READ})


@dataclass(frozen=True, slots=True)
class Transition:
    """A change of a declared state field; `from_state` is empty on a create."""

    field: str
    from_state: str
    to_state: str


class Operation(Struct, frozen=True, gc=False):
    """One call on one connection, as policy judges it.

    `fields` are the fields of `object` that the call reads, probes or writes, in the system's own spelling; `probed`
    are those used in filters, sorts and groupings. `objects` names every object that a request of this call may
    touch. `rows` is the most rows asked for; `records` are the record ids named by the arguments. `job` is the one in
    which the system carries it out, once there is one. `amount` is the most that a write is about, as a decimal.
    """

    connection: str
    system: str
    tool: str
    verb: Verb
    effects: frozenset[Effect]
    object: str
    objects: frozenset[str] = frozenset()
    fields: frozenset[str] = frozenset()
    probed: frozenset[str] = frozenset()
    transition: Transition | None = None
    records: tuple[str, ...] = ()
    rows: int = 1
    risk: int = 0
    amount: str | None = None
    job: str = ""

    @property
    def writes(self) -> bool:
        """Tell whether any part of the call changes the system."""
        return not self.effects <= _READS

    def naming(self, *records: str) -> "Operation":
        """Return the same operation on these records."""
        return Operation(
            self.connection, self.system, self.tool, self.verb, self.effects, self.object, self.objects, self.fields,
            self.probed, self.transition, records, self.rows, self.risk, self.amount, self.job,
        )  # fmt: skip

    @property
    def target(self) -> str:
        """Name the object for sentences: `connection/Object`."""
        return f"{self.connection}/{self.object}"


@dataclass(frozen=True, slots=True)
class RequestClass:
    """What one part of an outgoing request would do, as the connector reads it off the bytes.

    `object` is empty where the part touches no object (limits, identity). `records` are the ids it names. `metadata`
    is True where the answer holds no record and nothing of one, only what the system says of itself. `job` is None but
    for a part of a job: empty where it makes one, which names its records later, else the id of the one it belongs to.
    `to_state` is the state that a transition leads to, where the bytes tell; what is created beside a record names it.
    """

    effect: Effect
    object: str = ""
    records: tuple[str, ...] = ()
    facts: Mapping[str, str] = field(default_factory=dict)
    metadata: bool = False
    job: str | None = None
    to_state: str = ""
