"""How does each collection come in pages? Each in another of the usual styles."""

import base64
from collections.abc import Mapping, Sequence
from urllib.parse import urlencode

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .store import Row

__all__ = ["BadRequest", "by_cursor", "by_link", "by_offset", "by_url"]

DOORS = 3


class BadRequest(Exception):
    """A parameter that cannot be taken."""


def number(query: Mapping[str, str], name: str, usual: int, least: int, most: int) -> int:
    """Return a parameter that counts."""
    told = query.get(name, str(usual))
    if not told.isascii() or not told.isdigit() or not least <= int(told) <= most:
        raise BadRequest(f"{name} is a number from {least} to {most}")
    return int(told)


def by_link(request: Request, rows: Sequence[Row]) -> Reply:
    """Give a page by its number, and the next one in Link (RFC 8288)."""
    page, size = number(request.query, "page", 1, 1, 10_000), number(request.query, "per_page", 2, 1, 50)
    headers = {}
    if page * size < len(rows):
        more = urlencode({**request.query, "page": page + 1, "per_page": size})
        headers["link"] = f'<{request.origin}{request.path}?{more}>; rel="next"'
    return Reply(200, list(rows[(page - 1) * size : page * size]), headers)


def by_cursor(request: Request, rows: Sequence[Row]) -> Reply:
    """Give a page behind a cursor that says nothing to a reader."""
    size, told = number(request.query, "limit", 5, 1, 20), request.query.get("cursor", "")
    try:
        start = int(base64.urlsafe_b64decode(told).decode().removeprefix("after:")) if told else 0
    except (ValueError, UnicodeDecodeError):
        raise BadRequest("cursor is none that was given") from None
    body: dict[str, Json] = {"data": list(rows[start : start + size])}
    if start + size < len(rows):
        body["next_cursor"] = base64.urlsafe_b64encode(f"after:{start + size}".encode()).decode()
    return Reply(200, body)


def by_offset(request: Request, rows: Sequence[Row]) -> Reply:
    """Give a page at an offset, and how many there are in all."""
    start, size = number(request.query, "offset", 0, 0, 10**9), number(request.query, "limit", 10, 1, 25)
    return Reply(200, {"total": len(rows), "items": list(rows[start : start + size])})


def by_url(request: Request, rows: Sequence[Row]) -> Reply:
    """Give a page with the address of the next one in it."""
    page = number(request.query, "page", 1, 1, 10_000)
    shown = list(rows[(page - 1) * DOORS : page * DOORS])
    more = urlencode({**request.query, "page": page + 1})
    links: dict[str, Json] = {"next": f"{request.origin}{request.path}?{more}"} if page * DOORS < len(rows) else {}
    return Reply(200, {"doors": shown, "links": links})
