"""Does any condition tree mean the same as an encoded query, and can no value break out of its place?"""

import itertools
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.servicenow.encoded import Encoded, EncodedError, Sort, Term, parse, render
from isthmus.connectors.servicenow.queries import condition_of, groups_of, sections, text_of
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, Negated, Operator, Order

from .reading import holds, read

FEW, MANY = 300, 10_000
FIELDS, WORDS = ("f", "g", "h"), ("", "ab", "b")
ROWS = [dict(zip(FIELDS, words, strict=True)) for words in itertools.product(WORDS, repeat=3)]
PLAIN = (Operator.EQ, Operator.NE, Operator.LT, Operator.LE, Operator.GT, Operator.GE, Operator.CONTAINS)
NASTY = (
    *(
        "^",
        "^OR",
        "^NQ",
        "^EQ",
        "^ORDERBY",
        "=",
        "!=",
        "<",
        ">",
        ",",
        "@",
        "javascript:",
        "JavaScript :",
        "DYNAMIC",
        "%",
    ),
    *(
        "*",
        "!*",
        "ISEMPTY",
        "IN",
        "NOT IN",
        "LIKE",
        "ON",
        "STANCEOF",
        "INSTANCEOF",
        "sys_id",
        " ",
        "\n",
        "\x00",
        "\u200b",
    ),
    *("&", "?", "#", "x", "y.z", "true", "ＤＹＮＡＭＩＣ"),
)
values = st.one_of(st.text(max_size=12), st.lists(st.sampled_from(NASTY), max_size=6).map("".join))
names = st.from_regex(r"[a-z][a-z0-9_]{0,6}(\.[a-z]{1,4})?", fullmatch=True)
OPS = ("=", "!=", "<", "<=", ">", ">=", "LIKE", "NOT LIKE", "STARTSWITH", "ENDSWITH")
terms = st.one_of(
    st.builds(Term, names, st.sampled_from(OPS), st.tuples(values)),
    st.builds(Term, names, st.sampled_from(("IN", "NOT IN")), st.lists(values, max_size=3).map(tuple)),
    st.builds(Term, names, st.just("BETWEEN"), st.tuples(values, values)),
    st.builds(Term, names, st.sampled_from(("ISEMPTY", "ISNOTEMPTY"))),
)
queries = st.builds(
    Encoded,
    st.lists(
        st.lists(st.lists(terms, min_size=1, max_size=2).map(tuple), min_size=1, max_size=3).map(tuple), max_size=3
    ).map(tuple),
    st.lists(st.builds(Sort, names, st.booleans()), max_size=2).map(tuple),
)
leaves = st.one_of(
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from(PLAIN), st.sampled_from(("ab", "b", "a"))),
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from((Operator.EQ, Operator.NE)), st.none()),
    st.builds(Compare, st.sampled_from(FIELDS), st.sampled_from((Operator.IN, Operator.NOT_IN)),
              st.lists(st.sampled_from(("ab", "b")), min_size=1, max_size=2).map(tuple)),
)  # fmt: skip
trees: st.SearchStrategy[Condition] = st.recursive(
    leaves,
    lambda inner: st.one_of(
        st.lists(inner, min_size=1, max_size=3).map(lambda some: AllOf(tuple(some))),
        st.lists(inner, min_size=1, max_size=3).map(lambda some: AnyOf(tuple(some))),
        inner.map(Negated),
    ),
    max_leaves=8,
)


def judge(condition: Condition, row: Mapping[str, str]) -> bool:
    """Judge a row by the tree itself: what is missing is like no value."""
    match condition:
        case AllOf(terms):
            return all(judge(one, row) for one in terms)
        case AnyOf(terms):
            return any(judge(one, row) for one in terms)
        case Negated(term):
            return not judge(term, row)
        case Compare(field, Operator.NE, value):
            return not judge(Compare(field, Operator.EQ, value), row)
        case Compare(field, Operator.NOT_IN, value):
            return not judge(Compare(field, Operator.IN, value), row)
        case Compare(field, Operator.EQ, None):
            return not row[field]
        case Compare(field, op, value):
            has = row[field]
            tests = {
                Operator.EQ: lambda: has == value,
                Operator.LT: lambda: has < str(value),
                Operator.LE: lambda: has <= str(value),
                Operator.GT: lambda: has > str(value),
                Operator.GE: lambda: has >= str(value),
                Operator.CONTAINS: lambda: str(value) in has,
                Operator.IN: lambda: has in value,  # type: ignore[operator]
            }
            return bool(has) and tests[op]()
    raise AssertionError(condition)


