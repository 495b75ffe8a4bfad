"""A ticket system with every verb, and a connector that keeps the whole contract; the bad ones are made of it."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from isthmus.core.connector import (
    Connector,
    Fault,
    FaultKind,
    FieldFacts,
    Key,
    ObjectFacts,
    ObjectSummary,
    Pending,
    Probe,
    QuotaReading,
    Settlement,
    Written,
)
from isthmus.core.errors import (
    CredentialError,
    InvalidArguments,
    NotFound,
    RetryLater,
    UpstreamError,
    UpstreamRejected,
    VersionConflict,
)
from isthmus.core.http import Response, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import JSON, AllOf, AnyOf, Compare, Condition, Negated, Operator, Query, Row
from isthmus.core.testing import Examples, Subject

NAMES = ("id", "version", "subject", "status", "opened", "reference")
PAGE = 2
TOKENS = re.compile(r"'((?:[^']|'')*)'|([()])|([a-z_]+)|\s+")
FAULTS = {
    400: (FaultKind.CALLER, UpstreamRejected),
    401: (FaultKind.AUTHORIZATION, CredentialError),
    403: (FaultKind.AUTHORIZATION, UpstreamRejected),
    404: (FaultKind.CALLER, NotFound),
    409: (FaultKind.CALLER, UpstreamRejected),
    412: (FaultKind.CALLER, VersionConflict),
    429: (FaultKind.THROTTLE, RetryLater),
    503: (FaultKind.TRANSIENT, RetryLater),
}


FIXED: Mapping[str, JSON] = {"me": {"login": "kit"}, "describe/Ticket": {"name": "Ticket", "fields": list(NAMES)}}


class Server:
    """Keeps tickets; a query names fields, compares them with quoted texts, and gives two rows a page."""

    def __init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.used = 0
        for day, subject in enumerate(("Printer on fire", "No coffee", "Door is stuck", "Lamp"), 1):
            self.add({"subject": subject, "opened": None if day == 3 else f"2026-01-0{day}"})

    def add(self, values: Mapping[str, Any]) -> dict[str, Any]:
        id = f"T-{len(self.tickets) + 1}"
        self.tickets[id] = {"status": "open", "reference": None, "opened": "2026-02-01", **values}
        self.tickets[id] |= {"id": id, "version": "1"}
        return self.tickets[id]

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.used += 1
        status, body = self.answer(request, request.url.path.split("/")[1:])
        content = json.dumps(body).encode()
        named = {"content-type": "application/json", "x-quota": f"{self.used}/1000"}
        return httpx2.Response(status, headers=named, content=content)

    def answer(self, request: httpx2.Request, parts: Sequence[str]) -> tuple[int, JSON]:
        asked = request.url.params
        match request.method, parts:
            case "GET", [name, *rest] if (known := FIXED.get("/".join([name, *rest]))) is not None:
                return 200, known
            case "GET", ["tickets"]:
                return 200, self.page(self.search(asked.get("where", ""), asked.get("sort", "")))
            case "GET", ["tickets", "page", name] if name in self.pages:
                return 200, self.page(self.pages[name])
            case "GET", ["find"]:
                return 200, {"tickets": [one for one in self.tickets.values() if asked["q"] in one["subject"]]}
            case "GET", ["count"]:
                return 200, {"groups": [{"subject": one["subject"], "n": 1} for one in self.tickets.values()]}
            case "POST", ["tickets"]:
                return self.create(json.loads(request.content))
            case "PUT", ["tickets", "by", "reference", key]:
                return self.upsert(key, request)
            case method, ["tickets", id] if id in self.tickets:
                return self.one(method, self.tickets[id], request)
        return 404, {"error": {"code": "gone", "message": "there is nothing"}}

    def search(self, where: str, sort: str) -> list[dict[str, Any]]:
        found = [one for one in self.tickets.values() if not where or fits(where, one)]
        for name in reversed(sort.split(",") if sort else []):
            field = name.lstrip("-")
            there = [one for one in found if one[field] is not None]
            there.sort(key=lambda one, field=field: one[field], reverse=name.startswith("-"))
            found = [one for one in found if one[field] is None] + there
        return found

    def one(self, method: str, ticket: dict[str, Any], request: httpx2.Request) -> tuple[int, JSON]:
        if method == "GET":
            return 200, dict(ticket)
        if request.headers.get("if-match", ticket["version"]) != ticket["version"]:
            return 412, {"error": {"code": "stale"}}
        if method == "DELETE":
            return 200, self.tickets.pop(ticket["id"])
        return self.change(ticket, request)

    def create(self, values: dict[str, Any]) -> tuple[int, JSON]:
        if any(values.get("reference") == one["reference"] is not None for one in self.tickets.values()):
            return 409, {"error": {"code": "taken"}}
        return 201, self.add(values)

    def upsert(self, key: str, request: httpx2.Request) -> tuple[int, JSON]:
        known = [one for one in self.tickets.values() if one["reference"] == key]
        return (
            self.change(known[0], request)
            if known
            else (201, self.add(json.loads(request.content) | {"reference": key}))
        )

    def change(self, ticket: dict[str, Any], request: httpx2.Request) -> tuple[int, JSON]:
        ticket |= json.loads(request.content) | {"version": str(int(ticket["version"]) + 1)}
        return 200, dict(ticket)

    def page(self, found: list[dict[str, Any]]) -> JSON:
        rest = found[PAGE:]
        name = f"p{len(self.pages)}"
        self.pages[name] = rest
        return {"tickets": found[:PAGE], "next": f"/tickets/page/{name}" if rest else None}


def fits(text: str, ticket: Mapping[str, Any]) -> bool:
    """Evaluate a condition by its grammar."""
    tokens = [
        (one[1], "literal") if one[1] is not None else (one[2] or one[3], "word") for one in TOKENS.finditer(text)
    ]
    return expression([one for one in tokens if one[0] is not None], ticket)


def expression(tokens: list[tuple[str, str]], ticket: Mapping[str, Any]) -> bool:
    word, _ = tokens.pop(0)
    if word == "not":
        return not expression(tokens, ticket)
    if word == "(":
        found = expression(tokens, ticket)
        while tokens and tokens[0][0] in ("and", "or"):
            joiner, right = tokens.pop(0)[0], expression(tokens, ticket)
            found = (found and right) if joiner == "and" else (found or right)
        tokens.pop(0)
        return found
    operator, _ = tokens.pop(0)
    value, has = tokens.pop(0)[0].replace("''", "'"), str(ticket[word] or "")
    return {"eq": has == value, "ne": has != value, "contains": value in has, "starts_with": has.startswith(value)}[
        operator
    ]


def dissect(text: str) -> tuple[str, list[str]]:
    literal = re.compile(r"'((?:[^']|'')*)'")
    return literal.sub("?", text), [one.replace("''", "'") for one in literal.findall(text)]


class Desk(Connector):
    """Read and write tickets."""

    kind = "desk"

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        target, _, _ = request.url.raw_path.decode().partition("?")
        match request.method, target.split("/")[1:]:
            case "GET", ["me"] | ["objects"]:
                return (RequestClass(Effect.READ),)
            case "GET", ["describe", name] if re.fullmatch("[A-Za-z]+", name):
                return (RequestClass(Effect.READ, name),)
            case "GET", ["tickets"] | ["find"] | ["count"]:
                return (RequestClass(Effect.READ, "Ticket"),)
            case "GET", ["tickets", "page", name] if re.fullmatch("[a-z0-9-]+", name):
                return (RequestClass(Effect.READ, "Ticket"),)
            case "POST", ["tickets"]:
                return (RequestClass(Effect.CREATE, "Ticket"),)
            case "PUT", ["tickets", "by", "reference", key] if "%2f" not in key.lower():
                return (RequestClass(Effect.CREATE, "Ticket"), RequestClass(Effect.UPDATE, "Ticket"))
            case "POST", ["batch"]:
                return self.batch(request)
            case method, ["tickets", id] if re.fullmatch("T-[0-9]+", id) and method in EFFECTS:
                return (RequestClass(EFFECTS[method], "Ticket", (id,)),)
        return ()

    def batch(self, request: httpx2.Request) -> Sequence[RequestClass]:
        lines = request.content.decode().splitlines()
        parts = [self.classify(httpx2.Request(*line.split(" "))) for line in lines]
        return tuple(part for one in parts for part in one) if all(parts) else ()

    def fault(self, response: Response) -> Fault | None:
        if response.status in (200, 201) and response.is_json:
            return None
        kind, error = FAULTS.get(response.status, (FaultKind.UNKNOWN, UpstreamError))
        return Fault(kind, f"HTTP_{response.status}", "the desk did not do it", error, text=self.words(response))

    def words(self, response: Response) -> str:
        return response.body[:200].decode(errors="replace")

    def quota(self, response: Response) -> Sequence[QuotaReading]:
        found = re.fullmatch(r"([0-9]{1,9})/([0-9]{1,9})", response.headers.get("x-quota", ""))
        if found is None:
            return ()
        return (QuotaReading(int(found[2]), max(0, int(found[2]) - int(found[1])), 3600.0),)

    def parse(self, text: str) -> Query:
        found = re.fullmatch(r"tickets about '([^'\x00\ud800]*)'", text)
        if found is None:
            raise InvalidArguments("write: tickets about '...'", field="text")
        return Query("Ticket", ("id",), Compare("subject", Operator.EQ, found[1]))

    async def objects(self) -> Sequence[ObjectSummary]:
        return (ObjectSummary("Ticket", "Ticket"),)

    async def catalogue(self, object: str) -> ObjectFacts:
        told = mapping((await self.http.get(path("/describe/{}", object))).json())
        names = told.get("fields")
        if not isinstance(names, list) or not all(isinstance(one, str) for one in names):
            raise UpstreamError("the desk described nothing")
        return ObjectFacts("Ticket", {one: FieldFacts(one) for one in names}, id_field="id", version_field="version")

    async def query(self, query: Query) -> Sequence[Row]:
        asked: dict[str, str] = {}
        if any(name not in NAMES for name in query.select):
            raise InvalidArguments("no such field", field="select")
        if query.where is not None:
            asked["where"] = self.condition(query.where)
        if query.order_by:
            asked["sort"] = self.sort(query)
        return await self.pages(query, asked)

    async def pages(self, query: Query, asked: Mapping[str, str]) -> Sequence[Row]:
        answer, followed, rows = await self.http.get(path("/tickets"), params=asked), set[str](), list[Row]()
        while True:
            page = mapping(answer.json())
            found = self.rows(page, query.select)
            rows += found
            following = page.get("next")
            if following is None or len(rows) >= query.limit:
                break
            if not isinstance(following, str) or following in followed or not found:
                raise UpstreamError("the pages do not come to an end")
            followed.add(following)
            answer = await self.http.follow(following)
        if len({row.id for row in rows}) < len(rows):
            raise UpstreamError("the desk gave a ticket twice")
        return rows[: query.limit]

    def sort(self, query: Query) -> str:
        if any(one.field not in NAMES for one in query.order_by):
            raise InvalidArguments("no such field", field="order_by")
        return ",".join(f"{'-' if one.descending else ''}{one.field}" for one in query.order_by)

    def condition(self, condition: Condition) -> str:
        match condition:
            case Compare(field, op, str() as value) if op.value in ("eq", "ne", "contains", "starts_with"):
                if field not in NAMES:
                    raise InvalidArguments("no such field", field=field)
                return f"{field} {op.value} {self.literal(value)}"
            case AllOf(terms) | AnyOf(terms):
                joiner = " and " if isinstance(condition, AllOf) else " or "
                return f"({joiner.join(self.condition(one) for one in terms)})"
            case Negated(term):
                return f"not {self.condition(term)}"
        raise InvalidArguments("the desk cannot compare so")

    def literal(self, value: str) -> str:
        return "'" + value.replace("'", "''") + "'"

    async def get(self, object: str, id: str, fields: Sequence[str]) -> Row:
        return self.row((await self.http.get(path("/tickets/{}", id))).json(), fields)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        answer = await self.http.get(path("/find"), params={"q": text})
        return self.rows(mapping(answer.json()), objects["Ticket"])[:limit]

    async def aggregate(self, aggregate: Any) -> Sequence[Mapping[str, JSON]]:
        groups = mapping((await self.http.get(path("/count"))).json()).get("groups")
        return [mapping(one) for one in groups] if isinstance(groups, list) else []

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        body = {**values, key.field: key.value} if key else values
        return Written(self.row((await self.http.post(path("/tickets"), json=body)).json(), ()).id, created=True)

    async def update(self, object: str, id: str, values: Mapping[str, JSON], version: str | None) -> Written:
        named = {"if-match": version} if version else None
        answer = await self.http.patch(path("/tickets/{}", id), json=values, headers=named)
        row = self.row(answer.json(), ())
        return Written(row.id, version=row.version, guard="server" if version else None)

    async def upsert(self, object: str, key: Key, values: Mapping[str, JSON]) -> Written:
        answer = await self.http.put(path("/tickets/by/reference/{}", key.value), json=values)
        return Written(self.row(answer.json(), ()).id, created=answer.status == 201)

    async def delete(self, object: str, id: str, version: str | None) -> Written:
        await self.http.delete(path("/tickets/{}", id), headers={"if-match": version} if version else None)
        return Written(id, guard="server" if version else None)

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Written | None]:
        if pending.key is None or pending.verb not in ("create", "upsert"):
            return Settlement.CANNOT_TELL, None
        rows = await self.by_key(pending.key, tuple(pending.values))
        if not rows:
            return (Settlement.NOT_HAPPENED if pending.age > 60 else Settlement.CANNOT_TELL), None
        return self.judge(pending, rows[0]), Written(rows[0].id, created=pending.verb == "create")

    def judge(self, pending: Pending, row: Row) -> Settlement:
        same = all(row.fields.get(name) == value for name, value in pending.values.items())
        return Settlement.HAPPENED if same else Settlement.CANNOT_TELL

    async def by_key(self, key: Key, names: Sequence[str]) -> Sequence[Row]:
        return await self.query(Query("Ticket", tuple(names), Compare("reference", Operator.EQ, key.value), limit=1))

    async def probe(self) -> Probe:
        login = mapping((await self.http.get(path("/me"))).json()).get("login")
        return Probe(login if isinstance(login, str) else "unknown")

    def rows(self, page: Mapping[str, JSON], fields: Sequence[str]) -> list[Row]:
        found = page.get("tickets")
        if not isinstance(found, list):
            raise UpstreamError("the desk gave no tickets")
        return [self.row(one, fields) for one in found]

    def row(self, raw: JSON, fields: Sequence[str]) -> Row:
        id, version = (mapping(raw).get(name) for name in ("id", "version"))
        if not isinstance(id, str) or not isinstance(version, str):
            raise UpstreamError("the desk gave a ticket without id")
        return Row("Ticket", id, {name: mapping(raw).get(name) for name in fields}, version)


EFFECTS = {"GET": Effect.READ, "PATCH": Effect.UPDATE, "DELETE": Effect.DELETE}


def mapping(found: JSON) -> Mapping[str, JSON]:
    if not isinstance(found, Mapping):
        raise UpstreamError("the desk gave JSON of another shape")
    return found


def page(address: str) -> httpx2.Response:
    ticket = {"id": "T-9", "version": "1", "subject": "Lamp"}
    return httpx2.Response(200, json={"tickets": [ticket], "next": address})


def told(status: int, code: str) -> Response:
    body = json.dumps({"error": {"code": code}}).encode()
    return Response(status, httpx2.Headers({"content-type": "application/json"}), body)


BATCH = httpx2.Request("POST", "https://upstream.example/batch", content=b"GET /tickets/T-1\nDELETE /tickets/T-2")
EXAMPLES = Examples(
    object="Ticket",
    id="T-2",
    fields=("id", "version", "subject", "status"),
    text="subject",
    order_by="opened",
    values={"subject": "Bell rings", "status": "new"},
    changes={"status": "closed"},
    key=Key("reference", "r-1"),
    words="coffee",
    query_text="tickets about 'Lamp'",
    requests=(
        (BATCH, (RequestClass(Effect.READ, "Ticket", ("T-1",)), RequestClass(Effect.DELETE, "Ticket", ("T-2",)))),
    ),
    faults=(
        (told(409, "taken"), FaultKind.CALLER, UpstreamRejected),
        (told(412, "stale"), FaultKind.CALLER, VersionConflict),
    ),
    more=page,
    dissect=dissect,
)


def subject_of(connector: type[Connector], examples: Examples = EXAMPLES) -> Subject:
    return Subject(connector=connector, upstream=lambda: httpx2.MockTransport(Server()), examples=examples)
