"""How is the org asked a question, and its answer followed over all of its pages?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeVar
from urllib.parse import quote, urlencode

from isthmus.connectors.salesforce.answers import Batch, read_nodes, read_rows
from isthmus.core.errors import CredentialError, Denied, InvalidArguments, RetryLater, UpstreamError
from isthmus.core.http import HEAVIEST, Http, Path, QueryString, Response, path
from isthmus.core.records import JSON, Query, Row
from isthmus.core.table import Table

__all__ = ["MOST_PAGES", "Reader", "fits"]

T = TypeVar("T")

LONGEST_URI = 16_000
"""Of path and query, in bytes; the vendor takes 16,384."""
MOST_PAGES = 50
"""Of one answer; the vendor's pages have 200 rows or more, but for records with long texts."""


@dataclass(frozen=True, slots=True)
class Reader:
    """One call's way to the resources of one version of the API, whose path is `base`."""

    http: Http
    base: str

    def path(self, template: str, *parts: str) -> Path:
        """Return the path of a resource."""
        return path(self.base + template, *parts)

    async def rows(self, text: str, query: Query, resource: str = "/query") -> Sequence[Row]:
        """Read up to `limit` rows, following the org's own pages inside the pinned origin."""
        read = partial(read_rows, object=query.object, paths=query.select)
        rows = await self.pages(text, query.limit, read, resource)
        if isinstance(rows, Table):
            # It is one page, and no other came round to it.
            return rows
        ids = [row.id for row in rows if row.id]
        if len(set(ids)) < len(ids):
            raise _endless()
        return rows

    async def records(self, text: str, limit: int, resource: str = "/query") -> Sequence[Mapping[str, JSON]]:
        """Read records as they stand in the answer."""
        return await self.pages(text, limit, read_nodes, resource)

    async def pages(
        self, text: str, limit: int, read: Callable[[Response], Batch[T]], resource: str = "/query"
    ) -> Sequence[T]:
        """Read what `read` makes of each page."""
        answer, followed, held = await self.get(self.path(resource), {"q": text}), set[str](), 0
        found: list[T] = []
        while True:
            page = read(answer)
            rows = page.rows if not found else [*found, *page.rows]
            if len(rows) >= limit or page.done:
                return rows[:limit]
            found = list(rows)
            fresh = page.following not in followed and len(followed) < MOST_PAGES - 1
            if page.following is None or not fresh or not page.rows:
                raise _endless()
            if (held := held + answer.weight) > HEAVIEST:
                raise _endless()
            followed.add(page.following)
            answer = await self._follow(page.following)

    async def _follow(self, url: str) -> Response:
        """Read the next page. Its address dies with the login that got it, and no other login revives it."""
        try:
            return await self.http.follow(url)
        except Denied as error:
            raise UpstreamError(
                "the org named something else as the next page of its answer, so the answer was not used",
                code="foreign_origin",
            ) from error
        except CredentialError as error:
            if error.reason != "credential_refused":
                raise
            raise RetryLater("the org dropped the rest of a long answer; repeat the query from its start") from error

    async def get(
        self, where: Path, params: Mapping[str, str] | QueryString | None = None, passing: tuple[int, ...] = ()
    ) -> Response:
        """Send a GET whose address the org can take."""
        if len(where) + (len(params) if isinstance(params, str) else _longest(params or {})) > LONGEST_URI:
            raise InvalidArguments("the request is too long for one address; name fewer fields or shorter values")
        return await self.http.get(where, params=params, passing=passing)


def fits(text: str) -> bool:
    """Tell whether a query is short enough for an address."""
    return _longest({"q": text}) < LONGEST_URI - 100


def _longest(params: Mapping[str, str]) -> int:
    """Return the length of a query string; an upper bound where even that is short enough."""
    bound = sum(3 * len(name) + 12 * len(value) + 2 for name, value in params.items())
    return bound if bound < LONGEST_URI // 2 else len(urlencode(params, quote_via=quote, safe=""))


def _endless() -> UpstreamError:
    return UpstreamError(
        "the org's pages do not come to an end or are too large, so the answer was not used; repeat the query with a "
        "smaller limit",
        code="cyclic_pages",
    )
