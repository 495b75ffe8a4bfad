"""What does an answer say of the quota?"""

from collections.abc import Iterable, Mapping

from isthmus.core.connector import QuotaReading
from isthmus.core.http import Response

__all__ = ["QUOTAS", "quota_name", "quota_of"]

HEADER = "wd-ratelimit-tokens-remaining"
QUOTAS: Mapping[str, int] = {"rest": 3_600, "soap": 700, "report": 700}
"""Tokens that the surfaces count down from, as recorded of the first two; Workday publishes no figure."""


def quota_of(response: Response) -> Iterable[QuotaReading]:
    """Read the tokens that are left, which come as `3599` and as `3600.0`.

    An answer does not tell a report from the rest, so each may be one: a budget hears of its own quota alone.
    """
    try:
        left = float(response.headers.get(HEADER, ""))
    except ValueError:
        return ()
    if not 0 <= left < 1e9:
        return ()
    soap = "xml" in response.headers.get("content-type", "").lower()
    names = ("soap" if soap else "rest", "report")
    return tuple(QuotaReading(max(QUOTAS[one], int(left)), int(left), quota=one) for one in names)


def quota_name(object: str) -> str:
    """Name the quota that calls on an object use; which one reports use is not known, so they have one of their own."""
    head = object.partition(".")[0]
    return head if head in QUOTAS else "rest"
