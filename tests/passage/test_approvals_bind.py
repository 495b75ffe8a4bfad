"""Does an approval allow exactly the call that was approved, once, whoever carries it out?"""

import asyncio
from datetime import timedelta

import pytest
from tests.conftest import call

from isthmus.core.errors import ApprovalRequired, Conflict, Denied
from isthmus.core.gateway import Gateway
from isthmus.core.journal import ApprovalState

from .conftest import CEDAR, FastClock, Home
from .workers import Worker

APPROVED = """
@id("priority-needs-approval") @obligation("approve:manager") @why("priority costs money")
forbid (principal is Isthmus::Agent, action == Isthmus::Action::"update", resource in Isthmus::Object::"crm/Case")
unless { context.approved };
"""


@pytest.fixture
def house(house: Home) -> Home:
    house.cedar = CEDAR + APPROVED
    return house


@pytest.fixture
async def case(gateway: Gateway, house: Home) -> str:
    made = await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "before"})
    return made.id


async def update(gateway: Gateway, house: Home, case: str, user: str = "alice", **values: object):
    values = values or {"Priority": "High"}
    return await call(gateway, house.caller("eu", user), "update", system="crm", object="Case", id=case, values=values)


async def ask(gateway: Gateway, house: Home, case: str, **values: object) -> str:
    with pytest.raises(ApprovalRequired) as asked:
        await update(gateway, house, case, **values)
    return asked.value.approval


async def decide(gateway: Gateway, approval: str, approver: str = "maria", approved: bool = True) -> None:
    journal, now = gateway.parts.journal, gateway.parts.now()
    await journal.transact(lambda tx: tx.decide(approval, approved=approved, approver=approver, at=now))


def priority(house: Home, case: str) -> object:
    return house.cases(Id=case)[0]["Priority"]


async def test_the_approved_call_is_done_once_and_a_replay_asks_anew(gateway: Gateway, house: Home, case: str) -> None:
    approval = await ask(gateway, house, case)
    assert await ask(gateway, house, case) == approval
    await decide(gateway, approval)
    house.org.faults.arm("same_second", method="PATCH")
    await update(gateway, house, case)
    assert priority(house, case) == "High"
    since = house.mark()
    assert await ask(gateway, house, case) != approval
    assert house.sent("PATCH", since) == []


async def test_another_argument_is_another_call(gateway: Gateway, house: Home, case: str) -> None:
    approval = await ask(gateway, house, case)
    await decide(gateway, approval)
    since = house.mark()
    for values in ({"Priority": "Low"}, {"Priority": "High", "Subject": "more"}):
        assert await ask(gateway, house, case, **values) != approval
    with pytest.raises(ApprovalRequired):
        await update(gateway, house, case, user="bob")
    assert house.sent("PATCH", since) == []
    assert gateway.parts.journal.view().approval(approval).state is ApprovalState.APPROVED


async def test_another_version_of_the_record_is_another_call(gateway: Gateway, house: Home, case: str) -> None:
    approval = await ask(gateway, house, case)
    await decide(gateway, approval)
    house.sandbox.clock.advance(minutes=1)
    row = house.org.store["Case"].rows[case]
    row["SystemModstamp"] = "2026-11-20T09:01:00.000+0000"
    since = house.mark()
    assert await ask(gateway, house, case) != approval
    assert house.sent("PATCH", since) == []


@pytest.mark.parametrize("approver", ["alice", "bob", "nobody"])
async def test_the_wrong_approver_does_not_count(gateway: Gateway, house: Home, case: str, approver: str) -> None:
    approval = await ask(gateway, house, case)
    await decide(gateway, approval, approver)
    since = house.mark()
    with pytest.raises(Denied, match="may not approve"):
        await update(gateway, house, case)
    assert house.sent("PATCH", since) == []
    assert priority(house, case) != "High"


async def test_an_approval_expires(gateway: Gateway, house: Home, clock: FastClock, case: str) -> None:
    approval = await ask(gateway, house, case)
    await decide(gateway, approval)
    clock.jump(timedelta(hours=24, minutes=1).total_seconds())
    since = house.mark()
    assert await ask(gateway, house, case) != approval
    assert house.sent("PATCH", since) == []


async def test_a_rejected_call_stays_refused(gateway: Gateway, house: Home, case: str) -> None:
    await decide(gateway, await ask(gateway, house, case), approved=False)
    since = house.mark()
    await ask(gateway, house, case)
    assert house.sent("PATCH", since) == []


async def test_another_policy_is_another_call(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as gateway:
        made = await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "x"})
        approval = await ask(gateway, house, made.id)
        await decide(gateway, approval)
    house.cedar += """@id("no-leads") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"delete",
      resource in Isthmus::Object::"crm/Lead");"""
    async with house.open(clock) as gateway:
        assert await ask(gateway, house, made.id) != approval


async def test_asked_here_and_redeemed_in_another_process_after_a_restart(house: Home) -> None:
    async with house.open() as gateway:
        made = await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "x"})
        approval = await ask(gateway, house, made.id)
    update = {"object": "Case", "id": made.id, "values": {"Priority": "High"}}
    # Sets have another order in each: two seeds show that no digest depends on it.
    with Worker(house, hash_seed="1") as worker:
        worker.start()
        waiting = await asyncio.to_thread(worker.call, "alice", "update", **update)
        assert (waiting["error"], waiting["approval"]) == ("ApprovalRequired", approval)
        worker.kill()
    async with house.open() as gateway:
        await decide(gateway, approval)
    house.org.faults.arm("same_second", method="PATCH")
    with Worker(house, hash_seed="2") as worker:
        worker.start()
        done = await asyncio.to_thread(worker.call, "alice", "update", **update)
        assert done.get("id") == made.id, done
        again = await asyncio.to_thread(worker.call, "alice", "update", **update)
        assert again["error"] == "ApprovalRequired"
        worker.end()
    assert priority(house, made.id) == "High"


async def test_of_two_executors_one_wins(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as one, house.open(clock) as other:
        made = await call(one, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "x"})
        for number in range(5):
            values = {"Subject": f"change {number}"}
            await decide(one, await ask(one, house, made.id, **values))
            since = house.mark()
            house.org.faults.arm("same_second", method="PATCH")
            results = await asyncio.gather(
                *(update(each, house, made.id, **values) for each in (one, other, one, other)), return_exceptions=True
            )
            lost = [each for each in results if isinstance(each, BaseException)]
            assert len(lost) == 3, results
            assert {type(each) for each in lost} <= {Conflict, ApprovalRequired}
            assert len(house.sent("PATCH", since)) == 1
