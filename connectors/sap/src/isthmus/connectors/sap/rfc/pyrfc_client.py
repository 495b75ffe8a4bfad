"""How are packages used that answer to `import pyrfc`: SAP's own, pyrfcx and erpl-pyrfc?"""

import importlib
import importlib.metadata
import re
from collections.abc import Callable
from types import ModuleType
from typing import Protocol, cast

from isthmus.connectors.sap.rfc.backend import (
    AbapDump,
    AbapRaised,
    BadCall,
    LineLost,
    Logon,
    LogonRefused,
    RfcConnection,
    RfcError,
    Values,
)
from isthmus.connectors.sap.rfc.interface import Interface
from isthmus.core.errors import ConfigurationError

__all__ = ["PyrfcBackend", "owner_of_pyrfc"]

_EXCEPTION = re.compile(r"[A-Z0-9_/]{1,60}")
"""How an ABAP exception is named; erpl-pyrfc puts the sentence of a short dump there instead."""


class _Client(Protocol):
    def call(self, function: str, /, **parameters: object) -> dict[str, object]: ...
    def close(self) -> None: ...


def owner_of_pyrfc() -> str:
    """Name the distribution that the module `pyrfc` belongs to, empty where there is none.

    Raises:
        ConfigurationError: several do, so that its files are a mixture.
    """
    owners = sorted(set(importlib.metadata.packages_distributions().get("pyrfc", ())))
    if len(owners) > 1:
        raise ConfigurationError(f"{' and '.join(owners)} overwrite each other's files; keep one in this environment")
    return owners[0] if owners else ""


class PyrfcBackend:
    """One of the packages; sessions are its `Connection`s, one thread each."""

    writes = True

    def __init__(self) -> None:
        self._owner = owner_of_pyrfc()
        if not self._owner:
            raise ConfigurationError("no package for RFC is installed; install pyrfcx, erpl-pyrfc or SAP's pyrfc")
        self._pyrfc = importlib.import_module("pyrfc")

    @property
    def name(self) -> str:
        """Name the package with its version."""
        return f"{self._owner} {importlib.metadata.version(self._owner)}"

    def connect(self, logon: Logon) -> RfcConnection:
        """Log on; raises as `RfcBackend.connect`."""
        missing = importlib.import_module("pyrfcx").PyrfcxError if self._owner == "pyrfcx" else _Never
        # Only pyrfcx raises errors of its own beside pyrfc's: where SAP's library is not on this machine.
        try:
            client = self._pyrfc.Connection(config={"timeout": max(int(logon.patience), 1)}, **self._parameters(logon))
        except self._pyrfc.RFCError as error:
            raise _translated(self._pyrfc, error, sent=False) from error
        except missing as error:
            raise ConfigurationError("pyrfcx does not find SAP's NW RFC SDK; set SAPNWRFC_HOME") from error
        return _Session(self._pyrfc, cast("_Client", client))

    def _parameters(self, logon: Logon) -> dict[str, str]:
        named = {"client": logon.client, "user": logon.user, "passwd": logon.password, "lang": logon.language}
        named |= dict(logon.more)
        if "snc_partnername" in named:
            named["snc_mode"] = "1"
        if "mshost" in named:
            return named
        if self._owner == "erpl-pyrfc":
            return {**named, "ashost": logon.host, "sysnr": f"{logon.port % 100:02d}", "port": str(logon.port)}
        if not 3300 <= logon.port <= 3399:
            raise BadCall(f"{self._owner} reaches ports 3300 to 3399 only, by the system's number")
        return {**named, "ashost": logon.host, "sysnr": f"{logon.port - 3300:02d}"}


class _Never(Exception):
    """Nothing raises this."""


class _Session:
    def __init__(self, pyrfc: ModuleType, client: _Client) -> None:
        self._pyrfc = pyrfc
        self._client = client

    def call(self, function: Interface, parameters: Values) -> Values:
        """Call a function module."""
        return cast("Values", self._guarded(lambda: self._client.call(function.name, **parameters)))

    def ping(self) -> None:
        """Ask for a sign of life; erpl-pyrfc's own `ping` asks for a function module that many systems lack."""
        self._guarded(lambda: self._client.call("RFCPING"))

    def close(self) -> None:
        """End the session."""
        try:
            self._client.close()
        except self._pyrfc.RFCError:
            return

    def _guarded(self, call: Callable[[], dict[str, object]]) -> dict[str, object]:
        try:
            return call()
        except self._pyrfc.RFCError as error:
            raise _translated(self._pyrfc, error, sent=True) from error
        except (TypeError, ValueError) as error:
            # From a value that was not as its type wants it, or from an answer: in doubt the call has run.
            raise LineLost("the package could not write the call or read its answer") from error


def _translated(pyrfc: ModuleType, error: Exception, *, sent: bool) -> RfcError:
    text = str(getattr(error, "message", None) or error)
    key, type = (str(getattr(error, name, None) or "") for name in ("key", "msg_type"))
    if isinstance(error, pyrfc.LogonError):
        return LogonRefused(text)
    if isinstance(error, pyrfc.ABAPApplicationError) and type not in ("A", "X") and _EXCEPTION.fullmatch(key):
        number = "/".join(str(getattr(error, name, None) or "") for name in ("msg_class", "msg_number"))
        return AbapRaised(key, text, number.strip("/"))
    if isinstance(error, pyrfc.ABAPApplicationError | pyrfc.ABAPRuntimeError):
        return AbapDump(text)
    if isinstance(error, pyrfc.ExternalRuntimeError) and (not sent or key == "RFC_INVALID_PARAMETER"):
        return BadCall(text)
    return LineLost(text)
