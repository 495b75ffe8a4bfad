"""What is read off the errors and notes of real services, in every form that they come in?"""

import pytest
from hypothesis import given
from hypothesis import strategies as some

from isthmus.connectors.sap.faults import fault_of
from isthmus.connectors.sap.odata.messages import Message, Severity, complaint_of, in_entity, messages_of
from isthmus.core.connector import FaultKind
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Response

V2 = b"""{"error":{"code":"/IWBEP/CX_MGW_BUSI_EXCEPTION","message":{"lang":"en","value":"Order 7 is complete"},
"innererror":{"transactionid":"A1B2","timestamp":"20261122102913.133625","errordetails":[
{"code":"V1/308","message":"Item 10 is rejected","propertyref":"A_Order('7')/NetAmount","severity":"error","target":""},
{"code":"V1/309","message":"Price is old","severity":"warning","target":"Price"},
{"code":"/IWBEP/CX_MGW_BUSI_EXCEPTION","message":"Order 7 is complete","severity":"error"}]}}}"""
V4 = b"""{"error":{"code":"SLS/023","message":"Customer is blocked","target":"SoldToParty","details":[
{"code":"SLS/024","message":"Ask credit","target":"/SalesOrder('1')/Note","@Common.numericSeverity":2}]}}"""
XML = b"""<?xml version="1.0"?><error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata"><code>SY/530</code>
<message xml:lang="en">Not &lt;there&gt;</message><innererror><transactionid>T1</transactionid><errordetails><errordetail>
<code>V1/001</code><message>More</message><propertyref>Qty</propertyref><severity>error</severity></errordetail>
</errordetails></innererror></error>"""
BOMB = b"""<?xml version="1.0"?><!DOCTYPE e [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY x SYSTEM "file:///etc/passwd">]>
<error><code>X</code><message>&b;&x;</message></error>"""
JSON = {"content-type": "application/json"}


def test_reads_the_details_of_v2():
    found = complaint_of(Response(400, JSON, V2))
    assert found.main.text == "Order 7 is complete"
    assert [one.code for one in found.details] == ["V1/308", "V1/309"]
    assert found.field == "NetAmount"
    assert found.transaction == "A1B2"
    assert found.text == "Order 7 is complete / Item 10 is rejected / Price is old"


def test_reads_the_details_of_v4():
    found = complaint_of(Response(400, JSON, V4))
    assert (found.main.code, found.field) == ("SLS/023", "SoldToParty")
    assert found.details == (Message(Severity.INFO, "SLS/024", "Ask credit", "Note"),)


def test_reads_xml():
    found = complaint_of(Response(404, {"content-type": "application/xml"}, XML))
    assert (found.form, found.main.code, found.main.text) == ("xml", "SY/530", "Not <there>")
    assert found.details == (Message(Severity.ERROR, "V1/001", "More", "Qty"),)


def test_expands_no_entities():
    found = complaint_of(Response(500, {"content-type": "application/xml"}, BOMB))
    assert "aaaa" not in found.text
    assert "root" not in found.text


def test_reads_what_a_page_shows():
    page = b"<html><head><title>Logon</title><style>x{}</style></head><body><p>Sign <b>on</b> here</p></body></html>"
    found = complaint_of(Response(200, {"content-type": "text/html"}, page))
    assert (found.form, found.text) == ("html", "Logon Sign on here")


def test_reads_notes_on_a_success():
    v2 = '{"code":"V1/222","message":"Saved","severity":"warning","target":"","details":[{"code":"A/001","message":"x","severity":"info"}]}'
    v4 = '[{"code":"V1/222","message":"Saved","numericSeverity":3,"target":"Note"}]'
    first, second = messages_of(Response(201, {"sap-message": v2}, b""))
    assert (first.severity, first.code, first.text, second.severity) == (
        Severity.WARNING,
        "V1/222",
        "Saved",
        Severity.INFO,
    )
    (only,) = messages_of(Response(201, {"sap-messages": v4}, b""))
    assert (only.severity, only.field) == (Severity.WARNING, "Note")
    (own,) = in_entity({"SAP__Messages": [{"code": "A", "message": "m", "numericSeverity": 1}]})
    assert own.severity is Severity.SUCCESS


@given(
    some.binary(max_size=200), some.sampled_from(["application/json", "text/html", "application/xml", "text/plain", ""])
)
def test_any_bytes_are_some_complaint(body: bytes, kind: str):
    complaint_of(Response(400, {"content-type": kind}, body))
    messages_of(Response(200, {"sap-message": body.decode("latin-1")}, b""))


