"""What must a package for RFC do for us, and which one is there?"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol, TypeAlias

from isthmus.connectors.sap.rfc.interface import Interface

__all__ = [
    "AbapDump",
    "AbapRaised",
    "BadCall",
    "LineLost",
    "Logon",
    "LogonRefused",
    "RfcBackend",
    "RfcConnection",
    "RfcError",
    "Scalar",
    "Value",
    "Values",
]

Scalar: TypeAlias = str | int | float | Decimal | bytes
Value: TypeAlias = Scalar | Mapping[str, Scalar] | Sequence[Mapping[str, Scalar]]
Values: TypeAlias = Mapping[str, Value]


class RfcError(Exception):
    """A call without a result; the text is the system's own, or the package's, and never holds a secret."""


class LogonRefused(RfcError):
    """The system does not take user and password, or has locked the user; no function module has run."""


class LineLost(RfcError):
    """The line broke, or no answer came in time: whether the call ran is not known."""


class BadCall(RfcError):
    """The package refused to send the call as it was given: nothing ran."""


class AbapRaised(RfcError):
    """The function module raised an exception; `key` is its name, `number` that of its message, as `FL/046`."""

    def __init__(self, key: str, text: str, number: str = "") -> None:
        super().__init__(text)
        self.key = key
        self.number = number


class AbapDump(RfcError):
    """The function module ended in a short dump or a message of type A or X; its session is gone."""


@dataclass(frozen=True, slots=True)
class Logon:
    """Where to log on and as whom; `patience` is the most seconds that one step may take.

    `more` are parameters of the way there by the names that all packages share: `saprouter`, `mshost`, `msserv`,
    `group`, `sysid`, and `snc_qop`, `snc_myname`, `snc_partnername`, `snc_lib`. `carried` is what travels with the
    request that asked for this, for a backend that sends requests itself.
    """

    host: str
    port: int
    client: str
    user: str
    password: str = field(repr=False)
    language: str
    patience: float
    more: Mapping[str, str] = field(default_factory=dict)
    carried: Mapping[str, object] = field(default_factory=dict, repr=False)


class RfcConnection(Protocol):
    """One session on an application server: its calls share a unit of work; used from one thread."""

    def call(self, function: Interface, parameters: Values) -> Values:
        """Call a function module.

        Characters may come back with or without padding, dates as `YYYYMMDD` or `YYYY-MM-DD`, times likewise, numbers
        as numbers or as text, bytes as bytes or in Base64.

        Raises:
            AbapRaised, AbapDump, BadCall, LineLost.
        """
        ...

    def ping(self) -> None:
        """Ask for a sign of life; raises as `call`."""
        ...

    def close(self) -> None:
        """End the session; what was not committed is undone. Never raises."""
        ...


class RfcBackend(Protocol):
    """A package that speaks RFC; `writes` is False where calls share no unit of work."""

    @property
    def name(self) -> str:
        """Name the package with its version."""
        ...

    @property
    def writes(self) -> bool:
        """Tell whether several calls can be one unit of work."""
        ...

    def connect(self, logon: Logon) -> RfcConnection:
        """Log on.

        Raises:
            LogonRefused: the system knows no such user, or not this password, or has locked it.
            LineLost: it cannot be reached.
            BadCall: the package does not take these parameters.
        """
        ...
