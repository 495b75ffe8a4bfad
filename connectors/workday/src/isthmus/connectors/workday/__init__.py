"""Workday for isthmus: typed, governed records over REST, WQL, SOAP and reports, and business-process events."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, hookimpl

if TYPE_CHECKING:
    from .connector import Workday
    from .settings import WorkdaySettings

__all__ = ["Workday", "WorkdaySettings", "isthmus_connectors"]

_HOMES = {"Workday": "connector", "WorkdaySettings": "settings"}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the Workday connector."""
    from .connector import Workday

    details.register(Workday)
