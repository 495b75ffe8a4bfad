import csv
import io
from collections.abc import Callable

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

Login = Callable[..., httpx2.Client]


def ask(crm: httpx2.Client, soql: str, operation: str = "query", **more: str) -> dict[str, object]:
    answer = crm.post("jobs/query", json={"operation": operation, "query": soql, **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def whole(crm: httpx2.Client, soql: str, operation: str = "query") -> list[list[str]]:
    key = ask(crm, soql, operation)["id"]
    assert crm.get(f"jobs/query/{key}").json()["state"] == "JobComplete"
    answer = crm.get(f"jobs/query/{key}/results")
    assert answer.headers["sforce-locator"] == "null"
    return list(csv.reader(io.StringIO(answer.text, newline="")))


def test_a_new_job_has_the_documented_shape(crm: httpx2.Client, org: SalesforceOrg) -> None:
    job = ask(crm, "SELECT Id FROM Contact")
    assert job == {
        "id": job["id"],
        "operation": "query",
        "object": "Contact",
        "createdById": org.user(org.username)["Id"],
        "createdDate": "2026-11-20T09:00:00.000+0000",
        "systemModstamp": "2026-11-20T09:00:00.000+0000",
        "state": "UploadComplete",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 60.0,
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert crm.get(f"jobs/query/{job['id']}").json()["numberRecordsProcessed"] == len(org.rows("Contact"))


def test_pages_join_to_what_a_rest_query_gives(crm: httpx2.Client) -> None:
    soql = "SELECT Id, LastName, Account.Name FROM Contact ORDER BY Id"
    key = ask(crm, soql)["id"]
    crm.get(f"jobs/query/{key}")
    rows, locator, pages = [], "", 0
    while locator != "null":
        answer = crm.get(
            f"jobs/query/{key}/results", params={"maxRecords": 7, "locator": locator} if locator else {"maxRecords": 7}
        )
        header, *page = csv.reader(io.StringIO(answer.text, newline=""))
        assert header == ["Id", "LastName", "Account.Name"]
        assert int(answer.headers["sforce-numberofrecords"]) == len(page)
        rows, locator, pages = rows + page, answer.headers["sforce-locator"], pages + 1
    records = crm.get("query", params={"q": soql}).json()["records"]
    assert rows == [[each["Id"], each["LastName"], each["Account"]["Name"]] for each in records]
    assert pages == -(-len(records) // 7)


def test_columns_come_in_the_order_and_spelling_of_the_schema(crm: httpx2.Client) -> None:
    header, first, *_ = whole(crm, "select account.name, c.isdeleted, birthdate, id FROM Contact c")
    assert header == ["Account.Name", "IsDeleted", "Birthdate", "Id"]
    assert first[1] == "false"


def test_a_missing_parent_leaves_its_columns_empty(crm: httpx2.Client) -> None:
    made = crm.post("sobjects/Contact", json={"LastName": "Alone"}).json()["id"]
    header, row = whole(crm, f"SELECT Id, Account.Name, Account.Industry FROM Contact WHERE Id = '{made}'")
    assert (header, row) == (["Id", "Account.Name", "Account.Industry"], [made, "", ""])


def test_nothing_found_is_a_header_alone(crm: httpx2.Client) -> None:
    assert whole(crm, "SELECT Id, Name FROM Contact WHERE LastName = 'nobody'") == [["Id", "Name"]]


def test_only_query_all_gives_deleted_rows(crm: httpx2.Client, org: SalesforceOrg) -> None:
    gone = org.rows("Task")[0]["Id"]
    crm.delete(f"sobjects/Task/{gone}")
    found = [[gone] in whole(crm, "SELECT Id FROM Task", operation) for operation in ("query", "queryAll")]
    assert found == [False, True]


def test_the_dialect_is_the_jobs(crm: httpx2.Client) -> None:
    key = ask(crm, "SELECT Id, Name FROM Account LIMIT 1", columnDelimiter="PIPE", lineEnding="CRLF")["id"]
    crm.get(f"jobs/query/{key}")
    assert crm.get(f"jobs/query/{key}/results").text.startswith('"Id"|"Name"\r\n"001')


def test_a_user_gets_only_what_that_user_may_see(org: SalesforceOrg, login: Login) -> None:
    bob, alice = login(org, "bob"), login(org, "alice")
    mine = {row["Id"] for row in org.rows("Contact") if row["OwnerId"] == org.user(org.usernames["bob"])["Id"]}
    assert {row[0] for row in whole(bob, "SELECT Id FROM Contact")[1:]} == mine
    refused = alice.post("jobs/query", json={"operation": "query", "query": "SELECT SSN__c FROM Contact"})
    assert (refused.status_code, refused.json()[0]["errorCode"]) == (400, "INVALID_FIELD")
    key = ask(alice, "SELECT Id FROM Contact")["id"]
    assert [bob.get(f"jobs/query/{key}{more}").status_code for more in ("", "/results")] == [404, 404]


@pytest.mark.parametrize(
    ("soql", "code"),
    [
        ("SELECT Nope FROM Contact", "INVALID_FIELD"),
        ("SELECT Id FROM Nope", "INVALID_TYPE"),
        ("SELECT", "MALFORMED_QUERY"),
        ("SELECT count() FROM Contact", "FEATURENOTENABLED"),
        ("SELECT count(Id) n FROM Contact", "FEATURENOTENABLED"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "FEATURENOTENABLED"),
        ("SELECT Id, MailingAddress FROM Contact", "FEATURENOTENABLED"),
        ("", "INVALIDJOB"),
    ],
)
def test_what_bulk_queries_do_not_take_is_refused(crm: httpx2.Client, soql: str, code: str) -> None:
    answer = crm.post("jobs/query", json={"operation": "query", "query": soql})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_results_are_not_there_before_the_job_is_complete(
    crm: httpx2.Client, org: SalesforceOrg, sandbox: Sandbox
) -> None:
    org.faults.arm("slow_job", looks=1)
    key = ask(crm, "SELECT Id FROM Contact")["id"]
    early = crm.get(f"jobs/query/{key}/results")
    assert (early.status_code, early.content) == (204, b"")
    assert crm.delete(f"jobs/query/{key}").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert [crm.get(f"jobs/query/{key}").json()["state"] for _ in range(2)] == ["InProgress", "JobComplete"]
    assert crm.get(f"jobs/query/{key}/results").status_code == 200


def test_rows_are_those_of_the_moment_of_asking(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("slow_job", looks=1)
    key, before = ask(crm, "SELECT Id FROM Contact")["id"], len(org.rows("Contact"))
    crm.post("sobjects/Contact", json={"LastName": "Later"})
    [crm.get(f"jobs/query/{key}") for _ in range(2)]
    assert crm.get(f"jobs/query/{key}/results").headers["sforce-numberofrecords"] == str(before)


def test_jobs_fail_abort_and_end(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("fail_job", message="InternalServerError : no")
    broken = ask(crm, "SELECT Id FROM Contact")["id"]
    job = crm.get(f"jobs/query/{broken}").json()
    assert (job["state"], job["errorMessage"]) == ("Failed", "InternalServerError : no")
    assert crm.get(f"jobs/query/{broken}/results").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    stopped = ask(crm, "SELECT Id FROM Contact")["id"]
    assert crm.patch(f"jobs/query/{stopped}", json={"state": "UploadComplete"}).status_code == 400
    assert crm.patch(f"jobs/query/{stopped}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert crm.patch(f"jobs/query/{stopped}", json={"state": "Aborted"}).status_code == 400
    assert [each["id"] for each in crm.get("jobs/query").json()["records"]] == [broken, stopped]
    assert crm.delete(f"jobs/query/{stopped}").status_code == 204
    assert crm.get(f"jobs/query/{stopped}").status_code == 404


@pytest.mark.parametrize("params", [{"locator": "!!"}, {"locator": "LTU"}, {"maxRecords": "0"}, {"maxRecords": "x"}])
def test_foreign_locators_and_sizes_are_refused(crm: httpx2.Client, params: dict[str, str]) -> None:
    key = ask(crm, "SELECT Id FROM Contact")["id"]
    crm.get(f"jobs/query/{key}")
    assert crm.get(f"jobs/query/{key}/results", params=params).status_code == 400
