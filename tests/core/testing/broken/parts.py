"""How may a connector break off, repeat or misread what it hands over a part at a time?"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, BinaryIO

import httpx2
from tests.core.testing.desk import ACTIONS, Desk, mapping

from isthmus.core.connector import (
    Batch,
    Changed,
    FileFacts,
    Invoked,
    Line,
    LineOutcome,
    Load,
    Loaded,
    Pending,
    Settlement,
    Upload,
    Written,
)
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response, path
from isthmus.core.operation import Effect, RequestClass
from isthmus.core.records import Compare, Operator, Query

from .seed import Seed, sown_in

SEEDS: list[Seed] = []
breaks = sown_in(SEEDS)
ONCE = "an export brings every record once, no more at a time than asked for"
LOST = "no change between two looks is lost, however late it settles"
ENDS = "an export of a system that repeats itself comes to an end"
BROKEN_OFF = "a load that broke off is read back truly, and written no second time"
DECLARES = "every action declares what it does, takes and leads to"
ARGUED = "an action sends the arguments that it declares, each as one value"


@breaks(ONCE, "gave 1 records twice")
class Overlapping(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        rows = await self.query(replace(query, limit=50))
        begin = max(0, int(at or 0) - 1)
        end = begin + query.limit
        return Batch(rows[begin:end], str(end) if end < len(rows) and end > int(at or 0) else "")


@breaks(ONCE, "without 1 of 4 records")
class Skipping(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        rows = await self.query(replace(query, limit=50))
        end = int(at or 0) + query.limit
        return Batch(rows[int(at or 0) : end], str(end) if end < len(rows) - 1 else "")


@breaks(ONCE, "a batch of an export has 4 records, and 1 were asked for")
class Pouring(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        return Batch(await self.query(replace(query, limit=50)))


@breaks(ONCE, "gave nothing in 40 batches")
class Postponing(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        return Batch((), str(int(at or 0) + 1))


@breaks("an export brings what its condition finds")
class Exhaustive(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        return await super().export(replace(query, where=None), at)


@breaks(ENDS)
class Hoping(Desk):
    async def export(self, query: Query, at: str) -> Batch:
        rows = await self.query(replace(query, limit=50))
        end = int(at or 0) + query.limit
        return Batch(rows[int(at or 0) : end], str(end))


@breaks("looks at changes move on, and tell of each change once", "came to no end")
class Standing(Desk):
    async def changes(self, query: Query, since: str) -> Changed:
        return replace(await super().changes(query, since), at=since)


@breaks("looks at changes move on, and tell of each change once", "told of twice")
class Inclusive(Desk):
    async def changes(self, query: Query, since: str) -> Changed:
        return await super().changes(query, "1" if (since, query.limit) == ("2", 2) else since)


@breaks(LOST, "changed between looks")
class Hurried(Desk):
    async def changes(self, query: Query, since: str) -> Changed:
        told: Any = (await self.http.get(path("/changes"), params={"since": self.place(since)})).json()
        due = list(map(mapping, told["changes"]))[: query.limit]
        rows = {str(one["id"]): self.row(one["ticket"], query.select) for one in due if one["ticket"] is not None}
        return Changed(tuple(rows.values()), str(due[-1]["stamp"]) if due else since)


@breaks(LOST, "was created between looks")
class Stale(Desk):
    async def changes(self, query: Query, since: str) -> Changed:
        found = await super().changes(query, since)
        return replace(found, rows=[row for row in found.rows if int(row.id[2:]) < 5])


@breaks("a deleted record is told of by its id")
class Silent(Desk):
    async def changes(self, query: Query, since: str) -> Changed:
        return replace(await super().changes(query, since), deleted=())


@breaks("a load tells of every line, in order, which record it is")
class Shuffled(Desk):
    def loaded(self, answer: Response, lines: Sequence[Line]) -> Loaded:
        return Loaded(super().loaded(answer, lines).outcomes[::-1])


@breaks("a refused line of a load is told of, whatever the answer around it says")
class Cheerful(Desk):
    def line(self, told: Mapping[str, Any]) -> LineOutcome:
        return LineOutcome(str(told.get("id") or "T-0"), created=True)


@breaks("the values of a load's lines arrive as they were given")
class Stripping(Desk):
    async def send_lines(self, load: Load, job: str) -> Response:
        plain = [
            replace(one, values={name: str(value).replace('"', "") for name, value in one.values.items()})
            for one in load.lines
        ]
        return await super().send_lines(replace(load, lines=plain), job)


@breaks("a load's job is known before its first line leaves", "`begun` was not told of before")
class Secretive(Desk):
    async def load(self, load: Load, begun: Any) -> Loaded | None:
        jobs: list[str] = []

        async def later(job: str) -> None:
            jobs.append(job)

        found = await super().load(load, later)
        await begun(jobs[0])
        return found


@breaks(BROKEN_OFF, "was written 2 times")
class Doubling(Desk):
    async def load(self, load: Load, begun: Any) -> Loaded | None:
        if load.action != "create":
            return await super().load(load, begun)
        return Loaded([await self.anyhow(line) for line in load.lines])

    async def anyhow(self, line: Line) -> LineOutcome:
        body = {**line.values, "reference": f"{line.key}"}
        for _ in range(2):
            try:
                made = await self.create("Ticket", body, None)
            except UpstreamError:
                body["reference"] = f"{line.key} "
            else:
                return LineOutcome(made.id, created=True)
        raise UpstreamError("the desk is not there")

    async def query(self, query: Query) -> Any:
        where = query.where
        if isinstance(where, Compare) and where.field == "reference":
            where = replace(where, op=Operator.STARTS_WITH)
        return await super().query(replace(query, where=where))


@breaks(BROKEN_OFF, "reconcile denies them")
class Denier(Desk):
    async def read_back(self, pending: Pending, load: Load) -> Any:
        return Settlement.NOT_HAPPENED, None


@breaks(BROKEN_OFF, "not what became of its lines")
class Curt(Desk):
    async def read_back(self, pending: Pending, load: Load) -> Any:
        return Settlement.HAPPENED, None


@breaks("a load tells of all lines or of none")
class Partial(Desk):
    def loaded(self, answer: Response, lines: Sequence[Line]) -> Loaded:
        results = mapping(answer.json()).get("results")
        found = results if isinstance(results, list) else []
        return Loaded([self.line(mapping(one)) for one in found])


@breaks("a file comes back byte by byte")
class Texting(Desk):
    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        found = await super().download(object, id, file, into)
        into.seek(0)
        text = into.read().replace(b"\r\n", b"\n")
        into.seek(0)
        into.truncate()
        into.write(text)
        return found


@breaks("a file keeps its name")
class Encoding(Desk):
    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        found = await super().download(object, id, file, into)
        return replace(found, name=found.name.encode().decode("latin-1"))


@breaks("a request that attaches a file names its record")
class Loose(Desk):
    def file_parts(self, method: str, id: str, rest: Sequence[str]) -> Sequence[RequestClass]:
        found = super().file_parts(method, id, rest)
        return [replace(one, records=()) if one.effect is Effect.CREATE else one for one in found]


@breaks("a file of another record is not found")
class Generous(Desk):
    def check_owner(self, about: Mapping[str, Any], id: str) -> None:
        """Let everybody have every file."""


@breaks("a download holds what the system sent, and nothing else")
class Adorning(Desk):
    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        found = await super().download(object, id, file, into)
        into.write(b"\n")
        return found


@breaks("a login page or a redirect in place of an answer is no success", "download took a 200 with a page of HTML")
class Believing(Desk):
    def fault(self, response: Response) -> Any:
        html = response.headers.get("content-type", "").startswith("text/html")
        filing = response.status == 200 and html and response.body == b""
        return None if filing else super().fault(response)

    async def download(self, object: str, id: str, file: str, into: BinaryIO) -> FileFacts:
        await self.http.download(path("/tickets/{}/files/{}/content", id, file), into)
        return FileFacts(file)


@breaks(DECLARES, "the schema of 'subject' is none")
class Sketchy(Desk):
    actions = (replace(ACTIONS[0], parameters={"subject": {"type": "words"}}), *ACTIONS[1:])


@breaks(DECLARES, "does not say to which state")
class Vague(Desk):
    actions = (ACTIONS[0], replace(ACTIONS[1], to_state=""), ACTIONS[2])


@breaks("every request of a verb is classified as no more than the verb declares", "would transition")
class Understating(Desk):
    actions = (ACTIONS[0], replace(ACTIONS[1], effects=frozenset({Effect.UPDATE})), ACTIONS[2])


@breaks("an action acts on the record that it was called on")
class Sweeping(Desk):
    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, Any], key: str) -> Invoked:
        if action != "close":
            return await super().invoke(object, action, id, arguments, key)
        await self.http.post(path("/tickets/actions/{}", "reopen"), json={})
        return Invoked()

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        found = super().classify(request)
        bulk = request.url.path == "/tickets/actions/reopen"
        return () if not found else [replace(one, effect=Effect.TRANSITION) if bulk else one for one in found]


@breaks(ARGUED, "sent on an argument that it does not declare")
class Forwarding(Desk):
    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, Any], key: str) -> Invoked:
        if action != "split":
            return await super().invoke(object, action, id, arguments, key)
        answer = await self.http.post(path("/tickets/{}/actions/{}", id, action), json=dict(arguments))
        return Invoked(records=(self.text(mapping(answer.json()).get("id")),))


@breaks("an action that is not declared is refused")
class Anything(Desk):
    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, Any], key: str) -> Invoked:
        return await super().invoke(object, action if action in ("split", "reopen") else "close", id, arguments, key)


@breaks("there is an example of everything that is implemented", "a run of each action", runs=())
class Unrun(Desk): ...


@breaks("there is an example of everything that is implemented", "loads and a refused line", refused=None)
class Unrefused(Desk): ...


@breaks("an id is one segment or value of a request, or is refused", "attach with the id")
class Escaping(Desk):
    async def attach(self, object: str, id: str, file: Upload) -> Written:
        if not id.isascii():
            raise ValueError(id)
        return await super().attach(object, id, file)
