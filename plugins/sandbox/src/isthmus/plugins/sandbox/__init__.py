"""Where do demos, tests and evaluations find systems of record that are nobody's?"""

from .clock import Clock
from .faults import FaultBoard
from .journal import Effect, Entry, Journal
from .salesforce import SalesforceOrg
from .sandbox import Sandbox

__all__ = ["Clock", "Effect", "Entry", "FaultBoard", "Journal", "SalesforceOrg", "Sandbox"]
