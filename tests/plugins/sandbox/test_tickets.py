"""A house that is written with instances has a ticket system that works at once."""

from pathlib import Path

import pytest

from isthmus.core import Caller, Page, load_config, open_gateway
from isthmus.core.errors import Denied
from isthmus.plugins.sandbox import Sandbox, write_house


async def test_works_on_tickets_and_closes_none(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        config = load_config(write_house(tmp_path / "house", sandbox.salesforce, sandbox.servicenow))
        async with open_gateway(config) as gateway:
            session = gateway.session(Caller("support", user="alice", purpose="support", consumer="model-eu"))
            page = await session.call("query", system="itsm", object="incident", select=["number"], limit=5)
            assert isinstance(page, Page)
            assert {one.id.partition("~")[0] for one in page.records} <= {"itsm-eu", "itsm-us"}
            assert len(page.records) == 5
            await session.update("itsm", "incident", page.records[0].id, {"urgency": "1"})
            with pytest.raises(Denied, match="asked whether it is solved"):
                await session.transition("itsm", "incident", page.records[0].id, "7")
            crm = await session.call("query", system="crm", object="Case", select=["Subject"], limit=1)
            assert isinstance(crm, Page)
