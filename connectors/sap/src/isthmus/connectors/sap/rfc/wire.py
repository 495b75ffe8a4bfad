"""How does a request of the request path become calls of function modules, and their results an answer?

`POST /unit` with `{"object", "calls": [{"function", "parameters"}], "commit"}` runs a unit of work, and `POST /back`
likewise reads what became of one; `POST /interface` with `{"object", "function"}` describes a function module, and
`POST /ping` logs on.
"""

import asyncio
import base64
import binascii
import hashlib
import json
import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from types import MappingProxyType

import httpx2

from isthmus.connectors.sap.rfc.backend import (
    AbapDump,
    AbapRaised,
    BadCall,
    LineLost,
    Logon,
    LogonRefused,
    RfcBackend,
    RfcConnection,
)
from isthmus.connectors.sap.rfc.interface import Direction, Field, Interface, Parameter
from isthmus.connectors.sap.rfc.unit import Call, Refused, Unit, interface_of, run
from isthmus.core.errors import ConfigurationError
from isthmus.core.http import Broken, Carrier, NotSent, Unreadable, Whole, content_of, sending_of
from isthmus.core.records import JSON

__all__ = ["RfcWire", "interface_from", "unit_in"]

LARGEST = 32 << 20
WRONG_FOR = 900.0
"""Seconds for which a logon that was refused is not tried again: a system locks a user after a few."""


class _GivenUp(Exception):
    """Whoever asked no longer waits."""


class _Attempt:
    """One request under way: it either leaves or is given up, never both."""

    def __init__(self, sent: Callable[[], None]) -> None:
        self._sent = sent
        self._given_up = False
        self._lock = threading.Lock()

    def leave(self) -> None:
        """Note that the next call is about to leave; raises where nobody waits any more."""
        with self._lock:
            if self._given_up:
                raise _GivenUp
            self._sent()

    def give_up(self) -> None:
        """Let nothing more leave."""
        with self._lock:
            self._given_up = True


@dataclass(frozen=True, slots=True)
class _Asked:
    what: str
    body: Mapping[str, JSON]


