"""Does a written house lead to every system of a running sandbox?"""

from pathlib import Path

import pytest

from isthmus.core import load_config
from isthmus.core.assembly import open_gateway
from isthmus.core.caller import Caller
from isthmus.core.gateway import Gateway
from isthmus.core.records import Query
from isthmus.plugins.sandbox import Sandbox, write_house

ASKED = {
    "crm": ("Account", "Industry"),
    "itsm": ("sc_cat_item", "name"),
    "erp": ("cost.A_CostCenter", "CostCenter"),
    "hr": ("staffing.workers", "workerId"),
    "access": ("sites", "name"),
}


async def test_every_system_is_reached_in_both_its_homes(sandbox: Sandbox, tmp_path: Path) -> None:
    others = (sandbox.servicenow, sandbox.sap, sandbox.workday, sandbox.access)
    path = write_house(tmp_path / "house", sandbox.salesforce, *others)
    assert set(load_config(path).file.systems) == set(ASKED)
    async with open_gateway(load_config(path)) as gateway:
        homes = {system: await reached(gateway, system) for system in ASKED}
    assert homes == {system: {f"{system}-eu", f"{system}-us"} for system in ASKED}


async def reached(gateway: Gateway, system: str) -> set[str]:
    session = gateway.session(Caller("support", "alice", "support", "model-eu", "", "desktop-eu"))
    object, field = ASKED[system]
    page = await session.query(system, Query(object, (field,), limit=200))
    return {record.id.partition("~")[0] for record in page.records}


@pytest.mark.parametrize("name", ["hr-eu.secret", "access-us.secret", "sealing.key"])
def test_only_the_owner_can_read_what_is_secret(sandbox: Sandbox, tmp_path: Path, name: str) -> None:
    path = write_house(tmp_path, sandbox.salesforce, tenants=sandbox.workday, services=sandbox.access)
    assert (path.parent / name).stat().st_mode & 0o077 == 0
