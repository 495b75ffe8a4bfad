"""What does an answer of Workday's mean? By status, by the codes of its validation, or by the faultcode of SOAP."""

import re
from collections.abc import Iterator, Mapping

from isthmus.connectors.workday.soap.faults import SoapFault, fault_in
from isthmus.core.connector import Fault, FaultKind
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["NOT_AWAITING", "fault_of"]

NOT_AWAITING = "A212"
"""The code of a step that does not wait for this person, as one that was answered already."""

_Row = tuple[FaultKind, str, type[UpstreamError], str]

_LOGIN: _Row = (
    FaultKind.AUTHORIZATION, "LOGIN", CredentialError,
    "the tenant does not accept the token or login; renew the credential, and repeat nothing before that",
)  # fmt: skip
_DOMAIN: _Row = (
    FaultKind.AUTHORIZATION, "FORBIDDEN", UpstreamRejected,
    "domain security does not let this identity do that; have the domain's policy or the client's scopes extended",
)  # fmt: skip
_MISSING: _Row = (
    FaultKind.CALLER, "NOT_FOUND", NotFound,
    "there is no such record or collection, or this identity may not see it; neither is proven",
)  # fmt: skip
_BARE: _Row = (
    FaultKind.CALLER, "INVALID_REQUEST", UpstreamRejected,
    "the tenant refused the request without a reason, as it does where a service is not enabled; check id and service",
)  # fmt: skip
_RULE: _Row = (
    FaultKind.CALLER, "VALIDATION", UpstreamRejected, "a business rule of the tenant refused it; change the values"
)  # fmt: skip
_PENDING: _Row = (
    FaultKind.CALLER, "ALREADY_INITIATED", UpstreamRejected,
    "a process like this is under way already for this worker; read its events before anything is repeated",
)  # fmt: skip
_STEP: _Row = (
    FaultKind.CALLER, NOT_AWAITING, UpstreamRejected,
    "the step does not wait for this identity; read the step, for it may have been answered already",
)  # fmt: skip
_CROWDED: _Row = (FaultKind.THROTTLE, "THROTTLED", RetryLater, "the tenant asks for a pause")
_BUSY: _Row = (FaultKind.TRANSIENT, "UNAVAILABLE", RetryLater, "the tenant could not answer just now")
_PAGE: _Row = (
    FaultKind.AUTHORIZATION, "LOGIN_PAGE", CredentialError,
    "the tenant answered with a page instead of data; set the connection's url to the host of its web services",
)  # fmt: skip
_MOVED: _Row = (
    FaultKind.UNKNOWN, "MOVED", UpstreamError,
    "the tenant sends the request elsewhere; set the connection's url to the host of its web services",
)  # fmt: skip
_STRANGE: _Row = (FaultKind.UNKNOWN, "STRANGE", UpstreamError, "the tenant gave an answer that is not understood")
_SOAP: Mapping[SoapFault, _Row] = {
    SoapFault.LOGIN: (
        FaultKind.AUTHORIZATION, "LOGIN", CredentialError,
        ("the web service does not accept the login; renew it, and repeat nothing before: a few refused logins lock "
         "the integration user"),
    ),
    SoapFault.SIGNATURE: (
        FaultKind.AUTHORIZATION, "SIGNATURE", CredentialError,
        "the web service does not accept the signature; register the certificate of client_certificate there",
    ),
    SoapFault.EXPIRED: (
        FaultKind.AUTHORIZATION, "EXPIRED", CredentialError,
        "the web service takes the message for an old one; set the clock of this machine",
    ),
    SoapFault.SERVICE: (
        FaultKind.CALLER, "NO_OPERATION", UpstreamRejected,
        "the web service has no such operation in this version; correct settings.operations or settings.version",
    ),
    SoapFault.VALIDATION: (
        FaultKind.CALLER, "VALIDATION", UpstreamRejected,
        "the web service refused the values of the request; correct them",
    ),
    SoapFault.SERVER: (
        FaultKind.TRANSIENT, "PROCESSING", RetryLater, "the web service broke off with an error of its own"
    ),
}  # fmt: skip
_STATUSES: Mapping[int, _Row] = {401: _LOGIN, 403: _DOMAIN, 404: _MISSING, 410: _MISSING, 429: _CROWDED}
_CODES: Mapping[str, _Row] = {"A178": _PENDING, NOT_AWAITING: _STEP, "A225": _DOMAIN}
_CODE = re.compile(r"\bA[0-9]{2,4}\b")
_FIELD = re.compile(r"[A-Za-z][A-Za-z0-9_.\[\]-]{0,79}")


def fault_of(response: Response) -> Fault | None:
    """Classify an answer; a success is one only in the form that its content type says."""
    status = response.status
    if response.filed is not None or status == 204:
        return None
    if 200 <= status < 300:
        return _fault(_PAGE, status) if response.is_page else None
    soap = fault_in(response)
    if soap is not None:
        return _fault(_SOAP[soap.kind], status, text=soap.text)
    told = list(_validations(response))
    code = next((one for _, one, _ in told if one), "")
    row = _CODES.get(code) or _row(status, validated=bool(told))
    field = next((one for _, _, one in told if _FIELD.fullmatch(one)), "")
    return _fault(row, status, code, field, "; ".join(text for text, _, _ in told) or _bare(response))


def _row(status: int, *, validated: bool) -> _Row:
    if status in _STATUSES:
        return _STATUSES[status]
    if 400 <= status < 500:
        return _RULE if validated else _BARE
    return _BUSY if status >= 500 else _MOVED if status >= 300 else _STRANGE


def _body(response: Response) -> Mapping[str, JSON]:
    try:
        found = response.json() if response.body else None
    except UpstreamError:
        return {}
    return found if isinstance(found, Mapping) else {}


def _bare(response: Response) -> str:
    found = _body(response).get("error")
    return found if isinstance(found, str) else ""


def _validations(response: Response) -> Iterator[tuple[str, str, str]]:
    """Yield text, code and field of each error of a validation; messages change, codes do not."""
    errors = _body(response).get("errors")
    for one in errors if isinstance(errors, list) else ():
        if isinstance(one, Mapping):
            text, code = one.get("error"), one.get("code")
            text = text if isinstance(text, str) else ""
            where = next((told for name in ("field", "location", "path") if isinstance(told := one.get(name), str)), "")
            said = code if isinstance(code, str) and _CODE.fullmatch(code) else ""
            in_text = _CODE.search(text)
            yield text, said or (in_text[0] if in_text else ""), where


def _fault(row: _Row, status: int, code: str = "", field: str = "", text: str = "") -> Fault:
    kind, ours, raised, sentence = row
    told = f"{code}, HTTP {status}" if code else f"HTTP {status}"
    return Fault(kind, code or ours, f"{sentence} ({told})", raised, field=field, text=text)
