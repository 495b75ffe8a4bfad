"""Which host names belong to which org?"""

from typing import Final

from isthmus.plugins.sandbox.message import Request
from isthmus.plugins.sandbox.names import without_port

LOGIN_HOSTS: Final = frozenset({"login.salesforce.com", "test.salesforce.com"})
"""The hosts at which anybody may log in; what follows happens on the org's own host."""


def my_domain(name: str) -> str:
    """Return the My Domain host of the org with this name."""
    return f"kessmar-{name}.my.salesforce.com"


def hosts(name: str) -> frozenset[str]:
    """Return every host of the org with this name: its My Domain and the form that a sandbox org has."""
    return frozenset({my_domain(name), f"kessmar--{name}.sandbox.my.salesforce.com"})


def instance_url(name: str, request: Request) -> str:
    """Return where a new login is to be used: at the host that was asked, unless that one only logs in."""
    return f"https://{my_domain(name)}" if without_port(request.host) in LOGIN_HOSTS else request.origin
