"""Which ServiceNow instances does the sandbox stand in for?"""

from .faults import FAULTS
from .instance import ServiceNowInstance
from .switch import InstanceSwitch

__all__ = ["FAULTS", "InstanceSwitch", "ServiceNowInstance"]
