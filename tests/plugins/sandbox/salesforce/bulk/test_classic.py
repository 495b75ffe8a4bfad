import csv
import io
import json
import xml.etree.ElementTree as ET
from collections.abc import Callable

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg

Login = Callable[..., httpx2.Client]
Open = Callable[..., httpx2.Client]
SPACE = "http://www.force.com/2009/06/asyncapi/dataload"
XML, JSON, CSV = "application/xml; charset=UTF-8", "application/json", "text/csv"


@pytest.fixture
def bulk(org: SalesforceOrg, login: Login) -> Open:
    """Open a client that names its session as this API wants it."""

    def open_client(user: str = "integration") -> httpx2.Client:
        client = login(org, user)
        token = client.headers.pop("authorization").partition(" ")[2]
        client.headers["x-sfdc-session"] = token
        client.base_url = f"{org.url}/services/async/60.0/"
        return client

    return open_client


def tree(answer: httpx2.Response) -> dict[str, str]:
    root = ET.fromstring(answer.content)
    assert root.tag.startswith(f"{{{SPACE}}}"), answer.text
    return {each.tag.rpartition("}")[2]: each.text or "" for each in root.iter()}


def make(client: httpx2.Client, operation: str, kind: str, name: str = "Contact", **more: str) -> str:
    told = {"operation": operation, "object": name, **more, "contentType": kind}
    inner = "".join(f"<{key}>{value}</{key}>" for key, value in told.items())
    answer = client.post("job", content=f'<jobInfo xmlns="{SPACE}">{inner}</jobInfo>', headers={"content-type": XML})
    assert (answer.status_code, tree(answer)["state"]) == (201, "Open")
    return tree(answer)["id"]


def add(client: httpx2.Client, job: str, content: str | bytes, kind: str) -> str:
    answer = client.post(f"job/{job}/batch", content=content, headers={"content-type": kind})
    assert answer.status_code == 201, answer.text
    told = answer.json() if "json" in answer.headers["content-type"] else tree(answer)
    assert told["state"] == "Queued"
    assert answer.headers["location"].endswith(f"/job/{job}/batch/{told['id']}")
    return told["id"]


def close(client: httpx2.Client, job: str, state: str = "Closed") -> dict[str, str]:
    content = f'<jobInfo xmlns="{SPACE}"><state>{state}</state></jobInfo>'
    return tree(client.post(f"job/{job}", content=content, headers={"content-type": XML}))


def test_rows_in_csv(bulk: Open, org: SalesforceOrg) -> None:
    client = bulk()
    job = make(client, "insert", "CSV")
    batch = add(client, job, '"LastName","Email"\r\n"One","a@b.example"\r\n"","c@d.example"\r\n', CSV)
    assert close(client, job)["state"] == "Closed"
    told = tree(client.get(f"job/{job}/batch"))
    assert (told["state"], told["numberRecordsProcessed"], told["numberRecordsFailed"]) == ("Completed", "2", "1")
    answer = client.get(f"job/{job}/batch/{batch}/result")
    header, good, bad = csv.reader(io.StringIO(answer.text))
    assert (answer.headers["content-type"], header) == ("text/csv", ["Id", "Success", "Created", "Error"])
    assert good[1:] == ["true", "true", ""]
    assert bad == ["", "false", "false", "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --"]
    assert org.rows("Contact")[-1]["Id"] == good[0]
    told = tree(client.get(f"job/{job}"))
    assert [told[f"numberBatches{each}"] for each in ("Completed", "Failed", "Total")] == ["1", "0", "1"]
    assert client.get(f"job/{job}/batch/{batch}/request").text.startswith('"LastName"')


def test_rows_in_xml(bulk: Open, org: SalesforceOrg) -> None:
    client, parent = bulk(), org.rows("Account")[0]
    job = make(client, "insert", "XML")
    nil = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:nil="true"'
    key = f"<sObject><Customer_Number__c>{parent['Customer_Number__c']}</Customer_Number__c></sObject>"
    rows = f"<sObject><LastName>R&amp;D</LastName><Account>{key}</Account><Title {nil}/></sObject><sObject/>"
    batch = add(client, job, f'<sObjects xmlns="{SPACE}">{rows}</sObjects>', XML)
    client.get(f"job/{job}/batch/{batch}")
    results = ET.fromstring(client.get(f"job/{job}/batch/{batch}/result").content)
    names = [[child.tag.rpartition("}")[2] for child in result] for result in results]
    assert names == [["id", "success", "created"], ["errors", "success", "created"]]
    made = org.rows("Contact")[-1]
    assert (made["LastName"], made["AccountId"], made["Title"]) == ("R&D", parent["Id"], None)


