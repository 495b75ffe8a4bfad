"""Killed at any step of a create: is nothing doubled, nothing acknowledged lost, and does the audit log still verify?"""

import asyncio
import random
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import call

from isthmus.core.assembly import open_keys
from isthmus.core.config import load_config
from isthmus.core.journal.verify import Finding, verify
from isthmus.core.resilience import Clock

from .conftest import FastClock, Home
from .workers import Worker

LATER = 800.0
"""Seconds until the restart: leases have run out by then, and so has every transaction of the org."""
ROUND = 4_000.0
"""Seconds between two rounds: no clock is behind one that was used before."""
SYSCALLS = (
    "pwrite64", "fdatasync", "fsync", "flock", "sendto", "sendmsg", "recvfrom", "recvmsg", "write", "epoll_wait",
    "openat", "close", "ftruncate", "unlink",
)  # fmt: skip


@dataclass
class Tally:
    rounds: int = 0
    acknowledged: int = 0
    cut: int = 0
    had_happened: int = 0
    settled: dict[str, int] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@pytest.fixture
def worker(house: Home) -> Iterator[Worker]:
    with Worker(house) as worker:
        yield worker


async def check(house: Home, clock: Clock, done: dict[str, str], keys: list[str], tally: Tally) -> None:
    """Restart, settle, repeat every key, and compare with what the org holds."""
    # What the killed process had already handed to the kernel still arrives.
    await asyncio.sleep(0.1)
    before = {key: house.cases(Isthmus_Key__c=key) for key in keys}
    async with house.open(clock) as gateway:
        for intent in await gateway.settler.settle_all():
            tally.settled[intent.state.value] = tally.settled.get(intent.state.value, 0) + 1
        since = house.mark()
        for key in keys:
            create = {"system": "crm", "object": "Case", "key": key, "values": {"Subject": key}}
            again = await call(gateway, house.caller("eu"), "create", **create)
            rows = house.cases(Isthmus_Key__c=key)
            assert [row["Id"] for row in rows] == [again.id], f"{key} is there {len(rows)} times"
            assert done.get(key, again.id) == again.id, "an acknowledged record was lost"
            assert not before[key] or before[key] == rows
        sent = len(house.sent("POST", since))
        assert sent == sum(not rows for rows in before.values()), "a create that happened was sent again"
        assert gateway.parts.journal.view().open_intents() == ()
        note, trusted = await gateway.parts.journal.checkpoint(), gateway.parts.journal.verification_key
    tally.rounds += 1
    tally.acknowledged += len(done)
    tally.cut += len(keys) - len(done)
    tally.had_happened += sum(bool(before[key]) and key not in done for key in keys)
    tally.notes.append(note)
    keyring = open_keys(load_config(house.folder / "isthmus.toml"), house.environ)
    with keyring.secrets:
        path = house.folder / "state" / "journal.db"
        report = verify(path, [trusted], older=tally.notes[-20:], sealing=keyring.journal.sealing)
    assert report.finding is Finding.OK, report


async def timed_rounds(house: Home, worker: Worker, rounds: int, chance: random.Random) -> Tally:
    tally, took = Tally(), 0.05
    for number in range(rounds):
        ahead = number * ROUND
        worker.start(ahead)
        worker.create(f"warm-{number}")
        worker.hear("done")
        keys = [f"t{number}-{each}" for each in range(3)]
        worker.create(*keys)
        began = time.monotonic()
        await asyncio.sleep(chance.random() * took)
        done = worker.kill()
        took = min(0.3, max(0.02, (took * 4 + (time.monotonic() - began) * (1.5 if len(done) < 2 else 0.7)) / 5))
        await check(house, FastClock(100, ahead + LATER), done, keys, tally)
    return tally


async def test_killed_at_any_time(house: Home, worker: Worker) -> None:
    tally = await timed_rounds(house, worker, 5, random.Random(4))
    assert tally.rounds == 5


def steps_of_a_create(house: Home, worker: Worker, trace: Path) -> dict[str, int]:
    """Count each system call of one create, on the thread that makes most of them."""
    pid = worker.start()
    worker.create("warm")
    worker.hear("done")
    with Traced(pid, [f"trace={','.join(SYSCALLS)}"], trace):
        worker.create("counted")
        worker.hear("done")
        worker.end()
    counts: dict[tuple[str, str], int] = {}
    for line in trace.read_text().splitlines():
        thread, _, rest = line.partition(" ")
        if (name := rest.strip().partition("(")[0]) in SYSCALLS:
            counts[name, thread] = counts.get((name, thread), 0) + 1
    return {name: max(n for (other, _), n in counts.items() if other == name) for name, _ in counts}


class Traced:
    """Attach strace to a running process; leaving waits until it is gone."""

    def __init__(self, pid: int, expressions: list[str], out: Path, *options: str) -> None:
        more = [word for one in expressions for word in ("-e", one)]
        self._command = ["strace", "-f", "-o", str(out), *options, *more, "-p", str(pid)]

    def __enter__(self) -> None:
        self._strace = subprocess.Popen(self._command, stderr=subprocess.PIPE, text=True)
        said = self._strace.stderr.readline()
        if "attached" not in said:
            self._strace.kill()
            self._strace.wait()
            self._strace.stderr.close()
            pytest.skip(f"strace may not attach here: {said.strip()}")

    def __exit__(self, *_: object) -> None:
        self._strace.wait(timeout=20)
        self._strace.stderr.close()


async def stepped_rounds(house: Home, worker: Worker, rounds: int, chance: random.Random, tmp_path: Path) -> Tally:
    """Kill just before the n-th call of one kind, for so many n and kinds."""
    if shutil.which("strace") is None:
        pytest.skip("strace is not installed")
    counts, tally = steps_of_a_create(house, worker, tmp_path / "count.trace"), Tally()
    steps = [(name, at) for name, most in sorted(counts.items()) for at in range(1, most + 1)]
    assert {"fdatasync", "pwrite64"} <= set(counts), counts
    chance.shuffle(steps)
    for number in range(rounds):
        name, at = steps[number % len(steps)]
        ahead = (number + 1) * ROUND
        pid = worker.start(ahead)
        worker.create(f"warm-{number}")
        worker.hear("done")
        keys = [f"s{number}-{each}" for each in range(3)]
        with Traced(pid, [f"inject={name}:signal=KILL:when={at}"], tmp_path / "kill.trace"):
            worker.create(*keys)
            worker.tell("")
            done = worker.until_ended()
        await check(house, FastClock(100, ahead + LATER), done, keys, tally)
    print(f"{len(steps)} steps of a create: {counts}")
    return tally


async def test_killed_before_a_step(house: Home, worker: Worker, tmp_path: Path) -> None:
    tally = await stepped_rounds(house, worker, 5, random.Random(6), tmp_path)
    assert tally.cut > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_killed_before_every_step(house: Home, worker: Worker, tmp_path: Path) -> None:
    stepped = await stepped_rounds(house, worker, 160, random.Random(1), tmp_path)
    print(f"before a step: {stepped.rounds} kills, {stepped.acknowledged} acknowledged, {stepped.cut} cut off, "
          f"{stepped.had_happened} of them had happened, settled {stepped.settled}")  # fmt: skip


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_killed_at_many_times(house: Home, worker: Worker) -> None:
    timed = await timed_rounds(house, worker, 60, random.Random(2))
    print(f"at any time: {timed.rounds} kills, {timed.acknowledged} acknowledged, {timed.cut} cut off, "
          f"{timed.had_happened} of them had happened, settled {timed.settled}")  # fmt: skip
