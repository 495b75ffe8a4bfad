"""Through which doors does a request pass before a resource answers it?"""

import hashlib
import os
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox import control
from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.encoding import packed_blanks
from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect, Entry
from isthmus.plugins.sandbox.message import Reply, Request

from .bulk import answer_classic, classic_token, refuse_classic
from .call import Call
from .control import LEVERS
from .errors import ApiError, TokenError, not_found, session_expired
from .identity import identity, userinfo
from .logins import Session, bearer
from .quota import concurrent_limit, daily_limit
from .refusals import REFUSALS
from .resources import dispatch
from .soap import log_in
from .versions import KNOWN, VERSIONS

if TYPE_CHECKING:
    from .org import SalesforceOrg

_TOKEN: Final = "/services/oauth2/token"  # noqa: S105 - a path
_SOAP: Final = "/services/Soap/"
_MAX_URI: Final = 16_384
_MAX_TEXT: Final = 1 << 20


@dataclass(slots=True)
class Visit:
    """What becomes known about one request on its way."""

    request: Request
    method: str
    session: Session | None = None
    counted: bool = False
    exhausted: bool = False
    fault: str | None = None
    error: str | None = None
    effects: list[Effect] = field(default_factory=list)


class Front:
    """The front of one org: mishaps, login, quota, resource, journal."""

    def __init__(self, org: "SalesforceOrg") -> None:
        self._org = org

    def answer(self, request: Request) -> Reply:
        """Answer one request and write down what happened."""
        if request.path.startswith(control.PATH):
            return control.answer(self._org, request, LEVERS)
        override = request.query.get("_HTTP_METHOD", "").upper() if request.method == "POST" else ""
        method = override or ("GET" if request.method == "HEAD" else request.method)
        visit = Visit(request, method)
        number = self._org.journal.next_number()
        request_id = hashlib.sha256(f"{self._org.org_id} {number}".encode()).hexdigest()[:32]
        try:
            reply = self._guarded(visit)
        except (ApiError, TokenError) as refusal:
            reply = _said(request, refusal)
            visit.error = refusal.code if isinstance(refusal, ApiError) else refusal.error
            if isinstance(refusal, ApiError) and refusal.status == 401:
                visit.session = visit.session if visit.session and not visit.session.ended else None
        self._headers(visit, reply, request_id)
        self._write_down(visit, reply, number, request_id)
        return reply

    def _guarded(self, visit: Visit) -> Reply:
        if len(visit.request.raw_path) + len(visit.request.query_string) > _MAX_URI:
            raise ApiError(414, "URI_TOO_LONG", "URI Too Long")
        if self._takes(visit, "edge_throttle"):
            return Reply(429, b"Too Many Requests", media_type="text/plain")
        if self._takes(visit, "unavailable"):
            raise ApiError(503, "SERVER_UNAVAILABLE", "Server is too busy. Please try again later.")
        slow, drip = self._takes(visit, "slow"), self._takes(visit, "slow_body")
        reply = self._routed(visit)
        if slow is not None:
            reply.delay = slow.number("seconds", 1.0)
        if drip is not None:
            reply.drip = drip.number("seconds", 1.0)
        return reply

    def _routed(self, visit: Visit) -> Reply:
        path = visit.request.path.rstrip("/")
        if path == _TOKEN or path.startswith(_SOAP):
            return self._token(visit)
        if path == "/services/oauth2/authorize":
            return self._org.tokens.authorize(visit.request)
        if path == "/services/oauth2/revoke":
            return self._org.tokens.revoke(visit.request)
        if path == "/services/data" and visit.method == "GET":
            return Reply(200, VERSIONS)
        self._log_in(visit)
        if path == "/services/oauth2/userinfo" or path.startswith("/id/"):
            return self._identity(visit, path)
        return self._resource(visit)

    def _token(self, visit: Visit) -> Reply:
        if refused := self._takes(visit, "token_refused"):
            raise TokenError(refused.text("error", "invalid_grant"), "authentication failure")
        soap = visit.request.path.startswith(_SOAP)
        reply, visit.session = log_in(self._org, visit.request) if soap else self._org.tokens.answer(visit.request)
        if self._takes(visit, "lost_token_answer"):
            reply.dropped = True
        return reply

    def _log_in(self, visit: Visit) -> None:
        token = classic_token(visit.request) if _is_classic(visit.request) else None
        token = token or bearer(visit.request.headers.get("authorization"))
        visit.session = self._org.logins.find(token)
        if self._takes(visit, "expire_session"):
            visit.session.ended = True
            raise session_expired()

    def _identity(self, visit: Visit, path: str) -> Reply:
        if visit.session is None:
            raise session_expired()
        user = self._org.store["User"].rows[visit.session.user_id]
        if path.startswith("/id/"):
            if path != f"/id/{self._org.org_id}/{user['Id']}":
                raise ApiError(403, "FORBIDDEN", "this identity belongs to somebody else")
            return Reply(200, identity(self._org, user, visit.request.origin))
        return Reply(200, userinfo(self._org, user, visit.request.origin))

    def _resource(self, visit: Visit) -> Reply:
        if visit.session is None:
            raise session_expired()
        visit.counted = True
        if spent := self._takes(visit, "daily_limit"):
            visit.exhausted = True
            visit.counted = spent.flag("header", True)  # noqa: FBT003 - a detail's default
            raise daily_limit()
        if self._takes(visit, "concurrent_limit"):
            raise concurrent_limit()
        self._org.quota.charge()
        if self._takes(visit, "html_200"):
            return Reply(200, b"<!DOCTYPE html><html><body>One moment please</body></html>", media_type="text/html")
        self._refuse(visit)
        error = self._takes(visit, "server_error")
        if error is not None and not error.flag("committed", False):  # noqa: FBT003 - a detail's default
            return _failure(error)
        reply = self._done(visit, visit.session)
        if error is not None:
            return _failure(error)
        if bomb := self._takes(visit, "gzip_bomb"):
            return Reply(200, packed_blanks(int(bomb.number("megabytes", 65))), {"content-encoding": "gzip"})
        if self._takes(visit, "lost_answer"):
            reply.dropped = True
        return reply

    def _refuse(self, visit: Visit) -> None:
        if not self._org.faults.armed():
            return
        for kind, refusal in REFUSALS.items():
            if refusal.concerns(visit.method, visit.request.path) and self._takes(visit, kind):
                raise refusal.error()

    def _done(self, visit: Visit, session: Session) -> Reply:
        """Let the resource answer; its refusal is an answer too, so that mishaps can still befall it."""
        services, data, version, *_ = [*visit.request.path.strip("/").split("/"), "", "", ""]
        if services != "services" or data not in ("data", "async") or version.lstrip("v") not in KNOWN:
            raise not_found()
        view = self._org.view(session.user_id)
        call = Call(self._org, visit.request, visit.method, version.lstrip("v"), session, view, visit.effects)
        try:
            return answer_classic(call) if data == "async" else dispatch(call)
        except ApiError as refusal:
            visit.error = refusal.code
            return _said(visit.request, refusal)
        finally:
            visit.fault = call.mishaps[-1] if call.mishaps else visit.fault

    def _takes(self, visit: Visit, kind: str) -> Fault | None:
        fault = self._org.faults.take(kind, visit.method, visit.request.path)
        if fault is not None:
            visit.fault = kind
        return fault

    def _headers(self, visit: Visit, reply: Reply, request_id: str) -> None:
        headers = {
            "x-sfdc-request-id": request_id,
            "x-request-id": request_id,
            "server": "sfdcedge",
            "cache-control": "no-cache,must-revalidate,max-age=0,no-store,private",
        }
        if visit.session is not None:
            headers["set-cookie"] = f"BrowserId={visit.session.browser}; path=/; HttpOnly"
        if visit.counted and reply.status != HTTPStatus.NO_CONTENT:
            quota = self._org.quota
            most = quota.maximum
            headers["sforce-limit-info"] = f"api-usage={most}/{most}" if visit.exhausted else quota.header
        reply.headers = {**headers, **reply.headers}

    def _write_down(self, visit: Visit, reply: Reply, number: int, request_id: str) -> None:
        request, org = visit.request, self._org
        is_token = request.path.startswith(("/services/oauth2/", _SOAP))
        owner = org.logins.cookie_owner(request.headers.get("cookie", ""))
        names = org.store["User"].rows
        entry = Entry(
            number=number,
            at=stamp(org.clock.now()),
            system="salesforce",
            org=org.name,
            method=request.method,
            path=request.path,
            query="" if is_token else request.query_string,
            user=str(names[visit.session.user_id]["Username"]) if visit.session else None,
            status=None if reply.dropped else reply.status,
            error=visit.error,
            fault=visit.fault,
            effects=tuple(visit.effects),
            request_id=request_id,
            cookie_user=str(names[owner]["Username"]) if owner else None,
            headers={name: value for name, value in request.headers.items() if name not in _SECRET},
            body="" if is_token else _body_text(request),
        )
        org.journal.append(entry)


def _body_text(request: Request) -> str:
    """Return the body as text; files do not go into the journal whole."""
    if request.spool is not None:
        return f"({request.spool.seek(0, os.SEEK_END)} bytes)"
    return request.body[:_MAX_TEXT].decode("utf-8", "replace")


def _is_classic(request: Request) -> bool:
    return request.path.lstrip("/").startswith("services/async/")


def _said(request: Request, refusal: ApiError | TokenError) -> Reply:
    classic = isinstance(refusal, ApiError) and _is_classic(request)
    return refuse_classic(request, refusal) if classic and isinstance(refusal, ApiError) else refusal.reply()


def _failure(fault: Fault) -> Reply:
    """Return a server error: with nothing in it, or with a code where the fault names one."""
    status, code = int(fault.number("status", 500)), fault.text("code", "")
    if not code:
        return Reply(status, empty=True)
    return ApiError(status, code, "An unexpected error occurred. Please include this ErrorId: 1-2 (3)").reply()


_SECRET: Final = frozenset({"authorization", "x-sfdc-session"})
