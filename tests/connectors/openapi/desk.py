"""A small service with a document: tickets over two pages, entity tags, and a note of every request."""

import json
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from urllib.parse import parse_qsl, unquote

import httpx2

from isthmus.connectors.openapi import OpenApiSettings

DOCUMENT = Path(__file__).with_name("desk.yaml")
BASE = "/desk/v2"
OPERATIONS = {
    "listTickets": {"verb": "query", "filters": {"title": "title"}},
    "getTicket": {"verb": "get"},
    "openTicket": {"verb": "create"},
    "changeTicket": {"verb": "update"},
    "dropTicket": {"verb": "delete"},
    "escalate": {"effect": "update", "record": "ticketId", "promote": True},
}
CLASSES = {"extensions": {"x-class": {"plain": ["internal"], "person": ["pii"]}}}


def settings(**more: object) -> OpenApiSettings:
    told = {"document": DOCUMENT, "base_path": BASE, "operations": OPERATIONS, "classes": CLASSES}
    return OpenApiSettings.model_validate({**told, **more})


@dataclass
class Desk(httpx2.AsyncBaseTransport):
    tickets: dict[str, dict[str, object]] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    seen: list[httpx2.Request] = field(default_factory=list)
    numbers: "count[int]" = field(default_factory=lambda: count(1))

    def __post_init__(self) -> None:
        for title, rank in (("Broken lamp", 3), ("Alarm rings", None), ("Coffee's out", 1), ("Door stuck", 2)):
            self.make({"title": title, "rank": rank})

    def make(self, values: dict[str, object]) -> dict[str, object]:
        id = f"t{next(self.numbers)}"
        self.tickets[id] = {"id": id, "title": "", "rank": None, "reference": None, "due": "2026-12-01", **values}
        self.tickets[id] |= {"id": id, "secret_notes": "never described"}
        self.versions[id] = 1
        return self.tickets[id]

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        await request.aread()
        self.seen.append(request)
        answer = self._answer(request)
        told = {
            "ratelimit-policy": '"default";q=100;w=60',
            "ratelimit": f'"default";r={max(0, 100 - len(self.seen))};t=30',
            "date": "Mon, 23 Nov 2026 10:00:00 GMT",
        }
        answer.headers.update(told)
        return answer

    def _answer(self, request: httpx2.Request) -> httpx2.Response:
        path, _, query = request.url.raw_path.decode().partition("?")
        parts = [unquote(one) for one in path.removeprefix(BASE).split("/")[1:]]
        match request.method, parts:
            case "GET", ["tickets"]:
                return self._list(dict(parse_qsl(query, keep_blank_values=True)))
            case "POST", ["tickets"]:
                one = self.make(json.loads(request.content))
                return httpx2.Response(201, json=one, headers={"location": f"{BASE}/tickets/{one['id']}"})
            case method, ["tickets", id, *rest] if id in self.tickets:
                return self._one(request, method, id, rest)
        return httpx2.Response(404, json={"title": "no such thing"})

    def _list(self, params: dict[str, str]) -> httpx2.Response:
        rows = [one for one in self.tickets.values() if params.get("title") in (None, one["title"])]
        page, size = int(params.get("page", "1")), int(params.get("limit", "2"))
        shown = rows[(page - 1) * size : page * size]
        more = {"next": f"{BASE}/tickets?page={page + 1}&limit={size}"} if page * size < len(rows) else {}
        return httpx2.Response(200, json={"items": shown, **more})

    def _one(self, request: httpx2.Request, method: str, id: str, rest: list[str]) -> httpx2.Response:
        tag = f'"{self.versions[id]}"'
        if method in ("PATCH", "DELETE") and request.headers.get("if-match", tag) != tag:
            return httpx2.Response(412, json={"title": "changed"})
        if method == "DELETE":
            del self.tickets[id]
            return httpx2.Response(204)
        if method == "PATCH":
            self.tickets[id] |= json.loads(request.content)
            self.versions[id] += 1
        if method == "POST":
            return httpx2.Response(200, json={"state": "escalated", **json.loads(request.content), "hidden": 1})
        return httpx2.Response(200, json=self.tickets[id], headers={"etag": f'"{self.versions[id]}"'})
