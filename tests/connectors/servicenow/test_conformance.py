"""Does the connector keep the whole contract, as any third-party one must?"""

import base64

import httpx2
import pytest

from isthmus.connectors.servicenow import ServiceNow
from isthmus.core.connector import FaultKind, Key
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.testing import Check, Examples, Subject, conformance

from .instance import HEADERS, Instance, id_at
from .reading import dissect

ID = id_at(1)
URL = "https://upstream.example/api/now"


def request(method: str, where: str, body: object = None) -> httpx2.Request:
    return httpx2.Request(method, URL + where, json=body) if body is not None else httpx2.Request(method, URL + where)


def incident(effect: Effect, *records: str) -> RequestClass:
    return RequestClass(effect, "incident", records)


def batch(*parts: tuple[str, str, bytes]) -> httpx2.Request:
    listed = [
        {"id": str(at), "method": method, "url": url, "headers": [], "body": base64.b64encode(body).decode()}
        for at, (method, url, body) in enumerate(parts)
    ]
    return request("POST", "/v1/batch", {"batch_request_id": "1", "rest_requests": listed})


def refusal(status: int, message: str, detail: str | None = None, **more: str) -> Response:
    body = httpx2.Response(status, json={"error": {"message": message, "detail": detail}, "status": "failure"}).content
    return Response(status, HEADERS | {name.replace("_", "-"): value for name, value in more.items()}, body)


QUERY = "/api/now/table/incident?sysparm_query=active%3Dtrue"
DESK = Subject(
    connector=ServiceNow,
    upstream=Instance,
    examples=Examples(
        object="incident",
        id=ID,
        fields=("sys_id", "sys_mod_count", "number", "short_description"),
        text="short_description",
        order_by="sys_created_on",
        values={"short_description": "Kit lamp is out", "category": "hardware"},
        changes={"category": "software"},
        key=Key("correlation_id", "k-1"),
        words="printer",
        query_text="incident?sysparm_query=active=true^short_descriptionLIKEprinter&sysparm_fields=number&sysparm_limit=5",
        requests=(
            (batch(("GET", QUERY, b""), ("DELETE", f"/api/now/table/incident/{ID}", b"")),
             (incident(Effect.READ), incident(Effect.DELETE, ID))),
            (batch(("PATCH", f"/api/now/table/incident/{ID}", b'{"state":"6","close_notes":"done"}')),
             (incident(Effect.TRANSITION, ID), incident(Effect.UPDATE, ID))),
            (batch(("GET", QUERY, b""), ("POST", "/api/now/import/u_staging", b"{}")), ()),
            (batch(("GET", QUERY + "%5EJOINsys_user.sys_id%3Dx.y!a%3D1", b"")), ()),
            (request("PATCH", f"/table/incident/{ID}", {"incident_state": "7"}), (incident(Effect.TRANSITION, ID),)),
            (request("GET", "/table/incident?sysparm_query=caller_id%3Djavascript:gs.getUserID()"), ()),
            (request("GET", "/table/incident?sysparm_query_no_domain=true"), ()),
            (request("GET", "/table/incident?active=true&active=false"), ()),
            (request("GET", "/stats/incident?sysparm_count=true&sysparm_having=count%5Epriority%5E%3E%5E3"), ()),
        ),
        faults=(
            (refusal(401, "User Not Authenticated", "Required to provide Auth information"),
             FaultKind.AUTHORIZATION, CredentialError),
            (refusal(403, "Insufficient rights to query records"), FaultKind.AUTHORIZATION, UpstreamRejected),
            (refusal(403, "Operation Failed", "aborted by Business Rule 'No^0a'"), FaultKind.CALLER, UpstreamRejected),
            (refusal(400, "Invalid table sys_nonexistent"), FaultKind.CALLER, UpstreamRejected),
            (refusal(404, "No Record found"), FaultKind.CALLER, NotFound),
            (refusal(429, "Rate limit", retry_after="60"), FaultKind.QUOTA, RetryLater),
            (Response(429, {}, b""), FaultKind.THROTTLE, RetryLater),
            (Response(202, {}, b""), FaultKind.THROTTLE, RetryLater),
            (Response(503, {"content-type": "text/html"}, b"<html>"), FaultKind.TRANSIENT, RetryLater),
            (Response(200, {"content-type": "text/html"}, b"<html>Instance Hibernating page"),
             FaultKind.TRANSIENT, RetryLater),
            (Response(200, {"content-type": "text/html"}, b"<html>Log in"), FaultKind.UNKNOWN, UpstreamError),
            (refusal(200, "Transaction cancelled: maximum execution time exceeded"),
             FaultKind.UNKNOWN, UpstreamRejected),
        ),
        dissect=dissect,
    ),
)  # fmt: skip


@pytest.mark.parametrize("check", conformance(DESK), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()
