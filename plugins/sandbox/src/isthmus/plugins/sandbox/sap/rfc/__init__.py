"""How does the made-up SAP system answer over RFC? `RfcEndpoint` is the gateway port of its application server."""

from .endpoint import RfcEndpoint
from .faults import RfcFault

__all__ = ["RfcEndpoint", "RfcFault"]
