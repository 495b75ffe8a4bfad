"""Salesforce for isthmus: typed, governed records over REST."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, hookimpl

if TYPE_CHECKING:
    from .clients import simple_salesforce
    from .connector import Salesforce
    from .settings import SalesforceSettings

__all__ = ["Salesforce", "SalesforceSettings", "isthmus_connectors", "simple_salesforce"]

_HOMES = {"Salesforce": "connector", "SalesforceSettings": "settings", "simple_salesforce": "clients"}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the Salesforce connector."""
    from .connector import Salesforce

    details.register(Salesforce)
