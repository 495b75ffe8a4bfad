"""Does simple-salesforce, as it is, work against the sandbox?"""

import base64
import csv
import json
import os
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest
import requests
from simple_salesforce import Salesforce, SalesforceLogin
from simple_salesforce.exceptions import (
    SalesforceAuthenticationFailed,
    SalesforceExpiredSession,
    SalesforceMalformedRequest,
    SalesforceMoreThanOneRecord,
    SalesforceRefusedRequest,
    SalesforceResourceNotFound,
)

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox


@pytest.fixture
def sf(gate: Sandbox, org: SalesforceOrg) -> Salesforce:
    return log_in_by_password(org)


def log_in_by_password(org: SalesforceOrg, user: str = "integration", **more: str) -> Salesforce:
    password, token = org.passwords.of(org.usernames[user])
    return Salesforce(username=org.usernames[user], password=password, security_token=token, **more)


def names(sandbox: Sandbox) -> set[str]:
    return {each.target.removesuffix(":443") for each in sandbox.asked[-2:]}


class TestLogins:
    @pytest.mark.parametrize("domain", ["login", "test"])
    @pytest.mark.parametrize("home", ["eu", "us"])
    def test_password_and_token(self, gate: Sandbox, home: str, domain: str) -> None:
        org = gate.salesforce[home]
        sf = log_in_by_password(org, domain=domain)
        assert (sf.auth_type, f"https://{sf.sf_instance}") == ("password", org.my_domain)
        assert sf.query("SELECT Id FROM Organization")["records"][0]["Id"] == org.org_id
        assert names(gate) == {f"{domain}.salesforce.com", sf.sf_instance}

    @pytest.mark.parametrize("home", ["eu", "us"])
    def test_jwt_bearer(self, gate: Sandbox, home: str, tmp_path: Path) -> None:
        org = gate.salesforce[home]
        file = tmp_path / "key.pem"
        file.write_text(org.private_key_pem)
        known = {"username": org.username, "consumer_key": org.client_id}
        for sf in (Salesforce(**known, privatekey=org.private_key_pem), Salesforce(**known, privatekey_file=str(file))):
            assert (sf.auth_type, f"https://{sf.sf_instance}") == ("jwt-bearer", org.my_domain)
            assert sf.query("SELECT Id FROM Organization")["records"][0]["Id"] == org.org_id

    def test_a_password_with_signs_that_xml_and_forms_escape(self, gate: Sandbox, org: SalesforceOrg) -> None:
        assert log_in_by_password(org, "alice").auth_type == "password"
        password, token = org.passwords.of(org.usernames["alice"])
        secret = {"consumer_key": org.client_id, "consumer_secret": org.client_secret}
        sf = Salesforce(username=org.usernames["alice"], password=password + token, **secret)
        assert sf.oauth2("userinfo")["preferred_username"] == org.usernames["alice"]

    def test_jwt_bearer_at_the_my_domain(self, gate: Sandbox, org: SalesforceOrg) -> None:
        sf = Salesforce(
            username=org.username,
            consumer_key=org.client_id,
            privatekey=org.private_key_pem,
            instance_url="kessmar-us.my",
        )
        assert sf.limits()["DailyApiRequests"]["Max"] == 15_000

    @pytest.mark.parametrize("domain", ["kessmar-us.my", "kessmar--us.sandbox.my"])
    def test_client_credentials(self, gate: Sandbox, org: SalesforceOrg, domain: str) -> None:
        sf = Salesforce(consumer_key=org.client_id, consumer_secret=org.client_secret, domain=domain)
        assert (sf.auth_type, sf.sf_instance) == ("client-credentials", f"{domain}.salesforce.com")
        assert sf.limits()["DailyApiRequests"]["Max"] == 15_000

    def test_password_grant(self, gate: Sandbox, org: SalesforceOrg) -> None:
        password, token = org.passwords.of(org.username)
        sf = Salesforce(
            username=org.username,
            password=password + token,
            consumer_key=org.client_id,
            consumer_secret=org.client_secret,
        )
        assert f"https://{sf.sf_instance}" == org.my_domain

    def test_trusted_network(self, gate: Sandbox, org: SalesforceOrg) -> None:
        org.passwords.trusts_network = True
        password, _ = org.passwords.of(org.username)
        sf = Salesforce(username=org.username, password=password, organizationId=org.org_id)
        assert sf.auth_type == "ipfilter"
        assert sf.limits()["DailyApiRequests"]["Max"] == 15_000

    def test_straight_to_the_tls_port(
        self, sandbox: Sandbox, org: SalesforceOrg, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(sandbox.ca_file))
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        asked, port = len(sandbox.asked), sandbox.tls_port
        password, token = org.passwords.of(org.username)
        for host in ("127.0.0.1", "localhost"):
            session_id, instance = SalesforceLogin(
                username=org.username, password=password, security_token=token, scratch_url=f"https://{host}:{port}"
            )
            assert instance == f"{host}:{port}"
            sf = Salesforce(session_id=session_id, instance=instance)
            assert sf.query("SELECT Id FROM Organization")["records"][0]["Id"] == org.org_id
            sf = Salesforce(session_id=session_id, instance_url=f"https://{instance}")
            assert sf.query_all("SELECT Id FROM Account")["totalSize"] == len(org.rows("Account"))
        form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
        token = requests.post(f"https://127.0.0.1:{port}/services/oauth2/token", data=form, timeout=5).json()
        sf = Salesforce(session_id=token["access_token"], instance_url=token["instance_url"])
        assert sf.limits()["DailyApiRequests"]["Max"] == 15_000
        assert len(sandbox.asked) == asked

    def test_refusals_arrive_with_the_vendors_codes(self, gate: Sandbox, org: SalesforceOrg) -> None:
        password, token = org.passwords.of(org.username)
        with pytest.raises(SalesforceAuthenticationFailed) as wrong:
            Salesforce(username=org.username, password="wrong", security_token=token)
        assert wrong.value.code == "INVALID_LOGIN"
        with pytest.raises(SalesforceAuthenticationFailed) as missing:
            Salesforce(username=org.username, password=password, security_token="")
        assert missing.value.code == "LOGIN_MUST_USE_SECURITY_TOKEN"
        with pytest.raises(SalesforceAuthenticationFailed) as secret:
            Salesforce(consumer_key=org.client_id, consumer_secret="wrong", domain="kessmar-us.my")
        assert (secret.value.code, secret.value.auth_message) == ("invalid_client", "invalid client credentials")

    def test_an_ended_login_is_renewed(self, sf: Salesforce, org: SalesforceOrg) -> None:
        first = sf.session_id
        org.logins.end_all()
        assert sf.query("SELECT Id FROM Organization")["totalSize"] == 1
        assert sf.session_id != first

    def test_a_login_that_was_handed_over_cannot_be_renewed(self, sf: Salesforce, org: SalesforceOrg) -> None:
        given = Salesforce(session_id=sf.session_id, instance=sf.sf_instance)
        org.logins.end_all()
        with pytest.raises(SalesforceExpiredSession):
            given.query("SELECT Id FROM Organization")

    def test_nothing_else_is_reached(self, gate: Sandbox) -> None:
        with pytest.raises(requests.exceptions.ProxyError):
            requests.get("https://example.com", timeout=5)
        assert requests.get("http://example.com", timeout=5).status_code == 405
        assert [each.status for each in gate.asked[-2:]] == [403, 405]


