"""What does a query answer, and what does the catalogue say about what can be asked?"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply
from isthmus.plugins.sandbox.workday.call import MOST, told
from isthmus.plugins.sandbox.workday.errors import Problem, not_found, rejected
from isthmus.plugins.sandbox.workday.refs import Thing
from isthmus.plugins.sandbox.workday.routes import Route, route

from .catalogue import Field, Source, sources
from .parse import BadQuery, Query, Test, Tree, parse
from .rows import Moment, Row, rows_of

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

WQL: Final = "wql/v1"
_DATED: Final = frozenset({"effectiveAsOfDate", "entryMoment"})


def _thing(call: "Call", source: Source) -> Thing:
    return call.tenant.things.of("Data_Source_ID", source.alias, source.name)


def _listed(call: "Call", source: Source) -> dict[str, Json]:
    kind = call.tenant.things.of("Business_Object_ID", source.object)
    shown = told(**_thing(call, source).ref, alias=source.alias, description=source.description or None)
    return {**shown, "primaryBusinessObject": kind.ref}


def _sources(call: "Call", _: tuple[str, ...]) -> Reply:
    alias = call.query.get("alias")
    return call.page([_listed(call, each) for each in sources().values() if alias in (None, each.alias)])


def _find(call: "Call", mark: str) -> Source:
    for each in sources().values():
        _thing(call, each)  # an id is good before anybody has listed it
    thing = call.tenant.things.find(mark, "Data_Source_ID")
    found = sources().get(thing.key if thing else mark)
    if found is None:
        raise not_found()
    return found


def _filter(call: "Call", alias: str, description: str) -> dict[str, Json]:
    thing = call.tenant.things.of("Data_Source_Filter_ID", alias)
    return told(**thing.ref, alias=alias, description=description or None)


def _source(call: "Call", given: tuple[str, ...]) -> Reply:
    source = _find(call, given[0])
    more = told(
        requiredParameters=[{"alias": alias, "type": "Date", "label": label} for alias, label in source.parameters],
        dataSourceFilters=[_filter(call, *each) for each in source.filters.items()],
    )
    dated: dict[str, Json] = {"supportsEffectiveDate": source.dated, "supportsEntryDate": source.dated}
    return Reply(200, {**_listed(call, source), **dated, "filterIsRequired": bool(source.filters), **more})


def _filters(call: "Call", given: tuple[str, ...]) -> Reply:
    return call.page([_filter(call, *each) for each in _find(call, given[0]).filters.items()])


def _fields(call: "Call", given: tuple[str, ...]) -> Reply:
    source = _find(call, given[0])
    return call.page([_field(call, source, each) for each in source.fields.values()])


def _field(call: "Call", source: Source, field: Field) -> dict[str, Json]:
    thing = call.tenant.things.of("Field_ID", f"{source.alias}/{field.alias}", field.descriptor)
    related = call.tenant.things.of("Business_Object_ID", field.descriptor.replace(" ", "_"), field.descriptor)
    return told(
        **thing.ref,
        alias=field.alias,
        type=field.type,
        relatedBusinessObject=related.ref if "instance" in field.type and "Self" not in field.type else None,
    )


def _data(call: "Call", _: tuple[str, ...]) -> Reply:
    """Run a query: `total` counts the rows that LIMIT left, and `limit` and `offset` page through those."""
    text = call.json.get("query") if call.method == "POST" else call.query.get("query")
    if not isinstance(text, str) or not text.strip():
        raise rejected(Problem("The query is missing."))
    try:
        query = parse(text)
    except BadQuery as error:
        raise rejected(Problem(f"Invalid WQL: {error}.")) from None
    rows = _run(call, query)
    if call.method == "GET" or "limit" in call.query:
        return call.page(rows, default=MOST)
    return call.page_of_all(rows)


def _run(call: "Call", query: Query) -> list[Json]:
    source = sources().get(query.source)
    if source is None:
        raise rejected(Problem(f"Invalid data source: {query.source}."))
    used = [*(field for field, _ in query.select), *(field for field, _ in query.order), *_used(query.where)]
    unknown = [each for each in used if each not in source.fields]
    if unknown:
        raise rejected(*(Problem(f"Invalid field: {each}.") for each in unknown))
    rows = rows_of(call, source, _moment(call, source, query.arguments))
    holds = _holds(call, source, query.where) if query.where is not None else _always
    kept = [each for each in rows if holds(each)]
    for field, descending in reversed(query.order):
        there = [each for each in kept if field in each]
        gone = [each for each in kept if field not in each]
        kept = [*sorted(there, key=lambda row, field=field: _key(row[field]), reverse=descending), *gone]  # type: ignore[misc]
    return [{name: row[field] for field, name in query.select if field in row} for row in kept[: query.limit]]


def _always(_: Row) -> bool:
    return True


def _used(tree: Tree | None) -> list[str]:
    if tree is None:
        return []
    return [tree.field] if isinstance(tree, Test) else [name for part in tree.parts for name in _used(part)]


def _moment(call: "Call", source: Source, arguments: Mapping[str, str]) -> Moment:
    """Read what the data source is told; raises Refused for what it does not take and for what is missing."""
    allowed = {alias for alias, _ in source.parameters} | ({"dataSourceFilter"} if source.filters else set())
    wrong = sorted(set(arguments) - allowed - (_DATED if source.dated else frozenset()))
    if wrong:
        raise rejected(*(Problem(f"Invalid parameter: {each}.") for each in wrong))
    missing = [alias for alias, _ in source.parameters if alias not in arguments]
    if source.filters and arguments.get("dataSourceFilter") not in source.filters:
        missing = ["dataSourceFilter", *missing]
    if missing:
        raise rejected(*(Problem(f"Required parameter is missing: {each}.") for each in missing))
    day, entered = call.view.today, call.tenant.clock.now()
    try:
        if "effectiveAsOfDate" in arguments:
            day = date.fromisoformat(arguments["effectiveAsOfDate"])
        if "entryMoment" in arguments:
            entered = datetime.fromisoformat(arguments["entryMoment"])
    except ValueError:
        raise rejected(Problem("Invalid date.")) from None
    return Moment(day, entered if entered.tzinfo else entered.replace(tzinfo=UTC))


def _holds(call: "Call", source: Source, tree: Tree) -> Callable[[Row], bool]:
    if isinstance(tree, Test):
        return _test(call, source.fields[tree.field], tree)
    parts = [_holds(call, source, each) for each in tree.parts]
    if tree.any:
        return lambda row: any(each(row) for each in parts)
    return lambda row: all(each(row) for each in parts)


def _test(call: "Call", field: Field, test: Test) -> Callable[[Row], bool]:
    ordering = field.type in ("Date", "Numeric", "Currency")
    if test.operator in (">", ">=", "<", "<=") and not ordering:
        raise rejected(Problem(f"Operator {test.operator} does not apply to {field.alias}."))
    if test.operator in ("contains", "startswith", "endswith") and field.type != "Text":
        raise rejected(Problem(f"Operator {test.operator} does not apply to {field.alias}."))
    wanted = [_wanted(call, field, each) for each in test.values]
    return lambda row: _compare(test, row.get(field.alias), wanted) is not test.negated


def _wanted(call: "Call", field: Field, text: str) -> object:
    """Return a literal as values of the field's type compare; raises Refused for one of another type."""
    try:
        if field.type == "Boolean":
            return {"true": True, "false": False}[text.lower()]
        if field.type in ("Numeric", "Currency"):
            return Decimal(text)
        if field.type == "Date":
            return date.fromisoformat(text[:10]).isoformat()
    except (KeyError, ValueError, InvalidOperation):
        raise rejected(Problem(f"Invalid value for {field.alias}.")) from None
    if "instance" in field.type:
        thing = call.tenant.things.any(text)
        return thing.wid if thing is not None else text
    return text


