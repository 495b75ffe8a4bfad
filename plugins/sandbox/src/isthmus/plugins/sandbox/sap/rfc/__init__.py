"""How does the made-up SAP system answer calls of function modules?

`RfcEndpoint` is the gateway port of its application server, `SoapService` its HTTP port for the same.
"""

from .endpoint import RfcEndpoint
from .faults import RfcFault
from .soap import SoapService

__all__ = ["RfcEndpoint", "RfcFault", "SoapService"]
