"""What becomes of a write whose answer is lost: done once, not done, or unknown and then settled, but never twice?"""

import asyncio

import pytest
from tests.conftest import call

from isthmus.core.errors import Conflict, OutcomeUnknown, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.journal import IntentState

from .conftest import FastClock, Home

TOO_LATE = 700.0
"""Seconds after which no transaction of the org can still be running."""


@pytest.fixture
async def case(gateway: Gateway, house: Home) -> str:
    made = await call(gateway, house.caller("eu"), "create", system="crm", object="Case", values={"Subject": "before"})
    return made.id


async def sent(house: Home, method: str, since: int = 0) -> None:
    while not house.sent(method, since):  # noqa: ASYNC110 - the sandbox has no event for it
        await asyncio.sleep(0.01)


def effects(house: Home, since: int) -> list[str]:
    return [effect.action for entry in house.sent(since=since) for effect in entry.effects]


async def do(gateway: Gateway, house: Home, verb: str, case: str):
    arguments = {
        "create": {"object": "Case", "values": {"Subject": "lost"}},
        "keyless": {"object": "Lead", "values": {"LastName": "Lost", "Company": "Nowhere"}},
        "update": {"object": "Case", "id": case, "values": {"Subject": "lost"}},
        "upsert": {"object": "Case", "key_field": "Isthmus_Key__c", "key": "k-1", "values": {"Subject": "lost"}},
        "delete": {"object": "Case", "id": case},
    }[verb]
    tool = "create" if verb == "keyless" else verb
    return await call(gateway, house.caller("eu"), tool, system="crm", **arguments)


METHODS = {"create": "POST", "keyless": "POST", "update": "PATCH", "upsert": "PATCH", "delete": "DELETE"}
ACTIONS = {"create": "created", "keyless": "created", "update": "updated", "upsert": "created", "delete": "deleted"}


@pytest.mark.parametrize(
    ("verb", "mishap"),
    [*((verb, "lost_answer") for verb in ("create", "update", "upsert", "delete")), ("create", "server_error")],
)
async def test_a_lost_answer_is_read_back_and_the_write_is_done_once(
    gateway: Gateway, house: Home, case: str, verb: str, mishap: str
) -> None:
    since = house.mark()
    details = {"committed": True} if mishap == "server_error" else {}
    house.org.faults.arm(mishap, method=METHODS[verb], **details)
    done = await do(gateway, house, verb, case)
    assert effects(house, since) == [ACTIONS[verb]]
    assert len(house.sent(METHODS[verb], since)) == 1
    assert gateway.parts.journal.view().open_intents() == ()
    if verb != "create":
        assert done.id == (case if verb != "upsert" else house.cases(Isthmus_Key__c="k-1")[0]["Id"])


@pytest.mark.parametrize("verb", ["create", "update", "upsert", "delete", "keyless"])
async def test_a_write_that_may_still_come_stays_unknown_and_blocks_its_twin(
    gateway: Gateway, house: Home, clock: FastClock, case: str, verb: str
) -> None:
    house.org.faults.arm("server_error", method=METHODS[verb])
    with pytest.raises(OutcomeUnknown) as unknown:
        await do(gateway, house, verb, case)
    since = house.mark()
    with pytest.raises(OutcomeUnknown) as again:
        await do(gateway, house, verb, case)
    assert again.value.intent == unknown.value.intent
    assert house.sent(METHODS[verb], since) == []
    clock.jump(TOO_LATE)
    if verb == "keyless":
        with pytest.raises(OutcomeUnknown):
            await do(gateway, house, verb, case)
        assert house.sent(METHODS[verb], since) == []
        return
    await do(gateway, house, verb, case)
    assert effects(house, since) == [ACTIONS[verb]]
    assert gateway.parts.journal.view().intent(unknown.value.intent).state is IntentState.NOT_HAPPENED


