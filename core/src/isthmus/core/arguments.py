"""How do JSON arguments become a typed request?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import cast

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
)
from isthmus.core.request import (
    Attach,
    Changes,
    Create,
    Delete,
    Describe,
    Download,
    Export,
    Get,
    Invoke,
    Line,
    Loading,
    Move,
    RawQuery,
    Relay,
    Request,
    Search,
    Update,
    Upsert,
)

__all__ = ["EXPORTED", "parse_condition", "parse_request", "parse_value"]

MAX_DEPTH = 20
EXPORTED = 2_000
"""Records of one page of an export, unless the caller wants another number."""


def parse_request(verb: Verb, arguments: Mapping[str, JSON]) -> Request:
    """Turn arguments that fit the tool's schema into a request; raises InvalidArguments."""
    text, names = _text(arguments), _names(arguments)
    object = text("object")
    match verb:
        case Verb.DESCRIBE:
            return Describe(object, text("words"))
        case Verb.QUERY:
            return _raw(arguments) if "text" in arguments else _query(arguments)
        case Verb.EXPORT:
            found = _query(arguments)
            limit = _integer(arguments, "limit", EXPORTED)
            return Export(found.object, found.select, found.where, limit=limit, after=found.after, as_of=found.as_of)
        case Verb.CHANGES:
            limit = _integer(arguments, "limit", EXPORTED)
            return Changes(
                object, names("select"), limit=limit, after=text("after") or None, since=_moment(text("since"))
            )
        case Verb.GET:
            return Get(object, text("id"), names("fields"), _day(text("as_of")))
        case Verb.SEARCH:
            return Search(object, text("text"), names("fields"), _integer(arguments, "limit", 50))
        case Verb.AGGREGATE:
            return Aggregate(
                object, _measures(arguments), names("group_by"), _where(arguments), _integer(arguments, "limit", 200)
            )
        case Verb.DOWNLOAD:
            return Download(object, text("id"), text("file"))
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
        case Verb.LOAD:
            lines = cast("Sequence[Mapping[str, JSON]]", arguments["lines"])
            made = [_line(object, arguments, line, number) for number, line in enumerate(lines)]
            return Loading(object, text("action"), tuple(made), text("key"))
        case Verb.ATTACH:
            return Attach(object, text("id"), text("name"), text("type"), 0, "")
        case Verb.INVOKE if "request" in arguments:
            return Relay(object, text("request"))
        case Verb.INVOKE:
            told = _values({"values": arguments.get("arguments", {})})
            return Invoke(object, text("action"), text("id"), told, text("key"))
        case _:
            raise InvalidArguments(f"no system here has the verb {verb.value!r}")


def _line(object: str, arguments: Mapping[str, JSON], line: Mapping[str, JSON], number: int) -> Line:
    action, values, id = arguments["action"], _values(line), _text(line)("id")
    key_field = _text(arguments)("key_field")
    match action, bool(values), bool(id):
        case "create", True, False:
            return Create(object, values)
        case "update", True, True:
            return Update(object, id, values)
        case "upsert", True, False if key_field in values:
            rest = {name: value for name, value in values.items() if name != key_field}
            return Upsert(object, key_field, values[key_field], rest)
        case "delete", False, True:
            return Delete(object, id)
        case _:
            wants = {
                "create": "'values'",
                "update": "'id' and 'values'",
                "upsert": "'values' that hold the key field, named by 'key_field',",
                "delete": "'id'",
            }
            raise InvalidArguments(
                f"line {number} does not fit {action!r}: each line takes {wants[str(action)]} and nothing else",
                field=f"lines.{number}",
            )


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
        _day(text("as_of")),
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


def _day(text: str) -> str:
    """Return a day as ISO 8601."""
    if not text:
        return ""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise InvalidArguments("'as_of' takes a day, such as 2026-11-01", field="as_of") from None


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
