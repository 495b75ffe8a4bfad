"""Is nothing more sent of what an operator paused, in this process or another, while everything else goes on?"""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from isthmus.core.errors import Denied, Refused
from isthmus.core.gateway import Gateway
from isthmus.core.journal import Intent, IntentState, Scope, Transaction
from isthmus.core.pauses import KNOWN_FOR

from .conftest import Desk, TwoOrgs

Call = Callable[[], Awaitable[object]]


async def pause(gateway: Gateway, scope: Scope, name: str = "", why: str = "") -> None:
    await gateway.parts.journal.transact(lambda tx: tx.pause(scope, name, by="olga", why=why))
    await asyncio.sleep(KNOWN_FOR)


async def resume(gateway: Gateway, scope: Scope, name: str = "") -> None:
    await gateway.parts.journal.transact(lambda tx: tx.resume(scope, name, by="olga"))
    await asyncio.sleep(KNOWN_FOR)


async def refused(house: TwoOrgs, call: Call) -> Denied:
    """Make a call that a pause refuses, and see that not even a look-up reached an org."""
    start = house.mark()
    with pytest.raises(Denied) as caught:
        await call()
    assert house.sent(start, lookups=True) == []
    assert caught.value.reason == "paused"
    return caught.value


def create(desk: Desk, subject: str = "hello") -> Call:
    return lambda: desk.call("create", object="Case", values={"Subject": subject})


async def test_a_paused_agent_sends_nothing_at_all(us: Desk, house: TwoOrgs) -> None:
    await pause(us.gateway, Scope.AGENT, "support", "it loops")
    reads: tuple[Call, ...] = (
        lambda: us.query("Contact", ["Title"]),
        lambda: us.call("describe", object="Lead"),
        lambda: us.call("get", object="Contact", id="crm-eu~0038d0000000001AAA"),
        lambda: us.call("export", object="Case"),
    )
    for call in (*reads, create(us)):
        error = await refused(house, call)
        assert error.subject == "support"
        assert "agent 'support' is paused" in error.sentence
        assert "(it loops)" in error.sentence
        assert "isthmus resume agent support" in error.sentence
    await resume(us.gateway, Scope.AGENT, "support")
    assert (await us.query("Contact", ["Title"])).records


async def test_the_log_says_what_a_pause_refused(us: Desk) -> None:
    await pause(us.gateway, Scope.AGENT, "support")
    with pytest.raises(Denied):
        await us.query("Contact", ["Title"])
    view = us.gateway.parts.journal.view()
    leaves = [one.leaf for one in view.entries(0, view.size)]
    assert [leaf.get("state") for leaf in leaves if leaf["kind"] == "policy"] == ["paused"]
    assert {(leaf["decision"], leaf["error"]) for leaf in leaves if leaf["kind"] == "decision"} == {
        ("refused", "paused")
    }


async def test_a_paused_connection_is_left_out_of_reads_that_name_it(us: Desk, house: TwoOrgs) -> None:
    await pause(us.gateway, Scope.CONNECTION, "crm-eu")
    start = house.mark()
    page = await us.query("Contact", ["Title"])
    assert {record.id.partition("~")[0] for record in page.records} == {"crm-us"}
    assert not page.complete
    assert [(one.what, one.rules) for one in page.withheld] == [("crm-eu", ("paused",))]
    assert {name for name, _ in house.sent(start, lookups=True)} == {"us"}
    await pause(us.gateway, Scope.CONNECTION, "crm-us")
    await refused(house, lambda: us.query("Contact", ["Title"]))


async def test_a_record_is_made_where_its_home_is_open(us: Desk, house: TwoOrgs) -> None:
    await pause(us.gateway, Scope.CONNECTION, "crm-eu")
    start = house.mark()
    made = await us.call("create", object="Contact", values={"LastName": "Doe", "MailingCountryCode": "US"})
    assert made.id.startswith("crm-us~")
    assert {name for name, _ in house.sent(start, lookups=True)} == {"us"}
    start = house.mark()
    with pytest.raises(Denied, match="'crm-eu' is paused"):
        await us.call("create", object="Contact", values={"LastName": "Doe", "MailingCountryCode": "DE"})
    assert house.sent(start, lookups=True) == []


async def test_paused_writes_leave_reads_alone(us: Desk, house: TwoOrgs) -> None:
    page = await us.query("Case", ["Subject"], limit=1)
    await pause(us.gateway, Scope.WRITES)
    for call in (
        create(us),
        lambda: us.call("update", object="Case", id=page.records[0].id, values={"Subject": "x"}),
        lambda: us.call("transition", object="Case", id=page.records[0].id, to="Working"),
        lambda: us.call("load", object="Case", action="create", key="k", lines=[{"values": {"Subject": "x"}}]),
    ):
        error = await refused(house, call)
        assert "every write is paused" in error.sentence
    assert (await us.query("Case", ["Subject"], limit=1)).records
    await resume(us.gateway, Scope.WRITES)
    assert await create(us)()


