"""What does an answer of the instance mean? One table of statuses and words, and what may be done about each."""

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from isthmus.core.connector import UNCOUNTED, Fault, FaultKind, QuotaReading
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["CANCELLED", "fault_of", "quota_of"]

HOUR = 3_600.0
CANCELLED = "TRANSACTION_CANCELLED"

_Row = tuple[FaultKind, str, type[UpstreamError], str]

_LOGIN = (
    FaultKind.AUTHORIZATION, "USER_NOT_AUTHENTICATED", CredentialError,
    "the instance does not accept the login; renew the credential, or have API logins allowed for this user",
)  # fmt: skip
_FORBIDDEN = (
    FaultKind.AUTHORIZATION, "ACCESS_DENIED", UpstreamRejected,
    "the instance does not let this identity do that; have its administrator grant the role, or use another record",
)  # fmt: skip
_BLOCKED = (
    FaultKind.AUTHORIZATION, "BLOCKED_BY_ACL", UpstreamRejected,
    "the instance made nothing of it, since this identity may not write there; have its administrator grant the role",
)  # fmt: skip
_RULE = (
    FaultKind.CALLER, "BUSINESS_RULE", UpstreamRejected, "a business rule of the instance refused it; change the values"
)  # fmt: skip
_MISSING = (
    FaultKind.CALLER, "RECORD_NOT_FOUND", NotFound, "there is no such record, or this identity may not see it"
)  # fmt: skip
_TABLE = (
    FaultKind.CALLER, "INVALID_TABLE", UpstreamRejected,
    "there is no such table, or this identity may not see it; describe lists the objects",
)  # fmt: skip
_PATH = (FaultKind.CALLER, "INVALID_URI", UpstreamRejected, "the instance has no such resource; use another verb")
_INVALID = (
    FaultKind.CALLER, "INVALID_REQUEST", UpstreamRejected,
    "the instance refused the request; describe the object and give values of its fields' types",
)  # fmt: skip
_TAKEN = (
    FaultKind.CALLER, "DUPLICATE", UpstreamRejected,
    "a record with this key or unique value is there already; find it, or use another key",
)  # fmt: skip
_DROPPED = (
    FaultKind.THROTTLE, "DROPPED", RetryLater, "the instance dropped the request unread, since it has too many at once"
)  # fmt: skip
_LIMITED = (FaultKind.QUOTA, "RATE_LIMIT", RetryLater, "the instance's hourly limit for this identity is spent")
_CROWDED = (FaultKind.THROTTLE, "TOO_MANY_REQUESTS", RetryLater, "the instance is running too many requests at once")
_BUSY = (FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater, "the instance could not answer just now")
_ASLEEP = (
    FaultKind.TRANSIENT, "HIBERNATING", RetryLater,
    "the instance hibernates; wake it on the vendor's developer site",
)  # fmt: skip
_CANCELLED = (
    FaultKind.UNKNOWN, CANCELLED, UpstreamRejected,
    "the instance cut the request off for taking too long; ask for fewer rows and fields",
)  # fmt: skip
_PAGE = (
    FaultKind.UNKNOWN, "NOT_JSON", UpstreamError,
    "the instance answered with something that is not JSON; a login page or a proxy may be in between",
)  # fmt: skip
_MOVED = (
    FaultKind.UNKNOWN, "MOVED", UpstreamError,
    "the instance sends the request elsewhere; set the connection's url to the instance's own address",
)  # fmt: skip
_STRANGE = (FaultKind.UNKNOWN, "STRANGE", UpstreamError, "the instance gave an answer that is not understood")

_STATUSES: Mapping[int, _Row] = {
    400: _INVALID, 401: _LOGIN, 403: _FORBIDDEN, 404: _MISSING, 405: _PATH, 406: _PATH, 409: _TAKEN, 415: _PATH,
}  # fmt: skip
_SECONDS = re.compile(r"[0-9]{9,11}")
_COUNT = re.compile(r"[0-9]{1,9}")
_RULE_ID = re.compile(r"[0-9A-Za-z]{1,40}")


