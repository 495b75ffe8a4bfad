"""What can be asked of a system? Every request as a type of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from isthmus.core.errors import InvalidArguments
from isthmus.core.facts import ObjectFacts
from isthmus.core.records import Aggregate, Compare, Query, Ref, Value, comparisons

__all__ = [
    "Attach",
    "Changes",
    "Create",
    "Delete",
    "Describe",
    "Download",
    "Export",
    "Get",
    "Invoke",
    "Line",
    "Loading",
    "Move",
    "RawQuery",
    "Relay",
    "Request",
    "Search",
    "Update",
    "Upsert",
    "day_of",
    "named_refs",
    "refs_in",
    "request_refs",
]


@dataclass(frozen=True, slots=True)
class Describe:
    """Metadata of all objects, or of one; with `words`, of what has them all."""

    object: str = ""
    words: str = ""


@dataclass(frozen=True, slots=True)
class Relay:
    """A read of the system's own SDK whose answer may hold anything; `object` is empty where it names none.

    `words` are its address and body.
    """

    object: str
    words: str


@dataclass(frozen=True, slots=True)
class Get:
    """One record by id; `as_of` as in a query."""

    object: str
    id: str
    fields: tuple[str, ...] = ()
    as_of: str = ""


@dataclass(frozen=True, slots=True)
class Search:
    """Records of one object by words."""

    object: str
    text: str
    fields: tuple[str, ...] = ()
    limit: int = 50


@dataclass(frozen=True, slots=True)
class Export(Query):
    """All records that a query finds, `limit` at a time and in no order; one connection after the other."""


@dataclass(frozen=True, slots=True)
class Changes(Query):
    """The records that changed since a moment or since an earlier page, `limit` of each connection at a time."""

    since: str = ""


@dataclass(frozen=True, slots=True)
class RawQuery:
    """A query in the system's own language, to be parsed by its connector before anything else."""

    text: str
    object: str = ""
    after: str | None = None


@dataclass(frozen=True, slots=True)
class Create:
    """A new record; `key` is the caller's own idempotency key.

    `below` are new records that hang below it, by relationship: all are made, or none.
    """

    object: str
    values: Mapping[str, Value]
    key: str = ""
    below: "Mapping[str, tuple[Create, ...]]" = field(default_factory=dict)

    def each_below(self) -> "Iterator[Create]":
        """Yield the records below it, each followed by its own, in the order in which they were given."""
        for records in self.below.values():
            for one in records:
                yield one
                yield from one.each_below()


@dataclass(frozen=True, slots=True)
class Update:
    """New values for one record."""

    object: str
    id: str
    values: Mapping[str, Value]
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Move:
    """Another state for one record, and the values that go with it."""

    object: str
    id: str
    to: str
    values: Mapping[str, Value]
    version: str | None = None

    def as_update(self, facts: ObjectFacts) -> Update:
        """Return the update that it is, now that metadata tells which field holds the state."""
        if facts.state_field is None:
            raise InvalidArguments(f"{facts.name} has no state; update its fields instead", object=facts.name)
        if any(name.casefold() == facts.state_field.casefold() for name in self.values):
            raise InvalidArguments(
                f"{facts.state_field} is the state itself; say it once, in `to`", object=facts.name, field="values"
            )
        return Update(self.object, self.id, {facts.state_field: self.to, **self.values}, self.version)


@dataclass(frozen=True, slots=True)
class Upsert:
    """A new record, or new values for the one that has `key` in `key_field`."""

    object: str
    key_field: str
    key: Value
    values: Mapping[str, Value]


@dataclass(frozen=True, slots=True)
class Delete:
    """One record to delete."""

    object: str
    id: str
    version: str | None = None


Line: TypeAlias = Create | Update | Upsert | Delete
"""One record of a load; all lines of one are of the same kind."""


@dataclass(frozen=True, slots=True)
class Loading:
    """Many records of one object to write alike; `action` is the verb of every line, `key` the caller's own."""

    object: str
    action: str
    lines: tuple[Line, ...]
    key: str = ""


@dataclass(frozen=True, slots=True)
class Attach:
    """A file to put beside a record; its bytes are told by their SHA-256 and travel outside of the arguments."""

    object: str
    id: str
    name: str
    type: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Download:
    """A file of a record to read."""

    object: str
    id: str
    file: str


@dataclass(frozen=True, slots=True)
class Invoke:
    """An action of the system to run, on one record or on none; `key` is the caller's own idempotency key."""

    object: str
    action: str
    id: str
    arguments: Mapping[str, Value]
    key: str = ""


Request: TypeAlias = (
    Describe
    | Relay
    | Query
    | RawQuery
    | Get
    | Search
    | Aggregate
    | Create
    | Update
    | Move
    | Upsert
    | Delete
    | Loading
    | Attach
    | Download
    | Invoke
)


_DATED = (Query, Get)


def day_of(request: Request) -> str:
    """Return the day whose truth a request reads; empty where it names none."""
    return request.as_of if isinstance(request, _DATED) else ""


def refs_in(value: Value) -> Iterator[Ref]:
    """Yield every ref inside a value."""
    if isinstance(value, Ref):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from refs_in(inner)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for inner in value:
            yield from refs_in(inner)


def named_refs(name: str, value: Value) -> Iterator[tuple[str, Ref]]:
    """Yield every ref inside a value with the name that is nearest to it; `name` is that of the value itself."""
    if isinstance(value, Ref):
        yield name, value
    elif isinstance(value, Mapping):
        for inner, told in value.items():
            yield from named_refs(inner, told)
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for told in value:
            yield from named_refs(name, told)


def request_refs(request: Request) -> Iterator[Ref]:
    """Yield every ref of a request, in conditions and in values."""
    match request:
        case Query() | Aggregate():
            for leaf in comparisons(request.where):
                yield from refs_in(leaf.value) if isinstance(leaf, Compare) else request_refs(leaf.query)
        case Create():
            yield from refs_in(request.values)
            for one in request.each_below():
                yield from refs_in(one.values)
        case Update() | Move():
            yield from refs_in(request.values)
        case Upsert():
            yield from refs_in(request.values)
            yield from refs_in(request.key)
        case Invoke():
            yield from refs_in(request.arguments)
        case Loading():
            for line in request.lines:
                yield from request_refs(line)
