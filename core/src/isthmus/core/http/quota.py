"""Has every attempt its permit, and does the budget hear what the org answered?"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime

import httpx2

from isthmus.core.budgets import Budget, Permit
from isthmus.core.errors import QuotaExhausted, RetryLater
from isthmus.core.http.answer import answer_of
from isthmus.core.http.effect import Dialect
from isthmus.core.http.faults import fault_of, pause_of
from isthmus.core.http.scope import CallScope, sending_of
from isthmus.core.resilience import Clock, FaultKind, http_date

__all__ = ["BudgetGate", "ByQuota"]


class BudgetGate(httpx2.AsyncBaseTransport):
    """Uses the permit that the call reserved, then one more for every further request, retry and replay."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        dialect: Dialect,
        budget: Budget,
        *,
        clock: Clock,
        cost: Callable[[httpx2.Request], int],
    ) -> None:
        self._inner = inner
        self._dialect = dialect
        self._budget = budget
        self._clock = clock
        self._cost = cost

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on with a permit, and learn from the answer."""
        sending = sending_of(request)
        scope = sending.scope
        permit = await self._permit(scope, self._cost(request))
        before = sending.sends
        try:
            response = await self._inner.handle_async_request(request)
            self._learn(response, permit)
            return response
        finally:
            sent = sending.sends > before
            scope.meter.quota_spent += permit.cost if sent else 0
            permit.finish(sent=sent)

    async def _permit(self, scope: CallScope, cost: int) -> Permit:
        if scope.permit is not None and scope.permit.cost >= cost and scope.permit.use():
            return scope.permit
        try:
            permit = await self._budget.acquire(cost, scope.agent, scope.deadline, scope.waiting)
        except QuotaExhausted as error:
            if not scope.meter.sends:
                raise
            # A part of this call has left already, so it is no longer a refusal.
            after = None if error.resets_at is None else error.resets_at.timestamp() - self._clock.time()
            raise RetryLater(
                error.sentence, after=after, quota=True, subject=scope.operation.tool, object=scope.operation.target
            ) from error
        permit.use()
        return permit

    def _learn(self, response: httpx2.Response, permit: Permit) -> None:
        readings = tuple(self._dialect.quota(answer_of(response)))
        dated = any(reading.resets_at and not reading.at for reading in readings)
        self._budget.learn(readings, permit, at=http_date(response.headers.get("date", "")) if dated else None)
        fault, now = fault_of(self._dialect, response), self._clock.time()
        if fault is None or fault.kind not in (FaultKind.QUOTA, FaultKind.THROTTLE):
            self._budget.succeeded()
            return
        asked = pause_of(response, now)
        if fault.kind is FaultKind.THROTTLE:
            self._budget.throttled(asked)
        else:
            self._budget.exhausted(None if asked is None else datetime.fromtimestamp(now + asked, UTC))


class ByQuota(httpx2.AsyncBaseTransport):
    """Leads each call to the gate of the quota that it uses, where a system counts several apart."""

    def __init__(self, gates: Mapping[str, httpx2.AsyncBaseTransport], quota_of: Callable[[str], str]) -> None:
        self._gates = gates
        self._quota_of = quota_of

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on by the object of the call."""
        quota = self._quota_of(sending_of(request).scope.operation.object)
        return await self._gates[quota].handle_async_request(request)
