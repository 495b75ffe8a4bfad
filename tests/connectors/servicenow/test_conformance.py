"""Does the connector keep the whole contract, as any third-party one must?"""

import base64

import httpx2
import pytest

from isthmus.connectors.servicenow import ServiceNow
from isthmus.core.connector import FaultKind, Key, Line, Load
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.testing import Check, Examples, Run, Subject, conformance
from isthmus.plugins.sandbox import Sandbox

from .instance import HEADERS
from .reading import dissect

ID, OTHER_ID = "0637cbc347e7e2bce82f6158f57602c8", "06ed908cc0e331c96506fb5cadfd6d3c"
URL = "https://upstream.example/api/now"


class Company(httpx2.AsyncBaseTransport):
    """The sandbox's European instance, signed in to, with a file on two of its incidents; it begins anew each time."""

    sandbox: Sandbox

    def __init__(self) -> None:
        self.sandbox.reset()
        self.org = self.sandbox.servicenow["eu"]
        self.inner = httpx2.AsyncHTTPTransport()
        # Only answers to calls that match a rule say what is left.
        rule = {"user": str(self.org.user("admin")["sys_id"]), "rate_limit": "100000"}
        self.org.store.insert(
            "sys_rate_limit_rules", {"request_resource": "/api/now", "active": "true", **rule}, "admin"
        )
        self.ready = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if not self.ready:
            self.ready = True
            for record in (ID, OTHER_ID):
                where = f"/api/now/attachment/file?table_name=incident&table_sys_id={record}&file_name=kit.txt"
                answer = await self.send("POST", where, {"content-type": "text/plain"}, b"abc")
                assert answer.status_code == 201
        named = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        return await self.send(request.method, request.url.raw_path.decode(), named, await request.aread())

    async def send(self, method: str, where: str, headers: dict[str, str], content: bytes) -> httpx2.Response:
        told = base64.b64encode(f"admin:{self.org.password('admin')}".encode()).decode()
        signed = headers | {"authorization": f"Basic {told}"}
        return await self.inner.handle_async_request(
            httpx2.Request(method, self.org.url + where, headers=signed, content=content)
        )

    def settle(self) -> None:
        self.sandbox.clock.advance(minutes=5)

    async def aclose(self) -> None:
        await self.inner.aclose()


def settle(upstream: httpx2.AsyncBaseTransport) -> None:
    assert isinstance(upstream, Company)
    upstream.settle()


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


OTHER = OTHER_ID
ITEM = {"className": "cmdb_ci", "values": {"name": "x"}}


def service(method: str, where: str, body: object = None) -> httpx2.Request:
    return httpx2.Request(method, f"https://upstream.example/api/{where}", json=body) if body is not None else (
        httpx2.Request(method, f"https://upstream.example/api/{where}")
    )  # fmt: skip


def change(effect: Effect, *records: str) -> RequestClass:
    return RequestClass(effect, "change_request", records)


