"""Through which doors does a request pass before a resource answers it?"""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final
from uuid import UUID

from isthmus.plugins.sandbox import control
from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.encoding import packed_blanks
from isthmus.plugins.sandbox.faults import Fault as Mishap
from isthmus.plugins.sandbox.journal import Effect, Entry
from isthmus.plugins.sandbox.message import Reply, Request

from . import asor, reports
from .call import Call
from .control import LEVERS
from .errors import Bare, Fault, Refused, not_found, page
from .faults import bomb
from .rates import Surface
from .resources import answer
from .soap import service
from .soap.wsdl import describe
from .soap.xml import MEDIA, fault_reply, read_envelope
from .soap.xml import reply as envelope
from .surfaces import Place, place_of
from .tokens import TokenRefused
from .users import User

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

_ANSWERS: Final[Mapping[str, Callable[[Call], Reply]]] = {"report": reports.answer, "asor": asor.answer}
_PASSWORD: Final = re.compile(r"(<(?:\w+:)?Password[^>]*>)[^<]*")
_SECRET: Final = frozenset({"authorization"})


@dataclass(slots=True)
class Visit:
    """What becomes known about one request on its way; `metered` names the bucket it was charged to."""

    request: Request
    method: str
    user: User | None = None
    metered: Surface | None = None
    token: bool = False
    fault: str | None = None
    error: str | None = None
    effects: list[Effect] = field(default_factory=list)


