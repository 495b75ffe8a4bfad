"""A ticket system over HTTP, which the connectors of these tests speak to."""

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from isthmus.core.records import JSON

NAMES = ("id", "version", "subject", "status", "opened", "reference")
PAGE = 2
TOKENS = re.compile(r"'((?:[^']|'')*)'|([()])|([a-z_]+)|\s+")
FIXED: Mapping[str, JSON] = {"me": {"login": "kit"}, "describe/Ticket": {"name": "Ticket", "fields": list(NAMES)},
                                "describe/Note": {"name": "Note", "fields": ["id", "version", "text"]}}  # fmt: skip


class Server:
    """Keeps tickets; a query names fields, compares them with quoted texts, and gives two rows a page."""

    def __init__(self) -> None:
        self.tickets: dict[str, dict[str, Any]] = {}
        self.pages: dict[str, list[dict[str, Any]]] = {}
        self.jobs: dict[str, dict[str, Any]] = {}
        self.notes: list[dict[str, Any]] = []
        self.files = {"F-1": ("T-2", "door.png", b"\x89PNG\r\n"), "F-2": ("T-3", "lamp.png", b"\x89PNG")}
        self.log: list[tuple[int, str]] = []
        self.settled, self.used = 0, 0
        for day, subject in enumerate(("Printer on fire", "No coffee", "Door is stuck", "Lamp"), 1):
            self.add({"subject": subject, "opened": None if day == 3 else f"2026-01-0{day}"})
        self.settled = len(self.log)

    def add(self, values: Mapping[str, Any]) -> dict[str, Any]:
        id = f"T-{len(self.tickets) + 1}"
        self.tickets[id] = {"status": "open", "reference": None, "opened": "2026-02-01", **values}
        self.tickets[id] |= {"id": id, "version": "1"}
        self.note(id)
        return self.tickets[id]

    def note(self, id: str) -> None:
        """Log a change; of two that are made side by side, the one that is stamped first ends last."""
        self.log.append(((len(self.log) ^ 1) + 1, id))

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.used += 1
        status, body = self.answer(request, request.url.path.split("/")[1:])
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        kind = "application/octet-stream" if isinstance(body, bytes) else "application/json"
        named = {"content-type": kind, "x-quota": f"{self.used}/1000"}
        return httpx2.Response(status, headers=named, content=content)

    def answer(self, request: httpx2.Request, parts: Sequence[str]) -> tuple[int, JSON | bytes]:
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
        return self.beside(request, parts)

    def beside(self, request: httpx2.Request, parts: Sequence[str]) -> tuple[int, JSON | bytes]:
        match request.method, parts:
            case "GET", ["notes", id] if found := [one for one in self.notes if one["id"] == id]:
                return 200, found[0]
            case "GET", ["changes"]:
                return 200, self.changes(int(request.url.params["since"]))
            case "POST", ["jobs"]:
                self.jobs["J-1"] = json.loads(request.content) | {"results": None}
                return 201, {"job": "J-1"}
            case method, ["jobs", name] if name in self.jobs:
                return 200, self.job(self.jobs[name], request if method == "PUT" else None)
            case method, ["tickets", id, "files", *rest] if id in self.tickets:
                return self.file(id, rest, request)
            case "POST", ["tickets", id, "actions", name] if id in self.tickets:
                return 200, self.act(name, id, json.loads(request.content))
            case "POST", ["tickets", "actions", "reopen"]:
                return 200, {"reopened": 0}
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
            self.note(ticket["id"])
            return 200, self.tickets.pop(ticket["id"])
        return self.change(ticket, request)

    def create(self, values: dict[str, Any]) -> tuple[int, JSON]:
        if any(values.get("reference") == one["reference"] is not None for one in self.tickets.values()):
            return 409, {"error": {"code": "taken"}}
        notes = values.pop("notes", [])
        if any(len(one["text"]) > 50 for one in notes):
            return 409, {"error": {"code": "too_long"}}
        first = len(self.notes)
        self.notes += [{"id": f"N-{number}", "version": "1", **one} for number, one in enumerate(notes, first + 1)]
        made = [{"ref": one["ref"], "id": one["id"]} for one in self.notes[first:]]
        return 201, self.add(values) | ({"notes": made[::-1]} if notes else {})

    def upsert(self, key: str, request: httpx2.Request) -> tuple[int, JSON]:
        known = [one for one in self.tickets.values() if one["reference"] == key]
        return (
            self.change(known[0], request)
            if known
            else (201, self.add(json.loads(request.content) | {"reference": key}))
        )

    def change(self, ticket: dict[str, Any], request: httpx2.Request) -> tuple[int, JSON]:
        return 200, self.alter(ticket, json.loads(request.content))

    def alter(self, ticket: dict[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
        ticket |= {**values, "version": str(int(ticket["version"]) + 1)}
        self.note(ticket["id"])
        return dict(ticket)

    def changes(self, since: int) -> JSON:
        later = sorted(one for one in self.log if one[0] > since)
        told = [{"stamp": stamp, "id": id, "ticket": self.tickets.get(id)} for stamp, id in later]
        return {"changes": told, "settled": self.settled}

    def job(self, job: dict[str, Any], request: httpx2.Request | None) -> JSON:
        if request is not None:
            job["results"] = [self.line(job["action"], one) for one in json.loads(request.content)["lines"]]
        return {"results": job["results"]}

    def line(self, action: str, line: dict[str, Any]) -> JSON:
        values, key = line["values"], line["key"]
        known = next((one for one in self.tickets.values() if key and one["reference"] == key), None)
        if not all(isinstance(one, str) and len(one) < 50 for one in values.values()):
            return {"error": "too_long", "field": "subject"}
        if action == "create":
            status, made = self.create({**values, "reference": key} if key else values)
            return {"id": made["id"], "created": True} if status == 201 else {"error": "taken"}  # type: ignore[index,call-overload]
        found = known or self.tickets.get(line["id"])
        if found is None:
            return {"id": self.add({**values, "reference": key})["id"], "created": True} if key else {"error": "gone"}
        return {"id": self.alter(found, values)["id"], "created": False}

    def file(self, ticket: str, rest: Sequence[str], request: httpx2.Request) -> tuple[int, JSON | bytes]:
        match request.method, rest:
            case "POST", [name]:
                id = f"F-{len(self.files) + 1}"
                self.files[id] = (ticket, name, request.content)
                return 201, {"id": id}
            case "GET", [id, *content] if id in self.files:
                of, name, held = self.files[id]
                return (200, held) if content else (200, {"ticket": of, "name": name, "size": len(held)})
        return 404, {"error": {"code": "gone"}}

    def act(self, name: str, id: str, told: Mapping[str, Any]) -> JSON:
        if name == "split":
            return {"id": self.add({"subject": told["subject"]})["id"]}
        return {"id": self.alter(self.tickets[id], {"status": "closed"})["id"]}

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
    return {
        "eq": has == value,
        "ne": has != value,
        "gt": has > value,
        "contains": value in has,
        "starts_with": has.startswith(value),
    }[operator]


def dissect(text: str) -> tuple[str, list[str]]:
    literal = re.compile(r"'((?:[^']|'')*)'")
    return literal.sub("?", text), [one.replace("''", "'") for one in literal.findall(text)]


def settle(upstream: httpx2.AsyncBaseTransport) -> None:
    """Let everything that was changed until now be old enough."""
    desk: Any = upstream
    desk.handler.settled = len(desk.handler.log) + 1
