"""Which error tells the caller what to do about a failed request?"""

from isthmus.core.connector import Fault
from isthmus.core.errors import IsthmusError, RetryLater, UpstreamError
from isthmus.core.http.faults import Broken, NotSent, WireFault
from isthmus.core.http.scope import CallScope, Sending
from isthmus.core.resilience import FaultKind

__all__ = ["NO_ANSWER", "answer_error", "late", "unanswered", "wire_error"]

NO_ANSWER = "no_answer"
"""The reason of an error that does not tell what became of a write."""
LONGEST_TEXT = 2_000
"""Characters of the system's own words that an error carries."""


def unanswered(scope: CallScope, why: str) -> UpstreamError:
    """Return the error of a write whose outcome the answer did not tell; the journal settles it."""
    return UpstreamError(
        f"A write of {scope.operation.tool!r} to {scope.operation.target} was sent and {why}: what became of it is "
        "not known. Do not repeat it; settle its intent.",
        code=NO_ANSWER,
        subject=scope.operation.tool,
        object=scope.operation.target,
    )


def late(scope: CallScope, sending: Sending) -> IsthmusError:
    """Return the error of a request that the deadline cut."""
    if sending.open:
        return unanswered(scope, "no answer came before the deadline")
    what = "did not answer" if sending.sends else "could not be asked"
    return RetryLater(
        f"{scope.operation.target} {what} within the deadline; repeat the call with more time.",
        subject=scope.operation.tool,
        object=scope.operation.target,
    )


def wire_error(error: WireFault, scope: CallScope, sending: Sending) -> IsthmusError:
    """Return the error of a request without a usable answer."""
    failure = _wire_error(error, scope, sending)
    failure.__cause__ = error
    return failure


def _wire_error(error: WireFault, scope: CallScope, sending: Sending) -> IsthmusError:
    tool, target = scope.operation.tool, scope.operation.target
    if isinstance(error, NotSent) and error.lasting:
        said = f"{target} cannot be reached: {error}. Check the connection's address and TLS settings."
        return UpstreamError(said, code="unreachable", subject=tool, object=target)
    if isinstance(error, NotSent):
        said = f"{target} cannot be reached: {error}. Nothing was sent; repeat the call later."
        return RetryLater(said, subject=tool, object=target)
    if sending.open:
        return unanswered(scope, str(error))
    if isinstance(error, Broken):
        said = f"{target} broke off: {error}. Repeat the call later."
        return RetryLater(said, subject=tool, object=target)
    said = f"The answer of {target} was not used: {error}. Ask for less, or have the system checked."
    return UpstreamError(said, code="unreadable_answer", subject=tool, object=target)


def answer_error(fault: Fault, asked: float | None, scope: CallScope, sending: Sending) -> IsthmusError:
    """Return the error of an answer that is no success."""
    tool, target, kind = scope.operation.tool, scope.operation.target, fault.kind
    told = fault.text[:LONGEST_TEXT]
    if sending.open:
        return unanswered(scope, f"the answer does not tell its outcome ({fault.code})")
    if kind in _LATER:
        said = f"{target}: {fault.sentence}. {_LATER[kind]}"
        quota = kind in (FaultKind.QUOTA, FaultKind.THROTTLE)
        return RetryLater(said, after=asked, quota=quota, subject=tool, object=target, vendor_text=told)
    said = f"{target}: {fault.sentence}."
    if issubclass(fault.error, RetryLater):
        return RetryLater(said, after=asked, subject=tool, object=target, vendor_text=told)
    return fault.error(said, subject=tool, object=target, field=fault.field, vendor_text=told, vendor_code=fault.code)


_LATER = {
    FaultKind.QUOTA: "Wait for the quota's reset.",
    FaultKind.THROTTLE: "Repeat the call later.",
    FaultKind.TRANSIENT: "Repeat the call later.",
}
