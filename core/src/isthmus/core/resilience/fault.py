"""Who has to act on a failed answer?"""

from enum import StrEnum

__all__ = ["FaultKind"]


class FaultKind(StrEnum):
    """The kinds of failure that the request path tells apart; a connector reads the kind off status and body."""

    CALLER = "caller"
    AUTHORIZATION = "authorization"
    QUOTA = "quota"
    THROTTLE = "throttle"
    TRANSIENT = "transient"
    UNKNOWN = "unknown"
