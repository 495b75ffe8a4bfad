"""Does every answer that cannot be believed end in a typed error, in time, and leave a write's outcome open?"""

import asyncio
import time

import pytest

from isthmus.core.connector import Key
from isthmus.core.errors import UpstreamError
from isthmus.core.records import Query

from .bodies import ENCODED, ENDLESS, FLOODS, FRAMED, LARGE, SLOW, STRANGE, UNREAD
from .conftest import CASE
from .upstream import Upstream, answer, says

LIES = LARGE | ENCODED | FRAMED | ENDLESS | STRANGE | {name: says(answer(200, body)) for name, body in UNREAD.items()}
READS = ("get", "query", "describe", "search")
METHODS = {"create": "POST", "update": "PATCH", "upsert": "PATCH", "delete": "DELETE"}
WRITES = tuple(METHODS)
GRACE, BUSY_GRACE = 1.0, 5.0
"""Seconds; whoever floods shares the event loop of these tests, and its sending is counted too."""


async def ask(connector, verb):
    values = {"Subject": "x"}
    match verb:
        case "get":
            return await connector.get("Case", CASE, ("Subject",))
        case "query":
            return await connector.query(Query("Case", ("Id", "Subject")))
        case "describe":
            return await connector.catalogue("Case")
        case "search":
            return await connector.search("words", {"Case": ("Subject",)}, 5)
        case "create":
            return await connector.create("Case", values, Key("Isthmus_Key__c", "k"))
        case "update":
            return await connector.update("Case", CASE, values, None)
        case "upsert":
            return await connector.upsert("Case", Key("Isthmus_Key__c", "k"), values)
        case "delete":
            return await connector.delete("Case", CASE, None)


@pytest.mark.parametrize("name", LIES)
async def test_a_read_ends_in_a_typed_error_in_time(bare, upstream, name):
    upstream.lies(LIES[name])
    for verb in READS:
        called = bare(upstream.url)(verb, seconds=10.0)
        with pytest.raises(UpstreamError) as caught:
            await ask(called.connector, verb)
        assert not called.deadline.expired
        assert len(str(caught.value)) < 500
        assert len(caught.value.vendor_text) <= 2_000
        assert "evil" not in str(caught.value)


@pytest.mark.parametrize("name", LIES)
async def test_a_write_is_refused_or_left_open_and_never_sent_again(bare, upstream, name):
    upstream.lies(LIES[name])
    for verb in WRITES:
        upstream.asked.clear()
        called = bare(upstream.url)(verb, seconds=10.0)
        meter = called.meter
        with pytest.raises(UpstreamError):
            await ask(called.connector, verb)
        assert not called.deadline.expired
        assert len(upstream.was_asked(METHODS[verb])) == meter.writes_sent == 1
        if name in REFUSED:
            assert (meter.write_answered, meter.writes_done) == (True, 0), verb
        else:
            assert not meter.write_answered or meter.writes_done, f"what became of the {verb} is open"


REFUSED = {
    "bare error",
    "error of the wrong shape",
    "error with endless text",
    "error with endless fields",
    "no success",
}


async def cut_off(bare, lie, verb, grace):
    async with Upstream().listening() as upstream:
        upstream.lies(lie)
        called = bare(upstream.url)(verb, seconds=0.4)
        began = time.monotonic()
        with pytest.raises(UpstreamError):
            await ask(called.connector, verb)
        assert time.monotonic() - began < 0.4 + grace
        assert called.meter.writes_sent == (verb in WRITES)
        assert not called.meter.write_answered
        async with asyncio.timeout(2):
            while upstream.serving:  # noqa: ASYNC110 - whoever is cut off is hung up on
                await asyncio.sleep(0.01)


@pytest.mark.parametrize("verb", ["get", *WRITES])
async def test_the_deadline_covers_the_whole_answer(bare, verb):
    await asyncio.gather(*(cut_off(bare, lie, verb, GRACE) for lie in SLOW.values()))


@pytest.mark.parametrize("name", FLOODS)
async def test_the_deadline_ends_a_flood(bare, name):
    for verb in ("get", "create"):
        await cut_off(bare, FLOODS[name], verb, BUSY_GRACE)
