"""Which typed method does every verb have? Written once; each face says only how it waits."""

from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass
from functools import wraps
from typing import Generic, ParamSpec, Protocol, TypeVar, cast

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import (
    JSON,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Negated,
    Page,
    Query,
    Record,
    Value,
)
from isthmus.core.results import Description, Groups, Result, value_json

__all__ = ["Ask", "Asynchronous", "Awaited", "Blocking", "Synchronous"]

P = ParamSpec("P")
R = TypeVar("R", bound=Result)


@dataclass(frozen=True, slots=True)
class Ask(Generic[R]):
    """What a typed method asks of `call`: the tool, its arguments as JSON, and the type of its answer."""

    tool: str
    arguments: Mapping[str, JSON]
    answer: type[R]

    def checked(self, result: Result) -> R:
        """Return the answer as its type."""
        if not isinstance(result, self.answer):
            raise TypeError(f"{self.tool} answered with a {type(result).__name__}, not a {self.answer.__name__}")
        return result


class Asynchronous(Protocol):
    """A face that awaits."""

    async def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool."""
        ...


class Synchronous(Protocol):
    """A face that blocks."""

    def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool."""
        ...


class Awaited(Generic[P, R]):
    """The verb as a coroutine method."""

    def __init__(self, verb: Callable[P, Ask[R]]) -> None:
        self._verb = verb

    def __get__(self, session: Asynchronous, _: type | None = None) -> Callable[P, Coroutine[None, None, R]]:
        """Bind to a session."""

        @wraps(cast("Callable[P, Awaitable[R]]", self._verb))
        async def ask(*args: P.args, **kwargs: P.kwargs) -> R:
            asked = self._verb(*args, **kwargs)
            return asked.checked(await session.call(asked.tool, **asked.arguments))

        return ask


class Blocking(Generic[P, R]):
    """The verb as a plain method."""

    def __init__(self, verb: Callable[P, Ask[R]]) -> None:
        self._verb = verb

    def __get__(self, session: Synchronous, _: type | None = None) -> Callable[P, R]:
        """Bind to a session."""

        @wraps(cast("Callable[P, R]", self._verb))
        def ask(*args: P.args, **kwargs: P.kwargs) -> R:
            asked = self._verb(*args, **kwargs)
            return asked.checked(session.call(asked.tool, **asked.arguments))

        return ask


def describe(system: str, object: str = "") -> Ask[Description]:
    """List a system's objects, or one object's fields with their types and data classes."""
    return Ask("describe", _given(system, object=object), Description)


def query(system: str, query: Query | str, *, after: str = "") -> Ask[Page]:
    """Read records by conditions, or by a text in the system's own query language.

    `after` continues an earlier page of exactly this query.
    """
    if isinstance(query, str):
        return Ask("query", _given(system, text=query, after=after), Page)
    order: list[JSON] = [{"field": one.field, "descending": one.descending} for one in query.order_by]
    arguments = _given(
        system,
        object=query.object,
        select=list(query.select),
        where=_condition(query.where),
        order_by=order,
        limit=query.limit,
        after=after or query.after or "",
    )
    return Ask("query", arguments, Page)


def get(system: str, object: str, id: str, fields: Sequence[str] = ()) -> Ask[Record]:
    """Read one record by its id; without `fields`, those the caller may see."""
    return Ask("get", _given(system, object=object, id=id, fields=list(fields)), Record)


def search(system: str, object: str, text: str, *, fields: Sequence[str] = (), limit: int = 50) -> Ask[Page]:
    """Find records by words."""
    return Ask("search", _given(system, object=object, text=text, fields=list(fields), limit=limit), Page)


def aggregate(system: str, aggregate: Aggregate) -> Ask[Groups]:
    """Count, sum or average records, in groups if wanted."""
    measures: list[JSON] = [
        {key: told for key, told in (("function", one.function), ("field", one.field), ("name", one.name)) if told}
        for one in aggregate.measures
    ]
    arguments = _given(
        system,
        object=aggregate.object,
        measures=measures,
        group_by=list(aggregate.group_by),
        where=_condition(aggregate.where),
        limit=aggregate.limit,
    )
    return Ask("aggregate", arguments, Groups)


def create(system: str, object: str, values: Mapping[str, Value], *, key: str = "", approval: str = "") -> Ask[Record]:
    """Create one record; a `key` of the caller's own makes a repeat harmless."""
    return Ask("create", _given(system, object=object, values=_values(values), key=key, approval=approval), Record)


def update(
    system: str, object: str, id: str, values: Mapping[str, Value], *, version: str = "", approval: str = ""
) -> Ask[Record]:
    """Change fields of one record; with a `version`, only if it still has it."""
    arguments = _given(system, object=object, id=id, values=_values(values), version=version, approval=approval)
    return Ask("update", arguments, Record)


def transition(
    system: str,
    object: str,
    id: str,
    to: str,
    values: Mapping[str, Value] | None = None,
    *,
    version: str = "",
    approval: str = "",
) -> Ask[Record]:
    """Bring one record into another state, with the values that this takes; with a `version`, only if it has it."""
    told = _values(values or {})
    arguments = _given(system, object=object, id=id, to=to, version=version, approval=approval)
    return Ask("transition", {**arguments, "values": told} if told else arguments, Record)


def upsert(
    system: str, object: str, key_field: str, key: Value, values: Mapping[str, Value], *, approval: str = ""
) -> Ask[Record]:
    """Create the record that has `key` in a unique field, or change it."""
    arguments = _given(system, object=object, key_field=key_field, values=_values(values), approval=approval)
    return Ask("upsert", {**arguments, "key": value_json(key)}, Record)


def delete(system: str, object: str, id: str, *, version: str = "", approval: str = "") -> Ask[Record]:
    """Delete one record; with a `version`, only if it still has it."""
    return Ask("delete", _given(system, object=object, id=id, version=version, approval=approval), Record)


def _given(system: str, **arguments: JSON) -> dict[str, JSON]:
    """Leave out what was not given: an empty text or list, or no condition."""
    return {"system": system} | {name: told for name, told in arguments.items() if told not in ("", [], None)}


def _values(values: Mapping[str, Value]) -> dict[str, JSON]:
    return {name: value_json(value) for name, value in values.items()}


def _condition(condition: Condition | None) -> JSON:
    match condition:
        case None:
            return None
        case Compare(field, op, value):
            return {"field": field, "op": op.value, "value": value_json(value)}
        case AllOf(terms):
            return {"all": [_condition(term) for term in terms]}
        case AnyOf(terms):
            return {"any": [_condition(term) for term in terms]}
        case Negated(term):
            return {"not": _condition(term)}
        case InQuery():
            raise InvalidArguments(
                f"a sub-query on {condition.field!r} has no JSON form; give the query as text in the system's own "
                "language",
                field=condition.field,
            )
