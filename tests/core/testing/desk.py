"""A ticket system with every verb, and a connector that keeps the whole contract; the bad ones are made of it."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO

import httpx2

from isthmus.core.connector import (
    Action,
    Connector,
    Fault,
    FaultKind,
    FieldFacts,
    Key,
    ObjectFacts,
    ObjectSummary,
    Outcome,
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
from isthmus.core.streams import Begun, Changed, FileFacts, Invoked, Line, LineOutcome, Load, Loaded, Upload

from .server import NAMES

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


ACTED = {"split": Effect.CREATE, "close": Effect.TRANSITION}
LOADED = {
    b"create": (Effect.CREATE,),
    b"update": (Effect.UPDATE,),
    b"upsert": (Effect.CREATE, Effect.UPDATE),
}
ACTIONS = (
    Action(
        "split",
        "Open a second ticket beside this one.",
        frozenset({Effect.CREATE}),
        {"subject": {"type": "string", "maxLength": 500}},
        ("subject",),
        on_record=True,
    ),
    Action("close", "Close it.", frozenset({Effect.TRANSITION}), on_record=True, to_state="closed"),
    Action("reopen", "Open all tickets that were closed in error.", frozenset({Effect.UPDATE})),
)


class Desk(Connector):
    """Read and write tickets."""

    kind = "desk"
    file_objects = frozenset({"File"})
    actions: tuple[Action, ...] = ACTIONS

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
                below = (RequestClass(Effect.CREATE, "Note"),) if b'"notes"' in request.content else ()
                return (RequestClass(Effect.CREATE, "Ticket"), *below)
            case "GET", ["notes", id] if re.fullmatch("N-[0-9]+", id):
                return (RequestClass(Effect.READ, "Note", (id,)),)
            case "PUT", ["tickets", "by", "reference", key] if "%2f" not in key.lower():
                return (RequestClass(Effect.CREATE, "Ticket"), RequestClass(Effect.UPDATE, "Ticket"))
            case "POST", ["batch"]:
                return self.batch(request)
            case method, ["tickets", id] if re.fullmatch("T-[0-9]+", id) and method in EFFECTS:
                return (RequestClass(EFFECTS[method], "Ticket", (id,)),)
        return self.beside(request, request.method, target.split("/")[1:])

    def beside(self, request: httpx2.Request, method: str, parts: Sequence[str]) -> Sequence[RequestClass]:
        match method, parts:
            case "GET", ["changes"]:
                return (RequestClass(Effect.READ, "Ticket"),)
            case _, ["jobs", *rest]:
                return self.job_parts(method, rest, request)
            case _, ["tickets", id, "files", *rest] if re.fullmatch("T-[0-9]+", id):
                return self.file_parts(method, id, rest)
            case "POST", ["tickets", id, "actions", name] if re.fullmatch("T-[0-9]+", id) and name in ACTED:
                return (RequestClass(ACTED[name], "Ticket", (id,)),)
            case "POST", ["tickets", "actions", "reopen"]:
                return (RequestClass(Effect.UPDATE, "Ticket"),)
        return ()

    def job_parts(self, method: str, rest: Sequence[str], request: httpx2.Request) -> Sequence[RequestClass]:
        match method, rest:
            case "POST", []:
                action = re.search(rb'"action": ?"(create|update|upsert)"', request.content)
                effects = LOADED.get(action[1] if action else b"", ())
                return tuple(RequestClass(one, "Ticket", job="") for one in effects)
            case "PUT", [job] if re.fullmatch("J-[0-9]+", job):
                return (RequestClass(Effect.UPDATE, "Ticket", job=job),)
            case "GET", [job] if re.fullmatch("J-[0-9]+", job):
                return (RequestClass(Effect.READ, "Ticket", job=job),)
        return ()

    def file_parts(self, method: str, id: str, rest: Sequence[str]) -> Sequence[RequestClass]:
        match method, rest:
            case "POST", [name] if "%2f" not in name.lower():
                return (RequestClass(Effect.CREATE, "File", (id,)),)
            case "GET", [file] | [file, "content"] if re.fullmatch("F-[0-9]+", file):
                return (RequestClass(Effect.READ, "File", (id, file)),)
        return ()

    def batch(self, request: httpx2.Request) -> Sequence[RequestClass]:
        lines = request.content.decode().splitlines()
        parts = [self.classify(httpx2.Request(*line.split(" "))) for line in lines]
        return tuple(part for one in parts for part in one) if all(parts) else ()

    def fault(self, response: Response) -> Fault | None:
        kind = response.headers.get("content-type", "")
        if response.status in (200, 201) and (response.is_json or kind == "application/octet-stream"):
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
        ticket = object == "Ticket"
        return ObjectFacts(object, {one: FieldFacts(one) for one in names}, id_field="id", version_field="version",
                           actions=self.actions if ticket else (),
                           children={"notes": "Note"} if ticket else {})  # fmt: skip

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
            case Compare(field, op, str() as value) if op.value in ("eq", "ne", "gt", "contains", "starts_with"):
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
        if object == "Note":
            return self.row((await self.http.get(path("/notes/{}", id))).json(), fields)
        return self.row((await self.http.get(path("/tickets/{}", id))).json(), fields)

    async def search(self, text: str, objects: Mapping[str, Sequence[str]], limit: int) -> Sequence[Row]:
        answer = await self.http.get(path("/find"), params={"q": text})
        return self.rows(mapping(answer.json()), objects["Ticket"])[:limit]

    async def aggregate(self, aggregate: Any) -> Sequence[Mapping[str, JSON]]:
        groups = mapping((await self.http.get(path("/count"))).json()).get("groups")
        return [mapping(one) for one in groups] if isinstance(groups, list) else []

    async def create(self, object: str, values: Mapping[str, JSON], key: Key | None) -> Written:
        notes = values.get("notes", [])
        told = [{"ref": str(at), **mapping(one)} for at, one in enumerate(notes)] if isinstance(notes, list) else []
        body = {**values, **({key.field: key.value} if key else {}), **({"notes": told} if told else {})}
        made = mapping((await self.http.post(path("/tickets"), json=body)).json())
        return Written(self.row(made, ()).id, created=True, below=self.below(made.get("notes")))

    def below(self, made: JSON) -> tuple[tuple[str, str], ...]:
        ids = (
            {str(mapping(one).get("ref")): str(mapping(one).get("id")) for one in made}
            if isinstance(made, list)
            else {}
        )
        return tuple(("Note", ids[str(at)]) for at in range(len(ids)))

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

    async def changes(self, query: Query, since: str) -> Changed:
        told = mapping((await self.http.get(path("/changes"), params={"since": self.place(since)})).json())
        changes, settled = told.get("changes"), told.get("settled")
        if not isinstance(changes, list) or not isinstance(settled, int):
            raise UpstreamError("the desk told of no changes")
        due = [one for one in map(mapping, changes) if self.stamp(one) <= settled][: query.limit]
        rows = {str(one["id"]): self.row(one["ticket"], query.select) for one in due if one.get("ticket") is not None}
        gone = {self.text(one.get("id")): None for one in due if one.get("ticket") is None}
        return Changed(tuple(rows.values()), str(self.stamp(due[-1])) if due else since, tuple(gone))

    def place(self, since: str) -> str:
        return since if since.isdigit() else "0"

    def stamp(self, one: Mapping[str, JSON]) -> int:
        found = one.get("stamp")
        if not isinstance(found, int):
            raise UpstreamError("a change has no stamp")
        return found

    def text(self, found: JSON) -> str:
        if not isinstance(found, str) or not found:
            raise UpstreamError("the desk left out a text")
        return found

    async def load(self, load: Load, begun: Begun) -> Loaded | None:
        made = mapping((await self.http.post(path("/jobs"), json={"action": load.action})).json())
        job = self.text(made.get("job"))
        await begun(job)
        return self.loaded(await self.send_lines(load, job), load.lines)

    async def send_lines(self, load: Load, job: str) -> Response:
        lines: list[JSON] = [{"values": dict(one.values), "id": one.id, "key": one.key} for one in load.lines]
        return await self.http.within(job).put(path("/jobs/{}", job), json={"lines": lines})

    def loaded(self, answer: Response, lines: Sequence[Line]) -> Loaded:
        results = mapping(answer.json()).get("results")
        if not isinstance(results, list) or len(results) != len(lines):
            raise UpstreamError("the desk did not tell of every line")
        return Loaded([self.line(mapping(one)) for one in results])

    def line(self, told: Mapping[str, JSON]) -> LineOutcome:
        if told.get("error") is not None:
            return LineOutcome(code=self.text(told["error"]))
        return LineOutcome(self.text(told.get("id")), created=told.get("created") is True)

    async def attach(self, object: str, id: str, file: Upload) -> Written:
        answer = await self.http.upload(path("/tickets/{}/files/{}", id, file.name), file)
        return Written(self.text(mapping(answer.json()).get("id")), created=True)

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        about = mapping((await self.http.get(path("/tickets/{}/files/{}", id, file))).json())
        self.check_owner(about, id)
        await self.http.download(path("/tickets/{}/files/{}/content", id, file), into)
        if about.get("size") != into.tell():
            raise UpstreamError("the file was cut off")
        return FileFacts(self.text(about.get("name")))

    def check_owner(self, about: Mapping[str, JSON], id: str) -> None:
        if about.get("ticket") != id:
            raise NotFound("this ticket has no such file")

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        known = next((one for one in self.actions if one.name == action), None)
        if known is None:
            raise InvalidArguments("the desk has no such action", field="action")
        told = {name: value for name, value in arguments.items() if name in known.parameters}
        where = path("/tickets/{}/actions/{}", id, action) if known.on_record else path("/tickets/actions/{}", action)
        made = mapping((await self.http.post(where, json=told)).json()).get("id")
        return Invoked(records=(made,) if isinstance(made, str) and made else ())

    async def reconcile(self, pending: Pending) -> tuple[Settlement, Outcome | None]:
        if pending.load is not None:
            return await self.read_back(pending, pending.load)
        if pending.key is None or pending.verb not in ("create", "upsert"):
            return Settlement.CANNOT_TELL, None
        rows = await self.by_key(pending.key, tuple(pending.values))
        if not rows:
            return (Settlement.NOT_HAPPENED if pending.age > 60 else Settlement.CANNOT_TELL), None
        return self.judge(pending, rows[0]), Written(rows[0].id, created=pending.verb == "create")

    async def read_back(self, pending: Pending, load: Load) -> tuple[Settlement, Outcome | None]:
        if not pending.job:
            return Settlement.CANNOT_TELL, None
        answer = await self.http.within(pending.job).get(path("/jobs/{}", pending.job))
        if mapping(answer.json()).get("results") is None:
            return Settlement.CANNOT_TELL, None
        return Settlement.HAPPENED, self.loaded(answer, load.lines)

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
