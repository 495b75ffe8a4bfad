"""Which sales orders are there, and what does a unit of work that is not committed hold?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal
from typing import Final

from .values import Scalar

MATERIALS: Final[Mapping[str, tuple[str, Decimal]]] = {
    "TG11": ("Trading good 11", Decimal("25.00")),
    "TG12": ("Trading good 12", Decimal("7.95")),
    "FG126": ("Finished good 126", Decimal("1299.99")),
}
"""Materials by number: text and price."""
CUSTOMERS: Final = ("0017100001", "0017100002", "0017100003")
UPDATE_DELAY: Final = 0.05
"""Seconds that the asynchronous update task takes after a commit that does not wait."""


@dataclass(frozen=True, slots=True)
class Order:
    """One sales order as it is kept: numbers with leading zeros, dates as eight digits."""

    number: str
    header: Mapping[str, Scalar]
    items: Mapping[str, Mapping[str, Scalar]]
    partners: Mapping[str, str]
    by: str
    changed: int = 0

    @property
    def net(self) -> Decimal:
        """Return the value of all items that are not rejected."""
        return sum((net_of(one) for one in self.items.values() if not one.get("REASON_REJ")), Decimal("0.00"))


def net_of(item: Mapping[str, Scalar]) -> Decimal:
    """Return an item's value."""
    _, price = MATERIALS[str(item["MATERIAL"])]
    return (price * Decimal(str(item["TARGET_QTY"]))).quantize(Decimal("0.01"))


class Orders:
    """The orders that are committed, the locks on them, and the numbers given away; a lost number stays lost."""

    def __init__(self, seed: int) -> None:
        self.committed: dict[str, Order] = {}
        self.locks: dict[str, Work] = {}
        self._next = 0
        for place, customer in enumerate(CUSTOMERS):
            item: dict[str, Scalar] = {"ITM_NUMBER": "000010", "MATERIAL": "TG11", "TARGET_QTY": Decimal(seed + place)}
            item["PLANT"] = "1710"
            header = {"DOC_TYPE": "TA", "SALES_ORG": "1710", "DISTR_CHAN": "10", "DIVISION": "00", "CURRENCY": "USD"}
            header |= {"PURCH_NO_C": f"PO-{place + 1}", "REQ_DATE_H": "20261201"}
            number = self.number()
            self.committed[number] = Order(number, header, {"000010": item}, {"AG": customer}, "ISTHMUS")

    def number(self) -> str:
        """Take the next number."""
        self._next += 1
        return f"{self._next:010d}"

    def begin(self, user: str) -> "Work":
        """Begin the units of work of one session."""
        return Work(self, user)


@dataclass(slots=True, eq=False)
class Work:
    """What one session has changed since its last commit or rollback; nobody sees it before the commit."""

    orders: Orders
    user: str
    pending: dict[str, Order] = field(default_factory=dict)

    def holder(self, number: str) -> str:
        """Return who else has locked an order, or an empty text."""
        lock = self.orders.locks.get(number)
        return "" if lock is None or lock is self else lock.user

    def put(self, order: Order) -> None:
        """Keep an order until the commit, locked until then."""
        self.orders.locks[order.number] = self
        self.pending[order.number] = order

    def read(self, number: str) -> Order | None:
        """Return an order as this session's own changes have it."""
        return self.pending.get(number) or self.orders.committed.get(number)

    def commit(self, *, wait: bool) -> None:
        """Make all changes at once: now, or a moment later where nobody waits for it."""
        changes, self.pending = self.pending, {}
        if wait:
            self._update(changes)
        else:
            asyncio.get_running_loop().call_later(UPDATE_DELAY, self._update, changes)

    def rollback(self) -> None:
        """Forget all changes."""
        changes, self.pending = self.pending, {}
        self._unlock(changes)

    def _update(self, changes: Mapping[str, Order]) -> None:
        for number, order in changes.items():
            self.orders.committed[number] = replace(order, changed=order.changed + 1)
        self._unlock(changes)

    def _unlock(self, changes: Mapping[str, Order]) -> None:
        for number in changes:
            if self.orders.locks.get(number) is self and number not in self.pending:
                del self.orders.locks[number]
