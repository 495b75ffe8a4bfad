"""What does an answer of the org mean? One table of the vendor's codes, and what may be done about each."""

import re
from collections.abc import Iterable, Mapping, Sequence

from isthmus.connectors.salesforce.tree import failed_in, grown
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

_Row = tuple[FaultKind, type[UpstreamError], str]


def _refused(sentence: str) -> _Row:
    return FaultKind.CALLER, UpstreamRejected, sentence


def _login(sentence: str) -> _Row:
    return FaultKind.AUTHORIZATION, CredentialError, sentence


_EXPIRED = _login("the org no longer accepts the access token")
_NO_LOGIN = _login("the org does not accept this login; consent again, or mend the connection's auth settings")
_NO_API = _login("the org does not let this identity use the API; have its administrator allow that")
# Not a matter of the login: a new one would have the same rights.
_FORBIDDEN = (
    FaultKind.AUTHORIZATION,
    UpstreamRejected,
    "the org does not let this identity do that; have its administrator grant the right, or use another record",
)
_MISSING = (FaultKind.CALLER, NotFound, "there is no such record, or this identity may not see it")
_DELETED = (FaultKind.CALLER, NotFound, "the record is deleted; use another one")
_BUSY = (FaultKind.TRANSIENT, RetryLater, "the org could not answer just now")
_LOCKED = (FaultKind.TRANSIENT, RetryLater, "another transaction holds the record or its parent")
_SPENT = (FaultKind.QUOTA, RetryLater, "the org's daily API quota is spent")
_CROWDED = (FaultKind.THROTTLE, RetryLater, "the org is running too many requests at once")
_EDGE = (FaultKind.THROTTLE, RetryLater, "the org asks for a pause")
_STALE = (FaultKind.CALLER, VersionConflict, "the record changed since it was read; read it again and decide again")
_DROPPED = (FaultKind.CALLER, RetryLater, "the org dropped the rest of a long answer; repeat the query from its start")
_RULE = _refused("the org refused the request by a rule of its own; change the values")
_LONG = _refused("the request is longer than the org takes; name fewer fields or values")
_ABSENT_FIELD = _refused("a field does not exist or is hidden from this identity; use fields that describe lists")
_ID = _refused("an id is not one, or belongs to another object; use one that an answer gave")
_QUERY = _refused("the org cannot read the query; use select, where and order_by with fields that describe lists")
_CHOICE = _refused("a value is none of the field's choices; use one that describe lists")
_VALUE = _refused("a value does not fit its field; describe the object and give a value of the field's type")
_METHOD = _refused("the org does not take this kind of request here; use another verb")
_MOVED = (
    FaultKind.UNKNOWN,
    UpstreamError,
    "the org sends the request elsewhere; set the connection's url to the org's own My Domain address",
)
_STRANGE = (FaultKind.UNKNOWN, UpstreamError, "the org gave an answer that is not understood")