def says_the_same(tree: Condition) -> None:
    try:
        text = text_of(groups_of(tree))
    except InvalidArguments:
        return
    assert [holds(text, row) for row in ROWS] == [judge(tree, row) for row in ROWS], text
    again = condition_of(parse(text))
    assert again is not None
    assert [judge(again, row) for row in ROWS] == [judge(tree, row) for row in ROWS], text


def stays_in_its_place(query: Encoded) -> None:
    try:
        text = render(query)
    except EncodedError:
        return
    assert parse(text) == query
    found = read(text)
    told = [
        (one.field, one.operator, ("@" if one.operator == "BETWEEN" else ",").join(one.values))
        for group in query.groups for some in group for one in some
    ]  # fmt: skip
    assert found.conditions == told
    assert [[len(some) for some in group] for group in found.groups] == [
        [len(some) for some in group] for group in query.groups
    ]
    assert len(found.order) == len(query.order)


def sorts_missing_first(tree: Condition, order: tuple[Order, ...]) -> None:
    try:
        groups = groups_of(tree)
        parts = [(text_of(some), keys) for some, keys in sections(groups, order)]
    except InvalidArguments:
        return
    found = []
    for text, keys in parts:
        rows = [row for row in ROWS if holds(text, row)]
        for key in reversed(keys):
            rows.sort(key=lambda row, key=key: row[key.field], reverse=key.descending)
        found += rows
    wanted = [row for row in ROWS if judge(tree, row)]
    for key in reversed(order):
        # Missing first in both directions; the sort is stable, as sys_id makes it.
        there = sorted(
            (row for row in wanted if row[key.field]), key=lambda row: row[key.field], reverse=key.descending
        )
        wanted = [row for row in wanted if not row[key.field]] + there
    assert [tuple(row[one.field] for one in order) for row in found] == [
        tuple(row[one.field] for one in order) for row in wanted
    ]
    assert sorted(map(str, found)) == sorted(map(str, wanted))


orders = st.builds(lambda field, descending: (Order(field, descending),), st.sampled_from(FIELDS), st.booleans())


@settings(max_examples=FEW, deadline=None)
@given(trees)
def test_any_tree_means_the_same_as_its_encoded_query(tree: Condition):
    says_the_same(tree)


@settings(max_examples=FEW, deadline=None)
@given(queries)
def test_no_value_breaks_out_of_its_place(query: Encoded):
    stays_in_its_place(query)


@settings(max_examples=FEW, deadline=None)
@given(trees, orders)
def test_a_sorted_query_brings_missing_values_first_and_every_row_once(tree: Condition, order: tuple[Order, ...]):
    sorts_missing_first(tree, order)


@settings(max_examples=FEW, deadline=None)
@given(st.text(max_size=60) | st.lists(st.sampled_from((*NASTY, "a=1", "b")), max_size=8).map("".join))
def test_whatever_is_read_is_written_back_with_the_same_meaning(text: str):
    try:
        found = parse(text)
    except EncodedError:
        return
    assert parse(render(found)) == found


@pytest.mark.soak
@pytest.mark.timeout(1_200)
@pytest.mark.parametrize(
    ("check", "what"),
    [(says_the_same, (trees,)), (stays_in_its_place, (queries,)), (sorts_missing_first, (trees, orders))],
    ids=lambda one: getattr(one, "__name__", ""),
)
def test_ten_thousand_of_each(check: Callable[..., None], what: tuple[st.SearchStrategy[object], ...]):
    settings(max_examples=MANY, deadline=None)(given(*what)(check))()
