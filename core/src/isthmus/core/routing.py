"""Which connections serve a request to a logical system, and with which ids?"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from isthmus.core.connector import FieldType, ObjectFacts
from isthmus.core.errors import InvalidArguments, ResidencyError
from isthmus.core.records import (
    QUALIFIER,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Operator,
    Query,
    Ref,
    Value,
)
from isthmus.core.refs import Resolved
from isthmus.core.request import (
    Attach,
    Create,
    Delete,
    Download,
    Get,
    Invoke,
    Line,
    Loading,
    Move,
    Request,
    Update,
    Upsert,
    request_refs,
)
from isthmus.residency import normalise_country

__all__ = ["Place", "Router"]

_LINKS = (FieldType.ID, FieldType.REFERENCE)


@dataclass(frozen=True, slots=True)
class Place:
    """One connection of a system, as far as routing is concerned."""

    connection: str
    zone: str


class Router:
    """Route the requests of one logical system.

    `countries` maps a country code, the name of a set of countries, or `*` to a connection; `members` tells which
    countries a set holds. `qualified` is True where ids must name their connection.
    """

    def __init__(
        self,
        system: str,
        places: Sequence[Place],
        countries: Mapping[str, str],
        members: Callable[[str], frozenset[str]],
    ) -> None:
        self.system = system
        self._places = {place.connection: place for place in places}
        self._countries = dict(countries)
        self._members = members
        self.qualified = len(self._places) > 1

    async def choose(
        self,
        request: Request,
        resolve: Callable[[Ref], Resolved],
        facts: Callable[[str], Awaitable[ObjectFacts]],
    ) -> tuple[str, ...]:
        """Name the connections for a request: one for a write, possibly several for a read.

        `facts(object)` reads metadata from any connection, needed only to place a new record.
        """
        if not self.qualified:
            return tuple(self._places)
        homes = {resolve(ref).zone for ref in request_refs(request)}
        match request:
            case Get() | Update() | Move() | Delete() | Attach() | Download():
                return (self._named(request.id),)
            case Invoke(id=id) if id:
                return (self._named(id),)
            case Invoke() if not homes:
                raise InvalidArguments(
                    f"system {self.system!r} is held by {' and '.join(self._places)}, and this action names no record; "
                    "use a system of one connection"
                )
            case Create() | Upsert():
                return (await self._home(request, homes, facts),)
            case Loading(lines=lines):
                return await self._one_home(lines, resolve, facts)
            case _:
                serving = [one.connection for one in self._places.values() if not homes or one.zone in homes]
                return tuple(serving) or self._no_home()

    def localise(self, request: Request, connection: str, facts: ObjectFacts) -> Request:
        """Return the request with ids as this connection knows them; raises for another connection's ids."""
        if not self.qualified:
            return request
        match request:
            case Get() | Delete() | Attach():
                return replace(request, id=self._native(request.id, connection))
            case Download():
                own, file = self._native(request.id, connection), self._native(request.file, connection)
                return replace(request, id=own, file=file)
            case Invoke(id=id, arguments=arguments):
                here = {name: self._here(value, connection) for name, value in arguments.items()}
                return replace(request, id=self._native(id, connection) if id else "", arguments=here)
            case Update():
                values = self._values(request.values, connection, facts)
                return replace(request, id=self._native(request.id, connection), values=values)
            case Create() | Upsert():
                return replace(request, values=self._values(request.values, connection, facts))
            case Loading(lines=lines):
                local = tuple(cast("Line", self.localise(line, connection, facts)) for line in lines)
                return replace(request, lines=local)
            case Query() | Aggregate() if request.where is not None:
                return replace(request, where=self._condition(request.where, connection, facts))
            case _:
                return request

    def _named(self, id: str) -> str:
        connection, _, native = id.partition(QUALIFIER)
        if not native or connection not in self._places:
            raise InvalidArguments(
                f"system {self.system!r} is held by {' and '.join(self._places)}; use an id as an answer gave it, "
                f"such as {next(iter(self._places))}{QUALIFIER}...",
                field="id",
            )
        return connection

    def _native(self, id: str, connection: str) -> str:
        if self._named(id) != connection:
            raise InvalidArguments(
                f"id {id.partition(QUALIFIER)[0]}{QUALIFIER}... belongs to another connection than {connection!r}"
            )
        return id.partition(QUALIFIER)[2]

    async def _home(
        self,
        request: Create | Upsert,
        homes: set[str],
        facts: Callable[[str], Awaitable[ObjectFacts]],
    ) -> str:
        """Place a new record: where its refs live, else with its parent, else by its subject's country."""
        if homes:
            found = [one.connection for one in self._places.values() if one.zone in homes]
            if len(homes) > 1 or len(found) != 1:
                return self._no_home()[0]
            return found[0]
        known = await facts(request.object)
        parents = {self._named(value) for value in self._links(request.values, known)}
        if len(parents) > 1:
            raise InvalidArguments(
                f"the values link to records of {' and '.join(sorted(parents))}; a record has one home"
            )
        if parents:
            return parents.pop()
        return self._by_country(request, known)

    async def _one_home(
        self,
        lines: Sequence[Line],
        resolve: Callable[[Ref], Resolved],
        facts: Callable[[str], Awaitable[ObjectFacts]],
    ) -> tuple[str, ...]:
        """Place a load: all its lines have one home."""
        homes = {(await self.choose(line, resolve, facts))[0]: number for number, line in enumerate(lines)}
        if len(homes) > 1:
            told = ", ".join(f"line {number} to {name!r}" for name, number in sorted(homes.items()))
            raise InvalidArguments(f"the lines belong to several connections ({told}); load each on its own")
        return tuple(homes)

    def _links(self, values: Mapping[str, Value], facts: ObjectFacts) -> Iterator[str]:
        for name, value in values.items():
            if isinstance(value, str) and facts.field(name).type in _LINKS:
                yield value

    def _by_country(self, request: Create | Upsert, facts: ObjectFacts) -> str:
        told = {name.casefold(): value for name, value in request.values.items()}
        found = next((value for path in facts.country if isinstance(value := told.get(path.casefold()), str)), "")
        country = normalise_country(found) if found else "??"
        if country != "??":
            for name, connection in self._countries.items():
                if name == country or (name != "*" and country in self._members(name)):
                    return connection
        if (country != "??" or not facts.person) and "*" in self._countries:
            return self._countries["*"]
        raise InvalidArguments(
            f"cannot tell which connection of {self.system!r} is home to this {facts.name}; "
            f"give {' or '.join(facts.country) or 'a parent id'}, or link it to a record by the id an answer gave",
            object=facts.name,
        )

    def _values(self, values: Mapping[str, Value], connection: str, facts: ObjectFacts) -> dict[str, Value]:
        return {
            name: self._native(value, connection)
            if isinstance(value, str) and facts.field(name).type in _LINKS
            else self._below(value, connection)
            for name, value in values.items()
        }

    def _below(self, value: Value, connection: str) -> Value:
        """Localise the ids in the values of records below a new one, of whose fields nothing is known yet."""
        if isinstance(value, Mapping):
            return {name: self._below(self._here(one, connection), connection) for name, one in value.items()}
        return tuple(self._below(one, connection) for one in value) if isinstance(value, tuple) else value

    def _condition(self, condition: Condition, connection: str, facts: ObjectFacts | None) -> Condition:
        """Strip this connection's prefix from ids; an id of another connection matches nothing here and stays behind.

        `facts` are those of the object that the condition is about, None inside a sub-query.
        """
        match condition:
            case Compare(field, op, value):
                text = facts is not None and "." not in field and facts.field(field).type not in _LINKS
                return condition if text else self._compare(field, op, value, connection)
            case AllOf(terms):
                return AllOf(tuple(self._condition(term, connection, facts) for term in terms))
            case AnyOf(terms):
                return AnyOf(tuple(self._condition(term, connection, facts) for term in terms))
            case Negated(term):
                return Negated(self._condition(term, connection, facts))
            case InQuery(field, query, negated) if query.where is not None:
                return InQuery(field, replace(query, where=self._condition(query.where, connection, None)), negated)
            case _:
                return condition

    def _compare(self, field: str, op: Operator, value: Value, connection: str) -> Condition:
        asked = value if isinstance(value, tuple) else (value,)
        here = tuple(self._local(one, connection) for one in asked if not self._foreign(one, connection))
        if len(here) == len(asked) or (here and isinstance(value, tuple)):
            return Compare(field, op, here if isinstance(value, tuple) else here[0])
        missing, present = Compare(field, Operator.EQ, None), Compare(field, Operator.NE, None)
        every = op in (Operator.NE, Operator.NOT_IN)
        return AnyOf((missing, present)) if every else AllOf((missing, present))

    def _here(self, value: Value, connection: str) -> Value:
        """Return an argument of an action as the connection knows it, where it is an id that an answer gave."""
        if self._foreign(value, connection):
            self._native(str(value), connection)
        return self._local(value, connection)

    def _foreign(self, value: Value, connection: str) -> bool:
        name, qualifier, _ = value.partition(QUALIFIER) if isinstance(value, str) else ("", "", "")
        return bool(qualifier) and name != connection and name in self._places

    def _local(self, value: Value, connection: str) -> Value:
        return value.removeprefix(f"{connection}{QUALIFIER}") if isinstance(value, str) else value

    def _no_home(self) -> tuple[str, ...]:
        raise ResidencyError(
            f"the refs in this call have their home in a zone where {self.system!r} has no single connection; "
            "use refs of one home only",
            object=self.system,
        )
