"""Under which names of the vendors does the sandbox answer?"""

import re
from typing import Final

WILDCARDS: Final = (
    "*.salesforce.com",
    "*.my.salesforce.com",
    "*.sandbox.my.salesforce.com",
    "*.service-now.com",
    "*.s4hana.cloud.sap",
    "*.workday.com",
    "*.agent.workday.com",
)
"""The names the TLS port shows a certificate for; a star stands for one label."""

DOMAINS: Final = ("salesforce.com", "service-now.com", "s4hana.cloud.sap", "workday.com")
"""The vendors' domains that all of those lie in."""

_LABEL: Final = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_NAMES: Final = re.compile("|".join(_LABEL + re.escape(each[1:]) for each in WILDCARDS), re.IGNORECASE)


def is_vendor_name(host: str) -> bool:
    """Say whether this host name, without a port, is one of those."""
    return _NAMES.fullmatch(host) is not None


def without_port(authority: str) -> str:
    """Return the host of `host` or `host:port` in lower case."""
    host, colon, port = authority.rpartition(":")
    return (host if colon and port.isdecimal() else authority).lower()
