"""How JSON arguments become typed requests, and what each request reads, probes and writes."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias, cast

from isthmus.core.connector import ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Verb
from isthmus.core.records import (
    JSON,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    Measure,
    Negated,
    Operator,
    Order,
    Query,
    Ref,
    Relative,
    Value,
    comparisons,
)

__all__ = [
    "EXPORTED",
    "Changes",
    "Create",
    "Delete",
    "Describe",
    "Export",
    "Get",
    "Move",
    "RawQuery",
    "Relay",
    "Request",
    "Search",
    "Update",
    "Upsert",
    "parse_request",
]

MAX_DEPTH = 20
EXPORTED = 2_000
"""Records of one page of an export, unless the caller wants another number."""


@dataclass(frozen=True, slots=True)
class Describe:
    """Metadata of all objects, or of one."""

    object: str = ""


@dataclass(frozen=True, slots=True)
class Relay:
    """A read of the system's own SDK whose answer may hold anything; `object` is empty where it names none.

    `words` are its address and body.
    """

    object: str
    words: str


@dataclass(frozen=True, slots=True)
class Get:
    """One record by id."""

    object: str
    id: str
    fields: tuple[str, ...] = ()


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
    """A new record; `key` is the caller's own idempotency key."""

    object: str
    values: Mapping[str, Value]
    key: str = ""


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


Request: TypeAlias = (
    Describe | Relay | Query | RawQuery | Get | Search | Aggregate | Create | Update | Move | Upsert | Delete
)


def parse_request(verb: Verb, arguments: Mapping[str, JSON]) -> Request:
    """Turn arguments that fit the tool's schema into a request; raises InvalidArguments."""
    text, names = _text(arguments), _names(arguments)
    object = text("object")
    match verb:
        case Verb.DESCRIBE:
            return Describe(object)
        case Verb.QUERY:
            return _raw(arguments) if "text" in arguments else _query(arguments)
        case Verb.EXPORT:
            found = _query(arguments)
            limit = _integer(arguments, "limit", EXPORTED)
            return Export(found.object, found.select, found.where, limit=limit, after=found.after)
        case Verb.CHANGES:
            limit = _integer(arguments, "limit", EXPORTED)
            return Changes(
                object, names("select"), limit=limit, after=text("after") or None, since=_moment(text("since"))
            )
        case Verb.GET:
            return Get(object, text("id"), names("fields"))
        case Verb.SEARCH:
            return Search(object, text("text"), names("fields"), _integer(arguments, "limit", 50))
        case Verb.AGGREGATE:
            return Aggregate(
                object, _measures(arguments), names("group_by"), _where(arguments), _integer(arguments, "limit", 200)
            )
        case Verb.INVOKE:
            return Relay(object, text("request"))
        case _:
            return _parse_write(verb, arguments)


def _parse_write(verb: Verb, arguments: Mapping[str, JSON]) -> Request:
    text = _text(arguments)
    object = text("object")
    match verb:
        case Verb.CREATE:
            return Create(object, _values(arguments), text("key"))
        case Verb.UPDATE:
            return Update(object, text("id"), _values(arguments), text("version") or None)
        case Verb.TRANSITION:
            return Move(object, text("id"), text("to"), _values(arguments), text("version") or None)
        case Verb.UPSERT:
            return Upsert(object, text("key_field"), parse_value(arguments["key"]), _values(arguments))
        case Verb.DELETE:
            return Delete(object, text("id"), text("version") or None)
        case _:
            raise InvalidArguments(f"no system here has the verb {verb.value!r}")


def parse_condition(raw: JSON, depth: int = 0) -> Condition:
    """Parse the JSON form of a condition tree."""
    if depth > MAX_DEPTH or not isinstance(raw, Mapping):
        raise InvalidArguments(f"where is nested deeper than {MAX_DEPTH} levels; flatten it", field="where")
    match dict(raw):
        case {"all": list(terms)}:
            return AllOf(tuple(parse_condition(term, depth + 1) for term in terms))
        case {"any": list(terms)}:
            return AnyOf(tuple(parse_condition(term, depth + 1) for term in terms))
        case {"not": term}:
            return Negated(parse_condition(term, depth + 1))
        case {"field": str(field), "op": str(op), "value": value}:
            return _compare(field, Operator(op), parse_value(value))
        case _:
            raise InvalidArguments("where holds a term that is no condition; see the tool's schema", field="where")


