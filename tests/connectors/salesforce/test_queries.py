"""Does a uniform query become the SOQL that means the same, and SOQL the uniform query?"""

from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.salesforce import soql
from isthmus.connectors.salesforce.queries import aggregate_text, flat_row, parse_text, query_text, search_term
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
    Relative,
    Value,
)


def where(condition: Condition) -> str:
    return (
        query_text(Query("Case", ("Id",), condition))
        .removeprefix("SELECT Id FROM Case WHERE ")
        .removesuffix(" LIMIT 50")
    )


@pytest.mark.parametrize(
    ("op", "value", "text"),
    [
        (Operator.EQ, "it's", r"F = 'it\'s'"),
        (Operator.NE, None, "F != NULL"),
        (Operator.GT, 5, "F > 5"),
        (Operator.LE, 0.5, "F <= 0.5"),
        (Operator.EQ, True, "F = TRUE"),
        (Operator.GE, date(2026, 1, 31), "F >= 2026-01-31"),
        (Operator.LT, datetime(2026, 1, 31, 12, tzinfo=UTC), "F < 2026-01-31T12:00:00Z"),
        (Operator.EQ, Relative("last_n_days", 30), "F = LAST_N_DAYS:30"),
        (Operator.IN, ("a", None, 1), "F IN ('a', NULL, 1)"),
        (Operator.NOT_IN, ("a",), "F NOT IN ('a')"),
        (Operator.CONTAINS, "5%_\\", r"F LIKE '%5\%\_\\%'"),
        (Operator.STARTS_WITH, "a", "F LIKE 'a%'"),
        (Operator.ENDS_WITH, "a", "F LIKE '%a'"),
        (Operator.INCLUDES, ("a;b", "c"), "F INCLUDES ('a;b', 'c')"),
        (Operator.EXCLUDES, ("a",), "F EXCLUDES ('a')"),
    ],
)
def test_each_operator_has_its_soql(op: Operator, value: Value, text: str) -> None:
    assert where(Compare("F", op, value)) == text


def test_terms_are_grouped() -> None:
    a, b, c = (Compare(name, Operator.EQ, 1) for name in "ABC")
    assert where(AllOf((a, AnyOf((b, Negated(c)))))) == "A = 1 AND (B = 1 OR (NOT C = 1))"
    assert where(AllOf((a,))) == "A = 1"
    inner = Query("Contact", ("AccountId",), a)
    assert (
        where(InQuery("AccountId", inner, negated=True))
        == "AccountId NOT IN (SELECT AccountId FROM Contact WHERE A = 1)"
    )


def test_the_order_puts_missing_values_first_and_the_limit_is_exact() -> None:
    query = Query("Case", ("Id", "Contact.Name"), order_by=(Order("Name", descending=True), Order("Id")), limit=7)
    assert query_text(query) == (
        "SELECT Id, Contact.Name FROM Case ORDER BY Name DESC NULLS FIRST, Id ASC NULLS FIRST LIMIT 7"
    )


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        (Compare("F", Operator.CONTAINS, 5), "compares with text"),
        (Compare("F", Operator.IN, ()), "at least one value"),
        (Compare("F", Operator.INCLUDES, ("a", 5)), "compares with texts"),
        (Compare("F", Operator.EQ, ("a",)), "no SOQL literal"),
        (Compare("F", Operator.EQ, Relative("someday")), "no date literal"),
        (Compare("F = 1 OR G", Operator.EQ, 1), "not an API name"),
        (Compare("A.B.C.D.E.F.G", Operator.EQ, 1), "relationships"),
        (Compare("F", Operator.EQ, "\ud800"), "surrogate"),
        (AllOf(()), "two terms"),
    ],
)
def test_what_soql_cannot_say_is_refused_before_sending(condition: Condition, said: str) -> None:
    with pytest.raises(InvalidArguments, match=said):
        where(condition)


def test_a_statement_that_is_too_long_is_refused_before_sending() -> None:
    with pytest.raises(InvalidArguments, match="100000 characters"):
        where(Compare("F", Operator.EQ, "x" * 100_000))


@given(st.text(st.characters(exclude_categories=("Cs",)), max_size=40))
def test_any_text_stays_one_literal(text: str) -> None:
    parsed = soql.parse(query_text(Query("Case", ("Id",), Compare("F", Operator.EQ, text))))
    assert parsed.where == soql.Comparison(soql.FieldRef(("F",)), "=", soql.Text(text))


def test_figures_and_groups_are_named_by_place() -> None:
    measures = (Measure("count", "", "n"), Measure("sum", "Amount", "total"), Measure("max", "CloseDate", "last"))
    assert aggregate_text(Aggregate("Opportunity", measures, ("StageName", "Account.Name"), limit=9)) == (
        "SELECT StageName g0, Account.Name g1, COUNT(Id) m0, SUM(Amount) m1, MAX(CloseDate) m2 FROM Opportunity "
        "GROUP BY StageName, Account.Name LIMIT 9"
    )


def test_figures_over_everything_take_no_limit() -> None:
    assert aggregate_text(Aggregate("Case", (Measure("count", "", "n"),))) == "SELECT COUNT(Id) m0 FROM Case"


@pytest.mark.parametrize("text", ["a", "  ", "a\x00b"])
def test_words_too_few_to_search_for_are_refused(text: str) -> None:
    with pytest.raises(InvalidArguments) as refused:
        search_term(text)
    assert refused.value.field == "text"


def test_words_are_searched_for_as_they_are() -> None:
    assert search_term("kess* OR -x? {y}") == r'kess\* "OR" \-x\? \{y\}'


