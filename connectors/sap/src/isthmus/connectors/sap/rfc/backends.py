"""Which package carries RFC for these settings, and where does it log on?"""

import importlib.util
from urllib.parse import urlsplit

from httpx2 import AsyncBaseTransport

from isthmus.connectors.sap.rfc.backend import Logon, RfcBackend
from isthmus.connectors.sap.rfc.pyrfc_client import PyrfcBackend, owner_of_pyrfc
from isthmus.connectors.sap.rfc.saprfclib_client import SaprfclibBackend
from isthmus.connectors.sap.rfc.settings import SapRfcSettings
from isthmus.connectors.sap.rfc.soap import SoapBackend
from isthmus.core.errors import ConfigurationError

__all__ = ["backend_for", "logon_to"]

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]", "::1")


def backend_for(settings: SapRfcSettings, wire: AsyncBaseTransport, url: str) -> RfcBackend:
    """Return the package to use; raises ConfigurationError where it is missing, or does not go with the address."""
    soap = settings.backend.startswith("soap")
    if soap == url.startswith("rfc:"):
        wanted = "https://host" if soap else "rfc://host:33NN"
        raise ConfigurationError(f"backend {settings.backend!r} needs an address like {wanted}, not {url!r}")
    if soap:
        return SoapBackend(wire, url, settings)
    if settings.backend == "saprfclib":
        return SaprfclibBackend()
    if settings.backend == "pyrfc" or owner_of_pyrfc():
        return PyrfcBackend()
    if importlib.util.find_spec("saprfclib") is not None:
        return SaprfclibBackend()
    raise ConfigurationError(
        "no package for RFC is installed; install isthmus-sap[saprfclib] (Python 3.12 or newer), or one that answers "
        "to `import pyrfc`"
    )


def logon_to(connection: str, settings: SapRfcSettings, url: str) -> Logon:
    """Return where to log on; raises ConfigurationError where a password would go over the net in plain text."""
    found = urlsplit(url)
    host, more = found.hostname or "", {str(name): value for name, value in settings.way.items()}
    safe = found.scheme == "https" or host in _LOOPBACK or "snc_partnername" in more
    if not safe and not settings.plain_text:
        raise ConfigurationError(
            f"connections.{connection} would send a password that anybody on the way can read; set settings.way.snc_* "
            "for SNC, or settings.plain_text = true where the way is safe otherwise",
            object=connection,
        )
    port = found.port or 443
    return Logon(host, port, settings.client, "", "", settings.language, settings.patience, more)
