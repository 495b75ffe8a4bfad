"""How is saprfclib used, which speaks RFC in plain Python (3.12 or newer)?"""

import importlib
import importlib.metadata
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from types import ModuleType
from typing import Protocol, TypeVar, cast

from isthmus.connectors.sap.rfc.backend import (
    AbapDump,
    AbapRaised,
    BadCall,
    LineLost,
    Logon,
    LogonRefused,
    RfcConnection,
    Values,
)
from isthmus.connectors.sap.rfc.interface import Interface
from isthmus.core.errors import ConfigurationError

__all__ = ["SaprfclibBackend"]

T = TypeVar("T")
_LOGON = ("logon", "password", "user", "locked", "client ")


class _Client(Protocol):
    def call(self, function: str, /, **parameters: object) -> dict[str, object]: ...
    def ping(self) -> bool: ...
    def close(self) -> None: ...


class SaprfclibBackend:
    """The package; what it learns of function modules is shared by all its sessions."""

    writes = True

    def __init__(self) -> None:
        try:
            self._package = importlib.import_module("saprfclib")
        except ImportError as error:
            raise ConfigurationError(
                "saprfclib is not installed; install isthmus-sap[saprfclib] on Python 3.12 or newer"
            ) from error
        self._known = importlib.import_module("saprfclib.metadata").MetadataCache()

    @property
    def name(self) -> str:
        """Name the package with its version."""
        return f"saprfclib {importlib.metadata.version('saprfclib')}"

    def connect(self, logon: Logon) -> RfcConnection:
        """Log on; raises as `RfcBackend.connect`."""
        more = {name: int(value) if value.isdigit() else value for name, value in logon.more.items()}
        with ExitStack() as opened:
            # It leaves its socket open where a logon is refused; what it does not keep is closed here.
            client = self._logged_on(logon, more, opened)
            opened.pop_all()
        return _Session(self._package, cast("_Client", client))

    def _logged_on(self, logon: Logon, more: Mapping[str, str | int], opened: ExitStack) -> object:
        def dial(host: str, port: int) -> socket.socket:
            return opened.enter_context(socket.create_connection((host, port), timeout=logon.patience))

        try:
            return self._package.connect(
                ashost=logon.host,
                sysnr=f"{logon.port % 100:02d}",
                port=None if "mshost" in more else logon.port,
                client=logon.client,
                user=logon.user,
                passwd=logon.password,
                lang=logon.language,
                strict_params=True,
                connect_timeout=logon.patience,
                read_timeout=logon.patience,
                socket_factory=dial,
                metadata_cache=self._known,
                metadata_cache_key=f"{logon.host}:{logon.port}/{logon.client}",
                **more,
            )
        except (self._package.AbapApplicationError, self._package.AbapSystemFailure) as error:
            raise LogonRefused(str(error)) from error
        except (self._package.SapRfcError, OSError, EOFError) as error:
            raise LineLost(str(error)) from error
        except (ValueError, TypeError) as error:
            # It has no error of its own for a logon that is refused, and says so in words.
            said = str(error)
            if any(word in said.lower() for word in _LOGON):
                raise LogonRefused(said.removeprefix("logon failed: ")) from error
            raise BadCall(said) from error


class _Session:
    def __init__(self, package: ModuleType, client: _Client) -> None:
        self._package = package
        self._client = client

    def call(self, function: Interface, parameters: Values) -> Values:
        """Call a function module."""
        return cast("Values", self._guarded(lambda: self._client.call(function.name, **parameters)))

    def ping(self) -> None:
        """Ask for a sign of life."""
        if not self._guarded(self._client.ping):
            raise LineLost("the system does not answer")

    def close(self) -> None:
        """End the session."""
        try:
            self._client.close()
        except (self._package.SapRfcError, OSError, ValueError):
            return

    def _guarded(self, call: Callable[[], T]) -> T:
        with _translating(self._package):
            return call()


@contextmanager
def _translating(package: ModuleType) -> Iterator[None]:
    try:
        yield
    except package.AbapApplicationError as error:
        if error.msg_type in ("A", "X"):
            raise AbapDump(str(error)) from error
        number = "/".join(one for one in (error.msg_class, error.msg_number) if one)
        raise AbapRaised(error.key or "", str(error), number) from error
    except package.AbapSystemFailure as error:
        raise AbapDump(str(error)) from error
    except package.IncompleteDescriptorError as error:
        raise BadCall(str(error)) from error
    except (package.SapRfcError, OSError, EOFError, ValueError, TypeError, AttributeError) as error:
        # Its plain errors come from arguments as well as from answers: in doubt the call has run.
        raise LineLost(str(error)) from error
