"""How does an SDK built on requests make governed calls?"""

from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import TYPE_CHECKING

import httpx2

from isthmus.core.bridge.exchange import Exchange
from isthmus.core.errors import ConfigurationError

if TYPE_CHECKING:
    import requests

__all__ = ["requests_session"]


_OURS = frozenset({"accept-encoding", "authorization", "connection", "content-length", "cookie", "transfer-encoding"})
"""Headers about the way and the login, neither of which is the SDK's."""


def requests_session(exchange: Exchange) -> "requests.Session":
    """Return a session whose every request becomes governed calls; errors of isthmus pass through as they are.

    Timeouts of the SDK are not heeded: the call's own deadline holds. Use it from any thread but the gateway's own.
    """
    try:
        import requests
        from requests.adapters import BaseAdapter, HTTPAdapter
        from urllib3 import HTTPResponse
    except ImportError as error:
        raise ConfigurationError("the requests bridge needs `isthmus-core[requests]`; install it") from error

    class Governed(BaseAdapter):
        """Turn a prepared request into an exchange."""

        def send(
            self, request: requests.PreparedRequest, *_: object, **__: object
        ) -> requests.Response:  # its timeout, TLS and proxy settings have no meaning here
            answer = exchange.wait(_request(request))
            raw = HTTPResponse(
                BytesIO(answer.body), headers=dict(answer.headers), status=answer.status, preload_content=False
            )
            return HTTPAdapter().build_response(request, raw)

        def close(self) -> None:
            """Hold nothing."""

    session = requests.Session()
    session.trust_env = False
    session.adapters.clear()
    for scheme in ("https://", "http://"):
        session.mount(scheme, Governed())
    return session


def _request(prepared: "requests.PreparedRequest") -> httpx2.Request:
    headers = {_text(name): _text(value) for name, value in (prepared.headers or {}).items()}
    headers = {name: value for name, value in headers.items() if name.lower() not in _OURS}
    return httpx2.Request(prepared.method or "GET", prepared.url or "", headers=headers, content=_body(prepared.body))


def _body(body: object) -> bytes | None:
    match body:
        case None | bytes():
            return body
        case str():
            return body.encode()
        case Iterable() if not isinstance(body, Mapping):
            return b"".join(part.encode() if isinstance(part, str) else bytes(part) for part in body)
        case _:
            raise TypeError(f"a request body of type {type(body).__name__} cannot be sent")


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
