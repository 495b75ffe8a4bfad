"""How does an SDK that takes an httpx2 client make governed calls?"""

import httpx2

from isthmus.core.bridge.exchange import Exchange, host_of

__all__ = ["http_client"]


class _Governed(httpx2.AsyncBaseTransport):
    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await self._exchange.answer(request)
        headers = {name: value for name, value in answer.headers.items() if name.lower() != "content-length"}
        return httpx2.Response(answer.status, headers=headers, content=answer.body, request=request)


def http_client(exchange: Exchange, system: str) -> httpx2.AsyncClient:
    """Return a client whose every request becomes governed calls; close it as any other."""
    return httpx2.AsyncClient(
        transport=_Governed(exchange), base_url=f"https://{host_of(system)}", trust_env=False, follow_redirects=False
    )