class RfcWire(Carrier):
    """Carries one request as one session: log on, call, commit or roll back, log off; in a thread of its own pool.

    `logon` says where; user and password come with the request, as Basic credentials (RFC 7617). `known` are
    interfaces that the system is not asked for.
    """

    def __init__(
        self,
        backend: RfcBackend,
        logon: Logon,
        sessions: int,
        known: Mapping[str, Interface] = MappingProxyType({}),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._backend = backend
        self._logon = logon
        self._monotonic = monotonic
        self._pool = ThreadPoolExecutor(sessions, thread_name_prefix="rfc")
        self._interfaces = dict(known)
        self._wrong: dict[bytes, float] = {}
        self._closed = False

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Run one unit of work.

        Raises:
            NotSent: the system could not be reached; no function module was called.
            Broken: the line broke after the first call had left.
            Unreadable: the answer is too large.
        """
        if self._closed:
            raise NotSent("isthmus is closing", lasting=True)
        sending = sending_of(request)
        asked = _read(request.url.path, await content_of(request))
        attempt = _Attempt(sending.sent)
        patience = min(self._logon.patience, max(sending.scope.deadline.remaining(), 0.1))
        user, password = _basic(request.headers.get("authorization", ""))
        logon = replace(self._logon, user=user, password=password, patience=patience, carried=dict(request.extensions))
        work = partial(self._answer, logon, asked, attempt)
        try:
            status, told = await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except asyncio.CancelledError:
            attempt.give_up()
            raise
        body = json.dumps(told, separators=(",", ":")).encode()
        if len(body) > LARGEST:
            raise Unreadable(f"it is larger than {LARGEST >> 20} MB")
        return Whole(status, [(b"content-type", b"application/json")], body)

    async def aclose(self) -> None:
        """Take no more requests; sessions under way end by themselves."""
        self._closed = True
        self._pool.shutdown(wait=False, cancel_futures=True)

    def _answer(self, logon: Logon, asked: _Asked, attempt: _Attempt) -> tuple[int, JSON]:
        mark = hashlib.sha256(f"{logon.user}\0{logon.password}".encode()).digest()
        if self._wrong.get(mark, -WRONG_FOR) + WRONG_FOR > self._monotonic():
            return 401, _error("RFC_LOGON_FAILURE", "a logon with this password was refused shortly before")
        try:
            return self._talked(logon, asked, attempt)
        except LogonRefused as error:
            self._wrong[mark] = self._monotonic()
            return 401, _error("RFC_LOGON_FAILURE", str(error))

    def _talked(self, logon: Logon, asked: _Asked, attempt: _Attempt) -> tuple[int, JSON]:
        try:
            session = self._backend.connect(logon)
        except BadCall as error:
            raise NotSent("the parameters of the logon are not taken", lasting=True) from error
        except LineLost as error:
            raise NotSent("no RFC connection came about") from error
        try:
            return 200, self._result(session, asked, attempt)
        except LineLost as error:
            raise Broken("the RFC connection was lost") from error
        except (AbapDump, AbapRaised, BadCall, Refused) as error:
            return _told(error)
        finally:
            session.close()

    def _result(self, session: RfcConnection, asked: _Asked, attempt: _Attempt) -> JSON:
        if asked.what == "ping":
            attempt.leave()
            session.ping()
            return {"backend": self._backend.name}
        if asked.what == "interface":
            attempt.leave()
            name = str(asked.body.get("function"))
            self._interfaces[name] = interface_of(session, name)
            return _plain(self._interfaces[name])
        unit = unit_in(asked.body)
        if unit.commit and not self._backend.writes:
            raise BadCall(f"{self._backend.name} cannot keep a unit of work; it only reads")
        results = run(session, unit, partial(self._interface, session), attempt.leave)
        return {"results": results, "committed": unit.commit}

    def _interface(self, session: RfcConnection, function: str) -> Interface:
        if function not in self._interfaces:
            self._interfaces[function] = interface_of(session, function)
        return self._interfaces[function]


def unit_in(body: Mapping[str, JSON]) -> Unit:
    """Read a unit of work; raises ValueError where it is none."""
    found, calls = body.get("calls"), list[Call]()
    for one in found if isinstance(found, list) else ():
        function = one.get("function") if isinstance(one, Mapping) else None
        arguments = one.get("parameters") if isinstance(one, Mapping) else None
        if not isinstance(function, str) or not isinstance(arguments, Mapping):
            raise ValueError("a call has a function and parameters")  # noqa: TRY004 - what is read is data, not a value
        calls.append(Call(function, arguments))
    if not calls:
        raise ValueError("a unit of work has calls")
    return Unit(tuple(calls), body.get("commit") is True)


def interface_from(told: Mapping[str, JSON]) -> Interface:
    """Read the description of a function module; raises KeyError, TypeError or ValueError where it is none."""
    parameters = told["parameters"]
    if not isinstance(parameters, list):
        raise TypeError("parameters are a list")
    return Interface(str(told["name"]), tuple(_parameter(one) for one in parameters))


def _parameter(told: Mapping[str, JSON]) -> Parameter:
    fields = told["fields"]
    if not isinstance(fields, list):
        raise TypeError("fields are a list")
    read = tuple(Field(**one) for one in fields)
    flags = {name: told[name] is True for name in ("flat", "table", "optional")}
    return Parameter(str(told["name"]), Direction(str(told["direction"])), read, text=str(told["text"]), **flags)


def _plain(interface: Interface) -> JSON:
    names = Field.__slots__
    return {
        "name": interface.name,
        "parameters": [
            {
                **{name: getattr(one, name) for name in ("name", "flat", "table", "optional", "text")},
                "direction": one.direction.value,
                "fields": [{name: getattr(field, name) for name in names} for field in one.fields],
            }
            for one in interface.parameters
        ],
    }


def _read(path: str, content: bytes) -> _Asked:
    body = json.loads(content) if content else {}
    return _Asked(path.strip("/"), body if isinstance(body, dict) else {})


def _basic(header: str) -> tuple[str, str]:
    kind, _, coded = header.partition(" ")
    try:
        user, _, password = base64.b64decode(coded, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        user, password = "", ""
    if kind.lower() != "basic" or not user:
        raise ConfigurationError("RFC logs on with a name and a password; set auth.kind to 'basic'")
    return user, password


def _told(error: AbapDump | AbapRaised | BadCall | Refused) -> tuple[int, JSON]:
    match error:
        case AbapDump():
            return 500, _error("ABAP_RUNTIME_FAILURE", str(error))
        case BadCall():
            return 400, _error("RFC_INVALID_PARAMETER", str(error))
        case AbapRaised():
            return 404 if error.key == "FU_NOT_FOUND" else 422, _error(error.key, str(error), error.number)
    first = error.messages[0]
    told = {"key": first.number, "number": first.number, "text": str(error)}
    locked = any(one.number in _LOCKED for one in error.messages)
    return 423 if locked else 422, {"error": {**told, "messages": [one.plain() for one in error.messages]}}


def _error(key: str, text: str, number: str = "") -> JSON:
    return {"error": {"key": key, "number": number, "text": text}}


_LOCKED = ("MC/601", "V1/042", "M3/024", "06/115")
"""Messages of a business object that somebody else is working on."""
