"""How does a program get a simple-salesforce client whose every request is governed?"""

from typing import TYPE_CHECKING

from isthmus.core import Session, sync
from isthmus.core.bridge import host_of
from isthmus.core.errors import ConfigurationError

if TYPE_CHECKING:
    import requests
    from simple_salesforce.api import Salesforce

__all__ = ["client", "simple_salesforce"]


def simple_salesforce(session: Session | sync.Session, system: str) -> "Salesforce":
    """Return what `session.salesforce(system)` returns, with its type.

    Raises:
        ConfigurationError: simple-salesforce is not installed, or there is no such system.
    """
    return client(session.requests_session(system), host_of(system))


def client(http: "requests.Session", host: str) -> "Salesforce":
    """Make a client that never logs in; no 401 ever reaches it, on which it would try again without end."""
    try:
        from simple_salesforce.api import Salesforce
    except ImportError as error:
        raise ConfigurationError("needs `isthmus-salesforce[simple-salesforce]`; install it") from error
    return Salesforce(instance=host, session_id="held by isthmus", session=http)
