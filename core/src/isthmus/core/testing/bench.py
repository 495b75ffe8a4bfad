"""How does a call of the contract run on the real request path, against an upstream that is watched or played back?"""

import asyncio
import contextlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial

import httpx2
from msgspec.structs import replace as changed

from isthmus.core.caller import Principal
from isthmus.core.connector import Connector, ObjectFacts
from isthmus.core.credentials import Credential, Secret, StaticCredential
from isthmus.core.errors import IsthmusError
from isthmus.core.http import CallScope, Http, Meter, Origin, Response
from isthmus.core.http.credential import CredentialLayer
from isthmus.core.http.effect import EffectCheck
from isthmus.core.http.origin import OriginPin
from isthmus.core.http.retry import Retry
from isthmus.core.http.scope import sending_of
from isthmus.core.http.timing import DeadlineCut
from isthmus.core.http.wire import ForeignWire
from isthmus.core.operation import Operation, RequestClass
from isthmus.core.resilience import Deadline, RetryPolicy, SystemClock
from isthmus.core.testing.calls import Call, calls_of, invoking, operation_of
from isthmus.core.testing.subject import Examples, Run, Subject
from isthmus.core.testing.violation import Violation, broken
from isthmus.core.testing.watch import CONNECTING, Reached, watching

__all__ = ["SECRET", "Answer", "Bench", "Exchange", "Outcome", "Replay", "origin_of"]

MOST = 300
"""Requests that one call may send before it counts as endless."""
SECONDS = 20.0
SECRET = "k1t-s3cret-7f20c4d9"  # noqa: S105 it opens nothing


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer as plain data."""

    status: int = 200
    headers: tuple[tuple[str, str], ...] = (("content-type", "application/json"),)
    body: bytes = b""

    def on_wire(self) -> httpx2.Response:
        """Return it as a transport does."""
        return httpx2.Response(self.status, headers=_raw(self.headers), content=self.body)

    def as_seen(self) -> Response:
        """Return it as a connector sees it."""
        return Response(self.status, httpx2.Headers(_raw(self.headers)), self.body)


def _raw(headers: Sequence[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    return [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request as it reached the wire, as part of which operation, how it was classified, and its answer."""

    request: httpx2.Request
    operation: Operation
    parts: Sequence[RequestClass]
    answer: Answer


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one call; `said` is all that was logged or printed meanwhile."""

    call: Call
    result: object
    error: BaseException | None
    exchanges: Sequence[Exchange]
    said: str = ""

    @property
    def value(self) -> object:
        """Return the result; raises Violation where there is none."""
        if self.error is not None:
            said = self.error.vendor_text if isinstance(self.error, IsthmusError) else ""
            broken(
                f"the example of {self.call.name} failed: {type(self.error).__name__}: {self.error} {said}".rstrip(),
                "give examples that the upstream answers, or let the connector read these answers",
            )
        return self.result

    @property
    def typed(self) -> bool:
        """Tell whether it ended as the contract allows: a result or one of our errors."""
        return self.error is None or isinstance(self.error, IsthmusError)


class _Wire(httpx2.AsyncBaseTransport):
    """The upstream with a note of all that passes."""

    def __init__(self, inner: httpx2.AsyncBaseTransport) -> None:
        self._inner = inner
        self.exchanges: list[Exchange] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if len(self.exchanges) >= MOST:
            raise Violation(
                f"one call sent {MOST} requests and did not end. To mend it: stop at the limit, and refuse an address "
                "that came before or a page without records."
            )
        content = await request.aread()
        response = await self._inner.handle_async_request(request)
        body = await response.aread()
        named = tuple((name, value) for name, value in response.headers.multi_items() if name not in _CODED)
        answer = Answer(response.status_code, named, body)
        plain = httpx2.Request(request.method, request.url, headers=request.headers, content=content)
        sending = sending_of(request)
        self.exchanges.append(Exchange(plain, sending.scope.operation, sending.parts, answer))
        return answer.on_wire()

    async def aclose(self) -> None:
        await self._inner.aclose()


_CODED = frozenset({"content-encoding", "content-length", "transfer-encoding"})


class Replay(httpx2.AsyncBaseTransport):
    """Answers recorded before; `edit` changes the answer of each position. What was never asked gets the last one."""

    def __init__(self, recorded: Sequence[Exchange], edit: Callable[[int, Answer], Answer] | None = None) -> None:
        self._left = list(enumerate(recorded))
        self._last = (0, Answer(404)) if not recorded else self._left[-1]
        self._edit = edit

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Answer one request."""
        asked = (request.method, request.url)
        matching = [one for one in self._left if (one[1].request.method, one[1].request.url) == asked]
        if matching:
            self._left.remove(matching[0])
        at, found = matching[0] if matching else self._last
        answer = found if isinstance(found, Answer) else found.answer
        return (self._edit(at, answer) if self._edit else answer).on_wire()


class _Credentials:
    """A login that the double sees and that nothing else may show."""

    async def current(self) -> Credential:
        return StaticCredential.bearer(1, Secret(SECRET))

    async def replace(self, spent: Credential) -> Credential:
        return spent


