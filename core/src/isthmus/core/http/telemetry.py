"""What do operators see of an attempt, without seeing any value?"""

import logging
import re
import time

import httpx2
from opentelemetry.trace import (
    INVALID_SPAN,
    ProxyTracerProvider,
    Span,
    SpanKind,
    Status,
    StatusCode,
    Tracer,
    get_tracer,
    get_tracer_provider,
)

from isthmus.core.http.answer import answer_of
from isthmus.core.http.scope import CallScope, Sending, sending_of

__all__ = ["Telemetry", "tracing"]

LOG = logging.getLogger("isthmus.http")
_ID = re.compile(r"[\x21-\x7e]{1,128}")


class _Tracing:
    """Tells whether anybody has set up tracing; without, even a span that does nothing has its price.

    While nobody has, that is looked up once a second: OpenTelemetry reads the environment every time it is asked.
    """

    def __init__(self) -> None:
        self._on = False
        self._again = 0.0

    def __call__(self) -> bool:
        if not self._on and (now := time.monotonic()) >= self._again:
            self._on = not isinstance(get_tracer_provider(), ProxyTracerProvider)
            self._again = now + 1.0
        return self._on


tracing = _Tracing()


class Telemetry(httpx2.AsyncBaseTransport):
    """A span and a log line for each attempt (names of the OpenTelemetry HTTP conventions), and the call's meter.

    Paths, queries, headers and bodies are left out: they hold ids and values.
    """

    def __init__(
        self, inner: httpx2.AsyncBaseTransport, *, request_ids: tuple[str, ...], tracer: Tracer | None = None
    ) -> None:
        """`request_ids` are the headers in which the system names its own request."""
        self._inner = inner
        self._request_ids = request_ids
        self._own = tracer is not None
        self._tracer = tracer or get_tracer("isthmus.core.http")

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Pass on and take note."""
        sending = sending_of(request)
        scope = sending.scope
        scope.meter.attempts += 1
        scope.meter.bytes_out += sending.size
        span = self._span(request, scope, sending) if self._own or tracing() else INVALID_SPAN
        outcome = "cancelled"
        try:
            response = await self._inner.handle_async_request(request)
            outcome = str(response.status_code)
            span.set_attribute("http.response.status_code", response.status_code)
            self._meter(scope, response)
            return response
        except Exception as error:
            outcome = type(error).__name__
            span.set_attribute("error.type", outcome)
            span.set_status(Status(StatusCode.ERROR))
            raise
        finally:
            span.end()
            if LOG.isEnabledFor(logging.DEBUG):
                LOG.debug(
                    "%s %s: %s (attempt %d of call %s)",
                    request.method,
                    request.url.host,
                    outcome,
                    sending.attempts,
                    scope.correlation_id,
                    extra={"correlation_id": scope.correlation_id},
                )

    def _span(self, request: httpx2.Request, scope: CallScope, sending: Sending) -> Span:
        attributes: dict[str, str | int] = {
            "http.request.method": request.method,
            "server.address": request.url.host,
            "http.request.resend_count": sending.attempts - 1,
            "isthmus.connection": scope.principal.connection,
            "isthmus.correlation_id": scope.correlation_id,
        }
        return self._tracer.start_span(request.method, kind=SpanKind.CLIENT, attributes=attributes)

    def _meter(self, scope: CallScope, response: httpx2.Response) -> None:
        meter = scope.meter
        answer = answer_of(response)
        meter.bytes_in += len(answer.body) if answer.filed is None else answer.filed
        meter.statuses.append(answer.status)
        for name in self._request_ids:
            if (found := answer.headers.get(name, "")) and _ID.fullmatch(found):
                meter.upstream_ids.append(found)
                return
