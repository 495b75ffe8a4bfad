"""One command: `uv run python -m benchmarks`. Measure, compare with the bars, and guard against slow-down."""

import sys
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import App, Parameter
from rich.console import Console

from benchmarks import instructions
from benchmarks.report import Report
from benchmarks.suites import SUITES, Effort, count

app = App(name="benchmarks", help=__doc__)
Suite = Literal["reads", "bulk", "export", "journal", "instructions"]


@app.default
def main(
    *,
    only: Annotated[tuple[Suite, ...], Parameter(consume_multiple=True)] = (),
    rounds: int | None = None,
    quick: bool = False,
    gate: bool = False,
    keep: bool = False,
    json: Path | None = None,
    folder: Path | None = None,
) -> None:
    """Measure and print every figure beside its bar; missed bars end with 1.

    Args:
        only: The suites to run; all by default.
        rounds: How often every contestant runs, 7 by default.
        quick: Three short rounds, to see that it works; the figures are rough.
        gate: Count instructions only, and end with 1 where a call takes 3 % more than the baseline.
        keep: Count instructions only, and write them down as the baseline.
        json: Write the figures here too.
        folder: Where the journal suite writes; the disk decides its figures.
    """
    console, report = Console(), Report()
    with tempfile.TemporaryDirectory(dir=folder) as home:
        shortest = (3, 0.5, 20_000) if quick else (7, 1.5, 200_000)
        effort = Effort(rounds or shortest[0], *shortest[1:], Path(home))
        with console.status("starting") as status:
            if not (gate or keep):
                for name, suite in SUITES.items():
                    if not only or name in only:
                        suite(report, effort, status.update)
            counting = gate or keep or "instructions" in only or not (only or quick)
            counts = count(report, effort, status.update) if counting else {}
    held = True
    if keep and counts:
        instructions.keep(counts)
    elif gate and counts:
        held, lines = instructions.compare(counts)
        report.notes += lines
    report.show(console)
    if json is not None:
        report.write(json)
    sys.exit(not (held if gate or keep else all(bar.met for bar in report.bars)))


if __name__ == "__main__":
    app()
