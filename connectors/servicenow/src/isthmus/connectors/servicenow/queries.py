"""How do uniform queries become encoded queries, and raw encoded queries uniform ones?"""

import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from urllib.parse import parse_qsl

from isthmus.connectors.servicenow.encoded import (
    MOST_TERMS,
    Encoded,
    EncodedError,
    Group,
    Sort,
    Term,
    check_name,
    parse,
    render,
)
from isthmus.connectors.servicenow.values import literal
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import (
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
    Ref,
    Relative,
    Untyped,
)

__all__ = ["condition_of", "explained", "groups_of", "parse_text", "sections", "text_of"]

MOST_GROUPS = 100
MOST_ROWS = 2_000
NEVER_EMPTY = frozenset({"sys_id", "sys_created_on", "sys_updated_on", "sys_mod_count"})
"""What every record has, so that sorting by it needs no look at those without."""
EMPTY, FILLED = "ISEMPTY", "ISNOTEMPTY"

_WORDS: Mapping[Operator, str] = {
    Operator.EQ: "=",
    Operator.NE: "!=",
    Operator.LT: "<",
    Operator.LE: "<=",
    Operator.GT: ">",
    Operator.GE: ">=",
    Operator.IN: "IN",
    Operator.NOT_IN: "NOT IN",
    Operator.CONTAINS: "LIKE",
    Operator.STARTS_WITH: "STARTSWITH",
    Operator.ENDS_WITH: "ENDSWITH",
}
_MEANT = {word: op for op, word in _WORDS.items()}
_RELATIVE = {
    Operator.GT: "RELATIVEGT",
    Operator.GE: "RELATIVEGE",
    Operator.LT: "RELATIVELT",
    Operator.LE: "RELATIVELE",
    Operator.EQ: "RELATIVEEE",
}
_RELATIVELY = {word: op for op, word in _RELATIVE.items()}
_UNITS = {"MINUTES": "minute", "HOURS": "hour", "DAYS": "dayofweek", "MONTHS": "month", "QUARTERS": "quarter",
          "YEARS": "year"}  # fmt: skip
_UNIT_NAMES = {unit: name for name, unit in _UNITS.items()}
_OPPOSITE = {
    Operator.EQ: Operator.NE,
    Operator.NE: Operator.EQ,
    Operator.LT: Operator.GE,
    Operator.LE: Operator.GT,
    Operator.GT: Operator.LE,
    Operator.GE: Operator.LT,
    Operator.IN: Operator.NOT_IN,
    Operator.NOT_IN: Operator.IN,
}
_TABLE = re.compile(r"[a-z][a-z0-9_]{0,79}")
_FIGURES = {"sysparm_count": "count"} | {f"sysparm_{one}_fields": one for one in ("avg", "min", "max", "sum")}
_REF = re.compile(r"ref_[a-z2-7]{16}")
EVERY = "*"


@contextmanager
def explained(object: str = "", field: str = "") -> Iterator[None]:
    """Turn what the language cannot say into the error of a caller's arguments."""
    try:
        yield
    except EncodedError as error:
        raise InvalidArguments(str(error), object=object, field=field) from error


def text_of(groups: Sequence[Group], order: Sequence[Order] = (), *, object: str = "") -> str:
    """Write groups and sort keys as an encoded query; raises InvalidArguments."""
    with explained(object):
        return render(Encoded(tuple(groups), tuple(Sort(one.field, one.descending) for one in order)))


def groups_of(condition: Condition | None) -> tuple[Group, ...]:
    """Rewrite a condition tree into groups of which one must hold, each a chain of terms and alternatives.

    The language has no brackets and no negation, so both are worked into the terms; a missing value is like no value.
    No group at all stands for every record. Raises InvalidArguments for what is too large or cannot be said.
    """
    if condition is None:
        return ()
    found = _groups(condition, negated=False)
    if sum(len(some) for group in found for some in group) > MOST_TERMS:
        raise _too_large()
    return found


