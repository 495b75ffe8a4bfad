"""What does an answer of a service mean? One table of statuses and codes, and what may be done about each."""

import re
from collections.abc import Mapping

from isthmus.connectors.sap.csrf import HEADER, TOKEN_REFUSED
from isthmus.connectors.sap.odata.messages import Complaint, complaint_of
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

__all__ = ["ABSENT", "SILENT", "UNTAKEN", "VERSION_REQUIRED", "fault_of", "part_fault"]

VERSION_REQUIRED = "VERSION_REQUIRED"
"""The code of the fault of a write that was not carried out since it named no version."""

UNTAKEN = "UNSUPPORTED_FORM"
"""The code of a request whose form the service does not read (RFC 9110 section 15.5.16)."""
SILENT = "NO_WORD"
"""The code of a 404 without a word: either the record is not there, or the service."""
ABSENT = "NOT_FOUND"
"""The code of the fault of a record that is not there."""

_Row = tuple[FaultKind, str, type[UpstreamError], str]

_TOKEN = (
    FaultKind.AUTHORIZATION, TOKEN_REFUSED, UpstreamRejected,
    ("the service takes the write only with a valid CSRF token and its cookies, and refused new ones too; see that "
     "nothing in between drops cookies"),
)  # fmt: skip
_LOGIN = (
    FaultKind.AUTHORIZATION, "LOGIN", CredentialError,
    ("the system does not accept the login; renew the credential, and repeat nothing before: a few refused logons lock "
     "the user"),
)  # fmt: skip
_PAGE = (
    FaultKind.AUTHORIZATION, "LOGIN_PAGE", CredentialError,
    ("the system answered with a page instead of data, as it does for a login that it does not know; use a "
     "communication user, or the system's API host"),
)  # fmt: skip
_FORBIDDEN = (
    FaultKind.AUTHORIZATION, "FORBIDDEN", UpstreamRejected,
    ("the system does not let this identity do that; have its administrator add the service to the communication "
     "arrangement, or grant the role"),
)  # fmt: skip
_MISSING = (FaultKind.CALLER, ABSENT, NotFound, "there is no such record, or this identity may not see it")
_INACTIVE = (
    FaultKind.CALLER, "NO_SERVICE", UpstreamRejected,
    "the system has no such service; correct its path in settings.services, or have it activated there",
)  # fmt: skip
_NOTHING = (FaultKind.CALLER, SILENT, UpstreamRejected, _INACTIVE[3])
_METHOD = (
    FaultKind.CALLER, "METHOD", UpstreamRejected, "the service does not do that with this object; use another verb"
)  # fmt: skip
_INVALID = (
    FaultKind.CALLER, "INVALID_REQUEST", UpstreamRejected,
    "the service refused the request; describe the object and give values of its fields' types",
)  # fmt: skip
_FORM = (FaultKind.CALLER, UNTAKEN, UpstreamRejected, _INVALID[3])
_RULE = (
    FaultKind.CALLER, "BUSINESS_RULE", UpstreamRejected, "a business rule of the system refused it; change the values"
)  # fmt: skip
_TAKEN = (
    FaultKind.CALLER, "CONFLICT", UpstreamRejected,
    "it contradicts what the system holds, such as a record with the same key; read that, and decide again",
)  # fmt: skip
_STALE = (
    FaultKind.CALLER, "STALE", VersionConflict,
    "the record changed since this version of it was read; read it again and decide again",
)  # fmt: skip
_UNVERSIONED = (
    FaultKind.CALLER, VERSION_REQUIRED, VersionConflict,
    "the service changes this record only with its version; read it, and repeat with the version that comes with it",
)  # fmt: skip
_LOCKED = (FaultKind.TRANSIENT, "LOCKED", RetryLater, "somebody else is changing this record and holds its lock")
_CROWDED = (FaultKind.THROTTLE, "THROTTLED", RetryLater, "the system asks for a pause")
_BUSY = (FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater, "the system could not answer just now")
_DUMP = (FaultKind.TRANSIENT, "SERVER_ERROR", RetryLater, "the system broke off with an error of its own")
_LACKS = (
    FaultKind.UNKNOWN, "NOT_IMPLEMENTED", UpstreamRejected, "the service does not implement that; use another verb"
)  # fmt: skip
_MOVED = (
    FaultKind.UNKNOWN, "MOVED", UpstreamError,
    ("the system sends the request elsewhere, to a login as a rule; set the connection's url to its API host, and a "
     "communication user"),
)  # fmt: skip
_STRANGE = (FaultKind.UNKNOWN, "STRANGE", UpstreamError, "the system gave an answer that is not understood")

