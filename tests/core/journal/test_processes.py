"""Do several processes share a journal fairly, and does a killed one lose nothing it acknowledged?"""

import random
import re
import shutil
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TextIO

import pytest

from isthmus.core.journal import Entry, Journal, Kind
from isthmus.core.journal.verify import Finding, verify

WORKER = Path(__file__).with_name("appender.py")


def start(path: Path, name: str, callers: int, amount: str, *more: str, out: int | TextIO) -> subprocess.Popen:
    command = [sys.executable, str(WORKER), str(path), name, str(callers), amount, *more]
    return subprocess.Popen(command, stdout=out, stderr=subprocess.PIPE, text=True)


def indexes_in(lines: list[str]) -> list[int]:
    return [int(line) for line in lines if line.isdecimal()]


def agents(path: Path) -> list[str]:
    db = sqlite3.connect(path)
    found = [
        re.search(rb'"agent":"(\w+)"', leaf)[1].decode()
        for (leaf,) in db.execute("SELECT leaf FROM entries ORDER BY idx")
    ]
    db.close()
    return found


def share(path: Path, processes: int, callers: int, seconds: int) -> tuple[dict[str, int], float]:
    begin, running = str(time.time() + 0.7 * processes), []
    for number in range(processes):
        # A file: a pipe that nobody reads meanwhile would hold the process up once it is full.
        with path.with_name(f"p{number}.out").open("w") as out:
            running.append(start(path, f"p{number}", callers, f"{seconds}s", "plain", begin, out=out))
    results = []
    for number, process in enumerate(running):
        _, err = process.communicate(timeout=100)
        assert process.returncode == 0, err
        lines = path.with_name(f"p{number}.out").read_text().splitlines()
        results.append((indexes_in(lines), float(lines[-1].removeprefix("worst ")), lines[0].removeprefix("key ")))
    written = [index for indexes, _, _ in results for index in indexes]
    assert sorted(written) == list(range(len(written))), "every index was given out once"
    report = verify(path, [results[0][2]])
    assert (report.finding, report.size) == (Finding.OK, len(written))
    owners = agents(path)
    for number, (indexes, _, _) in enumerate(results):
        assert all(owners[index] == f"p{number}" for index in indexes)
    return Counter(owners), max(worst for _, worst, _ in results)


def test_processes_share_one_tree(tmp_path: Path) -> None:
    counts, _ = share(tmp_path / "journal.db", processes=3, callers=4, seconds=1)
    assert len(counts) == 3
    assert min(counts.values()) > 0.3 * max(counts.values()), counts


@pytest.mark.soak
def test_four_processes_of_eight_callers_are_served_alike_without_stalls(tmp_path: Path) -> None:
    counts, worst = share(tmp_path / "journal.db", processes=4, callers=8, seconds=15)
    mean = sum(counts.values()) / 4
    print(f"shares {dict(counts)}, worst {worst} ms")
    assert all(abs(count - mean) <= 0.2 * mean for count in counts.values()), counts
    assert worst <= 250, f"a caller waited {worst} ms"


def kill_rounds(path: Path, rounds: int, seed: int) -> None:
    chance, acknowledged, key = random.Random(seed), set(), ""
    for number in range(rounds):
        process = start(path, f"r{number}", 4, "60s", out=subprocess.PIPE)
        first = process.stdout.readline()
        assert first.startswith("key "), process.stderr.read()
        key = first.removeprefix("key ").strip()
        time.sleep(chance.uniform(0.0, 0.15))
        process.kill()
        out, _ = process.communicate()
        mine = indexes_in(out.split("\n")[:-1])
        assert not acknowledged & set(mine), "an index was given out twice"
        acknowledged |= set(mine)
        report = verify(path, [key])
        assert report.finding is Finding.OK, report
        assert acknowledged <= set(range(report.size)), "an acknowledged entry is missing"
    assert acknowledged


def test_a_killed_process_loses_nothing_it_acknowledged(tmp_path: Path) -> None:
    kill_rounds(tmp_path / "journal.db", rounds=4, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_two_hundred_killed_processes_lose_nothing(tmp_path: Path) -> None:
    kill_rounds(tmp_path / "journal.db", rounds=200, seed=2)


needs_strace = pytest.mark.skipif(shutil.which("strace") is None, reason="strace is not installed")


def traced(path: Path, log: Path, *options: str, entries: int = 5) -> subprocess.CompletedProcess:
    command = [
        "strace",
        "-f",
        "-y",
        "-o",
        str(log),
        *options,
        sys.executable,
        str(WORKER),
        str(path),
        "t",
        "1",
        str(entries),
    ]
    done = subprocess.run(command, capture_output=True, text=True)
    if "ptrace" in done.stderr.lower():
        pytest.skip(f"strace may not trace here: {done.stderr.strip()[:80]}")
    return done


@needs_strace
def test_the_log_is_synced_before_each_acknowledgement(tmp_path: Path) -> None:
    path, log = tmp_path / "journal.db", tmp_path / "trace"
    done = traced(path, log, "-e", "trace=pwrite64,write,fdatasync,fsync", entries=5)
    assert done.returncode == 0, done.stderr
    # What was written since the last sync of the write-ahead log, at each acknowledgement.
    unsynced, acknowledged = 0, 0
    for line in log.read_text().splitlines():
        if "journal.db-wal>" in line and "pwrite64" in line:
            unsynced += 1
        elif "journal.db-wal>" in line and "sync(" in line:
            unsynced = 0
        elif re.search(r'write\(1<[^>]*>, "\d+\\n"', line):
            acknowledged += 1
            assert unsynced == 0, line
    assert acknowledged == 5


@needs_strace
@pytest.mark.parametrize(
    ("call", "error", "when"),
    [("fdatasync", "EIO", 1), ("fdatasync", "EIO", 3), ("fdatasync", "EIO", 6), ("pwrite64", "ENOSPC", 30)],
)
def test_a_failing_disk_acknowledges_nothing_and_stops(
    tmp_path: Path, opened: Callable[..., Journal], call: str, error: str, when: int
) -> None:
    path = tmp_path / "journal.db"
    with opened(path) as journal:
        journal.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION, agent="base")))
    done = traced(path, tmp_path / "trace", "-e", f"trace={call}", "-e", f"inject={call}:error={error}:when={when}+")
    acknowledged = indexes_in(done.stdout.split("\n"))
    assert re.search("JournalUnavailable|JournalBusy|ConfigurationError", done.stderr), done.stderr
    assert len(acknowledged) < 5
    report = verify(path, [journal.verification_key])
    assert report.finding is Finding.OK, report
    assert set(acknowledged) <= set(range(report.size))
    with opened(path) as again:
        assert again.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION))) == report.size


@needs_strace
def test_a_process_killed_at_any_sync_leaves_a_good_journal(tmp_path: Path, opened: Callable[..., Journal]) -> None:
    key = ""
    for number in (1, 3, 5):
        path = tmp_path / f"kill{number}.db"
        done = traced(
            path,
            tmp_path / "trace",
            "-e",
            "trace=fdatasync",
            "-e",
            f"inject=fdatasync:signal=KILL:when={number}",
            entries=3,
        )
        acknowledged = indexes_in(done.stdout.split("\n"))
        with opened(path) as again:
            assert again.transact_sync(lambda tx: tx.append(Entry(kind=Kind.DECISION))) >= len(acknowledged)
            key = again.verification_key
        assert verify(path, [key]).finding is Finding.OK