_CODES: Mapping[str, _Row] = {
    "API_CURRENTLY_DISABLED": _NO_API,
    "API_DISABLED_FOR_ORG": _NO_API,
    "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY": _refused(
        "a trigger, a flow or the org's settings refused the write; the org's administrator can tell which"
    ),
    "DUPLICATES_DETECTED": _refused("a duplicate rule refused the record; search for the one that is there"),
    "DUPLICATE_VALUE": _refused("another record has a value that must be unique; find that record, or use another"),
    "ALREADY_IN_PROCESS": _refused("the record waits for an approval already; approve, reject or leave it"),
    "ENTITY_IS_DELETED": _DELETED,
    "ENTITY_IS_LOCKED": _refused(
        "the record is locked while it waits for an approval; have its approver approve or reject it, then repeat"
    ),
    "EXCEEDED_ID_LIMIT": _refused("the answer cannot be continued; ask for fewer groups or rows"),
    "FIELD_CUSTOM_VALIDATION_EXCEPTION": _refused("a validation rule of the org refused the values; change them"),
    "FIELD_INTEGRITY_EXCEPTION": _ID,
    "INVALID_AUTH_HEADER": _NO_LOGIN,
    "INVALID_CROSS_REFERENCE_KEY": _ID,
    "INVALID_EMAIL_ADDRESS": _VALUE,
    "INVALID_FIELD": _ABSENT_FIELD,
    "INVALID_FIELD_FOR_INSERT_UPDATE": _refused("a field cannot be written by this identity; leave it out"),
    "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST": _CHOICE,
    "INVALID_QUERY_LOCATOR": _DROPPED,
    "INVALID_SESSION_ID": _EXPIRED,
    "INVALID_TYPE": _refused("there is no such object, or this identity may not see it; describe lists the objects"),
    "JSON_PARSER_ERROR": _VALUE,
    "MALFORMED_ID": _ID,
    "MALFORMED_QUERY": _QUERY,
    "MALFORMED_SEARCH": _refused("the org cannot read the search; use whole words of at least two letters"),
    "METHOD_NOT_ALLOWED": _METHOD,
    "NOT_FOUND": _MISSING,
    "NO_APPLICABLE_PROCESS": _refused(
        "no approval process takes this record as it is; its values do not meet the entry criteria of any"
    ),
    "NUMBER_OUTSIDE_VALID_RANGE": _VALUE,
    "QUERY_TIMEOUT": _BUSY,
    "QUERY_TOO_COMPLICATED": _refused("the query is too complicated for the org; use fewer fields or conditions"),
    "REQUEST_RUNNING_TOO_LONG": _BUSY,
    "REQUIRED_FIELD_MISSING": _refused("required fields are missing; add them"),
    "SERVER_UNAVAILABLE": _BUSY,
    # The API quota is another one: reads go on.
    "STORAGE_LIMIT_EXCEEDED": _refused("the org's storage is full; have its administrator free some"),
    "STRING_TOO_LONG": _refused("a text is longer than its field; shorten it"),
    "UNABLE_TO_LOCK_ROW": _LOCKED,
    "UNKNOWN_EXCEPTION": _BUSY,
    # The token endpoint's own (RFC 6749 section 5.2, and the vendor's additions).
    "inactive_org": _NO_LOGIN,
    "inactive_user": _NO_LOGIN,
    "invalid_client": _NO_LOGIN,
    "invalid_client_id": _NO_LOGIN,
    "invalid_grant": _NO_LOGIN,
    "retry_request": _BUSY,
    "unauthorized_client": _NO_LOGIN,
    "unsupported_grant_type": _NO_LOGIN,
}
_STATUSES: Mapping[int, _Row] = {
    304: _STRANGE,
    401: _EXPIRED,
    403: _FORBIDDEN,
    404: _MISSING,
    405: _METHOD,
    412: _STALE,
    414: _LONG,
    415: _METHOD,
    429: _EDGE,
    431: _LONG,
}
_CODE = re.compile(r"[A-Za-z][A-Za-z_]{0,79}")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.]{0,119}")
_DAILY = re.compile(r"\s*api-usage=(\d{1,12})/(\d{1,12})\s*", re.ASCII)
_PER_APP = re.compile(r"\s*per-app-api-usage=(\d{1,12})/(\d{1,12})\(appName=[^()]*\)\s*", re.ASCII)
_MOST_FIELDS = 20


def fault_of(response: Response) -> Fault | None:
    """Classify an answer; errors arrive as an array, as an object (token endpoint, some 401) or as no JSON at all."""
    if response.status == 300:
        return _several(response)
    if response.status >= 300:
        return _fault(response.status, _body(response))
    if response.status not in (200, 201, 204):
        # A part of an answer, or one that is not final, is no success.
        return _unusable(f"HTTP_{response.status}", "the org gave an answer that is not understood")
    return None if response.status == 204 else _unfit(response)


