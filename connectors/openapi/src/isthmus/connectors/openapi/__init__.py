"""OpenAPI for isthmus: the listed operations of any service with a document, as governed actions and records."""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import ConnectorDetails, hookimpl

if TYPE_CHECKING:
    from .connector import OpenApi
    from .settings import OpenApiSettings

__all__ = ["OpenApi", "OpenApiSettings", "isthmus_connectors"]

_HOMES = {"OpenApi": "connector", "OpenApiSettings": "settings"}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_connectors(details: ConnectorDetails) -> None:
    """Bring the OpenAPI connector."""
    from .connector import OpenApi

    details.register(OpenApi)
