import asyncio
import time

import pytest

from isthmus.core.errors import RetryLater, UpstreamError, UpstreamRejected, VersionConflict
from isthmus.core.http import path
from isthmus.core.resilience import RetryPolicy

TICKET = path("/Ticket/{}", "1")
WRITES = {"create": ("POST", path("/Ticket")), "update": ("PATCH", TICKET), "delete": ("DELETE", TICKET)}


async def drop(writer):
    writer.close()


async def half(writer):
    writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n{")
    await writer.drain()
    writer.close()


async def garbage(writer):
    writer.write(b"\x00\x01\x02 nonsense\r\n\r\n")
    await writer.drain()
    writer.close()


@pytest.mark.parametrize("fault", [drop, half, garbage, 500, 503, 409, 429])
async def test_a_read_is_repeated(connect, upstream, reply, sleep_log, fault):
    upstream.script.append(reply(fault) if isinstance(fault, int) else fault)
    http = connect(upstream.url, clock=sleep_log).http("read")
    assert (await http.get(TICKET)).status == 200
    assert len(upstream.requests) == 2
    assert http.scope.meter.attempts == 2


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("fault", [drop, half, garbage, 500, 502, 503, 504])
async def test_a_write_is_sent_once_and_its_outcome_unknown(connect, upstream, reply, sleep_log, verb, fault):
    upstream.script.append(reply(fault) if isinstance(fault, int) else fault)
    http = connect(upstream.url, clock=sleep_log).http(verb)
    with pytest.raises(UpstreamError) as caught:
        await http.request(*WRITES[verb])
    assert caught.value.reason == "no_answer"
    assert not caught.value.retryable
    assert len(upstream.requests) == 1
    assert (http.scope.meter.write_sent, http.scope.meter.write_answered) == (True, False)


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("status", [409, 429])
async def test_a_write_that_was_turned_away_for_now_is_repeated(connect, upstream, reply, sleep_log, verb, status):
    upstream.script.append(reply(status))
    http = connect(upstream.url, clock=sleep_log).http(verb)
    assert (await http.request(*WRITES[verb])).status == 200
    meter = http.scope.meter
    assert (len(upstream.requests), meter.writes_sent, meter.writes_answered, meter.writes_done) == (2, 2, 2, 1)
    assert len(sleep_log.slept) == 1


@pytest.mark.parametrize("second", [drop, 503])
async def test_a_repeated_write_whose_answer_is_lost_is_unknown(connect, upstream, reply, sleep_log, second):
    upstream.script.extend([reply(429), reply(second) if isinstance(second, int) else second])
    http = connect(upstream.url, clock=sleep_log).http("create")
    with pytest.raises(UpstreamError) as caught:
        await http.request(*WRITES["create"])
    assert caught.value.reason == "no_answer"
    assert len(upstream.requests) == 2
    assert not http.scope.meter.write_answered


async def test_a_write_is_not_repeated_on_what_has_changed_meanwhile(connect, upstream, reply, sleep_log):
    async def changed():
        raise VersionConflict("it changed")

    upstream.script.append(reply(409))
    http = connect(upstream.url, clock=sleep_log).http("update")
    with pytest.raises(VersionConflict):
        await http.patch(TICKET, json={}, unchanged=changed)
    assert len(upstream.requests) == 1
    assert http.scope.meter.write_answered


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize(("status", "error"), [(403, RetryLater), (400, UpstreamRejected)])
async def test_a_refused_write_is_answered_and_not_repeated(connect, upstream, reply, sleep_log, verb, status, error):
    upstream.script.append(reply(status))
    http = connect(upstream.url, clock=sleep_log).http(verb)
    with pytest.raises(error):
        await http.request(*WRITES[verb])
    assert len(upstream.requests) == 1
    assert http.scope.meter.write_answered


@pytest.mark.parametrize("operation", ["read", "create"])
async def test_what_never_left_is_repeated_whatever_it_does(connect, unused_tcp_port, sleep_log, operation):
    http = connect(f"http://127.0.0.1:{unused_tcp_port}", clock=sleep_log).http(operation)
    with pytest.raises(RetryLater) as caught:
        await (http.post(path("/Ticket"), json={}) if operation == "create" else http.get(TICKET))
    assert "Nothing was sent" in str(caught.value)
    meter = http.scope.meter
    assert (meter.attempts, meter.sends, meter.write_sent, meter.quota_spent) == (3, 0, False, 0)


async def test_a_put_is_not_repeated_on_a_stale_connection(connect, upstream, reply):
    """The pool below would do so by itself."""
    connection = connect(upstream.url)
    await connection.http("read").get(TICKET)
    upstream.script.append(drop)
    http = connection.http("update")
    with pytest.raises(UpstreamError):
        await http.put(TICKET, json={})
    assert [seen.method for seen in upstream.requests] == ["GET", "PUT"]


@pytest.mark.parametrize(
    ("headers", "least"),
    [
        ({"Retry_After": "4"}, 4.0),
        ({"Retry_After": "1.5"}, 1.5),
        ({"Retry_After": "-5"}, 0.0),
        ({"Retry_After": "soon"}, 0.0),
        ({"Retry_After": "2\r\nRetry-After: 6"}, 6.0),
        ({"Retry_After": "Sun, 06 Nov 1994 08:49:37 GMT"}, 0.0),
    ],
)
async def test_never_earlier_than_asked(connect, upstream, reply, sleep_log, headers, least):
    upstream.script.append(reply(503, **headers))
    await connect(upstream.url, clock=sleep_log).http("read").get(TICKET)
    assert least <= sum(sleep_log.slept) <= least + 1.0


async def test_a_date_is_measured_by_the_system_own_clock(connect, upstream, reply, sleep_log, http_date):
    skewed = time.time() - 3600
    upstream.script.append(reply(503, Date=http_date(skewed), Retry_After=http_date(skewed + 4)))
    await connect(upstream.url, clock=sleep_log).http("read").get(TICKET)
    assert 4.0 <= sum(sleep_log.slept) <= 5.0


@pytest.mark.parametrize("asked", ["60", "99999999999999999999"])
async def test_a_wait_that_does_not_fit_fails_at_once(connect, upstream, reply, sleep_log, asked):
    upstream.script.append(reply(503, Retry_After=asked))
    with pytest.raises(RetryLater) as caught:
        await connect(upstream.url, clock=sleep_log).http("read", seconds=5).get(TICKET)
    assert caught.value.after == min(float(asked), 366 * 86_400.0)
    assert sleep_log.slept == []
    assert len(upstream.requests) == 1


async def test_attempts_are_bounded_and_the_vendor_text_stays_apart(connect, upstream, reply, sleep_log):
    upstream.script.extend([reply(503, b'{"secret": "value"}')] * 5)
    with pytest.raises(RetryLater) as caught:
        await connect(upstream.url, clock=sleep_log).http("read").get(TICKET)
    assert len(upstream.requests) == 3
    assert "value" not in str(caught.value)
    assert "value" in caught.value.vendor_text


async def test_an_outage_earns_few_retries(connect, upstream, reply, sleep_log):
    upstream.script.extend([reply(503)] * 2_000)
    connection = connect(upstream.url, clock=sleep_log, retry=RetryPolicy(base=0.0), breaker=None)
    calls = 300
    for _ in range(calls):
        with pytest.raises(RetryLater):
            await connection.http("read", seconds=600).get(TICKET)
    assert len(upstream.requests) <= calls * 1.1 + 10


async def test_a_slow_drip_ends_at_the_deadline_and_the_socket_is_closed(connect, upstream):
    async def drip(writer):
        writer.write(b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n")
        while not writer.is_closing():
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(0.02)

    upstream.script.append(drip)
    http = connect(upstream.url).http("read", seconds=0.3)
    start = time.monotonic()
    with pytest.raises(RetryLater):
        await http.get(TICKET)
    assert time.monotonic() - start < 2, "the whole answer takes 20 seconds"
    await asyncio.wait_for(upstream.closed.wait(), 5)


async def test_a_write_cut_by_the_deadline_is_no_refusal(connect, upstream):
    async def stall(writer):
        await asyncio.sleep(5)

    upstream.script.append(stall)
    http = connect(upstream.url).http("create", seconds=0.2)
    with pytest.raises(UpstreamError) as caught:
        await http.post(path("/Ticket"), json={})
    assert caught.value.reason == "no_answer"
    assert (http.scope.meter.write_sent, http.scope.meter.write_answered) == (True, False)


async def test_a_caller_who_leaves_closes_the_socket(connect, upstream):
    async def stall(writer):
        await asyncio.wait_for(upstream.closed.wait(), 5)

    upstream.script.append(stall)
    http = connect(upstream.url).http("create")
    task = asyncio.ensure_future(http.post(path("/Ticket"), json={}))
    await upstream.asked.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert (http.scope.meter.write_sent, http.scope.meter.write_answered) == (True, False)


async def test_a_connector_may_take_a_status_as_an_answer(connect, upstream, reply):
    upstream.script.append(reply(404))
    found = await connect(upstream.url).http("read").get(TICKET, passing=(404,))
    assert found.status == 404
