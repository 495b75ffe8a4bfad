"""Do the conditions in the request's headers hold for the resource as it is?"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from isthmus.plugins.sandbox.message import Request

from .errors import ApiError


def unchanged(request: Request, etag: str | None, modified: datetime) -> bool:
    """Say whether a reader may keep what it has (If-None-Match, If-Modified-Since)."""
    wanted = request.headers.get("if-none-match")
    if wanted is not None:
        return etag is not None and _names(wanted, etag)
    since = _moment(request, "if-modified-since", strict=False)
    return since is not None and modified.replace(microsecond=0) <= since


def require(request: Request, etag: str | None, modified: datetime) -> None:
    """Refuse a write whose If-Match or If-Unmodified-Since fails; `etag` is None where the object has none.

    Only Account rows carry an ETag: on any other object If-Match is ignored, and the dates have whole seconds
    (REST API Developer Guide, "Conditional Requests").
    """
    wanted = request.headers.get("if-match")
    if wanted is not None and etag is not None and not _names(wanted, etag):
        raise _failed()
    since = _moment(request, "if-unmodified-since", strict=True)
    if since is not None and modified.replace(microsecond=0) > since:
        raise _failed()


def _failed() -> ApiError:
    return ApiError(412, "PRECONDITION_FAILED", "The request's precondition does not hold for this record")


def _names(wanted: str, etag: str) -> bool:
    return wanted.strip() == "*" or etag in [each.strip().removeprefix("W/") for each in wanted.split(",")]


def _moment(request: Request, name: str, *, strict: bool) -> datetime | None:
    value = request.headers.get(name)
    if value is None:
        return None
    try:
        found = parsedate_to_datetime(value)
    except ValueError:
        if strict:
            raise ApiError(400, "INVALID_HEADER_VALUE", f"{name} is not an HTTP date") from None
        return None
    return found if found.tzinfo is not None else found.replace(tzinfo=UTC)
