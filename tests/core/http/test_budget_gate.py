import asyncio

import pytest

from isthmus.core.budgets import Rules
from isthmus.core.errors import QuotaExhausted, RetryLater
from isthmus.core.http import path
from isthmus.core.resilience import BreakerRules, Deadline, RetryPolicy

TICKET = path("/Ticket/{}", "1")


async def test_the_reserved_permit_is_used_first_and_once(connect, upstream):
    connection = connect(upstream.url, rules=Rules(allowance=10, reserve=0.0))
    permit = await connection.budget.acquire(1, "planner", Deadline.after(1))
    http = connection.http("read", permit=permit)
    await http.get(TICKET)
    await http.get(TICKET)
    permit.release_unused()
    assert http.scope.meter.quota_spent == 2
    with pytest.raises(QuotaExhausted):
        await spend(connection, 9)
    assert len(upstream.requests) == 10


async def test_an_unused_permit_goes_back(connect, upstream):
    connection = connect(upstream.url, rules=Rules(allowance=1, reserve=0.0))
    permit = await connection.budget.acquire(1, "planner", Deadline.after(1))
    permit.release_unused()
    permit.release_unused()
    await spend(connection, 1)
    with pytest.raises(QuotaExhausted):
        await spend(connection, 1)


async def test_a_refused_request_costs_nothing(connect, unused_tcp_port, sleep_log):
    connection = connect(f"http://127.0.0.1:{unused_tcp_port}", clock=sleep_log, rules=Rules(allowance=1, reserve=0.0))
    http = connection.http("read")
    with pytest.raises(RetryLater):
        await http.get(TICKET)
    assert http.scope.meter.attempts == 3


async def test_sends_nothing_beyond_what_the_org_reported(connect, upstream, reply):
    upstream.script.extend(reply(200, x_quota=f"{used}/20") for used in range(11, 60))
    connection = connect(upstream.url, rules=Rules(reserve=0.2))
    await spend(connection, 1)
    results = await asyncio.gather(*(spend(connection, 1) for _ in range(20)), return_exceptions=True)
    refused = [one for one in results if isinstance(one, QuotaExhausted)]
    # 20 with 11 used leaves 9, of which people keep 4.
    assert len(upstream.requests) == 1 + 5
    assert len(refused) == 15


async def test_after_the_first_send_a_spent_budget_is_no_refusal(connect, upstream):
    connection = connect(upstream.url, rules=Rules(allowance=1, reserve=0.0))
    http = connection.http("read")
    await http.get(TICKET)
    with pytest.raises(RetryLater) as caught:
        await http.get(TICKET)
    assert caught.value.quota
    assert caught.value.after > 0


async def test_an_exhausted_org_is_left_alone(connect, upstream, reply):
    upstream.script.append(reply(403, b"{}", Retry_After="3600"))
    connection = connect(upstream.url)
    with pytest.raises(RetryLater) as caught:
        await connection.http("read").get(TICKET)
    assert caught.value.quota
    with pytest.raises(QuotaExhausted) as refused:
        await connection.http("read").get(TICKET)
    assert refused.value.resets_at is not None
    assert len(upstream.requests) == 1


async def test_a_throttle_holds_every_call(connect, upstream, reply):
    upstream.script.append(reply(429, Retry_After="1"))
    connection = connect(upstream.url, retry=RetryPolicy(attempts=1))
    loop = asyncio.get_running_loop()
    with pytest.raises(RetryLater):
        await connection.http("create").post(path("/Ticket"), json={})
    start = loop.time()
    await asyncio.gather(*(connection.http("read").get(TICKET) for _ in range(3)))
    assert 0.9 < loop.time() - start < 2.0


async def test_an_open_breaker_costs_no_quota(connect, upstream, reply, sleep_log):
    upstream.script.extend([reply(503)] * 2)
    connection = connect(
        upstream.url, clock=sleep_log, breaker=BreakerRules(least=2, pause=30.0), rules=Rules(allowance=3, reserve=0.0)
    )
    with pytest.raises(RetryLater):
        await connection.http("read").get(TICKET)
    http = connection.http("create")
    with pytest.raises(RetryLater) as caught:
        await http.post(path("/Ticket"), json={})
    assert "left alone" in str(caught.value)
    assert http.scope.meter.quota_spent == 0
    assert len(upstream.requests) == 2


async def test_half_open_sends_one_read_and_no_write(connect, upstream, reply, sleep_log):
    connection = connect(upstream.url, clock=sleep_log, breaker=BreakerRules(least=2, pause=5.0))
    upstream.script.extend([reply(503)] * 2)
    with pytest.raises(RetryLater):
        await connection.http("read").get(TICKET)
    await sleep_log.sleep(10)

    async def slow(writer):
        await asyncio.sleep(0.1)
        writer.write(reply())

    upstream.script.append(slow)
    calls = [connection.http("create").post(path("/Ticket"), json={}) for _ in range(5)]
    calls += [connection.http("read").get(TICKET) for _ in range(10)]
    results = await asyncio.gather(*calls, return_exceptions=True)
    assert [one.status for one in results if not isinstance(one, Exception)] == [200]
    assert [seen.method for seen in upstream.requests] == ["GET"] * 3
    await connection.http("create").post(path("/Ticket"), json={})


async def spend(connection, times):
    for _ in range(times):
        await connection.http("read", seconds=3).get(TICKET)
