"""How is a point in time stored?"""

from datetime import UTC, datetime, timedelta

__all__ = ["instant", "micros", "utcnow"]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def utcnow() -> datetime:
    """Read the machine's clock in UTC."""
    return datetime.now(UTC)


def micros(at: datetime) -> int:
    """Turn an aware datetime into microseconds since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def instant(stored: int) -> datetime:
    """Turn microseconds since 1970 into a datetime in UTC."""
    return _EPOCH + timedelta(microseconds=stored)
