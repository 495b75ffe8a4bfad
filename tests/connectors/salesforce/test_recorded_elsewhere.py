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

from isthmus.connectors.salesforce.connector import _new_id, _nodes, _object
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


def plain(exchange: Exchange) -> bool:
    """Tell whether the exchange is one that a verb of the connector could meet."""
    method, where, _, headers, _content = exchange
    rest = re.sub("^/services/data/v[^/]+/", "", urlsplit(where).path).split("/")
    verb = rest[0] in ("query", "queryAll", "sobjects") and method in ("GET", "POST", "PATCH", "DELETE")
    return verb and "json" in headers["content-type"]


@pytest.fixture(scope="module")
def recorded() -> list[Exchange]:
    return [one for one in exchanges() if plain(one)]


def test_every_description_of_an_object_is_read(recorded: list[Exchange]) -> None:
    read = {}
    for _, where, status, headers, content in recorded:
        if where.endswith("/describe") and status == 200 and content:
            described = _object(Response(status, headers, content))
            facts = object_facts(described, {})
            assert set(facts.fields) == {str(one["name"]) for one in _nodes(described["fields"])}
            assert all(one.classes for one in facts.fields.values())
            read[facts.name, len(facts.fields)] = facts
    assert {name for name, _ in read} >= {"Account", "Case", "Contact", "Lead", "Opportunity", "Event"}
    assert {facts.person for (name, _), facts in read.items() if name == "Account"} == {True, False}
    assert len(read) >= 9


def test_an_account_of_a_recorded_org_with_person_accounts_holds_personal_data(recorded: list[Exchange]) -> None:
    text = (CUMULUSCI / "tests" / "cassettes" / "GET_sobjects_Account_PersonAccount_describe.yaml").read_text()
    told = yaml.safe_load(text)["response"]["body"]["string"]
    described = parse_json(told.encode())
    assert isinstance(described, Mapping)
    facts = object_facts(described, {})
    assert facts.person
    assert {"pii"} <= facts.field("PersonEmail").classes
    assert facts.field("Name").classes == {"pii"}


def test_the_list_of_objects_is_read(recorded: list[Exchange]) -> None:
    lists = [one for one in recorded if one[1].endswith("/sobjects") and one[2] == 200]
    assert lists
    for _, _, status, headers, content in lists:
        listed = object_summaries(_object(Response(status, headers, content)))
        assert {"Account", "Contact"} <= {one.name for one in listed}


def test_every_answer_to_a_query_is_read(recorded: list[Exchange]) -> None:
    rows = 0
    for _, where, status, headers, content in recorded:
        if "/query" not in where or status != 200:
            continue
        response = Response(status, headers, content)
        assert fault_of(response) is None
        page = _object(response)
        select = parse_qs(urlsplit(where).query)["q"][0].split("FROM")[0].split("from")[0]
        paths = [name.strip() for name in select.strip()[len("SELECT") :].split(",")]
        for raw in _nodes(page["records"]):
            row = flat_row("Thing", raw, paths)
            assert "attributes" not in row.fields
            rows += 1
    assert rows > 20


def test_every_answer_to_a_write_is_read(recorded: list[Exchange]) -> None:
    written = [one for one in recorded if one[0] in ("POST", "PATCH", "DELETE") and one[2] < 300]
    for _, _, status, headers, content in written:
        response = Response(status, headers, content)
        assert fault_of(response) is None
        assert status == 204 or _new_id(response)
    assert written


def test_every_row_of_a_collection_is_read_like_a_single_write() -> None:
    rows = [
        row
        for _, where, status, _, content in exchanges()
        if "/composite/sobjects" in where and status == 200
        for row in json.loads(content)
    ]
    assert len(rows) > 100
    assert [fault_of(answer(200, row)) for row in rows if row["success"]] == [None] * len(rows)


def test_every_record_is_read(recorded: list[Exchange]) -> None:
    records = [one for one in recorded if re.search("/sobjects/[^/]+/00D", one[1]) and one[2] == 200]
    assert records
    for _, _, status, headers, content in records:
        raw = _object(Response(status, headers, content))
        row = flat_row("Organization", raw, ("Id", "InstanceName", "IsSandbox"))
        assert row.id.startswith("00D")
        assert None not in row.fields.values()


def test_every_refusal_has_a_kind_and_a_sentence(recorded: list[Exchange]) -> None:
    # A 304 answers a condition, and the connector sends none with a read.
    refused = [one for one in recorded if one[2] >= 300 and one[2] != 304]
    assert refused
    for _, _, status, headers, content in refused:
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
    assert _new_id(response)


@pytest.mark.parametrize(
    ("name", "path", "values"),
    [
        ("query_success_response", "ParentWhizbang__r.Name", ["Parent Whizbang"]),
        ("query_paginated_first_page_response", "Text_Label", ["First Page"]),
        ("query_paginated_last_page_response", "Text_Label", ["Last Page"]),
        ("query_aggregate_success_response", "CampaignId", ["701E0000000JuFHIA0", "701E00000005ZqAIAU", None]),
        ("query_empty_response", "Id", []),
    ],
)
def test_recorded_pages_give_rows(name: str, path: str, values: list[JSON]) -> None:
    response = answer(200, body(f"sobject/{name}.json"))
    assert fault_of(response) is None
    rows = [flat_row("Whizbang", raw, (path,)) for raw in _nodes(_object(response)["records"])]
    assert [row.fields[path] for row in rows] == values


def test_recorded_descriptions_and_records_are_read() -> None:
    described = json.loads(body("sobject/sobject_describe_success_response.json"))
    facts = object_facts(described, {})
    assert facts.name
    assert facts.fields
    listed = object_summaries(json.loads(body("sobject/describe_sobjects_success_response.json")))
    assert listed
    raw = json.loads(body("sobject/sobject_find_success_response.json"))
    assert flat_row("Whizbang", raw, ("Id", "Picklist_Multiselect_Label")).fields == {
        "Id": "23foo",
        "Picklist_Multiselect_Label": "four;six",
    }
