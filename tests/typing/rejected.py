"""Calls that a type-checker rejects, each with the code it gives; never run."""

from typing import ClassVar

from isthmus.core import Session, sync
from isthmus.core.models import Change, Model, New
from isthmus.core.records import Compare, Operator, Query


class Account(Model):
    isthmus_object: ClassVar[str] = "Account"
    Name: str | None = None


class AccountNew(New):
    isthmus_object: ClassVar[str] = "Account"
    Name: str
    Employees: int | None = None


class AccountChange(Change):
    isthmus_object: ClassVar[str] = "Account"
    Name: str | None = None


async def asynchronous(session: Session) -> None:
    await session.get("crm", "Contact")  # E: call-overload
    await session.get("crm", "Contact", 3)  # E: call-overload
    await session.get("crm", "Contact", "003", field=("Name",))  # E: call-overload
    await session.query("crm", {"object": "Contact"})  # E: call-overload
    await session.query("crm", Query("Contact", "Name"))  # E: arg-type
    await session.create("crm", "Contact", {"Name": object()})  # E: dict-item
    await session.create("crm", "Contact", {"Name": "n"}, "key")  # E: call-overload
    await session.update("crm", "Contact", {"Name": "n"})  # E: call-overload
    await session.transition("crm", "Case", "500")  # E: call-overload
    await session.export("crm", "Contact")  # E: misc
    session.export("crm", "Contact", order_by=())  # E: call-overload
    await session.changes("crm", "Contact", since="yesterday")  # E: call-overload
    session.load("crm", "Contact", [{"Email": "e"}])  # E: call-arg
    session.load("crm", "Contact", [{"Email": "e"}], action="merge", key="k")  # E: arg-type
    await session.attach("crm", "Case", "500", "a.pdf")  # E: arg-type
    (await session.download("crm", "Case", "500", "069")).text  # E: attr-defined
    await session.invoke("itsm", "sc_cat_item")  # E: call-arg
    (await session.get("crm", "Contact", "003")).records  # E: attr-defined
    await session.frobnicate("crm")  # E: attr-defined
    session.query("crm", "text").records  # E: attr-defined
    Compare("Name", "eq", "n")  # E: arg-type
    (await session.get("crm", Account, "001")).Nmae  # E: attr-defined
    (await session.get("crm", Account, "001")).Name.upper()  # E: union-attr
    await session.get("crm", AccountNew, "001")  # E: type-var
    await session.get("crm", int, "001")  # E: type-var
    await session.query("crm", Account, order=())  # E: call-overload
    await session.query("crm", Query("Account"), limit=3)  # E: call-overload
    (await session.query("crm", Account)).records[0].fields  # E: attr-defined
    AccountNew()  # E: call-arg
    AccountNew(Name=3)  # E: arg-type
    AccountNew(Name="n", Emploees=3)  # E: call-arg
    await session.create("crm", Account, AccountChange(Name="n"))  # E: call-overload
    await session.create("crm", AccountNew(Name="n"))  # E: call-overload
    await session.update("crm", Account, "001", AccountNew(Name="n"))  # E: call-overload
    await session.update("crm", Account, "001", Account(Name="n"))  # E: call-overload


def blocking(session: sync.Session) -> None:
    session.get("crm", "Contact")  # E: call-overload
    session.query("crm", Query("Contact", where=Compare("Name", Operator.EQ, object())))  # E: arg-type
    session.query("crm", "text").fields  # E: attr-defined
    session.delete("crm", "Contact", id=3)  # E: call-overload
    session.get("crm", Account, "001").Nmae  # E: attr-defined
    session.query("crm", Account).records[0].Name.upper()  # E: union-attr
    session.search("crm", AccountNew, "x")  # E: type-var
    session.create("crm", Account, AccountChange(Name="n"))  # E: call-overload
