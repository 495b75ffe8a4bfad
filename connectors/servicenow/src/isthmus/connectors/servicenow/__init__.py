"""ServiceNow for isthmus: typed, governed records over the Table API."""

from .settings import ServiceNowSettings

__all__ = ["ServiceNowSettings"]
