"""How does the service of badges and building access answer, and who may ask it?"""

import hashlib
import hmac
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from importlib.resources import files
from random import Random
from threading import RLock
from typing import Final, cast

from isthmus.plugins.sandbox.clock import Clock, stamp
from isthmus.plugins.sandbox.control import PATH, answer
from isthmus.plugins.sandbox.faults import FaultBoard
from isthmus.plugins.sandbox.journal import Effect, Entry, Journal
from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.server import AsgiApp, HttpApp

from .pages import BadRequest, by_cursor, by_link, by_offset, by_url
from .store import Row, Store

BASE: Final = "/access/v1"
LIMIT: Final = 120
WINDOW: Final = 60
FAULTS: Final = {
    "unavailable": "the service answers 503",
    "drop_after": "the request is carried out, and its answer is lost",
    "malformed": "the answer is no JSON",
}
_CHANGES: Final = frozenset({"site", "validUntil"})
_ISSUED: Final = frozenset({"holder", "holderName", "country", "site", "validFrom", "validUntil", "reference"})
_REASONS: Final = frozenset({"lost", "left", "misuse"})


class Problem(Exception):
    """A refusal (RFC 9457)."""

    def __init__(self, status: int, title: str, detail: str = "") -> None:
        super().__init__(title)
        self.reply = Reply(status, {"title": title, "detail": detail}, media_type="application/problem+json")


