"""ServiceNow for isthmus: typed, governed records over the Table API."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, hookimpl

if TYPE_CHECKING:
    from .clients import pysnc
    from .connector import ServiceNow
    from .settings import ServiceNowSettings

__all__ = ["ServiceNow", "ServiceNowSettings", "isthmus_connectors", "pysnc"]

_HOMES = {"ServiceNow": "connector", "ServiceNowSettings": "settings", "pysnc": "clients"}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the ServiceNow connector."""
    from .connector import ServiceNow

    details.register(ServiceNow)
