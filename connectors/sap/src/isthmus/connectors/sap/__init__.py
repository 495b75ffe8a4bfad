"""SAP for isthmus: typed, governed records over OData V2 and V4, and function modules over RFC."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, hookimpl

if TYPE_CHECKING:
    from .rfc.connector import SapRfc
    from .rfc.settings import SapRfcSettings

__all__ = ["SapRfc", "SapRfcSettings", "isthmus_connectors"]

_HOMES = {"SapRfc": "rfc.connector", "SapRfcSettings": "rfc.settings"}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the SAP connectors."""
    from .rfc.connector import SapRfc

    details.register(SapRfc)
