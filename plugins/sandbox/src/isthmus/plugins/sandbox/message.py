"""What does a request or an answer look like, apart from how it travels?"""

import base64
import binascii
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import IO, Protocol, TypeAlias
from urllib.parse import parse_qsl

Json: TypeAlias = "Mapping[str, Json] | Sequence[Json] | str | int | float | bool | None"


class Stream(Protocol):
    """Bytes that travel piece by piece; None as their size says that nobody counted them before."""

    @property
    def size(self) -> int | None:
        """Return how many bytes there are, where that is known."""
        ...

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes in order."""
        ...


@dataclass(frozen=True)
class Request:
    """One HTTP request; header names are in lower case, `path` is percent-decoded.

    A body too large for memory lies in `spool`, which the server closes once it has the answer; `body` is empty then.
    """

    method: str
    path: str
    raw_path: str
    query_string: str
    headers: Mapping[str, str]
    body: bytes
    scheme: str
    spool: IO[bytes] | None = None

    @property
    def host(self) -> str:
        """Return the host and port that the client asked for."""
        return self.headers.get("host", "localhost")

    @property
    def origin(self) -> str:
        """Return the scheme and host that the client asked for."""
        return f"{self.scheme}://{self.host}"

    @property
    def basic(self) -> tuple[str, str] | None:
        """Return the name and password of a Basic header (RFC 7617); None where there is none that can be read."""
        scheme, _, value = self.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "basic":
            return None
        try:
            name, _, password = base64.b64decode(value, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return name, password

    @cached_property
    def query(self) -> Mapping[str, str]:
        """Return the query parameters, the first of a kind winning; a plus sign is a blank."""
        return _first_of_each(self.query_string)

    @cached_property
    def form(self) -> Mapping[str, str]:
        """Return the body as form fields."""
        return _first_of_each(self.body.decode("utf-8", "replace"))


@dataclass(slots=True)
class Reply:
    """One answer: `body` is JSON, or bytes together with `media_type`; a `stream` stands in place of a body.

    `cookies` are the values of Set-Cookie, one header each.

    `dropped` closes the connection with no answer, `delay` is in seconds; over `drip` seconds the body comes in drops.
    """

    status: int
    body: "Json | bytes" = None
    headers: dict[str, str] = field(default_factory=dict)
    media_type: str = "application/json;charset=UTF-8"
    empty: bool = False
    dropped: bool = False
    delay: float = 0.0
    drip: float = 0.0
    stream: Stream | None = None
    cookies: tuple[str, ...] = ()


def _first_of_each(text: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, value)
    return found
