"""Is every answer read by the request that it belongs to, or by none?"""

import asyncio

import pytest

from isthmus.core.connector import Key
from isthmus.core.errors import UpstreamError
from isthmus.core.http import path

from .bodies import good, head
from .conftest import CASE
from .upstream import Exchange, answer, says

FORGED = answer(200, good(Subject="FORGED"))
TRUE = answer(200, good(Subject="true"))


EXTRAS = {
    "another answer": FORGED,
    "three answers": FORGED * 3,
    "a piece of one": FORGED[:40],
    "an interim answer": b"HTTP/1.1 100 Continue\r\n\r\n",
    "a blank line": b"\r\n",
    "no HTTP": b"x" * 100,
}


async def subject(path):
    return (await path("get").connector.get("Case", CASE, ("Subject",))).fields["Subject"]


@pytest.mark.parametrize("pause", [0.0, 0.001, 0.05])
@pytest.mark.parametrize("extra", EXTRAS)
async def test_what_follows_an_answer_is_not_read_by_the_next_request(bare, upstream, extra, pause):
    extra = EXTRAS[extra]

    async def twice(exchange: Exchange) -> None:
        await exchange.send(TRUE)
        await asyncio.sleep(pause)
        await exchange.send(extra)

    upstream.lies(twice, times=1)
    upstream.lies(TRUE)
    path = bare(upstream.url)
    assert await subject(path) == "true"
    await asyncio.sleep(pause * 1.5)
    assert await subject(path) == "true"
    if FORGED in extra:
        assert (upstream.connections, len(upstream.asked)) == (2, 2)


async def test_an_answer_still_in_the_socket_is_not_read_by_the_next_request(bare, upstream):
    writers = []

    async def keeps(exchange: Exchange) -> None:
        writers.append(exchange.writer)
        await exchange.send(TRUE)

    upstream.lies(keeps, times=1)
    upstream.lies(TRUE)
    path = bare(upstream.url)
    assert await subject(path) == "true"
    # Past the event loop, which has not heard of it when the next request is sent.
    with writers[0].transport.get_extra_info("socket").dup() as sock:
        sock.send(FORGED)
    assert await subject(path) == "true"
    assert (upstream.connections, len(upstream.asked)) == (2, 2)


async def test_one_connection_carries_many_honest_exchanges(bare, upstream):
    upstream.lies(TRUE)
    path = bare(upstream.url)
    for _ in range(20):
        assert await subject(path) == "true"
    assert upstream.connections == 1


async def test_no_answer_to_a_read_becomes_the_answer_to_a_write(bare, upstream):
    forged = answer(201, good(id="500000000000009AAA"))

    async def twice(exchange: Exchange) -> None:
        await exchange.send(TRUE)
        await asyncio.sleep(0.01)
        await exchange.send(forged)

    upstream.lies(twice, "GET", times=1)
    upstream.lies(answer(201, good()), "POST")
    path = bare(upstream.url)
    assert await subject(path) == "true"
    await asyncio.sleep(0.03)
    created = await path("create").connector.create("Case", {"Subject": "x"}, Key("Isthmus_Key__c", "k"))
    assert created.id == CASE


async def test_a_connection_that_was_closed_meanwhile_costs_no_write_its_outcome(bare, upstream):
    async def and_leaves(exchange: Exchange) -> None:
        await exchange.send(TRUE)
        exchange.close()

    upstream.lies(and_leaves, "GET")
    upstream.lies(b"HTTP/1.1 204 X\r\n\r\n", "PATCH")
    path = bare(upstream.url)
    for _ in range(5):
        assert await subject(path) == "true"
        called = path("update")
        await called.connector.update("Case", CASE, {"Subject": "x"}, None)
        assert called.meter.write_answered
        upstream.told[0].lie = and_leaves
    assert len(upstream.was_asked("PATCH")) == 5


@pytest.mark.parametrize("verb", ["get", "update"])
async def test_a_connection_that_dies_under_a_request_leaves_a_write_open(bare, upstream, verb):
    upstream.lies(TRUE, "GET", times=1)

    async def dies(exchange: Exchange) -> None:
        exchange.writer.transport.abort()

    upstream.lies(dies)
    path = bare(upstream.url)
    assert await subject(path) == "true"
    called = path(verb)
    asked = {
        "get": lambda crm: crm.get("Case", CASE, ("Subject",)),
        "update": lambda crm: crm.update("Case", CASE, {"Subject": "x"}, None),
    }
    with pytest.raises(UpstreamError):
        await asked[verb](called.connector)
    assert len(upstream.was_asked("PATCH")) == (verb == "update")
    assert (called.meter.write_sent, called.meter.write_answered) == (verb == "update", False)


@pytest.mark.parametrize("reads_on", [False, True])
async def test_an_answer_before_the_request_was_read_ends_in_time(bare, upstream, reads_on):
    async def early(exchange: Exchange) -> None:
        await exchange.send(answer(200, good()))
        if reads_on:
            await exchange.reader.readexactly(int(exchange.asked.headers["content-length"]))
        else:
            await asyncio.sleep(6)

    upstream.lies(early, "POST", times=1, early=True)
    upstream.lies(TRUE, "GET")
    bound = bare(upstream.url)
    called = bound("create", seconds=2.0)
    text = b'{"Description":"' + b"x" * (16 << 20) + b'"}'
    async with asyncio.timeout(5):
        try:
            await called.http.post(path("/services/data/v62.0/sobjects/Case"), content=text)
        except UpstreamError:
            assert not called.meter.write_answered
        else:
            assert called.meter.write_answered
    async with asyncio.timeout(5):
        assert await subject(bound) == "true"


async def test_an_answer_nobody_asked_for_is_nobodys(bare):
    async def greeting(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(FORGED + FORGED)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(TRUE)
        await reader.read()
        writer.close()

    server = await asyncio.start_server(greeting, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    path = bare(url)
    told = {await subject(path) for _ in range(5)}
    server.close()
    # Of a new connection only the first answer is read, and the connection is never used again.
    assert told == {"FORGED"}


async def test_answers_given_twice_never_cross_calls(bare, upstream):
    async def echo(exchange: Exchange) -> None:
        told = exchange.asked.path.rpartition("=")[2]
        await exchange.send(answer(200, good(Subject=told)) * 2)

    upstream.lies(echo)
    path = bare(upstream.url, connections=4)

    async def one(at: int) -> None:
        row = await path("get").connector.get("Case", CASE, ("Subject", f"F{at}__c"))
        assert row.fields["Subject"] == f"Id,Subject,F{at}__c"

    await asyncio.gather(*(one(at) for at in range(100)))
    assert len(upstream.asked) == 100


async def test_a_trailer_is_no_header(bare, upstream):
    tail = b"0\r\nContent-Type: text/html\r\nSet-Cookie: sid=x\r\nSforce-Limit-Info: api-usage=9/9\r\n\r\n"
    body = good()
    upstream.lies(head("Transfer-Encoding: chunked") + b"%x\r\n%s\r\n" % (len(body), body) + tail)
    path = bare(upstream.url)
    for _ in range(3):
        assert await subject(path) == "x"
    assert not any("cookie" in one.headers for one in upstream.asked)


async def test_a_byte_order_mark_is_no_text(bare, upstream):
    upstream.lies(says(answer(200, b"\xef\xbb\xbf" + good())))
    assert await subject(bare(upstream.url)) == "x"
