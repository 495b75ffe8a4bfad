"""Does the connector keep the whole contract, over a small service?"""

import json

import httpx2
import pytest

from isthmus.connectors.openapi import OpenApi
from isthmus.core.connector import FaultKind, Key
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Response
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.testing import Check, Examples, Run, Subject, conformance

from .desk import BASE, Desk, settings

AT = "https://upstream.example"


def refusal(status: int, **headers: str) -> Response:
    named = {
        "content-type": "application/problem+json",
        **{name.replace("_", "-"): one for name, one in headers.items()},
    }
    return Response(status, named, json.dumps({"title": "no", "detail": "for a reason"}).encode())


def more(where: str) -> httpx2.Response:
    return httpx2.Response(200, json={"items": [{"id": "t9", "title": "x"}], "next": where})


DESK = Subject(
    connector=OpenApi,
    settings=settings(),
    upstream=Desk,
    examples=Examples(
        object="tickets",
        id="t3",
        fields=("id", "title"),
        text="title",
        order_by="rank",
        values={"title": "Kit ticket", "rank": 4},
        changes={"rank": 9},
        key=Key("reference", "k-1"),
        runs=(Run("escalate", {"to": "boss", "query_note": "asap", "body_note": "now"}, "tickets", "t3"),),
        requests=(
            (httpx2.Request("GET", f"{AT}{BASE}/tickets/mine"), ()),
            (httpx2.Request("GET", f"{AT}{BASE}/tickets/t3"), (RequestClass(Effect.READ, "tickets", ("t3",)),)),
            (httpx2.Request("GET", f"{AT}{BASE}/tickets/t3?expand=all"), ()),
            (httpx2.Request("POST", f"{AT}{BASE}/tickets/t3/escalations", json={"to": "x", "admin": True}), ()),
            (httpx2.Request("GET", f"{AT}/v9/tickets/t3"), ()),
        ),
        faults=(
            (refusal(400), FaultKind.CALLER, UpstreamRejected),
            (refusal(401), FaultKind.AUTHORIZATION, CredentialError),
            (refusal(403), FaultKind.AUTHORIZATION, UpstreamRejected),
            (refusal(404), FaultKind.CALLER, NotFound),
            (refusal(409), FaultKind.CALLER, UpstreamRejected),
            (refusal(412), FaultKind.CALLER, VersionConflict),
            (refusal(429, retry_after="3"), FaultKind.THROTTLE, RetryLater),
            (refusal(503), FaultKind.TRANSIENT, RetryLater),
            (Response(200, {"content-type": "text/html"}, b"<html>Sign in"), FaultKind.AUTHORIZATION, CredentialError),
            (Response(302, {"location": "https://login.example"}, b""), FaultKind.UNKNOWN, UpstreamError),
        ),
        more=more,
    ),
)


@pytest.mark.parametrize("check", conformance(DESK), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()
