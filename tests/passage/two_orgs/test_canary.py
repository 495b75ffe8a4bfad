"""Personal values of people in the EU never reach a consumer in the US, whatever it asks."""

import asyncio
import base64
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from pysnc import ServiceNowClient
from pysnc import exceptions as pysnc_errors
from tests.conftest import CEDAR, ITSM
from tests.passage.conftest import FastClock

from isthmus.core.errors import IsthmusError
from isthmus.core.files import File
from isthmus.core.results import Result, as_json
from isthmus.plugins.sandbox.journal import Entry

from . import canaries as canaries_of
from . import terrain as terrain_of
from .canaries import Canaries
from .conftest import Desk, TwoOrgs
from .walk import BRIDGE, Walk

EXCEPTIONS = tuple(kind for kind in vars(pysnc_errors).values() if isinstance(kind, type))

OVERLAY = 'fields = { "Case.Subject" = { classes = ["pii", "free_text"] }, "Lead.Company" = { classes = ["pii"] } }'
"""The org calls both fields internal although people's names are in them: the operator knows better."""


DEEDS = """
@id("deeds") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"load", Isthmus::Action::"attach", Isthmus::Action::"download", Isthmus::Action::"execute"],
  resource in Isthmus::System::"crm");
"""


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
    canaries = Canaries(canaries_of.salesforce(sandbox))
    value = next(one for one in canaries.values if "ö" in one and len(one) > 12)
    assert value in canaries.found(f"before {spell(value)} after")


async def test_a_consumer_in_the_eu_sees_them(house: TwoOrgs, eu: Desk):
    canaries = Canaries(canaries_of.salesforce(house.sandbox))
    page = await eu.query("Contact", ["Name", "Email", "Phone", "MailingStreet", "MailingCity"], limit=200)
    assert len(canaries.found(json.dumps(as_json(page)))) > 100


async def test_a_consumer_in_the_eu_sees_those_of_the_other_system(house: TwoOrgs):
    with_itsm(house)
    canaries = Canaries(canaries_of.servicenow(house.sandbox))
    async with house.open() as gateway:
        desk = Desk(gateway, house.caller("eu"), "itsm")
        page = await desk.query("customer_contact", ["name", "email", "phone", "street", "u_national_id"], limit=200)
        tickets = await desk.query("incident", ["description"], limit=200)
    assert len(canaries.found(json.dumps(as_json(page)))) > 300
    assert len(canaries.found(json.dumps(as_json(tickets)))) > 100


def with_itsm(house: TwoOrgs) -> None:
    """Give the company an instance in the EU, and its people there the same rules."""
    instance = house.sandbox.servicenow["eu"]
    house.environ["ITSM_PASSWORD"] = instance.password("admin")
    house.edit = lambda text: text + ITSM.format(url=instance.url, username="admin")
    house.cedar = CEDAR + CEDAR.replace("crm", "itsm").replace('@id("', '@id("itsm-')


@dataclass
class Saying:
    """What a call said, and by what name its outcome counts."""

    outcome: str
    text: str
    result: Result | None = None


async def ask(desk: Desk, tool: str, arguments: dict[str, object]) -> Saying:
    try:
        if tool == BRIDGE:
            snow = desk.gateway.session(desk.caller).pysnc(desk.system)
            return Saying("bridge answered", await asyncio.to_thread(bridged, snow, arguments))
        result = await desk.call(tool, **arguments)
        if isinstance(result, File):
            with result:
                return Saying("download answered", f"{json.dumps(as_json(result))} {result.read()!r}")
    except (IsthmusError, *EXCEPTIONS) as error:
        return Saying(type(error).__name__, "\n".join(told(error)))
    return Saying(f"{tool} answered", json.dumps(as_json(result), ensure_ascii=False), result)


def bridged(snow: ServiceNowClient, asked: dict[str, object]) -> str:
    """Do with PySNC what is asked, and return all that it then holds."""
    found = snow.GlideRecord(str(asked["object"]), batch_size=20)
    if "conditions" not in asked:
        if asked["id"] and not found.get(str(asked["id"]).rpartition("~")[2]):
            return "none"
        if "values" in asked:
            if not asked["id"]:
                found.initialize()
            for name, value in asked["values"].items():
                found.set_value(name, value)
            (found.update if asked["id"] else found.insert)()
        return repr(found.serialize(display_value="both"))
    found.fields = asked["fields"] or None
    for condition in asked["conditions"]:
        found.add_query(*condition)
    if asked["order"]:
        found.order_by(asked["order"])
    found.limit = 30
    found.query()
    return repr([one.serialize(display_value="both") for one in found])


