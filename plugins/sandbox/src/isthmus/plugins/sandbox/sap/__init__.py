"""Which SAP landscapes does the sandbox stand in for?"""

from .faults import FAULTS
from .landscape import SapLandscape
from .switch import LandscapeSwitch

__all__ = ["FAULTS", "LandscapeSwitch", "SapLandscape"]
