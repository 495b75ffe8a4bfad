"""What is bought and sold before a landscape opens?"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import cache
from random import Random
from typing import Final, cast

from .schema import data_file
from .store import Row, Store
from .values import Value

CURRENCIES: Final = {"eu": "EUR", "us": "USD"}
APPROVED_FROM: Final = Decimal(10_000)
"""From which net amount on an order needs an approval."""

_ORDERS: Final = 300
_PURCHASES: Final = 80
_FOREVER: Final = date(9999, 12, 31)
_MILLI: Final = Decimal("0.001")


@cache
def _prices() -> Mapping[str, Decimal]:
    return {name: Decimal(price) for name, _, _, _, _, price, *_ in products()}


def products() -> Sequence[Sequence[str]]:
    """Return what is sold: name, type, group, unit, weight, price, English and German description."""
    return cast("Sequence[Sequence[str]]", data_file("seed.toml")["products"])


def price_of(product: str) -> Decimal:
    """Return what a product costs; one that nobody knows costs ten."""
    return _prices().get(product, Decimal(10)).quantize(_MILLI)


class Trade:
    """Make the documents of one landscape."""

    def __init__(
        self, store: Store, random: Random, home: str, customers: Sequence[str], suppliers: Sequence[str]
    ) -> None:
        self._store = store
        self._random = random
        self._currency = CURRENCIES[home]
        self._customers = customers
        self._suppliers = suppliers
        self._opened = store.clock.now()
        self._place = cast("Mapping[str, Mapping[str, object]]", data_file("seed.toml")["homes"])[home]
        self._items: dict[str, list[Row]] = {}

    def fill(self) -> None:
        """Make all rows."""
        if self._customers:
            for number in range(1, _ORDERS + 1):
                self._order(number)
        if self._suppliers:
            for number in range(_PURCHASES):
                self._purchase(4_500_000_001 + number)
            for number in range(_PURCHASES // 2):
                self._invoice(5_105_600_001 + number)
        centers = cast("Mapping[str, Sequence[Sequence[str]]]", data_file("seed.toml")["cost_centers"])
        for row in centers["rows"]:
            self._cost_center(row)

    def _insert(self, table: str, values: Mapping[str, Value], at: datetime | None = None) -> Row:
        return self._store.insert(self._store.tables[table], values, at or self._opened - timedelta(days=400))

    def _order(self, number: int) -> None:
        random = self._random
        key, sold_to = f"{number:010d}", random.choice(self._customers)
        at = self._opened - timedelta(days=random.randrange(1, 380), minutes=random.randrange(1_440))
        self._store.next_number("SalesOrder")
        total = sum((self._item(key, place, at) for place in range(1, random.randrange(2, 6))), Decimal("0.000"))
        status = random.choice("AABC")
        waits = total >= APPROVED_FROM and status == "A"
        values: dict[str, Value] = {
            "SalesOrder": key,
            "SalesOrderType": "OR",
            "SalesOrganization": random.choice(cast("Sequence[str]", self._place["sales"])),
            "DistributionChannel": "10",
            "OrganizationDivision": "00",
            "SoldToParty": sold_to,
            "PurchaseOrderByCustomer": f"PO-{random.randrange(10**6):06d}",
            "CustomerPurchaseOrderDate": at.date(),
            "SalesOrderDate": at.date(),
            "PricingDate": at.date(),
            "RequestedDeliveryDate": at.date() + timedelta(days=14),
            "TotalNetAmount": total,
            "TransactionCurrency": self._currency,
            "IncotermsClassification": random.choice(["EXW", "CIF", "DAP"]),
            "CustomerPaymentTerms": "0001",
            "SalesOrderApprovalReason": "OC01" if total >= APPROVED_FROM else "",
            "SalesDocApprovalStatus": "A" if waits else "B" if total >= APPROVED_FROM else "",
            "OverallSDProcessStatus": status,
            "CreatedByUser": random.choice(["ALICE", "BOB", "INTEGRATION"]),
            "CreationDate": at.date(),
        }
        self._insert("SalesOrder", values, at)
        for function in ("AG", "WE"):
            partner: dict[str, Value] = {"SalesOrder": key, "PartnerFunction": function, "Customer": sold_to}
            self._insert("SalesOrderHeaderPartner", partner, at)
        text: dict[str, Value] = {"SalesOrder": key, "Language": "EN", "LongTextID": "TX01"}
        self._insert("SalesOrderText", {**text, "LongText": "Please call before delivery."}, at)

    def _item(self, order: str, place: int, at: datetime) -> Decimal:
        product = self._random.choice(products())
        quantity, price = Decimal(self._random.randrange(1, 20)).quantize(_MILLI), price_of(product[0])
        net = (quantity * price).quantize(_MILLI)
        key = f"{place * 10:06d}"
        values: dict[str, Value] = {
            "SalesOrder": order,
            "SalesOrderItem": key,
            "SalesOrderItemCategory": "TAN",
            "SalesOrderItemText": product[6],
            "Material": product[0],
            "RequestedQuantity": quantity,
            "RequestedQuantityUnit": product[3],
            "NetPriceAmount": price,
            "NetAmount": net,
            "TransactionCurrency": self._currency,
            "Plant": str(self._place["plant"]),
            "ItemGrossWeight": (quantity * Decimal(product[4])).quantize(_MILLI),
            "SDProcessStatus": "A",
        }
        self._insert("SalesOrderItem", values, at)
        day = at.date() + timedelta(days=14)
        line: dict[str, Value] = {
            "SalesOrder": order,
            "SalesOrderItem": key,
            "ScheduleLine": "0001",
            "RequestedDeliveryDate": day,
            "ConfirmedDeliveryDate": day,
            "OrderQuantityUnit": product[3],
            "ScheduleLineOrderQuantity": quantity,
            "ConfdOrderQtyByMatlAvailCheck": quantity,
        }
        self._insert("SalesOrderScheduleLine", line, at)
        return net

    def _purchase(self, number: int) -> None:
        at = self._opened - timedelta(days=self._random.randrange(1, 380))
        key, company = str(number), str(self._place["company"])
        self._store.next_number("PurchaseOrder")
        values: dict[str, Value] = {
            "PurchaseOrder": key,
            "CompanyCode": company,
            "PurchaseOrderType": "NB",
            "PurchasingOrganization": company,
            "PurchasingGroup": "001",
            "Supplier": self._random.choice(self._suppliers),
            "PurchaseOrderDate": at.date(),
            "DocumentCurrency": self._currency,
            "ExchangeRate": Decimal("1.00000"),
            "PurchasingProcessingStatus": "02",
            "CreatedByUser": "FRANK",
            "CreationDate": at.date(),
        }
        self._insert("PurchaseOrder", values, at)
        for place, product in enumerate(self._random.sample(list(products()), 2), start=1):
            quantity = Decimal(self._random.randrange(1, 200)).quantize(_MILLI)
            item: dict[str, Value] = {
                "PurchaseOrder": key,
                "PurchaseOrderItem": f"{place * 10:05d}",
                "PurchaseOrderItemText": product[6],
                "Plant": str(self._place["plant"]),
                "Material": product[0],
                "OrderQuantity": quantity,
                "PurchaseOrderQuantityUnit": product[3],
                "NetPriceAmount": (price_of(product[0]) * Decimal("0.6")).quantize(_MILLI),
                "NetPriceQuantity": Decimal(1),
                "DocumentCurrency": self._currency,
                "GoodsReceiptIsExpected": True,
            }
            made = self._insert("PurchaseOrderItem", item, at)
            line: dict[str, Value] = {name: made[name] for name in ("PurchaseOrder", "PurchaseOrderItem")}
            due = at.date() + timedelta(days=30)
            line |= {"ScheduleLine": "0001", "ScheduleLineDeliveryDate": due, "ScheduleLineOrderQuantity": quantity}
            self._insert("PurchaseOrderScheduleLine", line, at)
            self._items.setdefault(key, []).append(made)

    def _invoice(self, number: int) -> None:
        key, order = str(number), self._random.choice(list(self._items))
        header = self._store.get("PurchaseOrder", (order,))
        at = self._opened - timedelta(days=self._random.randrange(1, 300))
        self._store.next_number("SupplierInvoice")
        items = self._items[order]
        amounts = [cast("Decimal", each["NetPriceAmount"]) * cast("Decimal", each["OrderQuantity"]) for each in items]
        year = str(at.year)
        values: dict[str, Value] = {
            "SupplierInvoice": key,
            "FiscalYear": year,
            "CompanyCode": str(self._place["company"]),
            "DocumentDate": at.date(),
            "PostingDate": at.date(),
            "SupplierInvoiceIDByInvcgParty": f"R-{self._random.randrange(10**6):06d}",
            "InvoicingParty": header["Supplier"] if header else "",
            "DocumentCurrency": self._currency,
            "InvoiceGrossAmount": (sum(amounts, Decimal(0)) * Decimal("1.19")).quantize(_MILLI),
            "PaymentTerms": "0001",
            "PaymentBlockingReason": "R" if number % 7 == 0 else "",
            "SupplierInvoiceStatus": "A" if number % 7 == 0 else "5",
            "CreationDate": at.date(),
        }
        self._insert("SupplierInvoice", values, at)
        for place, (item, amount) in enumerate(zip(items, amounts, strict=True), start=1):
            line: dict[str, Value] = {
                "SupplierInvoice": key,
                "FiscalYear": year,
                "SupplierInvoiceItem": f"{place:06d}",
                "PurchaseOrder": order,
                "PurchaseOrderItem": item["PurchaseOrderItem"],
                "DocumentCurrency": self._currency,
                "SupplierInvoiceItemAmount": amount.quantize(_MILLI),
                "QuantityInPurchaseOrderUnit": item["OrderQuantity"],
            }
            self._insert("SuplrInvcItemPurOrdRef", line, at)

    def _cost_center(self, row: Sequence[str]) -> None:
        number, category, english, german = row
        key: dict[str, Value] = {"ControllingArea": "A000", "CostCenter": f"{number:0>10}", "ValidityEndDate": _FOREVER}
        values: dict[str, Value] = {
            "ValidityStartDate": date(2020, 1, 1),
            "CompanyCode": str(self._place["company"]),
            "CostCenterCategory": category,
            "CostCtrResponsiblePersonName": "Henri Hautclair",
            "CostCtrResponsibleUser": "HENRI",
            "CostCenterCurrency": self._currency,
            "ProfitCenter": "0000001010",
            "Department": english.upper()[:12],
            "CostCenterCreationDate": date(2020, 1, 1),
        }
        self._insert("CostCenter", {**key, **values})
        for language, text in (("EN", english), ("DE", german)):
            named: dict[str, Value] = {"Language": language, "CostCenterName": text, "CostCenterDescription": text}
            self._insert("CostCenterText", {**key, **named, "ValidityStartDate": date(2020, 1, 1)})
