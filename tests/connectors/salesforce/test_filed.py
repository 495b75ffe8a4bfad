"""Is an upload, a download and an approval known by its bytes, and nothing that only resembles one?"""

import io
import json
from collections.abc import Callable

import httpx2
import pytest

from isthmus.connectors.salesforce.approvals import approval_actions
from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.organisation import probe_of
from isthmus.core.connector import Upload
from isthmus.core.errors import Denied, UpstreamError
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import Row

from .conftest import Crm

Build = Callable[..., httpx2.Request]
ID, ITEM, FILE, USER = "5008d0000000001AAA", "04i8d0000000001AAA", "0688d0000000001AAA", "0058d0000000001AAA"
BOUNDARY = "isthmus-" + "0" * 64
VALUES = {"PathOnClient": "a.txt", "FirstPublishLocationId": ID, "Description": "Sent through isthmus, call 1"}
FORM = (
    b"--{b}\r\n"
    b'Content-Disposition: form-data; name="entity_content"\r\n'
    b"Content-Type: application/json\r\n\r\n"
    b"{v}\r\n"
    b"--{b}\r\n"
    b'Content-Disposition: form-data; name="VersionData"; filename="content"\r\n'
    b"Content-Type: application/octet-stream\r\n\r\n"
)


def head(values: object = None, boundary: str = BOUNDARY) -> bytes:
    told = values if isinstance(values, bytes) else json.dumps(VALUES if values is None else values).encode()
    return FORM.replace(b"{b}", boundary.encode()).replace(b"{v}", told)


def upload(body: bytes, path: str = "/sobjects/ContentVersion", boundary: str = BOUNDARY) -> httpx2.Request:
    where = f"https://crm.example/services/data/v62.0{path}"
    kind = {"content-type": f'multipart/form-data; boundary="{boundary}"'}
    return httpx2.Request("POST", where, headers=kind, content=body)


def test_an_upload_is_a_create_beside_its_record() -> None:
    assert list(classify(upload(head()))) == [RequestClass(Effect.CREATE, "ContentVersion", (ID,))]


@pytest.mark.parametrize(
    "request_",
    [
        upload(head({**VALUES, "ContentDocumentId": "0698d0000000001AAA"})),
        upload(head({**VALUES, "OwnerId": USER})),
        upload(head({name: value for name, value in VALUES.items() if name != "FirstPublishLocationId"})),
        upload(head({**VALUES, "FirstPublishLocationId": "5008d"})),
        upload(head({**VALUES, "FirstPublishLocationId": [ID]})),
        upload(head({**VALUES, "Description": {"x": 1}})),
        upload(head(b'{"PathOnClient": "a", "FirstPublishLocationId": "%s", "Description": "b", "Description": "c"}')),
        upload(head(b"{")),
        upload(head() + b"the file itself"),
        upload(b"preamble\r\n" + head()),
        upload(head() + head()),
        upload(head(), boundary="isthmus-" + "1" * 64),
        upload(head(boundary="other"), boundary="other"),
        upload(head().replace(b"entity_content", b"entity_contents")),
        upload(head().replace(b"\r\n", b"\n")),
        upload(head(), "/sobjects/Attachment"),
        upload(head(), "/sobjects/Case"),
        upload(head(), f"/sobjects/ContentVersion/{FILE}"),
        upload(head(), f"/sobjects/ContentVersion/Isthmus_Key__c/{FILE}"),
        upload(json.dumps(VALUES).encode()),
        upload(json.dumps({"requests": [{"actionType": "Submit", "contextId": ID}]}).encode(), "/process/approvals"),
        httpx2.Request("PATCH", upload(head()).url, headers=upload(head()).headers, content=head()),
    ],
)
def test_does_not_know_any_other_form(request_: httpx2.Request) -> None:
    assert list(classify(request_)) == []


def test_the_bytes_of_a_file_are_a_read_of_it(request_to: Build) -> None:
    for object, field in (("ContentVersion", "VersionData"), ("Attachment", "Body")):
        found = list(classify(request_to("GET", f"/sobjects/{object}/{FILE}/{field}")))
        assert found == [RequestClass(Effect.READ, object, (FILE,))]
    for path in (f"ContentVersion/{FILE}/Body", f"ContentVersion/{FILE}/VersionData?x=1", f"Document/{FILE}/Body"):
        assert list(classify(request_to("GET", f"/sobjects/{path}"))) == []