_STATUSES: Mapping[int, _Row] = {
    400: _INVALID, 401: _LOGIN, 403: _FORBIDDEN, 404: _MISSING, 405: _METHOD, 406: _INVALID, 409: _TAKEN,
    410: _MISSING, 412: _STALE, 415: _FORM, 422: _RULE, 423: _LOCKED, 428: _UNVERSIONED, 429: _CROWDED,
    500: _DUMP, 501: _LACKS,
}  # fmt: skip
_FRAMEWORK = re.compile(r"/IW(?:BEP|FND)/|/IWCOR/|SY/530|00/", re.IGNORECASE)
"""Codes of the framework beneath every service (SAP Gateway); all others are the application's."""
_NO_SERVICE = re.compile(r"/IWFND/(?:MED/170|CM_MGW_RT/\d+|MGW/|CM_BEC/)", re.IGNORECASE)
_NUMBERED = re.compile(r"[A-Z0-9_/]{1,25}/[0-9]{3}")
"""The code of a business message: its class and number, such as V1/308."""
_HELD = re.compile(r"\b(?:is |currently )?locked by\b|\bgesperrt durch\b", re.IGNORECASE)


def fault_of(response: Response) -> Fault | None:
    """Classify an answer by its status, and what it says of itself where one status means several things."""
    status = response.status
    if status == 204 or response.filed is not None:
        return None
    if 200 <= status < 300:
        return _fault(_PAGE, complaint_of(response), status) if response.is_page else None
    complaint = complaint_of(response)
    return _fault(_row(response, complaint), complaint, status)


def part_fault(response: Response) -> Fault | None:
    """Classify the answer to a part of a batch, which only a service that is there gives."""
    found = fault_of(response)
    if found is not None and found.code == SILENT:
        return _fault(_MISSING, complaint_of(response), response.status)
    return found


def _row(response: Response, complaint: Complaint) -> _Row:
    status = response.status
    if status == 403 and response.headers.get(HEADER, "").strip().lower() == "required":
        return _TOKEN
    if 400 <= status < 500 and status not in (401, 429) and _HELD.search(complaint.text):
        return _LOCKED
    if status == 404:
        return _absence(complaint)
    if status == 400 and any(_is_business(one) for one in complaint.codes):
        return _RULE
    if status == 503 and "retry-after" in response.headers:
        return _CROWDED
    if status in _STATUSES:
        return _STATUSES[status]
    if status > 500:
        return _BUSY
    return _INVALID if status >= 400 else _MOVED if status >= 300 else _STRANGE


def _absence(complaint: Complaint) -> _Row:
    """Tell a record that is not there from a service: only a service that runs answers in its own form."""
    if complaint.form == "empty":
        return _NOTHING
    if complaint.form not in ("json", "xml") or any(_NO_SERVICE.match(one) for one in complaint.codes):
        return _INACTIVE
    return _MISSING


def _is_business(code: str) -> bool:
    return _NUMBERED.fullmatch(code) is not None and _FRAMEWORK.match(code) is None


def _fault(row: _Row, complaint: Complaint, status: int) -> Fault:
    kind, code, raised, sentence = row
    # Words of the application stay in the text; a number in a class of messages holds nobody's data.
    own = next((one for one in complaint.codes if _NUMBERED.fullmatch(one)), "")
    told = f"{own}, HTTP {status}" if own else f"HTTP {status}"
    return Fault(kind, code, f"{sentence} ({told})", raised, field=complaint.field, text=complaint.text)
