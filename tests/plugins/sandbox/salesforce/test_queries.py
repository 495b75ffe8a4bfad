import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

ALL = {"q": "SELECT Id FROM Contact ORDER BY Id"}


@pytest.fixture
def big(whole: Sandbox, login) -> httpx2.Client:
    return login(whole.salesforce["eu"])


def follow(client: httpx2.Client, url: str, **headers: str) -> httpx2.Response:
    return client.get(httpx2.URL(str(client.base_url)).join(url), headers=headers)


def test_pages_hold_two_thousand_rows_and_lead_on(big: httpx2.Client, whole: Sandbox) -> None:
    page = big.get("query/", params=ALL).json()
    ids = [record["Id"] for record in page["records"]]
    sizes = [len(ids)]
    while not page["done"]:
        assert page["nextRecordsUrl"].startswith("/services/data/v60.0/query/0r8")
        page = follow(big, page["nextRecordsUrl"]).json()
        sizes.append(len(page["records"]))
        ids += [record["Id"] for record in page["records"]]
    assert sizes == [2_000, 2_000, 2_000]
    assert page["totalSize"] == 6_000
    assert ids == sorted(str(row["Id"]) for row in whole.salesforce["eu"].rows("Contact"))
    assert "nextRecordsUrl" not in page


@pytest.mark.parametrize(("asked", "given"), [(250, 250), (5, 200), (9_999, 2_000)])
def test_batch_size_is_honoured_within_bounds(big: httpx2.Client, asked: int, given: int) -> None:
    headers = {"sforce-query-options": f"batchSize={asked}"}
    page = big.get("query", params=ALL, headers=headers).json()
    assert len(page["records"]) == given
    assert len(follow(big, page["nextRecordsUrl"]).json()["records"]) == given


def test_a_query_beside_a_locator_is_ignored(big: httpx2.Client) -> None:
    url = big.get("query", params=ALL).json()["nextRecordsUrl"]
    assert follow(big, f"{url}?q=SELECT+Id+FROM+Account").json()["records"][0]["attributes"]["type"] == "Contact"


def test_a_locator_serves_only_the_login_that_made_it(whole: Sandbox, login) -> None:
    org = whole.salesforce["eu"]
    one, two = login(org), login(org, "alice")
    url = one.get("query", params=ALL).json()["nextRecordsUrl"]
    assert follow(two, url).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert follow(one, url).status_code == 200


def test_a_locator_dies_for_ever_with_its_login(whole: Sandbox, login) -> None:
    org = whole.salesforce["eu"]
    one = login(org)
    url = one.get("query", params=ALL).json()["nextRecordsUrl"]
    org.faults.arm("expire_session")
    assert follow(one, url).status_code == 401
    for _ in range(2):
        answer = follow(login(org), url)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (401, "INVALID_SESSION_ID")


def test_an_eleventh_cursor_closes_the_first(whole: Sandbox, login) -> None:
    client = login(whole.salesforce["eu"], "carol")
    urls = [client.get("query", params=ALL).json()["nextRecordsUrl"] for _ in range(11)]
    assert follow(client, urls[0]).json()[0]["errorCode"] == "INVALID_QUERY_LOCATOR"
    assert follow(client, urls[1]).status_code == 200


def test_deleted_rows_show_in_query_all_only(crm: httpx2.Client) -> None:
    key = crm.post("sobjects/Case", json={"Subject": "gone"}).json()["id"]
    crm.delete(f"sobjects/Case/{key}")
    asked = {"q": f"SELECT Id, IsDeleted FROM Case WHERE Id = '{key}'"}
    assert crm.get("query", params=asked).json()["totalSize"] == 0
    assert crm.get("queryAll", params=asked).json()["records"][0]["IsDeleted"] is True
    refused = crm.get("query", params={"q": "SELECT Id FROM Case ALL ROWS"})
    assert refused.json()[0]["errorCode"] == "MALFORMED_QUERY"


def test_a_plus_sign_in_a_url_is_a_blank(crm: httpx2.Client) -> None:
    text = "SELECT+Id+FROM+Contact+WHERE+CreatedDate+>+2020-01-01T00:00:00"
    assert follow(crm, f"/services/data/v60.0/query?q={text}%2B00:00").status_code == 200
    assert follow(crm, f"/services/data/v60.0/query?q={text}+00:00").status_code == 400


def test_clauses_that_write_leave_a_trace(crm: httpx2.Client, org: SalesforceOrg) -> None:
    crm.get("query", params={"q": "SELECT Id FROM Contact LIMIT 2 FOR VIEW"})
    assert [each.action for each in org.journal.entries[-1].effects] == ["viewed", "viewed"]
    crm.get("query", params={"q": "SELECT Id FROM Contact LIMIT 1 FOR UPDATE"})
    assert [each.action for each in org.journal.entries[-1].effects] == ["locked"]


def test_too_many_groups_cannot_page(big: httpx2.Client) -> None:
    asked = {"q": "SELECT Email, COUNT(Id) FROM Contact GROUP BY Email"}
    assert big.get("query", params=asked).json()[0]["errorCode"] == "EXCEEDED_ID_LIMIT"
    assert big.get("query", params={"q": f"{asked['q']} LIMIT 10"}).json()["totalSize"] == 10


def test_errors_carry_the_place_in_the_statement(crm: httpx2.Client) -> None:
    answer = crm.get("query", params={"q": "SELECT Foo FROM Contact"})
    assert answer.status_code == 400
    assert answer.json()[0]["errorCode"] == "INVALID_FIELD"
    assert "ERROR at Row:1:Column:8\nNo such column 'Foo' on entity 'Contact'." in answer.json()[0]["message"]


def test_organization_tells_the_instance(crm: httpx2.Client) -> None:
    text = "SELECT InstanceName, IsSandbox, OrganizationType, NamespacePrefix, TrialExpirationDate FROM Organization"
    [record] = crm.get("query", params={"q": text}).json()["records"]
    assert (record["InstanceName"], record["IsSandbox"]) == ("DEU12", True)


def test_state_tables_explain_the_picklists(crm: httpx2.Client) -> None:
    text = "SELECT ApiName FROM CaseStatus WHERE IsClosed = true"
    assert [each["ApiName"] for each in crm.get("query", params={"q": text}).json()["records"]] == ["Closed"]
