"""Calls that a type-checker accepts; never run."""

from typing import assert_type

from isthmus.core import Description, Groups, Page, Record, Ref, Session, sync
from isthmus.core.records import Aggregate, AllOf, Compare, Measure, Operator, Order, Query

CONTACTS = Query(
    "Contact",
    ("Name",),
    AllOf((Compare("Email", Operator.EQ, Ref("ref_1")), Compare("LastName", Operator.IN, ("a", "b")))),
    (Order("Name", descending=True),),
)


async def asynchronous(session: Session) -> None:
    assert_type(await session.describe("crm"), Description)
    assert_type(await session.query("crm", CONTACTS, after="x"), Page)
    assert_type(await session.query("crm", "SELECT Name FROM Contact"), Page)
    assert_type(await session.get("crm", "Contact", "003"), Record)
    assert_type(await session.search("crm", "Contact", "anna", limit=3), Page)
    assert_type(await session.aggregate("crm", Aggregate("Case", (Measure("count"),), ("Status",))), Groups)
    assert_type(await session.create("crm", "Contact", {"Email": Ref("ref_1"), "Age": 3}, key="k"), Record)
    assert_type(await session.update("crm", "Contact", "003", {"Name": None}, version="v"), Record)
    assert_type(await session.transition("crm", "Case", "500", "Closed", {"Reason": "Fixed"}), Record)
    assert_type(await session.upsert("crm", "Contact", "Key__c", "k", {"Name": "n"}), Record)
    assert_type(await session.delete("crm", "Contact", "003", approval="a"), Record)


def blocking(session: sync.Session) -> None:
    assert_type(session.describe("crm", "Contact"), Description)
    assert_type(session.query("crm", CONTACTS), Page)
    assert_type(session.get("crm", "Contact", "003", ("Name",)), Record)
    assert_type(session.create("crm", "Contact", {"Name": "n"}), Record)
    assert_type(session.delete("crm", "Contact", "003"), Record)