def asked(word: str, context: str, **more: object) -> dict[str, object]:
    return {"actionType": word, "contextId": context, **more}


def test_each_request_for_an_approval_is_told_by_the_state_it_leads_to(request_to: Build) -> None:
    wanted = [asked("Submit", ID, comments="x", nextApproverIds=[USER]), asked("Approve", ITEM), asked("Reject", ITEM)]
    assert list(classify(request_to("POST", "/process/approvals", {"requests": wanted}))) == [
        RequestClass(Effect.TRANSITION, "ProcessInstance", (ID,), to_state="Submitted"),
        RequestClass(Effect.TRANSITION, "ProcessInstanceWorkitem", (ITEM,), to_state="Approved"),
        RequestClass(Effect.TRANSITION, "ProcessInstanceWorkitem", (ITEM,), to_state="Rejected"),
    ]
    assert list(classify(request_to("GET", "/process/approvals"))) == [RequestClass(Effect.READ, metadata=True)]


@pytest.mark.parametrize(
    "other",
    [
        asked("submit", ID),
        asked("Removed", ITEM),
        asked("Submit", ITEM),
        asked("Approve", ID),
        asked("Approve", ITEM, processDefinitionNameOrId="x"),
        asked("Submit", "nobody"),
        asked("Submit", ID, contextActorId=USER),
        asked("Submit", ID, skipEntryCriteria=True),
        asked("Submit", ID, nextApproverIds=["x"]),
        asked("Submit", ID, nextApproverIds=USER),
        asked("Submit", ID, comments=None),
        {"actionType": "Submit"},
        "Submit",
    ],
)
def test_one_request_that_is_not_known_makes_all_unknown(request_to: Build, other: object) -> None:
    for wanted in ([other], [asked("Submit", ID), other]):
        assert list(classify(request_to("POST", "/process/approvals", {"requests": wanted}))) == []


@pytest.mark.parametrize(
    "body", [{}, {"requests": []}, {"requests": {}}, {"requests": [asked("Submit", ID)], "x": 1}, []]
)
def test_a_body_without_requests_is_not_known(request_to: Build, body: object) -> None:
    assert list(classify(request_to("POST", "/process/approvals", body))) == []
    assert list(classify(request_to("POST", "/process/approvals?x=1", {"requests": [asked("Submit", ID)]}))) == []


@pytest.mark.parametrize("listed", [None, [], {}, {"approvals": {}}, {"approvals": {"Case": None}}, {"approvals": []}])
def test_an_object_without_a_process_has_no_actions(listed: object) -> None:
    assert approval_actions(listed, "Case") == ()  # type: ignore[arg-type]


@pytest.mark.parametrize("listed", [{"approvals": {"Case": "x"}}, {"approvals": {"Case": ["x"]}}])
def test_a_list_of_another_shape_is_not_believed(listed: object) -> None:
    with pytest.raises(UpstreamError):
        approval_actions(listed, "Case")  # type: ignore[arg-type]


async def test_a_file_goes_beside_no_other_record(crm: Crm) -> None:
    file = Upload("a.txt", "text/plain", 1, "0" * 64, lambda: io.BytesIO(b"a"))
    one, other = (str(row["Id"]) for row in crm.org.rows("Case")[:2])
    since = crm.mark()
    with pytest.raises(Denied, match="beside records that the call does not name"):
        await crm("ContentVersion", effects="create", records=(one,)).attach("Case", other, file)
    assert crm.requests(since) == []


def row(**fields: object) -> Row:
    return Row("Organization", ID, fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        ({"IsSandbox": True, "TrialExpirationDate": None}, {"kind": "sandbox"}),
        ({"IsSandbox": False, "TrialExpirationDate": None}, {"kind": "production"}),
        (
            {"IsSandbox": False, "TrialExpirationDate": "2026-12-24T00:00:00.000+0000"},
            {"kind": "trial", "trial until": "2026-12-24"},
        ),
        ({"IsSandbox": "yes", "NamespacePrefix": "kess"}, {"namespace": "kess"}),
        ({"InstanceName": 7}, {}),
    ],
)
def test_an_organisation_is_told_in_plain_words(told: dict[str, object], kind: dict[str, str]) -> None:
    assert dict(probe_of(None, [row(**told)], {}).facts) == kind
