"""How is a list read to its end, although an instance drops from every page what this identity may not see?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlencode

from isthmus.connectors.servicenow.answers import ID, listed, strange, text_at
from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.http import HEAVIEST, Http, Path
from isthmus.core.records import JSON

__all__ = ["MOST_ROWS", "PLAIN", "Found", "list_params", "read_list"]

MOST_ROWS = 2_000
MOST_PAGES = 50
FEWEST = 200
LONGEST_URI = 30_000
"""Of path and query, in bytes; instances take more than 23,000 where the pagination header is suppressed."""
PLAIN: Mapping[str, str] = {
    "sysparm_display_value": "false",
    "sysparm_exclude_reference_link": "true",
}
"""Values as they are stored, and references as bare ids."""


@dataclass(frozen=True, slots=True)
class Found:
    """Records, and whether the instance counted others that it did not give."""

    records: Sequence[Mapping[str, JSON]]
    hidden: bool


async def read_list(http: Http, where: Path, text: str, fields: Sequence[str], limit: int) -> Found:
    """Read up to `limit` records in the order that the text ends with, which must have no ties.

    Rights on rows are applied after paging (KB3047115), so a short or an empty page is no end: what counts is the
    offset against the count. Raises UpstreamError where too much is hidden to get to an end.
    """
    found: dict[str, Mapping[str, JSON]] = {}
    size, offset, hidden, held = min(limit, MOST_ROWS), 0, False, 0
    for _ in range(MOST_PAGES):
        answer = await http.get(where, params=list_params(where, text, fields, size, offset))
        page = listed(answer)
        if len(page.records) > size:
            raise strange()
        for one in page.records:
            found.setdefault(text_at(one, ID), one)
        # Without a count nothing tells a short page from the last one, but an empty page has to be the end.
        total = page.total if page.total is not None else offset + size + bool(page.records)
        hidden |= page.total is None or len(page.records) < min(size, max(0, total - offset))
        offset += size
        if len(found) >= limit or offset >= total:
            return Found(list(found.values())[:limit], hidden)
        if (held := held + answer.weight) > HEAVIEST:
            break
        size = min(MOST_ROWS, max(FEWEST, size * 4))
    raise UpstreamError(
        "the instance hides so many records from this identity that the answer has no end; narrow the condition, or "
        "have the identity's rights on rows mended",
        code="endless_pages",
    )


def list_params(where: Path, text: str, fields: Sequence[str], size: int, offset: int) -> Mapping[str, str]:
    """Write one page's parameters; raises InvalidArguments where they are too long for an address."""
    params = {
        "sysparm_query": text,
        "sysparm_fields": ",".join(fields),
        "sysparm_limit": str(size),
        **({"sysparm_offset": str(offset)} if offset else {}),
        **PLAIN,
        "sysparm_suppress_pagination_header": "true",
    }
    if len(where) + len(urlencode({"q": text, "f": params["sysparm_fields"]}, quote_via=quote, safe="")) > LONGEST_URI:
        raise InvalidArguments("the query is too long for one address; name fewer fields or shorter values")
    return params
