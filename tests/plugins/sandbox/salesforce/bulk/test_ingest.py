import csv
import io
import json
from collections.abc import Callable

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

Login = Callable[..., httpx2.Client]
CSV = {"content-type": "text/csv; charset=UTF-8"}


def make(crm: httpx2.Client, operation: str = "insert", name: str = "Contact", **more: str) -> dict[str, object]:
    answer = crm.post("jobs/ingest", json={"object": name, "operation": operation, "contentType": "CSV", **more})
    assert answer.status_code == 200, answer.text
    return answer.json()


def submit(crm: httpx2.Client, text: str | bytes, operation: str = "insert", name: str = "Contact", **more: str) -> str:
    key = str(make(crm, operation, name, **more)["id"])
    uploaded = crm.put(f"jobs/ingest/{key}/batches", content=text, headers=CSV)
    assert (uploaded.status_code, uploaded.content) == (201, b"")
    closed = crm.patch(f"jobs/ingest/{key}", json={"state": "UploadComplete"})
    assert (closed.status_code, closed.json()["state"]) == (200, "UploadComplete")
    return key


def look(crm: httpx2.Client, key: str) -> dict[str, object]:
    return crm.get(f"jobs/ingest/{key}").json()


def table(crm: httpx2.Client, key: str, kind: str, delimiter: str = ",") -> list[dict[str, str]]:
    answer = crm.get(f"jobs/ingest/{key}/{kind}")
    assert answer.headers["content-type"] == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.text, newline=""), delimiter=delimiter))


def test_a_new_job_has_the_documented_shape(crm: httpx2.Client, org: SalesforceOrg) -> None:
    job = make(crm)
    assert job == {
        "id": job["id"],
        "operation": "insert",
        "object": "Contact",
        "createdById": org.user(org.username)["Id"],
        "createdDate": "2026-11-20T09:00:00.000+0000",
        "systemModstamp": "2026-11-20T09:00:00.000+0000",
        "state": "Open",
        "concurrencyMode": "Parallel",
        "contentType": "CSV",
        "apiVersion": 60.0,
        "contentUrl": f"services/data/v60.0/jobs/ingest/{job['id']}/batches",
        "lineEnding": "LF",
        "columnDelimiter": "COMMA",
    }
    assert str(job["id"]).startswith("750")
    assert len(str(job["id"])) == 18


