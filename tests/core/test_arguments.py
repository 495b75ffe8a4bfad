"""JSON arguments become typed requests, and nothing is lost or ignored on the way."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.arguments import parse_condition, parse_request, parse_value
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Verb
from isthmus.core.records import (
    Aggregate,
    AllOf,
    AnyOf,
    Compare,
    InQuery,
    Measure,
    Negated,
    Operator,
    Order,
    Query,
    Ref,
    Relative,
)
from isthmus.core.request import Create, Delete, Describe, Get, RawQuery, Search, Update, Upsert, refs_in, request_refs
from isthmus.core.results import value_json

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
)
EQ = {"field": "A", "op": "eq", "value": 1}


@pytest.mark.parametrize(
    ("verb", "arguments", "request_"),
    [
        ("describe", {}, Describe()),
        ("describe", {"object": "Case"}, Describe("Case")),
        ("query", {"object": "Case"}, Query("Case")),
        (
            "query",
            {"object": "Case", "select": ["A"], "where": EQ, "order_by": [{"field": "A", "descending": True}, {"field": "B"}], "limit": 3, "after": "x"},
            Query("Case", ("A",), Compare("A", Operator.EQ, 1), (Order("A", True), Order("B")), 3, "x"),
        ),
        ("query", {"text": "SELECT"}, RawQuery("SELECT")),
        ("query", {"text": "SELECT", "after": "x"}, RawQuery("SELECT", after="x")),
        ("get", {"object": "Case", "id": "1", "fields": ["A"]}, Get("Case", "1", ("A",))),
        ("search", {"object": "Case", "text": "ab", "limit": 7}, Search("Case", "ab", (), 7)),
        ("aggregate", {"object": "Case", "measures": [{"function": "count"}]}, Aggregate("Case", (Measure("count", "", "count_0"),))),
        ("create", {"object": "Case", "values": {"A": {"ref": "ref_x"}}, "key": "k"}, Create("Case", {"A": Ref("ref_x")}, "k")),
        ("update", {"object": "Case", "id": "1", "values": {"A": None}, "version": "v"}, Update("Case", "1", {"A": None}, "v")),
        ("upsert", {"object": "Case", "key_field": "K", "key": 3, "values": {"A": 1}}, Upsert("Case", "K", 3, {"A": 1})),
        ("delete", {"object": "Case", "id": "1"}, Delete("Case", "1")),
    ],
)  # fmt: skip
def test_each_verb_has_its_request(verb, arguments, request_):
    assert parse_request(Verb(verb), arguments) == request_


@pytest.mark.parametrize("beside", ["select", "where", "order_by", "limit"])
def test_what_would_be_ignored_beside_a_text_is_refused(beside):
    with pytest.raises(InvalidArguments, match=f"'{beside}' does not go with text"):
        parse_request(Verb.QUERY, {"text": "SELECT Id FROM Case", beside: EQ})


@pytest.mark.parametrize(
    ("measures", "said"),
    [
        ([{"function": "sum"}], "needs a field"),
        ([{"function": "count", "name": "n"}, {"function": "count", "name": "n"}], "share one name"),
    ],
)
def test_measures_must_make_sense(measures, said):
    with pytest.raises(InvalidArguments, match=said):
        parse_request(Verb.AGGREGATE, {"object": "Case", "measures": measures})


def test_a_condition_tree_keeps_its_shape():
    raw = {"all": [EQ, {"any": [EQ, {"not": EQ}]}]}
    leaf = Compare("A", Operator.EQ, 1)
    assert parse_condition(raw) == AllOf((leaf, AnyOf((leaf, Negated(leaf)))))


@pytest.mark.parametrize("op", ["in", "not_in", "includes", "excludes"])
def test_lists_go_with_list_operators_only(op):
    assert parse_condition({"field": "A", "op": op, "value": [1]}) == Compare("A", Operator(op), (1,))
    with pytest.raises(InvalidArguments, match="takes a list"):
        parse_condition({"field": "A", "op": op, "value": 1})
    with pytest.raises(InvalidArguments, match="takes one value"):
        parse_condition({"field": "A", "op": "eq", "value": [1]})


@pytest.mark.parametrize("raw", [{}, {"all": EQ}, {"field": "A"}, {"all": [3]}, "x", None, {"not": [EQ]}])
def test_what_is_no_condition_is_refused(raw):
    with pytest.raises(InvalidArguments):
        parse_condition(raw)


def test_twenty_levels_and_no_more():
    raw: object = EQ
    for _ in range(20):
        raw = {"not": raw}
    parse_condition(raw)
    with pytest.raises(InvalidArguments, match="flatten it"):
        parse_condition({"not": raw})


@given(raw=st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10))
def test_a_value_goes_in_and_comes_out_as_it_was(raw):
    assert value_json(parse_value(raw)) == raw


@pytest.mark.parametrize(
    ("raw", "value"),
    [
        ({"ref": "ref_a"}, Ref("ref_a")),
        ({"ref": "ref_a", "x": 1}, {"ref": "ref_a", "x": 1}),
        ({"ref": 3}, {"ref": 3}),
        ({"relative": "TODAY"}, Relative("TODAY")),
        ({"relative": "LAST_N_DAYS", "count": 3}, Relative("LAST_N_DAYS", 3)),
        ([{"ref": "ref_a"}, {"b": [{"ref": "ref_c"}]}], (Ref("ref_a"), {"b": (Ref("ref_c"),)})),
    ],
)
def test_refs_and_relative_dates_are_known_by_their_shape(raw, value):
    assert parse_value(raw) == value


@given(tokens=st.lists(st.text(min_size=1), max_size=6))
def test_every_ref_of_a_value_is_found(tokens):
    nested = parse_value([{"a": [{"ref": one}], "b": {"c": {"ref": one}}} for one in tokens])
    assert sorted(ref.token for ref in refs_in(nested)) == sorted(tokens * 2)


def test_every_ref_of_a_request_is_found():
    one, two = Ref("ref_1"), Ref("ref_2")
    inner = Query("Person", ("Id",), Compare("Email", Operator.IN, (two,)))
    where = AllOf((Negated(Compare("A", Operator.EQ, one)), InQuery("PersonId", inner)))
    for request in (Query("Case", where=where), Aggregate("Case", (), where=where)):
        assert list(request_refs(request)) == [one, two]
    for writing in (
        Create("Case", {"A": one, "B": (two,)}),
        Update("Case", "1", {"A": one, "B": {"c": two}}),
        Upsert("Case", "K", two, {"A": one}),
    ):
        assert list(request_refs(writing)) == [one, two]
    assert list(request_refs(Get("Case", "1"))) == []
