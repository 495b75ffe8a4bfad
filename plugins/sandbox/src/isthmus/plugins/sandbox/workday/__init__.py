"""Which Workday tenants does the sandbox stand in for?"""

from .faults import FAULTS
from .switch import TenantSwitch
from .tenant import WorkdayTenant

__all__ = ["FAULTS", "TenantSwitch", "WorkdayTenant"]
