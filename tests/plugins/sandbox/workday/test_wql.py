from typing import Any

import httpx2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.plugins.sandbox import WorkdayTenant
from isthmus.plugins.sandbox.workday.wql.parse import BadQuery, parse

from .conftest import Open


@pytest.fixture
def wql(tenant: WorkdayTenant, session: Open) -> httpx2.Client:
    return session(tenant, service="wql/v1")


def ask(client: httpx2.Client, query: str, **params: object) -> httpx2.Response:
    return client.post("data", json={"query": query}, params=params)


def rows(client: httpx2.Client, query: str) -> list[dict[str, Any]]:
    answer = ask(client, query)
    assert answer.status_code == 200, answer.text
    found: list[dict[str, Any]] = answer.json()["data"]
    return found


def source(client: httpx2.Client, alias: str) -> dict[str, Any]:
    found = client.get("dataSources", params={"alias": alias}).json()["data"][0]
    return dict(client.get(f"dataSources/{found['id']}").json())


def test_the_catalogue_is_long_and_paged(wql: httpx2.Client) -> None:
    page = wql.get("dataSources", params={"limit": 100, "offset": 1500}).json()
    assert (page["total"], len(page["data"])) == (1530, 30)
    assert wql.get("dataSources", params={"limit": 101}).status_code == 400


def test_a_source_tells_what_it_needs(wql: httpx2.Client) -> None:
    plain, filtered = source(wql, "allWorkers"), source(wql, "allSystemAccountSignons")
    assert (plain["filterIsRequired"], plain["supportsEffectiveDate"]) == (False, True)
    assert "requiredParameters" not in plain
    assert [each["alias"] for each in filtered["requiredParameters"]] == ["toMoment", "fromMoment"]
    fields = wql.get(f"dataSources/{plain['id']}/fields", params={"limit": 50}).json()["data"]
    kinds = {each["type"] for each in fields}
    assert kinds == {"Text", "Numeric", "Currency", "Date", "Boolean", "Single instance", "Multi-instance",
                     "Self referencing instance"}  # fmt: skip


def test_total_counts_what_limit_left(wql: httpx2.Client) -> None:
    assert ask(wql, "SELECT employeeID FROM allWorkers LIMIT 5").json()["total"] == 5
    every = ask(wql, "SELECT employeeID FROM allWorkers").json()["total"]
    assert every > 100
    page = wql.get(
        "data", params={"query": "SELECT employeeID FROM allWorkers", "limit": 10, "offset": every - 3}
    ).json()
    assert (page["total"], len(page["data"])) == (every, 3)


def test_fields_without_a_value_are_missing_and_money_is_text(wql: httpx2.Client) -> None:
    found = rows(wql, "SELECT worker, terminationDate, totalBasePayAnnualized, directReports FROM allWorkers")
    assert {"terminationDate" in each for each in found} == {True, False}
    assert {type(each["totalBasePayAnnualized"]["value"]) for each in found if "totalBasePayAnnualized" in each} == {
        str
    }
    assert max(len(each.get("directReports", [])) for each in found) > 20


@pytest.mark.parametrize(
    ("where", "names"),
    [
        ("fullName = 'Bob Boissard'", ["Bob Boissard"]),
        ('fullName = "Bob Boissard"', ["Bob Boissard"]),
        ("fullName startswith 'bob boi'", ["Bob Boissard"]),
        ("fullName contains 'orset'", ["Dave Dorsett"]),
        ("employeeID in ('21002', '21004')", ["Bob Boissard", "Dave Dorsett"]),
        ("employeeID >= '1'", None),
        ("hireDate < '2006-01-01' and employeeID = '21008'", ["Henri Hautclair"]),
        ("(employeeID = '21002' or employeeID = '21004') and hireDate > '2019-12-31'", ["Dave Dorsett"]),
        ("terminationDate is not empty", ["Erin Ellwanger"]),
        ("worker in (Employee_ID=21002)", ["Bob Boissard"]),
        ("totalBasePayAnnualized = 190000", ["Henri Hautclair"]),
        ("activeStatus = false", ["Erin Ellwanger"]),
        ("hireDate = 'soon'", None),
    ],
)
def test_conditions(wql: httpx2.Client, where: str, names: list[str] | None) -> None:
    answer = ask(wql, f"SELECT fullName FROM allWorkers WHERE {where}")
    if names is None:
        assert answer.status_code == 400
    else:
        assert [each["fullName"] for each in answer.json()["data"]] == names


