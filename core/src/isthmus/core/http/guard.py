"""Is the system well enough, and how did it do this time?"""

import asyncio
from collections.abc import Callable

import httpx2

from isthmus.core.errors import RetryLater
from isthmus.core.http.effect import Dialect
from isthmus.core.http.faults import UNSURE, WireFault, fault_of
from isthmus.core.http.scope import sending_of
from isthmus.core.resilience import Admission, Breakers, FaultKind

__all__ = ["BreakerGate"]

BUSY = (FaultKind.QUOTA, FaultKind.THROTTLE)


class BreakerGate(httpx2.AsyncBaseTransport):
    """Asks the breaker of the org and class of operations last, just before the wire."""

    def __init__(
        self,
        inner: httpx2.AsyncBaseTransport,
        dialect: Dialect,
        breakers: Breakers,
        org: str,
        *,
        operations: Callable[[httpx2.Request], str],
    ) -> None:
        self._inner = inner
        self._dialect = dialect
        self._breakers = breakers
        self._org = org
        self._operations = operations

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on unless the breaker is open."""
        sending = sending_of(request)
        scope, writes = sending.scope, sending.writes
        breaker = self._breakers.of(self._org, self._operations(request))
        admission = breaker.admit(read=not writes)
        if admission is None:
            raise RetryLater(
                f"{scope.operation.target} has failed too often of late and is left alone for now; nothing was sent. "
                "Repeat the call later.",
                after=breaker.wait(),
                subject=scope.operation.tool,
                object=scope.operation.target,
            )
        try:
            response = await self._inner.handle_async_request(request)
        except WireFault:
            admission.failed()
            raise
        except asyncio.CancelledError:
            # The deadline cuts by cancelling; a caller who leaves says nothing about the system.
            admission.failed() if scope.deadline.expired else admission.ignored()
            raise
        except BaseException:
            admission.ignored()
            raise
        self._judge(admission, response, writes=writes)
        return response

    def _judge(self, admission: Admission, response: httpx2.Response, *, writes: bool) -> None:
        status, fault = response.status_code, fault_of(self._dialect, response)
        if fault is None or (status < 500 and fault.kind not in BUSY):
            admission.succeeded()
        elif fault.kind in BUSY or "retry-after" in response.headers or (status == 500 and writes):
            admission.ignored()
        elif fault.kind in UNSURE:
            admission.failed()
        else:
            admission.succeeded()
