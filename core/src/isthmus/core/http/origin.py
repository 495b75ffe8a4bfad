"""Does a request stay at the one scheme, host and port that the connection was opened for?"""

import re
from dataclasses import dataclass
from functools import cached_property
from urllib.parse import quote

import httpx2

from isthmus.core.errors import ConfigurationError, Denied, InvalidArguments, UpstreamError
from isthmus.core.http.address import Address
from isthmus.core.http.scope import scope_of

__all__ = ["Origin", "OriginPin"]

LONGEST = 8_192
PORTS = {"http": 80, "https": 443}
"""What a URL of these schemes leaves out; one of any other scheme names its port."""
_URL = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*)://(?P<host>[a-z0-9.-]+|\[[0-9a-f:.]+\])(?::(?P<port>\d{1,5}))?", re.IGNORECASE
)
_REST = re.compile(r"[\x21-\x5b\x5d-\x7e]*")
_SAFE = "-._~:/?@!$&'()*+,;=%"
_HEADER = re.compile(rb"[\t\x20-\x7e]*")


@dataclass(frozen=True)
class Origin:
    """Scheme, host and port (RFC 6454), fixed when a connection opens; `str()` is without a trailing slash."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> "Origin":
        """Read the origin of a configured URL.

        Raises:
            ConfigurationError: it is no URL with a plain host, or its port is not known.
        """
        found = _URL.match(url)
        if not found or (url[found.end() :] and url[found.end()] != "/") or found["host"].endswith("."):
            raise ConfigurationError(f"{url!r} is no base URL; write it as https://host or https://host:port.")
        scheme, host, port = _named(found)
        if not port:
            raise ConfigurationError(f"{url!r} needs a port; write it as {scheme}://{host}:port.")
        return cls(scheme, host, port)

    def __str__(self) -> str:
        return f"{self.scheme}://{self.netloc}"

    @cached_property
    def root(self) -> httpx2.URL:
        """Return the URL that every address inside begins with."""
        return httpx2.URL(str(self))

    @property
    def netloc(self) -> str:
        """Return host and port as a `Host` header has them."""
        return self.host if self.port == PORTS.get(self.scheme) else f"{self.host}:{self.port}"

    def resolve(self, url: str, base: str = "/") -> str:
        """Return a URL that the system gave as one inside this origin; `base` is the path relative ones start from.

        Raises:
            UpstreamError: it leads elsewhere, or is one that two readers could understand differently.
        """
        rest = url
        if found := _URL.match(url):
            rest = url[found.end() :] or "/"
            if _named(found) != (self.scheme, self.host, self.port):
                raise self._refusal("leads to another origin")
            if rest[0] == "?":
                rest = "/" + rest
            if rest[0] != "/":
                raise self._refusal("has something odd after its host")
        elif not url.startswith("/"):
            rest = base.rstrip("/") + "/" + url
        self._check(url, rest)
        return str(self) + quote(rest, safe=_SAFE)

    def _check(self, url: str, rest: str) -> None:
        if not url or len(url) > LONGEST:
            raise self._refusal("is empty" if not url else f"is longer than {LONGEST} characters")
        if not _REST.fullmatch(rest) or "#" in rest:
            raise self._refusal("has a character that a URL may not hold")
        where = rest.partition("?")[0]
        if where.startswith("//") or (not where.startswith("/")):
            raise self._refusal("leads to another origin")
        if not url.startswith("/") and not _URL.match(url) and ":" in url.partition("?")[0].partition("/")[0]:
            raise self._refusal("names another scheme")
        plain = re.sub("%2e", ".", where, flags=re.IGNORECASE)
        if re.search("%(?:25)*(?:2f|5c)", plain, re.IGNORECASE) and ".." in plain:
            raise self._refusal("hides a dot segment")
        if any(part in (".", "..") for part in plain.split("/")):
            raise self._refusal("has a dot segment")

    def _refusal(self, why: str) -> UpstreamError:
        return UpstreamError(
            f"The system at {self} answered with a URL that {why}; it was not followed. Check the system's own "
            "base URL setting.",
            code="foreign_origin",
            object=str(self),
        )


def _named(found: re.Match[str]) -> tuple[str, str, int]:
    scheme = found["scheme"].lower()
    return scheme, found["host"].lower(), int(found["port"] or PORTS.get(scheme, 0))


def _inside(url: httpx2.URL, pin: Origin) -> bool:
    host = url.raw_host.decode("ascii")
    host = f"[{host}]" if ":" in host else host
    same = url.scheme == pin.scheme and host == pin.host and (url.port or PORTS.get(url.scheme)) == pin.port
    return same and not url.userinfo


class OriginPin(httpx2.AsyncBaseTransport):
    """Refuses requests to any other place, and header values that could begin another request."""

    def __init__(self, origin: Origin, inner: httpx2.AsyncBaseTransport) -> None:
        self._origin = origin
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on what stays inside."""
        url, pin = request.url, self._origin
        if not (isinstance(url, Address) and url.below(pin.root)) and not _inside(url, pin):
            scope = scope_of(request)
            raise Denied(
                f"A {request.method} request of {scope.operation.tool!r} leads outside {pin}; connection "
                f"{scope.principal.connection!r} may reach no other place.",
                code="foreign_origin",
                subject=scope.principal.connection,
                object=str(pin),
            )
        headers = request.headers.raw
        if not _HEADER.fullmatch(b"".join([value for _, value in headers])):
            name = next(name for name, value in headers if not _HEADER.fullmatch(value))
            raise InvalidArguments(f"The value of header {name.decode('ascii')!r} may hold printable ASCII only.")
        if {value.lower() for name, value in headers if name.lower() == b"host"} - {url.netloc}:
            raise Denied(f"A request may not name another host than {pin}.", code="foreign_origin")
        return await self._inner.handle_async_request(request)
