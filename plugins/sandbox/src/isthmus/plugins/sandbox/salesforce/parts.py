"""How is a request answered that travels inside another one?"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final, TypeAlias
from urllib.parse import unquote

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .call import Call
from .errors import ApiError, not_found
from .versions import KNOWN

Dispatch: TypeAlias = Callable[[Call], Reply]

_WHOLES: Final = frozenset({"composite", "composite/graph", "composite/batch"})
_NOT_INHERITED: Final = frozenset({"authorization", "content-length", "content-type", "host", "cookie"})


@dataclass(frozen=True, slots=True)
class Part:
    """One request inside another one; the method is in capitals."""

    method: str
    url: str
    body: Json = None
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """The answer of one part."""

    status: int
    body: Json
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        """Say whether the part did not do what it was asked."""
        return self.status >= 400 or self.status == 300


def refused(refusal: ApiError) -> Answer:
    """Return the answer that carries a refusal."""
    reply = refusal.reply()
    return Answer(reply.status, reply.body if not isinstance(reply.body, bytes) else None)


def answer(call: Call, part: Part, dispatch: Dispatch) -> Answer:
    """Let the resource answer that a part names, as if it had been called alone."""
    try:
        reply = dispatch(_inner(call, part))
    except ApiError as refusal:
        return refused(refusal)
    body = None if reply.empty or isinstance(reply.body, bytes) else reply.body
    return Answer(reply.status, body, reply.headers)


def _inner(call: Call, part: Part) -> Call:
    path, _, query = part.url.partition("?")
    if not path.startswith("/services/data/"):
        raise not_found()
    version, _, resource = path.removeprefix("/services/data/v").partition("/")
    if version not in KNOWN:
        raise not_found()
    if resource.strip("/") in _WHOLES:
        message = f"A part of a composite request cannot be one itself: {part.url}"
        raise ApiError(400, "INVALID_INPUT", message)
    method = "GET" if part.method == "HEAD" else part.method
    outer = call.request
    headers = {name.lower(): value for name, value in part.headers.items() if name.lower() not in _NOT_INHERITED}
    request = Request(
        method=method,
        path=unquote(path),
        raw_path=path,
        query_string=query,
        headers={"host": outer.host, "content-type": "application/json", **headers},
        body=b"" if part.body is None else json.dumps(part.body).encode(),
        scheme=outer.scheme,
    )
    return replace(call, request=request, method=method, version=version)
