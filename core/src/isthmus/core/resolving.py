"""What is really sent? The request with every ref replaced by its value, on its way home."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import cast

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON, Aggregate, AllOf, AnyOf, Compare, Condition, InQuery, Negated, Query, Ref, Value
from isthmus.core.refs import Resolved
from isthmus.core.request import Create, Invoke, Line, Loading, Request, Update, Upsert

__all__ = ["plain_record", "plain_values", "resolved"]


def resolved(request: Request, resolve: Callable[[Ref], Resolved]) -> Request:
    """Return the request with every ref replaced by its value; only what is about to be sent is treated so."""
    match request:
        case Query(where=where) | Aggregate(where=where) if where is not None:
            return replace(request, where=_resolved_condition(where, resolve))
        case Create(values=values, below=below):
            inner = {name: tuple(_resolved_create(one, resolve) for one in records) for name, records in below.items()}
            return replace(request, values=_resolved_values(values, resolve), below=inner)
        case Update(values=values):
            return replace(request, values=_resolved_values(values, resolve))
        case Upsert(values=values, key=key):
            return replace(request, values=_resolved_values(values, resolve), key=_resolved(key, resolve))
        case Invoke(arguments=arguments):
            return replace(request, arguments=_resolved_values(arguments, resolve))
        case Loading(lines=lines):
            return replace(request, lines=tuple(cast("Line", resolved(line, resolve)) for line in lines))
        case _:
            return request


def _resolved_create(request: Create, resolve: Callable[[Ref], Resolved]) -> Create:
    return cast("Create", resolved(request, resolve))


def _resolved_values(values: Mapping[str, Value], resolve: Callable[[Ref], Resolved]) -> dict[str, Value]:
    return {name: _resolved(value, resolve) for name, value in values.items()}


def _resolved(value: Value, resolve: Callable[[Ref], Resolved]) -> Value:
    if isinstance(value, Ref):
        return cast("Value", resolve(value).value)
    if isinstance(value, Mapping):
        return {key: _resolved(inner, resolve) for key, inner in value.items()}
    if isinstance(value, tuple):
        return tuple(_resolved(inner, resolve) for inner in value)
    return value


def _resolved_condition(condition: Condition, resolve: Callable[[Ref], Resolved]) -> Condition:
    match condition:
        case Compare(field, op, value):
            return Compare(field, op, _resolved(value, resolve))
        case AllOf(terms):
            return AllOf(tuple(_resolved_condition(term, resolve) for term in terms))
        case AnyOf(terms):
            return AnyOf(tuple(_resolved_condition(term, resolve) for term in terms))
        case Negated(term):
            return Negated(_resolved_condition(term, resolve))
        case InQuery(field, query, negated):
            return InQuery(field, cast("Query", resolved(query, resolve)), negated)


def plain_record(request: Create) -> dict[str, JSON]:
    """Return the values of a new record and of those below it; raises InvalidArguments as `plain_values`."""
    below = {name: [plain_record(one) for one in records] for name, records in request.below.items()}
    return plain_values(request.values) | cast("dict[str, JSON]", below)


def plain_values(values: Mapping[str, Value]) -> dict[str, JSON]:
    """Return values that hold no ref and no relative date any more; raises InvalidArguments otherwise."""
    found: dict[str, JSON] = {}
    for name, value in values.items():
        if isinstance(value, Ref) or not isinstance(value, str | int | float | bool | tuple | Mapping | None):
            raise InvalidArguments(f"{name} takes a plain value", field=name)
        found[name] = cast("JSON", value)
    return found
