"""Which rules of the business hold: what is filled in, added up, refused, remarked on?"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast
from uuid import UUID

from .bodies import text_of
from .errors import Message, Refused
from .schema import Table
from .store import Row
from .values import Value

if TYPE_CHECKING:
    from .call import Call

_ORGANIZATION: Final = ("OrganizationBPName1", "OrganizationBPName2")
_CENT: Final = Decimal("0.001")


def business(code: str, text: str, target: str = "") -> Refused:
    """Return a refusal of the application."""
    return Refused(400, code, text, (Message(code, text, "error", target),), target=target)


def prepare(call: "Call", table: Table, values: dict[str, Value]) -> None:
    """Fill in what a new row does not say; raises Refused where it breaks a rule."""
    now, user = call.landscape.clock.now(), call.user.name
    made: dict[str, Value] = {
        "CreatedByUser": user,
        "LastChangedByUser": user,
        "CreationDate": now.date(),
        "CreationTime": now.time().replace(microsecond=0),
    }
    values.update({name: value for name, value in made.items() if name in table.fields})
    _PREPARE.get(table.name, _nothing)(call, table, values)


def settle(call: "Call", table: Table, row: Row) -> None:
    """Work out what a change means for the root above the row; raises Refused where it breaks a rule."""
    root, above = call.store.root_of(table, row)
    derived = _SETTLE.get(root.name, _no_values)(call, root, above)
    changed = {name: value for name, value in derived.items() if above[name] != value}
    if changed or root is not table:
        call.store.change(root, above, changed)


def changer(call: "Call", table: Table) -> dict[str, Value]:
    """Return what tells who changed a row."""
    return {"LastChangedByUser": call.user.name} if "LastChangedByUser" in table.fields else {}


def comment(call: "Call", table: Table, row: Row) -> None:
    """Say beside the success what is odd about a new row."""
    if table.name == "SalesOrder" and not row["PurchaseOrderByCustomer"]:
        call.says("V1/555", "Enter a customer reference", "warning", "PurchaseOrderByCustomer")


def check_change(call: "Call", table: Table, row: Row, changes: Mapping[str, Value]) -> None:
    """Raise Refused where a row may not be changed so."""
    if table.name == "SalesOrder" and "SoldToParty" in changes:
        _partner(call, str(changes["SoldToParty"]), "SoldToParty")
    if table.name == "SalesOrderItem":
        _whole_price({**row, **changes})


def check_delete(call: "Call", table: Table, row: Row) -> None:
    """Raise Refused where a row may not be deleted."""
    if table.name == "SalesOrder" and row["OverallSDProcessStatus"] == "C":
        text = f"Sales order {text_of(table, row, 'SalesOrder')} has subsequent documents and cannot be deleted"
        raise business("V1/490", text)
    _ = call


def _nothing(_call: "Call", _table: Table, _values: dict[str, Value]) -> None:
    return None


def _no_values(_call: "Call", _table: Table, _row: Row) -> dict[str, Value]:
    return {}


def _partner(call: "Call", number: str, field: str) -> Row:
    """Return the partner that a document names; raises Refused for an unknown or blocked one."""
    found = call.store.get("BusinessPartner", (number,))
    shown = number.lstrip("0")
    if found is None:
        raise business("V1/308", f"Sold-to party {shown} is not maintained for the sales area", field)
    if found["BusinessPartnerIsBlocked"] or found["BusinessPurposeFlag"]:
        raise business("V1/309", f"Customer {shown} is blocked", field)
    return found


def _new_partner(call: "Call", table: Table, values: dict[str, Value]) -> None:
    values["BusinessPartnerUUID"] = UUID(int=call.landscape.random.getrandbits(128), version=4)
    values["BusinessPartnerGrouping"] = values["BusinessPartnerGrouping"] or "BP02"
    category = values["BusinessPartnerCategory"]
    if category not in ("1", "2", "3"):
        raise business(
            "R11/044",
            f"Category {text_of(table, values, 'BusinessPartnerCategory')} does not exist",
            "BusinessPartnerCategory",
        )
    needed = "LastName" if category == "1" else "OrganizationBPName1"
    if not values[needed]:
        raise business("R11/401", f"Enter a value for {table.fields[needed].label}", needed)
    values.update(_partner_names(call, table, values))


def _partner_names(_call: "Call", table: Table, row: Row) -> dict[str, Value]:
    parts = ("FirstName", "LastName") if row["BusinessPartnerCategory"] == "1" else _ORGANIZATION
    name = " ".join(text_of(table, row, each) for each in parts).strip()
    return {"BusinessPartnerName": name[:81], "BusinessPartnerFullName": name[:81]}


def _new_address(call: "Call", table: Table, values: dict[str, Value]) -> None:
    values["AddressUUID"] = UUID(int=call.landscape.random.getrandbits(128), version=4)
    owner = call.store.get("BusinessPartner", (values["BusinessPartner"],))
    if owner is None:
        name = text_of(table, values, "BusinessPartner")
        raise business("R1/102", f"Business partner {name} does not exist", "BusinessPartner")
    values["FullName"] = cast("str", owner["BusinessPartnerFullName"])[:80]
    values["Person"] = values["AddressID"] if owner["BusinessPartnerCategory"] == "1" else ""


def _new_order(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    _partner(call, str(values["SoldToParty"]), "SoldToParty")
    today = call.landscape.clock.now().date()
    for name in ("SalesOrderDate", "PricingDate", "RequestedDeliveryDate"):
        values[name] = values[name] or today
    values["TransactionCurrency"] = values["TransactionCurrency"] or call.landscape.currency
    values["OverallSDProcessStatus"] = "A"


def _new_item(call: "Call", table: Table, values: dict[str, Value]) -> None:
    order = call.store.get("SalesOrder", (values["SalesOrder"],))
    product = call.store.get("Product", (values["Material"],))
    if order is None:
        name = text_of(table, values, "SalesOrder")
        raise business("V1/302", f"Sales document {name} is not in the database", "SalesOrder")
    if product is None:
        name = text_of(table, values, "Material")
        raise business("V1/382", f"Material {name} is not defined for the sales area", "Material")
    values["TransactionCurrency"] = order["TransactionCurrency"]
    values["RequestedQuantityUnit"] = values["RequestedQuantityUnit"] or product["BaseUnit"]
    values["SalesOrderItemCategory"] = values["SalesOrderItemCategory"] or "TAN"
    values["SDProcessStatus"] = "A"
    if not values["NetPriceAmount"]:
        values["NetPriceAmount"] = call.landscape.price(str(values["Material"]))
    _whole_price(values)


def _whole_price(values: Mapping[str, Value]) -> None:
    if cast("Decimal", values["RequestedQuantity"]) < 0:
        raise business("V1/320", "The quantity must not be negative", "RequestedQuantity")


def _new_schedule_line(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    item = call.store.get("SalesOrderItem", (values["SalesOrder"], values["SalesOrderItem"]))
    if item is None:
        raise business("V1/302", "The item is not in the database", "SalesOrderItem")
    values["OrderQuantityUnit"] = item["RequestedQuantityUnit"]
    values["ScheduleLineOrderQuantity"] = values["ScheduleLineOrderQuantity"] or item["RequestedQuantity"]
    values["ConfdOrderQtyByMatlAvailCheck"] = values["ScheduleLineOrderQuantity"]
    values["ConfirmedDeliveryDate"] = values["RequestedDeliveryDate"]


def _order_totals(call: "Call", _table: Table, row: Row) -> dict[str, Value]:
    """Add up the items; from 10,000 on an order waits for an approval, once."""
    total = Decimal(0).quantize(_CENT)
    items = call.store.tables["SalesOrderItem"]
    for item in call.store.find("SalesOrderItem", SalesOrder=row["SalesOrder"]):
        price, quantity = cast("Decimal", item["NetPriceAmount"]), cast("Decimal", item["RequestedQuantity"])
        net = (price * quantity).quantize(_CENT)
        if item["NetAmount"] != net:
            call.store.change(items, item, {"NetAmount": net})
        if not item["SalesDocumentRjcnReason"]:
            total += net
    found: dict[str, Value] = {"TotalNetAmount": total}
    if total >= call.landscape.approval_from and not row["SalesDocApprovalStatus"]:
        found |= {"SalesDocApprovalStatus": "A", "SalesOrderApprovalReason": "OC01"}
    return found


def _new_purchase_order(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    _supplier(call, values, "Supplier")
    values["PurchaseOrderDate"] = values["PurchaseOrderDate"] or call.landscape.clock.now().date()
    values["DocumentCurrency"] = values["DocumentCurrency"] or call.landscape.currency
    values["ExchangeRate"] = values["ExchangeRate"] or Decimal("1.00000")
    values["PurchasingProcessingStatus"] = "02"


def _supplier(call: "Call", values: Mapping[str, Value], field: str) -> None:
    found = call.store.get("Supplier", (values[field],))
    shown = str(values[field]).lstrip("0")
    if found is None:
        raise business("06/321", f"Supplier {shown} has not been created for the purchasing organization", field)
    if found["PurchasingIsBlocked"]:
        raise business("06/028", f"Supplier {shown} is blocked", field)


def _new_purchase_item(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    order = call.store.get("PurchaseOrder", (values["PurchaseOrder"],))
    if order is None:
        raise business("06/019", "The purchase order does not exist", "PurchaseOrder")
    values["DocumentCurrency"] = order["DocumentCurrency"]
    values["PurchaseOrderQuantityUnit"] = values["PurchaseOrderQuantityUnit"] or "PC"
    values["NetPriceQuantity"] = values["NetPriceQuantity"] or Decimal(1)


def _new_invoice(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    _supplier(call, values, "InvoicingParty")
    values["FiscalYear"] = str(cast("str", values["PostingDate"]))[:4]
    values["SupplierInvoiceStatus"] = "A" if values["PaymentBlockingReason"] else "5"


def _new_invoice_item(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    invoice = call.store.get("SupplierInvoice", (values["SupplierInvoice"], values["FiscalYear"]))
    if invoice is None:
        raise business("M8/108", "The invoice does not exist", "SupplierInvoice")
    values["DocumentCurrency"] = invoice["DocumentCurrency"]
    if call.store.get("PurchaseOrder", (values["PurchaseOrder"],)) is None:
        raise business("M8/286", "The purchase order does not exist", "PurchaseOrder")


def _new_product(call: "Call", _table: Table, values: dict[str, Value]) -> None:
    _ = call
    values["ProductGroup"] = values["ProductGroup"] or "L001"


_PREPARE: "Final[Mapping[str, Callable[[Call, Table, dict[str, Value]], None]]]" = {
    "BusinessPartner": _new_partner,
    "BusinessPartnerAddress": _new_address,
    "SalesOrder": _new_order,
    "SalesOrderItem": _new_item,
    "SalesOrderScheduleLine": _new_schedule_line,
    "PurchaseOrder": _new_purchase_order,
    "PurchaseOrderItem": _new_purchase_item,
    "SupplierInvoice": _new_invoice,
    "SuplrInvcItemPurOrdRef": _new_invoice_item,
    "Product": _new_product,
}
_SETTLE: "Final[Mapping[str, Callable[[Call, Table, Row], dict[str, Value]]]]" = {
    "BusinessPartner": _partner_names,
    "SalesOrder": _order_totals,
}
