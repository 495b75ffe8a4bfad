"""SAP for isthmus: typed, governed records over OData V2 and V4."""

from isthmus.core.plugins import CredentialDetails, hookimpl

__all__ = ["isthmus_credentials"]


@hookimpl
def isthmus_credentials(details: CredentialDetails) -> None:
    """Bring destinations of BTP as a kind of credential."""
    from .destination import DESTINATION

    details.register(DESTINATION)
