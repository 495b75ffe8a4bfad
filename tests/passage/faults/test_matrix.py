"""Every fault of the sandbox against every verb: is the outcome the one that the vendor's signal demands?"""

import asyncio
import contextlib
import os
import shutil
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest
from tests.passage.conftest import FastClock, Home

from isthmus.core.errors import RetryLater, VersionConflict
from isthmus.plugins.sandbox import Sandbox

from . import salesforce_errands, servicenow_errands
from .cell import Cell
from .outcomes import Mishap, Signal, expected
from .page import page
from .salesforce import SALESFORCE
from .servicenow import SERVICENOW
from .staging import staged
from .subject import Subject
from .verbs import Stage, Verb

SUBJECTS = (SALESFORCE, SERVICENOW)
COURSES = {SALESFORCE.name: salesforce_errands.COURSES, SERVICENOW.name: servicenow_errands.COURSES}
SHARE = 4
"""How many verbs pass one gateway: enough to see what gets stuck, few enough for its budget of retries."""
EVERY = 6
"""CI makes every sixth call, others of each row; the soak makes all."""
PAGE = Path(__file__).parents[3] / "docs" / "fault-matrix.md"
ROWS = [
    pytest.param(subject, number, id=f"{subject.name}: {mishap.name}")
    for subject in SUBJECTS
    for number, mishap in enumerate(subject.mishaps)
    if mishap.signal is not Signal.JOB  # it befalls errands alone
]
EACH = pytest.mark.parametrize("subject", SUBJECTS, ids=lambda subject: subject.name)
Open = Callable[[Subject], Home]


@pytest.fixture
def home(sandbox: Sandbox, tmp_path: Path) -> Iterator[Open]:
    """Open a house over a subject's sandbox."""
    yield lambda subject: subject.home(tmp_path / "house", sandbox)
    shutil.rmtree(tmp_path, ignore_errors=True)


@EACH
def test_each_fault_of_the_sandbox_has_its_row(subject: Subject) -> None:
    rows = {mishap.kind for mishap in subject.mishaps}
    missing = sorted(subject.switches - rows - subject.beyond)
    assert not missing, f"say in {subject.name.lower()}.py what must come of {', '.join(missing)}"
    assert rows | subject.beyond <= subject.switches
    assert len({mishap.name for mishap in subject.mishaps}) == len(subject.mishaps)


def test_the_page_says_what_is_expected() -> None:
    if os.environ.get("ISTHMUS_WRITE"):
        PAGE.write_text(page(SUBJECTS, COURSES), encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page(SUBJECTS, COURSES), (
        "write it anew: ISTHMUS_WRITE=1 uv run pytest tests/passage/faults"
    )


@pytest.mark.parametrize(
    ("subject", "kind"),
    [pytest.param(subject, kind, id=kind) for subject in SUBJECTS for kind in subject.throttles],
)
async def test_throttles_do_not_open_the_breaker(home: Open, subject: Subject, kind: str) -> None:
    """Twelve server errors in so short a time would."""
    clock, house = FastClock(10), home(subject)
    async with house.open(clock) as gateway:
        stage = Stage(house, gateway, clock, subject.plain)
        await stage.works()
        since, began = house.mark(), clock.monotonic()
        house.org.faults.arm(kind, times=12)
        while house.org.faults.armed():
            with contextlib.suppress(RetryLater):
                await stage.works()
        assert clock.monotonic() - began < 30, "too slow to show anything"
        await stage.works()
    assert [entry.fault for entry in house.sent(since=since)].count(kind) == 12


@EACH
@pytest.mark.parametrize("tool", ["update", "delete"])
async def test_a_write_that_had_to_wait_leaves_alone_what_others_did_meanwhile(
    home: Open, subject: Subject, tool: str
) -> None:
    # The pause is of random length, and somebody has to come in between.
    clock, house = FastClock(0.01), home(subject)
    async with house.open(clock) as gateway:
        stage = Stage(house, gateway, clock, subject.plain)
        record = await subject.record(stage)
        method, values = ("DELETE", {}) if tool == "delete" else ("PATCH", {"values": {subject.texts[0]: "ours"}})
        house.org.faults.arm(subject.throttles[-1], method=method)
        task = asyncio.create_task(stage.call(tool, object=subject.object, id=record, **values))
        while not house.sent(method):  # noqa: ASYNC110 - the sandbox has no event for it
            await asyncio.sleep(0.005)
        await subject.change(house, stage.id(record))
        clock.hurry(50)
        with pytest.raises(VersionConflict):
            await task
    changed = [entry for entry in house.sent() if entry.effects and stage.id(record) in entry.path]
    assert len(changed) == 1
    assert "theirs" in changed[0].body


async def check(
    subject: Subject, house: Home, mishap: Mishap, verbs: Sequence[Verb], patch: pytest.MonkeyPatch
) -> None:
    """Let each verb meet the fault, and compare what came of it with what the page says."""
    wrong = []
    for first in range(0, len(verbs), SHARE):
        async with staged(subject, house, mishap) as stage:
            for verb in filter(mishap.tried, verbs[first : first + SHARE]):
                subject.ready(verb, patch)
                try:
                    found = await Cell(stage, mishap, verb).run()
                except Exception as error:
                    error.add_note(f"while {verb.name} met {mishap.name}")
                    raise
                if found != (due := expected(mishap, verb)):
                    wrong.append(f"{verb.name}:\n  due   {due}\n  found {found}")
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(("subject", "number"), ROWS)
async def test_a_share_of_the_matrix(
    home: Open, subject: Subject, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mishap, verbs = subject.mishaps[number], list(subject.verbs.values())
    concerned = [verb for verb in verbs if mishap.concerns(verb)]
    others = [verb for verb in verbs if not mishap.concerns(verb)]
    some = concerned[number % EVERY :: EVERY] or concerned[:1]
    await check(subject, home(subject), mishap, [*some, *others[number % EVERY :: 3 * EVERY]], monkeypatch)


@pytest.mark.soak
@pytest.mark.timeout(600)
@pytest.mark.parametrize(("subject", "number"), ROWS)
async def test_the_whole_matrix(home: Open, subject: Subject, number: int, monkeypatch: pytest.MonkeyPatch) -> None:
    verbs = list(subject.verbs.values())
    await check(subject, home(subject), subject.mishaps[number], verbs, monkeypatch)
