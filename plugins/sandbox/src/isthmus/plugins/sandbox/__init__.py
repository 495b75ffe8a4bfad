"""Where do demos, tests and evaluations find systems of record that are nobody's?"""

from importlib import import_module
from typing import TYPE_CHECKING

from isthmus.core.plugins import CommandDetails, hookimpl

from .command import serve_sandbox

if TYPE_CHECKING:
    from .clock import Clock
    from .faults import FaultBoard
    from .house import write_house
    from .internal import AccessService
    from .journal import Effect, Entry, Journal
    from .salesforce import SalesforceOrg
    from .sandbox import Sandbox
    from .sap import SapLandscape
    from .servicenow import ServiceNowInstance
    from .workday import WorkdayTenant

__all__ = [
    "AccessService",
    "Clock",
    "Effect",
    "Entry",
    "FaultBoard",
    "Journal",
    "SalesforceOrg",
    "Sandbox",
    "SapLandscape",
    "ServiceNowInstance",
    "WorkdayTenant",
    "isthmus_commands",
    "write_house",
]

_HOMES = {
    "AccessService": "internal",
    "Clock": "clock",
    "Effect": "journal",
    "Entry": "journal",
    "FaultBoard": "faults",
    "Journal": "journal",
    "SalesforceOrg": "salesforce",
    "Sandbox": "sandbox",
    "SapLandscape": "sap",
    "ServiceNowInstance": "servicenow",
    "WorkdayTenant": "workday",
    "write_house": "house",
}


def __getattr__(name: str) -> object:
    # Imported on first use: a command that only prints its help loads every plugin.
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)


@hookimpl
def isthmus_commands(details: CommandDetails) -> None:
    """Bring the command that serves the sandbox."""
    details.register("sandbox", serve_sandbox)
