import json
from pathlib import Path

import httpx2
import pytest

RECORDED = Path(__file__).parents[4].parent / "shared/fixtures/salesforce/restforce/spec/fixtures/sobject"


def test_global_describe_lists_the_objects(crm: httpx2.Client) -> None:
    body = crm.get("sobjects/").json()
    names = {each["name"] for each in body["sobjects"]}
    assert (body["encoding"], body["maxBatchSize"]) == ("UTF-8", 200)
    assert {"Account", "Contact", "Lead", "Case", "Opportunity", "User", "Task", "Invoice__c"} <= names
    assert crm.get("sobjects/Case").json()["objectDescribe"]["keyPrefix"] == "500"


def test_describe_tells_keys_picklists_and_references(crm: httpx2.Client) -> None:
    fields = {each["name"]: each for each in crm.get("sobjects/Case/describe").json()["fields"]}
    key = fields["Isthmus_Key__c"]
    assert (key["externalId"], key["unique"], key["idLookup"], key["custom"]) == (True, True, True, True)
    assert [each["value"] for each in fields["Status"]["picklistValues"]][:2] == ["New", "Working"]
    assert fields["ContactId"]["referenceTo"] == ["Contact"]
    assert fields["ContactId"]["relationshipName"] == "Contact"
    assert (fields["IsClosed"]["createable"], fields["IsClosed"]["updateable"]) == (False, False)
    assert fields["Description"]["filterable"] is False


def test_describe_answers_304_while_nothing_changed(crm: httpx2.Client) -> None:
    first = crm.get("sobjects/Contact/describe")
    again = {"if-modified-since": first.headers["last-modified"]}
    for headers in (again, {"if-none-match": first.headers["etag"]}):
        answer = crm.get("sobjects/Contact/describe", headers=headers)
        assert (answer.status_code, answer.content) == (304, b"")


def test_classification_can_be_queried_per_entity(crm: httpx2.Client) -> None:
    fields = "QualifiedApiName, SecurityClassification, ComplianceGroup"
    where = "EntityDefinition.QualifiedApiName = 'Contact'"
    answer = crm.get("query", params={"q": f"SELECT {fields} FROM FieldDefinition WHERE {where}"}).json()
    found = {
        each["QualifiedApiName"]: (each["SecurityClassification"], each["ComplianceGroup"])
        for each in answer["records"]
    }
    assert found["Email"] == ("Confidential", "PII;GDPR")
    assert found["Diagnosis__c"] == ("Restricted", "HIPAA")
    assert found["Hobby__c"] == (None, None)
    without = crm.get("query", params={"q": f"SELECT {fields} FROM FieldDefinition"})
    assert without.json()[0]["errorCode"] == "MALFORMED_QUERY"


@pytest.mark.skipif(not RECORDED.exists(), reason=f"recorded bodies are not at {RECORDED}")
def test_describe_has_every_key_of_a_recorded_one(crm: httpx2.Client) -> None:
    recorded = json.loads((RECORDED / "sobject_describe_success_response.json").read_text("utf-8"))
    ours = crm.get("sobjects/Contact/describe").json()
    assert set(recorded["fields"][0]) <= set(ours["fields"][0])
    assert set(recorded) - {"recordTypeInfos", "childRelationships", "namedLayoutInfos"} <= set(ours)
    brief = json.loads((RECORDED / "list_sobjects_success_response.json").read_text("utf-8"))["sobjects"][0]
    assert set(brief) <= set(crm.get("sobjects").json()["sobjects"][0])


def test_limits_count_down_in_body_and_header(crm: httpx2.Client) -> None:
    first, second = crm.get("limits"), crm.get("limits/")
    remaining = [each.json()["DailyApiRequests"]["Remaining"] for each in (first, second)]
    assert remaining[0] - remaining[1] == 1
    assert second.headers["sforce-limit-info"] == f"api-usage={15_000 - remaining[1]}/15000"
    counts = crm.get("limits/recordCount", params={"sObjects": "Account,Contact"}).json()["sObjects"]
    assert [each["name"] for each in counts] == ["Account", "Contact"]


def test_versions_are_listed_without_login_or_limit_header(crm: httpx2.Client) -> None:
    answer = httpx2.get(httpx2.URL(str(crm.base_url)).join("/services/data/"), verify=False)
    assert answer.json()[0] == {"label": "Summer '14", "url": "/services/data/v31.0", "version": "31.0"}
    assert "sforce-limit-info" not in answer.headers


def test_head_has_headers_only_and_pretty_print_breaks_lines(crm: httpx2.Client) -> None:
    head = crm.head("limits")
    assert (head.status_code, head.content) == (200, b"")
    assert "sforce-limit-info" in head.headers
    assert "\n" in crm.get("limits", headers={"x-prettyprint": "1"}).text
