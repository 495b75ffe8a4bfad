"""What was measured: one contestant, one load, one round."""

import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

_STATM = Path("/proc/self/statm")


@dataclass(frozen=True, slots=True)
class Sample:
    """`cpu` is of the contestant's own process, all its threads; `growth` is in bytes."""

    callers: int
    count: int
    wall: float
    cpu: float
    growth: int = 0

    @property
    def rate(self) -> float:
        return self.count / self.wall

    @property
    def cpu_us(self) -> float:
        return self.cpu / self.count * 1e6


class Stopwatch:
    """Take wall and CPU time between entering and leaving."""

    wall = 0.0
    cpu = 0.0

    def __enter__(self) -> Self:
        self.wall, self.cpu = time.perf_counter(), time.process_time()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.wall, self.cpu = time.perf_counter() - self.wall, time.process_time() - self.cpu

    def sample(self, callers: int, count: int, growth: int = 0) -> Sample:
        return Sample(callers, count, self.wall, self.cpu, growth)


def resident() -> int:
    """Return the bytes this process holds in memory; the most it ever held where that is all the system tells."""
    if _STATM.exists():
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def written(samples: Iterable[Sample]) -> str:
    return json.dumps([asdict(one) for one in samples])


def read_back(text: str) -> list[Sample]:
    return [Sample(**one) for one in json.loads(text)]


def median(values: Iterable[float]) -> float:
    return statistics.median(values)
