"""Are chains of allowed calls stopped before anything is sent, across agents and processes?"""

import asyncio

import pytest
from tests.conftest import call

from isthmus.core.caller import Caller
from isthmus.core.errors import Denied
from isthmus.core.gateway import Gateway

from .conftest import FastClock, Home

RULES = """
[[sequence]]
id = "three-leads-an-hour"
deny = "crm.Lead.create"
at_most = { n = 3, per = "1h" }
why = "leads are paid for"

[[sequence]]
id = "no-case-after-contacts"
deny = "crm.Case.create"
after = "crm.Contact.query"
within = "1h"
why = "contacts leak by case"
"""


@pytest.fixture
def house(house: Home) -> Home:
    house.sequences = RULES
    return house


def caller(agent: str = "support", user: str = "alice") -> Caller:
    return Caller(agent, user, "support", "model-eu", "", "desktop-eu")


async def lead(gateway: Gateway, name: str, agent: str = "support", user: str = "alice"):
    values = {"LastName": name, "Company": "X"}
    return await call(gateway, caller(agent, user), "create", system="crm", object="Lead", values=values)


async def test_after_denies_before_sending_whichever_agent_made_the_first_link(
    gateway: Gateway, house: Home, clock: FastClock
) -> None:
    case = {"system": "crm", "object": "Case", "values": {"Subject": "x"}}
    await call(gateway, caller(), "create", **case)
    await call(gateway, caller("triage"), "query", system="crm", object="Contact", select=["Name"], limit=1)
    since = house.mark()
    for agent in ("support", "triage"):
        with pytest.raises(Denied, match="no-case-after-contacts") as denied:
            await call(gateway, caller(agent), "create", **case)
        assert denied.value.rules == ("no-case-after-contacts",)
    assert house.sent("POST", since) == []
    await call(gateway, caller(user="bob"), "create", **case)
    clock.jump(3_700)
    await call(gateway, caller(), "create", **case)
    assert len(house.cases(Subject="x")) == 3


async def test_at_most_counts_the_agents_of_one_user_together(gateway: Gateway, house: Home) -> None:
    for number, agent in enumerate(("support", "triage", "support")):
        await lead(gateway, f"L{number}", agent)
    since = house.mark()
    for agent in ("support", "triage"):
        with pytest.raises(Denied, match="three-leads-an-hour"):
            await lead(gateway, "L9", agent)
    assert house.sent("POST", since) == []
    await lead(gateway, "of bob", user="bob")


async def test_at_most_holds_when_all_come_at_once_through_two_processes(house: Home, clock: FastClock) -> None:
    before = len(house.org.rows("Lead"))
    async with house.open(clock) as one, house.open(clock) as other:
        agents = ("support", "triage")
        calls = (lead((one, other)[at % 2], f"L{at}", agents[at // 2 % 2]) for at in range(10))
        results = await asyncio.gather(*calls, return_exceptions=True)
    assert [type(one) for one in results if isinstance(one, BaseException)] == [Denied] * 7
    assert len(house.org.rows("Lead")) == before + 3
    assert len(house.sent("POST")) == 3
