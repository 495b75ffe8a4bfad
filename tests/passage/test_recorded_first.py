"""Is the intent on the disk before a write's first byte leaves, and the outcome before the answer? The kernel tells."""

import re
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Home
from .test_kill import Traced
from .workers import Worker

pytestmark = pytest.mark.skipif(
    sys.platform != "linux" or shutil.which("strace") is None, reason="strace is not installed here"
)
LOG = "journal.db-wal"


@dataclass(frozen=True)
class Event:
    what: str
    at: int


def events(trace: Path, port: str) -> Iterator[Event]:
    """Name what happened in the order in which it ended: written and synced journal, sends to the org, answers."""
    syncing: set[str] = set()
    for at, line in enumerate(trace.read_text(errors="replace").splitlines()):
        thread, _, rest = line.partition(" ")
        rest = rest.strip()
        if rest.startswith(("pwrite64(", "write(")) and LOG in rest:
            yield Event("written", at)
        elif re.match(r"f(data)?sync\(", rest) and LOG in rest:
            syncing.add(thread)
            if rest.endswith("= 0"):
                yield Event("synced", at)
        elif re.match(r"<\.\.\. f(data)?sync resumed", rest) and thread in syncing and rest.endswith("= 0"):
            syncing.discard(thread)
            yield Event("synced", at)
        elif re.match(r"(sendto|sendmsg|write)\(", rest) and f":{port}]" in rest:
            yield Event("POST" if "POST " in rest else "sent", at)
        elif re.match(r'write\(1[<,].*"(begin|done)', rest):
            yield Event("begin" if '"begin' in rest else "done", at)


def test_intent_and_outcome_are_synced_in_time(house: Home, tmp_path: Path) -> None:
    trace, port = tmp_path / "create.trace", house.org.url.rpartition(":")[2]
    with Worker(house) as worker:
        pid = worker.start()
        worker.create("warm")
        worker.hear("done")
        with Traced(pid, ["trace=fdatasync,fsync,sendto,sendmsg,write,pwrite64"], trace, "-yy"):
            worker.create("watched")
            worker.hear("done")
            worker.end()
    names = [one.what for one in events(trace, port)]
    create = names[names.index("begin") + 1 : names.index("done")]
    assert create.count("POST") == 1, create
    before, after = create[: create.index("POST")], create[create.index("POST") + 1 :]
    for part, what in ((before, "the intent"), (after, "the outcome")):
        assert "written" in part, f"{what} was not written: {create}"
        assert part[-1] == "synced", f"{what} was not on the disk in time: {create}"
