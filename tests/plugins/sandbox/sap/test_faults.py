import json
import re

import httpx2
import pytest

from isthmus.plugins.sandbox import SapLandscape
from isthmus.plugins.sandbox.sap import FAULTS

from .conftest import Open

CHANGE, ANYHOW = {"PurchaseOrderByCustomer": "PO-9"}, {"if-match": "*"}


@pytest.mark.parametrize(
    ("kind", "status", "media"),
    [
        ("sso_page", 200, "text/html"),
        ("not_activated", 404, "text/html"),
        ("bad_gateway", 502, "text/html"),
        ("gateway_timeout", 504, "text/html"),
        ("rate_limit", 429, "text/html"),
        ("unavailable", 503, "text/html"),
        ("server_error", 500, "application/json"),
        ("short_dump", 500, "text/html"),
        ("no_work_process", 500, "text/plain"),
    ],
)
def test_mishaps_before_the_deed(
    orders: httpx2.Client, landscape: SapLandscape, kind: str, status: int, media: str
) -> None:
    landscape.faults.arm(kind)
    answer = orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW)
    assert (answer.status_code, answer.headers["content-type"].partition(";")[0]) == (status, media)
    entry = landscape.journal.entries[-1]
    assert (entry.fault, entry.status, entry.effects) == (kind, status, ())
    assert orders.get("A_SalesOrder('1')").json()["d"]["PurchaseOrderByCustomer"] != "PO-9"


@pytest.mark.parametrize("kind", ["rate_limit", "unavailable"])
def test_throttling_says_how_long(orders: httpx2.Client, landscape: SapLandscape, kind: str) -> None:
    landscape.faults.arm(kind, seconds=7)
    assert orders.get("A_SalesOrder('1')").headers["retry-after"] == "7"


@pytest.mark.parametrize("kind", ["server_error", "gateway_timeout"])
def test_an_error_after_the_deed(orders: httpx2.Client, landscape: SapLandscape, kind: str) -> None:
    landscape.faults.arm(kind, committed=True)
    assert orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW).status_code >= 500
    assert [each.id for each in landscape.journal.entries[-1].effects] == ["1"]
    assert orders.get("A_SalesOrder('1')").json()["d"]["PurchaseOrderByCustomer"] == "PO-9"


@pytest.mark.parametrize(("kind", "effects"), [("lost_answer", 1), ("lost_request", 0)])
def test_a_connection_dropped_with_and_without_the_deed(
    orders: httpx2.Client, landscape: SapLandscape, kind: str, effects: int
) -> None:
    landscape.faults.arm(kind, method="PATCH")
    with pytest.raises(httpx2.TransportError):
        orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW)
    entry = landscape.journal.entries[-1]
    assert (entry.status, len(entry.effects)) == (None, effects)


def test_a_session_and_a_token_that_just_ended(orders: httpx2.Client, landscape: SapLandscape) -> None:
    landscape.faults.arm("csrf_expired")
    answer = orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW)
    assert (answer.status_code, answer.headers["x-csrf-token"]) == (403, "Required")
    token = landscape.logins.give("integration", landscape.client_id, frozenset({"*"})).text
    landscape.faults.arm("expire_token")
    assert orders.get("A_SalesOrder('1')", auth=None, headers={"authorization": f"Bearer {token}"}).status_code == 401


def test_refusals_in_other_forms(orders: httpx2.Client, landscape: SapLandscape) -> None:
    landscape.faults.arm("xml_error")
    said = orders.get("A_SalesOrder('999999')")
    assert (said.status_code, said.headers["content-type"]) == (404, "application/xml;charset=utf-8")
    assert b'<error xmlns="http://schemas.microsoft.com/ado/2007/08/dataservices/metadata">' in said.content
    landscape.faults.arm("empty_error")
    assert (orders.get("A_SalesOrder('999999')").status_code, landscape.journal.entries[-1].fault) == (
        404,
        "empty_error",
    )


def test_a_lock_and_a_warning(orders: httpx2.Client, landscape: SapLandscape) -> None:
    landscape.faults.arm("locked", user="GRETA")
    locked = orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW)
    assert (locked.status_code, "locked by user GRETA" in locked.text) == (423, True)
    landscape.faults.arm("warning", code="ZZ/7", text="Credit limit is near")
    said = json.loads(orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW).headers["sap-message"])
    assert (said["code"], said["severity"]) == ("ZZ/7", "warning")


