"""How is traffic with the sandbox recorded, stripped of all that is secret or local, and played again?"""

import json
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx2
import yaml

from isthmus.core.http import AiohttpWire, WireSettings

FOLDER = Path(__file__).parent / "traffic"
SOURCE = "isthmus sandbox, seed 7"
HOST = "https://kessmar-eu.example"
TOKEN_PATH = "/services/oauth2/token"
KEPT_OF_REQUESTS = ("content-type", "if-match")
KEPT_OF_RESPONSES = ("content-type", "etag", "last-modified", "location", "sforce-limit-info")
_LOCAL = re.compile(r"http://127\.0\.0\.1:\d+")
Wire = Callable[[str, WireSettings], httpx2.AsyncBaseTransport]


class Player(httpx2.AsyncBaseTransport):
    """Answers each request by the first recorded exchange with the same method, address and body that is left."""

    def __init__(self, left: list[dict[str, Any]]) -> None:
        self._left = left

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked = await _asked(request)
        found = next(one for one in self._left if _same(one["request"], asked))
        self._left.remove(found)
        told = found["response"]
        headers = [(name, value) for name, values in told["headers"].items() for value in values]
        return httpx2.Response(told["status"]["code"], headers=headers, content=told["body"]["string"].encode())


class Recorder(httpx2.AsyncBaseTransport):
    """Sends every request, and keeps what may be kept of it and of its answer."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, kept: list[dict[str, Any]]) -> None:
        self._inner = inner
        self._kept = kept

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        response = await self._inner.handle_async_request(request)
        self._kept.append({"request": await _asked(request), "response": _told(response)})
        return response

    async def aclose(self) -> None:
        await self._inner.aclose()


@contextmanager
def cassette(path: Path, *, record: bool) -> Iterator[Wire]:
    """Yield a wire that records all traffic into a new file, or answers from it and from nothing else."""
    kept: list[dict[str, Any]] = [] if record else yaml.safe_load(path.read_text())["interactions"]
    if not record:
        yield lambda _connection, _settings: Player(kept)
        assert not kept, "something that was recorded was not asked for"
        return
    yield lambda _connection, settings: Recorder(AiohttpWire(settings), kept)
    told = {"recorded_from": SOURCE, "version": 1, "interactions": kept}
    path.write_text(yaml.safe_dump(told, sort_keys=False, width=120, allow_unicode=True))


async def _asked(request: httpx2.Request) -> dict[str, Any]:
    body = (await request.aread()).decode() or None
    return {
        "method": request.method,
        "uri": f"{HOST}{request.url.raw_path.decode()}",
        "body": "scrubbed" if request.url.path == TOKEN_PATH else body,
        "headers": {name: [value] for name, value in request.headers.items() if name.lower() in KEPT_OF_REQUESTS},
    }


def _told(response: httpx2.Response) -> dict[str, Any]:
    text = _LOCAL.sub(HOST, response.content.decode())
    if '"access_token"' in text:
        text = json.dumps(json.loads(text) | {"access_token": "scrubbed", "signature": "scrubbed"})
    return {
        "status": {"code": response.status_code, "message": HTTPStatus(response.status_code).phrase},
        "headers": {name: [value] for name, value in response.headers.items() if name.lower() in KEPT_OF_RESPONSES},
        "body": {"string": text},
    }


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    return (one["method"], one["uri"], _content(one)) == (other["method"], other["uri"], _content(other))


def _content(request: dict[str, Any]) -> object:
    body = request["body"] or ""
    return json.loads(body) if body.startswith("{") else body
