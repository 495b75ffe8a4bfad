"""Does a request do only what its operation declared?"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import httpx2

from isthmus.core.budgets import QuotaReading
from isthmus.core.connector import Fault
from isthmus.core.errors import Denied
from isthmus.core.http.address import content_of
from isthmus.core.http.answer import Response
from isthmus.core.http.scope import CallScope, sending_of
from isthmus.core.operation import Effect, Operation, RequestClass

__all__ = ["Dialect", "EffectCheck", "mismatch"]


class Dialect(Protocol):
    """What the request path asks a connector about its own requests and answers."""

    def classify(self, request: httpx2.Request) -> Sequence[RequestClass]:
        """Read off the bytes what each part of a request would do; empty for a request it does not know."""
        ...

    def quota(self, response: Response) -> Iterable[QuotaReading]:
        """Read what an answer says about the org's quotas."""
        ...

    def quota_of(self, object: str) -> str:
        """Name the quota that calls on an object use, where the org counts several apart."""
        ...

    def fault(self, response: Response) -> Fault | None:
        """Classify an answer; None is success."""
        ...


def mismatch(parts: Sequence[RequestClass], operation: Operation) -> str:
    """Say in what a request exceeds its operation; empty where it does not."""
    if not parts:
        return "the connector cannot tell what it would do"
    for part in parts:
        if part.job:
            # What the job does was checked against the operation when it was made.
            if part.job != operation.job or (part.effect.writes and not operation.writes):
                return "it would act on a job that this call did not begin"
            continue
        if part.effect is not Effect.READ and part.effect not in operation.effects:
            return f"it would {part.effect} {part.object or 'something'}"
        declared = part.object == operation.object or part.object in operation.objects
        if not declared and (part.object or part.effect.writes):
            return f"it would touch {part.object or 'an object that it does not name'}"
        if not (part.job == "" or _named(part, operation)):
            return f"it would {part.effect} {_BESIDE.get(part.effect, '')}records that the call does not name"
        if part.to_state and operation.transition is not None and part.to_state != operation.transition.to_state:
            return "it would bring a record into another state than the call says"
    return ""


_BESIDE = {Effect.CREATE: "something beside "}


def _named(part: RequestClass, operation: Operation) -> bool:
    if part.effect in (Effect.READ, Effect.CREATE) and not (part.records and operation.records):
        return True
    if not part.records:
        return not operation.records
    return all(record in operation.records for record in part.records)


class EffectCheck(httpx2.AsyncBaseTransport):
    """Classifies every request part by part and refuses what the call's operation does not cover."""

    def __init__(self, dialect: Dialect, inner: httpx2.AsyncBaseTransport) -> None:
        self._dialect = dialect
        self._inner = inner

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on what the operation declared."""
        sending = sending_of(request)
        scope = sending.scope
        sending.content = await content_of(request)
        parts = tuple(self._dialect.classify(request))
        if why := mismatch(parts, scope.operation):
            raise _denied(request, scope, why)
        sending.read_as(parts)
        scope.meter.requests += 1
        return await self._inner.handle_async_request(request)


def _denied(request: httpx2.Request, scope: CallScope, why: str) -> Denied:
    operation = scope.operation
    declared = ", ".join(sorted(operation.effects)) or "read"
    return Denied(
        f"A {request.method} request of {operation.tool!r} was not sent: {why}, but the call declared {declared} on "
        f"{operation.target}. Call a tool that declares it.",
        code="effect_mismatch",
        subject=operation.tool,
        object=operation.target,
    )
