"""How does what is known to be sound become a URL or a request, without being looked at letter by letter?"""

from collections.abc import Sequence

import httpx2

__all__ = ["Address", "Ready", "content_of"]


class Address(httpx2.URL):
    """A URL put together from parts that are percent-encoded already; equal to what parsing its text would give.

    Parsing looks at every letter of a long query in Python, which costs more than all other layers together.
    """

    def __init__(self, root: httpx2.URL, path: str, query: str = "") -> None:
        """`path` comes from `path()` and `query` from `urlencode`: neither holds anything that is left to encode."""
        super().__init__(root)
        known = self._uri_reference
        self._uri_reference = type(known)(
            known.scheme, known.userinfo, known.host, known.port, path, query or None, known.fragment
        )
        self._root = root

    def below(self, root: httpx2.URL) -> bool:
        """Tell whether it was put together from this very root, so that only path and query can differ."""
        return self._root is root


class _Sound(httpx2.Headers):
    """Headers made of bytes, which leaves nothing to be brought into another form."""

    def __init__(self, pairs: Sequence[tuple[bytes, bytes]]) -> None:
        self._list = [(name, name.lower(), value) for name, value in pairs]
        self._encoding = None


class Ready(httpx2.Request):
    """A request whose parts are known to be as they should; equal to what httpx2 would make of them."""

    def __init__(
        self,
        method: str,
        url: httpx2.URL,
        headers: Sequence[tuple[bytes, bytes]],
        content: bytes,
        extensions: dict[str, object],
    ) -> None:
        """`method` is in capitals, `headers` are whole, and `extensions` are taken over, not copied."""
        self.method = method
        self.url = url
        self.headers = _Sound(headers)
        self.extensions = extensions
        self.stream = httpx2.ByteStream(content)
        self._content = content


async def content_of(request: httpx2.Request) -> bytes:
    """Return the whole body of a request."""
    return request.content if isinstance(request, Ready) else await request.aread()