class TestReading:
    def test_aggregates_and_parents(self, sf: Salesforce, org: SalesforceOrg) -> None:
        counted = sf.query("SELECT count(Id) n FROM Contact")["records"][0]
        assert (counted["attributes"]["type"], counted["n"]) == ("AggregateResult", len(org.rows("Contact")))
        found = sf.query("SELECT Id, Account.Name FROM Contact LIMIT 1")["records"][0]
        assert isinstance(found["Account"]["Name"], str)

    def test_describe(self, sf: Salesforce, org: SalesforceOrg) -> None:
        listed = sf.describe()
        assert {"Account", "Contact", "Case"} <= {each["name"] for each in listed["sobjects"]}
        told = sf.Contact.describe()
        assert {"Id", "LastName", "AccountId"} <= {each["name"] for each in told["fields"]}
        assert sf.Contact.metadata()["objectDescribe"]["name"] == "Contact"

    def test_search(self, sf: Salesforce, org: SalesforceOrg) -> None:
        family = str(org.rows("Contact")[0]["LastName"])
        found = sf.search(f"FIND {{{family}}} IN NAME FIELDS RETURNING Contact(Id, LastName)")["searchRecords"]
        assert org.rows("Contact")[0]["Id"] in [each["Id"] for each in found]
        assert sf.quick_search(family)["searchRecords"]

    def test_limits_and_usage(self, sf: Salesforce) -> None:
        before = sf.limits()["DailyApiRequests"]["Remaining"]
        after = sf.limits()["DailyApiRequests"]["Remaining"]
        assert before - after == 1
        assert sf.api_usage["api-usage"].total == 15_000

    def test_other_resources(self, sf: Salesforce, org: SalesforceOrg) -> None:
        counted = sf.restful("limits/recordCount", params={"sObjects": "Account"})
        assert counted["sObjects"] == [{"count": len(org.rows("Account")), "name": "Account"}]
        assert sf.oauth2("userinfo")["organization_id"] == org.org_id
        assert sf.is_sandbox() is True

    def test_mistakes_arrive_as_its_exceptions(self, sf: Salesforce, org: SalesforceOrg) -> None:
        with pytest.raises(SalesforceMalformedRequest) as bad:
            sf.query("SELECT Nope FROM Contact")
        assert bad.value.content[0]["errorCode"] == "INVALID_FIELD"
        with pytest.raises(SalesforceResourceNotFound):
            sf.Contact.get("0038d0000009999AAA")
        org.faults.arm("daily_limit")
        with pytest.raises(SalesforceRefusedRequest) as limit:
            sf.limits()
        assert limit.value.content[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
        legacy = [row["Legacy_Number__c"] for row in org.rows("Account")]
        shared = next(value for value in legacy if legacy.count(value) > 1)
        with pytest.raises(SalesforceMoreThanOneRecord):
            sf.Account.get_by_custom_id("Legacy_Number__c", str(shared))


class TestPages:
    SOQL = "SELECT Id FROM Contact ORDER BY Id"

    @pytest.fixture(autouse=True)
    def many(self, org: SalesforceOrg) -> None:
        """Put more rows into the org than one page holds."""
        user = org.user(org.username)["Id"]
        for number in range(4_100 - len(org.rows("Contact"))):
            org.store.insert("Contact", {"LastName": f"Row {number}", "OwnerId": user}, str(user))

    def test_by_url_and_by_name(self, sf: Salesforce) -> None:
        first = sf.query(self.SOQL)
        assert (first["totalSize"], first["done"], len(first["records"])) == (4_100, False, 2_000)
        second = sf.query_more(first["nextRecordsUrl"], identifier_is_url=True)
        third = sf.query_more(second["nextRecordsUrl"].rpartition("/")[2])
        assert (len(second["records"]), len(third["records"]), third["done"]) == (2_000, 100, True)

    def test_all_at_once_and_one_by_one(self, sf: Salesforce) -> None:
        whole = sf.query_all(self.SOQL)
        assert (whole["done"], len(whole["records"])) == (True, 4_100)
        assert [each["Id"] for each in sf.query_all_iter(self.SOQL)] == [each["Id"] for each in whole["records"]]

    def test_in_bulk(self, sf: Salesforce) -> None:
        pages = list(sf.bulk2.Contact.query(self.SOQL, max_records=1_500, wait=0.01))
        rows = [row["Id"] for page in pages for row in csv.DictReader(page.splitlines())]
        assert (len(pages), len(rows), len(set(rows))) == (3, 4_100, 4_100)


class TestWriting:
    def test_create_read_update_delete(self, sf: Salesforce, org: SalesforceOrg) -> None:
        made = sf.Contact.create({"LastName": "Made", "Email": "made@x.example"})
        assert (made["success"], made["errors"]) == (True, [])
        key = made["id"]
        assert sf.Contact.get(key)["Email"] == "made@x.example"
        assert sf.Contact.update(key, {"LastName": "Changed"}) == 204
        assert sf.query(f"SELECT LastName FROM Contact WHERE Id = '{key}'")["records"][0]["LastName"] == "Changed"
        assert sf.Contact.delete(key) == 204
        assert sf.query_all(f"SELECT Id, IsDeleted FROM Contact WHERE Id = '{key}'", include_deleted=True)["records"]
        actions = [each.action for entry in org.journal.entries for each in entry.effects]
        assert actions == ["created", "updated", "deleted"]

    def test_upsert(self, sf: Salesforce, org: SalesforceOrg) -> None:
        name = "Customer_Number__c"
        assert sf.Account.upsert(f"{name}/C-fresh", {"Name": "Fresh"}) == 201
        assert sf.Account.upsert(f"{name}/C-fresh", {"Name": "Again"}) == 200
        assert sf.Account.get_by_custom_id(name, "C-fresh")["Name"] == "Again"

    def test_composite(self, sf: Salesforce) -> None:
        part = {"method": "GET", "url": f"/services/data/v{sf.sf_version}/limits", "referenceId": "limits"}
        try:
            answer = sf.restful("composite", method="POST", json={"compositeRequest": [part]})
        except SalesforceResourceNotFound:
            pytest.skip("the sandbox has no composite resource yet")
        (done,) = answer["compositeResponse"]
        assert (done["httpStatusCode"], done["referenceId"]) == (200, "limits")
        assert done["body"]["DailyApiRequests"]["Max"] == 15_000

    def test_a_write_whose_answer_is_lost_was_done_once(self, sf: Salesforce, org: SalesforceOrg) -> None:
        org.faults.arm("lost_answer", method="POST")
        with pytest.raises(requests.exceptions.ConnectionError):
            sf.Contact.create({"LastName": "Lost answer"})
        assert [row["LastName"] for row in org.rows("Contact")].count("Lost answer") == 1


class TestFiles:
    def test_upload_and_download(self, sf: Salesforce, org: SalesforceOrg) -> None:
        case = str(org.rows("Case")[0]["Id"])
        body = {"PathOnClient": "report.txt", "VersionData": base64.b64encode(b"report").decode()}
        made = sf.ContentVersion.create({**body, "FirstPublishLocationId": case})
        assert sf.ContentVersion.get(made["id"])["ContentSize"] == 6
        assert sf.ContentVersion.get_base64(made["id"], "VersionData") == b"report"
        found = sf.query(f"SELECT ContentDocument.Title FROM ContentDocumentLink WHERE LinkedEntityId = '{case}'")
        assert [each["ContentDocument"]["Title"] for each in found["records"]] == ["report"]

    def test_a_form_through_its_session(self, sf: Salesforce) -> None:
        content = bytes(range(256)) * 8_000
        fields = (None, '{"PathOnClient": "big.bin"}', "application/json")
        files = {"entity_content": fields, "VersionData": ("big.bin", content, "application/octet-stream")}
        headers = {"Authorization": f"Bearer {sf.session_id}"}
        made = sf.session.post(f"{sf.base_url}sobjects/ContentVersion", files=files, headers=headers)
        assert made.status_code == 201
        where = sf.ContentVersion.get(made.json()["id"])["VersionData"]
        with sf.session.get(f"https://{sf.sf_instance}{where}", headers=headers, stream=True) as answer:
            assert answer.headers["content-length"] == str(len(content))
            assert b"".join(answer.iter_content(100_000)) == content

    def test_attachments(self, sf: Salesforce, org: SalesforceOrg, tmp_path: Path) -> None:
        body = {"ParentId": org.rows("Case")[0]["Id"], "Name": "a", "Body": base64.b64encode(b"one").decode()}
        key = sf.Attachment.create(body)["id"]
        file = tmp_path / "two.txt"
        file.write_bytes(b"two")
        assert sf.Attachment.update_base64(key, str(file)) == 204
        assert sf.Attachment.get_base64(key) == b"two"


class TestApprovals:
    def approve(self, sf: Salesforce, **request: object) -> dict:
        [result] = sf.restful("process/approvals/", method="POST", json={"requests": [request]})
        return dict(result)

    def test_submit_and_approve(self, sf: Salesforce, org: SalesforceOrg) -> None:
        key = sf.Invoice__c.create({"Invoice_Number__c": "I-1", "Amount__c": 5_000})["id"]
        pending = self.approve(sf, actionType="Submit", contextId=key)
        with pytest.raises(SalesforceMalformedRequest, match="ENTITY_IS_LOCKED"):
            sf.Invoice__c.update(key, {"Remark__c": "x"})
        greta = log_in_by_password(org, "greta")
        done = self.approve(greta, actionType="Approve", contextId=pending["newWorkitemIds"][0], comments="fine")
        assert (done["instanceStatus"], sf.Invoice__c.get(key)["Status__c"]) == ("Approved", "Cancelled")
        assert "Invoice__c" in sf.restful("process/approvals")["approvals"]

    def test_a_refused_submission(self, sf: Salesforce) -> None:
        key = sf.Invoice__c.create({"Invoice_Number__c": "I-2", "Amount__c": 5})["id"]
        with pytest.raises(SalesforceMalformedRequest, match="NO_APPLICABLE_PROCESS"):
            self.approve(sf, actionType="Submit", contextId=key)


def test_changes_since_yesterday(sf: Salesforce, sandbox: Sandbox) -> None:
    made, gone = (sf.Case.create({"Subject": "x"})["id"] for _ in range(2))
    sf.Case.delete(gone)
    sandbox.clock.advance(minutes=1)
    since, now = sandbox.clock.now() - timedelta(days=1), sandbox.clock.now()
    assert sf.Case.updated(since, now)["ids"] == [made]
    assert [each["id"] for each in sf.Case.deleted(since, now)["deletedRecords"]] == [gone]


class TestBulk:
    def test_insert(self, sf: Salesforce, org: SalesforceOrg) -> None:
        done = sf.bulk.Contact.insert([{"LastName": "A"}, {"FirstName": "nameless"}, {"LastName": "B"}])
        assert [each["success"] for each in done] == [True, False, True]
        assert done[1]["errors"][0]["statusCode"] == "REQUIRED_FIELD_MISSING"
        assert [row["LastName"] for row in org.rows("Contact")[-2:]] == ["A", "B"]

    def test_batches_keep_their_order(self, sf: Salesforce) -> None:
        rows = [{"LastName": f"Row {number}"} for number in range(25)]
        done = sf.bulk.Contact.insert(rows, batch_size=10, include_detailed_results=True)
        assert [each["LastName"] for each in done] == [row["LastName"] for row in rows]

    def test_update_upsert_and_delete(self, sf: Salesforce, org: SalesforceOrg) -> None:
        first, second = (str(row["Id"]) for row in org.rows("Contact")[:2])
        assert sf.bulk.Contact.update([{"Id": first, "Title": "Lead"}])[0]["created"] is False
        upserted = sf.bulk.Account.upsert([{"Customer_Number__c": "C-bulk", "Name": "Bulk"}], "Customer_Number__c")
        assert (upserted[0]["success"], upserted[0]["created"]) == (True, True)
        assert sf.bulk.Contact.delete([{"Id": first}])[0]["success"]
        assert sf.bulk.Contact.hard_delete([{"Id": second}])[0]["success"]
        assert {row["Id"] for row in org.rows("Contact", deleted=True)} & {first, second} == {first}

    def test_query(self, sf: Salesforce, org: SalesforceOrg) -> None:
        rows = sf.bulk.Contact.query("SELECT Id, Account.Name FROM Contact ORDER BY Id")
        assert [row["Id"] for row in rows] == [row["Id"] for row in org.rows("Contact")]
        lazily = sf.bulk.Contact.query_all("SELECT Id FROM Contact LIMIT 3", lazy_operation=True)
        assert [len(page) for page in lazily] == [3]

    def test_a_session_that_ended_is_a_malformed_request(self, sf: Salesforce, org: SalesforceOrg) -> None:
        org.logins.end_all()
        with pytest.raises(SalesforceMalformedRequest) as ended:
            sf.bulk.Contact.query("SELECT Id FROM Contact")
        assert ended.value.content["exceptionCode"] == "InvalidSessionId"


class TestBulk2:
    def test_insert_and_results(self, sf: Salesforce, org: SalesforceOrg) -> None:
        records = [{"LastName": 'Ä, "quoted"', "Email": "a@x.example"}, {"LastName": "B", "Email": "no address"}]
        (done,) = sf.bulk2.Contact.insert(records=records, wait=0.01)
        assert (done["numberRecordsProcessed"], done["numberRecordsFailed"]) == (2, 1)
        results = sf.bulk2.Contact.get_all_ingest_records(done["job_id"])
        (good,), (bad,) = results["successfulRecords"], results["failedRecords"]
        # The vendor names no charset for CSV, and this library takes the results of loads for Latin-1 (its issue 706).
        assert good["LastName"].encode("latin-1").decode() == org.rows("Contact")[-1]["LastName"] == 'Ä, "quoted"'
        assert (good["sf__Created"], results["unprocessedRecords"]) == ("true", [])
        assert bad["sf__Error"].startswith("INVALID_EMAIL_ADDRESS:")
        assert org.rows("Contact")[-1]["Id"] == good["sf__Id"]

    def test_files_delimiters_and_several_jobs(self, sf: Salesforce, org: SalesforceOrg, tmp_path: Path) -> None:
        file = tmp_path / "contacts.csv"
        file.write_text("LastName|Title\n" + "".join(f"Row {number}|x\n" for number in range(6)))
        done = sf.bulk2.Contact.insert(str(file), batch_size=3, column_delimiter="PIPE", wait=0.01)
        assert [job["numberRecordsProcessed"] for job in done] == [3, 3]
        assert org.rows("Contact")[-1]["LastName"] == "Row 5"

    def test_update_upsert_delete(self, sf: Salesforce, org: SalesforceOrg) -> None:
        key = str(org.rows("Contact")[0]["Id"])
        update = sf.bulk2.Contact.update(records=[{"Id": key, "Title": "Lead"}], wait=0.01)
        upsert = sf.bulk2.Account.upsert(
            records=[{"Customer_Number__c": "C-2", "Name": "Two"}], external_id_field="Customer_Number__c", wait=0.01
        )
        delete = sf.bulk2.Contact.delete(records=[{"Id": key}], wait=0.01)
        assert [job["numberRecordsFailed"] for (job,) in (update, upsert, delete)] == [0, 0, 0]
        assert key not in {row["Id"] for row in org.rows("Contact")}

    def test_download(self, sf: Salesforce, org: SalesforceOrg, tmp_path: Path) -> None:
        pages = sf.bulk2.Contact.download("SELECT Id, Name FROM Contact", str(tmp_path), max_records=100, wait=0.01)
        files = [Path(page["file"]).read_text().splitlines() for page in pages]
        assert sum(len(lines) - 1 for lines in files) == len(org.rows("Contact"))
        assert {lines[0] for lines in files} == {'"Id","Name"'}

    def test_a_failed_job_is_its_exception(self, sf: Salesforce, org: SalesforceOrg) -> None:
        from simple_salesforce.exceptions import SalesforceOperationError

        org.faults.arm("fail_job")
        with pytest.raises(SalesforceOperationError, match="unexpected error"):
            list(sf.bulk2.Contact.query("SELECT Id FROM Contact", wait=0.01))

    def test_an_ended_login_is_not_renewed(self, sf: Salesforce, org: SalesforceOrg) -> None:
        org.logins.end_all()
        with pytest.raises(SalesforceExpiredSession):
            list(sf.bulk2.Contact.query("SELECT Id FROM Contact", wait=0.01))


class TestProcesses:
    CODE = (
        "import json, sys; from simple_salesforce import Salesforce; sf = Salesforce(**json.loads(sys.argv[1])); "
        "print(sf.sf_instance, len(sf.query_all('SELECT Id FROM Contact')['records'])); sf.session.close()"
    )

    def test_the_printed_environment_is_all_that_another_process_needs(self) -> None:
        serve = [sys.executable, "-m", "isthmus.plugins.sandbox", "--accounts", "20", "--contacts", "50"]
        serving = subprocess.Popen([*serve, "--print-json"], stdout=subprocess.PIPE, text=True)
        try:
            assert serving.stdout is not None
            printed = json.loads(serving.stdout.readline())
            login = json.dumps(printed["salesforce"]["eu"]["logins"]["integration"])
            around = {**os.environ, **printed["environment"]}
            client = subprocess.run(
                [sys.executable, "-c", self.CODE, login], env=around, capture_output=True, text=True, timeout=60
            )
        finally:
            serving.terminate()
            serving.communicate(timeout=10)
        assert client.stdout.split() == ["kessmar-eu.my.salesforce.com", "30"], client.stderr
        assert not Path(printed["ca_file"]).parent.exists()