def fault_of(response: Response) -> Fault | None:
    """Classify an answer; errors arrive as `{"error": {"message", "detail"}}`, as HTML, or inside a success."""
    status = response.status
    if status == 204:
        return None
    if status == 200 and response.filed is not None:
        # Taken for a file, of whatever type; who asked for it compares it with what the instance says of it.
        return None
    if status == 201 and not response.body and "location" not in response.headers:
        return _fault(_BLOCKED, {}, status)
    if status in (200, 201):
        return _unfit(response)
    error = _error(response)
    row = _row(response, _word(error, "message"), _word(error, "detail"))
    return _fault(row, error, status)


_DUPLICATE = re.compile(r"\bduplicate\b")
_TELLS = frozenset({200, 201, 400, 403, 404})
_RATES = tuple(f"x-ratelimit-{one}" for one in ("limit", "reset", "rule"))


def quota_of(response: Response) -> Iterable[QuotaReading]:
    """Read `X-RateLimit-Limit`, `-Reset` and `-Rule`, which come with calls that match a rule.

    What is left no header tells, so it is counted here; a 429 says that it is nothing. An answer of the API without
    any of them matched no rule; a 204 has none of the usual headers, and one about the login or a fault tells nothing.
    """
    if response.status in _TELLS and response.is_json and not any(one in response.headers for one in _RATES):
        return (UNCOUNTED,)
    limit, reset = (response.headers.get(f"x-ratelimit-{one}", "") for one in ("limit", "reset"))
    if not _COUNT.fullmatch(limit) or not _SECONDS.fullmatch(reset):
        return ()
    rule = response.headers.get("x-ratelimit-rule", "")
    return (
        QuotaReading(
            limit=int(limit),
            remaining=0 if response.status == 429 else None,
            window=HOUR,
            resets_at=datetime.fromtimestamp(int(reset), UTC),
            quota=rule if _RULE_ID.fullmatch(rule) else "",
        ),
    )


def _row(response: Response, message: str, detail: str) -> _Row:
    status, said = response.status, f"{message} {detail}".casefold()
    if status == 202:
        return _DROPPED
    if status == 429:
        timed = "retry-after" in response.headers or "x-ratelimit-rule" in response.headers
        return _LIMITED if timed else _CROWDED
    if status >= 500:
        return _BUSY
    if status < 400:
        return _MOVED if status >= 300 else _STRANGE
    return _worded(status, said) or _STATUSES.get(status, _INVALID)


def _worded(status: int, said: str) -> _Row | None:
    """Tell statuses apart by the vendor's own words; 401 is about the login whatever it says."""
    if status == 401:
        return _LOGIN
    if status == 400 and ("invalid table" in said or "does not exist" in said):
        return _TABLE
    if status == 400 and "does not represent any resource" in said:
        return _PATH
    if "aborted by business rule" in said:
        return _RULE
    if status in (400, 403, 409) and (_DUPLICATE.search(said) or "unique key" in said):
        return _TAKEN
    return None


def _unfit(response: Response) -> Fault | None:
    """Tell why a success is none: a sleeping instance, a login page, an empty body, or an error after some rows."""
    body = response.body
    if not response.is_json:
        row = _ASLEEP if b"hibernat" in body[:20_000].lower() else _PAGE
        return _fault(row, {}, response.status)
    if not body:
        return _fault((*_STRANGE[:1], "EMPTY_ANSWER", *_STRANGE[2:]), {}, response.status)
    if b'"error"' not in body and b"Transaction cancelled" not in body:
        return None
    error = _error(response)
    if not error:
        # Words of a record, unless the answer broke off in the middle: then reading it says so.
        return None
    return _fault(_CANCELLED, error, response.status)


def _fault(row: _Row, error: Mapping[str, JSON], status: int) -> Fault:
    kind, code, raised, sentence = row
    said = ": ".join(word for word in (_word(error, "message"), _word(error, "detail")) if word)
    return Fault(kind, code, f"{sentence} (HTTP {status})", raised, text=said)


def _error(response: Response) -> Mapping[str, JSON]:
    """Return the error of a body; empty where it has none, or is no JSON that can be read."""
    try:
        body = response.json()
    except UpstreamError:
        return {}
    found = body.get("error") if isinstance(body, Mapping) else None
    if isinstance(found, str) and isinstance(body, Mapping):
        # The token endpoint's own shape (RFC 6749 section 5.2).
        return {"message": found, "detail": body.get("error_description")}
    return found if isinstance(found, Mapping) else {}


def _word(error: Mapping[str, JSON], name: str) -> str:
    found = error.get(name)
    return found if isinstance(found, str) else ""
