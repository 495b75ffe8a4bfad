"""How fast are many records read, page by page, and does memory stay flat?"""

import csv
import io
import itertools
import tempfile
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path
from typing import Any

import orjson

from benchmarks import org
from benchmarks.clients import TOKEN, simple_salesforce
from benchmarks.samples import Sample, Stopwatch, resident

_SOQL = f"SELECT {', '.join(org.ROW_FIELDS)} FROM {org.OBJECT} ORDER BY Id"
_QUERY = f"/services/data/v{org.VERSION}/query"
_JOBS = f"/services/data/v{org.VERSION}/jobs/query"


async def plain_aiohttp(url: str) -> AsyncIterator[int]:
    import aiohttp

    async with aiohttp.ClientSession(url, headers=TOKEN) as session:
        async with session.get(_QUERY, params={"q": _SOQL}) as answer:
            page = orjson.loads(await answer.read())
        yield len(page["records"])
        while not page["done"]:
            async with session.get(page["nextRecordsUrl"]) as answer:
                page = orjson.loads(await answer.read())
            yield len(page["records"])


async def bare(url: str) -> AsyncIterator[int]:
    import httpx2
    from httpx_aiohttp.httpx2 import AiohttpTransport

    async with httpx2.AsyncClient(transport=AiohttpTransport(), base_url=url, headers=TOKEN, timeout=30) as client:
        page = orjson.loads((await client.get(_QUERY, params={"q": _SOQL})).content)
        yield len(page["records"])
        while not page["done"]:
            page = orjson.loads((await client.get(page["nextRecordsUrl"])).content)
            yield len(page["records"])


async def isthmus(url: str) -> AsyncIterator[int]:
    """Page through the tool an agent has; every page is judged, labelled and recorded."""
    from benchmarks.house import CALLER, gateway_at
    from isthmus.core.records import Page

    with tempfile.TemporaryDirectory() as folder:
        async with gateway_at(url, Path(folder)) as gateway:
            session = gateway.session(CALLER)
            after: dict[str, str] = {}
            largest = _largest_page(gateway.tools(CALLER))
            while True:
                page = await session.call(
                    "query", system="crm", object=org.OBJECT, select=list(org.ROW_FIELDS), limit=largest, **after
                )
                assert isinstance(page, Page)
                yield len(page.records)
                if page.after is None:
                    return
                after = {"after": page.after}


async def by_job(url: str) -> AsyncIterator[int]:
    """The results of a job by aiohttp and the csv module."""
    import aiohttp

    async with aiohttp.ClientSession(url, headers=TOKEN) as session:
        async with session.post(_JOBS, json={"operation": "query", "query": _SOQL}) as answer:
            where = f"{_JOBS}/{orjson.loads(await answer.read())['id']}/results?maxRecords={org.PAGE}"
        locator = ""
        while locator != "null":
            async with session.get(where + (f"&locator={locator}" if locator else "")) as answer:
                text, locator = (await answer.read()).decode(), answer.headers["Sforce-Locator"]
            yield len(list(csv.DictReader(io.StringIO(text, newline=""))))


async def exported(url: str) -> AsyncIterator[int]:
    """Export as a program does, by the largest pages."""
    from benchmarks.house import CALLER, gateway_at
    from isthmus.core.records import MOST_BATCH

    with tempfile.TemporaryDirectory() as folder:
        async with gateway_at(url, Path(folder)) as gateway:
            async for page in gateway.session(CALLER).export(
                "crm", org.OBJECT, select=list(org.ROW_FIELDS), limit=MOST_BATCH
            ):
                yield len(page.records)


def by_simple_salesforce(url: str) -> Iterator[object]:
    return iter(simple_salesforce(url).query_all_iter(_SOQL))


PAGERS = {"aiohttp": plain_aiohttp, "bare": bare, "isthmus": isthmus, "aiohttp, job": by_job, "export": exported}


async def in_loop(name: str, url: str, rows: int) -> Sample:
    """Measure from the first page on: opening and describing come before it."""
    pages = PAGERS[name](url)
    first = done = await anext(pages)
    early = 0
    with Stopwatch() as watch:
        async for count in pages:
            done += count
            early = early or (resident() if done >= rows // 10 else 0)
    return _checked(watch.sample(1, done - first, resident() - early), rows - first)


def in_thread(url: str, rows: int) -> Sample:
    """Measure simple-salesforce in the same way."""
    records = by_simple_salesforce(url)
    first = done = sum(1 for _ in itertools.islice(records, org.PAGE))
    early = 0
    with Stopwatch() as watch:
        for _ in records:
            done += 1
            early = early or (resident() if done >= rows // 10 else 0)
    return _checked(watch.sample(1, done - first, resident() - early), rows - first)


def _checked(sample: Sample, rows: int) -> Sample:
    if sample.count != rows:
        raise RuntimeError(f"{sample.count} records were read of {rows}")
    return sample


def _largest_page(tools: Iterable[Any]) -> int:
    schema = next(tool.input_schema for tool in tools if tool.name == "query")
    return int(schema["properties"]["limit"]["maximum"])
