"""Does any tree survive its text, and any text end in a tree or a refusal?"""

import re
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.salesforce.soql import (
    Aliased,
    And,
    Boolean,
    Call,
    Comparison,
    Currency,
    Date,
    DateLiteral,
    DateTime,
    FieldRef,
    Fields,
    GroupBy,
    In,
    Includes,
    InSelect,
    Like,
    Not,
    Null,
    Number,
    Or,
    OrderBy,
    Pattern,
    Select,
    SoqlError,
    Text,
    Time,
    TypeOf,
    When,
    like_pattern,
    parse,
    reads,
    render,
)

OBJECTS = st.sampled_from(["Account", "Contacts", "Order", "Group", "X__c"])
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9_]{0,6}x", fullmatch=True)
MARKED = st.from_regex(r"F[0-9]{1,3}__c", fullmatch=True)
FIELDS = st.builds(
    lambda path, last: FieldRef((*path, last)),
    st.lists(st.one_of(OBJECTS, st.from_regex(r"R[0-9]{1,3}__r", fullmatch=True)), max_size=5),
    MARKED,
)
TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12).map(Text)
PATTERN_PARTS = st.sampled_from(["%", "_", "\\%", "\\_", "\\\\", "'", "\n", "a", "é"])
PATTERNS = st.one_of(
    st.lists(PATTERN_PARTS).map(lambda parts: Pattern("".join(parts))),
    st.builds(like_pattern, TEXTS.map(lambda text: text.value), st.sampled_from(["contains", "ends_with"])),
)
LITERALS = st.one_of(
    TEXTS,
    st.from_regex(r"[+-]?[0-9]{1,20}(\.[0-9]{1,20})?", fullmatch=True).map(Number),
    st.booleans().map(Boolean),
    st.just(Null()),
    st.dates().map(Date),
    st.datetimes(min_value=datetime(2, 1, 1), max_value=datetime(9998, 1, 1), timezones=st.just(UTC)).map(  # noqa: DTZ001
        lambda value: DateTime(value.replace(microsecond=value.microsecond // 1000 * 1000))
    ),
    st.times().map(lambda value: Time(value.replace(microsecond=value.microsecond // 1000 * 1000))),
    st.sampled_from(["TODAY", "THIS_FISCAL_QUARTER", "LAST_90_DAYS"]).map(DateLiteral),
    st.builds(DateLiteral, st.sampled_from(["LAST_N_DAYS", "N_WEEKS_AGO"]), st.integers(0, 999_999)),
    st.builds(Currency, st.just("USD"), st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,4})?", fullmatch=True)),
)
AGGREGATED = st.builds(lambda name, of: Call(name, (of,)), st.sampled_from(["MAX", "COUNT", "COUNT_DISTINCT"]), FIELDS)
CALLS = st.one_of(
    AGGREGATED,
    st.builds(lambda name, of: Call(name, (of,)), st.sampled_from(["toLabel", "FORMAT"]), FIELDS | AGGREGATED),
    st.builds(
        lambda of, unit: Call("DISTANCE", (of, Call("GEOLOCATION", (Number("1.5"), Number("-2"))), Text(unit))),
        FIELDS,
        st.sampled_from(["mi", "km"]),
    ),
)
EXPRESSIONS = FIELDS | CALLS
SEMI_JOINS = st.builds(
    InSelect,
    FIELDS,
    st.builds(
        lambda inner, source, where: Select((inner,), source, where=where),
        FIELDS,
        OBJECTS,
        st.none() | st.builds(Comparison, FIELDS, st.just("="), LITERALS),
    ),
    st.booleans(),
)
LEAVES = st.one_of(
    st.builds(Comparison, EXPRESSIONS, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), LITERALS),
    st.builds(Like, EXPRESSIONS, PATTERNS),
    st.builds(In, EXPRESSIONS, st.lists(LITERALS, min_size=1, max_size=3).map(tuple), st.booleans()),
    st.builds(Includes, FIELDS, st.lists(TEXTS, min_size=1, max_size=3).map(tuple), st.booleans()),
    SEMI_JOINS,
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: And(tuple(terms))),
        st.lists(inner, min_size=2, max_size=3).map(lambda terms: Or(tuple(terms))),
        inner.map(Not),
    ),
    max_leaves=5,
)
ORDERS = st.lists(
    st.builds(OrderBy, EXPRESSIONS, st.booleans(), st.sampled_from([None, "FIRST", "LAST"])), max_size=2
).map(tuple)
PLAIN_LISTS = st.lists(FIELDS, min_size=1, max_size=2).map(tuple)
GROUPS = st.builds(
    GroupBy, st.lists(EXPRESSIONS, min_size=1, max_size=3).map(tuple), st.sampled_from(["PLAIN", "ROLLUP", "CUBE"])
)


def selects(items):
    return st.builds(
        lambda select, group_by, having: Select(
            **(select | ({"group_by": group_by, "having": having} if group_by is not None else {}))
        ),
        st.fixed_dictionaries(
            {
                "items": st.lists(items, min_size=1, max_size=3).map(tuple),
                "object": OBJECTS,
                "scope": st.none() | NAMES,
                "where": st.none() | CONDITIONS,
                "mode": st.sampled_from([None, "USER_MODE", "SECURITY_ENFORCED"]),
                "order_by": ORDERS,
                "limit": st.none() | st.integers(0, 2**31 - 1),
                "offset": st.none() | st.integers(0, 2000),
                "all_rows": st.booleans(),
            }
        ),
        st.none() | GROUPS,
        st.none() | LEAVES,
    )


ITEMS = st.one_of(
    EXPRESSIONS,
    st.builds(Aliased, EXPRESSIONS, NAMES),
    st.sampled_from(["ALL", "STANDARD", "CUSTOM"]).map(Fields),
    st.builds(
        TypeOf,
        FIELDS,
        st.lists(st.builds(When, OBJECTS, PLAIN_LISTS), min_size=1, max_size=2).map(tuple),
        st.just(()) | PLAIN_LISTS,
    ),
)
TREES = selects(ITEMS | selects(ITEMS))
HEAP = """
SELECT FROM WHERE AND OR NOT IN LIKE GROUP BY ROLLUP( HAVING ORDER LIMIT OFFSET FOR VIEW UPDATE USING SCOPE WITH TYPEOF WHEN
THEN ELSE END FIELDS( ALL ROWS COUNT( DISTANCE( GEOLOCATION( toLabel( INCLUDES EXCLUDES ASC NULLS FIRST ( ) , . = != <> : ;
' 'x' '\\' '\\'' \\ 1 -2.5 .5 2026-01-01 2026-01-01T00:00:00Z TODAY LAST_N_DAYS:3 USD5 NULL TRUE Id Name Account a A.B --
"""
FRAGMENTS = st.sampled_from([*HEAP.split(), "/*", "\u2019", "\x00"])


def words_outside_strings(text):
    return re.findall(r"[A-Za-z][A-Za-z0-9_]*", re.sub(r"'(?:[^'\\]|\\.)*'", " ", text, flags=re.DOTALL))


def marked(text):
    return {word for word in words_outside_strings(text) if re.fullmatch(r"[FR][0-9]+__[cr]", word)}


def check_tree(tree):
    text = render(tree)
    assert render(tree) == text
    assert parse(text) == tree
    assert render(parse(text)) == text
    known = {part for read in reads(parse(text)) for path in (*read.paths, read.source) for part in path}
    assert marked(text) <= known


def check_text(text):
    try:
        tree = parse(text)
    except SoqlError as error:
        place = error.position
    else:
        check_tree(tree)
        place = 0
    assert place is not None
    assert 0 <= place <= len(text)


@settings(max_examples=200, deadline=None)
@given(TREES)
def test_any_tree_survives_its_text(tree):
    check_tree(tree)


@settings(max_examples=300, deadline=None)
@given(st.text() | st.text(st.characters(codec=None)).map(lambda text: f"SELECT Id FROM A WHERE N = {text}"))
def test_any_text_ends_in_a_tree_or_a_refusal(text):
    check_text(text)


@settings(max_examples=300, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25), st.sampled_from(["", "SELECT Id FROM A ", "SELECT Id FROM A WHERE "]))
def test_any_heap_of_fragments_ends_in_a_tree_or_a_refusal(fragments, start):
    check_text(start + " ".join(fragments))


