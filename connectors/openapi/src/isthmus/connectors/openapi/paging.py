"""Where does a collection go on? Five styles: a Link header, an address in the body, a cursor, an offset, a page."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote

from isthmus.connectors.openapi.document import In, Operation
from isthmus.connectors.openapi.rows import at_path, properties_of
from isthmus.connectors.openapi.schemas import Schema, pointed
from isthmus.connectors.openapi.settings import PageSettings
from isthmus.core.errors import InvalidArguments
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["PAGING", "Pager", "Turn", "pager_of"]

_CURSORS = ("cursor", "page_token", "pageToken", "next_token", "nextToken", "starting_after", "after", "marker",
            "continuation", "continuation_token", "continuationToken")  # fmt: skip
_OFFSETS = ("offset", "skip", "start", "$skip")
_PAGES = ("page", "page_number", "pageNumber")
_SIZES = ("limit", "per_page", "perPage", "page_size", "pageSize", "page[size]", "size", "count", "top", "$top",
          "max_results", "maxResults")  # fmt: skip
PAGING = frozenset((*_CURSORS, *_OFFSETS, *_PAGES, *_SIZES, "$skiptoken"))
"""Parameters that only say which part of a collection is read: an address of the service's own may have them."""
_URLS = ("next", "links.next", "links.next.href", "_links.next.href", "_links.next", "next_url", "nextUrl", "nextLink",
         "next_link", "@odata.nextLink", "paging.next", "pagination.next", "meta.next")  # fmt: skip
_NEXT = ("next_cursor", "nextCursor", "next_page_token", "nextPageToken", "next_token", "nextToken", "cursor.next",
         "meta.next_cursor", "meta.nextCursor", "pagination.next_cursor", "pagination.nextCursor",
         "paging.next_cursor", "response_metadata.next_cursor", "paging.cursors.after", "continuation_token",
         "continuationToken")  # fmt: skip
_TOTALS = ("total", "total_count", "totalCount", "total_results", "totalResults", "meta.total", "pagination.total",
           "page.totalElements")  # fmt: skip
_LINK = re.compile(r'<(?P<url>[^<>]*)>(?P<rest>(?:\s*;\s*[\w!#$&+.^`|~*-]+\s*(?:=\s*(?:"[^"]*"|[^",;\s]+))?)*)')
_REL = re.compile(r';\s*rel\s*=\s*(?:"(?P<text>[^"]*)"|(?P<word>[^",;\s]+))', re.IGNORECASE)
USUAL = 100


@dataclass(frozen=True, slots=True)
class Turn:
    """Where the next page is: an address of the service's own, or one more stretch of query string."""

    url: str = ""
    query: str = ""

    def dump(self) -> str:
        """Write it down for a later call."""
        return json.dumps([self.url, self.query])

    @classmethod
    def load(cls, text: str) -> "Turn":
        """Read what `dump` wrote; raises InvalidArguments."""
        try:
            url, query = json.loads(text)
        except (ValueError, TypeError):
            raise InvalidArguments("`after` is none of this export's", field="after") from None
        return cls(str(url), str(query))


@dataclass(frozen=True, slots=True)
class Pager:
    """How one collection is read on; `rows` is where its rows lie."""

    style: str
    rows: tuple[str, ...]
    parameter: str = ""
    size: str = ""
    most: int = 0
    next: tuple[tuple[str, ...], ...] = ()
    total: tuple[tuple[str, ...], ...] = ()
    first: int = 1

    def begin(self) -> Turn:
        """Return how the first page is asked for."""
        return Turn(query=self._sized(()))

    def turn(self, answer: Response, body: JSON, before: Turn, passed: int) -> Turn | None:
        """Return where the next page is; None at the end. `passed` is how many rows have come, this page included."""
        if (linked := _linked(answer)) and self.style != "none":
            return Turn(linked)
        match self.style:
            case "url" | "cursor":
                found = next((one for path in self.next if isinstance(one := at_path(body, path), str | int)), "")
                if found in ("", False, True):
                    return None
                return Turn(str(found)) if self.style == "url" else Turn(query=self._sized(((self.parameter, found),)))
            case "offset" | "page":
                return self._counted(body, before, passed)
            case _:
                return None

    def _counted(self, body: JSON, before: Turn, passed: int) -> Turn | None:
        page = at_path(body, self.rows)
        count = len(page) if isinstance(page, list) else 0
        total = next((one for path in self.total if isinstance(one := at_path(body, path), int)), None)
        if not count or (total is not None and passed >= total):
            return None
        if self.style == "offset":
            return Turn(query=self._sized(((self.parameter, passed),)))
        found = re.search(rf"(?:^|&){re.escape(quote(self.parameter, safe=''))}=(\d+)", before.query)
        number = int(found[1]) if found else self.first
        return Turn(query=self._sized(((self.parameter, number + 1),)))

    def _sized(self, told: Sequence[tuple[str, str | int]]) -> str:
        pairs = [*told, *([(self.size, self.most)] if self.size else [])]
        return "&".join(f"{quote(name, safe='')}={quote(str(value), safe='')}" for name, value in pairs)


def pager_of(operation: Operation, rows: tuple[str, ...], told: PageSettings | None) -> Pager:
    """Return how a collection is read on, as the operator says or else as the document shows."""
    known = {one.name: one.schema for one in operation.parameters if one.place is In.QUERY}
    schema = operation.reply.schema
    size = told.size if told else next((name for name in _SIZES if name in known), "")
    most = _most(known.get(size, {})) if size else 0
    if told is not None:
        return Pager(
            told.style, rows, told.parameter, size, most, (tuple(told.next.split(".")),),
            (tuple(told.total.split(".")),) if told.total else _paths(_TOTALS), told.first,
        )  # fmt: skip
    totals = _paths(_TOTALS)
    cursor, offset, page = (next((one for one in some if one in known), "") for some in (_CURSORS, _OFFSETS, _PAGES))
    urls, cursors = _shown(schema, _URLS), _shown(schema, _NEXT)
    if cursor and cursors:
        return Pager("cursor", rows, cursor, size, most, cursors)
    if urls:
        return Pager("url", rows, "", size, most, urls)
    if offset:
        return Pager("offset", rows, offset, size, most, (), totals)
    if page:
        return Pager("page", rows, page, size, most, (), totals)
    return Pager("link", rows, "", size, most)


def _paths(names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    return tuple((name,) if name.startswith("@") else tuple(name.split(".")) for name in names)


def _shown(schema: Schema, names: Sequence[str]) -> tuple[tuple[str, ...], ...]:
    """Return those paths that the document describes in an answer."""
    return tuple(path for path in _paths(names) if _leads(schema, path))


def _leads(schema: Schema, path: Sequence[str]) -> bool:
    part: JSON = schema
    for step in path:
        known = properties_of(schema, part)
        if step not in known:
            return False
        part = known[step]
    return not properties_of(schema, part)


def _most(schema: Schema) -> int:
    """Return how many rows to ask for at once: as many as the document allows, within reason."""
    facts: Mapping[str, JSON] = pointed(schema, schema)
    most = facts.get("maximum")
    return max(1, min(most, USUAL)) if isinstance(most, int) and not isinstance(most, bool) else USUAL


def _linked(answer: Response) -> str:
    """Return the address of the next page by the Link header (RFC 8288)."""
    for one in _LINK.finditer(answer.headers.get("link", "")):
        relation = _REL.search(one["rest"])
        if relation is not None and "next" in (relation["text"] or relation["word"] or "").lower().split():
            return one["url"]
    return ""
