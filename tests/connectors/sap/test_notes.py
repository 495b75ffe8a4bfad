"""Does what the system says beside a success reach the caller, and its words only whom they may?"""

import pytest

from isthmus.core.caller import Caller
from isthmus.core.gateway import Gateway
from isthmus.core.records import Note
from isthmus.core.results import as_json
from isthmus.core.session import Session
from isthmus.plugins.sandbox import SapLandscape

from .landscape import BOTH, NEW, House, house, org, small

__all__ = ["house", "org", "small"]

LIMIT = Note("warning", "VKM1/104", "", "Credit limit of Ada Falk is used up")


def warned(org: SapLandscape, method: str) -> None:
    org.faults.arm("warning", method=method, path="SalesOrder", code=LIMIT.code, text=LIMIT.text)


@BOTH
async def test_each_write_tells_what_the_system_says_beside_it(home: Session, org: SapLandscape, orders: str):
    warned(org, "POST")
    made = await home.create("erp", orders, NEW, key="N-1")
    assert made.notes == (LIMIT,)
    assert as_json(made)["notes"] == [
        {"severity": "warning", "code": "VKM1/104", "vendor_text": "Credit limit of Ada Falk is used up"}
    ]
    warned(org, "MERGE" if orders.startswith("so.") else "PATCH")
    assert (await home.update("erp", orders, made.id, {"DeliveryBlockReason": "01"})).notes == (LIMIT,)
    warned(org, "DELETE")
    assert (await home.delete("erp", orders, made.id)).notes == (LIMIT,)


async def test_a_create_without_a_remark_has_none(home: Session):
    assert (await home.create("erp", "so.A_SalesOrder", NEW, key="N-2")).notes == ()


@BOTH
async def test_who_may_not_read_free_text_gets_the_code_alone(
    gateway: Gateway, house: House, org: SapLandscape, orders: str
):
    warned(org, "POST")
    far = gateway.session(Caller("support", "alice", "support", "model-us", "", "desktop-us"))
    made = await far.create("erp", orders, NEW, key="N-3")
    assert made.notes == (Note("warning", LIMIT.code),)
    assert "Falk" not in str(as_json(made))


@BOTH
async def test_a_repeat_tells_the_codes_and_keeps_no_words(
    home: Session, gateway: Gateway, org: SapLandscape, orders: str
):
    warned(org, "POST")
    await home.create("erp", orders, NEW, key="N-4")
    assert (await home.create("erp", orders, NEW, key="N-4")).notes == (Note("warning", LIMIT.code),)


@pytest.mark.parametrize("severity", ["info", "success", "error"])
async def test_the_severity_is_the_systems_own(home: Session, org: SapLandscape, severity: str):
    org.faults.arm("warning", method="POST", path="SalesOrder", code="A/001", text="x", severity=severity)
    made = await home.create("erp", "so4.SalesOrder", NEW, key="N-5")
    assert [one.severity for one in made.notes] == [severity]
