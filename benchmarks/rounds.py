"""How are contestants run side by side? A B C, A B C, ...: each in a fresh process, the servers in others."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.samples import Sample, median, read_back

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Results:
    """The samples of every contestant and load, one a round."""

    samples: dict[tuple[str, int], list[Sample]] = field(default_factory=dict)

    def add(self, name: str, found: Sequence[Sample]) -> None:
        for sample in found:
            self.samples.setdefault((name, sample.callers), []).append(sample)

    def of(self, name: str, callers: int, figure: Callable[[Sample], float]) -> float:
        return median(figure(one) for one in self.samples[name, callers])

    def ratio(self, ours: tuple[str, int], theirs: tuple[str, int], figure: Callable[[Sample], float]) -> float:
        """Return the median of the ratios of each round: what slowed a whole round down cancels."""
        pairs = zip(self.samples[ours], self.samples[theirs], strict=True)
        return median(figure(one) / figure(other) for one, other in pairs)


def interleaved(contestants: Mapping[str, Sequence[str]], rounds: int, said: Callable[[str], None]) -> Results:
    """Run every contestant once a round; the arguments are those of `benchmarks.contestant`."""
    results = Results()
    for number in range(rounds):
        for name, arguments in contestants.items():
            said(f"round {number + 1} of {rounds}: {name}")
            results.add(name, read_back(run(arguments)))
    return results


def run(arguments: Sequence[str], before: Sequence[str] = ()) -> str:
    """Run one contestant and return what it printed; `before` is the command that watches it."""
    command = [*before, sys.executable, "-m", "benchmarks.contestant", *arguments]
    done = subprocess.run(command, cwd=ROOT, env=_environment(), capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(arguments)} failed:\n{done.stderr}")
    return done.stdout


@contextmanager
def page_server(rows: int) -> Iterator[str]:
    """Start the page server and return its address; it ends when its input does."""
    command = [sys.executable, "-m", "benchmarks.pages", str(rows)]
    with subprocess.Popen(
        command, cwd=ROOT, env=_environment(), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as server:
        assert server.stdout is not None
        port = server.stdout.readline().strip()
        if not port:
            raise RuntimeError("the page server did not start")
        yield f"http://127.0.0.1:{port}"
        assert server.stdin is not None
        server.stdin.close()


def _environment() -> dict[str, str]:
    """Leave out what would send loopback traffic elsewhere or change the interpreter from run to run."""
    kept = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    return kept | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(ROOT)}