def test_rows_are_ordered_by_several_fields(wql: httpx2.Client) -> None:
    found = rows(wql, "SELECT hireDate AS since, employeeID FROM allActiveWorkers ORDER BY hireDate DESC, employeeID")
    assert found == sorted(sorted(found, key=lambda row: row["employeeID"]), key=lambda row: row["since"], reverse=True)


def test_reads_are_about_a_day_and_an_entry_moment(wql: httpx2.Client, tenant: WorkdayTenant) -> None:
    hired = next(each for each in tenant.rows("Worker") if "hired" not in each)["number"]
    query = f"SELECT employeeID, hireDate FROM allWorkers%s WHERE employeeID = '{hired}'"
    assert rows(wql, query % "") == [{"employeeID": hired}]
    assert rows(wql, query % "(effectiveAsOfDate='2026-12-30')")[0]["hireDate"] == "2026-12-20"
    known = "(effectiveAsOfDate='2026-12-30', entryMoment='2026-11-01 00:00:00Z')"
    assert rows(wql, query % known) == []
    assert rows(wql, "PARAMETERS effectiveAsOfDate='2026-12-30' " + query % "")[0]["hireDate"] == "2026-12-20"


def test_sources_differ_in_row_security(tenant: WorkdayTenant, session: Open) -> None:
    dave = session(tenant, "dave", "wql/v1")
    assert len(rows(dave, "SELECT worker FROM allWorkers")) > 100
    assert len(rows(dave, "SELECT worker FROM allActiveWorkers")) == 2
    assert rows(dave, "SELECT securityGroup FROM allSecurityGroups") == []
    seen = rows(dave, "SELECT fullName, dateOfBirth FROM allWorkers WHERE dateOfBirth is not empty")
    assert [each["fullName"] for each in seen] == ["Dave Dorsett"]


def test_a_source_that_demands_a_filter_demands_it(wql: httpx2.Client) -> None:
    query = "SELECT sign_OnTime FROM allSystemAccountSignons"
    assert "dataSourceFilter" in ask(wql, query).text
    arguments = "dataSourceFilter=workdaySystemAccountSignonsInRange,fromMoment='2026-01-01',toMoment='2027-01-01'"
    assert ask(wql, f"{query}({arguments})").status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        "", "SELECT", "SELECT * FROM allWorkers", "SELECT nope FROM allWorkers", "SELECT worker FROM nope",
        "SELECT worker FROM allWorkers LIMIT 0", "SELECT worker FROM allWorkers LIMIT 1000000",
        "SELECT worker FROM allWorkers WHERE fullName > 'a'", "SELECT worker FROM allWorkers WHERE worker contains 'a'",
        "SELECT worker FROM allOrganizations", "SELECT organization FROM allOrganizations(effectiveAsOfDate='2026-01-01')",
        "SELECT worker FROM allWorkers WHERE fullName = 'it''s'", "SELECT worker FROM allWorkers; DROP",
    ],
)  # fmt: skip
def test_queries_that_are_refused(wql: httpx2.Client, query: str) -> None:
    answer = ask(wql, query)
    assert (answer.status_code, "errors" in answer.json()) == (400, True)


def test_only_bearer_tokens_are_taken(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    path = f"/ccx/api/wql/v1/{tenant.tenant}/dataSources"
    assert bare.get(path, auth=("integration", tenant.password("integration"))).status_code == 401


WORDS = st.sampled_from(
    ["SELECT", "a", ",", "FROM", "b", "(", ")", "WHERE", "=", "'x'", "AND", "is", "not", "empty", "LIMIT", "5", '"']
)


@settings(max_examples=200)
@given(st.lists(WORDS, max_size=14))
def test_any_text_is_read_or_refused(words: list[str]) -> None:
    text = " ".join(words)
    try:
        found = parse(text)
    except BadQuery:
        return
    assert found.select[0][0] in text
