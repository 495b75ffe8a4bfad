"""What does an answer mean? The statuses of HTTP, and problem details where the service tells them (RFC 9457)."""

from collections.abc import Mapping

from isthmus.core.connector import Fault, FaultKind
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

__all__ = ["fault_of"]

_Row = tuple[FaultKind, str, type[UpstreamError], str]

_INVALID: _Row = (
    FaultKind.CALLER, "INVALID_REQUEST", UpstreamRejected,
    "the service refused the request; describe the object and give what its operations take",
)  # fmt: skip
_STATUSES: Mapping[int, _Row] = {
    401: (FaultKind.AUTHORIZATION, "UNAUTHORIZED", CredentialError,
          "the service does not accept the credential; renew it"),
    403: (FaultKind.AUTHORIZATION, "FORBIDDEN", UpstreamRejected,
          "the service does not let this identity do that; have its owner grant it"),
    404: (FaultKind.CALLER, "NOT_FOUND", NotFound, "there is no such record, or this identity may not see it"),
    409: (FaultKind.CALLER, "CONFLICT", UpstreamRejected,
          "the service refused it for the state that the record is in; read it, then decide again"),
    410: (FaultKind.CALLER, "GONE", NotFound, "the record is gone"),
    412: (FaultKind.CALLER, "CHANGED", VersionConflict, "the record changed meanwhile; read it, then decide again"),
    428: (FaultKind.CALLER, "VERSION_NEEDED", VersionConflict, "the service wants the version that is changed"),
    429: (FaultKind.THROTTLE, "TOO_MANY_REQUESTS", RetryLater, "the service asks for fewer requests"),
}  # fmt: skip
_BUSY: _Row = (FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater, "the service could not answer just now")
_MOVED: _Row = (
    FaultKind.UNKNOWN, "MOVED", UpstreamError,
    "the service sends the request elsewhere; set the connection's url and base_path to where it really is",
)  # fmt: skip
_PAGE: _Row = (
    FaultKind.AUTHORIZATION, "LOGIN_PAGE", CredentialError,
    "the service answered with a page for people; a login or a proxy may be in between",
)  # fmt: skip
_STRANGE: _Row = (FaultKind.UNKNOWN, "STRANGE", UpstreamError, "the service gave an answer that is not understood")


def fault_of(response: Response) -> Fault | None:
    """Classify an answer."""
    status = response.status
    if 200 <= status < 300:
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return _fault(_PAGE, response) if kind in ("text/html", "application/xhtml+xml") else None
    if status >= 500:
        return _fault(_BUSY, response)
    if status >= 400:
        return _fault(_STATUSES.get(status, _INVALID), response)
    return _fault(_MOVED if status >= 300 else _STRANGE, response)


def _fault(row: _Row, response: Response) -> Fault:
    kind, code, error, sentence = row
    return Fault(kind, code, f"{sentence} (HTTP {response.status})", error, text=_words(response))


def _words(response: Response) -> str:
    """Return what the service says of its refusal, in whichever of the usual members."""
    try:
        body = response.json()
    except UpstreamError:
        return ""
    if not isinstance(body, Mapping):
        return ""
    nested = body.get("error")
    told: list[JSON] = [body.get(name) for name in ("title", "detail", "message", "error", "error_description")]
    if isinstance(nested, Mapping):
        told += [nested.get("message")]
    return ": ".join(one for one in told if isinstance(one, str))
