import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

from .recordings import RESTFORCE, parsed
from .shapes import differences

recorded = pytest.mark.skipif(not RESTFORCE.is_dir(), reason=f"recorded bodies are not at {RESTFORCE}")


def body(name: str) -> object:
    return json.loads(Path(RESTFORCE / "sobject" / f"{name}.json").read_text("utf-8"))


def test_recent_rows_are_those_made_changed_and_viewed(crm: httpx2.Client, org: SalesforceOrg, login) -> None:
    keys = [crm.post("sobjects/Account", json={"Name": name}).json()["id"] for name in "ABC"]
    crm.patch(f"sobjects/Account/{keys[0]}", json={"Name": "A2"})
    crm.delete(f"sobjects/Account/{keys[1]}")
    crm.get(f"sobjects/Case/{org.rows('Case')[0]['Id']}")
    crm.get("query", params={"q": "SELECT Id FROM Lead LIMIT 1 FOR VIEW"})
    lead = org.rows("Lead")[0]
    told = crm.get("recent").json()
    assert [(each["Id"], each["Name"]) for each in told] == [
        (lead["Id"], lead["Name"]),
        (keys[0], "A2"),
        (keys[2], "C"),
    ]
    assert crm.get("recent", params={"limit": 1}).json() == told[:1]
    assert crm.get("sobjects/Account").json()["recentItems"] == told[1:]
    assert crm.get("recent", params={"limit": "x"}).status_code == 400
    assert login(org, "alice").get("recent").json() == []


@recorded
def test_recent_rows_have_the_recorded_shape(crm: httpx2.Client) -> None:
    crm.post("sobjects/Account", json={"Name": "A"})
    assert differences(body("recent_success_response"), crm.get("recent").json()) == set()


def test_list_views_show_rows_as_text(crm: httpx2.Client, org: SalesforceOrg, login) -> None:
    told = crm.get("sobjects/Account/listviews").json()
    assert (told["size"], told["done"], told["sobjectType"]) == (2, True, "Account")
    everything, mine = told["listviews"]
    assert [everything["label"], mine["developerName"]] == ["All Accounts", "MyAccounts"]
    assert crm.get(everything["url"].removeprefix("/services/data/v60.0/")).json() == everything
    key = crm.post("sobjects/Account", json={"Name": "Mine"}).json()["id"]
    path = f"sobjects/Account/listviews/{mine['id']}"
    shown = crm.get(f"{path}/results").json()
    assert shown["size"] == 1
    cells = {each["fieldNameOrPath"]: each["value"] for each in shown["records"][0]["columns"]}
    assert (cells["Name"], cells["Id"]) == ("Mine", key)
    assert cells["CreatedDate"].startswith("Fri Nov 20 ")
    described = crm.get(f"{path}/describe").json()
    answer = crm.get("query", params={"q": described["query"]})
    assert (answer.status_code, described["scope"]) == (200, "mine")
    last = {"limit": 5, "offset": len(org.rows("Account")) - 3}
    page = crm.get(f"sobjects/Account/listviews/{everything['id']}/results", params=last).json()
    assert (page["size"], page["done"]) == (3, True)
    bob = login(org, "bob")
    seen = bob.get(
        f"sobjects/Contact/listviews/{bob.get('sobjects/Contact/listviews').json()['listviews'][0]['id']}/results"
    )
    mine_only = [row for row in org.rows("Contact") if row["OwnerId"] == org.user(org.usernames["bob"])["Id"]]
    assert seen.json()["size"] == min(len(mine_only), 25)
    assert crm.get("sobjects/Account/listviews/00B8d0000000zzz").status_code == 404
    assert crm.get("sobjects/CaseStatus/listviews").json()["listviews"] == []


@recorded
def test_list_view_results_have_the_recorded_shape(crm: httpx2.Client) -> None:
    key = crm.get("sobjects/Account/listviews").json()["listviews"][0]["id"]
    ours = crm.get(f"sobjects/Account/listviews/{key}/results").json()
    assert differences(body("list_view_results_success_response"), ours) == set()


