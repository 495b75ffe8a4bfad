"""Does the connector, in a whole gateway, work against mock-sap, a stand-in that somebody else wrote?"""

import asyncio
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from isthmus.core.assembly import Surroundings
from isthmus.core.errors import NotFound, VersionConflict
from isthmus.core.records import AllOf, AnyOf, Compare, Operator, Order, Query
from isthmus.core.session import Session

from .conftest import House

SERVICES = {
    "so": "/sap/opu/odata/sap/API_SALES_ORDER_SRV",
    "so4": "/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/api_salesorder/0001",
    "bp": "/sap/opu/odata/sap/API_BUSINESS_PARTNER_SRV",
    "bp4": "/sap/opu/odata4/sap/api_businesspartner/srvd_a2x/sap/api_businesspartner/0001",
}
LOGIN = ("isthmus", "s3cret")
ORDER = {"SalesOrderType": "OR", "SalesOrganization": "1710", "DistributionChannel": "10", "OrganizationDivision": "00",
         "SoldToParty": "1000006", "TransactionCurrency": "EUR"}  # fmt: skip
NAMED = ("SalesOrder", "SoldToParty", "TotalNetAmount", "SalesOrderDate")
BOTH = pytest.mark.parametrize("orders", ["so.A_SalesOrder", "so4.SalesOrder"])


