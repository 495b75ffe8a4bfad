"""Does every thread get its own answer, whatever is interrupted, cancelled, raised or closed meanwhile?"""

import asyncio
import itertools
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

import pytest

from isthmus.core import eventloop, waking
from isthmus.core.errors import ConfigurationError
from isthmus.core.eventloop import OwnLoop

WHO: ContextVar[str] = ContextVar("WHO", default="nobody")
_OURS = {eventloop.__file__, waking.__file__}
_WAKING = {"call_soon_threadsafe", "_call_soon", "_write_to_self"}
SOON = 10.0
"""Seconds after which a thread counts as hanging."""


@contextmanager
def living() -> Iterator[OwnLoop]:
    """Run a loop in a thread as a gateway does, and close it as a gateway is closed."""
    made: Future[tuple[OwnLoop, asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def live() -> None:
        own, over = OwnLoop(), asyncio.Event()
        made.set_result((own, asyncio.get_running_loop(), over))
        await over.wait()
        await own.aclose()

    with ThreadPoolExecutor(1) as pool:
        living = pool.submit(asyncio.run, live())
        own, loop, over = made.result(SOON)
        try:
            yield own
        finally:
            loop.call_soon_threadsafe(over.set)
            living.result(SOON)


@contextmanager
def held_up(own: OwnLoop) -> Iterator[None]:
    """Keep the loop busy, so that all who come meanwhile come in one burst."""
    busy, free = threading.Event(), threading.Event()

    async def hold() -> None:
        busy.set()
        free.wait(SOON)

    with ThreadPoolExecutor(1) as pool:
        held = pool.submit(own.wait, hold)
        busy.wait(SOON)
        try:
            yield
        finally:
            free.set()
            held.result(SOON)


async def who() -> str:
    await asyncio.sleep(0)
    return WHO.get()


async def for_ever() -> None:
    await asyncio.Event().wait()


async def others() -> int:
    return len(asyncio.all_tasks()) - 2  # without this one and the one that waits for the end


def test_each_call_runs_in_the_context_of_its_own_thread() -> None:
    def named(own: OwnLoop, name: str) -> str:
        WHO.set(name)
        return own.wait(who)

    names = [str(number) for number in range(8)]
    with living() as own, ThreadPoolExecutor(8) as pool:
        with held_up(own):
            waiting = [pool.submit(named, own, name) for name in names]
            time.sleep(0.05)
        assert [one.result(SOON) for one in waiting] == names


@pytest.fixture
def interruptible() -> Iterator[None]:
    """Take SIGINT as Python does: a shell starts what it runs in the background with the signal ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_cancels_the_call_that_is_waited_for() -> None:
    ended: list[str] = []

    async def patient() -> None:
        threading.Timer(0.05, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            await for_ever()
        except asyncio.CancelledError:
            ended.append("cancelled")
            raise

    with living() as own:
        with pytest.raises(KeyboardInterrupt):
            own.wait(patient)
        assert own.wait(who) == "nobody"
    assert ended == ["cancelled"]


def test_an_interrupt_at_any_line_leaves_nobody_hanging_and_nothing_running() -> None:
    with ThreadPoolExecutor(2) as pool, living() as own:
        lines = lines_until_it_waits(own)
        assert lines > 10
        for line in range(1, lines + 1):
            with held_up(own):
                call = pool.submit(interrupted_at, line, lambda: own.wait(for_ever))
                assert isinstance(call.exception(SOON), KeyboardInterrupt)
                other = pool.submit(own.wait, who)
            assert other.result(SOON) == "nobody", f"interrupted at line {line}"
            assert own.wait(others) == 0, f"interrupted at line {line}, its work goes on"


def test_an_interrupt_at_any_line_after_the_answer_keeps_nobody_waiting() -> None:
    with ThreadPoolExecutor(4) as pool, living() as own:
        first, last = lines_until_it_waits(own), lines_of_a_call(own)
        assert last > first + 3
        for line in range(first + 1, last + 1):
            with held_up(own):
                call = pool.submit(interrupted_at, line, lambda: own.wait(who))
                threads = [pool.submit(own.wait, who) for _ in range(3)]
                time.sleep(0.01)
            assert isinstance(call.exception(SOON), KeyboardInterrupt | None)
            for one in threads:
                assert one.result(SOON) == "nobody", f"interrupted at line {line}"
                assert own.wait(who) == "nobody", f"interrupted at line {line}"


def test_calls_that_come_while_threads_are_woken_wait_for_the_last_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(waking, "STUCK", SOON)
    woken, go_on, begun = threading.Event(), threading.Event(), threading.Event()

    async def begin() -> None:
        begun.set()

    def stop(line: int) -> None:
        if line == waits_at + 1:
            woken.set()
            go_on.wait(SOON)

    with ThreadPoolExecutor(3) as pool, living() as own:
        waits_at = lines_until_it_waits(own)
        with held_up(own):
            threads = [pool.submit(traced, stop, lambda: own.wait(who)) for _ in range(2)]
            time.sleep(0.05)
        woken.wait(SOON)
        late = pool.submit(own.wait, begin)
        assert not begun.wait(0.1)
        go_on.set()
        assert [one.result(SOON) for one in [*threads, late]] == ["nobody", "nobody", None]


def test_a_loop_that_ends_at_any_line_of_a_call_lets_the_caller_go() -> None:
    with ThreadPoolExecutor(1) as pool:
        ended = [ended_at(line, pool) for line in range(1, 30)]
    assert {type(one) for one in ended if one} <= {ConfigurationError, CancelledError}
    assert isinstance(ended[0], ConfigurationError)


def ended_at(line: int, pool: ThreadPoolExecutor) -> BaseException | None:
    """Return what a call ends with where its loop ends as it begins the given line."""
    with ExitStack() as life:
        own = life.enter_context(living())
        call = pool.submit(traced, lambda number: life.close() if number == line else None, lambda: own.wait(who))
        return call.exception(SOON)


def interrupted_at(line: int, call: Callable[[], object]) -> object:
    """Call, and raise KeyboardInterrupt where this thread begins the given line after the start of the call."""

    def count(number: int) -> None:
        if number == line:
            raise KeyboardInterrupt

    return traced(count, call)


def lines_until_it_waits(own: OwnLoop) -> int:
    """Return how many lines a blocking call begins before it is answered, on the thread that makes it."""
    found: list[int] = []
    with ThreadPoolExecutor(1) as pool, held_up(own):
        call = pool.submit(traced, found.append, lambda: own.wait(who))
        time.sleep(0.3)
        assert not call.done()
        return len(found)


def lines_of_a_call(own: OwnLoop) -> int:
    """Return how many lines a blocking call begins in all, on the thread that makes it."""
    found: list[int] = []
    with ThreadPoolExecutor(1) as pool:
        pool.submit(traced, found.append, lambda: own.wait(who)).result(SOON)
    return len(found)


def traced(on_line: Callable[[int], None], call: Callable[[], object]) -> object:
    """Call, and tell of every line, of ours and of how asyncio wakes a loop, that this thread begins meanwhile, by its number."""
    numbers = itertools.count(1)

    def watch(frame: FrameType, event: str, _: object) -> Any:
        code = frame.f_code
        if event == "line" and (code.co_filename in _OURS or code.co_name in _WAKING):
            on_line(next(numbers))
        return watch

    sys.settrace(watch)
    try:
        return call()
    finally:
        sys.settrace(None)


class Oops(Exception):
    """What work may raise."""


async def work(kind: str, token: int) -> int:
    for _ in range(token % 4):
        await asyncio.sleep(0)
    if kind == "sleeps":
        await asyncio.sleep(token % 7 / 1_000)
    if kind == "raises":
        raise Oops(token)
    if kind == "is cancelled":
        task = asyncio.current_task()
        assert task is not None
        task.cancel()
        await asyncio.sleep(1)
    return token


async def hopping(own: OwnLoop, kind: str, token: int) -> int:
    if kind == "is impatient":
        async with asyncio.timeout(token % 5 / 1_000):
            return await own.hop(lambda: work("sleeps", token))
    return await own.hop(lambda: work(kind, token))


def calls(own: OwnLoop, seed: int) -> int:
    """Call until the loop is closed, each time in another way; return how many calls were answered rightly."""
    chance, answered = random.Random(seed), 0
    while True:
        token, kind = chance.randrange(1_000), chance.choice(["answers", "sleeps", "raises", "is cancelled"])
        way = chance.choice(["waits", "waits", "hops", "is impatient", "is interrupted"])
        try:
            if way == "waits":
                found: object = own.wait(lambda: work(kind, token))  # noqa: B023
            elif way == "is interrupted":
                found = interrupted_at(chance.randrange(1, 60), lambda: own.wait(lambda: work(kind, token)))  # noqa: B023
            else:
                found = asyncio.run(hopping(own, way if way == "is impatient" else kind, token))
        except ConfigurationError:
            return answered
        except Oops as error:
            found = error.args[0]
        except (CancelledError, asyncio.CancelledError):
            continue  # by itself, or because the loop was closed
        except KeyboardInterrupt:
            assert way == "is interrupted"
            continue
        except TimeoutError:
            assert way == "is impatient"
            continue
        assert found == token
        answered += 1


def hustle(seed: int) -> int:
    """Let threads call in all ways until the loop is closed under their feet; return how many were answered."""
    chance = random.Random(seed)
    with ThreadPoolExecutor(8) as pool:
        with living() as own:
            ended = [pool.submit(calls, own, chance.randrange(1 << 30)) for _ in range(chance.randint(1, 8))]
            time.sleep(chance.random() / 10)
        return sum(one.result(SOON) for one in ended)


def test_threads_that_call_in_all_ways_are_all_let_go_at_closing() -> None:
    assert sum(hustle(seed) for seed in range(20)) > 100


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_threads_that_call_in_all_ways_are_all_let_go_at_closing_again_and_again() -> None:
    assert sum(hustle(seed) for seed in range(1_000, 3_000)) > 10_000
