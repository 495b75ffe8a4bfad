"""What does an answer that is no success mean, and what may be done about it?"""

from collections.abc import Mapping

from isthmus.core.connector import Fault, FaultKind
from isthmus.core.errors import CredentialError, NotFound, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.records import JSON

__all__ = ["fault_of"]

_Row = tuple[FaultKind, type[UpstreamError], str]
_ROWS: Mapping[int, _Row] = {
    400: (FaultKind.CALLER, UpstreamRejected, "the RFC package does not take the call"),
    401: (FaultKind.AUTHORIZATION, CredentialError, "the system does not let this user log on; see to user and lock"),
    404: (FaultKind.CALLER, NotFound, "the system has no such function module, or none that RFC may call"),
    422: (FaultKind.CALLER, UpstreamRejected, "the function module refused, and nothing was kept"),
    423: (FaultKind.TRANSIENT, UpstreamRejected, "somebody else is working on it, and nothing was kept"),
    500: (FaultKind.UNKNOWN, UpstreamError, "the function module ended in a short dump"),
}
_AUTHORITY = ("NOT_AUTHORIZED", "NO_AUTHORITY", "RFC_NO_AUTHORITY", "CALL_FUNCTION_SINGLE_LOGIN_REJ")


def fault_of(response: Response) -> Fault | None:
    """Classify an answer of the wire."""
    if response.status == 200:
        return None
    found = response.json()
    error = found.get("error") if isinstance(found, Mapping) else None
    told: Mapping[str, JSON] = error if isinstance(error, Mapping) else {}
    kind, raised, sentence = _ROWS.get(response.status, (FaultKind.UNKNOWN, UpstreamError, "it is not understood"))
    key = str(told.get("key") or "")
    if key in _AUTHORITY:
        kind, sentence = FaultKind.AUTHORIZATION, "the system does not permit this to this user"
    first = _first(told)
    return Fault(kind, key, sentence, raised, field=first, text=str(told.get("text") or ""))


def _first(told: Mapping[str, JSON]) -> str:
    """Name the parameter that the first message is about."""
    messages = told.get("messages")
    first = messages[0] if isinstance(messages, list) and messages else None
    if not isinstance(first, Mapping):
        return ""
    named = [str(first.get(name) or "") for name in ("parameter", "field")]
    return ".".join(one for one in named if one)