def parse_value(raw: JSON) -> Value:
    """Parse the JSON form of a value: a scalar, a list, a ref, a relative date or a nested object."""
    match raw:
        case {"ref": str(token), **rest} if not rest:
            return Ref(token)
        case {"relative": str(name), **rest} if set(rest) <= {"count"}:
            count = rest.get("count")
            return Relative(name, count if isinstance(count, int) else None)
        case dict():
            return {key: parse_value(value) for key, value in raw.items()}
        case list():
            return tuple(parse_value(value) for value in raw)
        case _:
            return cast("Value", raw)


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


def request_refs(request: Request) -> Iterator[Ref]:
    """Yield every ref of a request, in conditions and in values."""
    match request:
        case Query() | Aggregate():
            for leaf in comparisons(request.where):
                yield from refs_in(leaf.value) if isinstance(leaf, Compare) else request_refs(leaf.query)
        case Create() | Update() | Move():
            yield from refs_in(request.values)
        case Upsert():
            yield from refs_in(request.values)
            yield from refs_in(request.key)


def _compare(field: str, op: Operator, value: Value) -> Condition:
    many = op in (Operator.IN, Operator.NOT_IN, Operator.INCLUDES, Operator.EXCLUDES)
    if many != isinstance(value, tuple):
        raise InvalidArguments(
            f"condition on {field!r}: {op.value!r} takes {'a list' if many else 'one value'}", field=field
        )
    return Compare(field, op, value)


def _query(arguments: Mapping[str, JSON]) -> Query:
    order = arguments.get("order_by", ())
    orders = tuple(
        Order(str(one["field"]), bool(one.get("descending", False)))
        for one in cast("Sequence[Mapping[str, JSON]]", order)
    )
    text = _text(arguments)
    return Query(
        text("object"),
        _names(arguments)("select"),
        _where(arguments),
        orders,
        _integer(arguments, "limit", 50),
        text("after") or None,
    )


def _raw(arguments: Mapping[str, JSON]) -> RawQuery:
    """Take a query text alone: what stands beside it would be ignored."""
    beside = sorted({"select", "where", "order_by", "limit"} & arguments.keys())
    if beside:
        raise InvalidArguments(f"{beside[0]!r} does not go with text; say it in the text itself", field=beside[0])
    return RawQuery(_text(arguments)("text"), after=_text(arguments)("after") or None)


def _measures(arguments: Mapping[str, JSON]) -> tuple[Measure, ...]:
    found = []
    for position, raw in enumerate(cast("Sequence[Mapping[str, JSON]]", arguments["measures"])):
        function, field = str(raw["function"]), str(raw.get("field", ""))
        if not field and function != "count":
            raise InvalidArguments(f"measure {function!r} needs a field", field="measures")
        name = str(raw.get("name", "")) or f"{function}_{position}"
        found.append(Measure(function, field, name))
    if len({measure.name for measure in found}) < len(found):
        raise InvalidArguments("two measures share one name; give each its own", field="measures")
    return tuple(found)


def _where(arguments: Mapping[str, JSON]) -> Condition | None:
    return parse_condition(arguments["where"]) if "where" in arguments else None


def _values(arguments: Mapping[str, JSON]) -> Mapping[str, Value]:
    raw = cast("Mapping[str, JSON]", arguments.get("values", {}))
    return {name: parse_value(value) for name, value in raw.items()}


def _moment(text: str) -> str:
    """Return a moment in UTC as ISO 8601, to the second; a time without a zone is nobody's."""
    if not text:
        return ""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise InvalidArguments(
            "'since' takes a date and time with its zone, such as 2026-11-01T08:00:00Z", field="since"
        )
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _integer(arguments: Mapping[str, JSON], name: str, default: int) -> int:
    found = arguments.get(name, default)
    return int(found) if isinstance(found, int | float) else default


def _text(arguments: Mapping[str, JSON]) -> Callable[[str], str]:
    def get(name: str) -> str:
        found = arguments.get(name, "")
        return found if isinstance(found, str) else ""

    return get


def _names(arguments: Mapping[str, JSON]) -> Callable[[str], tuple[str, ...]]:
    def get(name: str) -> tuple[str, ...]:
        return tuple(map(str, cast("Sequence[JSON]", arguments.get(name, ()))))

    return get
