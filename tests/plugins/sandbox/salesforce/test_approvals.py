from collections.abc import Callable

import httpx2
import pytest

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

Submit = Callable[..., httpx2.Response]
LOCKED = (400, "ENTITY_IS_LOCKED")


def error(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()[0]["errorCode"]


def act(client: httpx2.Client, action: str, context: str, **more: object) -> httpx2.Response:
    request = {"actionType": action, "contextId": context, **more}
    return client.post("process/approvals/", json={"requests": [request]})


def rows(client: httpx2.Client, soql: str) -> list[dict]:
    answer = client.get("query", params={"q": soql})
    assert answer.status_code == 200, answer.text
    return answer.json()["records"]


def invoice(crm: httpx2.Client, amount: float = 5_000, **values: object) -> str:
    number = f"A-{amount}-{len(rows(crm, 'SELECT Id FROM Invoice__c'))}"
    answer = crm.post("sobjects/Invoice__c", json={"Invoice_Number__c": number, "Amount__c": amount, **values})
    return str(answer.json()["id"])


def person(org: SalesforceOrg, login: str) -> str:
    return str(org.user(org.usernames[login])["Id"])


@pytest.fixture
def greta(org: SalesforceOrg, login) -> httpx2.Client:
    return login(org, "greta")


def test_a_submitted_record_waits_for_its_approver(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = invoice(crm)
    answer = act(crm, "Submit", key[:15], comments="The customer went away.")
    [result] = answer.json()
    assert answer.status_code == 200
    assert list(result) == [
        *("actorIds", "entityId", "errors", "instanceId", "instanceStatus", "newWorkitemIds", "success"),
    ]
    assert (result["actorIds"], result["entityId"]) == ([person(org, "greta")], key)
    assert (result["errors"], result["instanceStatus"], result["success"]) == (None, "Pending", True)
    assert (result["instanceId"][:3], result["newWorkitemIds"][0][:3]) == ("04g", "04i")
    told = org.journal.entries[-1].effects
    assert [(each.action, each.object) for each in told] == [
        ("created", "ProcessInstance"), ("created", "ProcessInstanceStep"), ("created", "ProcessInstanceWorkitem"),
    ]  # fmt: skip


def test_the_tables_tell_the_whole_story(crm: httpx2.Client, greta: httpx2.Client, org: SalesforceOrg) -> None:
    key = invoice(crm)
    item = act(crm, "Submit", key, comments="why").json()[0]["newWorkitemIds"][0]
    soql = (
        "SELECT Status, TargetObject.Name, ProcessDefinition.DeveloperName, (SELECT StepStatus, ActorId, Comments FROM "
        f"Steps), (SELECT Id, ActorId FROM Workitems) FROM ProcessInstance WHERE TargetObjectId = '{key}'"
    )
    [before] = rows(crm, soql)
    assert (before["Status"], before["ProcessDefinition"]["DeveloperName"]) == ("Pending", "Invoice_Cancellation")
    assert [each["Id"] for each in before["Workitems"]["records"]] == [item]
    assert act(greta, "Approve", item, comments="fine").json()[0]["instanceStatus"] == "Approved"
    [after] = rows(crm, soql)
    steps = [(each["StepStatus"], each["ActorId"], each["Comments"]) for each in after["Steps"]["records"]]
    me = person(org, "integration")
    assert steps == [("Started", me, "why"), ("Approved", person(org, "greta"), "fine")]
    assert (after["Status"], after["Workitems"]) == ("Approved", None)
    below = f"SELECT (SELECT Status FROM ProcessInstances) FROM Invoice__c WHERE Id = '{key}'"
    assert rows(crm, below)[0]["ProcessInstances"]["records"][0]["Status"] == "Approved"


def test_an_approved_record_gets_what_was_asked_for(crm: httpx2.Client, greta: httpx2.Client) -> None:
    key = invoice(crm)
    item = act(crm, "Submit", key).json()[0]["newWorkitemIds"][0]
    [result] = act(greta, "Approve", item).json()
    assert (result["actorIds"], result["newWorkitemIds"], result["entityId"]) == (None, [], key)
    assert crm.get(f"sobjects/Invoice__c/{key}").json()["Status__c"] == "Cancelled"
    assert crm.patch(f"sobjects/Invoice__c/{key}", json={"Remark__c": "x"}).status_code == 204


def test_a_rejected_record_stays_as_it_was_and_may_be_submitted_again(crm: httpx2.Client, greta: httpx2.Client) -> None:
    key = invoice(crm)
    item = act(crm, "Submit", key).json()[0]["newWorkitemIds"][0]
    assert act(greta, "Reject", item, comments="no").json()[0]["instanceStatus"] == "Rejected"
    assert crm.get(f"sobjects/Invoice__c/{key}").json()["Status__c"] == "Open"
    assert act(crm, "Submit", key).json()[0]["success"] is True


def test_a_large_amount_takes_two_approvers(
    crm: httpx2.Client, greta: httpx2.Client, org: SalesforceOrg, login
) -> None:
    key = invoice(crm, 20_000)
    first = act(crm, "Submit", key).json()[0]["newWorkitemIds"][0]
    [half] = act(greta, "Approve", first).json()
    assert (half["instanceStatus"], half["actorIds"]) == ("Pending", [person(org, "henri")])
    assert error(crm.patch(f"sobjects/Invoice__c/{key}", json={"Remark__c": "x"})) == LOCKED
    [whole] = act(login(org, "henri"), "Approve", half["newWorkitemIds"][0]).json()
    assert (whole["instanceStatus"], whole["instanceId"]) == ("Approved", half["instanceId"])
    assert crm.get(f"sobjects/Invoice__c/{key}").json()["Status__c"] == "Cancelled"


class TestLocks:
    def test_a_pending_record_is_locked_for_all_but_administrators(
        self, crm: httpx2.Client, greta: httpx2.Client, org: SalesforceOrg, login
    ) -> None:
        key = invoice(crm)
        act(crm, "Submit", key)
        row = f"sobjects/Invoice__c/{key}"
        for client in (crm, greta):
            assert error(client.patch(row, json={"Remark__c": "x"})) == LOCKED
            assert error(client.delete(row)) == LOCKED
        assert crm.get(row).json()["Remark__c"] is None
        assert login(org, "admin").patch(row, json={"Remark__c": "x"}).status_code == 204

    def test_every_way_to_write_meets_the_lock(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        key = invoice(crm, Invoice_Number__c="LOCKED-1")
        act(crm, "Submit", key)
        record = {"attributes": {"type": "Invoice__c"}, "Id": key, "Remark__c": "x"}
        [told] = crm.patch("composite/sobjects", json={"records": [record]}).json()
        assert told["errors"][0]["statusCode"] == "ENTITY_IS_LOCKED"
        [told] = crm.delete("composite/sobjects", params={"ids": key}).json()
        assert told["errors"][0]["statusCode"] == "ENTITY_IS_LOCKED"
        upsert = crm.patch("sobjects/Invoice__c/Invoice_Number__c/LOCKED-1", json={"Remark__c": "x"})
        assert error(upsert) == LOCKED

    def test_an_approval_goes_with_its_record(self, crm: httpx2.Client, org: SalesforceOrg, login) -> None:
        key = invoice(crm)
        before = [len(org.rows(name)) for name in ("ProcessInstance", "ProcessInstanceStep", "ProcessInstanceWorkitem")]
        act(crm, "Submit", key)
        assert login(org, "admin").delete(f"sobjects/Invoice__c/{key}").status_code == 204
        after = [len(org.rows(name)) for name in ("ProcessInstance", "ProcessInstanceStep", "ProcessInstanceWorkitem")]
        assert after == before


class TestRefusals:
    def refused(self, client: httpx2.Client, action: str, context: str, **more: object) -> str:
        answer = act(client, action, context, **more)
        assert answer.status_code == 400, answer.text
        assert answer.json()[0].keys() == {"message", "errorCode", "fields"}
        return str(answer.json()[0]["errorCode"])

    def test_a_record_that_no_process_takes(self, crm: httpx2.Client, org: SalesforceOrg) -> None:
        small, paid = invoice(crm, 999), invoice(crm, Status__c="Paid")
        account = str(org.rows("Account")[0]["Id"])
        assert {self.refused(crm, "Submit", key) for key in (small, paid, account)} == {"NO_APPLICABLE_PROCESS"}
        named = {"processDefinitionNameOrId": "Deal_Review"}
        assert self.refused(crm, "Submit", invoice(crm), **named) == "NO_APPLICABLE_PROCESS"

    def test_the_entry_is_skipped_for_a_process_that_is_named(self, crm: httpx2.Client) -> None:
        skip = {"skipEntryCriteria": "true"}
        assert self.refused(crm, "Submit", invoice(crm, 5), **skip) == "NO_APPLICABLE_PROCESS"
        named = skip | {"processDefinitionNameOrId": "Invoice_Cancellation"}
        assert act(crm, "Submit", invoice(crm, 5), **named).json()[0]["success"] is True

    def test_a_record_is_in_one_process_at_a_time(self, crm: httpx2.Client) -> None:
        key = invoice(crm)
        act(crm, "Submit", key)
        assert self.refused(crm, "Submit", key) == "ALREADY_IN_PROCESS"

    def test_decisions_are_made_by_work_item_once(self, crm: httpx2.Client, greta: httpx2.Client) -> None:
        key = invoice(crm)
        result = act(crm, "Submit", key).json()[0]
        [item] = result["newWorkitemIds"]
        for wrong in (key, result["instanceId"], "04i8d0000000zzz"):
            assert self.refused(greta, "Approve", wrong) == "INVALID_CROSS_REFERENCE_KEY"
        assert self.refused(greta, "Approve", "nonsense") == "MALFORMED_ID"
        act(greta, "Reject", item)
        assert self.refused(greta, "Approve", item) == "INVALID_CROSS_REFERENCE_KEY"

    def test_only_the_actor_or_an_administrator_decides(self, crm: httpx2.Client, org: SalesforceOrg, login) -> None:
        [item] = act(crm, "Submit", invoice(crm)).json()[0]["newWorkitemIds"]
        code = "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY"
        assert {self.refused(each, "Approve", item) for each in (crm, login(org, "henri"))} == {code}
        assert act(login(org, "admin"), "Approve", item).json()[0]["instanceStatus"] == "Approved"
        assert org.rows("ProcessInstanceStep")[-1]["OriginalActorId"] == person(org, "greta")
        assert org.rows("ProcessInstanceStep")[-1]["ActorId"] == person(org, "admin")

    def test_missing_deleted_and_unknown_things(self, crm: httpx2.Client, org: SalesforceOrg, login) -> None:
        key = invoice(crm)
        crm.delete(f"sobjects/Invoice__c/{key}")
        assert self.refused(crm, "Submit", key) == "ENTITY_IS_DELETED"
        assert self.refused(crm, "Submit", "a018d0000000zzz") == "INVALID_CROSS_REFERENCE_KEY"
        assert self.refused(crm, "Submit", "") == "MALFORMED_ID"
        assert self.refused(crm, "Forget", invoice(crm)) == "INVALID_INPUT"
        assert self.refused(login(org, "carol"), "Submit", invoice(crm)) == "INSUFFICIENT_ACCESS_OR_READONLY"
        for name in ("nextApproverIds", "contextActorId"):
            nobody = {name: ["0058d0000000zzz"] if name.endswith("s") else person(org, "erin")}
            assert self.refused(crm, "Submit", invoice(crm), **nobody) == "INVALID_CROSS_REFERENCE_KEY"

    @pytest.mark.parametrize(
        "body", [{}, {"requests": []}, {"requests": [5]}, {"requests": [{"nextApproverIds": "x"}]}]
    )
    def test_a_broken_envelope(self, crm: httpx2.Client, body: dict) -> None:
        assert error(crm.post("process/approvals", json=body)) == (400, "JSON_PARSER_ERROR")


def test_each_request_of_several_has_its_result(crm: httpx2.Client, org: SalesforceOrg) -> None:
    good, small = invoice(crm), invoice(crm, 5)
    requests = [{"actionType": "Submit", "contextId": each} for each in (small, good)]
    answer = crm.post("process/approvals", json={"requests": requests})
    refusal, success = answer.json()
    assert (answer.status_code, success["success"], refusal["success"]) == (200, True, False)
    assert refusal["errors"][0] == {
        "statusCode": "NO_APPLICABLE_PROCESS",
        "message": "No applicable approval process was found.",
        "fields": [],
    }
    assert (refusal["entityId"], refusal["instanceId"]) == (small, None)
    again = crm.post("process/approvals", json={"requests": requests})
    assert again.status_code == 400
    assert [each["errorCode"] for each in again.json()] == ["NO_APPLICABLE_PROCESS", "ALREADY_IN_PROCESS"]


def test_an_approver_may_have_to_be_chosen(crm: httpx2.Client, org: SalesforceOrg, login) -> None:
    deal = {"Name": "Deal", "StageName": "Proposal", "CloseDate": "2027-01-31", "Amount": 250_000}
    key = crm.post("sobjects/Opportunity", json=deal).json()["id"]
    assert error(act(crm, "Submit", key)) == (400, "REQUIRED_FIELD_MISSING")
    assert org.rows("ProcessInstance")[-1]["TargetObjectId"] != key
    alice = person(org, "alice")
    [result] = act(crm, "Submit", key, nextApproverIds=[alice[:15]], contextActorId=person(org, "bob")).json()
    assert result["actorIds"] == [alice]
    assert org.rows("ProcessInstance")[-1]["SubmittedById"] == person(org, "bob")
    act(login(org, "alice"), "Reject", result["newWorkitemIds"][0])
    assert crm.get(f"sobjects/Opportunity/{key}").json()["NextStep"] == "Revise the offer"


def test_the_processes_are_listed_by_object(crm: httpx2.Client, org: SalesforceOrg) -> None:
    told = crm.get("process/approvals").json()["approvals"]
    assert told.keys() == {"Invoice__c", "Opportunity"}
    [first] = told["Invoice__c"]
    definition = org.rows("ProcessDefinition")[0]
    assert (first["id"], first["name"]) == (str(definition["Id"])[:15], "Invoice Cancellation")
    assert (first["object"], first["sortOrder"]) == ("Invoice__c", 1)
    assert (definition["State"], definition["LockType"], definition["TableEnumOrId"]) == (
        "Active",
        "Admin",
        "Invoice__c",
    )
    named = {"processDefinitionNameOrId": first["id"]}
    assert act(crm, "Submit", invoice(crm), **named).json()[0]["success"] is True


def test_a_lost_answer_leaves_the_record_pending(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = invoice(crm)
    org.faults.arm("lost_answer", method="POST", path="/process/approvals")
    with pytest.raises(httpx2.RemoteProtocolError):
        act(crm, "Submit", key)
    assert error(act(crm, "Submit", key)) == (400, "ALREADY_IN_PROCESS")


def test_a_composite_takes_an_approval_back(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = invoice(crm)
    before = org.rows("ProcessInstance", deleted=True)
    submit = {"requests": [{"actionType": "Submit", "contextId": key}]}
    parts = [
        {"method": "POST", "url": "/services/data/v60.0/process/approvals", "referenceId": "a", "body": submit},
        {"method": "POST", "url": "/services/data/v60.0/sobjects/Contact", "referenceId": "b", "body": {}},
    ]
    crm.post("composite", json={"allOrNone": True, "compositeRequest": parts})
    assert org.rows("ProcessInstance", deleted=True) == before
    assert act(crm, "Submit", key).json()[0]["success"] is True


def test_who_does_not_see_the_record_sees_no_approval_of_it(org: SalesforceOrg, crm: httpx2.Client, login) -> None:
    case = next(row for row in org.rows("Case") if row["OwnerId"] != person(org, "bob"))
    org.store.insert("ProcessInstance", {"TargetObjectId": case["Id"], "Status": "Approved"}, person(org, "greta"))
    soql = f"SELECT Id FROM ProcessInstance WHERE TargetObjectId = '{case['Id']}'"
    assert (len(rows(crm, soql)), len(rows(login(org, "bob"), soql))) == (1, 0)


def test_the_tables_are_written_by_processes_only(crm: httpx2.Client, org: SalesforceOrg) -> None:
    for name in ("ProcessDefinition", "ProcessInstance", "ProcessInstanceStep", "ProcessInstanceWorkitem"):
        assert error(crm.post(f"sobjects/{name}", json={})) == (400, "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY")
    key = org.rows("ProcessInstance")[0]["Id"]
    assert error(crm.patch(f"sobjects/ProcessInstance/{key}", json={"Status": "Approved"}))[0] == 403


@pytest.mark.parametrize("home", ["eu", "us"])
def test_one_invoice_waits_when_the_org_opens(sandbox: Sandbox, home: str, login) -> None:
    org = sandbox.salesforce[home]
    [instance], [item] = org.rows("ProcessInstance"), org.rows("ProcessInstanceWorkitem")
    assert (instance["Status"], item["ActorId"]) == ("Pending", person(org, "greta"))
    assert str(instance["CreatedDate"]).startswith("2026-11-18")
    [result] = act(login(org, "greta"), "Reject", str(item["Id"])).json()
    assert result["entityId"] == instance["TargetObjectId"]
