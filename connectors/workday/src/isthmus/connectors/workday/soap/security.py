"""How does a web service learn who asks? By a UsernameToken in the envelope (OASIS WSS UsernameToken Profile 1.1.1).

It is written below the request path, from the credential that the path put into the header, so that no layer above
ever holds a body with a password in it.
"""

import base64
import binascii
from xml.sax.saxutils import escape

import httpx2

from isthmus.connectors.workday.soap.xml import WSSE
from isthmus.core.http import Carrier, Ready

__all__ = ["is_service", "secured"]

_EMPTY = b"<soapenv:Header/>"


def secured(wire: httpx2.AsyncBaseTransport, prefix: str, reports: str) -> httpx2.AsyncBaseTransport:
    """Return a wire that writes a Basic login into the envelopes of requests below `prefix`, but for `reports`."""
    paths = (prefix, reports)
    return _Secured(wire, *paths) if isinstance(wire, Carrier) else _ForeignSecured(wire, *paths)


def is_service(request: httpx2.Request, prefix: str, reports: str) -> bool:
    """Tell whether a request goes to a web service: below `prefix`, and not below `reports`."""
    path = request.url.raw_path
    return path.startswith(prefix.encode() + b"/") and not path.startswith(reports.encode())


class _ForeignSecured(httpx2.AsyncBaseTransport):
    """Moves a Basic login from the header of a request into its envelope; a token of OAuth stays where it is."""

    def __init__(self, wire: httpx2.AsyncBaseTransport, prefix: str, reports: str) -> None:
        self._wire = wire
        self._prefix = prefix
        self._reports = reports

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on."""
        concerned = is_service(request, self._prefix, self._reports)
        return await self._wire.handle_async_request(_told(request) if concerned else request)


class _Secured(_ForeignSecured, Carrier):
    """The same over a wire that tells itself when the first byte leaves."""


def _told(request: httpx2.Request) -> httpx2.Request:
    scheme, _, proof = request.headers.get("authorization", "").partition(" ")
    content = request.content
    if scheme.lower() != "basic" or content.count(_EMPTY) != 1:
        return request
    try:
        user, _, password = base64.b64decode(proof, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return request
    body = content.replace(_EMPTY, _header(user, password), 1)
    kept = [pair for pair in request.headers.raw if pair[0].lower() not in (b"authorization", b"content-length")]
    headers = [*kept, (b"content-length", str(len(body)).encode())]
    return Ready(request.method, request.url, headers, body, dict(request.extensions))


def _header(user: str, password: str) -> bytes:
    return (
        f'<soapenv:Header><wsse:Security soapenv:mustUnderstand="1" xmlns:wsse="{WSSE}"><wsse:UsernameToken>'
        f"<wsse:Username>{escape(user)}</wsse:Username><wsse:Password>{escape(password)}</wsse:Password>"
        "</wsse:UsernameToken></wsse:Security></soapenv:Header>"
    ).encode()
