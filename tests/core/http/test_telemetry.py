import logging

import pytest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from isthmus.core.errors import IsthmusError
from isthmus.core.http import path

CANARY = "canary-7f3a"


@pytest.fixture
def spans():
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    return exporter, provider.get_tracer("test")


async def test_a_span_for_each_attempt_with_the_correlation_id(connect, upstream, reply, spans, sleep_log):
    exporter, tracer = spans
    upstream.script.append(reply(503))
    await connect(upstream.url, tracer=tracer, clock=sleep_log).http().get(path("/Ticket/{}", "1"))
    first, second = exporter.get_finished_spans()
    assert first.attributes["http.response.status_code"] == 503
    assert second.attributes["http.request.resend_count"] == 1
    assert {span.attributes["isthmus.correlation_id"] for span in (first, second)} == {"c0ffee"}


@pytest.mark.parametrize("status", [200, 400, 401, 403, 404, 429, 500, 503])
async def test_no_value_and_no_secret_in_traces_logs_or_errors(
    connect, upstream, reply, spans, sleep_log, caplog, status
):
    exporter, tracer = spans
    caplog.set_level(logging.DEBUG)
    upstream.script.extend([reply(status, CANARY.encode(), X_Request_Id="req-1")] * 3)
    connection = connect(upstream.url, tracer=tracer, clock=sleep_log)
    http = connection.http("update")
    said = ""
    try:
        await http.patch(path("/Ticket/{}", "1"), params={"q": CANARY}, json={"a": CANARY}, headers={"x-note": CANARY})
    except IsthmusError as error:
        said = f"{error!r}{error}{error.details()}{error.__cause__!r}"
    told = said + caplog.text + "".join(span.to_json() for span in exporter.get_finished_spans())
    assert CANARY not in told
    assert "token-" not in told
    assert "c0ffee" in caplog.text
    assert http.scope.meter.upstream_ids[0] == "req-1"
    assert http.scope.meter.bytes_out > 0
    assert http.scope.meter.bytes_in > 0