def quota_of(response: Response) -> Iterable[QuotaReading]:
    """Read `Sforce-Limit-Info: api-usage=22/15000; per-app-api-usage=17/250(appName=x)`; a 204 carries none.

    Both count calls of 24 hours. The one with less left comes last, for the last reading is the one that holds.
    """
    told = []
    for part in response.headers.get("sforce-limit-info", "").split(";"):
        for name, form in (("", _DAILY), ("app", _PER_APP)):
            if found := form.fullmatch(part):
                used, limit = int(found[1]), int(found[2])
                told.append(QuotaReading(limit=limit, remaining=max(0, limit - used), window=DAY, quota=name))
    return sorted(told, key=lambda reading: -(reading.remaining or 0)) if len(told) > 1 else told


def _fault(status: int, body: JSON) -> Fault:
    body = failed_in(body)
    error = body[0] if isinstance(body, Sequence) and body and not isinstance(body, str) else body
    if not isinstance(error, Mapping):
        error = {}
    code, text = _word(error, "errorCode", "statusCode", "error"), _word(error, "message", "error_description")
    # What is put into our own sentence must look like a code: an org's own code could say anything there.
    code = code if _CODE.fullmatch(code) else ""
    kind, raised, sentence = _row(status, code, text)
    return Fault(
        kind, code or f"HTTP_{status}", f"{sentence} ({code or f'HTTP {status}'})", raised, _fields(error), text
    )


def _row(status: int, code: str, text: str) -> _Row:
    if code == "REQUEST_LIMIT_EXCEEDED":
        return _CROWDED if "concurrent" in text.casefold() else _SPENT
    found = _CODES.get(code)
    if status >= 500:
        # Whatever it names, a server error leaves open what became of the request.
        return found if found is not None and found[0] is FaultKind.TRANSIENT else _BUSY
    if found is not None:
        return found
    if code.startswith("INSUFFICIENT_ACCESS"):
        return _FORBIDDEN
    return _STATUSES.get(status) or (_RULE if status >= 400 else _MOVED)


def _several(response: Response) -> Fault:
    """The body lists the addresses of the records that share the key; how many there are is enough to act on."""
    body = _body(response)
    many = f"{len(body)} records have" if isinstance(body, list) and body else "several records have"
    return Fault(FaultKind.CALLER, "HTTP_300", f"{many} this key; name the one you mean by its id", UpstreamRejected)


def _unfit(response: Response) -> Fault | None:
    """Tell why a success is none: a login page, nothing where content is due, or a write that did not succeed."""
    if response.status == 200 and response.headers.get("content-type", "").partition(";")[0].strip() == "text/csv":
        # The results of a bulk job; whoever waits for JSON does not take it.
        return None
    if response.status == 201 and not response.body:
        # The org took the data of a job; a record that was made is told by its id, and its maker misses that.
        return None
    if response.filed is not None:
        return None
    if not response.body:
        return _unusable("EMPTY_ANSWER", "the org answered with nothing where content is due")
    if not response.is_json:
        said = "the org answered with something that is not JSON; a login page or a proxy may be in between"
        return _unusable("NOT_JSON", said)
    if response.status != 201 and b'"success"' not in response.body[:400]:
        return None
    return _undone(response.status, _body(response))


def _undone(status: int, body: JSON) -> Fault | None:
    """Tell what is wrong with an answer about a write."""
    told = body if isinstance(body, Mapping) else {}
    if told.get("success") is False or told.get("hasErrors") is True:
        return _fault(400, told.get("errors", body))
    if grown(body) or ("success" not in told and status != 201):
        return None
    return None if isinstance(told.get("id"), str) else _unusable("NO_ID", "the org did not say what it wrote")


def _unusable(code: str, sentence: str) -> Fault:
    return Fault(FaultKind.UNKNOWN, code, sentence, UpstreamError)


def _body(response: Response) -> JSON:
    """Return the body of JSON; None where it is none, or is broken."""
    try:
        return response.json()
    except UpstreamError:
        return None


def _word(error: Mapping[str, JSON], *names: str) -> str:
    return next((found for name in names if isinstance(found := error.get(name), str) and found), "")


def _fields(error: Mapping[str, JSON]) -> str:
    told = error.get("fields")
    named = [one for one in told if isinstance(one, str)] if isinstance(told, list) else []
    return ", ".join(one for one in named[:_MOST_FIELDS] if _FIELD.fullmatch(one))
