"""Personal values of people in the EU never reach a consumer in the US, whatever it asks."""

import base64
import json
import logging
import random
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from tests.passage.conftest import FastClock

from isthmus.core.errors import IsthmusError
from isthmus.core.results import as_json
from isthmus.plugins.sandbox.journal import Entry

from .canaries import Canaries
from .conftest import Desk, TwoOrgs
from .walk import Walk

OVERLAY = 'fields = { "Case.Subject" = { classes = ["pii", "free_text"] }, "Lead.Company" = { classes = ["pii"] } }'
"""The org calls both fields internal although people's names are in them: the operator knows better."""


class Lines(logging.Handler):
    """Everything that any logger says."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("uvicorn"):  # the org's own log, at home
            self.lines.append(f"{self.format(record)} {vars(record)!r}")


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler, root = Lines(), logging.getLogger()
    before = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield handler
    root.setLevel(before)
    root.removeHandler(handler)


@pytest.fixture
def spans() -> Iterator[InMemorySpanExporter]:
    provider = trace.get_tracer_provider()
    if not isinstance(provider, TracerProvider):
        provider = TracerProvider()
        trace.set_tracer_provider(provider)
    exporter = InMemorySpanExporter()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    yield exporter
    exporter.shutdown()


def told(error: BaseException | None) -> Iterator[str]:
    """Yield all that an error and what caused it say."""
    while error is not None:
        yield f"{error} {error.args!r}"
        if isinstance(error, IsthmusError):
            yield json.dumps(error.details(), ensure_ascii=False)
            yield error.vendor_text
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)


@pytest.mark.parametrize(
    "spell", [str, lambda v: json.dumps(v), quote, lambda v: base64.b64encode(b"a" + v.encode()).decode()]
)
def test_the_search_for_canaries_sees_through_spellings(sandbox, spell):
    canaries = Canaries(sandbox)
    value = next(one for one in canaries.values if "ö" in one and len(one) > 12)
    assert value in canaries.found(f"before {spell(value)} after")


async def test_a_consumer_in_the_eu_sees_them(house: TwoOrgs, eu: Desk):
    canaries = Canaries(house.sandbox)
    page = await eu.query("Contact", ["Name", "Email", "Phone", "MailingStreet", "MailingCity"], limit=200)
    text = json.dumps(as_json(page))
    assert len(canaries.found(text)) > 100


async def walk(house: TwoOrgs, calls: int, seed: int, lines: Lines, spans: InMemorySpanExporter) -> dict[str, int]:
    house.extra = OVERLAY
    house.clock = FastClock(200.0)
    canaries = Canaries(house.sandbox)
    assert len(canaries.values) > 300
    start = house.mark()
    path, outcomes = Walk(house.sandbox, random.Random(seed)), dict[str, int]()
    async with house.open() as gateway:
        desk = Desk(gateway, house.caller("us"))
        for number in range(calls):
            tool, arguments = path.step()
            try:
                result = await desk.call(tool, **arguments)
            except IsthmusError as error:
                outcome, said = type(error).__name__, "\n".join(told(error))
            else:
                path.learn(arguments, result)
                outcome, said = f"{tool} answered", json.dumps(as_json(result), ensure_ascii=False)
            outcomes[outcome] = outcomes.get(outcome, 0) + 1
            said += "\n".join(lines.lines) + "\n".join(span.to_json() for span in spans.get_finished_spans())
            lines.lines.clear()
            spans.clear()
            assert not canaries.found(said), (number, tool, arguments, canaries.found(said))
        view = gateway.parts.journal.view()
        entries = [json.dumps(one.leaf, ensure_ascii=False) for one in view.entries(0, view.size)]
        asked = [f"{one.summary} {one.asked_of}" for one in view.approvals()]
        assert entries
        assert not canaries.found("\n".join(entries + asked))
    assert not held_on_disk(house.folder / "state", canaries)
    outcomes["an org repeated a value in its refusal"] = sum(map(repeats, house.sent(start)))
    return outcomes


def repeats(sent: tuple[str, Entry]) -> bool:
    """Tell whether the org refused a write with a text that names the value it did not like."""
    return sent[1].method in ("POST", "PATCH") and sent[1].error in (
        "INVALID_EMAIL_ADDRESS",
        "STRING_TOO_LONG",
        "JSON_PARSER_ERROR",
    )


def held_on_disk(folder: Path, canaries: Canaries) -> set[str]:
    """Return the canaries in the bytes of any file: what the zone keeps is sealed."""
    text = "".join(one.read_bytes().decode("utf-8", "replace") for one in folder.rglob("*") if one.is_file())
    return {value for value in canaries.values if len(value) > 8 and value in text}


async def test_150_random_calls_release_none(house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter):
    outcomes = await walk(house, 150, 20, lines, spans)
    answered = sum(count for what, count in outcomes.items() if what.endswith("answered"))
    assert answered > 40
    assert len(outcomes) > 8


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_1000_random_calls_release_none(house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter, seed: int):
    outcomes = await walk(house, 1000, seed, lines, spans)
    assert {"ResidencyError", "InvalidArguments", "ApprovalRequired", "Denied", "UpstreamRejected"} <= outcomes.keys()
    assert {"query answered", "get answered", "create answered", "update answered"} <= outcomes.keys()
    print(outcomes)