@pytest.mark.parametrize("verb", ["create", "update", "upsert", "delete"])
async def test_the_identical_call_later_gets_the_settled_outcome(
    gateway: Gateway, house: Home, clock: FastClock, case: str, verb: str
) -> None:
    since = house.mark()
    house.org.faults.arm("slow", method=METHODS[verb], seconds=0.2)
    house.org.faults.arm("lost_answer", method=METHODS[verb])
    task = asyncio.create_task(do(gateway, house, verb, case))
    await sent(house, METHODS[verb], since)
    house.org.faults.arm("unavailable", times=50, method="GET")
    with pytest.raises(OutcomeUnknown) as unknown:
        await task
    house.org.faults.clear()
    clock.jump(120)
    await do(gateway, house, verb, case)
    assert effects(house, since) == [ACTIONS[verb]]
    assert gateway.parts.journal.view().intent(unknown.value.intent).state is IntentState.HAPPENED


async def test_a_write_that_was_accepted_is_not_called_undone_because_a_later_read_failed(
    house: Home, clock: FastClock
) -> None:
    house.api_version = "45.0"
    async with house.open(clock) as gateway:
        await do(gateway, house, "upsert", "")
        since = house.mark()
        house.org.faults.arm("html_200", method="GET")
        upsert = {"object": "Case", "key_field": "Isthmus_Key__c", "key": "k-1", "values": {"Subject": "other"}}
        done = await call(gateway, house.caller("eu"), "upsert", system="crm", **upsert)
    assert done.id == house.cases(Isthmus_Key__c="k-1")[0]["Id"]
    assert effects(house, since) == ["updated"]


async def test_an_update_that_left_the_version_as_it_was_is_not_called_undone(
    gateway: Gateway, house: Home, clock: FastClock, case: str
) -> None:
    house.org.faults.arm("same_second", method="PATCH")
    house.org.faults.arm("lost_answer", method="PATCH")
    with pytest.raises(OutcomeUnknown) as unknown:
        await do(gateway, house, "update", case)
    assert house.cases(Id=case)[0]["Subject"] == "lost"
    clock.jump(TOO_LATE)
    settled = await gateway.settler.settle_all()
    assert [(one.id, one.state) for one in settled] == [(unknown.value.intent, IntentState.UNKNOWN)]


async def test_a_repeated_key_gets_the_stored_outcome_and_other_arguments_conflict(
    gateway: Gateway, house: Home
) -> None:
    caller = house.caller("eu")
    create = {"system": "crm", "object": "Case", "key": "mail-17"}
    first = await call(gateway, caller, "create", values={"Subject": "one"}, **create)
    since = house.mark()
    assert (await call(gateway, caller, "create", values={"Subject": "one"}, **create)).id == first.id
    with pytest.raises(Conflict, match="other arguments"):
        await call(gateway, caller, "create", values={"Subject": "two"}, **create)
    assert house.sent("POST", since) == []
    assert len(house.cases(Isthmus_Key__c="mail-17")) == 1


async def test_a_key_of_somebody_else_is_another_key(gateway: Gateway, house: Home) -> None:
    create = {"system": "crm", "object": "Lead", "key": "mail-17", "values": {"LastName": "Two", "Company": "X"}}
    ours = await call(gateway, house.caller("eu", "alice"), "create", **create)
    theirs = await call(gateway, house.caller("eu", "bob"), "create", **create)
    assert ours.id != theirs.id


async def test_a_rejected_key_can_be_used_again(gateway: Gateway, house: Home) -> None:
    caller = house.caller("eu")
    with pytest.raises(UpstreamRejected):
        await call(gateway, caller, "create", system="crm", object="Lead", key="k", values={"LastName": "No company"})
    good = {"LastName": "Company", "Company": "X"}
    assert (await call(gateway, caller, "create", system="crm", object="Lead", key="k", values=good)).created


