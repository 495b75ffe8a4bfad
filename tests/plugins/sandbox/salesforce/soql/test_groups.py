"""Do subtotals, aliases and functions of groups say what the rows say?"""

from collections import Counter

import pytest


def test_rollup_adds_a_subtotal_for_each_prefix(eu) -> None:
    text = (
        "SELECT Status s, Priority p, COUNT(Id) n, GROUPING(Status) gs, GROUPING(Priority) gp "
        "FROM Case GROUP BY ROLLUP(Status, Priority)"
    )
    rows = eu.org.rows("Case")
    pairs = Counter((row["Status"], row["Priority"]) for row in rows)
    states = Counter(row["Status"] for row in rows)
    wanted = {(*pair, 0, 0): count for pair, count in pairs.items()}
    wanted |= {(status, None, 0, 1): count for status, count in states.items()} | {(None, None, 1, 1): len(rows)}
    found = eu.records(text)
    assert {(each["s"], each["p"], each["gs"], each["gp"]): each["n"] for each in found} == wanted
    assert len(found) == len(wanted)
    assert found[-1]["n"] == len(rows)


def test_cube_adds_a_subtotal_for_each_combination(eu) -> None:
    found = eu.records("SELECT Status, Priority, COUNT(Id) n FROM Case GROUP BY CUBE(Status, Priority)")
    states, priorities = ({row[name] for row in eu.org.rows("Case")} for name in ("Status", "Priority"))
    pairs = {(row["Status"], row["Priority"]) for row in eu.org.rows("Case")}
    assert len(found) == len(pairs) + len(states) + len(priorities) + 1


def test_groups_by_parts_of_dates(eu) -> None:
    text = "SELECT CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate) m, SUM(Amount) FROM Opportunity GROUP BY CALENDAR_YEAR(CloseDate), CALENDAR_MONTH(CloseDate)"
    wanted: Counter[tuple[int, int]] = Counter()
    for row in eu.org.rows("Opportunity"):
        wanted[int(row["CloseDate"][:4]), int(row["CloseDate"][5:7])] += row["Amount"]
    found = {(each["expr0"], each["m"]): each["expr1"] for each in eu.records(text)}
    assert found == pytest.approx(dict(wanted))


def test_a_part_of_a_date_may_stand_for_the_date_that_is_grouped_by(eu) -> None:
    found = eu.records("SELECT CALENDAR_YEAR(CloseDate) FROM Opportunity GROUP BY CloseDate")
    assert len(found) == len({row["CloseDate"] for row in eu.org.rows("Opportunity")})
    message = "Field must be grouped or aggregated: CreatedDate"
    text = "SELECT CALENDAR_YEAR(CreatedDate), COUNT(Id) FROM Case GROUP BY DAY_ONLY(CreatedDate)"
    assert eu.refusal(text) == ("MALFORMED_QUERY", message)
    assert eu.refusal("SELECT CALENDAR_YEAR(CreatedDate) FROM Case") == ("MALFORMED_QUERY", message)


def test_formats_totals(eu) -> None:
    last = max(str(row["CloseDate"]) for row in eu.org.rows("Opportunity"))
    [record] = eu.records("SELECT FORMAT(MAX(CloseDate)) last FROM Opportunity")
    assert record["last"] == f"{last[8:]}.{last[5:7]}.{last[:4]}"


def test_orders_groups_by_totals_and_aliases(eu) -> None:
    counts = [each["n"] for each in eu.records("SELECT Title, COUNT(Id) n FROM Contact GROUP BY Title ORDER BY n DESC")]
    assert counts == sorted(counts, reverse=True)
    text = "SELECT Title FROM Contact GROUP BY Title ORDER BY Email"
    assert eu.refusal(text) == ("MALFORMED_QUERY", "Ordered field must be grouped or aggregated: Email")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("SELECT MAX(CreatedDate) FROM Account LIMIT 1", "cannot also use LIMIT"),
        ("SELECT COUNT(), Id FROM Account", "COUNT() must be alone"),
        ("SELECT COUNT() FROM Account GROUP BY Name", "COUNT() must be alone"),
        ("SELECT COUNT() n FROM Account", "COUNT() must be alone"),
        ("SELECT Id, (SELECT COUNT(Id) FROM Contacts) FROM Account", "only root queries support aggregate expressions"),
        ("SELECT GROUPING(Name) FROM Account GROUP BY Name", "GROUP BY ROLLUP"),
        ("SELECT Name, COUNT(Id) Name FROM Account GROUP BY Name", "duplicate alias: Name"),
        ("SELECT FIELDS(STANDARD) FROM Account GROUP BY Name", "only fields and aggregate functions"),
        ("SELECT COUNT_DISTINCT(Interests__c) FROM Contact", "does not support aggregate operator"),
        ("SELECT Salutation_Line__c FROM Contact GROUP BY Salutation_Line__c", "can not be grouped"),
        ("SELECT toLabel(Status) FROM Case GROUP BY toLabel(Status)", "can not be grouped"),
        ("SELECT Name FROM Account HAVING COUNT(Id) > 1", "requires a group by"),
        ("SELECT COUNT(Id) FROM Contact GROUP BY ROLLUP(Title, Department, LeadSource, Phone)", "at most 3 fields"),
        ("SELECT COUNT(Id) FROM Contact GROUP BY Title HAVING Email = 'x'", "must be grouped or aggregated: Email"),
    ],
)
def test_refuses_groups_that_the_vendor_refuses(eu, text: str, message: str) -> None:
    code, found = eu.refusal(text)
    assert code == "MALFORMED_QUERY"
    assert message in found


def test_too_many_totals_for_two_thousand_groups_are_no_matter_when_cut(eu) -> None:
    assert len(eu.records("SELECT Email, COUNT(Id) FROM Contact GROUP BY Email LIMIT 2000")) == 2_000
