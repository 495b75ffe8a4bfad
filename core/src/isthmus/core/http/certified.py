"""Over which connections does a principal go that shows a certificate of its own?"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.credentials import CertificateSource
from isthmus.core.http.faults import NotSent, WireFault
from isthmus.core.http.scope import sending_of
from isthmus.core.http.wire import AiohttpWire, Carrier, ForeignWire, WireSettings

__all__ = ["CertifiedWire"]

MOST_LINES = 256
"""Principals that have connections open at a time."""


@dataclass(slots=True, eq=False)
class _Line:
    """The connections of one certificate; a retired one ends with its last request."""

    generation: int
    wire: httpx2.AsyncBaseTransport
    busy: int = 0
    retired: bool = False

    async def retire(self) -> None:
        self.retired = True
        await self.settle()

    async def settle(self) -> None:
        if self.retired and not self.busy:
            await self.wire.aclose()


class CertifiedWire(Carrier):
    """A pool of connections for each certificate: nobody's request goes over one that another's certificate opened.

    A new generation of a certificate opens connections of its own; the old ones carry what is under way, and end.
    """

    def __init__(
        self,
        settings: WireSettings,
        certificates: Callable[[Principal], CertificateSource],
        make: Callable[[WireSettings], httpx2.AsyncBaseTransport] = AiohttpWire,
    ) -> None:
        self._settings = settings
        self._certificates = certificates
        self._make = make
        self._lines: OrderedDict[CertificateSource, _Line] = OrderedDict()
        self._building = asyncio.Lock()
        self._closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send once, as the call's principal; raises what `AiohttpWire` and the certificate's source raise."""
        source = self._certificates(sending_of(request).scope.principal)
        line = await self._line(source)
        line.busy += 1
        try:
            return await line.wire.handle_async_request(request)
        except WireFault:
            # It may be the certificate that was turned away, and a new one may be there.
            source.doubt()
            raise
        finally:
            line.busy -= 1
            await line.settle()

    async def aclose(self) -> None:
        """Close all connections; what is still under way fails."""
        self._closed = True
        lines, self._lines = self._lines, OrderedDict()
        for line in lines.values():
            await line.wire.aclose()

    async def _line(self, source: CertificateSource) -> _Line:
        certificate = await source.current()
        if self._closed:
            raise NotSent("isthmus is closing", lasting=True)
        found = self._lines.get(source)
        if found is None or found.generation < certificate.generation:
            async with self._building:
                certificate = await source.current()
                found = self._lines.get(source)
                if found is None or found.generation < certificate.generation:
                    settings = replace(self._settings, certificate=certificate)
                    # It reads the authorities and writes a file.
                    made = await asyncio.to_thread(self._make, settings)
                    old, found = found, _Line(certificate.generation, _native(made))
                    self._lines[source] = found
                    await self._let_go(old)
        elif len(self._lines) > 1:
            self._lines.move_to_end(source)
        return found

    async def _let_go(self, old: _Line | None) -> None:
        if old is not None:
            await old.retire()
        while len(self._lines) > MOST_LINES:
            _, longest_unused = self._lines.popitem(last=False)
            await longest_unused.retire()


def _native(wire: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
    return wire if isinstance(wire, Carrier) else ForeignWire(wire)
