"""Who signs a message that holds its own proof? The connector, on the wire, with a key lent to it for one request."""

import asyncio
from collections.abc import Callable

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.credentials import CertificateSource, ClientCertificate
from isthmus.core.http.scope import sending_of
from isthmus.core.http.wire import Carrier, ForeignWire

__all__ = ["Sign", "SignedWire"]

Sign = Callable[[httpx2.Request, ClientCertificate, float], httpx2.Request]
"""Returns a request with its proof inside, made with a certificate's key at a moment (Unix seconds)."""


class SignedWire(Carrier):
    """Below everything that could keep a body: what goes up and down the request path is the unsigned message.

    Each attempt is signed anew, with the certificate that its principal has by then.
    """

    def __init__(
        self,
        wire: httpx2.AsyncBaseTransport,
        certificates: Callable[[Principal], CertificateSource],
        sign: Sign,
        clock: Callable[[], float],
    ) -> None:
        self._wire = wire if isinstance(wire, Carrier) else ForeignWire(wire)
        self._certificates = certificates
        self._sign = sign
        self._clock = clock

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Sign and pass on; raises what the certificate's source raises, before anything has left."""
        certificate = await self._certificates(sending_of(request).scope.principal).current()
        # A private key takes milliseconds.
        signed = await asyncio.to_thread(self._sign, request, certificate, self._clock())
        return await self._wire.handle_async_request(signed)