def test_rows_fail_one_by_one_and_the_job_is_complete_all_the_same(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = submit(crm, "LastName,Email\nGood,good@x.example\n,nobody@x.example\nBad,no address\n")
    job = look(crm, key)
    counts = (job["state"], job["numberRecordsProcessed"], job["numberRecordsFailed"])
    assert counts == ("JobComplete", 3, 2)
    (good,) = table(crm, key, "successfulResults")
    assert (good["sf__Created"], good["LastName"]) == ("true", "Good")
    assert [row["Email"] for row in org.rows("Contact") if row["Id"] == good["sf__Id"]] == ["good@x.example"]
    errors = [row["sf__Error"] for row in table(crm, key, "failedResults")]
    assert errors == [
        "REQUIRED_FIELD_MISSING:Required fields are missing: [LastName]:LastName --",
        "INVALID_EMAIL_ADDRESS:Email: invalid email address: no address:Email --",
    ]
    assert table(crm, key, "unprocessedrecords") == table(crm, key, "unprocessedRecords") == []


def test_effects_stand_in_the_journal_with_the_request_that_closed_the_upload(
    crm: httpx2.Client, org: SalesforceOrg
) -> None:
    submit(crm, "LastName\nOne\nTwo\n")
    (entry,) = [each for each in org.journal.entries if each.effects]
    assert (entry.method, [each.action for each in entry.effects]) == ("PATCH", ["created", "created"])


def test_update_changes_only_what_is_said(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = org.rows("Contact")[0]
    key = submit(crm, f"Id,Title,Department\n{before['Id']},#N/A,\n", "update")
    assert look(crm, key)["numberRecordsFailed"] == 0
    (done,) = table(crm, key, "successfulResults")
    assert (done["sf__Id"], done["sf__Created"]) == (before["Id"], "false")
    after = next(row for row in org.rows("Contact") if row["Id"] == before["Id"])
    assert (after["Title"], after["Department"]) == (None, before["Department"])


def test_rows_that_do_not_exist_are_refused_one_by_one(crm: httpx2.Client) -> None:
    key = submit(crm, "Id,Title\n0038d0000009999AAA,x\nnonsense,x\n,x\n", "update")
    look(crm, key)
    codes = [row["sf__Error"].partition(":")[0] for row in table(crm, key, "failedResults")]
    assert codes == ["INVALID_CROSS_REFERENCE_KEY", "MALFORMED_ID", "MISSING_ARGUMENT"]


def test_upsert_creates_changes_and_names_the_candidates(crm: httpx2.Client, org: SalesforceOrg) -> None:
    known = org.rows("Account")[0]["Customer_Number__c"]
    key = submit(
        crm,
        f"Customer_Number__c,Name\n{known},Renamed\nC-new,Fresh\n,Nameless\n",
        "upsert",
        "Account",
        externalIdFieldName="Customer_Number__c",
    )
    assert look(crm, key)["externalIdFieldName"] == "Customer_Number__c"
    assert [row["sf__Created"] for row in table(crm, key, "successfulResults")] == ["false", "true"]
    assert [row["sf__Error"] for row in table(crm, key, "failedResults")] == [
        "MISSING_ARGUMENT:Customer_Number__c not specified:--"
    ]
    assert org.rows("Account")[0]["Name"] == "Renamed"


def test_upsert_by_a_key_that_several_rows_share_is_refused(crm: httpx2.Client, org: SalesforceOrg) -> None:
    values = [row["Legacy_Number__c"] for row in org.rows("Account")]
    shared = next(value for value in values if values.count(value) > 1)
    text = f"Legacy_Number__c,Name\n{shared},X\n"
    key = submit(crm, text, "upsert", "Account", externalIdFieldName="Legacy_Number__c")
    look(crm, key)
    (failed,) = table(crm, key, "failedResults")
    assert failed["sf__Error"].startswith("DUPLICATE_EXTERNAL_ID:Legacy_Number__c: more than one record found")


def test_upsert_by_id_creates_where_the_id_is_empty(crm: httpx2.Client, org: SalesforceOrg) -> None:
    known = org.rows("Contact")[0]["Id"]
    text = f'"Id","LastName"\n"{known}","Changed"\n"","Made"\n'
    key = submit(crm, text, "upsert", externalIdFieldName="Id")
    look(crm, key)
    assert [row["sf__Created"] for row in table(crm, key, "successfulResults")] == ["false", "true"]


def test_a_column_leads_to_a_parent_by_its_key(crm: httpx2.Client, org: SalesforceOrg) -> None:
    parent = org.rows("Account")[1]
    key = submit(crm, f"LastName,Account.Customer_Number__c\nChild,{parent['Customer_Number__c']}\nLost,C-none\n")
    assert look(crm, key)["numberRecordsFailed"] == 1
    (made,) = table(crm, key, "successfulResults")
    assert next(row for row in org.rows("Contact") if row["Id"] == made["sf__Id"])["AccountId"] == parent["Id"]


@pytest.mark.parametrize(("operation", "kept"), [("delete", True), ("hardDelete", False)])
def test_deleted_rows_stay_in_the_bin_unless_deleted_hard(
    crm: httpx2.Client, org: SalesforceOrg, operation: str, kept: bool
) -> None:
    gone = org.rows("Task")[0]["Id"]
    submit(crm, f"Id\n{gone}\n", operation, "Task")
    found = crm.get("queryAll", params={"q": f"SELECT Id FROM Task WHERE Id = '{gone}'"}).json()
    assert (found["totalSize"] == 1) is kept
    assert gone not in [row["Id"] for row in org.rows("Task")]
    actions = [each.action for entry in org.journal.entries for each in entry.effects]
    assert actions == (["deleted"] if kept else ["deleted", "purged"])


@pytest.mark.parametrize(
    ("delimiter", "char"),
    [("COMMA", ","), ("TAB", "\t"), ("SEMICOLON", ";"), ("PIPE", "|"), ("CARET", "^"), ("BACKQUOTE", "`")],
)
@pytest.mark.parametrize(("ending", "newline"), [("LF", "\n"), ("CRLF", "\r\n")])
def test_delimiters_and_line_endings(crm: httpx2.Client, delimiter: str, char: str, ending: str, newline: str) -> None:
    text = f'Subject{char}Description{newline}Müller{char}"a{char} ""b""{newline}c"{newline}'
    key = submit(crm, text.encode(), name="Case", columnDelimiter=delimiter, lineEnding=ending)
    assert look(crm, key)["state"] == "JobComplete"
    (row,) = table(crm, key, "successfulResults", char)
    assert (row["Subject"], row["Description"]) == ("Müller", f'a{char} "b"{newline}c')


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("LastName\r\nX\r\n", "LineEnding is invalid on user data. Current LineEnding setting is LF"),
        ("LastName,Nope__c\nX,1\n", "InvalidBatch : Field name not found : Nope__c"),
        ("LastName,Nope.Name\nX,1\n", "InvalidBatch : Field name not found : Nope.Name"),
        ("LastName,Title\nX\n", "row 1 has 1 columns, the header 2"),
        (b"LastName\nM\xfcller\n", "not UTF-8"),
        ('LastName\n"X" y\n', "Failed to parse CSV"),
    ],
)
def test_data_that_cannot_be_read_fails_the_job_as_a_whole(
    crm: httpx2.Client, org: SalesforceOrg, text: str | bytes, message: str
) -> None:
    before = len(org.rows("Contact"))
    job = look(crm, submit(crm, text))
    assert (job["state"], message in str(job["errorMessage"])) == ("Failed", True)
    assert (job["numberRecordsProcessed"], len(org.rows("Contact"))) == (0, before)
    assert len(table(crm, str(job["id"]), "failedResults")) == 0


