"""Is a query in WQL what was asked, with every value exactly one literal?"""

import re

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.workday import Workday, WorkdaySettings
from isthmus.connectors.workday.settings import SourceSettings
from isthmus.connectors.workday.shapes import Kind
from isthmus.connectors.workday.wql.text import literal, query_text
from isthmus.core.errors import InvalidArguments
from isthmus.core.operation import Effect
from isthmus.core.records import AllOf, AnyOf, Compare, Negated, Operator, Order

from .wql import Reader

KINDS = {"id": Kind.TEXT, "name": Kind.TEXT, "fte": Kind.NUMERIC, "manager": Kind.BOOLEAN, "hired": Kind.DATE}
FITS = [Operator.EQ, Operator.NE, Operator.CONTAINS, Operator.STARTS_WITH, Operator.ENDS_WITH]
TEXTS = st.text(max_size=30)
LEAVES = st.builds(Compare, st.just("name"), st.sampled_from(FITS), TEXTS) | st.builds(
    Compare, st.just("name"), st.sampled_from([Operator.IN, Operator.NOT_IN]), st.tuples(TEXTS, TEXTS)
)
CONDITIONS = st.recursive(
    LEAVES,
    lambda inner: (
        st.builds(lambda *terms: AllOf(terms), inner, inner)
        | st.builds(lambda *terms: AnyOf(terms), inner, inner)
        | st.builds(Negated, inner)
    ),
    max_leaves=5,
)
ORDERS = [Order("name", descending=True), Order("id")]
CONNECTOR = Workday(
    "hr",
    WorkdaySettings(
        tenant="acme",
        services={"common": "v1"},
        sources={"workers": SourceSettings(source="allWorkers", classes=("pii",))},
    ),
)


def asked(text: str) -> httpx2.Request:
    return httpx2.Request("POST", "https://hr.example/ccx/api/wql/v1/acme/data", json={"query": text})


@given(TEXTS | st.sampled_from(["O'Brien", "' OR name != '", "\\", '"', "x' LIMIT 1 --", "’", "＇", "\u2028"]))
def test_any_text_is_exactly_one_literal_or_refused(text: str) -> None:
    try:
        written = literal(text, Kind.TEXT, "name")
    except InvalidArguments:
        return
    assert Reader(written).tokens == [written]
    assert written == f"'{text}'"


@given(CONDITIONS)
def test_a_condition_keeps_its_values_and_its_structure(where: object) -> None:
    try:
        text = query_text("allWorkers", ["id", "name"], where, ORDERS, 10, KINDS, {})  # type: ignore[arg-type]
    except InvalidArguments:
        return
    values = [one for leaf in leaves(where) for one in (leaf.value if isinstance(leaf.value, tuple) else (leaf.value,))]
    assert re.findall(r"'([^']*)'", text) == values
    Reader(text).run({"allWorkers": [{"id": "1", "name": "x"}]})
    # What is written is also what is recognised before it is sent.
    (part,) = CONNECTOR.classify(asked(text))
    assert (part.effect, part.object) == (Effect.READ, "wql.workers")


def leaves(where: object) -> list[Compare]:
    if isinstance(where, Compare):
        return [where]
    terms = (where.term,) if isinstance(where, Negated) else where.terms  # type: ignore[attr-defined]
    return [leaf for term in terms for leaf in leaves(term)]


@pytest.mark.parametrize(
    "text",
    [
        "SELECT a FROM allSystemAccountSignons LIMIT 5",
        "SELECT a FROM allWorkers; DELETE FROM allWorkers LIMIT 5",
        "SELECT a FROM allWorkers WHERE a in (SELECT b FROM allWorkers LIMIT 1) LIMIT 5",
        "SELECT a FROM allWorkers WHERE a = 'x\\' LIMIT 5",
        "SELECT a FROM allWorkers WHERE a = 'x LIMIT 5",
        "SELECT a FROM allWorkers",
        "PARAMETERS x = 'y' SELECT a FROM allWorkers LIMIT 5",
    ],
)
def test_a_text_that_is_not_ours_is_not_sent(text: str) -> None:
    assert CONNECTOR.classify(asked(text)) == ()


@pytest.mark.parametrize(
    ("value", "kind", "written"),
    [
        (True, Kind.BOOLEAN, "true"),
        (3, Kind.NUMERIC, "3"),
        (0.5, Kind.NUMERIC, "0.5"),
        ("2026-11-01", Kind.DATE, "'2026-11-01'"),
        ("2013-05-20T19:56:11.552Z", Kind.DATE, "'2013-05-20T19:56:11.552Z'"),
    ],
)
def test_literals_have_the_type_of_their_field(value: object, kind: Kind, written: str) -> None:
    assert literal(value, kind, "x") == written  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("value", "kind"), [("x", Kind.NUMERIC), (1, Kind.TEXT), ("soon", Kind.DATE), (True, Kind.NUMERIC)]
)
def test_a_value_of_another_type_is_refused(value: object, kind: Kind) -> None:
    with pytest.raises(InvalidArguments):
        literal(value, kind, "x")  # type: ignore[arg-type]


def test_the_effective_date_stands_with_the_source() -> None:
    text = query_text("allWorkers", ["id"], None, (), 5, KINDS, {"effectiveAsOfDate": "2026-01-01"})
    assert text == "SELECT id FROM allWorkers(effectiveAsOfDate = '2026-01-01') LIMIT 5"
    assert CONNECTOR.classify(asked(text))
