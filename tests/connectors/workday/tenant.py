"""A small tenant over HTTP, written from the facts about Workday and not from the connector."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote

import httpx2

from . import services
from .wql import Reader

TENANT = "acme"
BP = f"/ccx/api/businessProcess/v1/{TENANT}"
COMMON = f"/ccx/api/v1/{TENANT}"
WQL = f"/ccx/api/wql/v1/{TENANT}"
FIELDS = {"workdayID": "Text", "fullName": "Text", "title": "Text", "isManager": "Boolean", "fte": "Numeric",
          "hired": "Date", "pay": "Currency", "location": "Single instance", "skills": "Multi-instance"}  # fmt: skip
Answer = httpx2.Response
Entity = dict[str, object]


def wid(number: int) -> str:
    return f"{number:032x}"


def ref(number: int, name: str) -> Entity:
    return {"id": wid(number), "descriptor": name}


@dataclass
class Tenant(httpx2.AsyncBaseTransport):
    """Steps that wait, events, and workers; `seen` are the requests, `answers` come before all else."""

    steps: dict[str, Entity] = field(default_factory=dict)
    events: dict[str, Entity] = field(default_factory=dict)
    workers: list[Entity] = field(default_factory=list)
    people: list[Entity] = field(default_factory=list)
    titles: dict[str, Entity] = field(default_factory=dict)
    seen: list[httpx2.Request] = field(default_factory=list)
    answers: list[Callable[[httpx2.Request], Answer | None]] = field(default_factory=list)
    tokens: float = 3600.0
    staff: int = 5

    def __post_init__(self) -> None:
        for number in range(1, 6):
            self.steps[wid(number)] = step(number)
            self.workers.append(worker(100 + number))
            self.people.append(person(200 + number))

    async def handle_async_request(self, request: httpx2.Request) -> Answer:
        await request.aread()
        self.seen.append(request)
        for answer in self.answers:
            if (found := answer(request)) is not None:
                return found
        path, _, query = request.url.raw_path.decode().partition("?")
        params = dict(parse_qsl(query))
        if int(params.get("limit", "20")) > 100:
            return refused(400, {"error": "Invalid request"})
        if path.startswith(f"{BP}/eventSteps"):
            return self._steps(request, unquote(path.removeprefix(f"{BP}/eventSteps")), params)
        if path == f"{BP}/events":
            worker = params.get("worker")
            return self.page([one for one in self.events.values() if worker and one["worker"] == worker], params)
        if path == f"/ccx/service/{TENANT}/Human_Resources/v40.0":
            return services.get_workers(request.content, self.people)
        if write := services.WRITES.get(path.removeprefix(f"/ccx/service/{TENANT}/")):
            return write(request.content)
        if path == f"/ccx/service/customreport2/{TENANT}/hr_owner/Staff":
            return services.report(services.staff(self.staff), dict(parse_qsl(query, keep_blank_values=True)))
        if path.startswith(WQL):
            return self._wql(request, unquote(path.removeprefix(WQL)), params)
        return self._workers(request, unquote(path), params)

    def _wql(self, request: httpx2.Request, below: str, params: dict[str, str]) -> Answer:
        sources = [
            {**ref(4000 + at, f"Source {at}"), "alias": f"source{at}" if at else "allWorkers", "filterIsRequired": at == 1,
             "requiredParameters": [{"alias": "fromMoment", "type": "Date"}] if at == 1 else [],
             "supportsEffectiveDate": at == 0, "supportsEntryDate": at == 0} for at in range(130)
        ]  # fmt: skip
        if below == "/dataSources":
            return self.page(list(reversed(sources)), params)
        if found := re.fullmatch(r"/dataSources/([0-9a-f]{32})(/fields)?", below):
            one = next(one for one in sources if one["id"] == found[1])
            fields = [{**ref(at, name), "alias": name, "type": kind} for at, (name, kind) in enumerate(FIELDS.items())]
            return self.page(fields, params) if found[2] else self.said(one)
        if below == "/data" and request.method == "POST":
            try:
                rows = Reader(json.loads(request.content)["query"]).run({"allWorkers": self.people, "source1": []})
            except (ValueError, KeyError) as error:
                return refused(400, {"error": f"{error}", "errors": [{"error": "A3 invalid WQL"}]})
            return self.said({"total": len(rows), "data": rows})
        return refused(404, {"error": "Not found"})

    def _steps(self, request: httpx2.Request, below: str, params: dict[str, str]) -> Answer:
        if request.method == "GET" and not below:
            return self.page(list(self.steps.values()), params)
        found = re.fullmatch(r"/([^/]+)(?:/(approve|deny|sendBack))?", below)
        one = self.steps.get(found[1]) if found else None
        if found is None or one is None:
            return refused(404, {"error": "Not found"})
        if request.method == "GET":
            return self.said(one)
        if one["status"]["descriptor"] != "Awaiting Action":  # type: ignore[index]
            return rule("A212", "The step is not awaiting your action")
        told = json.loads(request.content)
        if found[2] == "sendBack" and not told.get("to"):
            return rule("A202", "no")
        done = {"approve": "Approved", "deny": "Denied", "sendBack": "Sent Back"}[found[2]]
        one["status"] = ref(900, done)
        text = told.get("comment") or told.get("reason")
        one["comments"] = [*one["comments"], *([{"comment": text}] if text else [])]  # type: ignore[misc]
        return self.said({"id": found[1], "descriptor": "Step", "comment": text}, 201)

    def _workers(self, request: httpx2.Request, path: str, params: dict[str, str]) -> Answer:
        if path == f"{COMMON}/workers":
            words = params.get("search", "").lower()
            return self.page([one for one in self.workers if words in str(one["descriptor"]).lower()], params)
        if found := re.fullmatch(rf"{COMMON}/workers/([^/]+)", path):
            one = next((one for one in self.workers if found[1] in (one["id"], f"Employee_ID={one['number']}")), None)
            shown = {name: value for name, value in (one or {}).items() if value is not None}
            return self.said(shown) if one else refused(404, {"error": "Not found"})
        if found := re.fullmatch(rf"{COMMON}/workers/([^/]+)/jobChanges", path):
            return self.said({"id": wid(88), **json.loads(request.content)}, 201)
        if found := re.fullmatch(rf"{COMMON}/workers/([^/]+)/businessTitleChanges", path):
            if request.method == "POST":
                id = wid(5000 + len(self.titles))
                told = json.loads(request.content)
                self.titles[id] = {"id": id, "descriptor": "Title Change", "subject": {"id": found[1]},
                                   "initiated": "2026-11-22T10:00:00Z", **told}  # fmt: skip
                return self.said({"id": id, "descriptor": "Title Change: Mock"}, 201)
            return self.page([one for one in self.titles.values() if one["subject"] == {"id": found[1]}], params)
        if found := re.fullmatch(rf"{COMMON}/businessTitleChanges/([^/]+)", path):
            return self.said(self.titles[found[1]])
        if found := re.fullmatch(rf"/ccx/api/absenceManagement/v1/{TENANT}/workers/([^/]+)/requestTimeOff", path):
            told = json.loads(request.content)
            assert told["businessProcessParameters"]["action"]["id"] == "d9e4223e446c11de98360015c5e6daf6"
            return self.said({"id": wid(77), **told, "businessProcessParameters": {
                **told["businessProcessParameters"], "overallStatus": "In Progress"}}, 201)  # fmt: skip
        return refused(404, {"error": "Not found"})

    def page(self, rows: list[Entity], params: dict[str, str]) -> Answer:
        offset, limit = int(params.get("offset", "0")), int(params.get("limit", "20"))
        shown = [{name: value for name, value in one.items() if value is not None} for one in rows]
        return self.said({"total": len(rows), "data": shown[offset : offset + limit]})

    def said(self, value: object, status: int = 200) -> Answer:
        self.tokens -= 1
        left = str(self.tokens) if int(self.tokens) % 2 else str(int(self.tokens))
        return Answer(status, headers={"WD-RateLimit-Tokens-Remaining": left}, json=value)


def step(number: int) -> Entity:
    return {
        **ref(number, f"Step {number}"),
        "href": f"https://elsewhere.example/api/api/{number}",
        "status": ref(901, "Awaiting Action"),
        "event": ref(500 + number, f"Event {number}"),
        "dueDate": f"2026-12-{number:02}T08:00:00.000Z",
        "comments": [{"comment": f"please {number}", "person": ref(1, "Mock Person")}],
    }


def worker(number: int) -> Entity:
    return {
        **ref(number, f"Mock Worker {number}"),
        "number": number,
        "href": "https://elsewhere.example/api/api/v1",
        "businessTitle": f"Title {number % 3}",
        "primaryWorkEmail": f"mock{number}@example.com" if number % 2 else None,
        "isManager": number % 2 == 0,
        "dateOfBirth": "1990-01-01",
        "primarySupervisoryOrganization": ref(30, "Support"),
    }


def person(number: int) -> Entity:
    return {
        "workdayID": wid(number), "fullName": f"Mock Person {number}", "title": f"Title {number % 3}",
        "isManager": number % 2 == 0, "fte": number % 4, "hired": f"2020-01-{number % 28 + 1:02}",
        "pay": {"value": "103.57", "currency": "USD"}, "location": ref(31, "Berlin") if number % 2 else None,
        "skills": [ref(1, "Law"), ref(2, "Art")],
    }  # fmt: skip


def refused(status: int, body: Entity) -> Answer:
    return Answer(status, json=body)


def rule(code: str, text: str, field: str = "") -> Answer:
    return refused(400, {"error": "invalid", "errors": [{"error": f"{code} {text}", "code": code, "field": field}]})
