"""Calls that a type-checker accepts; never run."""

from datetime import UTC, datetime
from pathlib import Path
from typing import ClassVar, Literal, assert_type

from isthmus.core import Answer, Description, File, Groups, Loaded, Page, Record, Ref, Session, sync
from isthmus.core.models import Change, Masked, Model, ModelPage, New
from isthmus.core.records import Aggregate, AllOf, Compare, Measure, Operator, Order, Query

MOMENT = datetime(2026, 11, 1, tzinfo=UTC)
CONTACTS = Query(
    "Contact",
    ("Name",),
    AllOf((Compare("Email", Operator.EQ, Ref("ref_1")), Compare("LastName", Operator.IN, ("a", "b")))),
    (Order("Name", descending=True),),
)


class Contact(Model):
    isthmus_object: ClassVar[str] = "Contact"
    Email: str | Ref | None = None
    Age: int | Masked | None = None


class ContactNew(New):
    isthmus_object: ClassVar[str] = "Contact"
    Email: str | Ref
    Mood: Literal["good", "bad"] | None = None


class ContactChange(Change):
    isthmus_object: ClassVar[str] = "Contact"
    Email: str | Ref | None = None


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

    async for page in session.export("crm", "Contact", CONTACTS.where, select=["Email"], limit=100):
        assert_type(page, Page)
    async for models in session.export("crm", Contact):
        assert_type(models, ModelPage[Contact])
    assert_type(await session.changes("crm", "Contact", since=MOMENT), Page)
    assert_type(await session.changes("crm", Contact, after="x"), ModelPage[Contact])
    async for loaded in session.load("crm", "Contact", [{"Email": "e"}, ContactNew(Email="e")], key="k"):
        assert_type(loaded, Loaded)
    session.load("crm", "Contact", [("003", {"Email": None}), ("004", ContactChange())], action="update", key="k")
    session.load("crm", "Contact", ["003"], action="delete", key="k")
    assert_type(await session.attach("crm", "Case", "500", Path("a.pdf"), type="application/pdf"), Record)
    assert_type(await session.attach("crm", "Case", "500", b"abc", name="a.txt"), Record)
    assert_type(await session.download("crm", "Case", "500", "069"), File)
    assert_type(await session.invoke("itsm", "sc_cat_item", "order", {"quantity": 1}, id="x", key="k"), Answer)

    assert_type(await session.get("crm", Contact, "003"), Contact)
    assert_type((await session.get("crm", Contact, "003", ("Email",))).Email, str | Ref | None)
    assert_type((await session.get("crm", Contact, id="003")).record, Record)
    assert_type(await session.query("crm", Contact, where=CONTACTS.where, limit=3), ModelPage[Contact])
    assert_type((await session.query("crm", Contact, after="x")).records, tuple[Contact, ...])
    assert_type(await session.search("crm", Contact, "anna", limit=3), ModelPage[Contact])
    assert_type(await session.create("crm", Contact, ContactNew(Email=Ref("ref_1")), key="k"), Contact)
    assert_type(await session.create("crm", Contact, {"Email": "e"}), Contact)
    assert_type(await session.create("crm", "Contact", ContactNew(Email="e", Mood="good")), Record)
    assert_type(await session.update("crm", Contact, "003", ContactChange(Email=None), version="v"), Contact)
    assert_type(await session.transition("crm", Contact, "003", "Closed"), Contact)
    assert_type(await session.upsert("crm", Contact, "Key__c", "k", ContactNew(Email="e")), Contact)
    assert_type(await session.delete("crm", Contact, "003"), Contact)


def blocking(session: sync.Session) -> None:
    assert_type(session.describe("crm", "Contact"), Description)
    assert_type(session.query("crm", CONTACTS), Page)
    assert_type(session.get("crm", "Contact", "003", ("Name",)), Record)
    assert_type(session.create("crm", "Contact", {"Name": "n"}), Record)
    assert_type(session.delete("crm", "Contact", "003"), Record)
    for page in session.export("crm", "Contact"):
        assert_type(page, Page)
    for models in session.export("crm", Contact):
        assert_type(models, ModelPage[Contact])
    assert_type(session.changes("crm", Contact), ModelPage[Contact])
    for loaded in session.load("crm", "Contact", [{"Email": "e"}], key="k"):
        assert_type(loaded, Loaded)
    assert_type(session.attach("crm", "Case", "500", b"abc", name="a.txt"), Record)
    assert_type(session.download("crm", "Case", "500", "069"), File)
    assert_type(session.invoke("itsm", "sc_cat_item", "order"), Answer)
    assert_type(session.get("crm", Contact, "003"), Contact)
    assert_type(session.get("crm", Contact, "003", ("Email",)).Email, str | Ref | None)
    assert_type(session.get("crm", Contact, id="003").record, Record)
    assert_type(session.query("crm", Contact, where=CONTACTS.where, limit=3), ModelPage[Contact])
    assert_type(session.query("crm", Contact, after="x").records, tuple[Contact, ...])
    assert_type(session.search("crm", Contact, "anna", limit=3), ModelPage[Contact])
    assert_type(session.create("crm", Contact, ContactNew(Email=Ref("ref_1")), key="k"), Contact)
    assert_type(session.create("crm", Contact, {"Email": "e"}), Contact)
    assert_type(session.create("crm", "Contact", ContactNew(Email="e", Mood="good")), Record)
    assert_type(session.update("crm", Contact, "003", ContactChange(Email=None), version="v"), Contact)
    assert_type(session.transition("crm", Contact, "003", "Closed"), Contact)
    assert_type(session.upsert("crm", Contact, "Key__c", "k", ContactNew(Email="e")), Contact)
    assert_type(session.delete("crm", Contact, "003"), Contact)
