from decimal import Decimal
from xml.etree import ElementTree as ET

import httpx2
import pytest

from isthmus.plugins.sandbox import SapLandscape

from .conftest import SO, SO4, Open

ATOM, META = "{http://www.w3.org/2005/Atom}", "{http://schemas.microsoft.com/ado/2007/08/dataservices/metadata}"
DATA = "{http://schemas.microsoft.com/ado/2007/08/dataservices}"


@pytest.mark.parametrize("key", ["'1'", "'0000000001'", "SalesOrder='1'", "%271%27"])
def test_a_key_is_converted_to_its_padded_form(orders: httpx2.Client, orders4: httpx2.Client, key: str) -> None:
    assert orders.get(f"A_SalesOrder({key})").json()["d"]["SalesOrder"] == "1"
    assert orders4.get(f"SalesOrder({key})").json()["SalesOrder"] == "1"


def test_values_look_as_each_version_writes_them(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    old, new = orders.get("A_SalesOrder('1')").json()["d"], orders4.get("SalesOrder('1')").json()
    exact = orders4.get("SalesOrder('1')", headers={"accept": "application/json;IEEE754Compatible=true"})
    assert old["TotalNetAmount"] == exact.json()["TotalNetAmount"]
    assert f'"TotalNetAmount":{old["TotalNetAmount"]}' in orders4.get("SalesOrder('1')").text
    assert (old["SalesOrderDate"][:6], old["LastChangeDateTime"][-7:]) == ("/Date(", "+0000)/")
    assert (len(new["SalesOrderDate"]), new["LastChangeDateTime"][-1]) == (10, "Z")
    assert old["to_Item"]["__deferred"]["uri"].endswith("/A_SalesOrder('1')/to_Item")
    assert new["@odata.etag"].startswith('W/"SADL-')


@pytest.mark.parametrize(
    ("old", "new", "test"),
    [
        ("SalesOrganization eq '1010'", "SalesOrganization eq '1010'", lambda row: row["SalesOrganization"] == "1010"),
        ("TotalNetAmount gt 1000M", "TotalNetAmount gt 1000", lambda row: Decimal(row["TotalNetAmount"]) > 1000),
        (
            "SalesOrderDate ge datetime'2026-06-01T00:00:00'",
            "SalesOrderDate ge 2026-06-01",
            lambda row: row["SalesOrderDate"] >= "2026-06-01",
        ),
        (
            "LastChangeDateTime lt datetimeoffset'2026-06-01T00:00:00Z'",
            "LastChangeDateTime lt 2026-06-01T02:00:00+02:00",
            lambda row: row["LastChangeDateTime"] < "2026-06-01",
        ),
        (
            "substringof('PO-0',PurchaseOrderByCustomer) and not (SalesOrganization eq '1010')",
            "contains(PurchaseOrderByCustomer,'PO-0') and not (SalesOrganization eq '1010')",
            lambda row: "PO-0" in row["PurchaseOrderByCustomer"] and row["SalesOrganization"] != "1010",
        ),
        (
            "SalesOrder eq '7' or SalesOrder eq '0000000008'",
            "SalesOrder in ('7','0000000008')",
            lambda row: row["SalesOrder"] in ("7", "8"),
        ),
        (
            "startswith(tolower(IncotermsClassification),'e') eq true",
            "startswith(tolower(IncotermsClassification),'e')",
            lambda row: row["IncotermsClassification"] == "EXW",
        ),
        ("year(SalesOrderDate) eq 2025", "year(SalesOrderDate) eq 2025", lambda row: row["SalesOrderDate"] < "2026"),
        ("substringof('1',SalesOrder)", "contains(SalesOrder,'1')", lambda row: "1" in row["SalesOrder"]),
        (
            "TotalNetAmount div 2 ge 500.5",
            "TotalNetAmount div 2 ge 500.5",
            lambda row: Decimal(row["TotalNetAmount"]) / 2 >= Decimal("500.5"),
        ),
    ],
)
def test_filters(
    orders: httpx2.Client, orders4: httpx2.Client, landscape: SapLandscape, old: str, new: str, test: object
) -> None:
    expected = sum(map(test, landscape.rows("SalesOrder")))  # type: ignore[arg-type]
    assert expected > 0
    assert orders.get("A_SalesOrder/$count", params={"$filter": old}).text == str(expected)
    assert orders4.get("SalesOrder/$count", params={"$filter": new}).text == str(expected)


def test_a_filter_reaches_through_navigation(orders4: httpx2.Client, landscape: SapLandscape) -> None:
    with_it = {row["SalesOrder"] for row in landscape.rows("SalesOrderItem") if row["Material"] == "TG10"}
    found = orders4.get("SalesOrder/$count", params={"$filter": "_Item/any(i:i/Material eq 'TG10')"})
    none = orders4.get("SalesOrder/$count", params={"$filter": "_Item/all(i:i/Material ne 'TG10')"})
    head = orders4.get("SalesOrderItem/$count", params={"$filter": "_SalesOrder/SalesOrganization eq '1020'"})
    theirs = {row["SalesOrder"] for row in landscape.rows("SalesOrder") if row["SalesOrganization"] == "1020"}
    assert found.text == str(len(with_it))
    assert none.text == str(300 - len(with_it))
    assert head.text == str(sum(row["SalesOrder"] in theirs for row in landscape.rows("SalesOrderItem")))


@pytest.mark.parametrize(
    "query",
    [
        "$filter=Nope eq '1'",
        "$filter=SalesOrder eq 1",
        "$filter=TotalNetAmount eq 'x'",
        "$filter=SalesOrderDate eq 2026-01-01",
        "$filter=contains(SalesOrder,'1')",
        "$filter=SalesOrder eq '1",
        "$filter=to_Item/Material eq 'TG10'",
        "$filter=SalesOrder in ('1')",
        "$filter=(((",
        "$orderby=LastChangeDateTime",
        "$select=Nope",
        "$expand=Nope",
        "$count=true",
        "$top=-1",
        "$apply=x",
        "$select=to_Item/Material",
        "$inlinecount=maybe",
    ],
)
def test_v2_refuses(orders: httpx2.Client, query: str) -> None:
    answer = orders.get(f"A_SalesOrder?{query}")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"]["lang"] == "en"
    assert answer.json()["error"]["innererror"]["application"]["service_id"] == "API_SALES_ORDER_SRV"


@pytest.mark.parametrize(
    "query",
    [
        "$filter=substringof('1',SalesOrder)",
        "$filter=SalesOrderDate eq datetime'2026-01-01T00:00:00'",
        "$filter=_Item/Material eq 'TG10'",
        "$filter=TotalNetAmount eq 12.5M",
        "$filter=_Item/any(i:i/Nope eq 1)",
        "$inlinecount=allpages",
        "$expand=_Item($nope=1)",
        "$expand=_Item(",
        "$orderby=SalesOrder up",
        "$filter=SalesOrder in ()",
    ],
)
def test_v4_refuses(orders4: httpx2.Client, query: str) -> None:
    answer = orders4.get(f"SalesOrder?{query}")
    assert (answer.status_code, set(answer.json()["error"]) >= {"code", "message"}) == (400, True)


def test_a_field_that_cannot_be_filtered_is_refused(partners: httpx2.Client, partners4: httpx2.Client) -> None:
    asked = {"$filter": "AddressCommunicationRemarkText eq 'x'"}
    for answer in (
        partners.get("A_AddressPhoneNumber", params=asked),
        partners4.get("AddressPhoneNumber", params=asked),
    ):
        assert (answer.status_code, "cannot be filtered" in answer.text) == (400, True)


def test_expanding_goes_deep(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    old = orders.get("A_SalesOrder('1')?$expand=to_Item/to_ScheduleLine,to_Partner").json()["d"]
    new = orders4.get(
        "SalesOrder('1')?$expand=_Item($expand=_ScheduleLine;$orderby=SalesOrderItem desc;$top=1),_Partner"
    )
    lines = old["to_Item"]["results"][0]["to_ScheduleLine"]["results"]
    assert (lines[0]["ScheduleLine"], len(old["to_Partner"]["results"])) == ("1", 2)
    [item] = new.json()["_Item"]
    assert item["SalesOrderItem"] == old["to_Item"]["results"][-1]["SalesOrderItem"]
    assert item["_ScheduleLine"][0]["ScheduleLine"] == "1"


def test_v2_expands_only_what_select_names_too(orders: httpx2.Client) -> None:
    without = orders.get("A_SalesOrder('1')?$select=SalesOrder&$expand=to_Item").json()["d"]
    with_it = orders.get("A_SalesOrder('1')?$select=SalesOrder,to_Item/Material&$expand=to_Item").json()["d"]
    assert set(without) == {"__metadata", "SalesOrder"}
    assert set(with_it["to_Item"]["results"][0]) == {"__metadata", "Material"}


def test_paths_lead_to_parts_properties_and_values(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    item = "SalesOrder='1',SalesOrderItem='10'"
    assert orders.get("A_SalesOrder('1')/to_Item").json()["d"]["results"][0]["SalesOrderItem"] == "10"
    assert orders.get(f"A_SalesOrder('1')/to_Item({item})/to_SalesOrder/SalesOrder/$value").text == "1"
    assert orders.get("A_SalesOrder('1')/SalesOrderType").json() == {"d": {"SalesOrderType": "OR"}}
    assert orders4.get("SalesOrder('1')/SalesOrderType").json()["value"] == "OR"
    assert orders4.get(f"SalesOrder('1')/_Item({item})/_SalesOrder/SalesOrderType/$value").text == "OR"
    assert orders4.get("SalesOrder('1')/_Item/$count").text == orders.get("A_SalesOrder('1')/to_Item/$count").text


@pytest.mark.parametrize(
    "path",
    [
        "Nope",
        "A_SalesOrder('999999')",
        "A_SalesOrder('1')/Nope",
        "A_SalesOrder('1')/to_Nope",
        "A_SalesOrder('1')/$value",
    ],
)
def test_what_is_not_there_is_404_in_json(orders: httpx2.Client, path: str) -> None:
    answer = orders.get(path)
    assert (answer.status_code, answer.json()["error"]["code"]) == (404, "/IWBEP/CX_MGW_RESOURCE_NOT_FOUND")


@pytest.mark.parametrize("path", ["A_SalesOrder(1)", "A_SalesOrder()", "A_SalesOrder(Nope='1')", "A_SalesOrder('1"])
def test_a_key_that_cannot_be_read_is_400(orders: httpx2.Client, path: str) -> None:
    assert orders.get(path).status_code == 400


def test_a_service_that_nobody_activated_is_404_in_html(session: Open, landscape: SapLandscape) -> None:
    answer = session(landscape).get("/sap/opu/odata/sap/ZNOPE_SRV/")
    assert (answer.status_code, answer.headers["content-type"]) == (404, "text/html;charset=utf-8")


def test_pages_follow_absolute_links_in_v2(orders: httpx2.Client) -> None:
    body = orders.get("A_SalesOrder?$inlinecount=allpages&$select=SalesOrder&$top=120").json()["d"]
    assert (body["__count"], len(body["results"])) == ("300", 50)
    assert body["__next"].startswith(f"{orders.base_url}A_SalesOrder?")
    seen = [row["SalesOrder"] for row in body["results"]]
    while "__next" in body:
        body = orders.get(body["__next"]).json()["d"]
        seen += [row["SalesOrder"] for row in body["results"]]
    assert seen == [str(number) for number in range(1, 121)]


def test_pages_follow_relative_links_in_v4(orders4: httpx2.Client) -> None:
    body = orders4.get("SalesOrder?$count=true&$skip=40&$filter=SalesOrder le '120'&$orderby=SalesOrder desc").json()
    assert (body["@odata.count"], body["@odata.nextLink"].partition("?")[0]) == (120, "SalesOrder")
    seen = [row["SalesOrder"] for row in body["value"]]
    while "@odata.nextLink" in body:
        body = orders4.get(body["@odata.nextLink"]).json()
        seen += [row["SalesOrder"] for row in body["value"]]
    assert seen == [str(number) for number in range(80, 0, -1)]


def test_a_skiptoken_expires_and_is_no_one_elses(
    orders: httpx2.Client, landscape: SapLandscape, session: Open, sandbox: object
) -> None:
    link = orders.get("A_SalesOrder").json()["d"]["__next"]
    assert session(landscape, user="carol").get(link).status_code == 400
    assert orders.get(link).status_code == 200
    landscape.clock.advance(minutes=11)
    assert orders.get(link).status_code == 400


def test_a_client_may_ask_for_smaller_pages(orders4: httpx2.Client) -> None:
    body = orders4.get("SalesOrder", headers={"prefer": "odata.maxpagesize=7"}).json()
    assert (len(body["value"]), "@odata.nextLink" in body) == (7, True)


def test_an_entity_that_did_not_change_is_304(orders: httpx2.Client) -> None:
    mark = orders.get("A_SalesOrder('1')").headers["etag"]
    assert orders.get("A_SalesOrder('1')", headers={"if-none-match": mark}).status_code == 304


def test_search_where_declared(partners: httpx2.Client, partners4: httpx2.Client, landscape: SapLandscape) -> None:
    word = str(landscape.rows("BusinessPartner")[0]["BusinessPartnerName"]).split()[0]
    old = partners.get("A_BusinessPartner/$count", params={"search": word}).text
    assert old == partners4.get("BusinessPartner/$count", params={"$search": word}).text != "0"
    assert partners4.get("AddressPhoneNumber", params={"$search": word}).status_code == 400


def test_a_version_suffix_is_tolerated(session: Open, landscape: SapLandscape) -> None:
    answer = session(landscape).get(f"{SO};v=1/A_SalesOrder('1')")
    assert answer.json()["d"]["SalesOrder"] == "1"
    assert session(landscape).get(SO4).headers["location"] == f"{SO4}/"


def test_blocked_partners_say_so(landscape: SapLandscape, partners: httpx2.Client) -> None:
    rows = landscape.rows("BusinessPartner")
    ended = [row for row in rows if row["BusinessPurposeFlag"] == "X"]
    assert ended
    assert any(row["BusinessPartnerIsBlocked"] for row in rows)
    count = partners.get("A_BusinessPartner/$count", params={"$filter": "BusinessPurposeFlag eq 'X'"})
    assert count.text == str(len(ended))


def test_partners_come_from_every_country_and_from_none(landscape: SapLandscape) -> None:
    assert {row["Country"] for row in landscape.rows("BusinessPartnerAddress")} == {"DE", "FR", "GB", "US", ""}


def test_whoever_asks_for_no_json_gets_atom(orders: httpx2.Client) -> None:
    del orders.headers["accept"]
    page = orders.get("A_SalesOrder?$top=60&$inlinecount=allpages&$expand=to_Item")
    assert page.headers["content-type"] == "application/atom+xml;type=feed;charset=utf-8"
    root = ET.fromstring(page.content)
    one = orders.get("A_SalesOrder('1')?$format=json").json()["d"]
    assert (root.findtext(f"{META}count"), len(root.findall(f"{ATOM}entry"))) == ("300", 50)
    assert root.find(f"{ATOM}link").get("href").startswith(str(orders.base_url))
    found = ET.fromstring(orders.get("A_SalesOrder('1')").content)
    assert found.get(f"{META}etag") == one["__metadata"]["etag"]
    assert found.findtext(f".//{DATA}TotalNetAmount") == one["TotalNetAmount"]
    assert len(found.findtext(f".//{DATA}SalesOrderDate")) == len("2026-09-21T00:00:00")
    refusal = orders.get("A_SalesOrder('999999')")
    assert (refusal.status_code, refusal.headers["content-type"]) == (404, "application/xml;charset=utf-8")
