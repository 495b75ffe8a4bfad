"""How do uniform queries become SOQL, and raw SOQL uniform queries?"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from functools import lru_cache

from isthmus.connectors.salesforce import soql
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import (
    JSON,
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    Condition,
    InQuery,
    Measure,
    Negated,
    Operator,
    Order,
    Query,
    Relative,
    Row,
    Value,
)

__all__ = [
    "MOST_ROWS",
    "aggregate_text",
    "bulk_text",
    "flat_row",
    "flat_rows",
    "parse_text",
    "query_text",
    "search_term",
]

MOST_ROWS = 2000
"""The most rows of one page (SOQL has the same bound)."""

_SYMBOLS: Mapping[Operator, soql.Operator] = {
    Operator.EQ: "=",
    Operator.NE: "!=",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
}
_WORDS = {symbol: word for word, symbol in _SYMBOLS.items()}
_LIKES: Mapping[Operator, soql.LikeKind] = {
    Operator.CONTAINS: "contains",
    Operator.STARTS_WITH: "starts_with",
    Operator.ENDS_WITH: "ends_with",
}
_FIGURES = {
    "count": "COUNT",
    "count_distinct": "COUNT_DISTINCT",
    "sum": "SUM",
    "avg": "AVG",
    "min": "MIN",
    "max": "MAX",
}


def query_text(query: Query) -> str:
    """Write a query as SOQL; raises InvalidArguments for what the language cannot say."""
    with _explained(query.object):
        return soql.render(_select(query))


def bulk_text(query: Query) -> str:
    """Write a query for a bulk job: all that it finds, in whichever order; raises as `query_text`."""
    with _explained(query.object):
        return soql.render(replace(_select(query), order_by=(), limit=None))


def _select(query: Query) -> soql.Select:
    return soql.Select(
        items=tuple(_ref(path) for path in query.select),
        object=query.object,
        where=_condition(query.where) if query.where is not None else None,
        order_by=tuple(soql.OrderBy(_ref(one.field), one.descending, "FIRST") for one in query.order_by),
        limit=query.limit,
    )


def aggregate_text(aggregate: Aggregate) -> str:
    """Write an aggregate as SOQL; groups are named `g0`, `g1`, ... and measures `m0`, `m1`, ..."""
    with _explained(aggregate.object):
        groups = tuple(_ref(path) for path in aggregate.group_by)
        items = [soql.Aliased(ref, f"g{at}") for at, ref in enumerate(groups)]
        for at, measure in enumerate(aggregate.measures):
            call = soql.Call(_FIGURES[measure.function], (_ref(measure.field or "Id"),))
            items.append(soql.Aliased(call, f"m{at}"))
        select = soql.Select(
            items=tuple(items),
            object=aggregate.object,
            where=_condition(aggregate.where) if aggregate.where is not None else None,
            group_by=soql.GroupBy(groups) if groups else None,
            limit=aggregate.limit if groups else None,
        )
        return soql.render(select)


def search_term(text: str) -> str:
    """Write words so that none is an operator or a wildcard; raises InvalidArguments where too few are left."""
    with _explained(field="text"):
        return soql.escape_search_term(text)


@contextmanager
def _explained(object: str = "", field: str = "") -> Iterator[None]:
    try:
        yield
    except soql.SoqlError as error:
        raise InvalidArguments(str(error), object=object, field=field) from error


def parse_text(text: str) -> Query | Aggregate:
    """Parse raw SOQL into the uniform types, so that it is judged like any other query."""
    with _explained(field="text"):
        select = soql.parse(text)
    if select.aggregated:
        return _parsed_aggregate(select)
    return _parsed_query(select)


def flat_rows(object: str, found: Sequence[Mapping[str, JSON]], paths: Sequence[str]) -> list[Row]:
    """Read the rows of an answer; one that has every path under its own name is taken as it is."""
    wanted = frozenset(paths)
    return [
        Row(object, _word(raw["Id"]) or "", raw, _word(raw.get("SystemModstamp")))
        if wanted <= raw.keys() and "Id" in wanted
        else flat_row(object, raw, paths)
        for raw in found
    ]


def _word(value: JSON) -> str | None:
    return value if isinstance(value, str) else None


def flat_row(object: str, raw: Mapping[str, JSON], paths: Sequence[str]) -> Row:
    """Read one row of an answer into values by path; names match whatever their letter case."""
    values: Mapping[str, JSON] = {
        path: _value_at(raw, path.split("."))
        if path not in raw
        else value
        if type(value := raw[path]) is not dict
        else _plain(value)
        for path in paths
    }
    id, version = values.get("Id"), values.get("SystemModstamp")
    return Row(object, id if isinstance(id, str) else "", values, version if isinstance(version, str) else None)


def _value_at(raw: JSON, parts: Sequence[str]) -> JSON:
    for part in parts:
        if not isinstance(raw, Mapping):
            return None
        raw = next((value for key, value in raw.items() if key.casefold() == part.casefold()), None)
    return _plain(raw)


def _plain(value: JSON) -> JSON:
    """Return a value without what the vendor says about related rows."""
    if type(value) is dict:
        return {key: inner for key, inner in value.items() if key != "attributes"}
    return value


@lru_cache(maxsize=4_096)
def _ref(path: str) -> soql.FieldRef:
    return soql.FieldRef(tuple(path.split(".")))


def _condition(condition: Condition) -> soql.Condition:
    match condition:
        case AllOf(terms):
            return _joined(soql.And, terms)
        case AnyOf(terms):
            return _joined(soql.Or, terms)
        case Negated(term):
            return soql.Not(_condition(term))
        case InQuery(field, query, negated):
            inner = soql.Select(
                items=tuple(_ref(path) for path in query.select),
                object=query.object,
                where=_condition(query.where) if query.where is not None else None,
            )
            return soql.InSelect(_ref(field), inner, negated)
        case Compare():
            return _comparison(condition)


def _joined(kind: type[soql.And] | type[soql.Or], terms: Sequence[Condition]) -> soql.Condition:
    parts = tuple(_condition(term) for term in terms)
    return parts[0] if len(parts) == 1 else kind(parts)


def _comparison(one: Compare) -> soql.Condition:
    left = _ref(one.field)
    if one.op in _SYMBOLS:
        return soql.Comparison(left, _SYMBOLS[one.op], _literal(one.value))
    if one.op in _LIKES:
        if not isinstance(one.value, str):
            raise InvalidArguments(f"{one.op.value!r} on {one.field} compares with text", field=one.field)
        return soql.Like(left, soql.like_pattern(one.value, _LIKES[one.op]))
    values = one.value if isinstance(one.value, tuple) else (one.value,)
    if not values:
        raise InvalidArguments(f"{one.op.value!r} on {one.field} needs at least one value", field=one.field)
    if one.op in (Operator.IN, Operator.NOT_IN):
        return soql.In(left, tuple(_literal(value) for value in values), one.op is Operator.NOT_IN)
    if not all(isinstance(value, str) for value in values):
        raise InvalidArguments(f"{one.op.value!r} on {one.field} compares with texts", field=one.field)
    return soql.Includes(left, tuple(soql.Text(str(value)) for value in values), one.op is Operator.EXCLUDES)


def _literal(value: Value) -> soql.Literal:
    if isinstance(value, Relative):
        return soql.DateLiteral(value.name.upper(), value.count)
    return soql.literal(value)


# From text.


def _parsed_query(select: soql.Select) -> Query:
    _refuse_extras(select)
    if select.group_by or select.having:
        raise _unsupported("GROUP BY without a figure")
    fields = tuple(_path(item) for item in select.items)
    return Query(
        object=select.object,
        select=fields,
        where=_parsed_condition(select.where) if select.where is not None else None,
        order_by=tuple(_order(one) for one in select.order_by),
        limit=min(select.limit if select.limit is not None else 50, MOST_ROWS),
    )


def _parsed_aggregate(select: soql.Select) -> Aggregate:
    _refuse_extras(select)
    if select.having is not None or select.order_by:
        raise _unsupported("HAVING and ORDER BY over groups")
    if select.group_by is not None and select.group_by.kind != "PLAIN":
        raise _unsupported("ROLLUP and CUBE")
    groups = tuple(_path(one) for one in select.group_by.expressions) if select.group_by else ()
    measures: list[Measure] = []
    unnamed = 0
    for item in select.items:
        expression = item.expression if isinstance(item, soql.Aliased) else item
        if isinstance(expression, soql.Call):
            # The vendor numbers figures without a name: expr0, expr1, ...
            alias = item.alias if isinstance(item, soql.Aliased) else f"expr{unnamed}"
            unnamed += not isinstance(item, soql.Aliased)
            measures.append(_measure(expression, alias))
        elif _path(expression) not in groups:
            raise _unsupported(f"{_path(expression)} without a figure or GROUP BY")
    return Aggregate(
        object=select.object,
        measures=tuple(measures),
        group_by=groups,
        where=_parsed_condition(select.where) if select.where is not None else None,
        limit=min(select.limit if select.limit is not None else 200, 200),
    )


def _refuse_extras(select: soql.Select) -> None:
    extras = {
        "OFFSET (use `after`)": select.offset,
        "USING SCOPE": select.scope,
        "ALL ROWS": select.all_rows,
        "WITH": select.mode,
        "LIMIT 0": select.limit == 0,
    }
    for word, used in extras.items():
        if used:
            raise _unsupported(word)


def _measure(call: soql.Call, name: str) -> Measure:
    function = next((word for word, symbol in _FIGURES.items() if symbol == call.name), None)
    if function is None:
        raise _unsupported(call.name)
    if not call.arguments:
        return Measure(function, "", name)
    return Measure(function, _path(call.arguments[0]), name)


def _order(one: soql.OrderBy) -> Order:
    if one.nulls == "LAST":
        raise _unsupported("NULLS LAST")
    return Order(_path(one.expression), one.descending)


def _path(node: object) -> str:
    if isinstance(node, soql.FieldRef):
        return ".".join(node.path)
    what = node.name if isinstance(node, soql.Call) else type(node).__name__.upper()
    raise _unsupported(f"{what} in this place")


def _parsed_condition(condition: soql.Condition) -> Condition:
    match condition:
        case soql.And(terms):
            return AllOf(tuple(_parsed_condition(term) for term in terms))
        case soql.Or(terms):
            return AnyOf(tuple(_parsed_condition(term) for term in terms))
        case soql.Not(term):
            return Negated(_parsed_condition(term))
        case soql.Comparison(left, operator, right):
            return Compare(_path(left), _WORDS[operator], _parsed_literal(right))
        case soql.In(left, values, negated):
            op = Operator.NOT_IN if negated else Operator.IN
            return Compare(_path(left), op, tuple(_parsed_literal(value) for value in values))
        case soql.Includes(left, values, negated):
            op = Operator.EXCLUDES if negated else Operator.INCLUDES
            return Compare(_path(left), op, tuple(value.value for value in values))
        case soql.Like(left, pattern):
            return _parsed_like(_path(left), pattern.text)
        case soql.InSelect(left, inner, negated):
            if inner.limit is not None or inner.order_by:
                raise _unsupported("LIMIT and ORDER BY in a query after IN")
            return InQuery(_path(left), replace(_parsed_query(inner), limit=MOST_ROWS), negated)


def _parsed_like(field: str, pattern: str) -> Condition:
    """Map `%x%`, `x%` and `%x` to words; other patterns are refused, since no two systems agree on them."""
    core = pattern.strip("%")
    if "%" in core or "_" in core or "\\" in core or not core:
        raise _unsupported("a LIKE pattern other than 'x%', '%x' or '%x%'")
    opens, closes = pattern.startswith("%"), pattern.endswith("%")
    if opens and closes:
        return Compare(field, Operator.CONTAINS, core)
    if closes:
        return Compare(field, Operator.STARTS_WITH, core)
    return Compare(field, Operator.ENDS_WITH if opens else Operator.EQ, core)


def _parsed_literal(value: soql.Literal) -> Value:
    match value:
        case soql.Null():
            return None
        case soql.Text(text):
            return text
        case soql.Boolean(flag):
            return flag
        case soql.Number(digits):
            return float(digits) if "." in digits else int(digits)
        case soql.Date(day):
            return _iso(day)
        case soql.DateTime(moment):
            return _iso(moment)
        case soql.DateLiteral(name, count):
            return Relative(name, count)
        case _:
            raise _unsupported(f"a {type(value).__name__} literal")


def _iso(moment: date | datetime) -> str:
    return moment.isoformat()


def _unsupported(what: str) -> InvalidArguments:
    return InvalidArguments(
        f"raw SOQL here does not take {what}; write the query without it, or use select, where and order_by",
        field="text",
    )
