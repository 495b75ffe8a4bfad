"""Through which doors does a request pass before a resource answers it?"""

import hashlib
from dataclasses import dataclass, field
from email.utils import format_datetime
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox import control
from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.encoding import packed_blanks
from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.journal import Effect, Entry
from isthmus.plugins.sandbox.message import Reply, Request

from .call import Call
from .control import LEVERS
from .errors import ApiError, TokenError, not_authenticated
from .faults import HIBERNATING, TOO_LONG, broken_off, has_rows, page
from .people import viewer_of
from .rates import too_many
from .resources import answer
from .store import Row
from .tokens import PATH as TOKEN

if TYPE_CHECKING:
    from .instance import ServiceNowInstance

_LONGEST_PATH: Final = 8_192
_SECRET: Final = frozenset({"authorization", "authentication", "x-sn-apikey"})


@dataclass(slots=True)
class Visit:
    """What becomes known about one request on its way."""

    request: Request
    method: str
    user: Row | None = None
    fault: str | None = None
    error: str | None = None
    waited: int = 0
    effects: list[Effect] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)


class Front:
    """The front of one instance: mishaps, login, rate rules, resource, journal."""

    def __init__(self, instance: "ServiceNowInstance") -> None:
        self._instance = instance

    def answer(self, request: Request) -> Reply:
        """Answer one request and write down what happened."""
        if request.path.startswith(control.PATH):
            return control.answer(self._instance, request, LEVERS)
        override = request.headers.get("x-http-method-override", "").upper() if request.method == "POST" else ""
        visit = Visit(request, override or ("GET" if request.method == "HEAD" else request.method))
        number = self._instance.journal.next_number()
        try:
            reply = self._guarded(visit)
        except (ApiError, TokenError) as refusal:
            reply = refusal.reply()
            visit.error = refusal.message if isinstance(refusal, ApiError) else refusal.error
        transaction = hashlib.sha256(f"{self._instance.name} {number}".encode()).hexdigest()[:12]
        self._headers(visit, reply, transaction)
        self._write_down(visit, reply, number, transaction)
        return reply

    def _guarded(self, visit: Visit) -> Reply:
        if len(visit.request.raw_path) > _LONGEST_PATH:
            return Reply(414, TOO_LONG, media_type="text/html")
        for kind, status, title in (("bad_gateway", 502, "Bad Gateway"), ("unavailable", 503, "Service Unavailable")):
            if self._takes(visit, kind):
                return page(status, title)
        slow, drip = self._takes(visit, "slow"), self._takes(visit, "slow_body")
        reply = self._token(visit) if visit.request.path == TOKEN else self._resource(visit)
        if slow is not None:
            reply.delay = slow.number("seconds", 1.0)
        if drip is not None:
            reply.drip = drip.number("seconds", 1.0)
        return reply

    def _token(self, visit: Visit) -> Reply:
        if refused := self._takes(visit, "token_refused"):
            raise TokenError(refused.text("error", "access_denied"), "access_denied")
        reply, visit.user = self._instance.tokens.answer(visit.request)
        if self._takes(visit, "lost_token_answer"):
            reply.dropped = True
        return reply

    def _resource(self, visit: Visit) -> Reply:
        early = self._before_login(visit)
        if early is not None:
            return early
        visit.user = self._log_in(visit)
        viewer = viewer_of(self._instance.store, visit.user)
        matched = self._instance.rates.charge(viewer, visit.request.path)
        if matched is not None:
            visit.headers.update(matched.headers)
            if matched.refused:
                return too_many(self._instance.clock, {})
        early = self._after_login(visit)
        if early is not None:
            return early
        error = self._takes(visit, "server_error")
        if error is not None and not error.flag("committed", False):  # noqa: FBT003 - a detail's default
            return _failure(error)
        call = Call(self._instance, visit.request, visit.method, viewer, visit.effects)
        reply = self._done(visit, call)
        if error is not None:
            return _failure(error)
        return self._afterwards(visit, reply)

    def _before_login(self, visit: Visit) -> Reply | None:
        if self._takes(visit, "html_200"):
            return Reply(200, HIBERNATING, media_type="text/html")
        if self._takes(visit, "login_page"):
            return Reply(302, empty=True, headers={"Location": f"{visit.request.origin}/login.do"})
        return None

    def _after_login(self, visit: Visit) -> Reply | None:
        if self._takes(visit, "session_queue_full"):
            return Reply(202, empty=True)
        if limit := self._takes(visit, "rate_limit"):
            rule = {"X-RateLimit-Limit": "1000", "X-RateLimit-Rule": "0" * 32}
            return too_many(self._instance.clock, {**rule, "Retry-After": str(int(limit.number("seconds", 60)))})
        if self._takes(visit, "semaphores"):
            visit.headers.clear()  # nothing of the instance that knows rate rules has seen the call
            return ApiError(429, "Rate limit exceeded", "All semaphores are taken").reply()
        if waited := self._takes(visit, "slow_semaphore"):
            visit.waited = int(waited.number("milliseconds", 4_000))
        return None

    def _afterwards(self, visit: Visit, reply: Reply) -> Reply:
        if has_rows(reply) and (quota := self._takes(visit, "transaction_quota")):
            reply = broken_off(reply, quota)
        if bomb := self._takes(visit, "gzip_bomb"):
            return Reply(200, packed_blanks(int(bomb.number("megabytes", 65))), {"content-encoding": "gzip"})
        if self._takes(visit, "lost_answer"):
            reply.dropped = True
        return reply

    def _log_in(self, visit: Visit) -> Row:
        """Return who asks; raises ApiError."""
        request, instance = visit.request, self._instance
        scheme, _, value = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() == "basic":
            user = instance.log_in(*(request.basic or ("", "")))
        elif scheme.lower() == "bearer":
            if self._takes(visit, "expire_session"):
                instance.logins.end(value.strip())
            user = instance.store.get("sys_user", instance.logins.owner(value.strip()) or "")
        else:
            user = instance.key_owner(request.headers.get("x-sn-apikey", ""))
        if user is None or user["active"] != "true":
            raise not_authenticated()
        return user

    def _done(self, visit: Visit, call: Call) -> Reply:
        """Let the resource answer; its refusal is an answer too, so that mishaps can still befall it."""
        try:
            return answer(call)
        except ApiError as refusal:
            visit.error = refusal.message
            return refusal.reply()
        finally:
            visit.fault = call.mishaps[-1] if call.mishaps else visit.fault

    def _takes(self, visit: Visit, kind: str) -> Fault | None:
        fault = self._instance.faults.take(kind, visit.method, visit.request.path)
        if fault is not None:
            visit.fault = kind
        return fault

    def _headers(self, visit: Visit, reply: Reply, transaction: str) -> None:
        if reply.status == 204:
            return
        headers = {
            "date": format_datetime(self._instance.clock.now(), usegmt=True),
            "server": "snow_adc",
            "x-is-logged-in": "true" if visit.user else "false",
            "x-transaction-id": transaction,
            "server-timing": f't;desc="{transaction}", sem_wait;dur={visit.waited}, sesh_wait;dur=0',
            "pragma": "no-store,no-cache",
            "cache-control": "no-cache,no-store,must-revalidate,max-age=-1",
            "expires": "0",
        }
        if visit.user is not None:
            session = self._instance.logins.session(visit.user["sys_id"])
            headers["set-cookie"] = f"JSESSIONID={session}; Path=/; HttpOnly; SameSite=None; Secure"
        reply.headers = {**headers, **visit.headers, **reply.headers}

    def _write_down(self, visit: Visit, reply: Reply, number: int, transaction: str) -> None:
        request, instance = visit.request, self._instance
        is_token = request.path == TOKEN
        owner = instance.store.get("sys_user", instance.logins.cookie_owner(request.headers.get("cookie", "")) or "")
        entry = Entry(
            number=number,
            at=stamp(instance.clock.now()),
            system="servicenow",
            org=instance.name,
            method=request.method,
            path=request.path,
            query="" if is_token else request.query_string,
            user=visit.user["user_name"] if visit.user else None,
            status=None if reply.dropped else reply.status,
            error=visit.error,
            fault=visit.fault,
            effects=tuple(visit.effects),
            request_id=transaction,
            cookie_user=owner["user_name"] if owner else None,
            headers={name: value for name, value in request.headers.items() if name not in _SECRET},
            body="" if is_token else request.body.decode("utf-8", "replace"),
        )
        instance.journal.append(entry)


def _failure(fault: Fault) -> Reply:
    return ApiError(int(fault.number("status", 500)), "Server error", "An unexpected error occurred").reply()
