"""How fast is one record read, by 1, 32 and 256 callers?"""

import asyncio
import itertools
import threading
import time
from collections.abc import Callable, Sequence

from benchmarks.clients import BLOCKING, CLIENTS, Read, ReadBlocking
from benchmarks.samples import Sample, Stopwatch
from isthmus.core.collector import few_collections

_WARM_UP = 0.3
_FIRST = 20


async def in_loop(name: str, url: str, loads: Sequence[int], seconds: float) -> list[Sample]:
    """Measure a client whose callers share one event loop."""
    async with CLIENTS[name](url) as read:
        found = []
        # For every contestant alike: it is what a service does that runs all day.
        with few_collections():
            for callers in loads:
                await _together(read, callers, _WARM_UP)
                found.append(await _together(read, callers, seconds))
        return found


async def _together(read: Read, callers: int, seconds: float) -> Sample:
    numbers, until, done = itertools.count(), time.perf_counter() + seconds, 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await read(next(numbers))
            done += 1

    with Stopwatch() as watch:
        await asyncio.gather(*(caller() for _ in range(callers)))
    return watch.sample(callers, done)


def in_threads(name: str, url: str, loads: Sequence[int], seconds: float) -> list[Sample]:
    """Measure a blocking client with one thread a caller."""
    with BLOCKING[name](url) as read, few_collections():
        return [_threads(read, callers, seconds) for callers in loads]


def _threads(read: ReadBlocking, callers: int, seconds: float) -> Sample:
    numbers, done, until = itertools.count(), [0] * callers, 0.0
    gate = threading.Barrier(callers + 1)

    def caller(number: int) -> None:
        read(number)
        gate.wait()
        gate.wait()
        while time.perf_counter() < until:
            read(next(numbers))
            done[number] += 1

    threads = [threading.Thread(target=caller, args=(number,)) for number in range(callers)]
    for thread in threads:
        thread.start()
    gate.wait()
    until = time.perf_counter() + seconds
    with Stopwatch() as watch:
        gate.wait()
        for thread in threads:
            thread.join()
    return watch.sample(callers, sum(done))


async def one_by_one(name: str, url: str, calls: int, warm: Callable[[], None] = lambda: None) -> None:
    """Read so many records and nothing else; `warm` is called once all that is read once has been read."""
    async with CLIENTS[name](url) as read:
        for number in range(_FIRST):
            await read(number)
        with few_collections():
            warm()
            for number in range(calls):
                await read(number)