def test_quick_actions_fill_in_and_make_rows(crm: httpx2.Client, org: SalesforceOrg) -> None:
    everywhere = crm.get("quickActions").json()
    assert {each["name"] for each in everywhere} == {"NewCase", "NewTask", "NewLead"}
    here = {each["name"]: each for each in crm.get("sobjects/Account/quickActions").json()}
    assert here.keys() == {"NewCase", "NewTask", "NewLead", "Account.NewContact", "Account.NewOpportunity"}
    path = "sobjects/Account/quickActions/NewContact"
    assert here["Account.NewContact"]["urls"]["defaultValues"].endswith("quickActions/Account.NewContact/defaultValues")
    assert crm.get(path).json()["targetSobjectType"] == "Contact"
    account = str(org.rows("Account")[0]["Id"])
    assert crm.get(f"{path}/defaultValues/{account}").json()["AccountId"] == account
    assert "AccountId" not in crm.get(f"{path}/defaultValues").json()
    assert crm.get("quickActions/NewTask/defaultValues").json()["Priority"] == "Normal"
    made = crm.post(path, json={"contextId": account, "record": {"LastName": "Quick"}})
    assert (made.status_code, made.json()["success"]) == (201, True)
    assert crm.get(f"sobjects/Contact/{made.json()['ids'][0]}").json()["AccountId"] == account
    assert [each.action for each in org.journal.entries[-2].effects] == ["created"]
    assert crm.get(f"{path}/defaultValues/0018d0000000zzz").status_code == 404
    assert crm.get("quickActions/Nope").status_code == 404


def test_the_tooling_api_tells_of_code_and_definitions(crm: httpx2.Client, org: SalesforceOrg) -> None:
    def ask(text: str) -> dict:
        return crm.get("tooling/query/", params={"q": text}).json()

    tests = ask("SELECT Id, Name FROM ApexClass WHERE NamespacePrefix = null AND (Name LIKE '%_TEST%')")
    assert (tests["size"], tests["totalSize"], tests["entityTypeName"]) == (2, 2, "ApexClass")
    assert tests["records"][0]["attributes"]["url"].startswith("/services/data/v60.0/tooling/sobjects/ApexClass/")
    ids = ",".join(each["Id"] for each in tests["records"])
    job = crm.post("tooling/runTestsAsynchronous", json={"classids": ids}).json()
    results = ask(
        "SELECT Outcome, (SELECT Soql FROM ApexTestResults) FROM ApexTestResult "
        f"WHERE AsyncApexJobId = '{job}' ORDER BY MethodName"
    )
    assert [each["Outcome"] for each in results["records"]] == ["Pass"] * 3
    assert results["records"][0]["ApexTestResults"]["entityTypeName"] == "ApexTestResultLimits"
    assert crm.post("tooling/runTestsAsynchronous", json={"classids": "01p8d0000000zzz"}).status_code == 400
    fields = ask("SELECT QualifiedApiName FROM FieldDefinition WHERE EntityDefinition.QualifiedApiName = 'Lead'")
    assert {"Email", "Company"} <= {each["QualifiedApiName"] for each in fields["records"]}
    empty = ask("SELECT Id FROM ApexTestQueueItem WHERE Status = 'Failed'")
    assert (empty["entityTypeName"], empty["records"]) == (None, [])
    assert crm.get("tooling/query", params={"q": "SELECT Id FROM Contact"}).json()[0]["errorCode"] == "INVALID_TYPE"
    assert crm.get("query", params={"q": "SELECT Id FROM ApexClass"}).json()[0]["errorCode"] == "INVALID_TYPE"


def test_the_tooling_api_describes_its_columns(crm: httpx2.Client) -> None:
    for text, name, kind in (
        ("SELECT Name FROM ApexClass", "Name", "String"),
        ("SELECT QualifiedApiName FROM EntityDefinition", "QualifiedApiName", "String"),
    ):
        body = crm.get("tooling/query", params={"q": text, "columns": "true"}).json()
        assert [(each["columnName"], each["apexType"]) for each in body["columnMetadata"]] == [(name, kind)]


def test_every_limit_has_a_maximum_and_a_rest(crm: httpx2.Client) -> None:
    limits = crm.get("limits").json()
    assert len(limits) > 70
    assert all({"Max", "Remaining"} <= each.keys() for each in limits.values())
    told = {name: limits[name]["Max"] for name in ("DailyApiRequests", "DailyBulkV2QueryJobs", "DailyBulkApiBatches")}
    assert told == {"DailyApiRequests": 15_000, "DailyBulkV2QueryJobs": 10_000, "DailyBulkApiBatches": 15_000}


