"""Where do demos, tests and evaluations find systems of record that are nobody's?"""

from isthmus.core.plugins import CommandDetails, hookimpl

from .clock import Clock
from .command import serve_sandbox
from .faults import FaultBoard
from .house import write_house
from .journal import Effect, Entry, Journal
from .salesforce import SalesforceOrg
from .sandbox import Sandbox

__all__ = [
    "Clock",
    "Effect",
    "Entry",
    "FaultBoard",
    "Journal",
    "SalesforceOrg",
    "Sandbox",
    "isthmus_commands",
    "write_house",
]


@hookimpl
def isthmus_commands(details: CommandDetails) -> None:
    """Bring the command that serves the sandbox."""
    details.register("sandbox", serve_sandbox)
