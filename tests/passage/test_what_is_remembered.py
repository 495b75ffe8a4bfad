"""What was worked out for one call is used for another only where nothing that it depends on differs."""

from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import call

from isthmus.core.caller import Caller
from isthmus.core.errors import Denied

from .conftest import CEDAR, Home

FIELDS = ("Id", "Name", "Email", "Phone", "Title", "Department", "AccountId", "MailingCountryCode")


def guard(name: str, without: str, unless: str = "false", principal: str = "principal") -> str:
    """Forbid to read one field, unless a condition holds."""
    allowed = ", ".join(f'"{one}"' for one in FIELDS if one != without)
    return f"""@id("{name}") forbid ({principal}, action in Isthmus::Action::"read", resource)
      unless {{ [{allowed}].containsAll(context.fields) || {unless} }};\n"""


GUARDS = (
    guard("by-agent", "Title", principal='principal == Isthmus::Agent::"triage"')
    + guard("by-purpose", "Phone", 'context.purpose == "support"')
    + guard("by-consumer", "Department", 'context.consumer_zone == Isthmus::Zone::"eu"')
    + guard("by-rows", "Name", "context.rows < 10")
    + guard("by-user", "Email", 'context.on_behalf_of == Isthmus::User::"alice"')
)
BASE = Caller("support", "alice", "support", "model-eu", "", "desktop-eu")
OTHERS = {
    "Title": replace(BASE, agent="triage"),
    "Email": replace(BASE, user="bob"),
    "Phone": replace(BASE, purpose="sales"),
    "Department": replace(BASE, consumer="model-us"),
}


class Guarded(Home):
    """A house whose agents act for two purposes, with a guard for everything that a decision may depend on."""

    def write(self) -> Path:
        path = super().write()
        path.write_text(path.read_text().replace('purposes = ["support"]', 'purposes = ["support", "sales"]'))
        return path


@pytest.fixture
def house(sandbox, tmp_path) -> Guarded:
    return Guarded(tmp_path / "house", sandbox, cedar=CEDAR + GUARDS)


async def shown(gateway, caller, **more) -> set[str]:
    page = await call(gateway, caller, "query", system="crm", object="Contact", **({"limit": 2} | more))
    return set(page.records[0].fields) | {one.what for one in page.records[0].withheld}


async def test_default_fields_are_those_of_this_caller_and_of_this_many_rows(gateway):
    every = await shown(gateway, BASE)
    assert set(OTHERS) | {"Name"} <= every
    for name, caller in OTHERS.items():
        assert await shown(gateway, caller) == every - {name}
        assert await shown(gateway, BASE) == every
    assert await shown(gateway, BASE, limit=12) == every - {"Name"}
    assert await shown(gateway, BASE, select=["Name", "Title"]) == {"Name", "Title"}


async def test_named_fields_are_judged_for_this_caller_and_for_this_many_rows(gateway):
    asked = {"system": "crm", "object": "Contact"}
    for name, caller in OTHERS.items():
        await call(gateway, BASE, "query", **asked, select=[name], limit=2)
        with pytest.raises(Denied):
            await call(gateway, caller, "query", **asked, select=[name], limit=2)
    await call(gateway, BASE, "query", **asked, select=["Name"], limit=2)
    with pytest.raises(Denied, match="by-rows"):
        await call(gateway, BASE, "query", **asked, select=["Name"], limit=12)


async def test_each_record_is_read_under_its_own_id(gateway, house):
    page = await call(gateway, BASE, "query", system="crm", object="Contact", select=["Name"], limit=3)
    for record in page.records:
        again = await call(gateway, BASE, "get", system="crm", object="Contact", id=record.id, fields=["Name"])
        assert (again.id, again.fields) == (record.id, record.fields)
        view = gateway.parts.journal.view()
        (entry,) = view.entries(view.size - 1, view.size)
        assert entry.private["record_ids"] == [record.id]
