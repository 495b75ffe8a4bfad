from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SalesforceOrg

BASE = "/services/data/v60.0"
HALTED = "The transaction was rolled back since another operation in the same transaction failed."


def part(method: str, url: str, reference: str, body: object = None, **headers: str) -> dict[str, object]:
    told = {"method": method, "url": f"{BASE}/{url}", "referenceId": reference}
    return told | ({"body": body} if body is not None else {}) | ({"httpHeaders": headers} if headers else {})


def composite(crm: httpx2.Client, *parts: Mapping[str, object], **flags: bool) -> dict[str, Any]:
    answer = crm.post("composite", json={"compositeRequest": parts, **flags})
    assert answer.status_code == 200, answer.text
    return {each["referenceId"]: each for each in answer.json()["compositeResponse"]}


def state(org: SalesforceOrg) -> object:
    tables = org.store.tables
    rows = {name: [dict(row) for row in table] for name, table in tables.items()}
    return rows, {name: dict(table.revisions) for name, table in tables.items()}


def found(org: SalesforceOrg, name: str, column: str, value: str) -> list[str]:
    table = org.store[name]
    return [str(row["Id"]) for row in table.find(table.sobject.by_name[column.lower()], value)]


ACCOUNT = part("POST", "sobjects/Account", "acc", {"Name": "Parts AG", "Customer_Number__c": "C-parts"})
BAD = part("POST", "sobjects/Contact", "bad", {"LastName": "A", "Email": "nobody"})


def test_later_parts_refer_to_earlier_ones(crm: httpx2.Client, org: SalesforceOrg) -> None:
    query = "query?q=SELECT Id, Name, Owner.Name FROM Account WHERE Customer_Number__c = 'C-parts'"
    answers = composite(
        crm,
        ACCOUNT,
        part("POST", "sobjects/Contact", "con", {"LastName": "of @{acc.id}", "AccountId": "@{acc.id}"}),
        part("GET", query, "rows"),
        part("PATCH", "sobjects/Contact/@{con.id}", "upd", {"Title": "@{rows.records[0].Owner.Name}"}),
        part("GET", "sobjects/Contact/@{con.id}?fields=Title,LastName,AccountId", "see"),
    )
    key = answers["acc"]["body"]["id"]
    assert [each["httpStatusCode"] for each in answers.values()] == [201, 201, 200, 204, 200]
    assert answers["acc"]["httpHeaders"] == {"Location": f"{BASE}/sobjects/Account/{key}"}
    assert answers["upd"]["body"] is None
    seen = answers["see"]["body"]
    assert (seen["Title"], seen["LastName"], seen["AccountId"]) == ("Integration Service", f"of {key}", key)
    assert org.journal.entries[-1].effects == (
        Effect("created", "Account", key),
        Effect("created", "Contact", answers["con"]["body"]["id"]),
        Effect("updated", "Contact", answers["con"]["body"]["id"]),
    )
    assert org.quota.used == 1


@pytest.mark.parametrize("path", ["acc.nope", "acc.errors[0]", "acc[0].id", "later.id"])
def test_a_reference_that_leads_nowhere_halts_its_part_only(crm: httpx2.Client, path: str) -> None:
    answers = composite(
        crm,
        ACCOUNT,
        part("PATCH", "sobjects/Account/@{acc.id}", "refers", {"Name": f"@{{{path}}}"}),
        part("POST", "sobjects/Case", "later", {"Subject": "x"}),
    )
    assert [each["httpStatusCode"] for each in answers.values()] == [201, 400, 201]
    told = answers["refers"]["body"][0]
    assert told["errorCode"] == "PROCESSING_HALTED"
    assert told["message"].startswith(f"Invalid reference specified. No value for {path} found in")


def test_parts_fail_alone_without_all_or_none(crm: httpx2.Client, org: SalesforceOrg) -> None:
    answers = composite(crm, ACCOUNT, BAD, part("GET", "sobjects/Nope", "none"))
    assert [each["httpStatusCode"] for each in answers.values()] == [201, 400, 404]
    assert answers["bad"]["body"][0]["errorCode"] == "INVALID_EMAIL_ADDRESS"
    assert found(org, "Account", "Customer_Number__c", "C-parts") == [answers["acc"]["body"]["id"]]


