"""Is whatever somebody types answered, or refused in the vendor's way, and never anything else?"""

from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox.salesforce.search import _returning
from isthmus.plugins.sandbox.salesforce.soql import SoqlError, columns, parse_query
from isthmus.plugins.sandbox.salesforce.terms import MalformedTerm, matcher

COLUMNS = st.sampled_from(
    [
        "Id",
        "Subject",
        "Who.Name",
        "Owner.Type",
        "What.Owner.Name",
        "TYPEOF Who WHEN Contact THEN Email ELSE Name END",
        "TYPEOF What WHEN Case THEN Parent.Subject END",
        "FORMAT(CreatedDate)",
        "FORMAT(MAX(ActivityDate)) m",
        "toLabel(Status) s",
        "COUNT(Id)",
        "COUNT()",
        "COUNT_DISTINCT(WhoId) n",
        "CALENDAR_YEAR(ActivityDate)",
        "GROUPING(Status)",
        "FIELDS(STANDARD)",
        "DISTANCE(Subject, GEOLOCATION(1, 2), 'km')",
        "(SELECT Id FROM Tasks)",
        "Status",
        "convertCurrency(Subject)",
        "TYPEOF",
        "WHEN",
    ]
)
CLAUSES = st.sampled_from(
    [
        "WHERE Status != null",
        "WHERE WhoId IN (SELECT Id FROM Contact)",
        "WHERE NOT (Who.Type = 'Lead' OR HOUR_IN_DAY(CreatedDate) > 3)",
        "WHERE ActivityDate = LAST_N_FISCAL_QUARTERS:3",
        "WITH USER_MODE",
        "GROUP BY Status",
        "GROUP BY ROLLUP(Status, Priority)",
        "GROUP BY CUBE(CALENDAR_YEAR(ActivityDate), Status)",
        "GROUP BY ActivityDate",
        "HAVING COUNT(Id) > 1",
        "HAVING GROUPING(Status) = 0",
        "ORDER BY Status NULLS LAST",
        "ORDER BY COUNT(Id) DESC",
        "LIMIT 3",
        "OFFSET 1",
        "FOR VIEW",
        "ALL ROWS",
    ]
)


@given(st.lists(COLUMNS, min_size=1, max_size=4), st.lists(CLAUSES, max_size=4))
def test_any_columns_and_clauses_are_answered_or_refused(tiny, selected, clauses) -> None:
    text = f"SELECT {', '.join(selected)} FROM Task {' '.join(clauses)}"
    try:
        records = tiny.records(text)
    except SoqlError as refusal:
        assert refusal.render(text)  # noqa: PT017 - either outcome is fine, no other
        return
    user = tiny.org.user(tiny.org.usernames["integration"])
    described = columns(parse_query(text), tiny.org.store, tiny.org.view(str(user["Id"])))["columnMetadata"]
    for record in records:
        assert [each["columnName"] for each in described] == list(record)[1:]


@given(
    st.text(alphabet='ab "\\()*?+-&', max_size=12)
    | st.lists(st.sampled_from(["AND", "OR", "NOT", "a", "("])).map(" ".join)
)
def test_any_term_matches_or_is_refused(term) -> None:
    try:
        found = matcher(term)("a b", "ab")
    except MalformedTerm as refusal:
        found = bool(str(refusal))
    assert found in (True, False)


@given(
    st.lists(
        st.sampled_from(["RETURNING", "Contact", "(", ")", "Id", ",", "WITH", "SNIPPET", "LIMIT", "5", "UPDATE", "="])
    )
)
def test_any_rest_of_a_search_is_read_or_refused(words) -> None:
    try:
        _, limit = _returning(" ".join(words))
    except SoqlError as refusal:
        assert refusal.code == "MALFORMED_QUERY"  # noqa: PT017 - either outcome is fine, no other
    else:
        assert limit >= 0
