"""What can go wrong, arranged by what to do next.

IsthmusError
├── ConfigurationError        fix the settings, then start again
├── Refused                   nothing of this call was sent
│   ├── InvalidArguments      change the arguments
│   ├── Denied                ask whoever owns the policy
│   ├── ResidencyError        send refs, or call from a zone that may see the data
│   ├── ApprovalRequired      have it approved, then repeat the same call
│   ├── QuotaExhausted        wait until `resets_at`
│   └── Conflict              settle the earlier call first, or use another key
├── UpstreamError             the system answered, and the answer was no
│   ├── CredentialError       renew the credential
│   ├── RetryLater            repeat after `after` seconds
│   ├── NotFound              it is missing, or not visible to this identity
│   ├── VersionConflict       read again, then decide again
│   ├── UpstreamRejected      change the data; the system's own rule said no
│   └── NotRecorded           call as the recorded run did, or record it anew
└── OutcomeUnknown            do not repeat; settle the intent
    └── UnderWay              repeat exactly this call, to wait for its outcome
"""

from collections.abc import Mapping
from datetime import datetime
from typing import ClassVar

__all__ = [
    "ApprovalRequired",
    "ConfigurationError",
    "Conflict",
    "CredentialError",
    "Denied",
    "InvalidArguments",
    "IsthmusError",
    "NotFound",
    "NotRecorded",
    "OutcomeUnknown",
    "QuotaExhausted",
    "Refused",
    "ResidencyError",
    "RetryLater",
    "UnderWay",
    "UpstreamError",
    "UpstreamRejected",
    "VersionConflict",
]


class IsthmusError(Exception):
    """Any failure that isthmus reports; `str()` is our sentence and never holds a secret or vendor text.

    `vendor_text` is what the system said in its own words. It is data of the record's label, so it stays
    out of `str()` and reaches a caller only in a form that the flow rules allow. `vendor_code` is its own word for
    the failure, for whoever encodes the failure in the system's terms.
    """

    code: ClassVar[str] = "isthmus_error"
    retryable: ClassVar[bool] = False

    def __init__(
        self,
        sentence: str,
        *,
        code: str | None = None,
        subject: str = "",
        object: str = "",
        field: str = "",
        rules: tuple[str, ...] = (),
        vendor_text: str = "",
        vendor_code: str = "",
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.reason = code or self.code
        self.subject = subject
        self.object = object
        self.field = field
        self.rules = rules
        self.vendor_text = vendor_text
        self.vendor_code = vendor_code

    def details(self) -> dict[str, object]:
        """Return what a caller may branch on, JSON-ready and without vendor text."""
        found: Mapping[str, object] = {
            "code": self.reason,
            "message": self.sentence,
            "subject": self.subject,
            "object": self.object,
            "field": self.field,
            "rules": list(self.rules),
        }
        return {key: value for key, value in found.items() if value} | {"retryable": self.retryable}


class ConfigurationError(IsthmusError):
    """A setting is missing, unknown or contradicts another."""

    code = "configuration"


class Refused(IsthmusError):
    """The call was stopped before its first byte."""

    code = "refused"


class InvalidArguments(Refused):
    """The arguments do not fit the tool, the object or its fields."""

    code = "invalid_arguments"


class Denied(Refused):
    """Policy, a sequence rule or the declared effect does not allow the call."""

    code = "denied"


class ResidencyError(Refused):
    """The data may not go where the call would send it."""

    code = "residency"


class ApprovalRequired(Refused):
    """Somebody has to approve exactly this call; repeat it unchanged once that has happened."""

    code = "approval_required"
    retryable = True

    def __init__(self, sentence: str, *, approval: str, expires: datetime, asked_of: str, **details: str) -> None:
        super().__init__(sentence, subject=details.get("subject", ""), object=details.get("object", ""))
        self.approval = approval
        self.expires = expires
        self.asked_of = asked_of

    def details(self) -> dict[str, object]:
        """Add the approval's id and expiry."""
        more = {"approval": self.approval, "expires": self.expires.isoformat(), "asked_of": self.asked_of}
        return super().details() | more


class QuotaExhausted(Refused):
    """The share of the upstream quota that this call may use is spent."""

    code = "quota_exhausted"
    retryable = True

    def __init__(self, sentence: str, *, resets_at: datetime | None = None, budget: str = "") -> None:
        super().__init__(sentence, object=budget)
        self.resets_at = resets_at

    def details(self) -> dict[str, object]:
        """Add when the quota is expected to be there again."""
        return super().details() | ({"resets_at": self.resets_at.isoformat()} if self.resets_at else {})


class Conflict(Refused):
    """An earlier call of the same principal stands in the way."""

    code = "conflict"


class UpstreamError(IsthmusError):
    """The system was reached and did not do it."""

    code = "upstream"


class CredentialError(UpstreamError):
    """The system does not accept the credential, or none can be had."""

    code = "credential"


class RetryLater(UpstreamError):
    """A passing fault or throttle; `after` is in seconds, `quota` tells a spent quota from a fault."""

    code = "retry_later"
    retryable = True

    def __init__(self, sentence: str, *, after: float | None = None, quota: bool = False, **details: str) -> None:
        super().__init__(
            sentence,
            subject=details.get("subject", ""),
            object=details.get("object", ""),
            vendor_text=details.get("vendor_text", ""),
        )
        self.after = after
        self.quota = quota

    def details(self) -> dict[str, object]:
        """Add how long to wait and whether a quota is the cause."""
        return super().details() | ({"after": self.after} if self.after is not None else {}) | {"quota": self.quota}


class NotFound(UpstreamError):
    """The record or object does not exist or is not visible to this identity."""

    code = "not_found"


class VersionConflict(UpstreamError):
    """The record changed since it was read."""

    code = "version_conflict"


class UpstreamRejected(UpstreamError):
    """A rule of the system itself refused the data."""

    code = "upstream_rejected"


class NotRecorded(UpstreamError):
    """A replay was asked for something that is not in its cassette."""

    code = "not_recorded"


class OutcomeUnknown(IsthmusError):
    """A write left and its result is not known; `intent` is what to settle."""

    code = "outcome_unknown"

    def __init__(self, sentence: str, *, intent: str, subject: str = "", object: str = "") -> None:
        super().__init__(sentence, subject=subject, object=object)
        self.intent = intent

    def details(self) -> dict[str, object]:
        """Add the intent's id."""
        return super().details() | {"intent": self.intent}


class UnderWay(OutcomeUnknown):
    """The system is still at a write that takes long; repeat exactly this call to get its outcome."""

    code = "under_way"
    retryable = True
