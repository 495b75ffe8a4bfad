import httpx2
import pytest

from isthmus.plugins.sandbox import Effect, SapLandscape

from .conftest import BP, SO, SO4, Open

Order = dict[str, object]


def in_v4(order: Order) -> Order:
    return {
        **{name: value for name, value in order.items() if name != "to_Item"},
        "_Item": [{"Material": "TG10", "RequestedQuantity": 2}],
    }


def test_a_deep_insert_makes_items_and_adds_up(orders: httpx2.Client, landscape: SapLandscape, order: Order) -> None:
    answer = orders.post("A_SalesOrder", json=order)
    made = answer.json()["d"]
    assert answer.status_code == 201
    assert made["TotalNetAmount"] == "235.000"
    assert [each["NetAmount"] for each in made["to_Item"]["results"]] == ["235.000"]
    assert answer.headers["location"] == made["__metadata"]["uri"]
    assert answer.headers["etag"] == made["__metadata"]["etag"]
    assert landscape.journal.entries[-1].effects == (
        Effect("created", "SalesOrder", made["SalesOrder"]),
        Effect("created", "SalesOrderItem", f"SalesOrder='{made['SalesOrder']}',SalesOrderItem='10'"),
    )


def test_a_deep_insert_takes_results_too_and_three_levels(orders: httpx2.Client, order: Order) -> None:
    lines = [{"RequestedDeliveryDate": "/Date(1798070400000)/"}, {"RequestedDeliveryDate": "2026-12-25T00:00:00"}]
    items = {"results": [{"Material": "TG11", "RequestedQuantity": "1", "to_ScheduleLine": lines}]}
    made = orders.post("A_SalesOrder", json={**order, "to_Item": items}).json()["d"]
    found = orders.get(made["__metadata"]["uri"] + "/to_Item?$expand=to_ScheduleLine").json()["d"]["results"][0]
    shown = [each["RequestedDeliveryDate"] for each in found["to_ScheduleLine"]["results"]]
    assert shown == ["/Date(1798070400000)/", "/Date(1798156800000)/"]


def test_v4_creates_with_numbers(orders4: httpx2.Client, order: Order) -> None:
    answer = orders4.post("SalesOrder", json=in_v4(order))
    assert (answer.status_code, '"TotalNetAmount":235.000' in answer.text) == (201, True)
    bare = orders4.post("SalesOrder", json=in_v4(order), headers={"prefer": "return=minimal"})
    assert (bare.status_code, bare.content, bare.headers["odata-entityid"]) == (204, b"", bare.headers["location"])


def test_a_v4_row_is_taken_back_with_what_it_said_of_itself(orders4: httpx2.Client, order: Order) -> None:
    assert orders4.post("SalesOrder", json={**in_v4(order), "SAP__Messages": []}).status_code == 201
    assert orders4.post("SalesOrder", json={**in_v4(order), "Messages": []}).status_code == 400


def test_v4_takes_decimals_as_strings_only_where_the_client_says_so(orders4: httpx2.Client, order: Order) -> None:
    items = [{"Material": "TG10", "RequestedQuantity": "2.000"}]
    body = {**in_v4(order), "_Item": items}
    exact = {"content-type": "application/json;IEEE754Compatible=true"}
    assert orders4.post("SalesOrder", json=body).status_code == 400
    assert orders4.post("SalesOrder", json=body, headers=exact).status_code == 201


