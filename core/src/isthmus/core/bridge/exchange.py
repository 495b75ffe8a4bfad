"""How is one request of an SDK answered? Its connector says in verbs what it means, and encodes what they release."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx2

from isthmus.core.connector import Connector
from isthmus.core.errors import ConfigurationError, Denied
from isthmus.core.http import Response
from isthmus.core.records import JSON
from isthmus.core.results import Result

if TYPE_CHECKING:
    from requests import Session as RequestsSession

    from isthmus.core.gateway import Gateway
    from isthmus.core.session import Session

__all__ = ["Exchange", "client", "host_of"]


def host_of(system: str) -> str:
    """Name the host that SDKs believe in; it never resolves (RFC 2606), so nothing can leak past the bridge."""
    return f"{system.replace('_', '-')}.isthmus.invalid"


@dataclass(frozen=True, slots=True)
class _Calls:
    """A session's calls on one system."""

    session: "Session"
    gateway: "Gateway"
    system: str

    async def call(self, tool: str, /, **arguments: JSON) -> Result:
        return await self.session.call(tool, system=self.system, **arguments)

    async def relay(self, request: httpx2.Request) -> Response:
        return await self.gateway.relay(self.session.caller, self.system, request)


class Exchange:
    """One system's own API, as one caller may use it.

    Raises:
        ConfigurationError: there is no such system, or its connections speak to systems of different kinds.
    """

    def __init__(self, session: "Session", gateway: "Gateway", system: str) -> None:
        self._connector = _connector(gateway, system)
        self._calls = _Calls(session, gateway, system)
        origins = {str(one.origin.netloc) for one in gateway.parts.systems[system].connections.values()}
        self._hosts = origins | {host_of(system)}
        self._loop = gateway.loop

    async def answer(self, request: httpx2.Request) -> Response:
        """Answer a request by governed calls, on whichever loop.

        Raises:
            Denied: it is meant for another host; nothing was sent.
            IsthmusError: whatever the calls raise that is not the system's own refusal.
        """
        if request.url.netloc.decode("ascii") not in self._hosts:
            raise Denied(
                f"a {request.method} request to {request.url.host} was not sent: this session reaches "
                f"{' and '.join(sorted(self._hosts))} only",
                code="foreign_origin",
                object=self._calls.system,
            )
        await request.aread()
        return await self._connector.serve(request, self._calls)

    def wait(self, request: httpx2.Request) -> Response:
        """Answer a request and block this thread until it is there; not on the gateway's own loop."""
        return self._loop.wait(lambda: self.answer(request))


def client(gateway: "Gateway", name: str) -> Callable[["RequestsSession", str], object] | None:
    """Return how a connector in use makes the SDK client of this name; None where none does."""
    for system in gateway.parts.systems.values():
        for connection in system.connections.values():
            if name in connection.connector.clients:
                return connection.connector.clients[name]
    return None


def _connector(gateway: "Gateway", system: str) -> Connector:
    found = gateway.parts.systems.get(system)
    if found is None:
        known = ", ".join(sorted(gateway.parts.systems))
        raise ConfigurationError(f"there is no system {system!r} to bridge an SDK to (known: {known})", object=system)
    connectors = {type(one.connector): one.connector for one in found.connections.values()}
    if len(connectors) > 1:
        raise ConfigurationError(
            f"system {system!r} is served by {' and '.join(sorted(kind.__name__ for kind in connectors))}; an SDK "
            "speaks to one kind",
            object=system,
        )
    return next(iter(connectors.values()))
