"""Does the connector keep the whole contract, over a service of each version?"""

import base64
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx2
import pytest

from isthmus.connectors.sap import Sap, SapSettings
from isthmus.core.connector import FaultKind, Key, Line, Load
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import Response
from isthmus.core.testing import Check, Examples, Run, Subject, conformance
from isthmus.plugins.sandbox import Sandbox

V2 = "/sap/opu/odata/sap/API_SALES_ORDER_SRV"
V4 = "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001"
SETTINGS = SapSettings.model_validate(
    {"services": {"so": V2, "so4": V4}, "client": "100", "terms": {"acknowledged": True}}
)
CODED = ("content-encoding", "content-length", "transfer-encoding")
JSON = {"content-type": "application/json"}


@dataclass
class Landscape(httpx2.AsyncBaseTransport):
    """The sandbox's European system, logged on to; it begins anew each time, and keeps the cookies of its caller."""

    sandbox: "Sandbox | None" = None
    inner: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)
    cookies: dict[str, str] = field(default_factory=dict)
    begun: bool = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        assert self.sandbox is not None
        if not (self.begun or request.url.path.endswith("$metadata")):
            # Metadata are read beside a sequence of calls, and change nothing.
            self.sandbox.reset()
            self.begun = True
        org = self.sandbox.sap["eu"]
        told = base64.b64encode(f"INTEGRATION:{org.password('integration')}".encode()).decode()
        named = {
            name: value for name, value in request.headers.items() if name not in ("host", "authorization", "cookie")
        }
        # The links of the system name the host that it was asked by, and so do the lengths of the parts of a batch.
        named |= {"authorization": f"Basic {told}", "host": "upstream.example"}
        if self.cookies:
            named["cookie"] = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        sent = httpx2.Request(
            request.method, org.url + request.url.raw_path.decode(), headers=named, content=await request.aread()
        )
        answer = await self.inner.handle_async_request(sent)
        for one in answer.headers.get_list("set-cookie"):
            name, _, value = one.partition(";")[0].partition("=")
            self.cookies[name] = value
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in CODED]
        return httpx2.Response(answer.status_code, headers=kept, content=await answer.aread())

    async def aclose(self) -> None:
        await self.inner.aclose()


class Place:
    """Where each upstream finds the sandbox of the test."""

    sandbox: Sandbox | None = None


def upstream() -> httpx2.AsyncBaseTransport:
    assert Place.sandbox is not None
    return Landscape(Place.sandbox)


def dissect(text: str) -> tuple[str, list[str]]:
    """Read literals of texts off a condition or an address: two quotation marks in one stand for one."""
    quoted = re.compile(r"'((?:[^']|'')*)'")
    return quoted.sub("?", text), [one.replace("''", "'") for one in quoted.findall(text)]


def refusal(status: int, code: str, text: str, **more: str) -> Response:
    body = {"error": {"code": code, "message": {"lang": "en", "value": text}}}
    return Response(
        status, JSON | {name.replace("_", "-"): value for name, value in more.items()}, json.dumps(body).encode()
    )


FAULTS = (
    (refusal(400, "/IWBEP/CM_MGW_RT/020", "bad"), FaultKind.CALLER, UpstreamRejected),
    (refusal(400, "V1/308", "not maintained"), FaultKind.CALLER, UpstreamRejected),
    (refusal(401, "", "no"), FaultKind.AUTHORIZATION, CredentialError),
    (Response(403, {"content-type": "text/plain", "x-csrf-token": "Required"}, b"CSRF token validation failed"),
     FaultKind.AUTHORIZATION, UpstreamRejected),
    (refusal(404, "/IWBEP/CX_MGW_RESOURCE_NOT_FOUND", "no"), FaultKind.CALLER, NotFound),
    (Response(404, {"content-type": "text/html"}, b"<html>no service"), FaultKind.CALLER, UpstreamRejected),
    (refusal(412, "", "no"), FaultKind.CALLER, VersionConflict),
    (refusal(428, "", "no"), FaultKind.CALLER, VersionConflict),
    (refusal(423, "", "locked"), FaultKind.TRANSIENT, RetryLater),
    (refusal(429, "", "no", retry_after="3"), FaultKind.THROTTLE, RetryLater),
    (refusal(500, "SY/530", "dump"), FaultKind.TRANSIENT, RetryLater),
    (Response(200, {"content-type": "text/html"}, b"<html>Sign in"), FaultKind.AUTHORIZATION, CredentialError),
    (Response(302, {"location": "https://login.example"}, b""), FaultKind.UNKNOWN, UpstreamError),
)  # fmt: skip


def more(version: int, row: dict[str, str]) -> Callable[[str], httpx2.Response]:
    def page(where: str) -> httpx2.Response:
        body = (
            {"d": {"results": [row], "__next": where}} if version == 2 else {"value": [row], "@odata.nextLink": where}
        )
        return httpx2.Response(200, json=body)

    return page


