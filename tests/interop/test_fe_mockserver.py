"""Does the connector, in a whole gateway, work against SAP's mock server with metadata of real services?

It is fetched from its registry, so this runs on request only: `ISTHMUS_INTEROP=1 uv run pytest tests/interop`.
The metadata lie beside the project; where they do not, this is skipped.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.connectors.sap.conftest import gateway, home
from tests.interop.node_servers import Elsewhere, served
from tests.interop.test_elsewhere import pytestmark

from isthmus.core.errors import IsthmusError, NotFound
from isthmus.core.records import AllOf, AnyOf, Compare, Operator, Order, Query
from isthmus.core.session import Session

__all__ = ["gateway", "home", "pytestmark"]

FIXTURES = Path(__file__).parents[3] / "shared/fixtures/sap"
SERVICES = {
    "bp": ("/sap/opu/odata/sap/API_BUSINESS_PARTNER", "API_BUSINESS_PARTNER.edmx"),
    "po": ("/sap/opu/odata/sap/MM_PUR_PO_MAINT_V2_SRV", "MM_PUR_PO_MAINT_V2_SRV.v2.metadata.xml"),
    "so": ("/sap/opu/odata4/sap/so/0001", "salesOrder.v4.metadata.xml"),
}


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    told = {root: str(FIXTURES / document) for root, document in SERVICES.values()}
    if not all(Path(document).is_file() for document in told.values()):
        pytest.skip(f"there are no metadata of real services in {FIXTURES.parent.name}/{FIXTURES.name}")
    with served("fe_mockserver", tmp_path_factory.mktemp("fe"), ("start.js", json.dumps(told))) as address:
        yield address


@pytest.fixture
def house(url: str, tmp_path: Path) -> Elsewhere:
    found = Elsewhere(tmp_path / "house", url=url, keys={})
    found.serve({name: root for name, (root, _) in SERVICES.items()})
    return found


@pytest.mark.parametrize(
    ("alias", "told"),
    [
        # Where days are part of a key, it makes up texts that are none; where a key is true or false, it repeats them.
        ("bp", {"read": 45, "upstream": 7}),
        ("po", {"read": 106, "upstream": 11, "invalid_arguments": 7}),
        ("so", {"read": 38}),
    ],
)
async def test_every_set_is_described_and_read(home: Session, alias: str, told: dict[str, int]):
    seen: Counter[str] = Counter()
    for one in (await home.describe("erp")).objects:
        if one.name.startswith(f"{alias}."):
            facts = (await home.describe("erp", one.name)).facts
            fields = tuple(name for name, one in facts.fields.items() if one.readable)
            try:
                (row, *_) = (await home.query("erp", Query(one.name, fields, limit=3))).records
            except IsthmusError as error:
                seen[error.code] += 1
            else:
                assert (await home.get("erp", one.name, row.id, fields)).fields == row.fields
                seen["read"] += 1
    assert seen == told


PERSONS = "bp.A_BusinessPartner"


async def test_conditions(home: Session):
    async def ids(*where: Compare) -> list[str]:
        page = await home.query("erp", Query(PERSONS, ("LastName",), AllOf(where), (Order("BusinessPartner", True),)))
        return [one.id for one in page.records]

    people = Compare("BusinessPartnerCategory", Operator.EQ, "1")
    assert await ids(people) == ["2", "1"]
    assert await ids(Compare("LastName", Operator.EQ, "Über & Co")) == ["2"]
    assert await ids(Compare("BusinessPartnerName", Operator.CONTAINS, "100% / S")) == ["3"]
    assert await ids(Compare("CreationDate", Operator.GE, "2025-11-21")) == ["3"]
    either = AnyOf((Compare("BusinessPartner", Operator.EQ, "1"), Compare("BusinessPartnerCategory", Operator.EQ, "2")))
    assert len((await home.query("erp", Query(PERSONS, ("LastName",), either))).records) == 2


async def test_values_are_translated(home: Session):
    fields = ("LastName", "BirthDate", "CreationTime", "BusinessPartnerIsBlocked", "FirstName")
    read = await home.get("erp", PERSONS, "1", fields)
    assert dict(read.fields) == {
        "LastName": "O'Hara",
        "BirthDate": "1969-12-20T10:13:20Z",
        "CreationTime": "10:11:12",
        "BusinessPartnerIsBlocked": False,
        "FirstName": "Ada",
    }


async def test_v4_answers_conditions_too(home: Session):
    object, fields = "so.SalesOrderManage", ("SalesOrder", "TotalNetAmount", "SalesOrderDate", "Delivered")
    every = (await home.query("erp", Query(object, fields, limit=200))).records
    assert len(every) == 150
    where = AllOf((Compare("TotalNetAmount", Operator.GT, 200), Compare("SalesOrderDate", Operator.LT, "2015-01-01")))
    some = (await home.query("erp", Query(object, fields, where, (Order("TotalNetAmount", True),), limit=200))).records
    amounts = sorted(
        (
            one.fields["TotalNetAmount"]
            for one in every
            if one.fields["TotalNetAmount"] > 200 and one.fields["SalesOrderDate"] < "2015-01-01"
        ),
        reverse=True,
    )
    assert [one.fields["TotalNetAmount"] for one in some] == amounts != []


async def test_writes(home: Session):
    values = {
        "BusinessPartner": "17",
        "BusinessPartnerCategory": "1",
        "LastName": "d'Arc / 50%",
        "BirthDate": "1980-02-29",
    }
    made = await home.create("erp", PERSONS, values, key="")
    assert (made.created, made.id) == (True, "17")
    await home.update("erp", PERSONS, "17", {"LastName": "new"})
    read = await home.get("erp", PERSONS, "17", ("LastName", "BirthDate"))
    assert dict(read.fields) == {"LastName": "new", "BirthDate": "1980-02-29"}


async def test_a_record_with_a_composite_key_is_made_changed_and_deleted(home: Session):
    object = "bp.A_BusinessPartnerBank"
    key = {"BusinessPartner": "1", "BankIdentification": "A&1"}
    made = await home.create("erp", object, {**key, "BankAccountName": "Bank & Söhne"}, key="")
    assert made.id == "BusinessPartner='1',BankIdentification='A&1'"
    await home.update("erp", object, made.id, {"BankAccountName": "new"})
    assert (await home.get("erp", object, made.id, ("BankAccountName",))).fields["BankAccountName"] == "new"
    await home.delete("erp", object, made.id)
    with pytest.raises(NotFound):
        await home.get("erp", object, made.id, ("BankAccountName",))


async def test_v4_is_written_too(home: Session):
    object = "so.SalesOrderManage"
    one = (await home.query("erp", Query(object, ("SalesOrder",), limit=1))).records[0]
    await home.update("erp", object, one.id, {"PurchaseOrderByCustomer": "it's / new"})
    read = await home.get("erp", object, one.id, ("PurchaseOrderByCustomer",))
    assert read.fields["PurchaseOrderByCustomer"] == "it's / new"
    await home.delete("erp", object, one.id)
    with pytest.raises(NotFound):
        await home.get("erp", object, one.id, ("SalesOrder",))
    made = await home.create("erp", object, {"PurchaseOrderByCustomer": "made"}, key="")
    assert (await home.get("erp", object, made.id, ("PurchaseOrderByCustomer",))).fields == {
        "PurchaseOrderByCustomer": "made"
    }


async def test_an_action_is_called(home: Session):
    object = "so.SalesOrderManage"
    one = (await home.query("erp", Query(object, ("SalesOrder",), limit=1))).records[0]
    answer = await home.invoke("erp", object, "ChangeOrderStatus", {"OverallSDProcessStatus": "B"}, id=one.id)
    assert answer.records == (one.id,)
    read = await home.get("erp", object, one.id, ("OverallSDProcessStatus",))
    assert read.fields["OverallSDProcessStatus"] == "B"


async def test_function_imports_are_called(home: Session):
    draft = {"DraftUUID": "3f2504e0-4f89-41d3-9a0c-0305e82c3301"}
    assert (await home.invoke("erp", "po", "POItemDelete", draft)).values == {"result": {"ActiveEntityDeleted": True}}
    object = "po.C_PurchaseOrderTP"
    one = (await home.query("erp", Query(object, (), limit=1))).records[0]
    told = await home.invoke("erp", object, "C_PurchaseOrderTPValidation", id=one.id)
    assert told.values == {"result": {"IsValid": True}}
