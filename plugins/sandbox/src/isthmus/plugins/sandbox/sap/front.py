"""Through which doors does a request pass before a resource answers it?"""

import hashlib
import re
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox import control
from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.encoding import packed_blanks
from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect, Entry
from isthmus.plugins.sandbox.message import Reply, Request

from . import batch, destinations, tokens
from .call import Call
from .control import LEVERS
from .errors import Bare, Message, Refused, in_v2, in_v4, in_xml, page
from .faults import DUMP, SSO_PAGE
from .resources import answer
from .schema import Service, load_services
from .users import User

if TYPE_CHECKING:
    from .landscape import SapLandscape

_SECRET: Final = frozenset({"authorization", "x-user-token"})
_TUNNELS: Final = ("x-http-method", "x-http-method-override")
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})


@dataclass(slots=True)
class Visit:
    """What becomes known about one request on its way."""

    request: Request
    method: str
    user: User | None = None
    service: Service | None = None
    fault: str | None = None
    error: str | None = None
    effects: list[Effect] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)
    cookies: list[str] = field(default_factory=list)


class Front:
    """The front of one landscape: mishaps, logon, CSRF protection, resource, journal."""

    def __init__(self, landscape: "SapLandscape") -> None:
        self._landscape = landscape
        self._services = tuple(
            (re.compile(re.escape(each.path) + r"(?:;[a-z]+=[^/;]+)*(/.*)?"), each) for each in load_services()
        )

    def answer(self, request: Request) -> Reply:
        """Answer one request and write down what happened."""
        if request.path.startswith(control.PATH):
            return control.answer(self._landscape, request, LEVERS)
        tunnelled = next((request.headers[each].upper() for each in _TUNNELS if each in request.headers), "")
        method = "GET" if request.method == "HEAD" else request.method
        visit = Visit(request, tunnelled if tunnelled and request.method == "POST" else method)
        number = self._landscape.journal.next_number()
        transaction = hashlib.sha256(f"{self._landscape.name} {number}".encode()).hexdigest()[:32].upper()
        cookies = request.headers.get("cookie", "")
        owner = self._landscape.sessions.owner(cookies)
        try:
            reply = self._guarded(visit)
        except (Refused, Bare) as refusal:
            reply = self._refused(visit, refusal, transaction)
        self._finish(visit, reply)
        self._write_down(visit, reply, transaction, owner)
        return reply

    def _refused(self, visit: Visit, refusal: Refused | Bare, transaction: str) -> Reply:
        if isinstance(refusal, Bare):
            visit.error = refusal.error
            return refusal.reply
        visit.error = f"{refusal.code} {refusal.text}".strip() or None
        if refusal.status < 400:
            return Reply(refusal.status, empty=True)
        if self._takes(visit, "empty_error"):
            return Reply(refusal.status, empty=True, headers=dict(refusal.headers))
        service = visit.service
        if self._takes(visit, "xml_error") or (service is not None and _takes_xml(visit.request, service)):
            return in_xml(refusal)
        if service is None or service.version == 4:
            return in_v4(refusal)
        language = visit.request.headers.get("sap-language", "en").lower()
        return in_v2(refusal, service.id, transaction, self._landscape.clock.now(), language)

    def _guarded(self, visit: Visit) -> Reply:
        self._mishaps(visit)
        slow, drip = self._takes(visit, "slow"), self._takes(visit, "slow_body")
        path = visit.request.path
        if path in tokens.PATHS:
            reply = self._token(visit)
        elif path.startswith(destinations.PATH):
            reply = destinations.answer(self._landscape, visit.request, broken=self._takes(visit, "destination_error"))
        else:
            reply = self._service(visit)
        reply.delay = slow.number("seconds", 1.0) if slow else 0.0
        reply.drip = drip.number("seconds", 1.0) if drip else 0.0
        return reply

    def _mishaps(self, visit: Visit) -> None:
        """Raise Bare where something in front of the system goes wrong."""
        if self._takes(visit, "lost_request"):
            raise Bare(Reply(500, dropped=True), "connection lost")
        if self._takes(visit, "sso_page"):
            raise Bare(Reply(200, SSO_PAGE, media_type="text/html;charset=utf-8"), "sign-on page")
        if self._takes(visit, "not_activated"):
            raise page(404, "Not Found", "Service cannot be reached")
        if self._takes(visit, "bad_gateway"):
            raise page(502, "Bad Gateway")
        for kind, status, title in (("rate_limit", 429, "Too Many Requests"), ("unavailable", 503, "Unavailable")):
            if fault := self._takes(visit, kind):
                raise page(status, title, headers={"Retry-After": str(int(fault.number("seconds", 30)))})
        if self._takes(visit, "short_dump"):
            raise page(500, "Internal Server Error", DUMP)
        if self._takes(visit, "no_work_process"):
            raise Bare(Reply(500, b"No work process available", media_type="text/plain"), "no work process")
        if visit.request.method == "HEAD" and self._takes(visit, "no_head"):
            raise page(405, "Method Not Allowed")

    def _token(self, visit: Visit) -> Reply:
        if refused := self._takes(visit, "token_refused"):
            visit.error = refused.text("error", "invalid_client")
            return tokens.refuse(visit.error, "refused")
        reply, visit.user, visit.error = tokens.answer(self._landscape, visit.request)
        if self._takes(visit, "lost_token_answer"):
            reply.dropped = True
        return reply

    def _service(self, visit: Visit) -> Reply:
        scopes = self._log_on(visit)
        path = self._find(visit)
        service, user = visit.service, visit.user
        if service is None or user is None:
            raise page(404, "Not Found", "Service cannot be reached")
        self._protect(visit)
        if not user.may_read(service.area) or not scopes & {"*", service.area}:
            text = f"No authorization to access service '{service.id}' version '0001'"
            raise Refused(403, "/IWFND/CM_MGW/096", text)
        if path == "":
            raise Bare(Reply(307, empty=True, headers={"Location": f"{visit.request.raw_path}/"}), "redirected")
        fault = self._takes(visit, "server_error") or self._takes(visit, "gateway_timeout")
        if fault is not None and not fault.flag("committed", False):  # noqa: FBT003 - a detail's default
            raise _failure(fault)
        reply = self._done(
            visit, Call(self._landscape, visit.request, visit.method, service, user, visit.effects), path
        )
        if fault is not None:
            raise _failure(fault)
        return self._afterwards(visit, reply)

    def _done(self, visit: Visit, call: Call, path: str) -> Reply:
        if warned := self._takes(visit, "warning"):
            severity = warned.text("severity", "warning")
            call.messages.append(Message(warned.text("code", "ZZ/001"), warned.text("text", "Check this"), severity))
        marked = len(visit.effects)
        try:
            return batch.answer(call) if path.strip("/") == "$batch" else answer(call, path)
        except Refused:
            del visit.effects[marked:]
            raise
        finally:
            visit.fault = call.mishaps[-1] if call.mishaps else visit.fault

    def _afterwards(self, visit: Visit, reply: Reply) -> Reply:
        if bomb := self._takes(visit, "gzip_bomb"):
            return Reply(200, packed_blanks(int(bomb.number("megabytes", 65))), {"content-encoding": "gzip"})
        if self._takes(visit, "lost_answer"):
            reply.dropped = True
        return reply

    def _log_on(self, visit: Visit) -> frozenset[str]:
        """Find out who asks and return the areas that the logon is good for; raises Bare."""
        request, landscape = visit.request, self._landscape
        client = request.headers.get("sap-client") or request.query.get("sap-client", landscape.client)
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        everywhere = frozenset({"*"})
        if client != landscape.client:
            raise self._logon_failed(f"Client {client} is not available in this system")
        if scheme.lower() == "basic":
            visit.user = landscape.logins.log_on(*(request.basic or ("", "")))
        elif scheme.lower() == "bearer":
            if self._takes(visit, "expire_token"):
                landscape.logins.end(value.strip())
            token = landscape.logins.find(value.strip())
            visit.user = None if token is None else landscape.users.get(token.login)
            everywhere = frozenset() if token is None else token.scopes
        elif (session := landscape.sessions.find(request.headers.get("cookie", ""))) is not None:
            visit.user = landscape.users.get(session.login)
        if visit.user is None or visit.user.login in landscape.logins.lockout.locked:
            visit.user = None
            raise self._logon_failed("Logon failed")
        return everywhere

    def _logon_failed(self, why: str) -> Bare:
        realm = f"SAP NetWeaver Application Server [{self._landscape.sid}/{self._landscape.client}]"
        return page(401, "Logon Error Message", why, {"WWW-Authenticate": f'Basic realm="{realm}"'})

    def _find(self, visit: Visit) -> str:
        """Note which service a path names and return what follows its root."""
        for pattern, service in self._services:
            match = pattern.fullmatch(visit.request.raw_path)
            if match is not None:
                visit.service = service
                return match[1] or ""
        return ""

    def _protect(self, visit: Visit) -> None:
        """Hand out a CSRF token, or ask for one before a write; raises Bare."""
        request, sessions = visit.request, self._landscape.sessions
        if visit.user is None:
            return
        cookies, token = request.headers.get("cookie", ""), request.headers.get("x-csrf-token", "")
        if self._takes(visit, "csrf_expired"):
            sessions.end(cookies)
        session = sessions.find(cookies)
        if session is not None and session.login != visit.user.login:
            session = None
        client = f"sap-client={self._landscape.client}"
        visit.cookies.append(f"sap-usercontext={client}; path=/")
        if request.method in _SAFE:
            if token.lower() == "fetch":
                if session is None:
                    session = sessions.begin(visit.user.login)
                    visit.cookies.append(f"{sessions.cookie}={session.key}; path=/; HttpOnly")
                visit.headers["x-csrf-token"] = session.token
            return
        if session is None or token != session.token:
            required = {"x-csrf-token": "Required"}
            refusal = Reply(403, b"CSRF token validation failed", required, "text/plain;charset=utf-8")
            raise Bare(refusal, "CSRF token validation failed")

    def _takes(self, visit: Visit, kind: str) -> Fault | None:
        fault = self._landscape.faults.take(kind, visit.method, visit.request.path)
        if fault is not None:
            visit.fault = kind
        return fault

    def _finish(self, visit: Visit, reply: Reply) -> None:
        if visit.service is not None:
            version = {"DataServiceVersion": "2.0"} if visit.service.version == 2 else {"OData-Version": "4.0"}
            reply.headers = {**version, **reply.headers}
        if visit.request.query.get("sap-statistics") == "true" or "sap-statistics" in visit.request.headers:
            reply.headers["sap-statistics"] = "total=12,fw=4,app=8,gwtotal=12,gwhub=2,gwbe=2,gwapp=8"
        date = format_datetime(self._landscape.clock.now(), usegmt=True)
        reply.headers = {"date": date, "sap-server": "true", **reply.headers, **visit.headers}
        reply.cookies = (*reply.cookies, *visit.cookies)

    def _write_down(self, visit: Visit, reply: Reply, transaction: str, owner: str | None) -> None:
        landscape, request = self._landscape, visit.request
        entry = Entry(
            number=landscape.journal.next_number(),
            at=stamp(landscape.clock.now()),
            system="sap",
            org=landscape.name,
            method=request.method,
            path=request.path,
            query=request.query_string,
            user=visit.user.login if visit.user else None,
            status=None if reply.dropped else reply.status,
            error=visit.error,
            fault=visit.fault,
            effects=tuple(visit.effects),
            request_id=transaction,
            cookie_user=owner,
            headers={name: value for name, value in request.headers.items() if name not in _SECRET},
            body="" if request.path in tokens.PATHS else request.body.decode("utf-8", "replace"),
        )
        landscape.journal.append(entry)


def _takes_xml(request: Request, service: Service) -> bool:
    """Say whether a client of V2 that asks for no JSON sends none either: such a one is refused in XML."""
    given = "".join(request.headers.get(name, "") for name in ("accept", "content-type"))
    return service.version == 2 and "json" not in given and request.query.get("$format") != "json"


def _failure(fault: Fault) -> Refused | Bare:
    if fault.kind == "gateway_timeout":
        return page(504, "Gateway Timeout")
    return Refused(500, "SY/530", "An exception was raised")
