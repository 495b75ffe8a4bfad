"""Are threads woken one after another, and all of them, whoever goes away meanwhile?"""

import asyncio
import itertools
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from isthmus.core.waking import STUCK, Waking

SOON = 10.0
"""Seconds after which a thread counts as forgotten."""


class Row:
    """Waking whose wakings are written down."""

    def __init__(self) -> None:
        self.woken: list[str] = []
        self.over = asyncio.Event()
        self.waking = Waking(asyncio.get_running_loop(), self.last)

    def last(self) -> None:
        self.woken.append("last")
        self.over.set()

    def add(self, *names: str) -> None:
        for name in names:
            self.waking.add(lambda name=name: self.woken.append(name))


async def test_wakes_the_next_only_when_the_one_before_says_that_it_runs() -> None:
    row = Row()
    row.add("a", "b", "c")
    assert row.woken == []
    await asyncio.sleep(0)
    for woken in (["a"], ["a", "b"], ["a", "b", "c"]):
        assert row.woken == woken
        assert row.waking.passing
        row.waking.step()
    assert row.woken == ["a", "b", "c", "last"]
    assert not row.waking.passing


async def test_who_comes_meanwhile_stands_behind() -> None:
    row = Row()
    row.add("a", "b")
    await asyncio.sleep(0)
    row.add("c")
    await asyncio.sleep(0)
    assert row.woken == ["a"]
    for _ in range(3):
        row.waking.step()
    assert row.woken == ["a", "b", "c", "last"]


@pytest.mark.parametrize("line", range(1, 12))
async def test_who_comes_at_any_line_of_the_last_step_is_woken_by_it(line: int) -> None:
    row, lines = Row(), itertools.count(1)

    def come(frame: FrameType, event: str, _: object) -> Any:
        if event == "line" and frame.f_code is Waking.step.__code__ and next(lines) == line:
            row.add("late")
        return come

    row.add("a")
    await asyncio.sleep(0)
    sys.settrace(come)
    try:
        row.waking.step()
    finally:
        sys.settrace(None)
    await asyncio.sleep(0)
    assert row.woken.count("late") == (next(lines) > line)


@pytest.mark.parametrize("gone", range(3))
async def test_one_who_goes_away_keeps_nobody_waiting(gone: int) -> None:
    row = Row()
    row.add("a", "b", "c")
    await asyncio.sleep(0)
    for _ in range(gone):
        row.waking.step()
    await asyncio.wait_for(row.over.wait(), SOON)
    assert row.woken == ["a", "b", "c", "last"]
    assert not row.waking.passing


async def test_slow_ones_are_still_woken_in_turn() -> None:
    row = Row()
    row.add("a", "b", "c", "d")
    for woken in (["a"], ["a", "b"], ["a", "b", "c"]):
        await asyncio.sleep(STUCK * 0.6)
        assert row.woken == woken
        row.waking.step()


async def test_the_end_wakes_all_at_once() -> None:
    row = Row()
    row.add("a", "b", "c")
    row.waking.end()
    assert row.woken == ["a", "b", "c"]


async def test_threads_that_add_and_step_at_random_moments_are_all_woken() -> None:
    loop, locks = asyncio.get_running_loop(), [threading.Lock() for _ in range(16)]
    row = Waking(loop, last=lambda: None)

    def wait(lock: threading.Lock, rounds: int) -> None:
        for number in range(rounds):
            lock.acquire()
            loop.call_soon_threadsafe(row.add, lock.release)
            assert lock.acquire(timeout=SOON)
            if number % 50 != 49:  # now and then one goes away
                row.step()
            lock.release()

    with ThreadPoolExecutor(len(locks)) as pool:
        await asyncio.gather(*(loop.run_in_executor(pool, wait, lock, 200) for lock in locks))
