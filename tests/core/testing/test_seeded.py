"""Can each check fail? For every promise there is a connector that breaks it, and the check says what to do."""

import logging
import os
import re
import socket
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any
from urllib.parse import urlsplit

import httpx2
import pytest

from isthmus.core.connector import Fault, FaultKind, FieldFacts, Key, ObjectFacts, Pending, QuotaReading, Settlement
from isthmus.core.errors import UpstreamError, UpstreamRejected
from isthmus.core.http import Path, Response, parse_json, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import Negated, Query, Row
from isthmus.core.testing import Subject, Violation, conformance

from .desk import EXAMPLES, Desk, mapping, subject_of

SEEDS: dict[str, Subject] = {}


def breaks(sentence: str, **examples: Any) -> Any:
    def seed(connector: type[Desk]) -> type[Desk]:
        SEEDS[sentence] = subject_of(connector, replace(EXAMPLES, **examples))
        return connector

    return seed


@breaks("a connector has a kind, a purpose and settings that refuse unknown keys")
class Nameless(Desk):
    """No kind."""

    kind = "My Desk"


@breaks("every method takes the arguments of the contract and is async where the contract is")
class Forgetful(Desk):
    async def get(self, object: str, id: str) -> Row:  # type: ignore[override]
        return await super().get(object, id, ())


@breaks("there is an example of everything that is implemented", words="")
class Unshown(Desk): ...


@breaks("every method answers with the types of the contract")
class Untyped(Desk):
    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        return dict((await super().get(object, id, fields)).fields)  # type: ignore[return-value]


@breaks("a read gives the object, the id and every field asked for")
class Stingy(Desk):
    def row(self, raw: Any, fields: Sequence[str]) -> Row:
        return super().row(raw, [name for name in fields if name != "status"])


@breaks("the catalogue describes every field that reads and writes name")
class Undescribed(Desk):
    async def catalogue(self, object: str) -> ObjectFacts:
        await super().catalogue(object)
        return ObjectFacts("Ticket", {"id": FieldFacts("id")}, id_field="id")


@breaks("a query gives as many rows as its limit allows, and no more")
class Unlimited(Desk):
    async def query(self, query: Query) -> Sequence[Row]:
        return await super().query(replace(query, limit=50))


@breaks("a query sorts as it was asked to, missing values first")
class Unsorted(Desk):
    def sort(self, query: Query) -> str:
        return super().sort(query).replace("-", "")


@breaks("a condition is honoured or refused, and never left out")
class Careless(Desk):
    def condition(self, condition: Any) -> str:
        return super().condition(condition.term if isinstance(condition, Negated) else condition)


@breaks("a write with an old version is refused, where records have versions")
class Overwriting(Desk):
    async def update(self, object: str, id: str, values: Any, version: str | None) -> Any:
        return replace(await super().update(object, id, values, None), guard="server")


