"""How does one call reach one service: with which headers, which token, and where do the service's links lead?"""

import re
from collections.abc import Awaitable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

from isthmus.connectors.sap.csrf import HEADER, Tokens, refuses_token
from isthmus.connectors.sap.faults import SILENT, UNTAKEN
from isthmus.connectors.sap.odata.batch import (
    Answered,
    Entry,
    Part,
    answered_json,
    answered_multipart,
    encoded,
    written_json,
    written_multipart,
)
from isthmus.connectors.sap.odata.edm import Batches, EntitySet, Service, Version
from isthmus.connectors.sap.odata.keys import address_of
from isthmus.connectors.sap.odata.values import MEDIA_TYPE
from isthmus.core.errors import InvalidArguments, IsthmusError, NotFound, UpstreamRejected
from isthmus.core.http import Http, Path, Response, path
from isthmus.core.records import JSON

__all__ = ["Way", "headers_of"]

RENEWALS = 3
"""A write goes out again so many times with a new token. Each read that began without a session may bring a new one,
and with it make the token of the last one void."""
Params: TypeAlias = Mapping[str, str]

_ABSOLUTE = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:|[/\\]")


def headers_of(client: str, language: str) -> Mapping[str, str]:
    """Return the headers that every request has; the system takes client and language from them."""
    return {**({"sap-client": client} if client else {}), "sap-language": language}


@dataclass(frozen=True, slots=True)
class Way:
    """One call's way to one service."""

    http: Http
    alias: str
    root: str
    service: Service
    tokens: Tokens
    headers: Mapping[str, str]
    batches: dict[str, Batches] = field(default_factory=dict)
    """How services take batches, by alias, where that is known otherwise than from their metadata."""

    def set_of(self, object: str) -> EntitySet:
        """Return the entity set of an object, which is written `alias.EntitySet`; raises NotFound."""
        name = object.removeprefix(f"{self.alias}.")
        found = self.service.sets.get(name)
        if found is None:
            raise NotFound(f"service {self.alias!r} has no entity set {name[:80]!a}", object=object[:80])
        return found

    def collection(self, entity_set: EntitySet) -> Path:
        """Return the address of an entity set."""
        return path(f"{self.root}/{entity_set.name}")

    def entity(self, entity_set: EntitySet, id: str) -> Path:
        """Return the address of a record; raises InvalidArguments."""
        template, literals = address_of(id, entity_set, self.service)
        return path(f"{self.root}/{template}", *literals)

    async def get(
        self,
        where: Path,
        params: Params | None = None,
        passing: Collection[int] = (),
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a GET."""
        return await self.http.get(where, params=params, headers={**self._named(), **(headers or {})}, passing=passing)

    async def at_record(self, object: str, asked: Awaitable[Response]) -> Response:
        """Return the answer to a request for one record; raises NotFound for a 404 without a word.

        It may also mean that the service is gone, so the service is asked for.
        """
        try:
            return await asked
        except UpstreamRejected as error:
            if error.vendor_code != SILENT:
                raise
            try:
                await self.get(path(f"{self.root}/"))
            except IsthmusError:
                raise error from None
            raise NotFound("there is no such record, or this identity may not see it", object=object) from error

    async def follow(self, link: str, asked: Path, passing: Collection[int] = ()) -> Response:
        """Send a GET to a link of the answer to `asked`; a relative one starts at the service's root."""
        base = asked if link.startswith("?") else f"{self.root}/"
        whole = link if _ABSOLUTE.match(link) or not link else f"{base}{link}"
        return await self.http.follow(whole, headers=self._named(), passing=passing)

    async def write(
        self,
        method: str,
        where: Path,
        json: JSON = None,
        *,
        content: bytes | None = None,
        params: Params | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Response:
        """Send a write with the token of this principal, and again with a new one where the service takes it no more.

        A write that is refused for its token was not carried out, so it is safe to send it again.
        """
        root = path(f"{self.root}/")
        token = await self.tokens.of(self.http, root, self.headers)
        named = {**self._named(), **(headers or {})}
        if json is not None:
            named["content-type"] = MEDIA_TYPE[self.service.version]

        async def send(token: str) -> Response:
            marked = {**named, **({HEADER: token} if token else {})}
            return await self.http.request(method, where, json=json, content=content, params=params, headers=marked)

        for _ in range(RENEWALS):
            try:
                return await send(token)
            except UpstreamRejected as error:
                if not refuses_token(error):
                    raise
            token = await self.tokens.of(self.http, root, self.headers, spent=token)
        return await send(token)

    def part(self, method: str, where: Path, body: JSON = None, headers: Mapping[str, str] | None = None) -> Part:
        """Return a request as a part of a batch; raises InvalidArguments where it cannot be one."""
        kind = MEDIA_TYPE[self.service.version]
        named = {"accept": kind, **({"content-type": kind} if body is not None else {}), **(headers or {})}
        content = encoded(body) if body is not None else b""
        return Part(method, where.removeprefix(f"{self.root}/"), named, content)

    async def send_batch(self, entries: Sequence[Entry]) -> Response:
        """Send several requests as one, in JSON where the service takes that; what it does not reach is left out.

        A service of V4 that refuses the other form as such (415, so it read nothing of it) gets JSON from then on.
        """
        form = self.batches.get(self.alias, self.service.batches)
        if form is Batches.NONE:
            raise InvalidArguments(f"service {self.alias!r} takes no batches; write the records one by one")
        try:
            return await self._send_batch(entries, form)
        except UpstreamRejected as error:
            if error.vendor_code != UNTAKEN or form is Batches.JSON or self.service.version is Version.V2:
                raise
        self.batches[self.alias] = Batches.JSON
        return await self._send_batch(entries, Batches.JSON)

    async def _send_batch(self, entries: Sequence[Entry], form: Batches) -> Response:
        if form is Batches.JSON:
            kind, accepted, content = "application/json", "application/json", encoded(written_json(entries))
        else:
            (kind, content), accepted = written_multipart(entries), "multipart/mixed"
        v4 = self.service.version is Version.V4
        # Without it a service of V4 ends with the first failure (OData V4 protocol section 8.2.8.3).
        headers = {"accept": accepted, "content-type": kind, **({"prefer": "odata.continue-on-error"} if v4 else {})}
        return await self.write("POST", path(f"{self.root}/$batch"), content=content, headers=headers)

    def told_of(self, answer: Response, entries: Sequence[Entry]) -> Sequence[Answered]:
        """Tell what became of each entry of a batch; raises UpstreamError where its answer does not say."""
        plain = answer.headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        return answered_json(answer.json(), entries) if plain else answered_multipart(answer, entries)

    def _named(self) -> dict[str, str]:
        return {**self.headers, "accept": MEDIA_TYPE[self.service.version], **_VERSIONS[self.service.version]}


_VERSIONS: Mapping[Version, Mapping[str, str]] = {
    Version.V2: {"dataserviceversion": "2.0", "maxdataserviceversion": "2.0"},
    Version.V4: {"odata-version": "4.0", "odata-maxversion": "4.01"},
}