async def walk(
    house: TwoOrgs,
    calls: int,
    seed: int,
    lines: Lines,
    spans: InMemorySpanExporter,
    patch: pytest.MonkeyPatch,
    system: str = "crm",
) -> dict[str, int]:
    """Make random calls as a consumer in the US, and look for canaries in all that comes of them."""
    house.clock = FastClock(200.0)
    if system == "crm":
        house.extra = OVERLAY
    else:
        with_itsm(house)
    canaries = Canaries((canaries_of.salesforce if system == "crm" else canaries_of.servicenow)(house.sandbox))
    assert len(canaries.values) > 300
    terrain = (terrain_of.salesforce if system == "crm" else terrain_of.servicenow)(house.sandbox)
    if system == "crm":
        house.cedar += DEEDS
    else:
        house.cedar += DEEDS.replace("crm", "itsm")
    temporary = house.folder.with_name("temporary")
    temporary.mkdir()
    patch.setattr(tempfile, "tempdir", str(temporary))
    start = house.mark()
    path, outcomes = Walk(terrain, random.Random(seed)), dict[str, int]()
    async with house.open() as gateway:
        desk = Desk(gateway, house.caller("us"), system)
        for number in range(calls):
            tool, arguments = path.step()
            found = await ask(desk, tool, arguments)
            if found.result is not None:
                path.learn(tool, arguments, found.result)
            outcomes[found.outcome] = outcomes.get(found.outcome, 0) + 1
            said = (
                found.text + "\n".join(lines.lines) + "\n".join(span.to_json() for span in spans.get_finished_spans())
            )
            lines.lines.clear()
            spans.clear()
            assert not canaries.found(said), (number, tool, arguments, canaries.found(said))
        view = gateway.parts.journal.view()
        entries = [json.dumps(one.leaf, ensure_ascii=False) for one in view.entries(0, view.size)]
        asked = [f"{one.summary} {one.asked_of}" for one in view.approvals()]
        assert entries
        assert not canaries.found("\n".join(entries + asked))
    assert not canaries.found(export(house))
    assert not held_on_disk(house.folder / "state", canaries)
    assert not list(temporary.rglob("*")), "a file that was carried is left on disk"
    outcomes["an org repeated a value in its refusal"] = sum(map(repeats, house.sent(start)))
    return outcomes


def export(house: TwoOrgs) -> str:
    """Return what the command line tells of the log."""
    command = [str(Path(sys.executable).with_name("isthmus")), "audit", "show", "--last", "100000", "--json"]
    config = ["--config", str(house.folder / "isthmus.toml")]
    done = subprocess.run(
        [*command, *config], capture_output=True, text=True, check=True, env=os.environ | house.environ
    )
    assert json.loads(done.stdout)
    return done.stdout + done.stderr


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


async def test_150_random_calls_release_none(
    house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
):
    outcomes = await walk(house, 150, 20, lines, spans, monkeypatch)
    answered = sum(count for what, count in outcomes.items() if what.endswith("answered"))
    print(outcomes)
    assert answered > 40
    assert {"export answered", "changes answered", "load answered"} <= outcomes.keys()


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_1000_random_calls_release_none(
    house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, seed: int
):
    outcomes = await walk(house, 1000, seed, lines, spans, monkeypatch)
    assert {"ResidencyError", "InvalidArguments", "ApprovalRequired", "Denied", "UpstreamRejected"} <= outcomes.keys()
    assert {"query answered", "get answered", "create answered", "update answered"} <= outcomes.keys()
    print(outcomes)


async def test_random_calls_over_the_other_system_release_none(
    house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch
):
    outcomes = await walk(house, 150, 4, lines, spans, monkeypatch, "itsm")
    print(outcomes)
    assert sum(count for what, count in outcomes.items() if what.endswith("answered")) > 40
    assert outcomes["bridge answered"] > 4


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_1000_random_calls_over_the_other_system_release_none(
    house: TwoOrgs, lines: Lines, spans: InMemorySpanExporter, monkeypatch: pytest.MonkeyPatch, seed: int
):
    outcomes = await walk(house, 1000, seed, lines, spans, monkeypatch, "itsm")
    assert {"ResidencyError", "InvalidArguments", "Denied", "UpstreamRejected"} <= outcomes.keys()
    assert {
        "bridge answered",
        "query answered",
        "get answered",
        "create answered",
        "update answered",
    } <= outcomes.keys()
    print(outcomes)
