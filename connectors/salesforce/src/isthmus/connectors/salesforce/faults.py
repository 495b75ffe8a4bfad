"""What does an answer of the org mean? One table of the vendor's codes, and what may be done about each."""

from collections.abc import Iterable, Mapping

from isthmus.core.connector import Fault, FaultKind, QuotaReading
from isthmus.core.errors import (
    CredentialError,
    NotFound,
    RetryLater,
    UpstreamError,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["fault_of", "quota_of"]

DAY = 86_400.0

_DENIED = (FaultKind.AUTHORIZATION, CredentialError, "the org does not let this identity do that")
_EXPIRED = (FaultKind.AUTHORIZATION, CredentialError, "the org no longer accepts the access token")
_MISSING = (FaultKind.CALLER, NotFound, "there is no such record, or this identity may not see it")
_BUSY = (FaultKind.TRANSIENT, RetryLater, "the org could not answer just now")
_LOCKED = (FaultKind.TRANSIENT, RetryLater, "another transaction holds the record or its parent")
_SPENT = (FaultKind.QUOTA, RetryLater, "the org's daily API quota is spent")
_CROWDED = (FaultKind.THROTTLE, RetryLater, "the org is running too many requests at once")
_STALE = (FaultKind.CALLER, VersionConflict, "the record changed since it was read; read it again and decide again")
_REJECTED = (FaultKind.CALLER, UpstreamRejected, "the org refused the request by a rule of its own")
_SEVERAL = (FaultKind.CALLER, UpstreamRejected, "several records have this key; use an id")
_STRANGE = (FaultKind.UNKNOWN, UpstreamError, "the org gave an answer that is not understood")

_Row = tuple[FaultKind, type[UpstreamError], str]

_CODES: Mapping[str, _Row] = {
    "INVALID_SESSION_ID": _EXPIRED,
    "INVALID_AUTH_HEADER": _DENIED,
    "API_DISABLED_FOR_ORG": _DENIED,
    "API_CURRENTLY_DISABLED": _DENIED,
    "INSUFFICIENT_ACCESS": _DENIED,
    "INSUFFICIENT_ACCESS_OR_READONLY": _DENIED,
    "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY": _DENIED,
    "NOT_FOUND": _MISSING,
    "ENTITY_IS_DELETED": _MISSING,
    "INVALID_QUERY_LOCATOR": _MISSING,
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    "SERVER_UNAVAILABLE": _BUSY,
    "QUERY_TIMEOUT": _BUSY,
    "REQUEST_RUNNING_TOO_LONG": _BUSY,
    "UNKNOWN_EXCEPTION": _BUSY,
    "STORAGE_LIMIT_EXCEEDED": _SPENT,
}
_STATUSES: Mapping[int, _Row] = {
    300: _SEVERAL,
    401: _EXPIRED,
    403: _DENIED,
    404: _MISSING,
    412: _STALE,
    429: _CROWDED,
}


def fault_of(response: Response) -> Fault | None:
    """Classify an answer; errors arrive as an array, as an object (token endpoint, some 401) or as no JSON at all."""
    status = response.status
    if status < 300 or status == 304:
        return _page_of_html(response)
    code, text, field = _error(response)
    kind, error, sentence = _row(status, code, text)
    said = f"{sentence} ({code})" if code else f"{sentence} (HTTP {status})"
    return Fault(kind, code or f"HTTP_{status}", said, error, field, text)


def quota_of(response: Response) -> Iterable[QuotaReading]:
    """Read `Sforce-Limit-Info: api-usage=22/15000`; answers without a body carry none."""
    for part in response.headers.get("sforce-limit-info", "").split(";"):
        name, _, usage = part.strip().partition("=")
        used, slash, limit = usage.partition("/")
        if name == "api-usage" and slash and used.isdigit() and limit.isdigit():
            yield QuotaReading(limit=int(limit), remaining=max(0, int(limit) - int(used)), window=DAY)


def _row(status: int, code: str, text: str) -> _Row:
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _CROWDED if "concurrent" in text.casefold() else _SPENT
    if code in _CODES:
        return _CODES[code]
    if status in _STATUSES:
        return _STATUSES[status]
    if status >= 500:
        return _BUSY
    return _REJECTED if status >= 400 else _STRANGE


def _error(response: Response) -> tuple[str, str, str]:
    """Return code, text and first field of an error body, whatever its shape."""
    body: JSON = response.json() if _is_json(response) else None
    if isinstance(body, list) and body:
        body = body[0]
    if not isinstance(body, Mapping):
        return "", "", ""
    code = body.get("errorCode") or body.get("statusCode") or body.get("error")
    text = body.get("message") or body.get("error_description")
    fields = body.get("fields")
    field = fields[0] if isinstance(fields, list) and fields else ""
    return str(code or ""), str(text or ""), str(field)


def _page_of_html(response: Response) -> Fault | None:
    """A login page with status 200 is no success."""
    if not response.body or _is_json(response):
        return None
    said = "the org answered with something that is not JSON; a login page or a proxy may be in between"
    return Fault(FaultKind.UNKNOWN, "NOT_JSON", said, UpstreamError)


def _is_json(response: Response) -> bool:
    return response.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
