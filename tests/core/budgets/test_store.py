import asyncio
import json
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from isthmus.core.budgets import Budget, Rules, SqliteBudgetStore, StoreUnavailable
from isthmus.core.errors import QuotaExhausted
from isthmus.core.resilience import Deadline


async def count(store, key="org"):
    return await store.update(key, lambda text: (str(int(text or 0) + 1), int(text or 0) + 1))


async def test_changes_are_kept_and_keys_apart(tmp_path):
    async with SqliteBudgetStore(tmp_path / "budgets.db") as store:
        assert [await count(store), await count(store), await count(store, "other")] == [1, 2, 1]
    async with SqliteBudgetStore(tmp_path / "budgets.db") as store:
        assert await count(store) == 3


async def test_a_failing_change_changes_nothing(tmp_path):
    async with SqliteBudgetStore(tmp_path / "budgets.db") as store:
        await count(store)
        with pytest.raises(ZeroDivisionError):
            await store.update("org", lambda text: (text, 1 // 0))
        assert await count(store) == 2


@pytest.mark.parametrize("harm", ["directory", "garbage", "newer", "locked"])
async def test_a_store_that_cannot_be_used_says_so(tmp_path, harm):
    file = tmp_path / "budgets.db"
    other = None
    if harm == "directory":
        file.mkdir()
    elif harm == "garbage":
        file.write_bytes(b"not a database at all" * 100)
    else:
        other = sqlite3.connect(file, isolation_level=None)
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("PRAGMA user_version = 99" if harm == "newer" else "BEGIN IMMEDIATE")
    async with SqliteBudgetStore(file, busy=0.05) as store:
        with pytest.raises(StoreUnavailable):
            await count(store)
    if other is not None:
        other.close()


def worker(path, number, seconds, allowance):
    """One process of several: three agents spend as fast as they can; writes when each unit was sent."""

    async def main():
        rules = Rules(allowance=allowance, window=86_400.0, reserve=0.2, concurrency=4)
        sent = []
        end = time.monotonic() + seconds
        async with SqliteBudgetStore(path / "budgets.db", busy=5.0) as store, Budget("org", store, rules) as budget:

            async def agent(name):
                while time.monotonic() < end:
                    try:
                        permit = await budget.acquire(1, name, Deadline.after(1.0))
                    except QuotaExhausted:
                        return
                    permit.use()
                    sent.append((time.time(), 1))
                    await asyncio.sleep(0.002)
                    sent.append((time.time(), -1))
                    permit.finish(sent=True)

            await asyncio.gather(*(agent(f"agent-{one}") for one in range(3)))
        (path / f"sent-{number}.json").write_text(json.dumps(sent))

    asyncio.run(main())


def start(role, *arguments):
    return subprocess.Popen([sys.executable, __file__, role, *map(str, arguments)])


def run(path, processes, seconds, allowance):
    workers = [start("worker", path, number, seconds, allowance) for number in range(processes)]
    assert [one.wait(60) for one in workers] == [0] * processes
    return [json.loads((path / f"sent-{number}.json").read_text()) for number in range(processes)]


def test_three_processes_keep_one_allowance_and_one_cap(tmp_path):
    sent = run(tmp_path, 3, 30.0, 800)
    spent = [sum(1 for _, change in one if change > 0) for one in sent]
    assert 0.97 * 640 <= sum(spent) <= 640
    flying = most = 0
    for _, change in sorted(event for one in sent for event in one):
        flying += change
        most = max(most, flying)
    assert most <= 4


def victim(path):
    async def main():
        store = SqliteBudgetStore(path / "budgets.db")
        budget = Budget("org", store, Rules(allowance=50, window=86_400.0, reserve=0.0, lease=0.5))
        while True:
            permit = await budget.acquire(1, "planner", Deadline.after(1.0))
            permit.use()
            with (path / "sent").open("a") as log:
                log.write("x")
            permit.finish(sent=True)
            await asyncio.sleep(0.01)

    asyncio.run(main())


def test_a_killed_process_costs_no_more_than_its_block(tmp_path):
    process = start("victim", tmp_path)
    while not (tmp_path / "sent").exists() or (tmp_path / "sent").stat().st_size < 10:
        assert process.poll() is None
        time.sleep(0.02)
    process.kill()
    process.wait(10)
    used = (tmp_path / "sent").stat().st_size

    async def rest():
        rules = Rules(allowance=50, window=86_400.0, reserve=0.0, lease=0.5)
        async with SqliteBudgetStore(tmp_path / "budgets.db") as store, Budget("org", store, rules) as budget:
            done = 0
            while True:
                try:
                    permit = await budget.acquire(1, "planner", Deadline.after(3.0))
                except QuotaExhausted:
                    return done
                permit.use()
                permit.finish(sent=True)
                done += 1

    left = asyncio.run(rest())
    assert 50 - used - 10 <= left <= 50 - used


if __name__ == "__main__":
    role, folder, *numbers = sys.argv[1:]
    if role == "worker":
        worker(Path(folder), int(numbers[0]), float(numbers[1]), int(numbers[2]))
    else:
        victim(Path(folder))
