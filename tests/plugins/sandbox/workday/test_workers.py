import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

from .conftest import Open


def everyone(client: httpx2.Client, **params: object) -> list[dict]:
    rows, total = [], 1
    while len(rows) < total:
        page = client.get("workers", params={"limit": 100, "offset": len(rows), **params}).json()
        rows, total = rows + page["data"], page["total"]
    return rows


def test_pages_hold_20_rows_and_at_most_100(common: httpx2.Client) -> None:
    page = common.get("workers").json()
    assert len(page["data"]) == 20 < page["total"]
    assert len({each["id"] for each in everyone(common)}) == page["total"]
    assert common.get("workers", params={"offset": 10_000}).json() == {"total": page["total"], "data": []}


@pytest.mark.parametrize("params", [{"limit": 101}, {"limit": 0}, {"limit": "x"}, {"offset": -1}])
def test_pages_that_nobody_may_ask_for_are_refused_barely(common: httpx2.Client, params: dict) -> None:
    answer = common.get("workers", params=params)
    assert (answer.status_code, answer.json()) == (400, {"error": "Invalid request"})
    assert answer.headers["x-wd-gid"].startswith("GID|")


def test_the_other_bare_error_is_not_found(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    for path in ("workers/" + "0" * 32, "nothing", "workers/Employee_ID=1"):
        answer = common.get(path)
        assert (answer.status_code, answer.json()) == (404, {"error": "Not found"})


def test_the_two_services_show_other_keys_of_the_same_workers(session: Open, tenant: WorkdayTenant) -> None:
    old, new = everyone(session(tenant)), everyone(session(tenant, service="staffing/v6"))
    assert [each["id"] for each in old] == [each["id"] for each in new]
    assert "primaryJob" in new[0]
    assert "primaryJob" not in old[0]
    countries = {each["primaryJob"]["location"].get("country", {}).get("ISO_3166-1_Alpha-3_Code") for each in new}
    assert countries == {"DEU", "FRA", "GBR", "USA", None}


def test_keys_without_a_value_are_left_out(common: httpx2.Client) -> None:
    rows = everyone(common)
    assert {"primaryWorkPhone" in each for each in rows} == {True, False}
    assert not any(value is None for each in rows for value in each.values())


def test_an_href_leads_nowhere(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    row = common.get("workers").json()["data"][0]
    assert row["href"].startswith(f"https://{tenant.host}/api/api/v1/")
    assert common.get(tenant.url + row["href"].removeprefix(f"https://{tenant.host}")).status_code == 404


def test_me_tells_the_date_of_birth_unasked_and_is_nobody_for_an_integration(
    session: Open, tenant: WorkdayTenant
) -> None:
    assert session(tenant, "alice").get("workers/me").json()["dateOfBirth"] == "1984-03-12"
    assert session(tenant).get("workers/me").status_code == 404


def test_a_worker_is_known_by_three_kinds_of_id(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    thing = tenant.things.of("Employee_ID", "21001")
    found = {common.get(f"workers/{mark}").json()["id"] for mark in (thing.wid, thing.number, "Employee_ID=21001")}
    assert found == {thing.wid}


def test_ids_differ_between_tenants(sandbox: Sandbox) -> None:
    assert sandbox.workday["eu"].wid("alice") != sandbox.workday["us"].wid("alice")


def test_domain_security_drops_rows_without_a_word(session: Open, tenant: WorkdayTenant) -> None:
    seen = {user: {each["descriptor"] for each in everyone(session(tenant, user))} for user in ("alice", "bob", "dave")}
    assert seen["alice"] > seen["bob"] >= {"Bob Boissard", "Dave Dorsett"}
    assert seen["dave"] == {"Dave Dorsett", "Greta Grimbold"}
    assert session(tenant, "dave").get("workers/Employee_ID=21001").status_code == 404


def test_domain_security_drops_fields_without_a_word(session: Open, tenant: WorkdayTenant) -> None:
    greta = session(tenant, "greta").get(f"workers/{tenant.wid('bob')}").json()
    assert "primaryWorkEmail" in greta
    assert "dateOfBirth" not in greta
    assert "dateOfBirth" in session(tenant, "carol").get(f"workers/{tenant.wid('bob')}").json()
    dave = session(tenant, "dave").get(f"workers/{tenant.wid('greta')}").json()
    assert "primaryWorkEmail" not in dave


def test_organizations_and_reports_hang_together(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    reports = common.get(f"workers/{tenant.wid('greta')}/directReports").json()["data"]
    assert {each["descriptor"] for each in reports} == {"Bob Boissard", "Dave Dorsett"}
    own = common.get(f"workers/{tenant.wid('bob')}/organizations").json()["data"]
    assert {each["organizationType"]["descriptor"] for each in own} == {"Supervisory", "Cost Center", "Company"}
    led = common.get(f"workers/{tenant.wid('greta')}/supervisoryOrganizationsManaged").json()["data"][0]
    members = common.get(f"supervisoryOrganizations/{led['id']}/workers").json()["data"]
    assert {each["id"] for each in members} == {each["id"] for each in reports}
    assert common.get("organizations", params={"limit": 100}).json()["total"] > led["name"].count("x")


def test_search_finds_by_name(common: httpx2.Client) -> None:
    assert [each["descriptor"] for each in everyone(common, search="dave dors")] == ["Dave Dorsett"]


def test_the_tokens_left_are_told_with_and_without_a_point(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    told = [common.get("workers").headers["wd-ratelimit-tokens-remaining"] for _ in range(3)]
    assert [float(each) for each in told] == [3599, 3598, 3597]
    assert {"." in each for each in told} == {True, False}


def test_an_empty_bucket_refuses_with_how_long(common: httpx2.Client, bare: httpx2.Client, sandbox: Sandbox) -> None:
    bare.post("/__sandbox__/quota", json={"rest": 1})
    assert common.get("workers").status_code == 200
    answer = common.get("workers")
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")
    sandbox.clock.advance(seconds=1)
    assert common.get("workers").status_code == 200


def test_rows_move_between_pages(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    first = common.get("workers", params={"limit": 5, "offset": 5}).json()
    tenant.faults.arm("shifted_rows")
    moved = common.get("workers", params={"limit": 5, "offset": 5}).json()
    assert moved["total"] == first["total"] - 1
    assert [each["id"] for each in moved["data"][:4]] == [each["id"] for each in first["data"][1:]]
