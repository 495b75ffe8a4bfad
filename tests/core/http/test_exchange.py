"""Is what leaves the request that was meant, and what comes back the answer to it?"""

import asyncio
import io
from contextlib import asynccontextmanager

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.errors import UpstreamError, UpstreamRejected
from isthmus.core.http import path
from isthmus.core.http.exchange import MOST_INTERIM, head_of
from isthmus.core.http.wire import INLINE
from isthmus.core.streams import Upload

TICKET, TICKETS = path("/Ticket/{}", "1"), path("/Ticket")
OK = b"HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
TOO_LARGE = b"HTTP/1.1 413 X\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"
LARGE = 8 << 20


@asynccontextmanager
async def server_of(serve):
    """Serve every connection by a coroutine function, and yield the URL."""

    async def one(reader, writer):
        try:
            await serve(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(one, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


async def test_a_request_is_written_as_it_is(connect):
    heads = []

    async def serve(reader, writer):
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(OK)
        await reader.readexactly(7)

    async with server_of(serve) as url:
        # What concerns the connection is never a connector's to say.
        named = {"expect": "100-continue", "content-length": "9", "transfer-encoding": "chunked", "upgrade": "h2c"}
        await connect(url).http("create").post(TICKETS, json={"a": 1}, params={"q": "ä b"}, headers=named)
    assert heads[0].decode().splitlines() == [
        "POST /Ticket?q=%C3%A4%20b HTTP/1.1",
        "accept: application/json",
        "content-type: application/json",
        f"host: {url.removeprefix('http://')}",
        "Authorization: Bearer token-1",
        "user-agent: isthmus",
        "accept-encoding: gzip, deflate",
        "content-length: 7",
        "",
    ]


TEXT = st.binary(max_size=12) | st.sampled_from(
    [b"a\r\nb: c", b"a\nb: c", b"a\rb", b"\r\n\r\nGET / HTTP/1.1", b"\0", b"x y"]
)
METHOD = st.sampled_from(["GET", "POST", "GET /x HTTP/1.1\r\nA: b\r\n\r\nGET", "A B"])


@given(METHOD, TEXT, st.lists(st.tuples(TEXT, TEXT), max_size=4))
def test_no_part_of_a_head_ends_a_line_early(method, target, headers):
    parts = [method.encode(), target, *(part for pair in headers for part in pair)]
    sound = not any(mark in part for part in parts for mark in (b"\r", b"\n", b"\0"))
    if sound and b" " not in method.encode() + target:
        lines = [b"%b %b HTTP/1.1" % (method.encode(), target), *(b"%b: %b" % pair for pair in headers)]
        assert head_of(method, target, headers).split(b"\r\n") == [*lines, b"", b""]
        return
    with pytest.raises(ValueError, match="control character"):
        head_of(method, target, headers)


async def test_answers_that_only_say_that_one_will_come_are_passed_over(connect, upstream):
    upstream.script.append(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n" + OK)
    connection = connect(upstream.url)
    for _ in range(2):
        assert (await connection.http().get(TICKET)).json() == {}
    assert upstream.connections == 1


async def test_they_do_not_come_for_ever(connect, upstream):
    upstream.script.extend(
        b"HTTP/1.1 103 Early Hints\r\n\r\n" * number + OK for number in (MOST_INTERIM, MOST_INTERIM + 1)
    )
    await connect(upstream.url).http("create").post(TICKETS, json={})
    with pytest.raises(UpstreamError, match="not known"):
        await connect(upstream.url).http("create").post(TICKETS, json={})


@pytest.mark.parametrize("later", [False, True], ids=["with the answer", "a moment later"])
async def test_what_comes_unasked_is_not_read_as_the_next_answer(connect, upstream, later):
    unasked = b'HTTP/1.1 200 X\r\nContent-Type: application/json\r\nContent-Length: 14\r\n\r\n{"own": false}'

    async def more(writer):
        writer.write(OK if later else OK + unasked)
        if later:
            await asyncio.sleep(0.05)
            writer.write(unasked)

    upstream.script.append(more)
    connection = connect(upstream.url)
    assert (await connection.http().get(TICKET)).json() == {}
    await asyncio.sleep(0.2 * later)
    assert (await connection.http().get(TICKET)).json() == {}
    assert upstream.connections == 2


async def test_it_is_seen_before_the_loop_has_heard_of_it(connect):
    opened = []

    async def serve(reader, writer):
        opened.append(writer)
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(OK)

    async with server_of(serve) as url:
        connection = connect(url)
        for _ in range(2):
            await connection.http().get(TICKET)
        assert len(opened) == 1
        asking = asyncio.ensure_future(connection.http().get(TICKET))
        # In the turn in which the task begins to ask; the connection is readable, but its data are not read yet.
        opened[0].write(b"HTTP/1.1 200 X\r\nContent-Length: 14\r\n\r\n" + b'{"own": false}')
        assert (await asking).json() == {}
        assert len(opened) == 2


async def test_a_refusal_is_heard_before_all_is_written(connect):
    opened = []

    async def serve(reader, writer):
        opened.append(writer)
        await reader.readuntil(b"\r\n\r\n")
        writer.write(TOO_LARGE)
        await asyncio.sleep(5)

    async with server_of(serve) as url:
        connection = connect(url)
        for _ in range(2):
            http = connection.http("create", seconds=4)
            with pytest.raises(UpstreamRejected):
                await http.post(TICKETS, content=bytes(LARGE), headers={"content-type": "text/csv"})
    # What is left of the first body is not written into the second request.
    assert len(opened) == 2


@pytest.mark.parametrize("size", [0, 1, INLINE, INLINE + 1, 3 * INLINE])
async def test_a_body_of_any_size_arrives_and_the_connection_stays(connect, upstream, size):
    connection, body = connect(upstream.url), bytes(range(256)) * (size // 256) + bytes(size % 256)
    for _ in range(2):
        await connection.http("create").post(TICKETS, content=body, headers={"content-type": "text/csv"})
    assert [one.body for one in upstream.requests] == [body, body]
    assert {one.headers["content-length"] for one in upstream.requests} == {str(size)}
    assert upstream.connections == 1


async def test_a_file_that_cannot_be_read_on_breaks_its_request_off(connect, upstream):
    class Torn(io.BytesIO):
        def read(self, size=-1):
            if self.tell() >= INLINE:
                raise OSError("the disk is gone")
            return super().read(INLINE)

    file = Upload("a.bin", "text/plain", LARGE, "0" * 64, lambda: Torn(bytes(LARGE)))
    with pytest.raises(UpstreamError, match="the connection was lost: what became of it is not known"):
        await connect(upstream.url).http("create", seconds=4).upload(TICKETS, file)
    assert not upstream.requests