def _compare(test: Test, value: Json, wanted: Sequence[object]) -> bool:
    if test.operator == "is empty":
        return value is None or value == []
    if value is None:
        return test.operator == "!="
    found = [_key(each) for each in value] if isinstance(value, list) else [_key(value)]
    if test.operator in ("=", "in"):
        return any(each in wanted for each in found)
    if test.operator == "!=":
        return not any(each in wanted for each in found)
    if test.operator in ("contains", "startswith", "endswith"):
        text, part = str(value).lower(), str(wanted[0]).lower()
        return {"contains": part in text, "startswith": text.startswith(part), "endswith": text.endswith(part)}[
            test.operator
        ]
    return _ordered(test.operator, found[0], wanted[0])


def _ordered(operator: str, one: object, other: object) -> bool:
    if isinstance(one, Decimal) and isinstance(other, Decimal):
        step = (one > other) - (one < other)
    else:
        left, right = str(one)[:10], str(other)
        step = (left > right) - (left < right)
    return {">": step > 0, ">=": step >= 0, "<": step < 0, "<=": step <= 0}[operator]


def _key(value: Json) -> "str | Decimal | bool":
    """Return what a value compares by: an instance by its id, money by its amount."""
    if isinstance(value, Mapping):
        return Decimal(str(value["value"])) if "value" in value else str(value["id"])
    if isinstance(value, bool):
        return value
    if isinstance(value, int | float):
        return Decimal(str(value))
    return str(value)


ROUTES: Final[tuple[Route, ...]] = (
    route("GET", WQL, "dataSources", _sources),
    route("GET", WQL, "dataSources/{}", _source),
    route("GET", WQL, "dataSources/{}/fields", _fields),
    route("GET", WQL, "dataSources/{}/dataSourceFilters", _filters),
    route("GET", WQL, "data", _data),
    route("POST", WQL, "data", _data),
)