@pytest.mark.parametrize(
    ("change", "status", "code"),
    [
        ({"SoldToParty": "4711"}, 400, "V1/308"),
        ({"to_Item": [{"Material": "NOPE"}]}, 400, "V1/382"),
        ({"SalesOrderType": None}, 400, "/IWBEP/CM_MGW_RT/177"),
        ({"Nope": "x"}, 400, "/IWBEP/CM_MGW_RT/022"),
        ({"SalesOrganization": "10100"}, 400, "CX_SXML_PARSE_ERROR"),
        ({"SalesOrderDate": "2026-01-01"}, 400, "CX_SXML_PARSE_ERROR"),
        ({"CompleteDeliveryIsDefined": "X"}, 400, "CX_SXML_PARSE_ERROR"),
        ({"to_Item": [{"Material": "TG10", "RequestedQuantity": "1.0001"}]}, 400, "CX_SXML_PARSE_ERROR"),
        ({"to_SoldToParty": {}}, 400, "/IWBEP/CM_MGW_RT/022"),
    ],
)
def test_a_create_that_breaks_a_rule_leaves_nothing(
    orders: httpx2.Client, landscape: SapLandscape, order: Order, change: Order, status: int, code: str
) -> None:
    before = len(landscape.rows("SalesOrder")), len(landscape.rows("SalesOrderItem"))
    answer = orders.post("A_SalesOrder", json={**order, **change})
    assert (answer.status_code, answer.json()["error"]["code"].startswith(code)) == (status, True)
    assert (len(landscape.rows("SalesOrder")), len(landscape.rows("SalesOrderItem"))) == before
    assert landscape.journal.entries[-1].effects == ()


def test_a_business_rule_stands_among_the_details_too(orders: httpx2.Client, order: Order) -> None:
    error = orders.post("A_SalesOrder", json={**order, "SoldToParty": "4711"}).json()["error"]
    [detail] = error["innererror"]["errordetails"]
    assert (detail["code"], detail["severity"], detail["target"]) == ("V1/308", "error", "SoldToParty")


def test_a_blocked_customer_cannot_order(orders: httpx2.Client, landscape: SapLandscape, order: Order) -> None:
    blocked = {row["BusinessPartner"] for row in landscape.rows("BusinessPartner") if row["BusinessPartnerIsBlocked"]}
    customer = next(row["Customer"] for row in landscape.rows("Customer") if row["Customer"] in blocked)
    answer = orders.post("A_SalesOrder", json={**order, "SoldToParty": customer})
    assert answer.json()["error"]["code"] == "V1/309"


def test_a_success_carries_messages(orders: httpx2.Client, orders4: httpx2.Client, order: Order) -> None:
    anonymous = {**order, "PurchaseOrderByCustomer": ""}
    old = orders.post("A_SalesOrder", json=anonymous).headers["sap-message"]
    new = orders4.post("SalesOrder", json=in_v4(anonymous)).headers["sap-messages"]
    assert '"severity": "warning"' in old
    assert '"numericSeverity": 3' in new
    assert "sap-message" not in orders.post("A_SalesOrder", json=order).headers


@pytest.mark.parametrize("method", ["PATCH", "MERGE", "PUT"])
def test_an_update_needs_the_state_that_it_changes(
    orders: httpx2.Client, landscape: SapLandscape, order: Order, method: str
) -> None:
    made = orders.post("A_SalesOrder", json=order)
    place, mark = made.headers["location"], made.headers["etag"]
    values = {"PurchaseOrderByCustomer": "PO-2", "SoldToParty": order["SoldToParty"]}

    def change(**headers: str) -> int:
        return orders.request(method, place, json=values, headers=headers).status_code

    assert (change(), change(**{"if-match": 'W/"old"'})) == (428, 412)
    assert change(**{"if-match": mark}) == 204
    assert (change(**{"if-match": mark}), change(**{"if-match": "*"})) == (412, 204)
    found = orders.get(place).json()["d"]
    assert (found["PurchaseOrderByCustomer"], found["RequestedDeliveryDate"] is None) == ("PO-2", method == "PUT")
    assert landscape.journal.entries[-2].effects == (Effect("updated", "SalesOrder", found["SalesOrder"]),)


def test_a_write_may_come_through_a_tunnel(orders: httpx2.Client, order: Order) -> None:
    place = orders.post("A_SalesOrder", json=order).headers["location"]
    headers = {"x-http-method": "MERGE", "if-match": "*"}
    assert orders.post(place, json={"PurchaseOrderByCustomer": "PO-3"}, headers=headers).status_code == 204
    assert orders.get(place).json()["d"]["PurchaseOrderByCustomer"] == "PO-3"


def test_a_part_shares_the_state_of_its_whole(orders: httpx2.Client, order: Order) -> None:
    made = orders.post("A_SalesOrder", json=order)
    item = made.json()["d"]["to_Item"]["results"][0]["__metadata"]
    assert item["etag"] == made.headers["etag"]
    changed = orders.patch(item["uri"], json={"RequestedQuantity": "3"}, headers={"if-match": item["etag"]})
    assert changed.status_code == 204
    head = orders.get(made.headers["location"])
    assert (head.json()["d"]["TotalNetAmount"], head.headers["etag"]) == ("352.500", changed.headers["etag"])