class AccessService:
    """One region's service: its rows, its one API key and OAuth client, its limits, mishaps and journal."""

    def __init__(self, name: str, clock: Clock, seed: int) -> None:
        self.name = name
        self.clock = clock
        self.lock = RLock()
        self.faults = FaultBoard(FAULTS)
        self.journal = Journal()
        self.store = Store.begin(name, seed)
        self.limit = LIMIT
        self.app: AsgiApp = HttpApp(self)
        self._seed = seed
        self._random = Random(f"isthmus access {name} {seed}")  # noqa: S311 - keys of a stand-in, worth nothing
        self.api_key, self.client_id, self.client_secret = (f"{self._random.getrandbits(160):040x}" for _ in range(3))
        self._tokens: dict[str, float] = {}
        self._window, self._used = 0, 0
        self._origin: str | None = None
        self._effects: list[Effect] = []

    def anew(self) -> "AccessService":
        """Return the service as it was in the beginning."""
        return AccessService(self.name, self.clock, self._seed)

    @property
    def url(self) -> str:
        """Return `http://127.0.0.1:PORT`; raises RuntimeError before the sandbox listens."""
        if self._origin is None:
            raise RuntimeError("this service does not listen yet; enter the sandbox first: `with Sandbox() as it:`")
        return self._origin

    def listens_on(self, port: int) -> None:
        """Note where the service can be reached."""
        self._origin = f"http://127.0.0.1:{port}"

    @property
    def document(self) -> str:
        """Return the OpenAPI document, as YAML."""
        return (files(__package__) / "openapi.yaml").read_text("utf-8")

    def credentials(self) -> dict[str, object]:
        """Return all that a client needs."""
        return {
            "url": self._origin,
            "base_path": BASE,
            "api_key": self.api_key,
            "client_id": self.client_id,
            "client_secret": self.client_secret,
            "document": f"{self._origin}/openapi.yaml",
        }

    def rows(self, object: str, *, deleted: bool = False) -> Sequence[Mapping[str, Json]]:  # noqa: ARG002 - none is kept
        """Return copies of the stored rows; raises KeyError for an unknown object."""
        with self.lock:
            kept: dict[str, Sequence[Row]] = {
                "sites": self.store.sites,
                "doors": self.store.doors,
                "people": self.store.people,
                "badges": tuple(self.store.badges.values()),
            }
            return [dict(one) for one in kept[object]]

    def handle(self, request: Request) -> Reply:
        """Answer one request, alone."""
        with self.lock:
            if request.path.startswith(PATH):
                return answer(self, request, {})
            if request.path == "/openapi.yaml":
                return Reply(200, self.document.encode(), media_type="application/yaml")
            self._effects = []
            reply = self._token(request) if request.path == "/oauth/token" else self._governed(request)
            self._write_down(request, reply)
            return reply

    def _governed(self, request: Request) -> Reply:
        try:
            self._let_in(request)
            self._count()
            ill = self.faults.take("unavailable", request.method, request.path) is not None
            reply = Problem(503, "Unavailable").reply if ill else self._route(request)
        except Problem as problem:
            reply = problem.reply
        except BadRequest as error:
            reply = Problem(400, "Bad request", str(error)).reply
        left = max(0, self.limit - self._used)
        rest = WINDOW - int(self.clock()) % WINDOW
        reply.headers["ratelimit-policy"] = f'"default";q={self.limit};w={WINDOW}'
        reply.headers["ratelimit"] = f'"default";r={left};t={rest}'
        if reply.status == 429:
            reply.headers["retry-after"] = str(rest)
        reply.dropped = self.faults.take("drop_after", request.method, request.path) is not None
        if self.faults.take("malformed", request.method, request.path):
            reply.body = b'{"items": ['
        return reply

    def _let_in(self, request: Request) -> None:
        if hmac.compare_digest(request.headers.get("x-access-key", "").encode(), self.api_key.encode()):
            return
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._tokens.get(token, 0.0) <= self.clock():
            raise Problem(401, "Unauthorized", "send X-Access-Key, or a bearer token")

    def _count(self) -> None:
        window = int(self.clock()) // WINDOW
        self._window, self._used = window, (self._used if window == self._window else 0) + 1
        if self._used > self.limit:
            raise Problem(429, "Too many requests")

    def _token(self, request: Request) -> Reply:
        client, secret = request.basic or (request.form.get("client_id", ""), request.form.get("client_secret", ""))
        known = hmac.compare_digest(client, self.client_id) and hmac.compare_digest(secret, self.client_secret)
        if not known or request.method != "POST":
            return Reply(401, {"error": "invalid_client"})
        if request.form.get("grant_type") != "client_credentials":
            return Reply(400, {"error": "unsupported_grant_type"})
        token = f"{self._random.getrandbits(200):050x}"
        life = timedelta(minutes=10).total_seconds()
        self._tokens[token] = self.clock() + life
        return Reply(200, {"access_token": token, "token_type": "Bearer", "expires_in": int(life), "scope": "access"})

    def _route(self, request: Request) -> Reply:
        parts = request.path.removeprefix(BASE).split("/")[1:] if request.path.startswith(f"{BASE}/") else []
        match request.method, parts:
            case "GET", [name] if name in self._lists:
                return self._lists[name](request)
            case "POST", ["badges"]:
                return self._issue(request)
            case method, ["badges", id, *rest] if id in self.store.badges:
                return self._badge(request, method, id, rest)
            case "GET", ["headcount"]:
                return Reply(200, {str(one["id"]): 0 for one in self.store.sites})
        raise Problem(404, "Not found")

    @property
    def _lists(self) -> Mapping[str, Callable[[Request], Reply]]:
        return {
            "sites": lambda request: by_link(request, _having(self.store.sites, request, "country")),
            "people": lambda request: by_cursor(request, _having(self.store.people, request, "country")),
            "badges": self._badges,
            "doors": self._doors,
        }

    def _badges(self, request: Request) -> Reply:
        rows = _having(tuple(self.store.badges.values()), request, "holder", "reference")
        if "status" in request.query:
            rows = [one for one in rows if one["status"] in request.query["status"].split(",")]
        return by_offset(request, rows)

    def _doors(self, request: Request) -> Reply:
        rows = [one for one in self.store.doors if request.query.get("filter[site]") in (None, one["site"])]
        secured = request.query.get("filter[secured]")
        return by_url(request, [one for one in rows if secured in (None, "true" if one["secured"] else "false")])

    def _issue(self, request: Request) -> Reply:
        values, key = _object(request, _ISSUED), request.headers.get("idempotency-key", "")
        missing = {"holder", "country", "site"} - values.keys()
        if missing:
            raise Problem(422, "Incomplete", f"{min(missing)} is missing")
        if values["site"] not in [one["id"] for one in self.store.sites]:
            raise Problem(422, "No such site")
        digest = hashlib.sha256(request.body).digest()
        if key in self.store.keys:
            known, id = self.store.keys[key]
            if known != digest:
                raise Problem(422, "This key came with another body")
            return Reply(201, dict(self.store.badges[id]))
        made = self.store.issue(values, self._random)
        self._did("created", str(made["id"]))
        if key:
            self.store.keys[key] = digest, str(made["id"])
        return Reply(201, dict(made), {"location": f"{BASE}/badges/{made['id']}"})

    def _badge(self, request: Request, method: str, id: str, rest: Sequence[str]) -> Reply:
        tag = f'"{self.store.versions[id]}"'
        match method, list(rest):
            case "GET", []:
                return Reply(200, dict(self.store.badges[id]), {"etag": tag})
            case "PATCH", []:
                if request.headers.get("if-match", tag) not in (tag, "*"):
                    raise Problem(412, "The badge was changed meanwhile")
                return self._changed(id, _object(request, _CHANGES))
            case "DELETE", []:
                if self.store.opened.get(id):
                    raise Problem(409, "The badge opens doors")
                del self.store.badges[id]
                self._did("deleted", id)
                return Reply(204, empty=True)
            case "POST", ["revocation"]:
                if request.form.get("reason") not in _REASONS:
                    raise Problem(422, "No such reason")
                return self._changed(id, {"status": "revoked"})
            case "PUT", ["doors", door] if door in [one["id"] for one in self.store.doors]:
                return self._opened(id, door)
        raise Problem(404, "Not found")

    def _opened(self, id: str, door: str) -> Reply:
        if self.store.badges[id]["status"] != "active":
            raise Problem(409, "The badge is revoked")
        opened = self.store.opened.setdefault(id, [])
        if door not in opened:
            opened.append(door)
        self._did("updated", id)
        return Reply(200, {"badge": id, "doors": list(opened)})

    def _changed(self, id: str, values: Mapping[str, Json]) -> Reply:
        self._did("updated", id)
        return Reply(200, dict(self.store.changed(id, values)), {"etag": f'"{self.store.versions[id]}"'})

    def _did(self, action: str, id: str) -> None:
        self._effects.append(Effect(action, "badges", id))

    def _write_down(self, request: Request, reply: Reply) -> None:
        entry = Entry(
            number=self.journal.next_number(),
            at=stamp(self.clock.now()),
            system="access",
            org=self.name,
            method=request.method,
            path=request.path,
            query=request.query_string,
            user=None,
            status=None if reply.dropped else reply.status,
            effects=tuple(self._effects),
            headers={
                name: value for name, value in request.headers.items() if name not in ("authorization", "x-access-key")
            },
            body="" if request.path == "/oauth/token" else request.body.decode("utf-8", "replace"),
        )
        self.journal.append(entry)


def _having(rows: Sequence[Row], request: Request, *names: str) -> list[Row]:
    wanted = {name: request.query[name] for name in names if name in request.query}
    return [one for one in rows if all(one.get(name) == value for name, value in wanted.items())]


def _object(request: Request, known: frozenset[str]) -> dict[str, Json]:
    try:
        body = json.loads(request.body)
    except ValueError:
        raise Problem(400, "The body is no JSON") from None
    if not isinstance(body, dict) or not body.keys() <= known:
        raise Problem(422, "The body has members that are not known")
    return cast("dict[str, Json]", body)