def test_a_hidden_field_is_no_field(org: SalesforceOrg, login: Login) -> None:
    alice = login(org, "alice")
    job = look(alice, submit(alice, "LastName,SSN__c\nX,1\n"))
    assert job["errorMessage"] == "InvalidBatch : Field name not found : SSN__c"


def test_who_may_only_read_loads_nothing(org: SalesforceOrg, login: Login) -> None:
    carol, before = login(org, "carol"), org.rows("Contact")
    key = submit(carol, "LastName\nX\n")
    assert look(carol, key)["numberRecordsFailed"] == 1
    changed = submit(carol, f"Id,LastName\n{before[0]['Id']},X\n", "update")
    assert look(carol, changed)["numberRecordsFailed"] == 1
    assert org.rows("Contact") == before


def test_rows_that_sharing_hides_cannot_be_changed(org: SalesforceOrg, login: Login) -> None:
    bob = login(org, "bob")
    mine = org.user(org.usernames["bob"])["Id"]
    hidden = next(row for row in org.rows("Contact") if row["OwnerId"] != mine)
    key = submit(bob, f"Id,Title\n{hidden['Id']},X\n", "update")
    look(bob, key)
    assert table(bob, key, "failedResults")[0]["sf__Error"].startswith("INVALID_CROSS_REFERENCE_KEY")


def test_jobs_are_their_makers_own(org: SalesforceOrg, login: Login) -> None:
    alice, bob = login(org, "alice"), login(org, "bob")
    key = submit(alice, "LastName\nX\n")
    seen = [bob.get(f"jobs/ingest/{key}{more}").status_code for more in ("", "/successfulResults")]
    assert [*seen, bob.delete(f"jobs/ingest/{key}").status_code] == [404, 404, 404]
    assert bob.get("jobs/ingest").json()["records"] == []
    (listed,) = alice.get("jobs/ingest").json()["records"]
    assert (listed["id"], listed["jobType"]) == (key, "V2Ingest")


