"""How far does the memory of a whole gateway rise while the org sends more than anybody can hold?"""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from isthmus.core.http.answer import HEAVIEST, LIGHT, VALUE
from isthmus.core.http.wire import LARGEST

from .bodies import CHUNKED, DEEP, FRAMED, LARGE, MEGABYTE, bomb, forever, good, head
from .test_pages import LOCATOR, pages
from .upstream import answer, says

ALLOWED = 64 * MEGABYTE
PROCESS = Path(__file__).with_name("memory_process.py")
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is read from /proc, which only Linux has")
QUERY = {"system": "crm", "object": "Contact", "select": ["Name"], "limit": 200}


def holding(piece: bytes, size: int | None) -> bytes:
    """Return a page with one row, whose name is a list of so many bytes of a piece."""
    start, end = b'{"totalSize":1,"done":true,"records":[{"Id":"003000000000001AAA","Name":[', b"0]}]}"
    return start + piece * (1 if size is None else size // len(piece)) + end


def as_many(piece: bytes, marks: int) -> bytes:
    """Return a page that weighs as much as one may, and nearly all of it in values."""
    return holding(piece, (HEAVIEST - 10_000) * len(piece) // (3 * len(piece) + marks * VALUE))


def names() -> bytes:
    """Return a page whose one row has as many fields as fit, each with another name."""
    one = b'"k%06d":{},'
    count = (HEAVIEST - 10_000) // (3 * len(one % 0) + 2 * VALUE)
    return holding(b"{" + b"".join(one % at for at in range(count)) + b'"k":0},', None)


def text(character: str, size: int) -> bytes:
    one = character.encode()
    return holding(b'"' + one * (size // len(one)) + b'",', size + 3)


def large_pages(at: int) -> bytes:
    row = {"attributes": {"type": "Contact"}, "Id": f"003{at:012}AAA", "Name": "x" * MEGABYTE * 5}
    return answer(200, {"totalSize": 9, "done": False, "records": [row], "nextRecordsUrl": f"{LOCATOR}{at}"})


MOST_ASCII, MOST_WIDE = HEAVIEST // 3 - 1_000, HEAVIEST // 9 - 1_000
LIES = {
    "10 GB of gzip": bomb("gzip", 10),
    "10 GB of deflate": bomb("deflate", 10),
    "endless plain body": LARGE["endless plain body"],
    "endless chunks": LARGE["endless chunks"],
    "endless empty gzip members": LARGE["endless empty gzip members"],
    "all that a body may have": says(answer(200, b" " * LARGEST)),
    "all that a body may have, unpacked": bomb("gzip", 1),
    "deep arrays": says(answer(200, b"[" * DEEP + b"]" * DEEP)),
    "deep objects": says(answer(200, b'{"a":' * DEEP + b"1" + b"}" * DEEP)),
    "too many empty arrays": says(answer(200, holding(b"[],", 30 * MEGABYTE))),
    "as many empty arrays as fit": says(answer(200, as_many(b"[],", marks=2))),
    "as many objects as fit": says(answer(200, as_many(b'{"a":1},', marks=2))),
    "as many objects with two names as fit": says(answer(200, as_many(b'{"a":1.5,"b":2.5},', marks=3))),
    "as many names as fit": says(answer(200, names())),
    "as many numbers as fit": says(answer(200, as_many(b"1.5,", marks=1))),
    "as many short texts as fit": says(answer(200, as_many(b'"ab",', marks=1))),
    "as much text as fits": says(answer(200, text("x", MOST_ASCII))),
    "as much wide text as fits": says(answer(200, text("\U0001f600", MOST_WIDE))),
    "just below what is weighed": says(answer(200, holding(b'{"a":1},', LIGHT - 100))),
    "an integer of 10^6 digits": says(answer(200, good()[:-1] + b', "A": ' + b"9" * DEEP + b"}")),
    "pages of 5 MB without end": pages(large_pages),
    "endless trailers": forever(head(CHUNKED) + b"2\r\n{}\r\n0\r\n", b"X: y\r\n" * 1_000),
    "a header of 1 MB": FRAMED["a header of 1 MB"],
    "shorter than told": says(answer(200, b" " * 30 * MEGABYTE, length=40 * MEGABYTE), close=True),
    "flood of 1xx": forever(b"", b"HTTP/1.1 102 Processing\r\n\r\n" * 1_000),
}
SOME = ("10 GB of gzip", "as many objects as fit", "pages of 5 MB without end")


async def attacked(house, upstream, lie) -> dict:
    house.call_timeout = 15
    told = {"config": str(house.write()), "environ": house.environ, "tool": "query", "arguments": QUERY}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(PROCESS), stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )

    async def once_warm() -> None:
        while not upstream.was_asked("GET", "FROM Contact"):  # noqa: ASYNC110 - it has no event for it
            await asyncio.sleep(0.01)
        upstream.lies(lie, "GET", "FROM Contact")
        upstream.lies(lie, "GET", LOCATOR)

    warm = asyncio.create_task(once_warm())
    out, _ = await process.communicate(json.dumps(told).encode())
    warm.cancel()
    return json.loads(out)


async def check(house, upstream, name):
    found = await attacked(house, upstream, LIES[name])
    print(f"{name}: {found['ended']}, {found['growth'] / MEGABYTE:.1f} MB, {found['seconds']:.2f} s")
    assert found["growth"] <= ALLOWED
    assert found["seconds"] < 15 + 1


@pytest.mark.parametrize("name", SOME)
async def test_memory_stays_bounded(house, upstream, name):
    await check(house, upstream, name)


@pytest.mark.soak
@pytest.mark.parametrize("name", LIES)
async def test_memory_stays_bounded_whatever_is_sent(house, upstream, name):
    await check(house, upstream, name)
