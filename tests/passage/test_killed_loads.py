"""Killed in the middle of a load, again and again: is every line there once, and told, when the same load ends at last?"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest

from isthmus.core.assembly import open_keys
from isthmus.core.config import load_config
from isthmus.core.journal.verify import Finding, verify

from .conftest import CEDAR, FastClock, Home
from .test_kill import ROUND
from .workers import Worker

LOADS = CEDAR + '@id("loads") permit (principal is Isthmus::Agent, action == Isthmus::Action::"load", resource);'


@dataclass
class Figures:
    """What happened to a load: `states` are those of its jobs in the org, after each kill."""

    lines: int
    kills: int = 0
    seconds: float = 0.0
    states: list[str] = field(default_factory=list)


@pytest.fixture
def worker(house: Home) -> Iterator[Worker]:
    house.cedar = LOADS
    with Worker(house) as worker:
        yield worker


def check(house: Home, key: str, lines: int) -> None:
    """Compare what was told of each line with what the org holds."""
    told = json.loads((house.folder / f"{key}.json").read_text())
    held = {row["Id"]: row["LastName"] for row in house.org.rows("Lead") if str(row["LastName"]).startswith(f"{key} ")}
    times = Counter(held.values())
    assert len(held) == len(times) == lines, f"{len(held)} records of {len(times)} of {lines} lines"
    assert [held.get(one) for one in told] == [f"{key} {number}" for number in range(lines)]


async def reached(house: Home, requests: int, since: int) -> None:
    """Wait until the org has answered so many requests, or the load has ended."""
    while len(house.sent(since=since)) < requests and not (house.folder / "killed.json").exists():  # noqa: ASYNC110
        await asyncio.sleep(0.002)


async def killed(house: Home, worker: Worker, lines: int, kills: int, chance: random.Random) -> Figures:
    """Load, with kills at random requests; each new process begins once the lease of the last one has run out."""
    figures, jobs, began = Figures(lines), set(house.org.jobs.ingest), time.monotonic()
    while figures.kills < kills and not (house.folder / "killed.json").exists():
        worker.start(figures.kills * ROUND)
        since = house.mark()
        worker.load("killed", lines)
        await reached(house, chance.randrange(9), since)
        await asyncio.sleep(chance.random() * 0.05)
        worker.kill()
        figures.kills += 1
        # What the killed process had already handed to the kernel still arrives.
        await asyncio.sleep(0.1)
        figures.states.append(" ".join(one.state for id, one in house.org.jobs.ingest.items() if id not in jobs))
    worker.start(figures.kills * ROUND)
    worker.load("killed", lines)
    worker.hear("loaded")
    worker.end()
    figures.seconds = time.monotonic() - began
    check(house, "killed", lines)
    await check_log(house, (figures.kills + 1) * ROUND)
    return figures


async def check_log(house: Home, ahead: float) -> None:
    """No intent is left open, and the log verifies."""
    async with house.open(FastClock(100, ahead)) as gateway:
        assert gateway.parts.journal.view().open_intents() == ()
        note, trusted = await gateway.parts.journal.checkpoint(), gateway.parts.journal.verification_key
    keyring = open_keys(load_config(house.folder / "isthmus.toml"), house.environ)
    with keyring.secrets:
        path = house.folder / "state" / "journal.db"
        report = verify(path, [trusted], older=[note], sealing=keyring.journal.sealing)
    assert report.finding is Finding.OK, report


async def test_killed_in_the_middle_of_a_load(house: Home, worker: Worker) -> None:
    figures = await killed(house, worker, 300, 2, random.Random(1))
    assert figures.kills == 2


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_killed_many_times_in_a_load_of_50_000_lines(house: Home, worker: Worker) -> None:
    figures = await killed(house, worker, 50_000, 8, random.Random(3))
    print(figures)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(10))
async def test_killed_often_in_smaller_loads(house: Home, worker: Worker, seed: int) -> None:
    print(await killed(house, worker, 1_000, 4, random.Random(seed)))
