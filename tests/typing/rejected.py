"""Calls that a type-checker rejects, each with the code it gives; never run."""

from isthmus.core import Session, sync
from isthmus.core.records import Compare, Operator, Query


async def asynchronous(session: Session) -> None:
    await session.get("crm", "Contact")  # E: call-arg
    await session.get("crm", "Contact", 3)  # E: arg-type
    await session.get("crm", "Contact", "003", field=("Name",))  # E: call-arg
    await session.query("crm", {"object": "Contact"})  # E: arg-type
    await session.query("crm", Query("Contact", "Name"))  # E: arg-type
    await session.create("crm", "Contact", {"Name": object()})  # E: dict-item
    await session.create("crm", "Contact", {"Name": "n"}, "key")  # E: call-arg
    await session.update("crm", "Contact", {"Name": "n"})  # E: call-arg arg-type
    await session.transition("crm", "Case", "500")  # E: call-arg
    (await session.get("crm", "Contact", "003")).records  # E: attr-defined
    await session.frobnicate("crm")  # E: attr-defined
    session.query("crm", "text").records  # E: attr-defined
    Compare("Name", "eq", "n")  # E: arg-type


def blocking(session: sync.Session) -> None:
    session.get("crm", "Contact")  # E: call-arg
    session.query("crm", Query("Contact", where=Compare("Name", Operator.EQ, object())))  # E: arg-type
    session.query("crm", "text").fields  # E: attr-defined
    session.delete("crm", "Contact", id=3)  # E: arg-type