def test_fields_that_nobody_may_set_are_dropped_by_v2_and_refused_by_v4(
    orders: httpx2.Client, orders4: httpx2.Client, order: Order
) -> None:
    place = orders.post("A_SalesOrder", json=order).headers["location"]
    name = place.rpartition("A_")[2]
    anyhow = {"if-match": "*"}
    assert orders.patch(place, json={"TotalNetAmount": "1"}, headers=anyhow).status_code == 204
    assert orders.get(place).json()["d"]["TotalNetAmount"] == "235.000"
    assert orders4.patch(name, json={"TotalNetAmount": 1}, headers=anyhow).status_code == 400
    changed = orders4.patch(name, json={"PurchaseOrderByCustomer": "PO-4"}, headers=anyhow)
    assert (changed.status_code, changed.json()["PurchaseOrderByCustomer"]) == (200, "PO-4")
    quiet = orders4.patch(
        name, json={"PurchaseOrderByCustomer": "PO-5"}, headers={**anyhow, "prefer": "return=minimal"}
    )
    assert quiet.status_code == 204


def test_deep_updates_are_refused(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    anyhow = {"if-match": "*"}
    assert orders.patch("A_SalesOrder('1')", json={"to_Item": []}, headers=anyhow).status_code == 400
    assert orders4.patch("SalesOrder('1')", json={"_Item": []}, headers=anyhow).status_code == 400


def test_a_delete_takes_the_parts_along(orders: httpx2.Client, landscape: SapLandscape, order: Order) -> None:
    place = orders.post("A_SalesOrder", json=order).headers["location"]
    assert orders.delete(place).status_code == 428
    assert orders.delete(place, headers={"if-match": "*"}).status_code == 204
    assert [each.object for each in landscape.journal.entries[-1].effects] == ["SalesOrderItem", "SalesOrder"]
    assert orders.get(place).status_code == 404


def test_what_a_set_does_not_support_is_405(partners: httpx2.Client, landscape: SapLandscape) -> None:
    key = landscape.rows("BusinessPartner")[0]["BusinessPartner"]
    assert partners.delete(f"A_BusinessPartner('{key}')", headers={"if-match": "*"}).status_code == 405
    assert partners.post("A_Customer", json={"Customer": "1"}).status_code == 405
    assert partners.patch("A_BusinessPartner", json={}).status_code == 405


def test_a_person_with_address_mail_and_phone(partners: httpx2.Client, partners4: httpx2.Client) -> None:
    address = {"Country": "de", "CityName": "Köln", "to_EmailAddress": [{"EmailAddress": "ada@kessmar.example"}]}
    address["to_PhoneNumber"] = [{"PhoneNumber": "+49 30 23125 001"}, {"PhoneNumber": "+49 30 23125 002"}]
    person = {"BusinessPartnerCategory": "1", "FirstName": "Ada", "LastName": "O'Hara"}
    made = partners.post("A_BusinessPartner", json={**person, "to_BusinessPartnerAddress": [address]}).json()["d"]
    assert (made["BusinessPartner"], made["BusinessPartnerFullName"]) == ("17100001", "Ada O'Hara")
    asked = "_BusinessPartnerAddress($expand=_EmailAddress,_PhoneNumber)"
    found = partners4.get("BusinessPartner", params={"$filter": "LastName eq 'O''Hara'", "$expand": asked}).json()
    [there] = found["value"][0]["_BusinessPartnerAddress"]
    assert (there["Country"], there["FullName"], there["Person"]) == ("DE", "Ada O'Hara", there["AddressID"])
    assert [each["OrdinalNumber"] for each in there["_PhoneNumber"]] == ["1", "2"]
    mail = there["_EmailAddress"][0]
    key = f"AddressID='{mail['AddressID']}',Person='{mail['Person']}',OrdinalNumber='1'"
    assert partners.patch(f"A_AddressEmailAddress({key})", json={"EmailAddress": "x@y.example"}).status_code == 204


def test_keys_with_slashes_and_quotes(landscape: SapLandscape, session: Open) -> None:
    products = session(landscape, "/sap/opu/odata/sap/API_PRODUCT_SRV")
    for key, text in (("MZ-TG-HELM%2FL", "MZ-TG-HELM/L"), ("O%27%27RING-7", "O'RING-7")):
        found = products.get(f"A_Product('{key}')").json()["d"]
        assert found["Product"] == text
        assert products.get(found["__metadata"]["uri"]).json()["d"]["Product"] == text
    assert products.get("A_Product('MZ-TG-HELM/L')").status_code == 400


def test_a_number_that_is_taken_is_refused(partners: httpx2.Client, landscape: SapLandscape) -> None:
    key = landscape.rows("BusinessPartner")[0]["BusinessPartner"]
    body = {"BusinessPartner": key, "BusinessPartnerCategory": "1", "LastName": "Twice"}
    answer = partners.post("A_BusinessPartner", json=body)
    assert (answer.status_code, "already exists" in answer.text) == (400, True)


def test_someone_elses_lock_stops_a_write(
    orders: httpx2.Client, orders4: httpx2.Client, landscape: SapLandscape
) -> None:
    landscape.locks["SalesOrder", "1"] = "ALICE"
    anyhow, body = {"if-match": "*"}, {"PurchaseOrderByCustomer": "x"}
    old = orders.patch("A_SalesOrder('1')", json=body, headers=anyhow)
    new = orders4.patch("SalesOrderItem(SalesOrder='1',SalesOrderItem='10')", json=body, headers=anyhow)
    assert (old.status_code, new.status_code) == (400, 423)
    assert ("is locked by user ALICE" in old.text, "is locked by user ALICE" in new.text) == (True, True)
    landscape.locks["SalesOrder", "1"] = "INTEGRATION"
    assert orders.patch("A_SalesOrder('1')", json=body, headers=anyhow).status_code == 204


def test_an_approval_is_released_once(orders: httpx2.Client, orders4: httpx2.Client, landscape: SapLandscape) -> None:
    waiting = [row["SalesOrder"] for row in landscape.rows("SalesOrder") if row["SalesDocApprovalStatus"] == "A"]
    released = orders.post(f"releaseApprovalRequest?SalesOrder='{waiting[0]}'")
    assert released.json() == {
        "d": {
            "releaseApprovalRequest": {
                "__metadata": {"type": "API_SALES_ORDER_SRV.DummyFunctionImportResult"},
                "IsInvalid": False,
            }
        }
    }
    assert landscape.journal.entries[-1].effects == (Effect("updated", "SalesOrder", waiting[0]),)
    again = orders.post(f"releaseApprovalRequest?SalesOrder='{waiting[0]}'")
    assert again.json()["error"]["code"] == "APPRVL_SD/015"
    action = f"SalesOrder('{waiting[1]}')/SAP__self.RejectApprovalRequest"
    rejected = orders4.post(action, json={"Note": "too dear"})
    assert (rejected.status_code, rejected.json()["SalesDocApprovalStatus"]) == (200, "C")
    assert orders4.post(action, json={"Nope": "x"}).status_code == 400


def test_operations_are_called_as_they_are_declared(orders: httpx2.Client, orders4: httpx2.Client) -> None:
    space = "com.sap.gateway.srvd_a2x.api_salesorder.v0001"
    assert orders.get("releaseApprovalRequest?SalesOrder='1'").status_code == 405
    assert orders.post("releaseApprovalRequest").json()["error"]["code"] == "/IWBEP/CM_MGW_RT/171"
    assert orders.post("releaseApprovalRequest?SalesOrder=1").status_code == 400
    total = orders4.get("SalesOrder('1')/TotalNetAmount").json()["value"]
    assert orders4.get(f"SalesOrder('1')/{space}.GetOpenAmount()").json()["value"] == total
    assert orders4.post(f"SalesOrder('1')/{space}.GetOpenAmount()", json={}).status_code == 405
    assert orders4.post("SalesOrder('1')/nowhere.ReleaseApprovalRequest", json={}).status_code == 404


def test_an_invoice_is_posted_cancelled_and_never_changed(landscape: SapLandscape, session: Open) -> None:
    invoices = session(landscape, "/sap/opu/odata/sap/API_SUPPLIERINVOICE_PROCESS_SRV")
    known = landscape.rows("SuplrInvcItemPurOrdRef")[0]
    order = {"PurchaseOrder": known["PurchaseOrder"], "PurchaseOrderItem": known["PurchaseOrderItem"]}
    body = {
        "CompanyCode": "1010",
        "DocumentDate": "/Date(1795132800000)/",
        "PostingDate": "/Date(1795132800000)/",
        "InvoicingParty": landscape.rows("Supplier")[0]["Supplier"],
        "DocumentCurrency": "EUR",
        "InvoiceGrossAmount": "119.00",
        "to_SuplrInvcItemPurOrdRef": [{**order, "SupplierInvoiceItemAmount": "100.00"}],
    }
    made = invoices.post("A_SupplierInvoice", json=body).json()["d"]
    assert (made["FiscalYear"], made["InvoiceGrossAmount"]) == ("2026", "119.000")
    assert invoices.patch(made["__metadata"]["uri"], json={}, headers={"if-match": "*"}).status_code == 405
    named = f"SupplierInvoice='{made['SupplierInvoice']}'&FiscalYear='2026'&ReversalReason='01'"
    day = "PostingDate=datetime'2026-11-20T00:00:00'"
    done = invoices.post(f"Cancel?{named}&{day}").json()["d"]["Cancel"]
    assert (done["Success"], done["FiscalYear"]) == (True, "2026")
    assert invoices.post(f"Cancel?{named}&{day}").json()["error"]["code"] == "M8/407"


def test_purchase_orders_products_and_cost_centers_change_too(landscape: SapLandscape, session: Open) -> None:
    supplier = next(row["Supplier"] for row in landscape.rows("Supplier") if not row["PurchasingIsBlocked"])
    item = {"Plant": "1010", "Material": "TG10", "OrderQuantity": "5", "NetPriceAmount": "10.50"}
    head = {"CompanyCode": "1010", "PurchaseOrderType": "NB", "PurchasingOrganization": "1010", "Supplier": supplier}
    bought = session(landscape, "/sap/opu/odata/sap/API_PURCHASEORDER_PROCESS_SRV")
    made = bought.post("A_PurchaseOrder", json={**head, "to_PurchaseOrderItem": [item]}).json()["d"]
    assert made["to_PurchaseOrderItem"]["results"][0]["DocumentCurrency"] == "EUR"
    sold = session(landscape, "/sap/opu/odata4/sap/api_product/srvd_a2x/sap/product/0002")
    fine = sold.patch("Product('TG10')", json={"ShelfLife": 7, "PackagingLevels": 3}, headers={"if-match": "*"})
    assert (fine.status_code, fine.json()["ShelfLife"]) == (200, 7)
    assert sold.patch("Product('TG10')", json={"PackagingLevels": 256}, headers={"if-match": "*"}).status_code == 400
    centers = session(landscape, "/sap/opu/odata/sap/API_COSTCENTER_SRV")
    key = "ControllingArea='A000',CostCenter='10101101',ValidityEndDate=datetime'9999-12-31T00:00:00'"
    assert centers.get(f"A_CostCenter({key})").json()["d"]["ValidityEndDate"] == "/Date(253402214400000)/"
    assert centers.patch(f"A_CostCenter({key})", json={"Department": "x"}, headers={"if-match": "*"}).status_code == 204


def test_a_user_writes_only_where_allowed(landscape: SapLandscape, session: Open, order: Order) -> None:
    reader = session(landscape, SO, "carol")
    assert reader.post("A_SalesOrder", json=order).status_code == 403
    elsewhere = session(landscape, SO, "bob")
    assert elsewhere.post("A_SalesOrder", json=order).status_code == 403
    assert elsewhere.post("A_SalesOrder", json={**order, "SalesOrganization": "1020"}).status_code == 201
    decides = session(landscape, SO4, "alice")
    assert decides.post("SalesOrder('1')/SAP__self.ReleaseApprovalRequest", json={}).status_code in (403, 404)
    assert session(landscape, BP, "alice").get("A_BusinessPartner/$count").status_code == 200
