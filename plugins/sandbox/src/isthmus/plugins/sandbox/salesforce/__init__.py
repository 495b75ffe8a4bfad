"""Which Salesforce orgs does the sandbox stand in for?"""

from .forms import spools
from .org import FAULTS, SalesforceOrg
from .switch import Switch

__all__ = ["FAULTS", "SalesforceOrg", "Switch", "spools"]