async def test_the_same_call_at_the_same_time_is_sent_once(gateway: Gateway, house: Home) -> None:
    house.org.faults.arm("slow", method="POST", path="/sobjects/", seconds=0.5)
    caller = house.caller("eu")
    create = {"system": "crm", "object": "Case", "key": "twin", "values": {"Subject": "twin"}}
    tasks = [asyncio.create_task(call(gateway, caller, "create", **create)) for _ in range(3)]
    await sent(house, "POST")
    tasks.append(asyncio.create_task(call(gateway, caller, "create", **create)))
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert isinstance(results[-1], Conflict), "it came while the first was under way"
    assert "under way" in str(results[-1])
    rows = house.cases(Isthmus_Key__c="twin")
    assert len(rows) == 1
    assert {one.id for one in results if not isinstance(one, Conflict)} == {rows[0]["Id"]}
    assert len(house.sent("POST")) == 1


async def test_cancelling_the_caller_does_not_stop_settlement(gateway: Gateway, house: Home) -> None:
    caller = house.caller("eu")
    create = {"system": "crm", "object": "Case", "key": "gone", "values": {"Subject": "gone"}}
    house.org.faults.arm("slow", method="POST", path="/sobjects/", seconds=0.3)
    house.org.faults.arm("lost_answer", method="POST")
    task = asyncio.create_task(call(gateway, caller, "create", **create))
    await sent(house, "POST")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gateway.drain()
    assert gateway.parts.journal.view().open_intents() == ()
    since = house.mark()
    again = await call(gateway, caller, "create", **create)
    assert again.id == house.cases(Isthmus_Key__c="gone")[0]["Id"]
    assert house.sent("POST", since) == []


async def test_a_gateway_that_closes_settles_what_is_under_way(house: Home, clock: FastClock) -> None:
    create = {"system": "crm", "object": "Case", "key": "late", "values": {"Subject": "late"}}
    house.org.faults.arm("lost_answer", method="POST")
    async with house.open(clock) as gateway:
        task = asyncio.create_task(call(gateway, house.caller("eu"), "create", **create))
        await sent(house, "POST")
        task.cancel()
    async with house.open(clock) as gateway:
        assert gateway.parts.journal.view().open_intents() == ()
    assert len(house.cases(Isthmus_Key__c="late")) == 1


async def test_a_settlement_under_way_at_closing_is_left_to_the_next_process(
    house: Home, clock: FastClock, caplog: pytest.LogCaptureFixture
) -> None:
    async with house.open(clock) as gateway:
        house.org.faults.arm("server_error", method="POST")
        with pytest.raises(OutcomeUnknown):
            await do(gateway, house, "create", "")
        clock.jump(TOO_LATE)
        since = house.mark()
        house.org.faults.arm("slow", times=9, method="GET", seconds=0.3)
        settling = asyncio.create_task(gateway.settler.settle_all())
        await sent(house, "GET", since)
    with pytest.raises(asyncio.CancelledError):
        await settling
    house.org.faults.clear()
    clock.jump(TOO_LATE)
    async with house.open(clock) as gateway:
        await gateway.settler.settle_all()
        assert gateway.parts.journal.view().open_intents() == ()
    assert [one.message for one in caplog.records if one.name == "asyncio"] == []


async def test_a_keyless_write_that_was_settled_in_the_background_is_not_done_again(
    gateway: Gateway, house: Home, clock: FastClock, case: str
) -> None:
    since = house.mark()
    house.org.faults.arm("slow", method="POST", seconds=0.2)
    house.org.faults.arm("lost_answer", method="POST")
    task = asyncio.create_task(do(gateway, house, "create", case))
    await sent(house, "POST", since)
    house.org.faults.arm("unavailable", times=50, method="GET")
    with pytest.raises(OutcomeUnknown, match="repeat exactly this call later"):
        await task
    house.org.faults.clear()
    clock.jump(TOO_LATE)
    await gateway.settler.settle_all()
    await do(gateway, house, "create", case)
    assert effects(house, since) == ["created"]
    await do(gateway, house, "create", case)
    assert effects(house, since) == ["created", "created"]  # told once; the next one is a new wish
