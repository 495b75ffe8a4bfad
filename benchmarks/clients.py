"""Who reads in the benchmarks, and how? Every client sends the same request for the same record."""

import tempfile
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks import org

if TYPE_CHECKING:
    from simple_salesforce.api import Salesforce

Read = Callable[[int], Awaitable[object]]
ReadBlocking = Callable[[int], object]
TOKEN = {"Authorization": "Bearer 00Dx!bench"}
_ASKED = ",".join(org.FIELDS)


def record_path(number: int) -> str:
    where = org.record_id(number % org.RECORDS)
    return f"/services/data/v{org.VERSION}/sobjects/{org.OBJECT}/{where}?fields={_ASKED}"


@asynccontextmanager
async def plain_aiohttp(url: str) -> AsyncIterator[Read]:
    """aiohttp and orjson: the least a client can do that parses."""
    import aiohttp

    async with aiohttp.ClientSession(url, headers=TOKEN) as session:

        async def read(number: int) -> object:
            async with session.get(record_path(number)) as answer:
                return orjson.loads(await answer.read())

        yield read


@asynccontextmanager
async def bare(url: str) -> AsyncIterator[Read]:
    """httpx2 over aiohttp, as an application would use it without us."""
    import httpx2
    from httpx_aiohttp.httpx2 import AiohttpTransport

    async with httpx2.AsyncClient(transport=AiohttpTransport(), base_url=url, headers=TOKEN, timeout=30) as client:

        async def read(number: int) -> object:
            answer = await client.get(record_path(number))
            return orjson.loads(answer.content)

        yield read


@asynccontextmanager
async def isthmus(url: str) -> AsyncIterator[Read]:
    """A governed read with every step on: policy, labels, budget, credential, breaker, and a durable record."""
    from benchmarks.house import CALLER, gateway_at

    with tempfile.TemporaryDirectory() as folder:
        async with gateway_at(url, Path(folder)) as gateway:
            session, fields = gateway.session(CALLER), list(org.FIELDS)

            async def read(number: int) -> object:
                where = org.record_id(number % org.RECORDS)
                return await session.call("get", system="crm", object=org.OBJECT, id=where, fields=fields)

            yield read


def simple_salesforce(url: str) -> "Salesforce":
    """Open a client of its own, for one thread. It writes https into every address; the page server speaks http."""
    import requests
    from simple_salesforce.api import Salesforce

    class PlainHttp(requests.adapters.HTTPAdapter):
        def send(self, request: requests.PreparedRequest, *args: Any, **kwargs: Any) -> requests.Response:
            request.url = str(request.url).replace("https://", "http://", 1)
            return super().send(request, *args, **kwargs)

    session = requests.Session()
    session.trust_env = False
    session.mount("https://", PlainHttp(pool_maxsize=1))
    return Salesforce(
        instance=url.removeprefix("http://"), session_id="00Dx!bench", session=session, version=org.VERSION
    )


@contextmanager
def in_threads(url: str) -> Iterator[ReadBlocking]:
    """simple-salesforce, a client of its own for every thread."""
    own = threading.local()

    def read(number: int) -> object:
        if not hasattr(own, "client"):
            own.client = simple_salesforce(url)
        return own.client.Contact.get(org.record_id(number % org.RECORDS), params={"fields": _ASKED})

    yield read


@contextmanager
def isthmus_blocking(url: str) -> Iterator[ReadBlocking]:
    """The same governed read through the blocking face: all threads share one gateway."""
    from benchmarks.house import CALLER, blocking_gateway_at

    with tempfile.TemporaryDirectory() as folder, blocking_gateway_at(url, Path(folder)) as gateway:
        session, fields = gateway.session(CALLER), list(org.FIELDS)

        def read(number: int) -> object:
            where = org.record_id(number % org.RECORDS)
            return session.call("get", system="crm", object=org.OBJECT, id=where, fields=fields)

        yield read


CLIENTS = {"aiohttp": plain_aiohttp, "bare": bare, "isthmus": isthmus}
BLOCKING = {"simple-salesforce": in_threads, "isthmus, blocking": isthmus_blocking}
