"""What does an answer say of the quota?"""

from collections.abc import Iterable

from isthmus.core.connector import QuotaReading
from isthmus.core.http import Response

__all__ = ["quota_of"]

HEADER = "wd-ratelimit-tokens-remaining"
REST, SOAP = 3_600, 700
"""Tokens that the two surfaces count down from, as recorded; Workday publishes no figure."""


def quota_of(response: Response) -> Iterable[QuotaReading]:
    """Read the tokens that are left, which come as `3599` and as `3600.0`; SOAP has a bucket of its own."""
    try:
        left = float(response.headers.get(HEADER, ""))
    except ValueError:
        return ()
    if not 0 <= left < 1e9:
        return ()
    soap = "xml" in response.headers.get("content-type", "").lower()
    usual = SOAP if soap else REST
    return (QuotaReading(max(usual, int(left)), int(left), quota="soap" if soap else "rest"),)