QUERY = "/api/now/table/incident?sysparm_query=active%3Dtrue"
DESK = Subject(
    connector=ServiceNow,
    upstream=Company,
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
        since="2026-11-16T00:00:00Z",
        settle=settle,
        loads=(
            Load("incident", "create", tuple(Line({"short_description": f"Kit {n}"}, key=f"kit-{n}") for n in range(3)),
                 "correlation_id"),
            Load("incident", "update",
                 (Line({"category": "software"}, ID), Line({"category": "hardware"}, OTHER_ID))),
            Load("incident", "upsert",
                 (Line({"short_description": "New"}, key="up-1"), Line({"short_description": "Too"}, key="up-2")),
                 "correlation_id"),
        ),
        refused=Line({"no_such_field": "x"}, key="kit-bad"),
        file="17eace6ffe11093e0e0c8c200509b716",
        other_file="6e0a7fa6b92739bd37186a04992a233d",
        runs=(Run("next_states", {}, "change_request", "04232239598208bb3363ae181a1f8c9e"),),
        query_text="incident?sysparm_query=active=true^short_descriptionLIKEprinter&sysparm_fields=number&sysparm_limit=5",
        requests=(
            (batch(("GET", QUERY, b""), ("DELETE", f"/api/now/table/incident/{ID}", b"")),
             (incident(Effect.READ), incident(Effect.DELETE, ID))),
            (batch(("PATCH", f"/api/now/table/incident/{ID}", b'{"state":"6","close_notes":"done"}')),
             (incident(Effect.TRANSITION, ID), incident(Effect.UPDATE, ID))),
            (batch(("GET", QUERY, b""), ("POST", "/api/now/import/u_staging", b"{}")),
             (incident(Effect.READ), RequestClass(Effect.CREATE, "u_staging"), RequestClass(Effect.EXECUTE, "u_staging"))),
            (batch(("GET", QUERY, b""), ("POST", "/api/now/import/u_staging/insertMultiple", b"{}")), ()),
            (batch(("PATCH", f"/api/now/table/incident/{ID}?sysparm_fields=sys_id%2Cstate", b'{"category":"x"}')),
             (incident(Effect.UPDATE, ID),)),
            (request("POST", "/import/u_imp_incident", {"u_key": "x"}),
             (RequestClass(Effect.CREATE, "u_imp_incident"), RequestClass(Effect.EXECUTE, "u_imp_incident"))),
            (request("POST", "/import/u_imp_incident/insertMultiple", {"records": []}), ()),
            (request("POST", f"/attachment/file?table_name=incident&table_sys_id={ID}&file_name=a.png"),
             (RequestClass(Effect.CREATE, "sys_attachment"), incident(Effect.READ, ID))),
            (request("POST", f"/attachment/file?table_name=incident&table_sys_id={ID}&file_name=a&encryption_context=b"), ()),
            (request("GET", f"/attachment/{ID}/file"), (RequestClass(Effect.READ, "sys_attachment", (ID,)),)),
            (request("POST", "/identifyreconcile/query?sysparm_data_source=X", {"items": [ITEM]}),
             (RequestClass(Effect.READ, "cmdb_ci"),)),
            (request("POST", "/identifyreconcile?sysparm_data_source=X", {"items": [ITEM]}),
             (RequestClass(Effect.CREATE, "cmdb_ci"), RequestClass(Effect.UPDATE, "cmdb_ci"))),
            (request("POST", "/identifyreconcile?sysparm_data_source=X", {"items": [ITEM], "relations": []}), ()),
            (request("POST", "/identifyreconcile?sysparm_data_source=X", {"items": [ITEM | {"related": []}]}), ()),
            (request("DELETE", f"/cmdb/instance/cmdb_ci/{ID}/relation/{OTHER}"),
             (RequestClass(Effect.UPDATE, "cmdb_ci", (ID,)),)),
            (request("DELETE", f"/cmdb/instance/cmdb_ci/{ID}"), ()),
            (service("POST", f"sn_sc/v1/servicecatalog/items/{ID}/order_now", {"sysparm_quantity": 1}),
             (RequestClass(Effect.CREATE, "sc_cat_item", (ID,)),)),
            (service("POST", f"sn_sc/servicecatalog/items/{ID}/add_to_cart", {}), ()),
            (service("PATCH", f"sn_chg_rest/change/{ID}", {"state": "3", "close_notes": "x"}),
             (change(Effect.TRANSITION, ID), change(Effect.UPDATE, ID))),
            (service("PATCH", f"sn_chg_rest/change/{ID}?state=3", {"risk": "1"}), ()),
            (service("PATCH", f"sn_chg_rest/change/{ID}/approvals", {"state": "approved"}), ()),
            (service("DELETE", f"sn_chg_rest/change/{ID}"), ()),
            (service("POST", "sn_chg_rest/change/normal", {"risk": "1"}), (change(Effect.CREATE),)),
            (service("POST", f"sn_chg_rest/v1/change/{ID}/conflict", {}), (change(Effect.EXECUTE, ID),)),
            (service("GET", f"sn_chg_rest/change/{ID}/conflict"), (change(Effect.READ, ID),)),
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
            (Response(201, {}, b""), FaultKind.AUTHORIZATION, UpstreamRejected),
            (Response(201, {"location": "/api/now/table/incident/" + ID}, b""), FaultKind.UNKNOWN, UpstreamError),
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


@pytest.fixture(autouse=True)
def company(sandbox: Sandbox) -> None:
    Company.sandbox = sandbox


@pytest.mark.parametrize("check", conformance(DESK), ids=str)
def test_keeps_the_contract(check: Check) -> None:
    check()