# From text.


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("SELECT Id, Contact.Name FROM Case", Query("Case", ("Id", "Contact.Name"))),
        ("select id from case limit 5", Query("case", ("id",), limit=5)),
        ("SELECT Id FROM Case LIMIT 5000", Query("Case", ("Id",), limit=2000)),
        (
            "SELECT Id FROM Case WHERE Status <> 'New' ORDER BY Id DESC NULLS FIRST",
            Query("Case", ("Id",), Compare("Status", Operator.NE, "New"), (Order("Id", descending=True),)),
        ),
        (
            r"SELECT Id FROM Case WHERE (A LIKE '%x%' OR A LIKE 'x%' OR A LIKE '%x') AND (NOT A LIKE 'x')",
            Query(
                "Case",
                ("Id",),
                AllOf(
                    (
                        AnyOf(
                            (
                                Compare("A", Operator.CONTAINS, "x"),
                                Compare("A", Operator.STARTS_WITH, "x"),
                                Compare("A", Operator.ENDS_WITH, "x"),
                            )
                        ),
                        Negated(Compare("A", Operator.EQ, "x")),
                    )
                ),
            ),
        ),
        (
            "SELECT Id FROM Case WHERE A IN ('x', NULL) AND B = TRUE AND C > 1.5 AND D = TODAY AND E >= 2026-01-31",
            Query(
                "Case",
                ("Id",),
                AllOf(
                    (
                        Compare("A", Operator.IN, ("x", None)),
                        Compare("B", Operator.EQ, value=True),
                        Compare("C", Operator.GT, 1.5),
                        Compare("D", Operator.EQ, Relative("TODAY")),
                        Compare("E", Operator.GE, "2026-01-31"),
                    )
                ),
            ),
        ),
        (
            "SELECT Id FROM Case WHERE ContactId IN (SELECT Id FROM Contact WHERE A = 1)",
            Query(
                "Case",
                ("Id",),
                InQuery("ContactId", Query("Contact", ("Id",), Compare("A", Operator.EQ, 1), limit=2000)),
            ),
        ),
        ("SELECT COUNT() FROM Case", Aggregate("Case", (Measure("count", "", "expr0"),))),
        (
            "SELECT Status, COUNT(Id) n, AVG(Amount) FROM Case GROUP BY Status LIMIT 5",
            Aggregate("Case", (Measure("count", "Id", "n"), Measure("avg", "Amount", "expr0")), ("Status",), limit=5),
        ),
    ],
)
def test_soql_becomes_the_query_that_is_judged_like_any_other(text: str, query: Query | Aggregate) -> None:
    assert parse_text(text) == query


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT Id FROM Case OFFSET 5", "OFFSET"),
        ("SELECT Id FROM Case USING SCOPE mine", "USING SCOPE"),
        ("SELECT Id FROM Case ALL ROWS", "ALL ROWS"),
        ("SELECT Id FROM Case WITH USER_MODE", "WITH"),
        ("SELECT Id FROM Case LIMIT 0", "LIMIT 0"),
        ("SELECT Id FROM Case ORDER BY Id NULLS LAST", "NULLS LAST"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "SELECT in this place"),
        ("SELECT FIELDS(ALL) FROM Case LIMIT 5", "FIELDS in this place"),
        ("SELECT TYPEOF What WHEN Account THEN Name END FROM Task", "TYPEOF in this place"),
        ("SELECT toLabel(Status) FROM Case", "toLabel"),
        ("SELECT Id FROM Case WHERE CALENDAR_YEAR(CreatedDate) = 2026", "CALENDAR_YEAR"),
        ("SELECT Id FROM Case WHERE A LIKE 'a%b'", "LIKE"),
        (r"SELECT Id FROM Case WHERE A LIKE 'a\_b%'", "LIKE"),
        ("SELECT Id FROM Case WHERE Amount > USD500", "Currency"),
        ("SELECT Status FROM Case GROUP BY Status HAVING COUNT(Id) > 1", "HAVING"),
        ("SELECT Status, COUNT(Id) FROM Case GROUP BY ROLLUP(Status)", "ROLLUP"),
        ("SELECT Name, COUNT(Id) FROM Case GROUP BY Status", "Name without a figure"),
        ("SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Case GROUP BY CALENDAR_YEAR(CreatedDate)", "CALENDAR_YEAR"),
        ("SELECT Id FROM Case WHERE ContactId IN (SELECT Id FROM Contact LIMIT 5)", "LIMIT and ORDER BY"),
        ("SELECT Id FROM Case FOR UPDATE", "FOR UPDATE"),
        ("SELECT Id FROM Case WHERE A = 'x", "At character"),
        ("UPDATE Case SET A = 1", "SELECT"),
    ],
)
def test_other_soql_is_refused_with_what_to_leave_out(text: str, said: str) -> None:
    with pytest.raises(InvalidArguments, match=said) as refused:
        parse_text(text)
    assert refused.value.field == "text"


# From answers.


def test_a_row_gives_values_by_path_in_any_letter_case() -> None:
    raw = {
        "attributes": {"type": "Case", "url": "/x"},
        "Id": "500000000000001AAA",
        "SystemModstamp": "2026-01-31T12:00:00.000+0000",
        "Contact": {"attributes": {"type": "Contact"}, "Name": "Kim", "MailingAddress": {"city": "Ulm"}},
        "Account": None,
    }
    row = flat_row("Case", raw, ["Id", "SystemModstamp", "contact.name", "Contact.MailingAddress", "Account.Name", "X"])
    assert (row.id, row.version) == ("500000000000001AAA", "2026-01-31T12:00:00.000+0000")
    assert row.fields["contact.name"] == "Kim"
    assert row.fields["Contact.MailingAddress"] == {"city": "Ulm"}
    assert (row.fields["Account.Name"], row.fields["X"]) == (None, None)