async def test_another_process_obeys_at_once(us: Desk, house: TwoOrgs) -> None:
    async with house.open() as other:
        await Desk(other, us.caller).query("Case", ["Subject"], limit=1)
        await pause(us.gateway, Scope.AGENT, "support")
        await refused(house, lambda: Desk(other, us.caller).query("Case", ["Subject"], limit=1))


async def test_a_call_that_waits_for_its_turn_is_stopped(us: Desk, house: TwoOrgs) -> None:
    await us.query("Case", ["Subject"], limit=1)
    for connection in connections(us.gateway):
        connection.budget.throttled(after=200.0)
    start = house.mark()
    waiting = asyncio.create_task(us.query("Case", ["Subject"], limit=1))
    await asyncio.sleep(0.1)
    assert not waiting.done()
    await pause(us.gateway, Scope.AGENT, "support")
    with pytest.raises(Denied, match="'support' is paused"):
        await waiting
    assert house.sent(start, lookups=True) == []


@pytest.mark.parametrize("scope", list(Scope))
async def test_no_write_leaves_once_the_pause_is_durable(us: Desk, house: TwoOrgs, scope: Scope) -> None:
    await create(us)()
    stop, answers = asyncio.Event(), list[BaseException | object]()

    async def write() -> None:
        number = 0
        while not stop.is_set():
            number += 1
            try:
                answers.append(await create(us, f"{id(asyncio.current_task())} {number}")())
            except Refused as error:
                answers.append(error)

    writers = [asyncio.create_task(write()) for _ in range(8)]
    await asyncio.sleep(0.3)
    named = {Scope.AGENT: "support", Scope.CONNECTION: "crm-us", Scope.WRITES: ""}[scope]
    view = us.gateway.parts.journal.view()

    def paused(transaction: Transaction) -> int:
        transaction.pause(scope, named, by="olga")
        return transaction.size

    opened = await us.gateway.parts.journal.transact(paused)
    await asyncio.sleep(0.3)
    stop.set()
    await asyncio.gather(*writers)
    later = [one.leaf for one in view.entries(opened, view.size)]
    assert any(isinstance(one, Denied) for one in answers)
    assert not [leaf for leaf in later if leaf["kind"] == "intent"]
    made = [one for one in answers if not isinstance(one, BaseException)]
    posts = [entry for _, entry in house.sent(dict.fromkeys(house.sandbox.salesforce, 0)) if entry.method == "POST"]
    assert len(posts) == len(made) + 1
    assert view.open_intents() == ()


async def test_what_had_left_is_finished_and_settled(us: Desk, house: TwoOrgs) -> None:
    await create(us)()
    house.sandbox.salesforce["us"].faults.arm("lost_answer", method="POST", path="/sobjects/Case")
    start = house.mark()
    under_way = asyncio.create_task(us.call("create", object="Case", values={"Subject": "lost"}))
    while not any(entry.method == "POST" for _, entry in house.sent(start)):  # noqa: ASYNC110 - the org has no event
        await asyncio.sleep(0.005)
    await pause(us.gateway, Scope.CONNECTION, "crm-us")
    made = await under_way
    assert made.id.startswith("crm-us~")
    assert us.gateway.parts.journal.view().open_intents() == ()


async def test_what_others_left_open_waits_until_the_connection_is_resumed(us: Desk, house: TwoOrgs) -> None:
    then = us.gateway.parts.now()
    left = Intent(
        id="a" * 32, digest="d", agent="support", tool="create", connection="crm-us", object="Case", opened_at=then,
        lease_until=then, payload={"verb": "create", "key": {"field": "Isthmus_Key__c", "value": "k"}, "values": {}},
    )  # fmt: skip
    await us.gateway.parts.journal.transact(lambda tx: tx.open_intent(left))
    await pause(us.gateway, Scope.CONNECTION, "crm-us")
    start = house.mark()
    assert await us.gateway.settler.settle_all() == ()
    assert house.sent(start, lookups=True) == []
    await resume(us.gateway, Scope.CONNECTION, "crm-us")
    house.clock.jump(700)
    assert [one.state for one in await us.gateway.settler.settle_all()] == [IntentState.NOT_HAPPENED]


def connections(gateway: Gateway):
    return [one for system in gateway.parts.systems.values() for one in system.connections.values()]
