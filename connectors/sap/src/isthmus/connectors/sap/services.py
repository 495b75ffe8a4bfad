"""What do the services of a system offer, as each principal sees them? Their metadata, read once in a while."""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass, replace

from isthmus.connectors.sap.flights import Flights
from isthmus.connectors.sap.odata.edm import Service
from isthmus.connectors.sap.odata.metadata import MetadataError, service_of
from isthmus.core.caller import Principal
from isthmus.core.errors import UpstreamError, UpstreamRejected
from isthmus.core.http import Http, path

__all__ = ["Services"]

TTL = 300.0
"""Seconds after which metadata are asked for again; a service that has not changed says so without sending them."""
MOST = 2_000
MOST_PARSED = 100
_XML = "application/xml"


@dataclass(frozen=True, slots=True)
class Known:
    """Metadata as read at `at` on the clock of the calls; `etag` is what the service calls this state of them."""

    service: Service
    etag: str
    at: float


class Services:
    """The metadata of one connection's services."""

    def __init__(self, roots: Mapping[str, str], headers: Mapping[str, str]) -> None:
        self._roots = roots
        self._headers = headers
        self._flights: Flights[tuple[Principal, str], Known] = Flights(MOST)
        self._latest: dict[str, Service] = {}

    async def of(self, http: Http, alias: str) -> Service:
        """Return what a service offers to the principal of a call."""
        key, clock = (http.scope.principal, alias), http.scope.deadline.clock

        async def look() -> Known:
            found = await self._read(http, alias, self._flights.known(key))
            return replace(found, at=clock.monotonic())

        found = await self._flights.get(key, http, look, lambda one: clock.monotonic() - one.at < TTL)
        self.see(alias, found.service)
        return found.service

    def see(self, alias: str, service: Service) -> None:
        """Note by what requests are written now."""
        self._latest[alias] = service

    def seen(self, alias: str) -> Service | None:
        """Return what was last told of a service, to whomever: enough to tell what a request does to it."""
        return self._latest.get(alias)

    async def _read(self, http: Http, alias: str, before: Known | None) -> Known:
        where = path(f"{self._roots[alias]}/$metadata")
        asked = {**self._headers, "accept": _XML, **({"if-none-match": before.etag} if before and before.etag else {})}
        try:
            answer = await http.get(where, headers=asked, passing=(304,))
        except UpstreamRejected as error:
            raise UpstreamRejected(
                f"service {alias!r}: {error.sentence}",
                object=alias,
                vendor_text=error.vendor_text,
                vendor_code=error.vendor_code,
            ) from error
        if answer.status == 304 and before is not None:
            return before
        etag = answer.headers.get("etag", "")
        if answer.status != 200 or not answer.body.lstrip()[:1] == b"<":
            raise _unreadable(alias, "they are no XML")
        try:
            found = await _parsed(answer.body)
        except MetadataError as error:
            raise _unreadable(alias, str(error)) from error
        return Known(found, etag if etag.isascii() and etag.isprintable() else "", 0.0)


_KNOWN: OrderedDict[bytes, Service] = OrderedDict()
"""Services by the digest of their metadata: the same document says the same, to whomever and wherever it is from."""


async def _parsed(body: bytes) -> Service:
    """Read metadata, in a thread: a large document does not hold up other calls."""
    digest = hashlib.sha256(body).digest()
    found = _KNOWN.get(digest)
    if found is None:
        found = _KNOWN[digest] = await asyncio.to_thread(service_of, body)
        if len(_KNOWN) > MOST_PARSED:
            _KNOWN.popitem(last=False)
    return found


def _unreadable(alias: str, why: str) -> UpstreamError:
    return UpstreamError(
        f"the metadata of service {alias!r} cannot be used: {why}; see that settings.services names the root of an "
        "OData service",
        code="unreadable_answer",
        object=alias,
    )
