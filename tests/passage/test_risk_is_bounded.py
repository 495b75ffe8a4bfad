"""Does an agent's `max_risk` bound what it may touch, counted by the classes that the flow rules know?"""

from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.conftest import call

from isthmus.core.caller import Caller
from isthmus.core.errors import Denied
from isthmus.core.gateway import Gateway
from isthmus.plugins.sandbox import Sandbox

from .conftest import Home

CAREFUL = """
[agents.careful]
owner = "maria"
purposes = ["support"]
max_risk = 0
"""


@dataclass
class Careful(Home):
    extra: str = 'fields = { "Contact.Title" = { classes = ["pii.special"] }, "Contact.Phone" = { classes = ["pii"] } }'

    def write(self) -> Path:
        path = super().write()
        path.write_text(path.read_text() + CAREFUL)
        return path


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Home:
    return Careful(tmp_path / "house", sandbox)


def caller(agent: str) -> Caller:
    return Caller(agent, "alice", "support", "model-eu", "", "desktop-eu")


async def names(gateway: Gateway, agent: str, *fields: str, limit: int = 5) -> object:
    return await call(gateway, caller(agent), "query", system="crm", object="Contact", select=list(fields), limit=limit)


@pytest.mark.parametrize(("fields", "limit"), [(["Phone", "Title"], 5), (["Phone"], 21)])
async def test_what_carries_more_points_than_the_agent_may_is_not_sent(
    gateway: Gateway, house: Home, fields: list[str], limit: int
) -> None:
    assert await names(gateway, "careful", "Phone")
    since = house.mark()
    with pytest.raises(Denied) as denied:
        await names(gateway, "careful", *fields, limit=limit)
    assert denied.value.rules == ("isthmus:agent-risk",)
    assert house.sent("", since) == []
    assert await names(gateway, "triage", *fields, limit=limit)
