"""What came out, and does it meet its bar?"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from benchmarks.rounds import Results
from benchmarks.samples import Sample

_MEGABYTE = 1_000_000


@dataclass(frozen=True, slots=True)
class Bar:
    """A figure that must stay at or below (`most`) or at or above (`least`) a bound; `goal` is where it should go."""

    what: str
    value: float
    most: float | None = None
    least: float | None = None
    unit: str = "x"
    goal: str = ""

    @property
    def met(self) -> bool:
        return self.value <= self.most if self.most is not None else self.value >= (self.least or 0.0)

    @property
    def bound(self) -> str:
        sign, bound = ("<=", self.most) if self.most is not None else (">=", self.least)
        return f"{sign} {bound:g} {self.unit}" + (f", goal {self.goal}" if self.goal else "")


@dataclass(slots=True)
class Report:
    """All rows and bars of one run."""

    rows: list[dict[str, object]] = field(default_factory=list)
    bars: list[Bar] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def samples(self, suite: str, results: Results) -> None:
        """Take over the medians of a suite."""
        for (name, callers), found in results.samples.items():
            per = {
                "per second": results.of(name, callers, rate),
                "cpu us": results.of(name, callers, cpu),
                "growth MB": results.of(name, callers, growth),
            }
            self.rows.append({"suite": suite, "contestant": name, "callers": callers, "rounds": len(found)} | per)

    def show(self, console: Console) -> None:
        """Print tables, bars and notes."""
        for suite in dict.fromkeys(row["suite"] for row in self.rows):
            console.print(_table(str(suite), [row for row in self.rows if row["suite"] == suite]))
        if self.bars:
            console.print(_bars(self.bars))
        for note in self.notes:
            console.print(note)

    def write(self, path: Path) -> None:
        """Write everything as JSON."""
        bars = [{"what": bar.what, "value": bar.value, "bound": bar.bound, "met": bar.met} for bar in self.bars]
        path.write_text(json.dumps({"figures": self.rows, "bars": bars, "notes": self.notes}, indent=2) + "\n")


def rate(sample: Sample) -> float:
    return sample.rate


def cpu(sample: Sample) -> float:
    return sample.cpu_us


def growth(sample: Sample) -> float:
    return sample.growth / _MEGABYTE


def _table(suite: str, rows: Sequence[dict[str, object]]) -> Table:
    grown = any(row["growth MB"] for row in rows)
    table = Table("contestant", title=suite, title_justify="left")
    for name in ("callers", "per second", "CPU us", *(["growth MB"] if grown else [])):
        table.add_column(name, justify="right")
    for row in rows:
        cells = [str(row["contestant"]), str(row["callers"]), f"{row['per second']:,.0f}", f"{row['cpu us']:,.1f}"]
        table.add_row(*cells, *([f"{row['growth MB']:,.1f}"] if grown else []))
    return table


def _bars(bars: Iterable[Bar]) -> Table:
    table = Table("bar", title="bars", title_justify="left")
    for name in ("measured", "bound", ""):
        table.add_column(name, justify="right")
    for bar in bars:
        verdict = "[green]met[/]" if bar.met else "[red]missed[/]"
        table.add_row(bar.what, f"{bar.value:,.2f} {bar.unit}", bar.bound, verdict)
    return table
