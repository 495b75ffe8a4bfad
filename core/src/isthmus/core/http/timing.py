"""Does the call end in time, body and all?"""

import asyncio

import httpx2

from isthmus.core.http.failure import late
from isthmus.core.http.scope import sending_of

__all__ = ["DeadlineCut"]


class DeadlineCut(httpx2.AsyncBaseTransport):
    """Cuts queueing, token fetches, attempts and the reading of bodies at the call's one deadline."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on while there is time."""
        sending = sending_of(request)
        try:
            async with asyncio.timeout(sending.scope.deadline.remaining()):
                return await self._inner.handle_async_request(request)
        except TimeoutError as error:
            raise late(sending.scope, sending) from error