class Front:
    """The front of one tenant: mishaps, login, limits, surface, journal."""

    def __init__(self, tenant: "WorkdayTenant") -> None:
        self._tenant = tenant

    def answer(self, request: Request) -> Reply:
        """Answer one request and write down what happened."""
        if request.path.startswith(control.PATH):
            return control.answer(self._tenant, request, LEVERS)
        self._tenant.desk.tick()
        visit = Visit(request, "GET" if request.method == "HEAD" else request.method)
        number = self._tenant.journal.next_number()
        trace = str(UUID(hashlib.sha256(f"{self._tenant.tenant} {number}".encode()).hexdigest()[:32]))
        try:
            reply = self._guarded(visit)
        except Refused as refusal:
            visit.error, reply = refusal.told, refusal.reply()
        except TokenRefused as refusal:
            visit.error, reply = refusal.error, refusal.reply()
        except Bare as refusal:
            visit.error, reply = refusal.error, refusal.reply
        self._headers(visit, reply, trace)
        self._write_down(visit, reply, number, trace)
        return reply

    def _guarded(self, visit: Visit) -> Reply:
        self._mishaps(visit)
        slow, drip = self._takes(visit, "slow"), self._takes(visit, "slow_body")
        reply = self._surface(visit, self._place(visit.request))
        reply.delay = slow.number("seconds", 1.0) if slow else 0.0
        reply.drip = drip.number("seconds", 1.0) if drip else 0.0
        return reply

    def _place(self, request: Request) -> Place:
        """Find out where a request goes; raises Refused where no such tenant is here."""
        place = place_of(request.path)
        if place is None:
            raise not_found()
        names = {self._tenant.alias} if place.gateway else {self._tenant.tenant, self._tenant.alias}
        if place.tenant and place.tenant not in names:
            raise not_found()
        return place

    def _mishaps(self, visit: Visit) -> None:
        """Raise Bare where something in front of the tenant goes wrong."""
        if self._takes(visit, "lost_request"):
            raise Bare(Reply(500, dropped=True), "connection lost")
        if self._takes(visit, "bad_gateway"):
            raise page(502, "Bad Gateway")
        if fault := self._takes(visit, "unavailable"):
            raise page(503, "Workday is currently unavailable", _after(int(fault.number("seconds", 30))))
        if fault := self._takes(visit, "rate_limit"):
            raise _too_many(int(fault.number("seconds", 30)))

    def _surface(self, visit: Visit, place: Place) -> Reply:
        if place.surface == "token":
            return self._token(visit)
        if place.surface == "authorize":
            denied = self._takes(visit, "consent_denied") is not None
            return self._tenant.tokens.authorize(visit.request, denied=denied)
        return self._web_service(visit, place) if place.surface == "soap" else self._resource(visit, place)

    def _web_service(self, visit: Visit, place: Place) -> Reply:
        if visit.method == "GET":
            return self._description(visit, place)
        fault = self._takes(visit, "server_error") or self._takes(visit, "processing_fault")
        try:
            if fault is not None and not fault.flag("committed", False):  # noqa: FBT003 - a detail's default
                raise service.broken()
            reply = self._operation(visit, place)
            if fault is not None:
                raise service.broken()
        except Fault as refusal:
            visit.error = refusal.text
            return fault_reply(refusal)
        if bomb_ := self._takes(visit, "xml_bomb"):
            content = bomb(bomb_.text("style", "entities"), int(bomb_.number("depth", 100_000)))
            return Reply(200, content, media_type=MEDIA)
        return self._afterwards(visit, reply)

    def _operation(self, visit: Visit, place: Place) -> Reply:
        """Let a web service answer; raises Fault."""
        asked = read_envelope(visit.request.body)
        visit.user = service.log_on(self._tenant, visit.request, asked)
        run = service.check(place.service, place.version, asked)
        self._meter(visit, "soap")
        if run is None:
            raise service.missing(asked)
        call = Call(self._tenant, visit.request, visit.method, place, visit.user, visit.effects)
        try:
            return envelope(run(call, asked.body, place.version))
        finally:
            visit.fault = call.mishaps[-1] if call.mishaps else visit.fault

    def _description(self, visit: Visit, place: Place) -> Reply:
        call = Call(self._tenant, visit.request, visit.method, place, self._tenant.users["integration"])
        url = f"{visit.request.origin}{visit.request.path}"
        reply = service.wsdl(place.service, lambda: describe(call, url)) if place.version else None
        if reply is None:
            raise not_found()
        return reply

    def _token(self, visit: Visit) -> Reply:
        visit.token = True
        if refused := self._takes(visit, "token_refused"):
            raise TokenRefused(refused.text("error", "invalid_grant"))
        reply, visit.user = self._tenant.tokens.answer(visit.request)
        if self._takes(visit, "lost_token_answer"):
            reply.dropped = True
        return reply

    def _resource(self, visit: Visit, place: Place) -> Reply:
        user = self._log_on(visit, basic=place.surface == "report")
        self._meter(visit, "soap" if place.surface == "report" else "rest")
        fault = self._takes(visit, "server_error") or self._takes(visit, "gateway_timeout")
        if fault is not None and not fault.flag("committed", False):  # noqa: FBT003 - a detail's default
            raise _failure(fault)
        call = Call(self._tenant, visit.request, visit.method, place, user, visit.effects)
        reply = self._done(visit, call)
        if fault is not None:
            raise _failure(fault)
        return self._afterwards(visit, reply)

    def _done(self, visit: Visit, call: Call) -> Reply:
        """Let the resource answer; its refusal is an answer too, so that mishaps can still befall it."""
        try:
            return _ANSWERS.get(call.place.surface, answer)(call)
        except Refused as refusal:
            visit.error = refusal.told
            return refusal.reply()
        finally:
            visit.fault = call.mishaps[-1] if call.mishaps else visit.fault

    def _afterwards(self, visit: Visit, reply: Reply) -> Reply:
        if fault := self._takes(visit, "gzip_bomb"):
            return Reply(200, packed_blanks(int(fault.number("megabytes", 65))), {"content-encoding": "gzip"})
        if self._takes(visit, "lost_answer"):
            reply.dropped = True
        return reply

    def _meter(self, visit: Visit, surface: Surface) -> None:
        wait = self._tenant.buckets.take(surface)
        if wait:
            raise _too_many(wait)
        visit.metered = surface

    def _log_on(self, visit: Visit, *, basic: bool) -> User:
        """Return who asks, by a token or, where that is taken, by a password; raises Refused."""
        scheme, _, value = visit.request.headers.get("authorization", "").partition(" ")
        logins = self._tenant.logins
        if scheme.lower() == "bearer":
            if self._takes(visit, "expire_token"):
                logins.end(value.strip())
            visit.user = self._tenant.users.get(logins.owner(value.strip()) or "")
        elif basic and visit.request.basic is not None:
            name, password = visit.request.basic
            visit.user = logins.log_on(name.partition("@")[0], password)
        if visit.user is None or visit.user.login in logins.lockout.locked:
            visit.user = None
            raise Refused(401, "invalid token", headers={"WWW-Authenticate": "Bearer"})
        return visit.user

    def _takes(self, visit: Visit, kind: str) -> Mishap | None:
        fault = self._tenant.faults.take(kind, visit.method, visit.request.path)
        if fault is not None:
            visit.fault = kind
        return fault

    def _headers(self, visit: Visit, reply: Reply, trace: str) -> None:
        headers = {"date": format_datetime(self._tenant.clock.now(), usegmt=True)}
        if reply.status < 400:
            headers["wd-stat-request-id"] = trace
        else:
            headers["x-wd-gid"] = f"GID|{trace}"
        if visit.metered is not None and (reply.status < 400 or visit.metered == "soap"):
            headers["WD-RateLimit-Tokens-Remaining"] = self._tenant.buckets.header(visit.metered)
        if visit.metered == "rest" and reply.status < 400:
            headers["cache-control"] = "no-cache"
        reply.headers = {**headers, **reply.headers}
        reply.cookies = (*reply.cookies, f"wd-node={self._tenant.name}-1; Path=/; Secure; HttpOnly")

    def _write_down(self, visit: Visit, reply: Reply, number: int, trace: str) -> None:
        tenant, request = self._tenant, visit.request
        entry = Entry(
            number=number,
            at=stamp(tenant.clock.now()),
            system="workday",
            org=tenant.name,
            method=request.method,
            path=request.path,
            query=request.query_string,
            user=visit.user.login if visit.user else None,
            status=None if reply.dropped else reply.status,
            error=visit.error,
            fault=visit.fault,
            effects=tuple(visit.effects),
            request_id=trace,
            headers={name: value for name, value in request.headers.items() if name not in _SECRET},
            body="" if visit.token else _PASSWORD.sub(r"\1", request.body.decode("utf-8", "replace")),
        )
        tenant.journal.append(entry)


def _after(seconds: int) -> dict[str, str]:
    return {"Retry-After": str(seconds)}


def _too_many(seconds: int) -> Refused:
    return Refused(429, "Too many requests", headers=_after(seconds))


def _failure(fault: Mishap) -> Refused | Bare:
    if fault.kind == "gateway_timeout":
        return page(504, "Gateway Timeout")
    return Refused(500, "Internal server error")
