"""One contestant, one round: `python -m benchmarks.contestant KIND NAME ...` prints its samples as JSON."""

import asyncio
import gc
import os
import subprocess
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

from benchmarks.samples import written

app = App(help_flags=[])
# Each command imports its own: what one contestant needs must not weigh on another's start and memory.
Loads = Annotated[list[int], Parameter(consume_multiple=True)]


@app.command
def read(name: str, url: str, loads: Loads, seconds: float) -> None:
    from benchmarks import clients, reading

    if name in clients.BLOCKING:
        print(written(reading.in_threads(name, url, loads, seconds)))
    else:
        print(written(asyncio.run(reading.in_loop(name, url, loads, seconds))))


@app.command
def page(name: str, url: str, rows: int) -> None:
    from benchmarks import paging

    sample = (
        paging.in_thread(url, rows) if name == "simple-salesforce" else asyncio.run(paging.in_loop(name, url, rows))
    )
    print(written([sample]))


@app.command
def record(name: str, folder: Path, loads: Loads, seconds: float) -> None:
    from benchmarks import journal

    if name == "fdatasync":
        print(written([journal.fdatasync(folder, seconds)]))
    elif name == "sqlite3":
        print(written([journal.raw(folder, seconds)]))
    else:
        print(written(asyncio.run(journal.durable(name, folder, loads, seconds))))


@app.command
def repeat(name: str, url: str, calls: int, *, counted: bool = False) -> None:
    """Read so many records and print nothing; `counted` starts callgrind's counting once everything is warm."""
    from benchmarks import reading

    command = ["callgrind_control", "--instr=on", str(os.getpid())]

    def start() -> None:
        if counted:
            # A full collection costs what 20 calls do: let none that starting made due fall into one count only.
            gc.collect()
            subprocess.run(command, check=True, capture_output=True)

    asyncio.run(reading.one_by_one(name, url, calls, start))


if __name__ == "__main__":
    app()
