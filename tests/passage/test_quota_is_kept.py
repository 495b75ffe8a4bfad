"""Is nothing sent beyond the share of the org's quota, and does a call wait for it where its deadline allows?"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from tests.conftest import call

from isthmus.core.errors import CredentialError, QuotaExhausted, RetryLater
from isthmus.core.gateway import Gateway
from isthmus.core.http import AiohttpWire

from .conftest import FastClock, Home
from .workers import Worker

HOUR = 3600.0


async def read(gateway: Gateway, house: Home):
    return await call(gateway, house.caller("eu"), "query", system="crm", object="Case", select=["Subject"], limit=1)


def counted(house: Home) -> int:
    """Return how many calls the org has counted, by its own journal."""
    return len([one for one in house.sent() if one.status != 401])


async def test_a_spent_day_is_refused_with_its_reset_and_sends_nothing(
    gateway: Gateway, house: Home, clock: FastClock
) -> None:
    house.org.quota.set(used=15_000)
    with pytest.raises(RetryLater) as told:
        await read(gateway, house)
    assert told.value.quota
    since = house.mark()
    for _ in range(5):
        with pytest.raises(QuotaExhausted) as refused:
            await read(gateway, house)
    assert house.sent(since=since) == []
    ahead = refused.value.resets_at - datetime.fromtimestamp(clock.time(), UTC)
    assert timedelta(minutes=50) < ahead <= timedelta(hours=1)


@pytest.mark.parametrize("processes", [1, 2])
async def test_the_share_is_spent_to_the_end_and_the_reserve_is_kept(house: Home, processes: int) -> None:
    # Time as it is: hurried, a slow machine could pass the minute after which a silent process counts as dead.
    clock = FastClock(1)
    house.org.quota.set(maximum=100, used=0)
    async with house.open(clock) as one, house.open(clock) as other:
        gateways = [one, other][:processes]
        for gateway in gateways:
            await read(gateway, house)
        calls = (read(gateways[number % processes], house) for number in range(120))
        results = await asyncio.gather(*calls, return_exceptions=True)
        refused = [one for one in results if isinstance(one, BaseException)]
        assert {type(one) for one in refused} <= {QuotaExhausted}, refused
        assert all(one.resets_at for one in refused)
        assert 80 - 4 * processes <= counted(house) <= 80
        assert house.org.quota.remaining >= 20


async def test_another_process_keeps_to_the_same_share(house: Home, clock: FastClock) -> None:
    house.org.quota.set(maximum=60, used=0)
    async with house.open() as gateway:
        await read(gateway, house)
        with Worker(house) as worker:
            worker.start()
            said = []
            for _ in range(40):
                query = {"object": "Case", "select": ["Subject"], "limit": 1}
                said.append(await asyncio.to_thread(worker.call, "alice", "query", **query))
                said.append(await read_or_error(gateway, house))
            worker.end()
    assert {"QuotaExhausted"} == {one.get("error") for one in said if "error" in one}
    assert 40 <= counted(house) <= 48
    assert house.org.quota.remaining >= 12


async def read_or_error(gateway: Gateway, house: Home) -> dict[str, object]:
    try:
        await read(gateway, house)
    except QuotaExhausted as error:
        return {"error": type(error).__name__}
    return {}


async def test_a_call_waits_for_the_reset_that_its_deadline_reaches(house: Home, clock: FastClock) -> None:
    house.call_timeout = HOUR
    house.org.logins.idle = timedelta(days=7)
    async with house.open(clock) as gateway:
        house.org.quota.set(used=15_000)
        with pytest.raises(RetryLater):
            await read(gateway, house)
        since = house.mark()
        clock.jump(HOUR / 2)
        waiting = asyncio.create_task(read(gateway, house))
        await asyncio.sleep(0.1)
        assert house.sent(since=since) == []
        assert not waiting.done()
        house.sandbox.clock.advance(hours=24)
        clock.jump(HOUR / 2)
        assert len((await waiting).records) == 1


async def spend_the_day(gateway: Gateway, house: Home, clock: FastClock) -> int:
    """Leave nothing until an hour has passed, when the org has its quota back; return where its journal stands."""
    house.org.quota.set(used=15_000)
    with pytest.raises(RetryLater):
        await read(gateway, house)
    house.org.quota.set(used=0)
    clock.jump(HOUR + 1)
    return house.mark()


async def test_a_dead_login_does_not_use_up_the_question_whether_the_quota_is_back(
    gateway: Gateway, house: Home, clock: FastClock
) -> None:
    since = await spend_the_day(gateway, house, clock)
    house.org.faults.arm("expire_session")
    assert len((await read(gateway, house)).records) == 1
    assert [one.status for one in house.sent(since=since)][:2] == [401, 200]


async def test_logins_that_die_at_once_do_not_ask_more_than_twice(
    gateway: Gateway, house: Home, clock: FastClock
) -> None:
    since = await spend_the_day(gateway, house, clock)
    house.org.faults.arm("expire_session", times=20)
    with pytest.raises(CredentialError):
        await read(gateway, house)
    for _ in range(5):
        clock.jump(60)
        with pytest.raises(QuotaExhausted):
            await read(gateway, house)
    assert [one.status for one in house.sent(since=since)] == [401, 401]


async def test_a_write_whose_second_request_is_not_paid_for_is_not_done(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as gateway:
        caller = house.caller("eu")
        made = await call(gateway, caller, "create", system="crm", object="Case", values={"Subject": "before"})
        update = {"system": "crm", "object": "Case", "id": made.id, "values": {"Subject": "after"}}
        await call(gateway, caller, "update", **update | {"values": {"Subject": "warm"}})
        house.org.faults.arm("daily_limit", method="GET", path=f"/sobjects/Case/{made.id}")
        with pytest.raises(RetryLater):
            await call(gateway, caller, "update", **update)
        assert gateway.parts.journal.view().open_intents() == ()
    assert house.cases(Id=made.id)[0]["Subject"] == "warm"


class CrowdedWire(AiohttpWire):
    """Count the requests in flight and keep each for a moment."""

    busy = most = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        kind = type(self)
        kind.busy += 1
        kind.most = max(kind.most, kind.busy)
        await asyncio.sleep(0.01)
        try:
            return await super().handle_async_request(request)
        finally:
            kind.busy -= 1


@asynccontextmanager
async def crowd(house: Home) -> AsyncIterator[tuple[Gateway, type[CrowdedWire]]]:
    kind = type("Counted", (CrowdedWire,), {})
    async with house.open(FastClock(1), wire=lambda _, settings: kind(settings)) as gateway:
        yield gateway, kind


async def test_the_concurrent_limit_slows_down_and_fails_no_read(house: Home) -> None:
    async with crowd(house) as (gateway, wire):
        await asyncio.gather(*(read(gateway, house) for _ in range(40)))
        full = wire.most
        house.org.faults.arm("concurrent_limit")
        await read(gateway, house)
        wire.most = 0
        await asyncio.gather(*(read(gateway, house) for _ in range(40)))
        assert full > 12
        assert wire.most <= 11


async def test_an_agent_that_floods_does_not_starve_another(house: Home) -> None:
    house.budget += "\nconcurrency = 2"
    async with crowd(house) as (gateway, _):
        await read(gateway, house)
        flood = [asyncio.create_task(read(gateway, house)) for _ in range(60)]
        await asyncio.sleep(0.05)
        other = house.caller("eu")
        await gateway.session(type(other)("triage", "alice", "support", "model-eu", "", "desktop-eu")).call(
            "query", system="crm", object="Case", select=["Subject"], limit=1
        )
        assert sum(one.done() for one in flood) < 30
        await asyncio.gather(*flood)
