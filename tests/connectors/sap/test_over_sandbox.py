"""Does the connector, in a whole gateway, do its work against the sandbox's landscape, mishaps and all?"""

import asyncio
from decimal import Decimal

import pytest
from tests.passage.conftest import FastClock

from isthmus.core.caller import Caller
from isthmus.core.cli.checks import Status
from isthmus.core.cli.doctor import ask
from isthmus.core.cli.lookups import probe
from isthmus.core.errors import (
    CredentialError,
    Denied,
    InvalidArguments,
    NotFound,
    OutcomeUnknown,
    RetryLater,
    UpstreamError,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.gateway import Gateway
from isthmus.core.journal import IntentState
from isthmus.core.records import Compare, Operator, Order, Query, Ref
from isthmus.core.session import Session
from isthmus.plugins.sandbox import SapLandscape

from .landscape import BOTH, NEW, House, house, org, small, stored, texts

__all__ = ["house", "org", "small"]


@BOTH
async def test_pages_of_the_service_are_followed(home: Session, org: SapLandscape, orders: str):
    org.page_size = 3
    page = await home.query(
        "erp", Query(orders, ("SalesOrder", "TotalNetAmount"), None, (Order("TotalNetAmount"),), 20)
    )
    amounts = [one.fields["TotalNetAmount"] for one in page.records]
    assert len(amounts) == 20
    assert amounts == sorted(amounts)  # type: ignore[type-var]


@BOTH
async def test_an_export_survives_forgotten_pages(home: Session, org: SapLandscape, orders: str):
    org.page_size = 4
    org.faults.arm("expired_skiptoken", times=3)
    found = [
        row.id async for page in home.export("erp", orders, select=("SalesOrder",), limit=30) for row in page.records
    ]
    assert sorted(found, key=int) == sorted((str(row["SalesOrder"]) for row in org.rows("SalesOrder")), key=int)


async def test_both_versions_tell_the_same(home: Session):
    told = []
    for object, names in (("so.A_SalesOrder", "SalesOrder"), ("so4.SalesOrder", "SalesOrder")):
        fields = (names, "TotalNetAmount", "SalesOrderDate", "CompleteDeliveryIsDefined", "LastChangeDateTime")
        rows = (await home.query("erp", Query(object, fields, None, (Order("SalesOrder"),), 10))).records
        told.append([(one.id, dict(one.fields)) for one in rows])
    assert told[0] == told[1]


@BOTH
async def test_a_session_that_ends_is_nobodys_concern(home: Session, org: SapLandscape, orders: str):
    await home.create("erp", orders, {**NEW, "PurchaseOrderByCustomer": "first"}, key="")
    org.faults.arm("csrf_expired", times=1)
    made = await home.create("erp", orders, {**NEW, "PurchaseOrderByCustomer": "second"}, key="")
    assert made.created
    assert [row["PurchaseOrderByCustomer"] for row in org.rows("SalesOrder")].count("second") == 1


@BOTH
async def test_a_lock_is_waited_for(home: Session, org: SapLandscape, orders: str):
    org.faults.arm("locked", times=1)
    await home.update("erp", orders, "1", {"PurchaseOrderByCustomer": "unlocked"})
    assert (
        next(row for row in org.rows("SalesOrder") if row["SalesOrder"] == "1")["PurchaseOrderByCustomer"] == "unlocked"
    )


@BOTH
async def test_a_stale_version_is_refused(home: Session, orders: str):
    read = await home.get("erp", orders, "1", ("SalesOrder",))
    await home.update("erp", orders, "1", {"PurchaseOrderByCustomer": "first"}, version=read.version or "")
    with pytest.raises(VersionConflict):
        await home.update("erp", orders, "1", {"PurchaseOrderByCustomer": "second"}, version=read.version or "")


def changing(orders: str) -> str:
    return "MERGE" if orders.startswith("so.") else "PATCH"


@BOTH
async def test_a_lost_answer_to_a_change_is_read_back(home: Session, org: SapLandscape, orders: str):
    org.faults.arm("lost_answer", method=changing(orders))
    changed = await home.update("erp", orders, "1", {"PurchaseOrderByCustomer": "lost"})
    assert changed.id == "1"
    assert stored(org)["PurchaseOrderByCustomer"] == "lost"


@BOTH
@pytest.mark.parametrize("fault", ["lost_answer", "server_error", "gateway_timeout"])
async def test_a_create_whose_answer_is_lost_is_found_and_made_once(
    home: Session, org: SapLandscape, orders: str, fault: str
):
    committed = {} if fault == "lost_answer" else {"committed": True}
    org.faults.arm(fault, method="POST", path="SalesOrder", **committed)
    made = await home.create("erp", orders, NEW, key="K-1")
    assert texts(org).count("K-1") == 1
    assert stored(org, made.id)["PurchaseOrderByCustomer"] == "K-1"


@BOTH
async def test_a_request_that_was_lost_is_not_called_done(home: Session, org: SapLandscape, orders: str):
    org.faults.arm("lost_request", method="POST", path="SalesOrder")
    with pytest.raises(OutcomeUnknown):
        await home.create("erp", orders, NEW, key="K-2")
    assert texts(org).count("K-2") == 0


ITEMS = {"so.A_SalesOrder": "to_Item", "so4.SalesOrder": "_Item"}


@BOTH
async def test_an_order_comes_with_its_items(home: Session, org: SapLandscape, orders: str):
    names = [f"{ITEMS[orders]}.{name}" for name in ("SalesOrderItem", "Material", "RequestedQuantity")]
    read = (await home.get("erp", orders, "1", ("SalesOrder", *names))).fields
    rows = [row for row in org.rows("SalesOrderItem") if row["SalesOrder"] == "1"]
    told = {(item, material, float(count)) for item, material, count in zip(*(read[one] for one in names), strict=True)}
    assert told == {(one["SalesOrderItem"], one["Material"], float(str(one["RequestedQuantity"]))) for one in rows}
    page = await home.query("erp", Query(orders, names, None, (Order("SalesOrder"),), 5))
    assert [len(one.fields[names[0]]) for one in page.records] == [
        sum(row["SalesOrder"] == one.id for row in org.rows("SalesOrderItem")) for one in page.records
    ]


@BOTH
async def test_items_may_be_read_only_where_their_own_object_may(house: House, org: SapLandscape, orders: str):
    items = {"so.A_SalesOrder": "so.A_SalesOrderItem", "so4.SalesOrder": "so4.SalesOrderItem"}[orders]
    house.cedar += f"""
@id("no-items") forbid (principal, action, resource in Isthmus::Object::"erp/{items}");
"""
    async with house.open() as gateway:
        home = gateway.session(house.caller())
        await home.get("erp", orders, "1", ("SalesOrder",))
        before = len(org.journal.entries)
        with pytest.raises(Denied, match="no-items"):
            await home.get("erp", orders, "1", ("SalesOrder", f"{ITEMS[orders]}.Material"))
        assert len(org.journal.entries) == before


async def test_fields_of_records_below_leave_as_the_countries_of_all_of_them_allow(
    gateway: Gateway, home: Session, org: SapLandscape
):
    addresses, street = "bp.A_BusinessPartnerAddress", "to_BusinessPartnerAddress.StreetName"
    owners = {row["BusinessPartner"] for row in org.rows("BusinessPartnerAddress") if row["Country"] == "US"}
    id = min(str(row["BusinessPartner"]) for row in org.rows("BusinessPartner")
             if row["BusinessPartner"] in owners and row["BusinessPartnerCategory"] == "1")  # fmt: skip
    far = gateway.session(Caller("support", "alice", "support", "model-us", "", "desktop-us"))
    (told,) = (await far.get("erp", "bp.A_BusinessPartner", id, (street,))).fields[street]
    assert isinstance(told, str)
    values = {"BusinessPartner": id, "Country": "DE", "CityName": "Aachen", "StreetName": "Domhof"}
    await home.create("erp", addresses, values, key="")
    assert (await home.get("erp", "bp.A_BusinessPartner", id, (street,))).fields[street] == (told, "Domhof")
    assert isinstance((await far.get("erp", "bp.A_BusinessPartner", id, (street,))).fields[street], Ref)


@BOTH
async def test_a_delete_whose_answer_is_lost_is_done_once_the_record_is_gone(
    home: Session, org: SapLandscape, orders: str
):
    org.faults.arm("lost_answer", method="DELETE")
    await home.delete("erp", orders, "1")
    assert "1" not in {row["SalesOrder"] for row in org.rows("SalesOrder")}
    assert [one.method for one in org.journal.entries].count("DELETE") == 1


@BOTH
async def test_a_delete_that_never_arrived_is_open_until_it_cannot_arrive_any_more(
    house: House, org: SapLandscape, orders: str
):
    house.clock = FastClock(speed=10)
    async with house.open() as gateway:
        home, view = gateway.session(house.caller()), gateway.parts.journal.view
        org.faults.arm("lost_request", method="DELETE")
        with pytest.raises(OutcomeUnknown) as unknown:
            await home.delete("erp", orders, "1")
        with pytest.raises(OutcomeUnknown):
            await home.delete("erp", orders, "1")
        house.clock.jump(1_000)
        await home.delete("erp", orders, "1")
        assert view().intent(unknown.value.intent).state is IntentState.NOT_HAPPENED
        assert not view().open_intents()
    # The one that was lost on its way, and the one that was sent once this was known.
    assert [one.method for one in org.journal.entries].count("DELETE") == 2


@BOTH
async def test_a_delete_of_a_record_that_changed_meanwhile_stays_for_a_person(
    house: House, org: SapLandscape, orders: str
):
    house.clock = FastClock(speed=10)
    async with house.open() as gateway:
        home = gateway.session(house.caller())
        org.faults.arm("lost_request", method="DELETE")
        with pytest.raises(OutcomeUnknown) as unknown:
            await home.delete("erp", orders, "1")
        await home.update("erp", orders, "1", {"PurchaseOrderByCustomer": "later"})
        house.clock.jump(1_000)
        (settled,) = await gateway.settler.settle_all()
        assert (settled.id, settled.state) == (unknown.value.intent, IntentState.UNKNOWN)


@pytest.mark.parametrize(
    ("fault", "raised"),
    [
        ("sso_page", CredentialError),
        ("not_activated", UpstreamRejected),
        ("rate_limit", RetryLater),
        ("foreign_next", UpstreamError),
    ],
)
async def test_a_mishap_ends_in_the_error_that_says_what_to_do(
    home: Session, org: SapLandscape, fault: str, raised: type[Exception]
):
    await home.query("erp", Query("so.A_SalesOrder", ("SalesOrder",), limit=1))
    org.page_size = 2
    org.faults.arm(fault, path="A_SalesOrder", times=10, **({"seconds": 60} if fault == "rate_limit" else {}))
    with pytest.raises(raised):
        await home.query("erp", Query("so.A_SalesOrder", ("SalesOrder",), limit=5))


async def test_a_refusal_in_xml_is_read(home: Session, org: SapLandscape):
    org.faults.arm("xml_error", times=2)
    with pytest.raises(NotFound):
        await home.get("erp", "so.A_SalesOrder", "99999", ("SalesOrder",))


async def test_a_business_rule_names_its_number_and_field(home: Session):
    with pytest.raises(UpstreamRejected, match="V1/308") as caught:
        await home.create("erp", "so.A_SalesOrder", {**NEW, "SoldToParty": "4711"}, key="K-3")
    assert "4711" in caught.value.vendor_text
    assert caught.value.field == "SoldToParty"


@BOTH
async def test_32_writers_fetch_one_token(home: Session, org: SapLandscape, orders: str):
    made = await asyncio.gather(*(home.create("erp", orders, NEW, key=f"W-{n}") for n in range(32)))
    assert len({one.id for one in made}) == 32
    entries = [one for one in org.journal.entries if one.status == 403]
    assert entries == []
    fetched = [one for one in org.journal.entries if one.path.endswith("/")]
    assert len(fetched) == 1


async def test_two_people_see_their_own_orders(house: House, org: SapLandscape):
    house.as_users({name: org.password(name) for name in ("alice", "bob")})
    asked = Query("so.A_SalesOrder", ("SalesOrganization",), limit=500)
    async with house.open() as gateway:
        pages = await asyncio.gather(
            *(gateway.session(house.caller(name)).query("erp", asked) for name in ("alice", "bob") * 4)
        )
    alice, bob = ({one.fields["SalesOrganization"] for one in pages[at].records} for at in (0, 1))
    assert alice == {"1010"}
    assert bob == {"1020"}


async def test_doctor_shows_terms_and_services(gateway: Gateway):
    (system,) = gateway.parts.systems.values()
    (connection,) = system.connections.values()
    found = await probe(gateway, connection, "")
    assert found.facts["egress"] == "direct"
    assert found.facts["terms"] == "acknowledged; exports of at most 10,000 rows; no services but those below"
    assert "endorses" in found.facts["notice"]
    assert found.facts["so4"].startswith("OData V4")
    checked = await ask(gateway, connection, "")
    assert (checked.status, len(checked.said.splitlines())) == (Status.OK, 9)


async def test_a_bound_action_runs_once_with_the_version_of_its_record(home: Session, org: SapLandscape):
    answer = await home.invoke("erp", "so4.SalesOrder", "RejectApprovalRequest", {"Note": "no"}, id="5")
    assert answer.records == ("5",)
    assert stored(org, "5")["SalesDocApprovalStatus"] == "C"


async def test_a_function_reads_only(home: Session, org: SapLandscape):
    answer = await home.invoke("erp", "so4.SalesOrder", "GetOpenAmount", id="5")
    assert Decimal(str(answer.values["result"])) >= 0
    assert [one for one in org.journal.entries if one.effects] == []


async def test_conditions_find_what_they_say(home: Session, org: SapLandscape):
    for orders in ("so.A_SalesOrder", "so4.SalesOrder"):
        page = await home.query(
            "erp", Query(orders, ("SalesOrder",), Compare("TotalNetAmount", Operator.GT, 5000), limit=500)
        )
        wanted = {
            str(row["SalesOrder"]) for row in org.rows("SalesOrder") if Decimal(str(row["TotalNetAmount"])) > 5000
        }
        assert {one.id for one in page.records} == wanted != set()


async def test_pages_of_records_with_several_keys_go_on(home: Session, org: SapLandscape):
    asked = Query("so.A_SalesOrderItem", ("Material",), None, (Order("Material"),), 7)
    found, after = list[str](), ""
    while after is not None:
        page = await home.query("erp", asked, after=after)
        found += [one.id for one in page.records]
        after = page.after
    assert len(found) == len(set(found)) == len(org.rows("SalesOrderItem"))
    assert found[0].startswith("SalesOrder='")


@pytest.mark.parametrize("people", ["bp.A_BusinessPartner", "bp4.BusinessPartner"])
async def test_who_is_blocked_for_privacy_is_never_shown(home: Session, org: SapLandscape, people: str):
    blocked = {str(row["BusinessPartner"]) for row in org.rows("BusinessPartner") if row["BusinessPurposeFlag"]}
    central = {str(row["BusinessPartner"]) for row in org.rows("BusinessPartner") if row["BusinessPartnerIsBlocked"]}
    assert blocked
    found = {
        row.id
        async for page in home.export("erp", people, select=("BusinessPartner",), limit=50)
        for row in page.records
    }
    page = await home.query("erp", Query(people, ("BusinessPartner",), limit=2000))
    assert {one.id for one in page.records} == found
    assert not found & blocked
    # The system leaves them out itself, so that they leave no gap in a page.
    some = await home.query("erp", Query(people, ("BusinessPartner",), limit=len(found) - 1))
    assert len(some.records) == len(found) - 1
    assert central - blocked <= found
    with pytest.raises(NotFound):
        await home.get("erp", people, next(iter(blocked)), ("BusinessPartner",))


async def test_an_order_names_its_partner_along_the_way(home: Session):
    page = await home.query("erp", Query("so4.SalesOrder", ("SalesOrder", "SoldToParty"), limit=3))
    assert all(one.fields["SoldToParty"] for one in page.records)


async def test_a_service_that_is_not_there_is_named(home: Session, gateway: Gateway, org: SapLandscape):
    org.faults.arm("not_activated", path="API_SALES_ORDER_SRV", times=2)
    with pytest.raises(UpstreamRejected, match=r"service 'so'.*settings\.services"):
        await home.describe("erp")
    (system,) = gateway.parts.systems.values()
    (connection,) = system.connections.values()
    found = await probe(gateway, connection, "")
    assert "so" not in found.facts
    assert [one.partition(":")[0] for one in found.troubles] == ["service so cannot be used"]


async def test_metadata_are_read_once_for_all_objects_of_a_service(home: Session, org: SapLandscape):
    for object in ("so.A_SalesOrder", "so.A_SalesOrderItem", "so.A_SalesOrderText"):
        await home.describe("erp", object)
        await home.query("erp", Query(object, (), limit=1))
    assert len([one for one in org.journal.entries if one.path.endswith("$metadata")]) == 1


@BOTH
async def test_words_find_the_orders_that_hold_all_of_them(home: Session, org: SapLandscape, orders: str):
    org.page_size = 2
    for text in ("red lamp", "lamp 'x' red", "lamp"):
        await home.update("erp", orders, str(len(text)), {"PurchaseOrderByCustomer": text})
    page = await home.search("erp", orders, "lamp red", fields=("PurchaseOrderByCustomer",))
    assert {one.id for one in page.records} == {"8", "12"}
    assert len((await home.search("erp", orders, "lamp", fields=("SalesOrder",), limit=2)).records) == 2


async def test_what_cannot_be_searched_is_refused_unsent(home: Session, org: SapLandscape):
    with pytest.raises(InvalidArguments, match="cannot be searched"):
        await home.search("erp", "so.A_SalesOrderScheduleLine", "lamp", fields=("ScheduleLine",))
    assert not [one for one in org.journal.entries if "search" in one.query]


@BOTH
async def test_all_fields_are_those_of_the_record_itself(home: Session, org: SapLandscape, orders: str):
    items = "to_Item" if orders.startswith("so.") else "_Item"
    page = await home.query("erp", Query(orders, ("*",), limit=1))
    assert set(page.records[0].fields) - {"SAP__Messages"} == set(org.rows("SalesOrder")[0])
    with pytest.raises(InvalidArguments, match=r"records of so4?\..*SalesOrderItem: query that object instead"):
        await home.get("erp", orders, "1", ("SalesOrder", items))


@BOTH
async def test_an_item_is_read_with_a_field_of_its_order(home: Session, org: SapLandscape, orders: str):
    way = "to_" if orders.startswith("so.") else "_"
    where = Compare("SalesOrder", Operator.EQ, "7")
    page = await home.query("erp", Query(f"{orders}Item", ("Material", f"{way}SalesOrder.SoldToParty"), where))
    assert {one.fields[f"{way}SalesOrder.SoldToParty"] for one in page.records} == {stored(org, "7")["SoldToParty"]}
