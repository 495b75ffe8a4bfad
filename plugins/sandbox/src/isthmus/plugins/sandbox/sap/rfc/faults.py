"""What can be made to go wrong with the next call of a function module?"""

from enum import StrEnum

__all__ = ["RfcFault"]


class RfcFault(StrEnum):
    """How a call ends that a fault was set for."""

    DUMP = "dump"
    """The function module ends in a short dump; nothing of its unit of work stays."""
    STALL = "stall"
    """The function module takes a second."""
    DROP_BEFORE = "drop_before"
    """The line breaks before the function module has begun."""
    DROP_AFTER = "drop_after"
    """The function module did its work, a commit included, and the line breaks before the answer."""
