"""A change of state is asked for by name, and policy judges where it leads."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.conftest import call
from tests.passage.conftest import CEDAR, Home

from isthmus.core.errors import Denied, InvalidArguments
from isthmus.core.gateway import Gateway
from isthmus.plugins.sandbox import Sandbox

NEVER_CLOSES = """
@id("work-but-do-not-close") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource)
when { context.transition.to == "Closed" };
"""


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> Home:
    return Home(tmp_path, sandbox, cedar=CEDAR + NEVER_CLOSES)


@pytest.fixture
async def gateway(house: Home) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


async def test_changes_the_state_and_what_goes_with_it(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    made = await session.create("crm", "Case", {"Subject": "a printer", "Status": "New"})
    await session.transition("crm", "Case", made.id, "Working", {"Priority": "High"})
    found = await session.get("crm", "Case", made.id, ["Status", "Priority"])
    assert dict(found.fields) == {"Status": "Working", "Priority": "High"}


async def test_a_state_that_policy_forbids_is_not_reached(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    made = await session.create("crm", "Case", {"Subject": "a printer", "Status": "New"})
    with pytest.raises(Denied) as refused:
        await session.transition("crm", "Case", made.id, "Closed")
    assert "work-but-do-not-close" in refused.value.rules
    assert house.sent("PATCH") == []


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"object": "Case", "to": "Working", "values": {"status": "New"}}, "once, in `to`"),
        ({"object": "Account", "to": "Working"}, "has no state"),
    ],
)
async def test_says_why_there_is_nothing_to_change(
    gateway: Gateway, house: Home, arguments: dict[str, object], sentence: str
) -> None:
    row = house.org.rows("Account")[0]["Id"]
    with pytest.raises(InvalidArguments, match=sentence):
        await call(gateway, house.caller("eu"), "transition", system="crm", id=row, **arguments)
    assert house.sent("PATCH") == []


async def test_is_recorded_as_a_transition(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    made = await session.create("crm", "Case", {"Subject": "a printer", "Status": "New"})
    await session.transition("crm", "Case", made.id, "Working")
    log = gateway.parts.journal.view()
    told = [one.leaf for one in log.entries(0, log.size) if one.leaf.get("tool") == "transition"]
    assert {tuple(one["effects"]) for one in told if one["kind"] in ("intent", "outcome")} == {("transition",)}