def test_rows_in_json(bulk: Open) -> None:
    client = bulk()
    told = {"operation": "insert", "object": "Contact", "concurrencyMode": 1, "contentType": "JSON"}
    job = client.post("job", json=told).json()
    assert (job["state"], job["concurrencyMode"], job["apiVersion"]) == ("Open", "Serial", 60.0)
    batch = add(client, job["id"], json.dumps([{"LastName": "J"}, {"Title": None}]), JSON)
    assert client.get(f"job/{job['id']}/batch/{batch}").json()["state"] == "Completed"
    good, bad = client.get(f"job/{job['id']}/batch/{batch}/result").json()
    assert (good["success"], good["created"], good["errors"]) == (True, True, [])
    assert (bad["id"], bad["errors"][0]["statusCode"], bad["errors"][0]["fields"]) == (
        None,
        "REQUIRED_FIELD_MISSING",
        ["LastName"],
    )
    listed = client.get(f"job/{job['id']}/batch", headers={"content-type": JSON}).json()
    assert [each["id"] for each in listed["batchInfo"]] == [batch]


@pytest.mark.parametrize("kind", ["CSV", "XML", "JSON"])
def test_queries(bulk: Open, org: SalesforceOrg, kind: str) -> None:
    client = bulk()
    job = make(client, "query", kind)
    media = {"CSV": CSV, "XML": XML, "JSON": JSON}[kind]
    batch = add(client, job, "SELECT Id, LastName, Account.Name, CreatedDate FROM Contact ORDER BY Id LIMIT 2", media)
    client.get(f"job/{job}/batch/{batch}")
    names = client.get(f"job/{job}/batch/{batch}/result")
    (name,) = names.json() if kind == "JSON" else [tree(names)["result"]]
    answer = client.get(f"job/{job}/batch/{batch}/result/{name}")
    first = org.rows("Contact")[0]
    parent = next(row["Name"] for row in org.rows("Account") if row["Id"] == first["AccountId"])
    if kind == "CSV":
        found = next(csv.DictReader(io.StringIO(answer.text)))
        assert (found["Id"], found["Account.Name"], found["CreatedDate"]) == (first["Id"], parent, first["CreatedDate"])
    elif kind == "JSON":
        found = answer.json()[0]
        assert (found["Id"], found["Account"]["Name"]) == (first["Id"], parent)
        assert isinstance(found["CreatedDate"], int)
    else:
        records = ET.fromstring(answer.content).findall(f"{{{SPACE}}}records")
        assert [each.findtext(f"{{{SPACE}}}type") for each in records] == ["Contact"] * 2
        assert records[0].findtext(f"{{{SPACE}}}Account/{{{SPACE}}}Name") == parent


def test_batches_follow_their_jobs_format_whatever_a_request_names(bulk: Open) -> None:
    client = bulk()
    job = make(client, "query", "CSV")
    batch = add(client, job, "SELECT Id FROM Contact LIMIT 1", CSV)
    for path in (f"job/{job}/batch", f"job/{job}/batch/{batch}", f"job/{job}/batch/{batch}/result"):
        tree(client.get(path, headers={"content-type": JSON}))


def test_a_query_that_cannot_be_run_fails_its_batch(bulk: Open) -> None:
    client = bulk()
    job = make(client, "query", "CSV")
    for soql in ("SELECT Nope FROM Contact", "SELECT Id, (SELECT Id FROM Contacts) FROM Account", "\xff"):
        batch = add(client, job, soql.encode("latin-1"), CSV)
        told = tree(client.get(f"job/{job}/batch/{batch}"))
        assert (told["state"], told["stateMessage"].startswith("InvalidBatch : ")) == ("Failed", True)
        assert tree(client.get(f"job/{job}/batch/{batch}/result")) == {"result-list": ""}


@pytest.mark.parametrize(
    ("kind", "media", "content"),
    [
        ("CSV", CSV, "LastName,Nope__c\nX,1\n"),
        ("CSV", CSV, "LastName,Title\nX\n"),
        ("XML", XML, '<!DOCTYPE x [<!ENTITY a "b">]><sObjects>&a;</sObjects>'),
        ("XML", XML, "<sObjects>"),
        ("JSON", JSON, '{"LastName": "X"}'),
        ("JSON", JSON, '[{"LastName": '),
        ("JSON", JSON, "[1]"),
    ],
)
def test_a_batch_that_cannot_be_read_fails(bulk: Open, org: SalesforceOrg, kind: str, media: str, content: str) -> None:
    client, before = bulk(), len(org.rows("Contact"))
    job = make(client, "insert", kind)
    batch = add(client, job, content, media)
    answer = client.get(f"job/{job}/batch/{batch}")
    told = answer.json() if kind == "JSON" else tree(answer)
    assert (told["state"], len(org.rows("Contact"))) == ("Failed", before)


