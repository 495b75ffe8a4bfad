"""How long did the system ask us to wait?"""

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

__all__ = ["http_date", "retry_after"]

LONGEST_WAIT = 366 * 86_400.0
_SECONDS = re.compile(r"\d{1,12}(\.\d{1,9})?")


def retry_after(values: Sequence[str], *, now: float, date: str | None = None) -> float | None:
    """Return the seconds that `Retry-After` headers ask for (RFC 9110 section 10.2.3), the longest where several do.

    A date is measured against the answer's own `Date`, so that clock skew does not shorten the wait. What is
    negative or unreadable counts as absent, a date in the past as zero; fractions, though not in the RFC, are kept.
    """
    waits = [wait for value in values if (wait := _seconds(value.strip(), now=now, date=date)) is not None]
    return min(max(waits), LONGEST_WAIT) if waits else None


def _seconds(value: str, *, now: float, date: str | None) -> float | None:
    if _SECONDS.fullmatch(value):
        return float(value)
    if value.isdigit():
        return LONGEST_WAIT
    until = http_date(value)
    if until is None:
        return None
    sent = http_date(date) if date else None
    return max(0.0, until.timestamp() - (now if sent is None else sent.timestamp()))


def http_date(value: str) -> datetime | None:
    """Return the moment of an HTTP date (RFC 9110 section 5.6.7), or None where it is not one."""
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