def sections(groups: Sequence[Group], order: Sequence[Order]) -> Iterator[tuple[tuple[Group, ...], tuple[Order, ...]]]:
    """Split a sorted query so that missing values come first, whichever way an instance sorts them.

    One section has the records without a value, the other the rest; one that cannot hold anything is left out.
    """
    unsure = [one.field for one in order if one.field not in NEVER_EMPTY]
    if not unsure:
        yield tuple(groups), tuple(order)
        return
    if unsure != [order[0].field]:
        raise InvalidArguments(
            f"{unsure[-1]} may be empty, and which comes first then is not alike on all instances: sort by one such "
            f"field, first; after it only {', '.join(sorted(NEVER_EMPTY))} can follow",
            field=unsure[-1],
        )
    for word in (EMPTY, FILLED):
        kept = tuple(group for group in groups if not _contradicts(group, unsure[0], word))
        if kept or not groups:
            term = (Term(unsure[0], word),)
            yield tuple((*group, term) for group in kept or ((),)), tuple(order[word == EMPTY :])


def parse_text(text: str) -> Query | Aggregate:
    """Read `table?sysparm_query=...&sysparm_fields=...&sysparm_limit=...`, percent-encoded like an address.

    With `sysparm_count`, `sysparm_sum_fields` and their like it asks for figures, by `sysparm_group_by`.
    """
    table, _, rest = text.partition("?")
    if not _TABLE.fullmatch(table):
        raise InvalidArguments("write a query as `table?sysparm_query=...&sysparm_fields=a,b`", field="text")
    try:
        pairs = parse_qsl(rest, keep_blank_values=True, strict_parsing=bool(rest), errors="strict")
    except ValueError as error:
        raise InvalidArguments("what follows the table is no query string of an address", field="text") from error
    told = dict(pairs)
    figures = bool(told.keys() & _FIGURES.keys())
    taken = {"sysparm_query", "sysparm_limit", *(("sysparm_group_by", *_FIGURES) if figures else ("sysparm_fields",))}
    if len(told) < len(pairs) or not told.keys() <= taken:
        raise InvalidArguments(f"a query takes {', '.join(sorted(taken))}, each once", field="text")
    limit = told.get("sysparm_limit", "200" if figures else "50")
    if not re.fullmatch(r"[1-9][0-9]{0,5}", limit):
        raise InvalidArguments("sysparm_limit is a number from 1", field="text")
    with explained(table, "text"):
        query = parse(told.get("sysparm_query", ""))
        if figures:
            return _aggregate(table, told, query, int(limit))
        select = (EVERY,) if told.get("sysparm_fields") == EVERY else _names(told.get("sysparm_fields", ""))
    order = tuple(Order(one.field, one.descending) for one in query.order)
    # Every page is sorted by id in the end.
    order = order[:-1] if order and order[-1] == Order("sys_id") else order
    return Query(table, select, condition_of(query), order, min(int(limit), MOST_ROWS))


def _aggregate(table: str, told: Mapping[str, str], query: Encoded, limit: int) -> Aggregate:
    if query.order:
        raise EncodedError("figures are not sorted; leave out ORDERBY")
    measures = [Measure("count", "", "count")] if told.get("sysparm_count", "").lower() == "true" else []
    for name, function in _FIGURES.items():
        if function != "count":
            measures += [Measure(function, field, f"{function}.{field}") for field in _names(told.get(name, ""))]
    if not measures:
        raise EncodedError("figures need sysparm_count=true or fields")
    groups = _names(told.get("sysparm_group_by", ""))
    return Aggregate(table, tuple(measures), groups, condition_of(query), min(limit, 200))


def _names(text: str) -> tuple[str, ...]:
    return tuple(check_name(name) for name in text.split(",") if name)


def condition_of(query: Encoded) -> Condition | None:
    """Return the condition tree that groups stand for; their texts get a type from their fields later."""
    groups = [_all([_any([_compared(term) for term in some]) for some in group]) for group in query.groups]
    return _any(groups) if groups else None


def _groups(condition: Condition, *, negated: bool) -> tuple[Group, ...]:
    match condition:
        case Negated(term):
            return _groups(term, negated=not negated)
        case AllOf(terms) | AnyOf(terms):
            parts = [_groups(term, negated=negated) for term in terms]
            joined = _conjunction if isinstance(condition, AllOf) is not negated else _disjunction
            return joined(parts)
        case Compare():
            return ((_either(condition, negated=negated),),)
        case InQuery(field=field):
            raise InvalidArguments(f"a sub-query on {field} cannot be said here; query the other table first")


def _conjunction(parts: Sequence[tuple[Group, ...]]) -> tuple[Group, ...]:
    size = 1
    for part in parts:
        size *= len(part)
    if size > MOST_GROUPS:
        raise _too_large()
    return tuple(tuple(some for group in chosen for some in group) for chosen in product(*parts))


