"""How does a program get a PySNC client whose every request is governed?"""

from typing import TYPE_CHECKING

from isthmus.core import Session, sync
from isthmus.core.bridge import host_of
from isthmus.core.errors import ConfigurationError

if TYPE_CHECKING:
    import requests
    from pysnc import ServiceNowClient

__all__ = ["client", "pysnc"]


def pysnc(session: Session | sync.Session, system: str) -> "ServiceNowClient":
    """Return what `session.pysnc(system)` returns, with its type.

    Raises:
        ConfigurationError: PySNC is not installed, or there is no such system.
    """
    return client(session.requests_session(system), host_of(system))


def client(http: "requests.Session", host: str) -> "ServiceNowClient":
    """Make a client that never logs in and never retries: both are the gateway's."""
    try:
        from pysnc import ServiceNowClient
    except ImportError as error:
        raise ConfigurationError("needs `isthmus-servicenow[pysnc]`; install it") from error
    return ServiceNowClient(f"https://{host}", auth=http, auto_retry=False)
