"""Which credential and which cookies go with a request?"""

import asyncio
from collections import OrderedDict
from collections.abc import Callable

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.credentials import Credential, CredentialSource
from isthmus.core.errors import CredentialError
from isthmus.core.http.address import Ready, content_of
from isthmus.core.http.scope import CallScope, sending_of

__all__ = ["CookieJars", "CredentialLayer"]

OURS = (b"authorization", b"proxy-authorization", b"cookie")
"""Headers that only this layer sets; a bridged SDK's own are dropped."""


UNKNOWN = (401, 407)
"""Answers to a credential that is not accepted."""


class CookieJars:
    """The cookies of one connection, a jar for each principal and never one for two."""

    def __init__(self, most: int = 1_000) -> None:
        self._jars: OrderedDict[Principal, httpx2.Cookies] = OrderedDict()
        self._most = most

    def of(self, principal: Principal) -> httpx2.Cookies:
        """Return the principal's jar; the longest unused one is dropped when there are too many."""
        jar = self._jars.pop(principal, None)
        jar = httpx2.Cookies() if jar is None else jar
        self._jars[principal] = jar
        if len(self._jars) > self._most:
            self._jars.popitem(last=False)
        return jar


class CredentialLayer(httpx2.AsyncBaseTransport):
    """Applies the current credential; after a 401, or a proxy's 407, gets a newer one, once.

    The replay is left to the retry layer.
    """

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        credentials: Callable[[Principal], CredentialSource],
        cookies: CookieJars | None = None,
    ) -> None:
        self._inner = inner
        self._credentials = credentials
        self._cookies = cookies
        self._replacing: set[asyncio.Task[Credential]] = set()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on as the call's principal."""
        sending = sending_of(request)
        scope = sending.scope
        content = await content_of(request)
        source = self._credentials(scope.principal)
        credential = await source.current()
        signed = self._signed(request, content, credential, scope)
        scope.meter.generation = credential.generation
        response = await self._inner.handle_async_request(signed)
        if self._cookies is not None:
            response.request = signed
            self._cookies.of(scope.principal).extract_cookies(response)
        if response.status_code not in UNKNOWN:
            return response
        # Nothing was done: system or proxy did not know who asked (RFC 9110 sections 15.5.2 and 15.5.8).
        sending.answered()
        if sending.renewed:
            raise _refused(scope, "refuses the new credential as well")
        newer = await self._replace(source, credential)
        if newer.generation == credential.generation:
            raise _refused(scope, "refuses the credential, and there is no newer one")
        sending.renewed = True
        return response

    def _signed(
        self, request: httpx2.Request, content: bytes, credential: Credential, scope: CallScope
    ) -> httpx2.Request:
        """Return a copy with the secrets, so that no layer above ever holds them."""
        secrets: dict[str, str] = {}
        credential.apply(secrets)
        proof = [(name.encode("ascii"), value.encode("ascii")) for name, value in secrets.items()]
        replaced = {*OURS, *[name.lower() for name, _ in proof]}
        kept = [pair for pair in request.headers.raw if pair[0].lower() not in replaced]
        signed = Ready(request.method, request.url, [*kept, *proof], content, dict(request.extensions))
        if self._cookies is not None:
            self._cookies.of(scope.principal).set_cookie_header(signed)
        return signed

    async def _replace(self, source: CredentialSource, spent: Credential) -> Credential:
        """Let the replacement run to its end even when this caller is gone: others wait for it."""
        task = asyncio.ensure_future(source.replace(spent))
        self._replacing.add(task)
        task.add_done_callback(self._replaced)
        return await asyncio.shield(task)

    def _replaced(self, task: asyncio.Task[Credential]) -> None:
        self._replacing.discard(task)
        if not task.cancelled():
            # Looked at here too, for the caller who would have raised it may be gone.
            task.exception()

    async def aclose(self) -> None:
        """Wait for replacements under way."""
        if self._replacing:
            await asyncio.wait(set(self._replacing))


def _refused(scope: CallScope, why: str) -> CredentialError:
    connection = scope.principal.connection
    return CredentialError(
        f"{connection!r} {why}. Renew the credential of {_who(scope)}.",
        code="credential_refused",
        subject=scope.principal.user or connection,
        object=scope.operation.target,
    )


def _who(scope: CallScope) -> str:
    return f"user {scope.principal.user!r}" if scope.principal.user else f"connection {scope.principal.connection!r}"
