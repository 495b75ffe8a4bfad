"""Does the connector read what other clients recorded from real orgs?

The recordings are no part of this project; without them these tests are skipped.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
import yaml

from isthmus.connectors.salesforce.answers import new_id, nodes_of, object_of
from isthmus.connectors.salesforce.describe import object_facts, object_summaries
from isthmus.connectors.salesforce.faults import fault_of
from isthmus.connectors.salesforce.queries import flat_row
from isthmus.core.connector import FaultKind
from isthmus.core.errors import CredentialError, NotFound, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.http.answer import parse_json
from isthmus.core.records import JSON

from .conftest import JSON_TYPE, answer

FIXTURES = Path(__file__).parents[4] / "shared" / "fixtures" / "salesforce"
RESTFORCE = FIXTURES / "restforce" / "spec" / "fixtures"
CUMULUSCI = FIXTURES / "cumulusci" / "cumulusci"

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the recordings of other clients are not here")

Exchange = tuple[str, str, int, Mapping[str, str], bytes]


def body(name: str) -> bytes:
    return (RESTFORCE / name).read_bytes()


def exchanges() -> Iterator[Exchange]:
    """Yield method, address, status, headers and body of every recorded exchange, and of every part of a composite."""
    for path in sorted(CUMULUSCI.rglob("*.yaml")):
        loaded = yaml.load(path.read_text(), Loader=yaml.CSafeLoader)
        for one in loaded.get("interactions", [loaded]):
            text = one.get("response", {}).get("body", {}).get("string")
            # Some name a shared file or a template instead.
            if not isinstance(text, str | bytes):
                continue
            request, response = one["request"], one["response"]
            told = {name.lower(): value[0] for name, value in response["headers"].items() if isinstance(value, list)}
            content = text if isinstance(text, bytes) else text.encode()
            status = response.get("status", {}).get("code", 200)
            yield request["method"], request["uri"], status, JSON_TYPE | told, content
            if content and request["uri"].endswith("/composite"):
                yield from parts(request["body"], content)


def parts(request: str, response: bytes) -> Iterator[Exchange]:
    # Some of these requests were edited by hand and are no JSON any more.
    told = [re.findall(rf'"{name}": ?"([^"]*)"', request) for name in ("referenceId", "method", "url")]
    asked = {reference: (method, url) for reference, method, url in zip(*told, strict=True)}
    for one in json.loads(response)["compositeResponse"]:
        content = b"" if one["body"] is None else json.dumps(one["body"]).encode()
        yield *asked[one["referenceId"]], one["httpStatusCode"], JSON_TYPE, content


NO_VERB = {
    r"POST .*/composite": "the envelope; what is inside is read part by part",
    r"(POST|PATCH) .*/composite/sobjects(/.+)?": "no verb writes several rows; they are read like single writes below",
    r"GET .*/limits/recordCount\?.*": "counts are asked for by SOQL",
    r"(GET|POST) .*/tooling/.*": "no verb asks for code",
    r"GET .*/connect/communities": "no verb asks for communities",
    r"(GET|POST) .*/services/async/.*": "no verb speaks Bulk 1.0",
}
"""Which recorded requests no verb of the connector sends, and why."""


def reader(exchange: Exchange) -> str | None:
    """Name what reads the answer in the tests below, or None where no verb could meet it."""
    method, where, status, _, _content = exchange
    path = urlsplit(where).path.rstrip("/")
    if any(re.fullmatch(one, f"{method} {where}", re.DOTALL) for one in NO_VERB):
        return None
    if status == 304:
        return "unchanged"
    if status >= 300:
        return "refusal"
    if method != "GET":
        return "write"
    if path.endswith("/describe"):
        return "description"
    if path.endswith("/sobjects"):
        return "list"
    return "page" if re.search("/query(All)?$", path) else "record" if re.search("/sobjects/[^/]+/00D", path) else ""


@pytest.fixture(scope="module")
def recorded() -> Mapping[str, list[Exchange]]:
    found: dict[str, list[Exchange]] = {}
    for one in exchanges():
        name = reader(one)
        if name is not None:
            found.setdefault(name, []).append(one)
    return found


def test_every_exchange_is_read_below_or_met_by_no_verb(recorded: Mapping[str, list[Exchange]]) -> None:
    assert recorded.keys() == {"description", "list", "page", "write", "record", "refusal", "unchanged"}
    sent = {f"{method} {where}" for method, where, *_ in exchanges()}
    assert [one for one in NO_VERB if not any(re.fullmatch(one, each, re.DOTALL) for each in sent)] == []
    whole = [one for name, ones in recorded.items() if name not in ("unchanged", "refusal") for one in ones]
    assert all("json" in headers["content-type"] for _, _, _, headers, _ in whole)


def test_every_description_of_an_object_is_read(recorded: Mapping[str, list[Exchange]]) -> None:
    read = {}
    for _, _, status, headers, content in recorded["description"]:
        described = object_of(Response(status, headers, content))
        facts = object_facts(described, {})
        assert set(facts.fields) == {str(one["name"]) for one in nodes_of(described["fields"])}
        assert all(one.classes for one in facts.fields.values())
        read[facts.name, len(facts.fields)] = facts
    assert {name for name, _ in read} >= {"Account", "Case", "Contact", "Lead", "Opportunity", "Event"}
    assert {facts.person for (name, _), facts in read.items() if name == "Account"} == {True, False}
    assert len(read) >= 9


def test_an_account_of_a_recorded_org_with_person_accounts_holds_personal_data(
    recorded: Mapping[str, list[Exchange]],
) -> None:
    text = (CUMULUSCI / "tests" / "cassettes" / "GET_sobjects_Account_PersonAccount_describe.yaml").read_text()
    told = yaml.safe_load(text)["response"]["body"]["string"]
    described = parse_json(told.encode())
    assert isinstance(described, Mapping)
    facts = object_facts(described, {})
    assert facts.person
    assert {"pii"} <= facts.field("PersonEmail").classes
    assert facts.field("Name").classes == {"pii"}


def test_the_list_of_objects_is_read(recorded: Mapping[str, list[Exchange]]) -> None:
    for _, _, status, headers, content in recorded["list"]:
        listed = object_summaries(object_of(Response(status, headers, content)))
        assert {"Account", "Contact"} <= {one.name for one in listed}


def test_every_answer_to_a_query_is_read(recorded: Mapping[str, list[Exchange]]) -> None:
    rows = 0
    for _, where, status, headers, content in recorded["page"]:
        response = Response(status, headers, content)
        assert fault_of(response) is None
        page = object_of(response)
        select = parse_qs(urlsplit(where).query)["q"][0].split("FROM")[0].split("from")[0]
        paths = [name.strip() for name in select.strip()[len("SELECT") :].split(",")]
        for raw in nodes_of(page["records"]):
            row = flat_row("Thing", raw, paths)
            assert "attributes" not in row.fields
            rows += 1
    assert rows > 20


def test_every_answer_to_a_write_is_read(recorded: Mapping[str, list[Exchange]]) -> None:
    for _, _, status, headers, content in recorded["write"]:
        response = Response(status, headers, content)
        assert fault_of(response) is None
        assert status == 204 or new_id(response)


def test_every_row_of_a_collection_is_read_like_a_single_write() -> None:
    rows = [
        row
        for _, where, status, _, content in exchanges()
        if "/composite/sobjects" in where and status == 200
        for row in json.loads(content)
    ]
    assert len(rows) > 100
    assert [fault_of(answer(200, row)) for row in rows if row["success"]] == [None] * len(rows)


def test_every_record_is_read(recorded: Mapping[str, list[Exchange]]) -> None:
    for _, _, status, headers, content in recorded["record"]:
        raw = object_of(Response(status, headers, content))
        row = flat_row("Organization", raw, ("Id", "InstanceName", "IsSandbox"))
        assert row.id.startswith("00D")
        assert None not in row.fields.values()


def test_every_refusal_has_a_kind_and_a_sentence(recorded: Mapping[str, list[Exchange]]) -> None:
    # A 304 answers a condition, and the connector sends none with a read.
    for _, _, status, headers, content in recorded["refusal"]:
        fault = fault_of(Response(status, headers, content))
        assert fault is not None
        assert fault.kind is not FaultKind.UNKNOWN
        assert fault.sentence


@pytest.mark.parametrize(
    ("status", "name", "kind", "error"),
    [
        (400, "auth_error_response.json", FaultKind.AUTHORIZATION, CredentialError),
        (400, "refresh_error_response.json", FaultKind.AUTHORIZATION, CredentialError),
        (401, "expired_session_response.json", FaultKind.AUTHORIZATION, CredentialError),
        (404, "sobject/delete_error_response.json", FaultKind.CALLER, NotFound),
        (400, "sobject/query_error_response.json", FaultKind.CALLER, UpstreamRejected),
        (400, "sobject/search_error_response.json", FaultKind.CALLER, UpstreamRejected),
        (404, "sobject/sobject_describe_error_response.json", FaultKind.CALLER, NotFound),
        (404, "sobject/sobject_find_error_response.json", FaultKind.CALLER, NotFound),
        (404, "sobject/upsert_error_response.json", FaultKind.CALLER, NotFound),
        (300, "sobject/upsert_multiple_error_response.json", FaultKind.CALLER, UpstreamRejected),
        (400, "sobject/write_error_response.json", FaultKind.CALLER, UpstreamRejected),
    ],
)
def test_recorded_errors_have_their_fault(status: int, name: str, kind: FaultKind, error: type[UpstreamError]) -> None:
    fault = fault_of(answer(status, body(name)))
    assert fault is not None
    assert (fault.kind, fault.error) == (kind, error)
    if status == 300:
        assert fault.sentence.startswith("2 records")


@pytest.mark.parametrize("name", ["create_success_response", "upsert_created_success_response"])
def test_recorded_creates_give_an_id(name: str) -> None:
    response = answer(201, body(f"sobject/{name}.json"))
    assert fault_of(response) is None
    assert new_id(response)


@pytest.mark.parametrize(
    ("name", "path", "values"),
    [
        ("query_success_response", "ParentWhizbang__r.Name", ["Parent Whizbang"]),
        ("query_paginated_first_page_response", "Text_Label", ["First Page"]),
        ("query_paginated_last_page_response", "Text_Label", ["Last Page"]),
        ("query_aggregate_success_response", "CampaignId", ["701E0000000JuFHIA0", "701E00000005ZqAIAU", None]),
        ("query_empty_response", "Id", []),
        ("org_query_response", "Id", ["00Dx0000000BV7z"]),
    ],
)
def test_recorded_pages_give_rows(name: str, path: str, values: list[JSON]) -> None:
    response = answer(200, body(f"sobject/{name}.json"))
    assert fault_of(response) is None
    rows = [flat_row("Whizbang", raw, (path,)) for raw in nodes_of(object_of(response)["records"])]
    assert [row.fields[path] for row in rows] == values


def test_recorded_descriptions_and_records_are_read() -> None:
    described = json.loads(body("sobject/sobject_describe_success_response.json"))
    facts = object_facts(described, {})
    assert facts.name
    assert facts.fields
    for name in ("describe_sobjects_success_response", "list_sobjects_success_response"):
        assert {one.name for one in object_summaries(json.loads(body(f"sobject/{name}.json")))} >= {"Account"}
    raw = json.loads(body("sobject/sobject_find_success_response.json"))
    assert flat_row("Whizbang", raw, ("Id", "Picklist_Multiselect_Label")).fields == {
        "Id": "23foo",
        "Picklist_Multiselect_Label": "four;six",
    }
    raw = json.loads(body("sobject/sobject_select_success_response.json"))
    assert flat_row("Whizbang", raw, ("External_Field__c",)).fields == {"External_Field__c": "1234"}


def test_an_empty_answer_to_an_update_is_read() -> None:
    told = body("sobject/upsert_updated_success_response.json")
    assert told.strip() == b""
    assert fault_of(answer(204, told)) is None


BODIES_OF_NO_VERB = {
    "auth_success_response": "made up without token_type, which RFC 6749 requires and every recorded login has",
    "reauth_success_response": "the same",
    "refresh_success_response": "the same",
    "services_data_success_response": "the version is a setting, not looked up",
    "sobject/get_deleted_success_response": "no verb lists changes yet",
    "sobject/get_updated_success_response": "no verb lists changes yet",
    "sobject/list_view_results_success_response": "no verb reads list views",
    "sobject/recent_success_response": "no verb asks what was used last",
    "sobject/search_success_response": "a bare array, as only very old versions answered",
}


def test_every_body_is_read_above_or_met_by_no_verb() -> None:
    names = {str(path.relative_to(RESTFORCE).with_suffix("")) for path in RESTFORCE.rglob("*.json")}
    text = Path(__file__).read_text("utf-8").partition("BODIES_OF_NO_VERB")[0]
    assert {name for name in names if name.rpartition("/")[2] not in text} == set(BODIES_OF_NO_VERB)
