"""How does one caller use a gateway? By tools, by typed methods, or by the SDKs it already has."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx2

from isthmus.core import verbs
from isthmus.core.bridge import Exchange, client, host_of, http_client, requests_session
from isthmus.core.caller import Caller
from isthmus.core.eventloop import OwnLoop
from isthmus.core.faces import Awaited, AwaitedPage, AwaitedPages, AwaitedParts, AwaitedRecord
from isthmus.core.http import Response
from isthmus.core.records import JSON
from isthmus.core.results import Result
from isthmus.core.streams import Upload
from isthmus.core.tools import Tool

if TYPE_CHECKING:
    import requests

    from isthmus.core.gateway import Gateway

__all__ = ["Session"]


class Session:
    """One caller's way through a gateway; cheap, so open one for every caller and task.

    Every verb is a typed method too: `await session.get("crm", "Contact", id)`. With a class of `isthmus models` in
    place of the name, `await session.get("crm", Contact, id)`, the answer is an object of that class.
    """

    describe = Awaited(verbs.describe)
    query = AwaitedPage(verbs.query, verbs.query_objects)
    get = AwaitedRecord(verbs.get)
    search = AwaitedPage(verbs.search, verbs.search)
    aggregate = Awaited(verbs.aggregate)
    export = AwaitedPages(verbs.export)
    changes = AwaitedPage(verbs.changes, verbs.changes)
    create = AwaitedRecord(verbs.create)
    update = AwaitedRecord(verbs.update)
    transition = AwaitedRecord(verbs.transition)
    upsert = AwaitedRecord(verbs.upsert)
    delete = AwaitedRecord(verbs.delete)
    load = AwaitedParts(verbs.load)
    attach = Awaited(verbs.attach)
    download = Awaited(verbs.download)
    invoke = Awaited(verbs.invoke)

    def __init__(self, gateway: "Gateway", caller: Caller) -> None:
        self._gateway = gateway
        self.caller = caller

    @property
    def loop(self) -> OwnLoop:
        """Return the loop that carries out calls."""
        return self._gateway.loop

    def tools(self) -> tuple[Tool, ...]:
        """List the tools that this caller may use, with the systems that it may use them on."""
        return self._gateway.tools(self.caller)

    async def call(self, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool.

        Raises:
            Refused: nothing was sent; the sentence says what to do.
            UpstreamError: the system said no.
            OutcomeUnknown: a write left and its outcome is not known.
        """
        return await self._gateway.call(self.caller, tool, arguments)

    async def send(self, upload: Upload, tool: str, /, **arguments: JSON) -> Result:
        """Call a tool that takes a file along, whose name and type are among its arguments; raises as `call`."""
        return await self._gateway.call(self.caller, tool, arguments, upload=upload)

    async def call_request(self, system: str, request: httpx2.Request) -> Response:
        """Answer a request of a system's own SDK by governed calls: what they release, in the system's own encoding.

        Raises:
            IsthmusError: as `call`; what the system itself refuses is told by status and body.
        """
        return await self._exchange(system).answer(request)

    def requests_session(self, system: str) -> "requests.Session":
        """Return a `requests.Session` for SDKs, to be used from any thread but the gateway's own.

        Raises:
            ConfigurationError: there is no such system, or requests is not installed.
        """
        return requests_session(self._exchange(system))

    def http_client(self, system: str) -> httpx2.AsyncClient:
        """Return an `httpx2.AsyncClient` for SDKs that take one."""
        return http_client(self._exchange(system), system)

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Callable[[str], object]:
            """Return the SDK client that a connector offers under this name, as in `session.salesforce("crm")`."""
            make = None if name.startswith("_") else client(self._gateway, name)
            if make is None:
                raise AttributeError(f"{type(self).__name__!r} has no attribute {name!r}", name=name, obj=self)
            return lambda system: make(self.requests_session(system), host_of(system))

    def _exchange(self, system: str) -> Exchange:
        return Exchange(self, self._gateway, system)
