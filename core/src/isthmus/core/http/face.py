"""What does a connector's `self.http` do?"""

import json as jsonlib
from collections.abc import Collection, Mapping, Sequence
from urllib.parse import quote, urlencode

import httpx2

from isthmus.core.errors import InvalidArguments
from isthmus.core.http.answer import Response, answer_of
from isthmus.core.http.origin import Origin
from isthmus.core.http.path import Path
from isthmus.core.http.scope import CallScope, bind
from isthmus.core.records import JSON

__all__ = ["Http", "Params"]

Params = Mapping[str, str | int | Sequence[str]]


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
    ) -> Response:
        """Send a PATCH."""
        return await self.request(
            "PATCH", path, json=json, content=content, params=params, headers=headers, passing=passing
        )

    async def delete(
        self,
        path: Path,
        *,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
        passing: Collection[int] = (),
    ) -> Response:
        """Send a DELETE."""
        return await self.request("DELETE", path, params=params, headers=headers, passing=passing)

    async def follow(
        self, url: str, *, headers: Mapping[str, str] | None = None, passing: Collection[int] = ()
    ) -> Response:
        """Send a GET to a URL that the system gave, if it stays inside the pinned origin.

        Raises:
            UpstreamError: it leads elsewhere; nothing was sent.
        """
        inside = self._origin.resolve(url, self._base)
        return await self.send(httpx2.Request("GET", inside, headers=_accepting(headers)), passing=passing)

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
    ) -> Response:
        """Send a request with a body of JSON or of bytes, whichever is given.

        Raises:
            InvalidArguments: the values cannot be written as JSON or in a URL.
        """
        named = _accepting(headers)
        if json is not None:
            content = _encoded(json)
            named.setdefault("content-type", "application/json")
        url = f"{self._origin}{self._base}{path}"
        if params:
            url += "?" + _query(params)
        return await self.send(httpx2.Request(method, url, headers=named, content=content), passing=passing)

    async def relay(self, request: httpx2.Request) -> Response:
        """Send a bridged SDK's read as part of this call: its path and body, to this origin, with no header but two."""
        named = {
            name: request.headers[name] for name in ("content-type", "if-modified-since") if name in request.headers
        }
        url = f"{self._origin}{request.url.raw_path.decode('ascii')}"
        made = httpx2.Request(request.method, url, headers=_accepting(named), content=request.content or None)
        return await self.send(made, passing=(304,))

    async def send(self, request: httpx2.Request, *, passing: Collection[int] = ()) -> Response:
        """Send a request built elsewhere (a bridged SDK's) as part of this call."""
        bind(request, self._scope, passing)
        return answer_of(await self._chain.handle_async_request(request))


def _accepting(headers: Mapping[str, str] | None) -> dict[str, str]:
    named = {name.lower(): value for name, value in headers.items()} if headers else {}
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


def _query(params: Params) -> str:
    try:
        return urlencode(params, doseq=True, quote_via=quote, safe="")
    except UnicodeEncodeError as error:
        raise InvalidArguments("A query parameter holds a lone surrogate; send valid Unicode.") from error
