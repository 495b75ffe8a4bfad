"""What does a SOAP fault mean? Its faultcode tells; the status is 500 whoever made the mistake."""

from dataclasses import dataclass
from enum import Enum, auto

from isthmus.connectors.workday.soap.xml import BSVC, ENVELOPE, local, parsed
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response

__all__ = ["SoapFault", "Told", "fault_in"]


class SoapFault(Enum):
    """Who has to act on a fault."""

    LOGIN = auto()
    SIGNATURE = auto()
    EXPIRED = auto()
    SERVICE = auto()
    VALIDATION = auto()
    SERVER = auto()


_SECURITY = frozenset(
    {"UnsupportedSecurityToken", "UnsupportedAlgorithm", "InvalidSecurity", "InvalidSecurityToken",
     "FailedAuthentication", "FailedCheck", "SecurityTokenUnavailable", "MessageExpired"}
)  # fmt: skip
"""What is wrong with a signature (OASIS WSS SOAP Message Security 1.1.1, section 12)."""


@dataclass(frozen=True, slots=True)
class Told:
    """A fault, and the tenant's own words, which may repeat values of the request."""

    kind: SoapFault
    text: str


def fault_in(response: Response) -> Told | None:
    """Read the fault of an answer; None where it is no SOAP fault."""
    kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind not in ("text/xml", "application/soap+xml", "application/xml"):
        return None
    try:
        root = parsed(response.body)
    except UpstreamError:
        return None
    fault = root.find(f"{{{ENVELOPE}}}Body/{{{ENVELOPE}}}Fault")
    if root.tag != f"{{{ENVELOPE}}}Envelope" or fault is None:
        return None
    parts = {local(one): (one.text or "").strip() for one in fault}
    details = [(one.text or "").strip() for one in fault.iter(f"{{{BSVC}}}Message")]
    text = "; ".join(dict.fromkeys(one for one in (parts.get("faultstring", ""), *details) if one))
    has_detail = fault.find("detail") is not None
    return Told(_kind(parts.get("faultcode", ""), text, has_detail=has_detail), text)


def _kind(code: str, text: str, *, has_detail: bool) -> SoapFault:
    word = code.rpartition(":")[2]
    if word in _SECURITY:
        return SoapFault.EXPIRED if word == "MessageExpired" else SoapFault.SIGNATURE
    if not word.startswith("Client"):
        return SoapFault.SERVER
    if "authentication" in word.lower() or "invalid username or password" in text.lower():
        return SoapFault.LOGIN
    # A wrong service or version is told by a fault without any detail, and an unknown operation by its element.
    missing = "Element not found" in text or not has_detail
    return SoapFault.SERVICE if missing else SoapFault.VALIDATION