def test_a_closed_job_takes_no_batch_and_an_aborted_one_leaves_them(bulk: Open, org: SalesforceOrg) -> None:
    client, before = bulk(), len(org.rows("Contact"))
    org.faults.arm("slow_job", looks=1)
    job = make(client, "insert", "CSV")
    batch = add(client, job, "LastName\nX\n", CSV)
    assert tree(client.get(f"job/{job}/batch/{batch}"))["state"] == "InProgress"
    assert close(client, job, "Aborted")["state"] == "Aborted"
    told = tree(client.get(f"job/{job}/batch/{batch}"))
    assert (told["state"], len(org.rows("Contact"))) == ("NotProcessed", before)
    refused = client.post(f"job/{job}/batch", content="LastName\nX\n", headers={"content-type": CSV})
    assert (refused.status_code, tree(refused)["exceptionCode"]) == (400, "InvalidJobState")


def test_however_often_one_looks_rows_are_loaded_once(bulk: Open, org: SalesforceOrg) -> None:
    client = bulk()
    job = make(client, "insert", "CSV")
    batch = add(client, job, "LastName\nOnly once\n", CSV)
    for path in (f"job/{job}", f"job/{job}/batch", f"job/{job}/batch/{batch}", f"job/{job}/batch/{batch}/result") * 2:
        client.get(path)
    assert [row["LastName"] for row in org.rows("Contact")].count("Only once") == 1


def test_a_slow_batch_takes_so_many_looks(bulk: Open, org: SalesforceOrg) -> None:
    client, before = bulk(), len(org.rows("Contact"))
    org.faults.arm("slow_job", looks=2)
    job = make(client, "insert", "CSV")
    batch = add(client, job, "LastName\nX\n", CSV)
    states = [tree(client.get(f"job/{job}/batch/{batch}"))["state"] for _ in range(3)]
    assert (states, len(org.rows("Contact"))) == (["InProgress", "InProgress", "Completed"], before + 1)


@pytest.mark.parametrize("kind", [XML, JSON])
def test_a_bad_session_is_a_400_in_the_clients_own_tongue(org: SalesforceOrg, kind: str) -> None:
    for headers in ({"x-sfdc-session": "00Dnonsense"}, {}):
        answer = httpx2.post(
            f"{org.url}/services/async/60.0/job", headers={"content-type": kind, **headers}, verify=False
        )
        told = answer.json() if kind == JSON else tree(answer)
        assert (answer.status_code, told["exceptionCode"]) == (400, "InvalidSessionId")
        assert org.journal.entries[-1].error in ("INVALID_SESSION_ID", "INVALID_AUTH_HEADER")


def test_the_session_is_not_written_down(bulk: Open, org: SalesforceOrg) -> None:
    client = bulk()
    make(client, "insert", "CSV")
    assert client.headers["x-sfdc-session"] not in str(org.journal.entries)


@pytest.mark.parametrize(
    ("told", "code"),
    [
        ({"object": "Nope"}, "InvalidEntity"),
        ({"operation": "merge"}, "InvalidJob"),
        ({"contentType": "ZIP_CSV"}, "FeatureNotEnabled"),
        ({"operation": "upsert", "externalIdFieldName": "Title"}, "InvalidJob"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(bulk: Open, told: dict[str, str], code: str) -> None:
    answer = bulk().post("job", json={"operation": "insert", "object": "Contact", "contentType": "JSON", **told})
    assert (answer.status_code, answer.json()["exceptionCode"]) == (400, code)


@pytest.mark.parametrize("content", ["{", "[]", "<jobInfo>"])
def test_settings_that_cannot_be_read_are_refused(bulk: Open, content: str) -> None:
    client = bulk()
    kind = XML if content.startswith("<") else JSON
    answer = client.post("job", content=content, headers={"content-type": kind})
    assert (answer.status_code, "InvalidJob" in answer.text) == (400, True)


def test_jobs_are_their_makers_own(bulk: Open) -> None:
    alice, bob = bulk("alice"), bulk("bob")
    job = make(alice, "query", "CSV")
    batch = add(alice, job, "SELECT Id FROM Contact", CSV)
    alice.get(f"job/{job}/batch/{batch}")
    for path in (f"job/{job}", f"job/{job}/batch", f"job/{job}/batch/{batch}/result", "job/750000000000001"):
        assert tree(bob.get(path))["exceptionCode"] == "InvalidJob"
    assert tree(alice.get(f"job/{job}/batch/751000000000001"))["exceptionCode"] == "InvalidBatch"
    assert tree(alice.get(f"job/{job}/nonsense"))["exceptionCode"] == "InvalidUrl"


def test_calls_count_and_the_quota_ends_them(bulk: Open, org: SalesforceOrg) -> None:
    client = bulk()
    used = org.quota.used
    make(client, "insert", "CSV")
    assert org.quota.used == used + 1
    org.faults.arm("daily_limit")
    answer = client.get("job/750000000000001")
    assert (answer.status_code, tree(answer)["exceptionCode"]) == (403, "ExceededQuota")