def test_pages_that_mislead(orders: httpx2.Client, orders4: httpx2.Client, landscape: SapLandscape) -> None:
    landscape.faults.arm("foreign_next")
    link = orders.get("A_SalesOrder").json()["d"]["__next"]
    assert link.startswith("http://localhost:8000/sap/opu/odata/")
    landscape.faults.arm("expired_skiptoken")
    assert orders.get(re.sub("http://localhost:8000", landscape.url, link)).status_code == 400
    landscape.faults.arm("expired_skiptoken")
    assert orders4.get(orders4.get("SalesOrder").json()["@odata.nextLink"]).status_code == 410
    landscape.faults.arm("bare_array")
    assert isinstance(orders.get("A_SalesOrder").json()["d"], list)
    landscape.faults.arm("shuffled_rows")
    shuffled = [row["SalesOrder"] for row in orders.get("A_SalesOrder?$select=SalesOrder").json()["d"]["results"]]
    assert shuffled != sorted(shuffled, key=int)


def test_zeros_at_the_end_of_decimals_come_and_go(orders: httpx2.Client, landscape: SapLandscape) -> None:
    whole = orders.get("A_SalesOrder('1')").json()["d"]["TotalNetAmount"]
    landscape.faults.arm("bare_decimals")
    bare = orders.get("A_SalesOrder('1')").json()["d"]["TotalNetAmount"]
    assert (whole.rstrip("0").rstrip("."), whole != bare) == (bare, True)


def test_writes_that_come_to_nothing_or_to_something_else(orders: httpx2.Client, landscape: SapLandscape) -> None:
    landscape.faults.arm("drop_field", field="PurchaseOrderByCustomer")
    assert orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW).status_code == 204
    assert orders.get("A_SalesOrder('1')").json()["d"]["PurchaseOrderByCustomer"] != "PO-9"
    landscape.faults.arm("altered_write", field="PurchaseOrderByCustomer", value="else")
    orders.patch("A_SalesOrder('1')", json=CHANGE, headers=ANYHOW)
    assert orders.get("A_SalesOrder('1')").json()["d"]["PurchaseOrderByCustomer"] == "else"


def test_token_servers_fail_too(landscape: SapLandscape, session: Open) -> None:
    client = session(landscape)
    grant = {"grant_type": "client_credentials"}
    grant |= {"client_id": landscape.client_id, "client_secret": landscape.client_secret}
    landscape.faults.arm("token_refused", error="invalid_grant")
    refused = client.post("/oauth/token", data=grant)
    assert (refused.status_code, refused.json()["error"]) == (401, "invalid_grant")
    landscape.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.TransportError):
        client.post("/oauth/token", data=grant)


def test_the_rest_of_the_faults(orders: httpx2.Client, landscape: SapLandscape, session: Open) -> None:
    landscape.faults.arm("no_head")
    assert session(landscape).head("/sap/opu/odata/sap/API_SALES_ORDER_SRV/").status_code == 405
    landscape.faults.arm("gzip_bomb", megabytes=1)
    assert len(orders.get("A_SalesOrder('1')").content) == 1 << 20
    for kind in ("slow", "slow_body"):
        landscape.faults.arm(kind, seconds=0.2)
        assert orders.get("A_SalesOrder('1')").elapsed.total_seconds() > 0.1


def test_levers(landscape: SapLandscape, session: Open) -> None:
    client = session(landscape)
    assert set(client.get("/__sandbox__/faults").json()["kinds"]) == set(FAULTS)
    said = client.post("/__sandbox__/settings", json={"page_size": 3, "token_life": 5, "session_cookie": 1}).json()
    assert said == {"page_size": 3, "token_life": 5.0, "session_cookie": "sap-XSRF_KE1_100"}
    body = client.get("/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder").json()
    assert len(body["d"]["results"]) == 3
    lock = {"object": "SalesOrder", "id": "1", "user": "alice"}
    assert client.post("/__sandbox__/locks", json=lock).json() == {"locks": [{**lock, "user": "ALICE"}]}
    assert client.request("DELETE", "/__sandbox__/locks", json=lock).json() == {"locks": []}
    assert set(client.get("/__sandbox__/assertions/alice").json()) == {"saml", "jwt"}
    [row] = client.get("/__sandbox__/rows/SalesOrder?SalesOrder=1").json()["rows"]
    assert row["SalesOrder"] == "1"
    assert client.get("/__sandbox__/org").json()["username"] == "INTEGRATION"
    assert client.request("DELETE", "/__sandbox__/sessions").status_code == 200