def test_a_multipart_request_makes_and_fills_a_job(crm: httpx2.Client, org: SalesforceOrg) -> None:
    job = json.dumps({"object": "Contact", "operation": "insert", "contentType": "CSV", "lineEnding": "CRLF"})
    parts = (
        f'--BOUND\r\nContent-Type: application/json\r\nContent-Disposition: form-data; name="job"\r\n\r\n{job}\r\n'
        '--BOUND\r\nContent-Type: text/csv\r\nContent-Disposition: form-data; name="content"; filename="content"\r\n'
        "\r\nLastName\r\nMehrteiligö\r\n\r\n--BOUND--\r\n"
    )
    headers = {"content-type": "multipart/form-data; boundary=BOUND"}
    made = crm.post("jobs/ingest", content=parts.encode(), headers=headers).json()
    assert made["state"] == "UploadComplete"
    assert look(crm, made["id"])["numberRecordsFailed"] == 0
    assert org.rows("Contact")[-1]["LastName"] == "Mehrteiligö"
    broken = crm.post("jobs/ingest", content=b"--BOUND--", headers=headers)
    assert broken.status_code == 400


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"object": "Nope"}, "INVALIDENTITY"),
        ({"object": "FieldDefinition"}, "INVALIDENTITY"),
        ({"operation": "merge"}, "INVALIDOPERATION"),
        ({"contentType": "XML"}, "INVALIDJOB"),
        ({"columnDelimiter": "DOT"}, "INVALIDJOB"),
        ({"lineEnding": "CR"}, "INVALIDJOB"),
        ({"operation": "upsert"}, "INVALIDJOB"),
        ({"operation": "upsert", "externalIdFieldName": "Title"}, "INVALIDJOB"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(crm: httpx2.Client, change: dict[str, str], code: str) -> None:
    answer = crm.post("jobs/ingest", json={"object": "Contact", "operation": "insert", **change})
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (400, code)


def test_states_allow_what_they_should(crm: httpx2.Client) -> None:
    key = str(make(crm)["id"])
    path = f"jobs/ingest/{key}"
    assert crm.delete(path).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert crm.get(f"{path}/successfulResults").json()[0]["errorCode"] == "INVALIDJOBSTATE"
    assert crm.patch(path, json={"state": "JobComplete"}).json()[0]["errorCode"] == "INVALIDJOBSTATE"
    crm.put(f"{path}/batches", content="LastName\nX\n", headers=CSV)
    twice = crm.put(f"{path}/batches", content="LastName\nX\n", headers=CSV)
    assert (twice.status_code, "only do 'PUT' once" in twice.json()[0]["message"]) == (400, True)
    crm.patch(path, json={"state": "UploadComplete"})
    assert crm.patch(path, json={"state": "UploadComplete"}).status_code == 400
    look(crm, key)
    assert "Aborting already JobComplete" in crm.patch(path, json={"state": "Aborted"}).json()[0]["message"]
    assert crm.delete(path).status_code == 204
    assert crm.get(path).status_code == 404


def test_an_aborted_job_leaves_its_rows_unprocessed(crm: httpx2.Client, org: SalesforceOrg) -> None:
    before = len(org.rows("Contact"))
    org.faults.arm("slow_job")
    key = submit(crm, "LastName\nA\nB\n")
    assert look(crm, key)["state"] == "InProgress"
    assert crm.patch(f"jobs/ingest/{key}", json={"state": "Aborted"}).json()["state"] == "Aborted"
    assert [row["LastName"] for row in table(crm, key, "unprocessedrecords")] == ["A", "B"]
    assert (look(crm, key)["state"], len(org.rows("Contact"))) == ("Aborted", before)


def test_a_slow_job_takes_so_many_looks(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("slow_job", looks=3)
    key = submit(crm, "LastName\nA\n")
    before = len(org.rows("Contact"))
    assert [look(crm, key)["state"] for _ in range(5)] == ["InProgress"] * 3 + ["JobComplete"] * 2
    assert len(org.rows("Contact")) == before + 1


def test_a_slow_job_waits_for_the_virtual_clock(crm: httpx2.Client, org: SalesforceOrg, sandbox: Sandbox) -> None:
    org.faults.arm("slow_job", seconds=60)
    key = submit(crm, "LastName\nA\n")
    assert [look(crm, key)["state"] for _ in range(3)] == ["InProgress"] * 3
    sandbox.clock.advance(seconds=60)
    assert look(crm, key)["state"] == "JobComplete"


def test_a_failing_job_shows_what_it_did_and_what_it_left(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("fail_job", rows=1)
    key = submit(crm, "LastName\nA\nB\nC\n")
    job = look(crm, key)
    assert (job["state"], job["numberRecordsProcessed"]) == ("Failed", 1)
    assert [row["LastName"] for row in table(crm, key, "successfulResults")] == ["A"]
    assert [row["LastName"] for row in table(crm, key, "unprocessedrecords")] == ["B", "C"]


def test_a_locked_row_fails_alone(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("lock_row")
    key = submit(crm, "LastName\nA\nB\n")
    assert look(crm, key)["numberRecordsFailed"] == 1
    assert table(crm, key, "failedResults")[0]["sf__Error"].startswith("UNABLE_TO_LOCK_ROW:")


def test_a_lost_answer_to_the_close_still_loads_once(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = str(make(crm)["id"])
    crm.put(f"jobs/ingest/{key}/batches", content="LastName\nOnce\n", headers=CSV)
    org.faults.arm("lost_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        crm.patch(f"jobs/ingest/{key}", json={"state": "UploadComplete"})
    assert look(crm, key)["state"] == "JobComplete"
    assert [row["LastName"] for row in org.rows("Contact")].count("Once") == 1
