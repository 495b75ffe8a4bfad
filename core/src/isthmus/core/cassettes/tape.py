"""What does opening a connection ask of a cassette, whichever way it runs?"""

from collections.abc import MutableMapping
from typing import TYPE_CHECKING, Protocol

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.credentials import Credential, CredentialSource
from isthmus.core.http import Carrier, NotSent
from isthmus.core.witness import Witness

if TYPE_CHECKING:
    from isthmus.core.config import Config

__all__ = ["NoWire", "Tape", "nobody"]


class Tape(Protocol):
    """A cassette that records or replays; `replays` tells which, and then no wire is ever opened."""

    @property
    def replays(self) -> bool:
        """Tell whether it stands in for the wire."""
        ...

    @property
    def witness(self) -> Witness | None:
        """Return who wants to know which calls were labelled."""
        ...

    def over(self, connection: str, origin: str, metadata: frozenset[str], wire: httpx2.AsyncBaseTransport) -> Carrier:
        """Return what takes the place of a connection's wire; `metadata` are objects that describe others."""
        ...

    def house(self, config: "Config") -> "Config":
        """Return the configuration to open: a replay keeps its own state, apart from the real one."""
        ...

    def nonce(self, plain: bytes) -> bytes:
        """Return 12 bytes with which a cursor is sealed."""
        ...


class NoWire(Carrier):
    """A wire that leads nowhere."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:  # noqa: ARG002
        """Refuse."""
        raise NotSent("a replay has no wire", lasting=True)

    async def aclose(self) -> None:
        """Close nothing."""


class _Nothing:
    """The proof of a replay, which proves nothing; it is itself where it comes from."""

    generation = 1

    def apply(self, headers: MutableMapping[str, str]) -> None:
        """Write nothing."""

    async def current(self) -> Credential:
        """Return itself."""
        return self

    async def replace(self, spent: Credential) -> Credential:
        """Return itself: a recorded 401 stays one."""
        return spent


def nobody(_principal: Principal) -> CredentialSource:
    """Return what a replay shows in place of a credential."""
    return _Nothing()
