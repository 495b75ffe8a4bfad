"""Which Salesforce orgs does the sandbox stand in for?"""

from .org import FAULTS, SalesforceOrg

__all__ = ["FAULTS", "SalesforceOrg"]
