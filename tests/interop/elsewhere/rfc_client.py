"""What a package for RFC is asked to do, alone and then under a whole gateway; it prints what it found as JSON."""

import asyncio
import json
import sys
from decimal import Decimal
from pathlib import Path

from isthmus.connectors.sap.rfc.backend import AbapRaised, Logon, LogonRefused, RfcBackend
from isthmus.connectors.sap.rfc.interface import describe
from isthmus.connectors.sap.rfc.pyrfc_client import PyrfcBackend
from isthmus.connectors.sap.rfc.saprfclib_client import SaprfclibBackend
from isthmus.connectors.sap.rfc.unit import COMMIT
from isthmus.core.assembly import open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.errors import Denied, OutcomeUnknown

CREATE, LIST = "BAPI_SALESORDER_CREATEFROMDAT2", "BAPI_SALESORDER_GETLIST"
told = json.loads(sys.argv[1])
found: dict[str, object] = {}


def logon(password: str) -> Logon:
    return Logon("127.0.0.1", told["port"], "100", "ISTHMUS", password, "EN", 20.0)


def order(reference: str) -> dict[str, object]:
    return {
        "ORDER_HEADER_IN": {"DOC_TYPE": "TA", "SALES_ORG": "1710", "DISTR_CHAN": "10", "PURCH_NO_C": reference},
        "ORDER_ITEMS_IN": [{"ITM_NUMBER": "000010", "MATERIAL": "TG12", "TARGET_QTY": Decimal("3.5")}],
        "ORDER_PARTNERS": [{"PARTN_ROLE": "AG", "PARTN_NUMB": "0017100001"}],
    }


def alone(backend: RfcBackend) -> None:
    found["package"] = backend.name.partition(" ")[0]
    for password in ("wrong", told["password"]):
        try:
            session = backend.connect(logon(password))
        except LogonRefused as refused:
            found["refused"] = "Name or password is incorrect" in str(refused)
    interface = describe(CREATE, session.call)
    listing = describe(LIST, session.call)
    found["described"] = {one.name: len(one.fields) for one in interface.parameters}
    try:
        session.call(describe("Z_NOPE", session.call), {})
    except AbapRaised as raised:
        found["raised"] = raised.key
    session.call(interface, order("uncommitted"))
    session.close()
    session = backend.connect(logon(told["password"]))
    session.call(interface, order("committed"))
    session.call(COMMIT, {"WAIT": "X"})
    session.close()
    session = backend.connect(logon(told["password"]))
    rows = session.call(listing, {"CUSTOMER_NUMBER": "0017100001", "SALES_ORGANIZATION": "1710"})["SALES_ORDERS"]
    found["kept"] = [str(row["PURCH_NO_C"]).strip() for row in rows]
    session.close()


async def governed() -> None:
    async with open_gateway(load_config(Path(told["config"]))) as gateway:
        session = gateway.session(Caller("support", "alice", "support", "model-eu", "", "desktop-eu"))

        async def call(function: str, arguments: dict[str, object]) -> dict[str, object]:
            return (await session.invoke("erp", function, "call", arguments)).values

        def plain(reference: str) -> dict[str, object]:
            return json.loads(json.dumps(order(reference), default=str))

        made = await call(CREATE, plain("governed"))
        found["governed"] = [one["TYPE"] for one in made["RETURN"]]
        await call(CREATE, plain("cut after"))
        try:
            await call(CREATE, plain("cut before"))
        except OutcomeUnknown:
            found["unknown"] = True
        try:
            await call("BAPI_USER_CHANGE", {})
        except Denied as denied:
            found["denied"] = "connections.erp-eu.settings.functions" in denied.sentence
        listed = await call(LIST, {"CUSTOMER_NUMBER": "17100001", "SALES_ORGANIZATION": "1710"})
        found["at last"] = [row["PURCH_NO_C"] for row in listed["SALES_ORDERS"]]


alone(SaprfclibBackend() if told["backend"] == "saprfclib" else PyrfcBackend())
asyncio.run(governed())
print(json.dumps(found))
