"""How may a connector ask the system for something else than the call names?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
from tests.core.testing.desk import Desk, mapping

from isthmus.core.connector import Key, ObjectFacts
from isthmus.core.http import Path, Response, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import Query, Row

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)


@breaks("every request of a verb is classified as no more than the verb declares")
class Unknowing(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return () if request.url.path == "/find" else super().classify(request)


@breaks(
    "every request of a verb is classified as no more than the verb declares", "records that the call does not name"
)
class Wide(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return tuple(replace(part, records=()) for part in super().classify(request))


@breaks("every request of a verb is classified as no more than the verb declares", "another origin")
class Elsewhere(Desk):
    async def probe(self) -> Any:
        await self.http.send(httpx2.Request("GET", "https://elsewhere.example/me"))


@breaks("a write is classified as the write that it is, with its object and record")
class Lying(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return tuple(replace(part, effect=Effect.READ) for part in super().classify(request))


@breaks("a write is classified as the write that it is, with its object and record", "not classified as a create too")
class Halved(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().classify(request)[-1:]


@breaks("a known path with a method that writes is not called a read")
class Methodless(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        found = super().classify(httpx2.Request("GET", request.url))
        return found if request.url.path == "/me" else super().classify(request)


@breaks("a request that classify does not know is refused")
class Guessing(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        found = super().classify(request)
        return found or ((RequestClass(Effect.READ, "Ticket"),) if request.method == "GET" else ())


@breaks("a request that classify does not know is refused", "%2f..%2f")
class Folding(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        plain = request.url.raw_path.decode().partition("%2f")[0]
        return super().classify(
            httpx2.Request(request.method, "https://upstream.example" + plain, content=request.content)
        )


@breaks("each part of a composed request is classified")
class Hasty(Desk):
    def batch(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().batch(request)[:1]


@breaks("an id is one segment or value of a request, or is refused")
class Formatting(Desk):
    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        return self.row((await self.http.get(Path(f"/tickets/{id}"))).json(), fields)

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        found = super().classify(request)
        return found or (RequestClass(Effect.READ, "Ticket", self.http.scope.operation.records),)


@breaks("a name that is none is refused, and an unknown object is not found")
class Obliging(Desk):
    async def catalogue(self, object: str) -> ObjectFacts:
        return await super().catalogue("Ticket")

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return [replace(one, object="") for one in super().classify(request)]


@breaks("a value arrives as exactly one literal, or is refused")
class Quoting(Desk):
    def literal(self, value: str) -> str:
        return f"'{value}'"


@breaks("a value arrives as exactly one literal, or is refused", "encode it exactly once")
class Gluing(Desk):
    async def create(self, object: str, values: Any, key: Key | None) -> Any:
        where = f"https://upstream.example/tickets?about={values['subject']}"
        return await self.http.send(httpx2.Request("POST", where, json=dict(values)))

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().classify(httpx2.Request(request.method, str(request.url).partition("?about")[0], content=b""))


@breaks("a value arrives as exactly one literal, or is refused", "sent it in no request")
class Dropping(Desk):
    async def update(self, object: str, id: str, values: Any, version: str | None) -> Any:
        return await super().update(object, id, {"status": "closed"}, version)


@breaks("pages that never end come to an end")
class Endless(Desk):
    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer = await self.http.get(path("/tickets"), params=asked)
        rows = self.rows(mapping(answer.json()), query.select)
        while len(rows) < query.limit and (following := mapping(answer.json()).get("next")):
            answer = await self.http.follow(str(following))
            rows += self.rows(mapping(answer.json()), query.select)
        return rows[: query.limit]


@breaks("pages that never end come to an end", "sent 300 requests")
class Trusty(Desk):
    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer = await self.http.get(path("/tickets"), params=asked)
        rows = {row.id: row for row in self.rows(mapping(answer.json()), query.select)}
        while len(rows) < query.limit and (following := mapping(answer.json()).get("next")):
            answer = await self.http.follow(str(following))
            rows |= {row.id: row for row in self.rows(mapping(answer.json()), query.select)}
        return list(rows.values())[: query.limit]


@breaks("the rest of a page is read, or its lack is an error")
class Short(Desk):
    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer = await self.http.get(path("/tickets"), params=asked)
        return self.rows(mapping(answer.json()), query.select)[: query.limit]


@breaks("an address that leads elsewhere is refused and never asked")
class Cutting(Desk):
    def bind(self, http: Any, facts_of: Any = None) -> Any:
        bound = super().bind(http, facts_of)
        bound.http = Shortcut(http)
        return bound


class Shortcut:
    """What some connectors do with an address: they take its path."""

    def __init__(self, http: Any) -> None:
        self.http = http
        self.get = http.get

    def __getattr__(self, name: str) -> Any:
        return getattr(self.http, name)

    async def follow(self, url: str) -> Response:
        return await self.http.follow(urlsplit(url).path or "/tickets")
