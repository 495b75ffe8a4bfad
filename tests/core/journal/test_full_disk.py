"""When the disk is full, are writes refused first, reads recorded on, and nothing acknowledged that is not there?"""

import contextlib
import resource
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from isthmus.core.errors import IsthmusError
from isthmus.core.journal import Entry, Intent, Journal, JournalBusy, JournalUnavailable, Kind
from isthmus.core.journal.reserve import Reserve
from isthmus.core.journal.verify import Finding, verify

WORKER = Path(__file__).with_name("appender.py")
ENTRY = Entry(kind=Kind.OUTCOME, agent="triage")


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip(f"no small file system can be mounted here: {mounted.stderr.decode().strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_writes_are_refused_first_and_reads_go_on(
    opened: Callable[..., Journal], small_disk: Path, clock: Callable
) -> None:
    path = small_disk / "journal.db"
    ballast = small_disk / "ballast"

    def write(number: int) -> Callable:
        intent = Intent(id=f"at-{number}", digest=f"d{number}", agent="x", tool="t", connection="c", opened_at=clock())
        return lambda tx: tx.open_intent(intent)

    with opened(path, reserve=1 << 18) as journal:
        journal.transact_sync(write(0))
        assert not journal.writes_refused
        with ballast.open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while True:
                file.write(bytes(4096))
        recorded = 0
        while not journal.writes_refused:
            journal.transact_sync(lambda tx: tx.append(ENTRY, {"note": "x" * 2_000}))
            recorded += 1
            assert recorded < 5_000
        with pytest.raises(JournalUnavailable, match="no write is sent") as refused:
            journal.transact_sync(write(1))
        assert (refused.value.reason, refused.value.retryable) == ("journal_full", True)
        for _ in range(50):
            journal.transact_sync(lambda tx: tx.append(ENTRY))
            recorded += 1
        while True:
            try:
                journal.transact_sync(lambda tx: tx.append(ENTRY, {"note": "x" * 30_000}))
            except JournalUnavailable as error:
                spent = error
                break
            recorded += 1
        assert (spent.reason, spent.retryable) == ("journal_full", True)
        assert journal.view().size == recorded
        ballast.unlink()
        journal._reserve._retry_at = 0.0
        journal.transact_sync(lambda tx: tx.append(ENTRY))
        journal.transact_sync(write(2))
        assert not journal.writes_refused
    assert verify(path, [journal.verification_key]).size == recorded + 1


def test_a_file_size_limit_acknowledges_nothing_that_is_not_there(tmp_path: Path) -> None:
    # Past the limit the kernel answers EFBIG, which SQLite reports as an I/O error: the journal has to stop.
    path = tmp_path / "journal.db"
    done = subprocess.run(
        [sys.executable, str(WORKER), str(path), "0", "1", "400", "payload"],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (600_000, 600_000)),
    )
    acknowledged = [int(line) for line in done.stdout.split() if line.isdecimal()]
    assert "JournalUnavailable" in done.stderr
    assert "audit verify" in done.stderr
    key = done.stdout.split("\n", 1)[0].removeprefix("key ")
    report = verify(path, [key])
    assert report.finding is Finding.OK
    assert 0 < len(acknowledged) <= report.size
    assert set(acknowledged) <= set(range(report.size))


def test_the_reserve_comes_back_only_with_room_to_spare(tmp_path: Path) -> None:
    now = [0.0]
    reserve = Reserve(tmp_path / "journal.db", 4096, monotonic=lambda: now[0])
    assert reserve.restore()
    assert reserve.held
    assert reserve.release()
    assert not reserve.release()
    assert not reserve.restore(), "looked a moment ago"
    now[0] = 2.0
    assert reserve.restore()
    assert not Reserve(tmp_path / "other.db", 1 << 60).restore()


def test_refusals_carry_a_code_and_a_remedy() -> None:
    error = JournalBusy("full; free some space", code="journal_full")
    assert isinstance(error, IsthmusError)
    assert error.details() == {"code": "journal_full", "message": "full; free some space", "retryable": True}