class Mock(House):
    """The company's house over mock-sap, by sockets."""

    @property
    def around(self) -> Surroundings:
        return Surroundings(environ=self.environ)

    async def control(self, method: str, path: str, body: object = None) -> dict[str, object]:
        async with httpx2.AsyncClient(base_url=self.url, auth=LOGIN) as client:
            answer = await client.request(method, f"/_mock/{path}", json=body)
            assert answer.status_code < 300, answer.text
            found: dict[str, object] = answer.json()
            return found


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
    options = (
        "--port",
        str(port),
        "--quiet",
        "--require-if-match",
        "--auth",
        ":".join(LOGIN),
        "--clock",
        "2026-11-20T09:00",
    )
    process = subprocess.Popen(
        [sys.executable, "-m", "mocksap", *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        for _ in range(200):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture
async def house(url: str, tmp_path: Path) -> Mock:
    found = Mock(tmp_path / "house", url=url, username=LOGIN[0])
    listed = ", ".join(f'{name} = "{path}"' for name, path in SERVICES.items())
    found.settings = (
        f'[connections.erp-eu.settings]\nclient = "100"\nservices = {{ {listed} }}\nterms = {{ acknowledged = true }}\n'
    )
    await found.control("POST", "reset")
    return found


@BOTH
async def test_reads_what_was_asked_for(home: Session, orders: str):
    where = AllOf((Compare("SoldToParty", Operator.EQ, "1000006"), Compare("TotalNetAmount", Operator.GT, 100)))
    page = await home.query("erp", Query(orders, NAMED, where, (Order("TotalNetAmount", True),), 5))
    amounts = [one.fields["TotalNetAmount"] for one in page.records]
    assert amounts
    assert amounts == sorted(amounts, reverse=True)  # type: ignore[type-var]
    assert {one.fields["SoldToParty"] for one in page.records} == {"1000006"}
    assert all(isinstance(one, float) for one in amounts)
    one = page.records[0]
    again = await home.get("erp", orders, one.id, NAMED)
    assert again.fields == one.fields
    assert str(again.fields["SalesOrderDate"]).startswith("202")


@BOTH
async def test_both_versions_find_the_same_records(home: Session, orders: str):
    where = AnyOf(
        (
            Compare("PurchaseOrderByCustomer", Operator.CONTAINS, "PO-5"),
            Compare("SalesOrder", Operator.STARTS_WITH, "00000047"),
        )
    )
    ids = {
        one: [row.id for row in (await home.query("erp", Query(one, ("SalesOrder",), where, limit=100))).records]
        for one in ("so.A_SalesOrder", "so4.SalesOrder")
    }
    assert ids["so.A_SalesOrder"] == ids["so4.SalesOrder"] != []


@BOTH
async def test_writes_with_tokens_and_versions(home: Session, orders: str):
    made = await home.create("erp", orders, {**ORDER, "PurchaseOrderByCustomer": "it's 100%"}, key="")
    assert made.created
    read = await home.get("erp", orders, made.id, ("PurchaseOrderByCustomer",))
    assert read.fields["PurchaseOrderByCustomer"] == "it's 100%"
    assert read.version
    changed = await home.update("erp", orders, made.id, {"PurchaseOrderByCustomer": "new"}, version=read.version)
    assert changed.guard == "server"
    assert (await home.get("erp", orders, made.id, ("PurchaseOrderByCustomer",))).fields[
        "PurchaseOrderByCustomer"
    ] == "new"
    await home.delete("erp", orders, made.id)
    with pytest.raises(NotFound):
        await home.get("erp", orders, made.id, ("SalesOrder",))


@BOTH
async def test_a_stale_version_is_refused(home: Session, house: Mock, orders: str):
    one = (await home.query("erp", Query(orders, ("SalesOrder",), limit=1))).records[0]
    method = "MERGE" if orders.startswith("so.") else "PATCH"
    await house.control("POST", "faults", {"scenario": "precondition", "method": method, "count": 1})
    with pytest.raises(VersionConflict):
        await home.update("erp", orders, one.id, {"PurchaseOrderByCustomer": "late"})


@BOTH
async def test_many_writers_fetch_one_token_and_a_spent_one_is_nobodys_concern(home: Session, house: Mock, orders: str):
    texts = [f"Kit {number}" for number in range(16)]
    made = await asyncio.gather(
        *(home.create("erp", orders, {**ORDER, "PurchaseOrderByCustomer": one}, key="") for one in texts)
    )
    assert len({one.id for one in made}) == 16
    await house.control("POST", "faults", {"scenario": "csrf", "method": "POST", "match": "/sap/opu/", "count": 1})
    again = await home.create("erp", orders, {**ORDER, "PurchaseOrderByCustomer": "after"}, key="")
    assert again.created


async def test_composite_keys(home: Session):
    page = await home.query("erp", Query("so.A_SalesOrderItem", ("SalesOrder", "SalesOrderItem", "Material"), limit=3))
    one = page.records[0]
    assert one.id == f"SalesOrder='{one.fields['SalesOrder']}',SalesOrderItem='{one.fields['SalesOrderItem']}'"
    assert (await home.get("erp", "so.A_SalesOrderItem", one.id, ("Material",))).fields["Material"] == one.fields[
        "Material"
    ]


async def test_an_export_brings_every_record_once(home: Session):
    found = [
        row.id
        async for page in home.export("erp", "bp.A_BusinessPartner", select=("BusinessPartner",), limit=7)
        for row in page.records
    ]
    assert len(found) == len(set(found)) > 7
    other = [
        row.id
        async for page in home.export("erp", "bp4.BusinessPartner", select=("BusinessPartner",))
        for row in page.records
    ]
    assert sorted(other) == sorted(found)


async def test_describe_knows_every_service(home: Session):
    listed = {one.name for one in (await home.describe("erp")).objects}
    assert {"so.A_SalesOrder", "so4.SalesOrder", "bp.A_BusinessPartner", "bp4.BusinessPartner"} <= listed


@BOTH
async def test_an_order_is_made_with_its_items(home: Session, orders: str):
    item = f"{orders}Item"
    facts = (await home.describe("erp", orders)).facts
    assert facts is not None
    assert facts.children["to_Item"] == item
    goods = [{"Material": "TG11", "RequestedQuantity": 2}, {"Material": "TG12", "RequestedQuantity": 1}]
    made = await home.create("erp", orders, {**ORDER, "to_Item": goods}, key="")
    assert [object for object, _ in made.below] == [item, item]
    read = [(await home.get("erp", object, id, ("Material",))).fields["Material"] for object, id in made.below]
    assert read == ["TG11", "TG12"]


async def test_lines_of_a_load_are_told_one_by_one(home: Session):
    lines = [ORDER, {**ORDER, "SoldToParty": "4711"}, ORDER]
    (found,) = [one async for one in home.load("erp", "so.A_SalesOrder", lines, key="many")]
    assert [bool(one.id) for one in found.outcomes] == [not one.code for one in found.outcomes]
    assert found.outcomes[0].created
    assert found.outcomes[2].created
    changed = [(one.id, {"SoldToParty": "1000006"}) for one in found.outcomes if one.id]
    (again,) = [one async for one in home.load("erp", "so.A_SalesOrder", changed, action="update", key="more")]
    assert again.failed == ()
