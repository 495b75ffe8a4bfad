"""Salesforce for isthmus: typed, governed records over REST."""

from isthmus.core.plugins import ConnectorDetails, hookimpl

from .connector import Salesforce
from .settings import SalesforceSettings

__all__ = ["Salesforce", "SalesforceSettings", "isthmus_connectors"]


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the Salesforce connector."""
    details.register(Salesforce)