def refusal(status: int, body: bytes = b"", kind: str = "application/json", **more: str) -> Response:
    return Response(
        status, {"content-type": kind, **{name.replace("_", "-"): value for name, value in more.items()}}, body
    )


def coded(code: str, text: str = "no") -> bytes:
    return f'{{"error":{{"code":"{code}","message":{{"lang":"en","value":"{text}"}}}}}}'.encode()


@pytest.mark.parametrize(
    ("response", "kind", "code", "raised"),
    [
        (refusal(400, coded("/IWBEP/CM_MGW_RT/020")), FaultKind.CALLER, "INVALID_REQUEST", UpstreamRejected),
        (refusal(400, V2), FaultKind.CALLER, "BUSINESS_RULE", UpstreamRejected),
        (refusal(422, coded("V1/308")), FaultKind.CALLER, "BUSINESS_RULE", UpstreamRejected),
        (refusal(409, coded("x")), FaultKind.CALLER, "CONFLICT", UpstreamRejected),
        (refusal(400, coded("CM/001", "Order 7 is locked by user MEIER")), FaultKind.TRANSIENT, "LOCKED", RetryLater),
        (refusal(423), FaultKind.TRANSIENT, "LOCKED", RetryLater),
        (refusal(401), FaultKind.AUTHORIZATION, "LOGIN", CredentialError),
        (refusal(403, b"CSRF token validation failed", "text/plain", x_csrf_token="Required"), FaultKind.AUTHORIZATION, "CSRF_TOKEN_REQUIRED", UpstreamRejected),
        (refusal(403, b"no"), FaultKind.AUTHORIZATION, "FORBIDDEN", UpstreamRejected),
        (refusal(404, coded("/IWBEP/CX_MGW_RESOURCE_NOT_FOUND")), FaultKind.CALLER, "NOT_FOUND", NotFound),
        (refusal(404, coded("/IWFND/MED/170")), FaultKind.CALLER, "NO_SERVICE", UpstreamRejected),
        (refusal(404, b"<html>x</html>", "text/html"), FaultKind.CALLER, "NO_SERVICE", UpstreamRejected),
        (refusal(404), FaultKind.CALLER, "NO_WORD", UpstreamRejected),
        (refusal(412), FaultKind.CALLER, "STALE", VersionConflict),
        (refusal(428), FaultKind.CALLER, "VERSION_REQUIRED", VersionConflict),
        (refusal(429, retry_after="9"), FaultKind.THROTTLE, "THROTTLED", RetryLater),
        (refusal(503, retry_after="9"), FaultKind.THROTTLE, "THROTTLED", RetryLater),
        (refusal(503), FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater),
        (refusal(502), FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater),
        (refusal(500, coded("SY/530")), FaultKind.TRANSIENT, "SERVER_ERROR", RetryLater),
        (refusal(501), FaultKind.UNKNOWN, "NOT_IMPLEMENTED", UpstreamRejected),
        (refusal(302, location="https://login.example"), FaultKind.UNKNOWN, "MOVED", UpstreamError),
        (refusal(200, b"<!DOCTYPE html><title>Logon</title>", "text/html"), FaultKind.AUTHORIZATION, "LOGIN_PAGE", CredentialError),
        (refusal(200, b"\n<html>Logon", "text/plain"), FaultKind.AUTHORIZATION, "LOGIN_PAGE", CredentialError),
    ],
)  # fmt: skip
def test_each_answer_says_what_to_do(response: Response, kind: FaultKind, code: str, raised: type[UpstreamError]):
    found = fault_of(response)
    assert found is not None
    assert (found.kind, found.code, found.error) == (kind, code, raised)


@pytest.mark.parametrize("status", [200, 201, 202, 204])
def test_a_success_is_no_fault(status: int):
    assert fault_of(refusal(status, b"" if status == 204 else b'{"d":{}}')) is None


def test_our_sentence_holds_no_words_of_the_system():
    found = fault_of(refusal(400, coded("Mueller/Anna", "Anna Mueller is blocked")))
    assert found is not None
    assert "Mueller" not in found.sentence
    assert found.text == "Anna Mueller is blocked"


def test_our_sentence_names_the_number_of_a_message():
    found = fault_of(refusal(400, V2))
    assert found is not None
    assert found.sentence.endswith("(V1/308, HTTP 400)")
    assert found.field == "NetAmount"
