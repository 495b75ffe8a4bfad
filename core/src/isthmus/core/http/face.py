"""What does a connector's `self.http` do?"""

import json as jsonlib
import string
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import BinaryIO, NewType

import httpx2
from msgspec.structs import replace

from isthmus.core.errors import InvalidArguments
from isthmus.core.http.address import Address, Ready
from isthmus.core.http.answer import Response, answer_of
from isthmus.core.http.origin import Origin
from isthmus.core.http.path import Path
from isthmus.core.http.scope import CallScope, bind
from isthmus.core.operation import Effect, Verb
from isthmus.core.records import JSON
from isthmus.core.streams import Upload

__all__ = ["Http", "Params", "QueryString", "query_string"]

QueryString = NewType("QueryString", str)
"""Parameters written by `query_string()` once, for many requests."""
Params = Mapping[str, str | int | Sequence[str]] | QueryString
_LEARNS = frozenset({Verb.DOWNLOAD, Verb.INVOKE})
Unchanged = Callable[[], Awaitable[object]]
_UPSERT = frozenset({Effect.CREATE, Effect.UPDATE})


class Http:
    """One call's way to its system: requests are built once and go straight into the chain.

    Only successes come back, and the statuses that the connector names in `passing`; all else is raised as the error
    that tells what to do next. Redirects are never followed.
    """

    __slots__ = ("_base", "_chain", "_origin", "_scope")

    def __init__(self, chain: httpx2.AsyncBaseTransport, origin: Origin, scope: CallScope, base: str = "") -> None:
        """`base` is the path under which all paths of this connection lie, such as `/services/data/v64.0`."""
        self._chain = chain
        self._origin = origin
        self._scope = scope
        self._base = base.rstrip("/")

    @property
    def scope(self) -> CallScope:
        """Return the call that this view belongs to."""
        return self._scope

    def on(self, *records: str) -> "Http":
        """Return this call's way to more records, that only the system could name.

        An upsert's keys lead to its records where the system has no address by key, a file to its newest version, and
        an action to what waits for it.

        Raises:
            ValueError: the call is none of these, or an upsert that names its records itself.
        """
        operation = self._scope.operation
        upserts = operation.verb is Verb.UPSERT or (operation.verb is Verb.LOAD and operation.effects >= _UPSERT)
        if not (upserts or operation.verb in _LEARNS) or (upserts and operation.records):
            raise ValueError("only an upsert, a download and an action learn from the system what they are about")
        operation = operation.naming(*operation.records, *records)
        return Http(self._chain, self._origin, replace(self._scope, operation=operation), self._base)

    async def pause(self, seconds: float) -> bool:
        """Wait between two looks at something slow; False, and no wait, where the call's time would be over by then."""
        deadline = self._scope.deadline
        if seconds >= deadline.remaining():
            return False
        await deadline.clock.sleep(seconds)
        return True

    def within(self, job: str) -> "Http":
        """Return this call's way to the job that the system carries it out in, as its answer named it."""
        return Http(
            self._chain,
            self._origin,
            replace(self._scope, operation=replace(self._scope.operation, job=job)),
            self._base,
        )

    async def get(
        self,
        path: Path,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
    ) -> Response:
        """Send a GET."""
        return await self.request("GET", path, params=params, headers=headers, passing=passing)

    async def post(
        self,
        path: Path,
        *,
        json: JSON = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
    ) -> Response:
        """Send a POST."""
        return await self.request(
            "POST", path, json=json, content=content, params=params, headers=headers, passing=passing
        )

    async def put(
        self,
        path: Path,
        *,
        json: JSON = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
    ) -> Response:
        """Send a PUT."""
        return await self.request(
            "PUT", path, json=json, content=content, params=params, headers=headers, passing=passing
        )

    async def patch(
        self,
        path: Path,
        *,
        json: JSON = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
        unchanged: Unchanged | None = None,
    ) -> Response:
        """Send a PATCH; `unchanged` is asked before it is repeated, and raises where it must not be."""
        return await self.request(
            "PATCH",
            path,
            json=json,
            content=content,
            params=params,
            headers=headers,
            passing=passing,
            unchanged=unchanged,
        )

    async def delete(
        self,
        path: Path,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
        unchanged: Unchanged | None = None,
    ) -> Response:
        """Send a DELETE; `unchanged` is asked before it is repeated, and raises where it must not be."""
        return await self.request("DELETE", path, params=params, headers=headers, passing=passing, unchanged=unchanged)

    async def follow(
        self, url: str, *, headers: Mapping[str, str] | None = None, passing: Collection[int] = ()
    ) -> Response:
        """Send a GET to a URL that the system gave, if it stays inside the pinned origin.

        Raises:
            UpstreamError: it leads elsewhere; nothing was sent.
        """
        inside = self._origin.resolve(url, self._base)
        return await self.send(httpx2.Request("GET", inside, headers=_accepting(headers or {})), passing)

    async def request(
        self,
        method: str,
        path: Path,
        *,
        json: JSON = None,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
        unchanged: Unchanged | None = None,
    ) -> Response:
        """Send a request with a body of JSON or of bytes, whichever is given.

        Raises:
            InvalidArguments: the values cannot be written as JSON or in a URL.
        """
        named = _accepting(headers) if headers else {"accept": "application/json"}
        if json is not None:
            content = _encoded(json)
            named.setdefault("content-type", "application/json")
        return await self.send(self._made(method, path, params, named, content or b""), passing, unchanged)

    def _made(
        self, method: str, path: Path, params: Params | None, named: dict[str, str], content: bytes
    ) -> httpx2.Request:
        query = params if isinstance(params, str) else query_string(params) if params else ""
        return _request(method, Address(self._origin.root, self._base + path, query), named, content)

    async def upload(
        self,
        path: Path,
        file: Upload,
        *,
        head: bytes = b"",
        tail: bytes = b"",
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
    ) -> Response:
        """Send a POST with a file in it, in portions; `head` and `tail` are what a multipart body has around it.

        What the request does must be told by its address and its head.
        """
        named = _accepting({"content-type": file.type, **(headers or {})})
        named["content-length"] = str(len(head) + file.size + len(tail))
        request = self._made("POST", path, params, named, head)
        sending = bind(request, self._scope, passing)
        sending.file, sending.tail = file, tail
        return answer_of(await self._chain.handle_async_request(request))

    async def download(
        self, path: Path, into: BinaryIO, *, params: Params | None = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a GET and write the body of its answer into a file, which then holds nothing else; 2 GB at most."""
        request = self._made("GET", path, params, _accepting({"accept": "*/*", **(headers or {})}), b"")
        bind(request, self._scope).into = into
        return answer_of(await self._chain.handle_async_request(request))

    async def relay(self, request: httpx2.Request) -> Response:
        """Send a bridged SDK's read as part of this call: its path and body, to this origin, with no header but two."""
        named = {
            name: request.headers[name] for name in ("content-type", "if-modified-since") if name in request.headers
        }
        url = f"{self._origin}{request.url.raw_path.decode('ascii')}"
        made = httpx2.Request(request.method, url, headers=_accepting(named), content=request.content or None)
        return await self.send(made, passing=(304,))

    async def send(
        self, request: httpx2.Request, passing: Collection[int] = (), unchanged: Unchanged | None = None
    ) -> Response:
        """Send a request built elsewhere (a bridged SDK's) as part of this call."""
        bind(request, self._scope, passing, unchanged)
        return answer_of(await self._chain.handle_async_request(request))


def _request(method: str, url: httpx2.URL, named: dict[str, str], content: bytes) -> httpx2.Request:
    """Build a request with the headers that httpx2 would add, without its search for what to add."""
    named.setdefault("host", url.netloc.decode("ascii"))
    if content or method in ("POST", "PUT", "PATCH"):
        named.setdefault("content-length", str(len(content)))
    return Ready(method, url, [(name.encode(), value.encode()) for name, value in named.items()], content, {})


def _accepting(headers: Mapping[str, str]) -> dict[str, str]:
    named = {name.lower(): value for name, value in headers.items()}
    for name, value in named.items():
        if not (name.isascii() and value.isascii()):
            raise InvalidArguments(f"The value of header {name!a} may hold printable ASCII only.")
    named.setdefault("accept", "application/json")
    return named


def _encoded(value: JSON) -> bytes:
    try:
        return jsonlib.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidArguments(
            "The values cannot be written as JSON: they hold a lone surrogate, a number that is none, an unknown type "
            "or too many levels."
        ) from error


def query_string(params: Mapping[str, str | int | Sequence[str]]) -> QueryString:
    """Write parameters as `urllib.parse.urlencode` would, letter for letter, without its walk over every letter.

    Raises:
        InvalidArguments: a value holds a lone surrogate.
    """
    try:
        told = [f"{_quoted(name)}={_quoted(one)}" for name, value in params.items() for one in _each(value)]
        return QueryString("&".join(told))
    except UnicodeEncodeError as error:
        raise InvalidArguments("A query parameter holds a lone surrogate; send valid Unicode.") from error


def _each(value: str | int | Sequence[str]) -> Sequence[str]:
    return (value,) if isinstance(value, str) else (str(value),) if isinstance(value, int) else value


def _quoted(text: str) -> str:
    raw = text.encode().replace(b"%", b"%25")
    for one in set(raw.translate(None, _WRITTEN)):
        raw = raw.replace(bytes((one,)), b"%%%02X" % one)
    return raw.decode()


_WRITTEN = string.ascii_letters.encode() + string.digits.encode() + b"_.~-%"
"""The unreserved characters (RFC 3986 section 2.3), and what begins a character that is quoted already."""
