"""Does every answer in pages come to an end, with the rows that were asked for or an error?"""

import asyncio
import itertools
import json

import pytest
from tests.conftest import call

from isthmus.connectors.salesforce.reader import MOST_PAGES
from isthmus.core.errors import IsthmusError, UpstreamError
from isthmus.core.records import Aggregate, Measure, Query

from .upstream import Exchange, answer, hangs

LOCATOR = "/services/data/v62.0/query/0r8xx5R2sM3DgWhASK-"
MANY = Query("Case", ("Id",), limit=200)


def page(at: int, following: object = "", rows: int = 1, **more: object) -> bytes:
    records = [{"attributes": {"type": "Case"}, "Id": f"500{at:06}{one:06}AAA"} for one in range(rows)]
    following = f"{LOCATOR}{at + 1}" if following == "" else following
    return answer(200, {"totalSize": 10, "done": False, "records": records, "nextRecordsUrl": following} | more)


def pages(make, pause=0.0):
    count = itertools.count()

    async def lie(exchange: Exchange) -> None:
        await asyncio.sleep(pause)
        await exchange.send(make(next(count)))

    return lie


ENDLESS = {
    "one row a page, for ever": (pages(page), MOST_PAGES),
    "the same page": (pages(lambda at: page(at, f"{LOCATOR}1")), 2),
    "two pages in turn": (pages(lambda at: page(at, f"{LOCATOR}{at % 2}")), 3),
    "the first query again": (pages(lambda at: page(at, "/services/data/v62.0/query?q=SELECT+Id+FROM+Case")), 2),
    "no rows and a next page": (pages(lambda at: page(at, rows=0)), 1),
    "no next page": (pages(lambda at: page(at, None)), 1),
    "a next page that is a list": (pages(lambda at: page(at, [LOCATOR])), 1),
    "done in words": (pages(lambda at: page(at, done="false")), 1),
    "done is missing": (pages(lambda at: page(at, done=None)), 1),
    "rows in no list": (pages(lambda at: page(at, records={"0": {}})), 1),
    "rows that are none": (pages(lambda at: page(at, records=[1, None, "x"])), 1),
    "a row in between that is none": (pages(lambda at: page(at, records=[{"Id": "x"}, None])), 1),
}


@pytest.mark.parametrize("name", ENDLESS)
async def test_pages_come_to_an_end(bare, upstream, name):
    lie, most = ENDLESS[name]
    upstream.lies(lie)
    with pytest.raises(UpstreamError):
        await bare(upstream.url)("query").connector.query(MANY)
    assert len(upstream.asked) == most


async def test_rows_that_come_twice_are_no_answer(bare, upstream):
    upstream.lies(pages(lambda at: page(0, f"{LOCATOR}{at}", done=at > 1)))
    with pytest.raises(UpstreamError):
        await bare(upstream.url)("query").connector.query(MANY)


@pytest.mark.parametrize("total", [-1, 0, 10**9, "ten", None, 1e300])
async def test_a_total_is_not_believed(bare, upstream, total):
    upstream.lies(page(0, None, rows=3, totalSize=total, done=True))
    assert len(await bare(upstream.url)("query").connector.query(MANY)) == 3


async def test_more_rows_than_asked_for_are_left(bare, upstream):
    upstream.lies(pages(lambda at: page(at, rows=150)))
    rows = await bare(upstream.url)("query").connector.query(MANY)
    assert len(rows) == 200
    assert len(upstream.asked) == 2


async def test_groups_without_end_come_to_one(bare, upstream):
    upstream.lies(pages(page))
    by_status = Aggregate("Case", (Measure("count", "", "n"),), group_by=("Status",), limit=2_000)
    with pytest.raises(UpstreamError):
        await bare(upstream.url)("aggregate").connector.aggregate(by_status)
    assert len(upstream.asked) == MOST_PAGES


async def test_a_search_gives_no_more_than_asked_for(bare, upstream):
    upstream.lies(answer(200, {"searchRecords": [{"Id": f"500000000{at:06}AAA"} for at in range(5_000)]}))
    assert len(await bare(upstream.url)("search").connector.search("words", {"Case": ("Subject",)}, 5)) == 5


async def test_the_deadline_covers_all_pages(bare, upstream):
    upstream.lies(pages(page, pause=0.25), times=5)
    upstream.lies(hangs)
    called = bare(upstream.url)("query", seconds=1.5)
    with pytest.raises(UpstreamError):
        await called.connector.query(MANY)
    # A deadline of its own for the last page would end a second later.
    assert called.deadline.clock.monotonic() - called.deadline.at < 0.75


async def test_the_gateway_ends_pages_without_end_and_goes_on(house, clock, upstream):
    query = {"system": "crm", "object": "Contact", "select": ["Name"], "limit": 200}
    async with house.open(clock) as gateway:
        honest = await call(gateway, house.caller("eu"), "query", **query)
        upstream.lies(pages(page), "GET", "/query")
        with pytest.raises(UpstreamError) as caught:
            await call(gateway, house.caller("eu"), "query", **query)
        assert caught.value.reason == "cyclic_pages"
        upstream.told.clear()
        assert (await call(gateway, house.caller("eu"), "query", **query)).records == honest.records


async def test_metadata_without_end_comes_to_one(house, clock, upstream):
    upstream.lies(pages(page), "GET", "FieldDefinition")
    upstream.lies(pages(page), "GET", LOCATOR)
    async with house.open(clock) as gateway:
        with pytest.raises(IsthmusError):
            await call(gateway, house.caller("eu"), "query", system="crm", object="Contact", select=["Name"])
    assert len(upstream.was_asked("GET")) <= MOST_PAGES + 1


def test_pages_of_this_file_are_pages():
    assert json.loads(page(0).partition(b"\r\n\r\n")[2])["nextRecordsUrl"] == f"{LOCATOR}1"
