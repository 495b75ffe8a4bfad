"""How can the wire fail, and is it certain that nothing was sent?"""

import httpx2

from isthmus.core.connector import Fault
from isthmus.core.errors import UpstreamError
from isthmus.core.http.answer import answer_of
from isthmus.core.http.effect import Dialect
from isthmus.core.resilience import FaultKind, retry_after

__all__ = ["Broken", "NotSent", "Unreadable", "WireFault", "fault_of", "pause_of", "settles"]

FAULT = "isthmus.fault"
UNSURE = (FaultKind.TRANSIENT, FaultKind.UNKNOWN)


class WireFault(Exception):
    """A request got no usable answer; the text names the kind of failure and holds no address or value."""


class NotSent(WireFault):
    """No byte of the request left: name, connect, proxy or TLS failed; `lasting` where repeating cannot help."""

    def __init__(self, what: str, *, lasting: bool = False) -> None:
        super().__init__(what)
        self.lasting = lasting


class Broken(WireFault):
    """The exchange broke after the first byte: what became of the request is not known."""


class Unreadable(WireFault):
    """The answer came and breaks a bound or its own encoding; another attempt would read the same."""


def fault_of(dialect: Dialect, response: httpx2.Response) -> Fault | None:
    """Return the connector's judgement of an answer; a server error that it takes for a success is unknown."""
    if FAULT not in response.extensions:
        fault = dialect.fault(answer_of(response))
        if fault is None and response.status_code >= 500:
            code = f"HTTP_{response.status_code}"
            fault = Fault(
                FaultKind.UNKNOWN, code, f"the system failed in a way that is not understood ({code})", UpstreamError
            )
        response.extensions[FAULT] = fault
    found: Fault | None = response.extensions[FAULT]
    return found


def settles(status: int, fault: Fault | None) -> bool:
    """Tell whether an answer says what became of the request."""
    if fault is None or fault.kind not in UNSURE:
        return True
    return 400 <= status < 500


def pause_of(response: httpx2.Response, now: float) -> float | None:
    """Return the seconds that the answer's `Retry-After` asks for."""
    headers = response.headers
    if "retry-after" not in headers:
        return None
    return retry_after(headers.get_list("retry-after"), now=now, date=headers.get("date"))
