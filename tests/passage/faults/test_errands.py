"""Every fault of the sandbox against each request of the verbs that take several: does it end whole, or say so?"""

import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.passage.conftest import CEDAR, Home

from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.servicenow import ServiceNow
from isthmus.plugins.sandbox import Sandbox

from . import salesforce_errands, servicenow_errands
from .errands import Aim, Course, allowed
from .outcomes import Mishap, Signal
from .salesforce import SALESFORCE
from .servicenow import SERVICENOW
from .staging import staged
from .subject import Subject
from .trial import Trial

ALLOWED = """
@id("deep") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"load", Isthmus::Action::"attach", Isthmus::Action::"download", Isthmus::Action::"execute"],
  resource in Isthmus::System::"crm");
"""
SHARE = 8
"""How many errands pass one gateway: few enough for its budget of retries."""
EVERY = 18


@dataclass(frozen=True)
class Ground:
    """One system with the errands that it runs."""

    subject: Subject
    courses: Sequence[Course]
    ready: Callable[[Course, pytest.MonkeyPatch], None]

    def house(self, folder: Path, sandbox: Sandbox) -> Home:
        cedar = (CEDAR + ALLOWED).replace("crm", self.subject.home.system)
        return self.subject.home(folder, sandbox, cedar=cedar, extra='file_classes = ["free_text", "pii"]')

    def pairs(self, course: Course) -> Sequence[tuple[Mishap, Aim]]:
        """Pair each fault with each request that it can hit."""
        return [(mishap, aim) for mishap in self.subject.mishaps for aim in course.aims if aim.meets(mishap)]


GROUNDS = (
    Ground(SALESFORCE, salesforce_errands.COURSES, salesforce_errands.ready),
    Ground(SERVICENOW, servicenow_errands.COURSES, servicenow_errands.ready),
)
EACH = pytest.mark.parametrize(
    ("ground", "number"),
    [
        pytest.param(ground, number, id=f"{ground.subject.name}: {course.name}")
        for ground in GROUNDS
        for number, course in enumerate(ground.courses)
    ],
)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "house"
    shutil.rmtree(tmp_path, ignore_errors=True)


def shares(pairs: Sequence[tuple[Mishap, Aim]]) -> Iterator[Sequence[tuple[Mishap, Aim]]]:
    """Split into what one gateway can take, with one deadline and one patience."""
    alike: dict[tuple[float, float], list[tuple[Mishap, Aim]]] = {}
    for mishap, aim in pairs:
        alike.setdefault((mishap.deadline, mishap.patience), []).append((mishap, aim))
    for some in alike.values():
        yield from (some[first : first + SHARE] for first in range(0, len(some), SHARE))


async def check(ground: Ground, house: Home, course: Course, pairs: Sequence[tuple[Mishap, Aim]]) -> None:
    """Let each request meet the fault, and compare what came of it with what the class of its signal allows."""
    wrong = []
    for some in shares(pairs):
        async with staged(ground.subject, house, some[0][0]) as stage:
            for mishap, aim in some:
                try:
                    found = await Trial(stage, mishap, course, aim).run()
                except Exception as error:
                    error.add_note(f"while {course.name} met {mishap.name} at {aim.name!r}")
                    raise
                if found is not None and found not in (due := allowed(mishap, course, aim)):
                    wrong.append(f"{mishap.name} at {aim.name!r}: {found}, not {' or '.join(sorted(due))}")
    assert not wrong, "\n".join(wrong)


@EACH
async def test_a_share_of_the_errands(
    sandbox: Sandbox, folder: Path, ground: Ground, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = ground.courses[number]
    ground.ready(course, monkeypatch)
    pairs = [one for one in ground.pairs(course) if one[0].deadline > 60]
    # What befalls bulk work alone always has its turn.
    some = [one for at, one in enumerate(pairs) if at % EVERY == number % EVERY or one[0].signal is Signal.JOB]
    await check(ground, ground.house(folder, sandbox), course, some)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@EACH
async def test_all_errands(
    sandbox: Sandbox, folder: Path, ground: Ground, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    course = ground.courses[number]
    ground.ready(course, monkeypatch)
    await check(ground, ground.house(folder, sandbox), course, ground.pairs(course))


@pytest.mark.parametrize("ground", GROUNDS, ids=lambda ground: ground.subject.name)
def test_each_verb_has_an_errand(ground: Ground) -> None:
    connector = {"Salesforce": Salesforce, "ServiceNow": ServiceNow}[ground.subject.name]
    verbs = {"export", "changes", "load", "attach", "download", "invoke"} & connector.verbs()
    assert verbs == {course.name.partition(" ")[0] for course in ground.courses}
