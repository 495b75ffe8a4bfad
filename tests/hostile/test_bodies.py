"""Does every answer that cannot be believed end in a typed error, in time, and leave a write's outcome open?"""

import asyncio
import time

import pytest

from isthmus.core.connector import Key
from isthmus.core.errors import IsthmusError, UpstreamError
from isthmus.core.records import Query

from .bodies import ENCODED, ENDLESS, FRAMED, LARGE, SLOW, STRANGE, UNREAD
from .conftest import CASE
from .upstream import answer, says

LIES = LARGE | ENCODED | FRAMED | ENDLESS | STRANGE | {name: says(answer(200, body)) for name, body in UNREAD.items()}
WRITES = ("create", "update", "upsert", "delete")
GRACE = 0.1


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


@pytest.mark.parametrize("verb", ["get", "query"])
@pytest.mark.parametrize("name", LIES)
async def test_a_read_ends_in_a_typed_error_in_time(bare, upstream, name, verb):
    upstream.lies(LIES[name])
    called = bare(upstream.url)(verb, seconds=10.0)
    with pytest.raises(UpstreamError) as caught:
        await ask(called.connector, verb)
    assert not called.deadline.expired
    assert len(str(caught.value)) < 500
    assert len(caught.value.vendor_text) <= 2_000
    assert "evil" not in str(caught.value)


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("name", LIES)
async def test_a_write_is_done_refused_or_left_open_and_never_sent_again(bare, upstream, name, verb):
    upstream.lies(LIES[name])
    called = bare(upstream.url)(verb, seconds=10.0)
    try:
        await ask(called.connector, verb)
    except IsthmusError as error:
        told = error
    else:
        told = None
    meter = called.meter
    assert not called.deadline.expired
    assert len(upstream.was_asked(method(verb))) == meter.writes_sent == 1
    if name in REFUSED:
        assert isinstance(told, UpstreamError)
        assert (meter.write_answered, meter.writes_done) == (True, 0)
    elif name not in BELIEVED:
        assert isinstance(told, UpstreamError), name
        assert not meter.write_answered or meter.writes_done, "what became of it is open, and is read back"


def method(verb):
    return {"create": "POST", "update": "PATCH", "upsert": "PATCH", "delete": "DELETE"}[verb]


REFUSED = {"bare error", "error of the wrong shape", "error with endless text", "error with endless fields", "no success"}
BELIEVED = {"an empty object", "another record", "an array"}
"""A success that says little: what an update did is in no answer, so nothing contradicts it."""


@pytest.mark.parametrize("verb", ["get", *WRITES])
async def test_the_deadline_covers_the_whole_answer(bare, upstream, verb):
    for name, lie in SLOW.items():
        upstream.told.clear()
        upstream.lies(lie)
        called = bare(upstream.url)(verb, seconds=0.3)
        began = time.monotonic()
        with pytest.raises(UpstreamError):
            await ask(called.connector, verb)
        assert time.monotonic() - began < 0.3 + GRACE, name
        assert called.meter.writes_sent == (verb != "get"), name
        assert not called.meter.write_answered, name


@pytest.mark.parametrize("name", SLOW)
async def test_whoever_is_cut_off_is_hung_up_on(bare, upstream, name):
    upstream.lies(SLOW[name])
    with pytest.raises(UpstreamError):
        await ask(bare(upstream.url)("get", seconds=0.15).connector, "get")
    async with asyncio.timeout(1):
        while upstream._serving:
            await asyncio.sleep(0.01)
