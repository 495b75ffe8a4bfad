"""How does a browser's answer reach this process? Over a port of loopback that listens for it alone (RFC 8252)."""

import asyncio
from collections.abc import Callable
from typing import Self
from urllib.parse import urlsplit, urlunsplit

from aiohttp import web

from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.signing_in import StrangeAnswer
from isthmus.core.errors import ConfigurationError, CredentialError

__all__ = ["Loopback"]

PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>isthmus</title><p>{said}</p></html>"""
HEADERS = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'",
    # The address of the page holds the code.
    "Referrer-Policy": "no-referrer",
}
Read = Callable[[str], Secret]


class Loopback:
    """Listens for one answer; `redirect_uri` is where, with the port that is really listened on."""

    def __init__(self, redirect_uri: str) -> None:
        self._asked = urlsplit(redirect_uri)
        self._read: Read | None = None
        self._answer = asyncio.get_running_loop().create_future()
        # An access log would hold the code.
        self._runner = web.ServerRunner(web.Server(self._handle, access_log=None))
        self.redirect_uri = ""

    async def __aenter__(self) -> Self:
        # The name localhost may lead elsewhere, where somebody else listens (RFC 8252 section 8.3).
        host = "127.0.0.1" if self._asked.hostname == "localhost" else str(self._asked.hostname)
        await self._runner.setup()
        try:
            await web.TCPSite(self._runner, host, self._asked.port or 0).start()
        except OSError as error:
            await self._runner.cleanup()
            raise ConfigurationError(
                f"redirect_uri: port {self._asked.port or 0} of {host} cannot be listened on ({error.strerror}); "
                "end what listens there, or repeat with --paste"
            ) from None
        port = self._runner.addresses[0][1]
        place = f"{self._asked.netloc.removesuffix(f':{self._asked.port}')}:{port}"
        self.redirect_uri = urlunsplit(self._asked._replace(netloc=place))
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        # The browser is still being told.
        await self._runner.cleanup()

    async def answer(self, read: Read, seconds: float) -> Secret:
        """Return what `read` makes of the first answer that is not strange to it; raises what it raises, TimeoutError.

        An answer that is strange to it does not end the wait: any page that is open in the browser could send one.
        """
        self._read = read
        async with asyncio.timeout(seconds):
            found: Secret = await self._answer
        return found

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.method != "GET" or request.rel_url.raw_path != (self._asked.path or "/") or self._read is None:
            return _page(404, "There is nothing here.")
        if self._answer.done():
            return _page(400, "isthmus has its answer already.")
        try:
            found = self._read(request.rel_url.raw_query_string)
        except StrangeAnswer as error:
            return _page(400, f"Not taken: {error.sentence}.")
        except CredentialError as error:
            self._answer.set_exception(error)
            return _page(200, "The sign-in did not succeed; the terminal says why.")
        self._answer.set_result(found)
        return _page(200, "isthmus has what it needs; go back to the terminal. This page can be closed.")


def _page(status: int, said: str) -> web.Response:
    return web.Response(status=status, text=PAGE.format(said=said), content_type="text/html", headers=HEADERS)