ITEM = {"SalesOrder": "1", "Material": "TG11", "SalesOrderItemText": "Kit lamp", "RequestedQuantity": 2}
TWO_ITEMS = ("SalesOrder='1',SalesOrderItem='10'", "SalesOrder='2',SalesOrderItem='10'")
ORDER = {"SalesOrderType": "OR", "SalesOrganization": "1020", "DistributionChannel": "10",
         "OrganizationDivision": "00", "SoldToParty": "10100001", "PurchaseOrderByCustomer": "Kit order",
         "CustomerPaymentTerms": "0001"}  # fmt: skip


def creating(object: str, values: dict[str, object], text: str, key_field: str) -> Load:
    """Load two records with keys."""
    lines = [Line({**values, text: f"Line {n}"}, key=f"K-{n}") for n in range(2)]
    return Load(object, "create", tuple(lines), key_field)


ITEMS = Subject(
    connector=Sap,
    settings=SETTINGS,
    upstream=upstream,
    url="http://upstream.example",
    examples=Examples(
        object="so.A_SalesOrderItem",
        id="SalesOrder='1',SalesOrderItem='10'",
        fields=("_id", "SalesOrder", "SalesOrderItem", "SalesOrderItemText"),
        text="SalesOrderItemText",
        order_by="SalesOrderItem",
        values=ITEM,
        words="TG11",
        changes={"Plant": "1710"},
        key=Key("MaterialByCustomer", "k-1"),
        loads=(
            creating("so.A_SalesOrderItem", ITEM, "SalesOrderItemText", "MaterialByCustomer"),
            Load("so.A_SalesOrderItem", "update", tuple(Line({"Plant": "1710"}, id) for id in TWO_ITEMS)),
            Load("so.A_SalesOrderItem", "delete", tuple(Line({}, id) for id in TWO_ITEMS)),
        ),
        refused=Line({**ITEM, "Material": "NOPE"}, key="k-9"),
        below={"to_ScheduleLine": [{"ScheduleLineOrderQuantity": 1}, {"ScheduleLineOrderQuantity": 2}]},
        refused_below={"to_ScheduleLine": [{"ScheduleLine": "1"}, {"ScheduleLine": "1"}]},
        runs=(Run("releaseApprovalRequest", {}, "so.A_SalesOrder", "5"),),
        faults=FAULTS,
        more=more(2, {"SalesOrder": "1", "SalesOrderItem": "10", "SalesOrderItemText": "x"}),
        dissect=dissect,
    ),
)
ORDERS = Subject(
    connector=Sap,
    settings=SETTINGS,
    upstream=upstream,
    url="http://upstream.example",
    examples=Examples(
        object="so4.SalesOrder",
        id="5",
        fields=("SalesOrder", "SoldToParty", "PurchaseOrderByCustomer"),
        text="PurchaseOrderByCustomer",
        order_by="SalesOrderDate",
        values=ORDER,
        words="PO",
        loads=(
            creating("so4.SalesOrder", ORDER, "PurchaseOrderByCustomer", "CustomerPaymentTerms"),
            Load("so4.SalesOrder", "update", tuple(Line({"DeliveryBlockReason": "01"}, id) for id in ("1", "2", "3"))),
        ),
        refused=Line({**ORDER, "SoldToParty": "4711"}, key="k-9"),
        changes={"DeliveryBlockReason": "01"},
        below={
            "_Item": [
                {"Material": "TG12", "RequestedQuantity": 1, "_ScheduleLine": [{"ScheduleLineOrderQuantity": 1}]},
                {"Material": "TG11", "RequestedQuantity": 2},
            ],
            "_Partner": [{"PartnerFunction": "WE", "Customer": "10100001"}],
        },
        refused_below={"_Item": [{"Material": "TG11"}, {"Material": "NOPE"}]},
        runs=(Run("RejectApprovalRequest", {"Note": "no"}), Run("ReleaseApprovalRequest"), Run("GetOpenAmount")),
        more=more(4, {"SalesOrder": "1", "SoldToParty": "1", "PurchaseOrderByCustomer": "x"}),
        dissect=dissect,
    ),
)  # fmt: skip


@pytest.fixture(scope="module")
def small() -> "Sandbox":
    with Sandbox(seed=7, accounts=40, contacts=200) as sandbox:
        yield sandbox


@pytest.fixture(autouse=True)
def landscape(small: Sandbox) -> None:
    Place.sandbox = small


@pytest.mark.parametrize("check", conformance(ITEMS), ids=str)
def test_keeps_the_contract_over_v2(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", conformance(ORDERS), ids=str)
def test_keeps_the_contract_over_v4(check: Check) -> None:
    check()