def test_a_key_finds_one_row_none_or_several(crm: httpx2.Client) -> None:
    for name in "AB":
        crm.post(
            "sobjects/Account", json={"Name": name, "Legacy_Number__c": "L-two", "Customer_Number__c": f"C-{name}"}
        )
    assert crm.get("sobjects/Account/Customer_Number__c/C-A").json()["Name"] == "A"
    several = crm.get("sobjects/Account/Legacy_Number__c/L-two")
    assert (several.status_code, len(several.json())) == (300, 2)
    assert crm.get("sobjects/Account/Customer_Number__c/none").json()[0] == {
        "message": "The requested resource does not exist",
        "errorCode": "NOT_FOUND",
    }
    assert crm.get("sobjects/Account/23foo").json() == [
        {
            "message": "Provided external ID field does not exist or is not accessible: 23foo",
            "errorCode": "NOT_FOUND",
        }
    ]


def test_large_answers_are_packed_when_asked(crm: httpx2.Client) -> None:
    plain = crm.get("sobjects/Account/describe", headers={"accept-encoding": "identity"})
    packed = crm.get("sobjects/Account/describe", headers={"accept-encoding": "deflate, gzip;q=0.5"})
    assert "content-encoding" not in plain.headers
    assert (packed.headers["content-encoding"], packed.headers["vary"]) == ("gzip", "Accept-Encoding")
    assert int(packed.headers["content-length"]) < len(plain.content) / 4
    assert packed.json() == plain.json()
    assert "content-encoding" not in crm.get("limits/recordCount?sObjects=Case").headers
    refused = crm.get("sobjects/Account/describe", headers={"accept-encoding": "gzip;q=0"})
    assert "content-encoding" not in refused.headers
    head = crm.head("sobjects/Account/describe", headers={"accept-encoding": "gzip"})
    assert (head.headers["content-encoding"], head.content) == ("gzip", b"")


@pytest.mark.parametrize(("name", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_packed_bodies_are_unpacked(crm: httpx2.Client, org: SalesforceOrg, name: str, pack) -> None:
    content = pack(json.dumps({"Subject": "packed"}).encode())
    headers = {"content-type": "application/json", "content-encoding": name}
    key = crm.post("sobjects/Case", content=content, headers=headers).json()["id"]
    assert crm.get(f"sobjects/Case/{key}").json()["Subject"] == "packed"
    assert parsed(org.journal.entries[-2].body) == {"Subject": "packed"}


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        ("gzip", b"{}"),
        ("br", b"{}"),
        ("gzip", gzip.compress(b"{}")[:-4]),
        ("gzip", gzip.compress(bytes(65 * 1024 * 1024))),
    ],
    ids=["no gzip", "unknown", "cut off", "a bomb"],
)
def test_bodies_that_cannot_be_unpacked_do_nothing(
    crm: httpx2.Client, org: SalesforceOrg, kind: str, content: bytes
) -> None:
    before = org.rows("Case")
    headers = {"content-type": "application/json", "content-encoding": kind}
    assert crm.post("sobjects/Case", content=content, headers=headers).status_code == 400
    assert org.rows("Case") == before


def test_chunked_bodies_are_read(crm: httpx2.Client) -> None:
    def chunks() -> Iterator[bytes]:
        yield b'{"Subject": '
        yield b'"in chunks"}'

    answer = crm.post("sobjects/Case/", content=chunks(), headers={"content-type": "application/json"})
    assert "content-length" not in answer.request.headers
    assert crm.get(f"sobjects/Case/{answer.json()['id']}").json()["Subject"] == "in chunks"


@pytest.mark.parametrize(
    "path",
    ["limits", "sobjects", "sobjects/Case", "sobjects/Case/describe", "query?q=SELECT Id FROM Case", "recent"],
)
def test_a_trailing_slash_changes_nothing(crm: httpx2.Client, path: str) -> None:
    path, _, query = path.partition("?")
    plain, slashed = (crm.get(each, params=query) for each in (path, f"{path}/"))
    assert slashed.status_code == 200
    assert plain.json().keys() == slashed.json().keys() if isinstance(plain.json(), dict) else plain.json() == []


def test_pretty_answers_say_the_same(crm: httpx2.Client) -> None:
    pretty = crm.get("sobjects/Case/describe", headers={"x-prettyprint": "1"})
    assert pretty.text.count("\n") > 100
    assert pretty.json() == crm.get("sobjects/Case/describe").json()


def test_a_post_may_carry_a_patch(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = str(org.rows("Case")[0]["Id"])
    answer = crm.post(f"sobjects/Case/{key}", params={"_HTTP_METHOD": "PATCH"}, json={"Subject": "patched"})
    assert answer.status_code == 204
    assert crm.get(f"sobjects/Case/{key}").json()["Subject"] == "patched"
    key_url = "sobjects/Case/Isthmus_Key__c/new"
    assert crm.post(key_url, params={"_HTTP_METHOD": "patch"}, json={}).status_code == 201