class Bench:
    """One connector under test; every call gets a fresh upstream, and recorded calls can be played back."""

    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.origin = Origin.of(subject.url)
        self._facts: dict[str, ObjectFacts] = {}
        self._told: dict[str, ObjectFacts] = {}

    @property
    def examples(self) -> Examples:
        """Return the author's examples."""
        return self.subject.examples

    @cached_property
    def verbs(self) -> frozenset[str]:
        """Name the verbs that the connector implements."""
        return self.subject.connector.verbs()

    @cached_property
    def calls(self) -> Sequence[Call]:
        """Return an example call of everything that the connector implements."""
        runs = [invoking(self.subject, self.facts(one.object or self.examples.object), one) for one in self.runs]
        return [*calls_of(self.subject), *runs]

    @cached_property
    def runs(self) -> Sequence[Run]:
        """Return the example runs of actions that the connector has."""
        if "invoke" not in self.verbs:
            return ()
        known = {one.name for one in self.facts(self.examples.object).actions}
        return [one for one in self.examples.runs if one.object or one.action in known]

    def facts(self, object: str) -> ObjectFacts:
        """Return what the connector says of an object; raises Violation where it says nothing."""
        known = self._told.get(object)
        if known is None:
            doing = operation_of(self.subject, "catalogue", object)
            found = self.run(Call("catalogue", doing, lambda one: one.catalogue(object))).value
            known = self._told[object] = found if isinstance(found, ObjectFacts) else ObjectFacts(object, {})
        return known

    @cached_property
    def recorded(self) -> Sequence[Outcome]:
        """Run every example call once against the author's upstream."""
        return [self.run(call) for call in self.calls]

    def recording(self, name: str) -> Outcome:
        """Return what an example call did."""
        return next(one for one in self.recorded if one.call.name == name)

    def run(self, *calls: Call) -> Outcome:
        """Run calls one after the other against one fresh upstream; return the outcome of the last."""
        return self.sequence(calls)[-1]

    def sequence(
        self, calls: Iterable[Call], around: Callable[[], httpx2.AsyncBaseTransport] | None = None
    ) -> list[Outcome]:
        """Run calls one after the other, each made when the one before is done; `around` gives a fresh upstream."""
        return self._run(around or self.subject.upstream, calls, self.subject.build(), "kit", live=True)

    def play(
        self, call: Call, upstream: httpx2.AsyncBaseTransport, *, connector: Connector | None = None, user: str = "kit"
    ) -> Outcome:
        """Run a call against a double that opens no connection; raises Violation if the connector opens one itself."""
        with watching(CONNECTING) as reached:
            outcome = self._run(lambda: upstream, (call,), connector or self.subject.build(), user)[0]
        if reached or isinstance(outcome.error, Reached):
            broken(
                f"{call.name} opened a connection of its own ({', '.join(sorted(set(reached)))})",
                "send every request through self.http, which keeps it inside the connection's origin",
            )
        return outcome

    def _run(
        self,
        upstream: Callable[[], httpx2.AsyncBaseTransport],
        calls: Iterable[Call],
        connector: Connector,
        user: str,
        *,
        live: bool = False,
    ) -> list[Outcome]:
        return asyncio.run(self._all(upstream, calls, connector, user, live=live))

    async def _all(
        self,
        upstream: Callable[[], httpx2.AsyncBaseTransport],
        calls: Iterable[Call],
        connector: Connector,
        user: str,
        *,
        live: bool,
    ) -> list[Outcome]:
        wire, heard = _Wire(upstream()), io.StringIO()
        try:
            with _listening(heard):
                outcomes = [await self._one(call, wire, connector, user, live=live) for call in calls]
        finally:
            await wire.aclose()
        return [replace(one, said=heard.getvalue()) for one in outcomes]

    async def _one(self, call: Call, wire: _Wire, connector: Connector, user: str, *, live: bool) -> Outcome:
        clock, begun = SystemClock(), len(wire.exchanges)
        deadline = Deadline.after(SECONDS, clock)
        scope = CallScope(Principal("example", user), call.operation, deadline, None, Meter(), "kit", agent="kit")
        http = Http(self._chain(connector, wire), self.origin, scope)
        bound = connector.bind(http, partial(self._facts_of, http, live=live))
        result, error = None, None
        try:
            result = await call.run(bound)
        except Violation:
            raise
        except (Exception, Reached) as caught:  # noqa: BLE001 what it raises is what is judged
            error = caught
        return Outcome(call, result, error, tuple(wire.exchanges[begun:]))

    async def _facts_of(self, http: Http, object: str, *, live: bool) -> ObjectFacts:
        """Describe an object to the connector as core does: what was looked up before is not asked again.

        A recorded call looks up on the side; one that is played back has only the answers it is given.
        """
        found = self._facts.get(object.casefold())
        if found is not None:
            return found
        connector, doing = self.subject.build(), operation_of(self.subject, "catalogue", object)
        if not live:
            return await connector.bind(http).catalogue(object)
        wire = self.subject.upstream()
        try:
            scope = changed(http.scope, operation=doing)
            found = await connector.bind(Http(self._chain(connector, wire), self.origin, scope)).catalogue(object)
        finally:
            await wire.aclose()
        return self._facts.setdefault(object.casefold(), found)

    def _chain(self, connector: Connector, wire: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        """Compose the layers that judge a connector; budget, breaker and telemetry are not its concern."""
        chain: httpx2.AsyncBaseTransport = CredentialLayer(ForeignWire(wire), lambda _: _Credentials())
        chain = Retry(chain, connector, clock=SystemClock(), random=lambda: 0.0, policy=RetryPolicy(attempts=1))
        return OriginPin(self.origin, EffectCheck(connector, DeadlineCut(chain)))


def origin_of(request: httpx2.Request) -> str:
    """Return the origin that a request leads to."""
    return str(Origin.of(f"{request.url.scheme}://{request.url.netloc.decode('ascii')}"))


@contextlib.contextmanager
def _listening(heard: io.StringIO) -> Iterator[None]:
    handler, root = logging.StreamHandler(heard), logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    try:
        with contextlib.redirect_stdout(heard), contextlib.redirect_stderr(heard):
            yield
    finally:
        root.removeHandler(handler)
        root.setLevel(level)