@breaks("every request of a verb is classified as no more than the verb declares")
class Unknowing(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return () if request.url.path == "/find" else super().classify(request)


@breaks("a write is classified as the write that it is, with its object and record")
class Lying(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return tuple(replace(part, effect=Effect.READ) for part in super().classify(request))


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


@breaks("each part of a composed request is classified")
class Hasty(Desk):
    def batch(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().batch(request)[:1]


@breaks("classify, fault, quota and parse only compute")
class Patient(Desk):
    def fault(self, response: Response) -> Fault | None:
        with open(os.devnull) as file:  # noqa: PTH123
            file.read()
        return super().fault(response)


@breaks("parse reads the example and refuses what is no query")
class Illiterate(Desk):
    def parse(self, text: str) -> Query:
        return super().parse("tickets " + text.split("tickets ")[1])


@breaks("any status with any body is explained without raising")
class Trusting(Desk):
    def words(self, response: Response) -> str:
        found: Any = parse_json(response.body) if response.is_json and response.body[:1] == b"{" else {}
        return str(found["error"]["message"]) if "error" in found else ""


@breaks("no status from 300 is a success, and each kind of failure is told")
class Hopeful(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, kind=FaultKind.CALLER) if found and response.status == 502 else found


@breaks("the vendor's own errors are told apart")
class Blunt(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, error=UpstreamRejected) if found and response.status == 412 else found


@breaks("what the system says is never part of our own sentence")
class Parroting(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, sentence=f"the desk said {found.text}") if found else None


@breaks("quota is read off the answers, and missing or garbled headers do no harm")
class Counting(Desk):
    def quota(self, response: Response) -> Sequence[QuotaReading]:
        used, limit = response.headers.get("x-quota", "0/1000").split("/")[:2]
        return (QuotaReading(int(limit), int(limit) - int(used)),)


@breaks("every request leaves through self.http")
class Sneaking(Desk):
    async def probe(self) -> Any:
        with socket.socket() as own:
            own.settimeout(0.1)
            own.connect_ex(("127.0.0.1", 9))
        return await super().probe()


@breaks("an answer of another shape ends in a typed error or a sound result")
class Assuming(Desk):
    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        answer: Any = (await self.http.get(path("/find"), params={"q": text})).json()
        return [Row("Ticket", one["id"], one) for one in answer["tickets"]]


@breaks("a login page or a redirect in place of an answer is no success")
class Satisfied(Desk):
    def fault(self, response: Response) -> Fault | None:
        return None if response.status == 200 else super().fault(response)


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


@breaks("pages that never end come to an end")
class Endless(Desk):
    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer = await self.http.get(path("/tickets"), params=asked)
        rows = self.rows(mapping(answer.json()), query.select)
        while len(rows) < query.limit and (following := mapping(answer.json()).get("next")):
            answer = await self.http.follow(str(following))
            rows += self.rows(mapping(answer.json()), query.select)
        return rows[: query.limit]


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


@breaks("a write that was done is recognised, and never called undone")
class Denying(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        return Settlement.CANNOT_TELL, None


@breaks("a write that was not done is never claimed, nor called undone at once")
class Impatient(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        return await super().reconcile(replace(pending, age=1e6))


@breaks("a create without a key is never guessed by likeness")
class Likening(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        if pending.verb != "create" or pending.key:
            return await super().reconcile(pending)
        return Settlement.HAPPENED, None


@breaks("a record of somebody else with the same key is no proof")
class Assured(Desk):
    def judge(self, pending: Pending, row: Row) -> Settlement:
        return Settlement.HAPPENED


@breaks("a reading back that fails settles nothing")
class Concluding(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        try:
            return await super().reconcile(pending)
        except UpstreamError:
            return Settlement.NOT_HAPPENED, None


@breaks("a credential shows in no error, log, output or repr, whatever the system echoes")
class Chatty(Desk):
    def fault(self, response: Response) -> Fault | None:
        logging.getLogger("desk").info("answered %s", response.body)
        return super().fault(response)


@breaks("a value shows in no error, log or output")
class Printing(Desk):
    async def create(self, object: str, values: Any, key: Key | None) -> Any:
        print("creating", values)
        return await super().create(object, values, key)


@breaks("a call leaves nothing behind for the next user")
class Remembering(Desk):
    def __init__(self, name: str, settings: Any) -> None:
        super().__init__(name, settings)
        self.known: dict[str, Row] = {}

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        if id not in self.known:
            self.known[id] = await super().get(object, id, fields)
        return self.known[id]


ALSO: list[tuple[str, Subject, str]] = []


def also(sentence: str, words: str) -> Any:
    def seed(connector: type[Desk]) -> type[Desk]:
        ALSO.append((sentence, subject_of(connector), words))
        return connector

    return seed


@breaks("figures are named by their groups and measures")
class Unnamed(Desk):
    async def aggregate(self, aggregate: Any) -> Any:
        return [{"n": one["n"]} for one in await super().aggregate(aggregate)]


@also("every method takes the arguments of the contract and is async where the contract is", "get is not async")
class Sync(Desk):
    def get(self, object: str, id: str, fields: Sequence[str]) -> Row:  # type: ignore[override]
        return Row(object, id, {})


@also("a query gives as many rows as its limit allows, and no more", "a search with limit 1")
class Wordy(Desk):
    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        return await super().search("o", objects, 50)


@also("a query sorts as it was asked to, missing values first", "ascending")
class Descending(Desk):
    def sort(self, query: Query) -> str:
        return "-opened"


@also("a condition is honoured or refused, and never left out", "and another eq")
class Joining(Desk):
    def condition(self, condition: Any) -> str:
        return super().condition(condition).replace(" and ", " or ")


@also("a condition is honoured or refused, and never left out", "after 1 requests")
class Late(Desk):
    async def query(self, query: Query) -> Sequence[Row]:
        await self.http.get(path("/me"))
        return await super().query(query)


@also("a write with an old version is refused, where records have versions", "delete with the version before last")
class Destroying(Desk):
    async def delete(self, object: str, id: str, version: str | None) -> Any:
        return await super().delete(object, id, None)


@also("every request of a verb is classified as no more than the verb declares", "records that the call does not name")
class Wide(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return tuple(replace(part, records=()) for part in super().classify(request))


@also("every request of a verb is classified as no more than the verb declares", "another origin")
class Elsewhere(Desk):
    async def probe(self) -> Any:
        await self.http.send(httpx2.Request("GET", "https://elsewhere.example/me"))


@also("a write is classified as the write that it is, with its object and record", "not classified as a create too")
class Halved(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().classify(request)[-1:]


@also("a request that classify does not know is refused", "%2f..%2f")
class Folding(Desk):
    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        plain = request.url.raw_path.decode().partition("%2f")[0]
        return super().classify(
            httpx2.Request(request.method, "https://upstream.example" + plain, content=request.content)
        )


@also("no status from 300 is a success, and each kind of failure is told", "status 30. with .* counts as a success")
class Moved(Desk):
    def fault(self, response: Response) -> Fault | None:
        return super().fault(response) if response.status < 300 or response.status >= 400 else None


@also("no status from 300 is a success, and each kind of failure is told", "401 with .* is a UpstreamRejected")
class Forbidden(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, error=UpstreamRejected) if found and response.status == 401 else found


@also("no status from 300 is a success, and each kind of failure is told", "429 with .* is 'caller'")
class Restless(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, kind=FaultKind.CALLER) if found and response.status == 429 else found


@also(
    "an answer of another shape ends in a typed error or a sound result", "ended in (KeyError|TypeError|AttributeError)"
)
class Indexing(Desk):
    async def aggregate(self, aggregate: Any) -> Any:
        answer: Any = (await self.http.get(path("/count"))).json()
        return [dict(one) for one in answer["groups"]]


@also("a value arrives as exactly one literal, or is refused", "encode it exactly once")
class Gluing(Desk):
    async def create(self, object: str, values: Any, key: Key | None) -> Any:
        where = f"https://upstream.example/tickets?about={values['subject']}"
        return await self.http.send(httpx2.Request("POST", where, json=dict(values)))

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        return super().classify(httpx2.Request(request.method, str(request.url).partition("?about")[0], content=b""))


@also("a value arrives as exactly one literal, or is refused", "sent it in no request")
class Dropping(Desk):
    async def update(self, object: str, id: str, values: Any, version: str | None) -> Any:
        return await super().update(object, id, {"status": "closed"}, version)


@also("pages that never end come to an end", "sent 300 requests")
class Trusty(Desk):
    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer = await self.http.get(path("/tickets"), params=asked)
        rows = {row.id: row for row in self.rows(mapping(answer.json()), query.select)}
        while len(rows) < query.limit and (following := mapping(answer.json()).get("next")):
            answer = await self.http.follow(str(following))
            rows |= {row.id: row for row in self.rows(mapping(answer.json()), query.select)}
        return list(rows.values())[: query.limit]


@also("a write that was not done is never claimed, nor called undone at once", "says that it happened")
class Claiming(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        settled, written = await super().reconcile(pending)
        return (Settlement.HAPPENED, None) if pending.verb == "delete" else (settled, written)


@also("a write that was done is recognised, and never called undone", "effect_mismatch|would update")
class Repeating(Desk):
    async def reconcile(self, pending: Pending) -> Any:
        await self.http.patch(path("/tickets/{}", "T-2"), json={})
        return Settlement.CANNOT_TELL, None


@also("a credential shows in no error, log, output or repr, whatever the system echoes", "the error of")
class Quoting401(Desk):
    def fault(self, response: Response) -> Fault | None:
        found = super().fault(response)
        return replace(found, sentence=found.text) if found else None


@also("a credential shows in no error, log, output or repr, whatever the system echoes", "the repr of")
class Keeping(Desk):
    def fault(self, response: Response) -> Fault | None:
        self.last = response.body
        return super().fault(response)


@also("a call leaves nothing behind for the next user", "left something on the connector")
class Noting(Desk):
    def __init__(self, name: str, settings: Any) -> None:
        super().__init__(name, settings)
        self.asked: list[str] = []

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        self.asked.append(id)
        return await super().get(object, id, fields)


@pytest.mark.parametrize(("sentence", "subject", "words"), ALSO, ids=[words for _, _, words in ALSO])
def test_the_check_names_what_is_wrong(sentence: str, subject: Subject, words: str) -> None:
    (check,) = (one for one in conformance(subject) if one.name == sentence)
    with pytest.raises(Violation, match=words):
        check()


@pytest.mark.parametrize("sentence", SEEDS)
def test_the_check_catches_the_connector_that_breaks_it(sentence: str) -> None:
    (check,) = (one for one in conformance(SEEDS[sentence]) if one.name == sentence)
    with pytest.raises(Violation, match=r"To mend it: .{15,}") as caught:
        check()
    assert len(str(caught.value)) < 1_000
    assert not re.search(r"object at 0x", str(caught.value))


def test_every_check_has_a_seed() -> None:
    assert {one.name for one in conformance(subject_of(Desk))} == set(SEEDS)