@settings(max_examples=150, deadline=None)
@given(TREES, st.integers(0, 10_000), st.integers(0, 6), FRAGMENTS | st.text(max_size=3))
def test_a_damaged_statement_ends_in_a_tree_or_a_refusal(tree, at, cut, put):
    text = render(tree)
    at %= len(text)
    check_text(text[:at] + put + text[at + cut :])


@settings(max_examples=150, deadline=None)
@given(CONDITIONS, ORDERS, GROUPS, st.none() | CONDITIONS)
def test_every_name_in_a_filter_sort_or_group_is_listed_in_its_role(where, orders, group_by, having):
    select = Select((Call("COUNT"),), "Object", where=where, order_by=orders, group_by=group_by, having=having)
    main, *joins = reads(parse(render(select)))

    def parts(paths):
        return {part for path in paths for part in path}

    filters = render(Select((FieldRef(("Id",)),), "Object", where=where))
    if having is not None:
        filters += render(Select((FieldRef(("Id",)),), "Object", where=having))
    filtered = parts(main.filtered).union(*(parts(join.filtered) for join in joins))
    assert marked(filters) <= filtered
    assert marked(render(Select((FieldRef(("Id",)),), "Object", order_by=orders))) <= parts(main.sorted)
    assert marked(render(Select((Call("COUNT"),), "Object", group_by=group_by))) <= parts(main.grouped)
    assert main.selected == ()
    assert all(join.kind == "semi_join" and join.selected == () for join in joins)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=10_000, deadline=None)
@given(TREES)
def test_any_tree_survives_its_text_over_many_examples(tree):
    check_tree(tree)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=10_000, deadline=None)
@given(st.lists(FRAGMENTS, max_size=25), st.sampled_from(["", "SELECT Id FROM A ", "SELECT Id FROM A WHERE "]))
def test_any_heap_of_fragments_over_many_examples(fragments, start):
    check_text(start + " ".join(fragments))
