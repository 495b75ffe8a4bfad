"""Does an order with its items go out as one, judged object by object, and are the ids of all of them told?"""

from collections.abc import Callable, Mapping

import pytest
from tests.conftest import call

from isthmus.core.errors import Denied, InvalidArguments, OutcomeUnknown, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.results import as_json
from isthmus.core.session import Session
from isthmus.plugins.sandbox import SapLandscape

from .conftest import CEDAR
from .landscape import BOTH, NEW, House, house, org, small, stored

__all__ = ["house", "org", "small"]

Values = Mapping[str, object]


def named(orders: str, values: Mapping[str, object]) -> dict[str, object]:
    """Spell the navigations as the version has them."""
    prefix = "to_" if orders.startswith("so.") else "_"
    return {
        f"{prefix}{name}" if isinstance(value, list) else name: [named(orders, one) for one in value]
        if isinstance(value, list)
        else value
        for name, value in values.items()
    }


TWO = {
    **NEW,
    "Item": [
        {"Material": "TG12", "RequestedQuantity": 3, "ScheduleLine": [{"ScheduleLineOrderQuantity": 1}]},
        {"Material": "TG11", "RequestedQuantity": 2},
    ],
    "Partner": [{"PartnerFunction": "WE", "Customer": "10100001"}],
}


def items(org: SapLandscape, order: str) -> list[tuple[object, ...]]:
    return [
        (row["SalesOrderItem"], row["Material"]) for row in org.rows("SalesOrderItem") if row["SalesOrder"] == order
    ]


def posts(org: SapLandscape) -> list[str]:
    return [one.path for one in org.journal.entries if one.method == "POST"]


def below(orders: str, order: str) -> list[tuple[str, str]]:
    alias, _, name = orders.partition(".")
    prefix = "A_" if name.startswith("A_") else ""
    item = f"SalesOrder='{order}',SalesOrderItem="
    return [
        (f"{alias}.{prefix}SalesOrderItem", f"{item}'10'"),
        (f"{alias}.{prefix}SalesOrderScheduleLine", f"{item}'10',ScheduleLine='1'"),
        (f"{alias}.{prefix}SalesOrderItem", f"{item}'20'"),
        (f"{alias}.{prefix}SalesOrderHeaderPartner", f"SalesOrder='{order}',PartnerFunction='WE'"),
    ]


@BOTH
@pytest.mark.parametrize("fault", ["", "bare_create"])
async def test_an_order_with_its_items_is_one_request_and_tells_all_ids(
    home: Session, org: SapLandscape, orders: str, fault: str
):
    if fault:
        org.faults.arm(fault)
    made = await home.create("erp", orders, named(orders, TWO), key="D-1")
    assert items(org, made.id) == [("10", "TG12"), ("20", "TG11")]
    assert list(made.below) == below(orders, made.id)
    assert len(posts(org)) == 1
    assert as_json(made)["below"][0]["object"] == below(orders, made.id)[0][0]  # type: ignore[index,call-overload]


@BOTH
async def test_one_item_that_is_refused_leaves_nothing(home: Session, org: SapLandscape, orders: str):
    before = len(org.rows("SalesOrder"))
    values = {**NEW, "Item": [{"Material": "TG11"}, {"Material": "NOPE"}]}
    with pytest.raises(UpstreamRejected, match="V1/382"):
        await home.create("erp", orders, named(orders, values), key="D-2")
    assert len(org.rows("SalesOrder")) == before


@BOTH
async def test_one_denied_object_below_stops_all_of_it_unsent(house: House, org: SapLandscape, orders: str):
    lines = "so.A_SalesOrderScheduleLine" if orders.startswith("so.") else "so4.SalesOrderScheduleLine"
    house.cedar = CEDAR + (
        f'@id("no-lines") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"create", '
        f'resource in Isthmus::Object::"erp/{lines}");'
    )
    async with house.open() as gateway:
        with pytest.raises(Denied) as refused:
            await gateway.session(house.caller()).create("erp", orders, named(orders, TWO), key="D-3")
    assert refused.value.rules == ("no-lines",)
    assert posts(org) == []


@BOTH
@pytest.mark.parametrize("fault", ["lost_answer", "server_error"])
async def test_a_lost_answer_is_read_back_with_all_that_lies_below(
    home: Session, org: SapLandscape, orders: str, fault: str
):
    org.faults.arm(fault, method="POST", path="SalesOrder", **({"committed": True} if fault == "server_error" else {}))
    made = await home.create("erp", orders, named(orders, TWO), key="D-4")
    assert stored(org, made.id)["PurchaseOrderByCustomer"] == "D-4"
    assert len(items(org, made.id)) == 2
    assert len(posts(org)) == 1


@BOTH
async def test_an_order_of_other_items_under_the_key_is_not_taken_for_ours(
    home: Session, org: SapLandscape, orders: str
):
    org.faults.arm("altered_write", field="Material", value="TG11", times=5)
    org.faults.arm("lost_answer", method="POST", path="SalesOrder")
    with pytest.raises(OutcomeUnknown):
        await home.create("erp", orders, named(orders, TWO), key="D-5")


@BOTH
async def test_describe_names_what_comes_along(home: Session, orders: str):
    facts = (await home.describe("erp", orders)).facts
    assert facts is not None
    found = set(facts.children)
    prefix = "to_" if orders.startswith("so.") else "_"
    assert found == {f"{prefix}Item", f"{prefix}Partner", f"{prefix}Text"}


@BOTH
@pytest.mark.parametrize(
    "wrong",
    [
        lambda one: one(Item=[]),
        lambda one: one(Item=[{"Nothing": 1}]),
        lambda one: {**NEW, "to_SoldToParty": [{"BusinessPartner": "1"}]},
        lambda one: {**NEW, "_SoldToParty": {"BusinessPartner": "1"}},
    ],
)
async def test_what_cannot_come_along_is_refused_unsent(
    gateway: Gateway, house: House, org: SapLandscape, orders: str, wrong: Callable[..., Values]
):
    values = wrong(lambda **more: named(orders, {**NEW, **more}))
    with pytest.raises(InvalidArguments):
        await call(gateway, house.caller(), "create", system="erp", object=orders, values=values, key="D-6")
    assert posts(org) == []
