"""SAP for isthmus: typed, governed records over OData V2 and V4, and function modules over RFC."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, CredentialDetails, hookimpl

if TYPE_CHECKING:
    from .connector import Sap
    from .rfc.connector import SapRfc
    from .rfc.settings import SapRfcSettings
    from .settings import SapSettings

__all__ = ["Sap", "SapRfc", "SapRfcSettings", "SapSettings", "isthmus_connectors", "isthmus_credentials"]

_HOMES = {
    "Sap": "connector",
    "SapRfc": "rfc.connector",
    "SapRfcSettings": "rfc.settings",
    "SapSettings": "settings",
}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the SAP connectors."""
    from .connector import Sap
    from .rfc.connector import SapRfc

    details.register(Sap)
    details.register(SapRfc)


@hookimpl
def isthmus_credentials(details: CredentialDetails) -> None:
    """Bring destinations of BTP as a kind of credential."""
    from .destination import DESTINATION

    details.register(DESTINATION)