def test_all_or_none_takes_everything_back(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = str(org.rows("Account")[0]["Id"])
    tag = crm.get(f"sobjects/Account/{key}").headers["etag"]
    before = state(org)
    answers = composite(
        crm,
        part("PATCH", f"sobjects/Account/{key}", "upd", {"Name": "Changed", "Customer_Number__c": "C-new"}),
        ACCOUNT,
        part("DELETE", f"sobjects/Account/{key}", "del"),
        BAD,
        part("POST", "sobjects/Case", "never", {"Subject": "x"}),
        allOrNone=True,
    )
    codes = {name: each["body"][0]["errorCode"] for name, each in answers.items()}
    assert codes == {
        **dict.fromkeys(("upd", "acc", "del", "never"), "PROCESSING_HALTED"),
        "bad": "INVALID_EMAIL_ADDRESS",
    }
    assert {each["httpStatusCode"] for each in answers.values()} == {400}
    assert answers["upd"]["body"][0]["message"] == HALTED
    assert state(org) == before
    assert org.journal.entries[-1].effects == ()
    assert crm.get(f"sobjects/Account/{key}").headers["etag"] == tag
    assert found(org, "Account", "Customer_Number__c", "C-new") == []
    number = str(org.rows("Account")[0]["Customer_Number__c"])
    assert found(org, "Account", "Customer_Number__c", number) == [key]


def test_all_or_none_counts_failures_that_a_collection_hides(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = state(org)
    rows = [{"attributes": {"type": "Contact"}, "LastName": "A"}, {"attributes": {"type": "Contact"}}]
    answers = composite(crm, ACCOUNT, part("POST", "composite/sobjects", "many", {"records": rows}), allOrNone=True)
    assert [each["httpStatusCode"] for each in answers.values()] == [400, 400]
    assert state(org) == before


def test_a_part_has_headers_and_a_version_of_its_own(crm: httpx2.Client) -> None:
    seen = crm.get("sobjects").headers
    known = {"If-Modified-Since": seen["last-modified"]}
    answers = composite(
        crm,
        part("GET", "sobjects", "all", **known),
        part("GET", "sobjects/Account/describe", "one", **known),
        {"method": "GET", "url": "/services/data/v48.0/sobjects/Account", "referenceId": "old"},
        collateSubrequests=True,
    )
    assert answers["all"]["body"] is None
    assert [each["httpStatusCode"] for each in answers.values()] == [304, 304, 200]
    assert answers["all"]["httpHeaders"] == {"ETag": seen["etag"], "Last-Modified": seen["last-modified"]}
    described = answers["old"]["body"]["objectDescribe"]
    assert described["urls"]["sobject"] == "/services/data/v48.0/sobjects/Account"
    assert "associateEntityType" not in described


@pytest.mark.parametrize(
    "envelope",
    [
        {},
        {"compositeRequest": []},
        {"compositeRequest": ["x"]},
        {"compositeRequest": [part("GET", "limits", "1st")]},
        {"compositeRequest": [part("GET", "limits", "a"), part("GET", "limits", "a")]},
        {"compositeRequest": [part("GET", "limits", f"r{n}") for n in range(26)]},
        {"compositeRequest": [part("GET", "query?q=SELECT Id FROM Case", f"r{n}") for n in range(6)]},
        {"compositeRequest": [part("FETCH", "limits", "a")]},
        {"compositeRequest": [{"method": "GET", "referenceId": "a"}]},
        {"compositeRequest": [part("GET", "limits", "a")], "allOrNone": "yes"},
    ],
)
def test_a_bad_envelope_is_refused_as_a_whole(
    crm: httpx2.Client, org: SalesforceOrg, envelope: dict[str, object]
) -> None:
    before = state(org)
    assert crm.post("composite", json=envelope).status_code == 400
    assert state(org) == before


def test_parts_cannot_be_composites_or_lead_elsewhere(crm: httpx2.Client) -> None:
    answers = composite(
        crm,
        part("POST", "composite", "self", {"compositeRequest": [part("GET", "limits", "a")]}),
        {"method": "GET", "url": "https://elsewhere.example/services/data/v60.0/limits", "referenceId": "far"},
        {"method": "GET", "url": "/services/data/v9.0/limits", "referenceId": "old"},
        {"method": "POST", "url": "/services/oauth2/token", "referenceId": "token"},
    )
    assert [each["httpStatusCode"] for each in answers.values()] == [400, 404, 404, 404]


def test_parts_see_what_their_user_may_see(org: SalesforceOrg, login) -> None:
    alice, bob, carol = (login(org, name) for name in ("alice", "bob", "carol"))
    theirs = next(row for row in org.rows("Contact") if row["OwnerId"] != org.user(org.usernames["bob"])["Id"])
    one = part("GET", f"sobjects/Contact/{theirs['Id']}", "one")
    assert composite(bob, one)["one"]["httpStatusCode"] == 404
    assert "SSN__c" not in composite(alice, one)["one"]["body"]
    hidden = part("GET", "query?q=SELECT SSN__c FROM Contact", "hidden")
    assert composite(alice, hidden)["hidden"]["body"][0]["errorCode"] == "INVALID_FIELD"
    assert composite(carol, ACCOUNT)["acc"]["httpStatusCode"] == 400


def test_a_locked_row_fails_the_part_it_belongs_to(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("lock_row")
    answers = composite(crm, ACCOUNT, part("POST", "sobjects/Case", "case", {"Subject": "x"}))
    assert answers["acc"]["body"][0]["errorCode"] == "UNABLE_TO_LOCK_ROW"
    assert answers["case"]["httpStatusCode"] == 201
    assert org.journal.entries[-1].fault == "lock_row"


def graph(name: str, *parts: Mapping[str, object]) -> dict[str, object]:
    return {"graphId": name, "compositeRequest": parts}


def test_each_graph_is_a_transaction(crm: httpx2.Client, org: SalesforceOrg) -> None:
    contact = part("POST", "sobjects/Contact", "con", {"LastName": "A", "AccountId": "@{acc.id}"})
    other = part("POST", "sobjects/Account", "acc", {"Name": "Other"})
    answer = crm.post("composite/graph", json={"graphs": [graph("1", ACCOUNT, contact), graph("2", other, BAD)]})
    good, bad = answer.json()["graphs"]
    assert (answer.status_code, good["graphId"], good["isSuccessful"], bad["isSuccessful"]) == (200, "1", True, False)
    codes = [each["httpStatusCode"] for each in good["graphResponse"]["compositeResponse"]]
    assert codes == [201, 201]
    told = [each["body"][0]["errorCode"] for each in bad["graphResponse"]["compositeResponse"]]
    assert told == ["PROCESSING_HALTED", "INVALID_EMAIL_ADDRESS"]
    assert [each.action for each in org.journal.entries[-1].effects] == ["created", "created"]
    assert not any(row["Name"] == "Other" for row in org.rows("Account"))
    assert org.quota.used == 1


@pytest.mark.parametrize(
    "graphs",
    [
        [],
        [graph("1", ACCOUNT), graph("1", ACCOUNT)],
        [graph(str(number), ACCOUNT) for number in range(76)],
        [graph("1", *(part("GET", "limits", f"r{n}") for n in range(501)))],
        [{"compositeRequest": [ACCOUNT]}],
    ],
)
def test_graphs_have_names_and_limits(crm: httpx2.Client, org: SalesforceOrg, graphs: list[object]) -> None:
    assert crm.post("composite/graph", json={"graphs": graphs}).status_code == 400
    assert found(org, "Account", "Customer_Number__c", "C-parts") == []


def batch(crm: httpx2.Client, *parts: Mapping[str, object], **flags: bool) -> Any:
    answer = crm.post("composite/batch", json={"batchRequests": parts, **flags})
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_batch_parts_are_independent_and_each_counts(crm: httpx2.Client, org: SalesforceOrg) -> None:
    answer = batch(
        crm,
        {"method": "GET", "url": "v60.0/limits"},
        {"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {"Name": "Batched"}},
        {"method": "GET", "url": "v60.0/sobjects/Nope"},
        {"method": "GET", "url": "v60.0/query?q=SELECT+Name+FROM+Account+WHERE+Name='Batched'"},
    )
    assert answer["hasErrors"] is True
    assert [each["statusCode"] for each in answer["results"]] == [200, 201, 404, 200]
    assert answer["results"][3]["result"]["totalSize"] == 1
    assert org.quota.used == 4
    assert [each.action for each in org.journal.entries[-1].effects] == ["created"]
    assert batch(crm, {"method": "GET", "url": "v60.0/limits"})["hasErrors"] is False


def test_a_batch_halts_on_error_when_asked(crm: httpx2.Client, org: SalesforceOrg) -> None:
    wrong, right = {"method": "GET", "url": "v60.0/x"}, {"method": "GET", "url": "v60.0/limits"}
    answer = batch(crm, right, wrong, right, haltOnError=True)
    assert [each["statusCode"] for each in answer["results"]] == [200, 404, 412]
    assert answer["results"][2]["result"][0]["errorCode"] == "BATCH_PROCESSING_HALTED"
    assert org.quota.used == 2


def test_a_batch_that_outlasts_the_quota_loses_the_parts_behind_it(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.quota.set(used=98, maximum=100)
    answer = batch(crm, *[{"method": "GET", "url": "v60.0/recent"}] * 4)
    assert [each["statusCode"] for each in answer["results"]] == [200, 200, 403, 403]
    assert answer["results"][2]["result"][0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [{"method": "GET"}],
        [{"method": "GET", "url": "v60.0/limits"}] * 26,
        [{"method": "POST", "url": "v60.0/sobjects/Account", "richInput": {}, "binaryPartName": "b"}],
    ],
)
def test_batches_have_limits_and_no_binaries(crm: httpx2.Client, parts: list[object]) -> None:
    assert crm.post("composite/batch", json={"batchRequests": parts}).status_code == 400
