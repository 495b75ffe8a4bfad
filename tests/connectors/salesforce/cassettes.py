"""How is traffic with the sandbox recorded, stripped of all that is secret or local, and played again?"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import vcr
import yaml
from vcr.request import Request

FOLDER = Path(__file__).parent / "traffic"
SOURCE = "isthmus sandbox, seed 7"
HOST = "https://kessmar-eu.example"
TOKEN_PATH = "/services/oauth2/token"
KEPT_OF_REQUESTS = ("content-type", "if-match")
KEPT_OF_RESPONSES = ("content-type", "etag", "last-modified", "location", "sforce-limit-info")
_LOCAL = re.compile(r"http://127\.0\.0\.1:\d+")


class Named:
    """YAML as VCR writes it, with the source on top."""

    @staticmethod
    def serialize(cassette: Mapping[str, Any]) -> str:
        return yaml.safe_dump({"recorded_from": SOURCE, **cassette}, sort_keys=False, width=120, allow_unicode=True)

    @staticmethod
    def deserialize(text: str) -> Any:
        return yaml.safe_load(text)


@contextmanager
def cassette(path: Path, *, record: bool) -> Iterator[Any]:
    """Record all traffic into a new file, or answer from it and from nothing else."""
    if record:
        path.unlink(missing_ok=True)
    recorder = vcr.VCR(
        record_mode="all" if record else "none",
        match_on=("method", "uri", "content"),
        before_record_request=_request,
        before_record_response=_response,
        decode_compressed_response=True,
    )
    recorder.register_serializer("named", Named)
    recorder.register_matcher("content", _same_content)
    with recorder.use_cassette(str(path), serializer="named") as played:
        yield played


def _same_content(one: Request, other: Request) -> None:
    assert _content(one) == _content(other)


def _content(request: Request) -> object:
    body = request.body or b""
    return json.loads(body) if body.startswith(b"{") else body


def _request(request: Request) -> Request:
    parts = urlsplit(request.uri)
    request.uri = HOST + request.uri.removeprefix(f"{parts.scheme}://{parts.netloc}")
    request.headers = {name: value for name, value in request.headers.items() if name.lower() in KEPT_OF_REQUESTS}
    if parts.path == TOKEN_PATH:
        request.body = b"scrubbed"
    return request


def _response(response: dict[str, Any]) -> dict[str, Any]:
    headers = {name: value for name, value in response["headers"].items() if name.lower() in KEPT_OF_RESPONSES}
    text = _LOCAL.sub(HOST, (response["body"].get("string") or b"").decode())
    if '"access_token"' in text:
        text = json.dumps(json.loads(text) | {"access_token": "scrubbed", "signature": "scrubbed"})
    return {**response, "headers": headers, "body": {"string": text.encode()}}