def _disjunction(parts: Sequence[tuple[Group, ...]]) -> tuple[Group, ...]:
    """Join alternatives by ^OR where each is a term, else by ^NQ."""
    groups = [group for part in parts for group in part]
    single = [group[0] for group in groups if len(group) == 1]
    merged: list[Group] = [(tuple(dict.fromkeys(term for some in single for term in some)),)] if single else []
    found = [*merged, *(group for group in groups if len(group) != 1)]
    if len(found) > MOST_GROUPS:
        raise _too_large()
    return tuple(found)


def _either(one: Compare, *, negated: bool) -> tuple[Term, ...]:
    """Write one comparison. What is not equal to a value includes what is missing, so that is said along with it."""
    field, op, value = one.field, one.op, one.value
    if value is None:
        if op not in (Operator.EQ, Operator.NE):
            raise InvalidArguments(f"{op.value!r} on {field} needs a value", field=field)
        return (Term(field, EMPTY if (op is Operator.EQ) is not negated else FILLED),)
    if isinstance(value, Relative):
        return _relative(field, op, value, negated=negated)
    if op not in _WORDS:
        raise InvalidArguments(f"{op.value!r} cannot be said here; use contains on {field}", field=field)
    values = tuple(literal(one, field) for one in value) if isinstance(value, tuple) else (literal(value, field),)
    if not values:
        raise InvalidArguments(f"{op.value!r} on {field} needs at least one value", field=field)
    if op is Operator.CONTAINS and negated:
        return Term(field, "NOT LIKE", values), Term(field, EMPTY)
    if negated and op not in _OPPOSITE:
        raise InvalidArguments(f"not {op.value!r} cannot be said here", field=field)
    said = _OPPOSITE[op] if negated else op
    term = Term(field, _WORDS[said], values)
    missing_too = negated is not (op in (Operator.NE, Operator.NOT_IN))
    return (term, Term(field, EMPTY)) if missing_too else (term,)


def _relative(field: str, op: Operator, value: Relative, *, negated: bool) -> tuple[Term, ...]:
    unit, _, way = value.name.upper().rpartition("_")
    if op not in _RELATIVE or unit not in _UNITS or way not in ("AGO", "AHEAD") or value.count is None or negated:
        raise InvalidArguments(
            f"{field} is compared with a relative time such as DAYS_AGO and a count, by eq, lt, le, gt or ge",
            field=field,
        )
    return (Term(field, _RELATIVE[op], (f"@{_UNITS[unit]}@{way.lower()}@{value.count}",)),)


def _contradicts(group: Group, field: str, place: str) -> bool:
    """Tell whether a chain cannot hold where a field is empty, or where it is filled."""

    def fails(term: Term) -> bool:
        wants = term.operator if term.operator in (EMPTY, FILLED) else FILLED
        return term.field == field and place != wants and term.operator not in ("!=", "NOT IN", "NOT LIKE")

    return any(all(map(fails, some)) for some in group)


def _compared(term: Term) -> Condition:
    field = term.field
    values: tuple[Ref | Untyped, ...] = tuple(Ref(one) if _REF.fullmatch(one) else Untyped(one) for one in term.values)
    match term.operator:
        case "ISEMPTY":
            return Compare(field, Operator.EQ, None)
        case "ISNOTEMPTY":
            return Compare(field, Operator.NE, None)
        case "NOT LIKE":
            return Negated(Compare(field, Operator.CONTAINS, values[0]))
        case "BETWEEN":
            return AllOf((Compare(field, Operator.GE, values[0]), Compare(field, Operator.LE, values[1])))
        case "IN" | "NOT IN":
            return Compare(field, _MEANT[term.operator], values)
        case word if word in _RELATIVELY:
            _, unit, way, count = term.values[0].split("@")
            return Compare(field, _RELATIVELY[word], Relative(f"{_UNIT_NAMES[unit]}_{way.upper()}", int(count)))
        case word:
            return Compare(field, _MEANT[word], values[0])


def _all(terms: Sequence[Condition]) -> Condition:
    return terms[0] if len(terms) == 1 else AllOf(tuple(terms))


def _any(terms: Sequence[Condition]) -> Condition:
    return terms[0] if len(terms) == 1 else AnyOf(tuple(terms))


def _too_large() -> InvalidArguments:
    return InvalidArguments("the condition is too large once its brackets are resolved; use fewer alternatives")
