"""How does a URL that is known to be sound become an object without being parsed letter by letter?"""

import httpx2

__all__ = ["Address"]


class Address(httpx2.URL):
    """A URL put together from parts that are percent-encoded already; equal to what parsing its text would give.

    Parsing looks at every letter of a long query in Python, which costs more than all other layers together.
    """

    def __init__(self, root: httpx2.URL, path: str, query: str = "") -> None:
        """`path` comes from `path()` and `query` from `urlencode`: neither holds anything that is left to encode."""
        super().__init__(root)
        self._uri_reference = self._uri_reference._replace(path=path, query=query or None)
