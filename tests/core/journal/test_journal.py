"""Is what was acknowledged there, what failed undone alone, and what cannot be written refused?"""

import asyncio
import contextlib
import os
import shutil
import sqlite3
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from isthmus.core.errors import ConfigurationError, IsthmusError, NotFound
from isthmus.core.journal import Entry, Journal, JournalKeys, JournalUnavailable, Kind
from isthmus.core.journal.verify import Finding, verify
from isthmus.residency import Label

ENTRY = Entry(kind=Kind.DECISION, agent="triage")


async def test_many_callers_get_their_own_answers(opened: Callable[..., Journal], tmp_path: Path) -> None:
    async with opened() as journal:
        indexes = await asyncio.gather(*(journal.transact(lambda tx: tx.append(ENTRY)) for _ in range(200)))
        assert sorted(indexes) == list(range(200))
        assert journal.view().size == 200
        await journal.checkpoint()
        assert verify(tmp_path / "journal.db", [journal.verification_key]).covered == 200


async def test_a_unit_that_raises_is_undone_alone(opened: Callable[..., Journal], tmp_path: Path) -> None:
    def failing(tx) -> None:
        tx.append(ENTRY, {"secret": "of the failing one"})
        # Reading writes out what the units before this one appended, too.
        assert list(tx.entries(0, 99))
        tx.append(ENTRY)
        raise LookupError("no")

    async with opened() as journal:
        units = [journal.transact(failing if number % 3 == 0 else lambda tx: tx.append(ENTRY)) for number in range(30)]
        answers = await asyncio.gather(*units, return_exceptions=True)
        assert [isinstance(answer, LookupError) for answer in answers] == [number % 3 == 0 for number in range(30)]
        assert sorted(answer for answer in answers if isinstance(answer, int)) == list(range(20))
        await journal.checkpoint()
    assert verify(tmp_path / "journal.db", [journal.verification_key]).size == 20


async def test_a_bad_statement_fails_its_unit_only(opened: Callable[..., Journal]) -> None:
    async with opened() as journal:
        with pytest.raises(sqlite3.OperationalError):
            await journal.transact(lambda tx: tx._db.execute("SELECT nonsense FROM nowhere"))
        assert await journal.transact(lambda tx: tx.append(ENTRY)) == 0


async def test_a_cancelled_caller_holds_up_nobody(opened: Callable[..., Journal]) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(tx) -> int:
        started.set()
        go.wait(5)
        return tx.append(ENTRY)

    async with opened() as journal:
        first = asyncio.create_task(journal.transact(slow))
        await asyncio.to_thread(started.wait, 5)
        second = asyncio.create_task(journal.transact(lambda tx: tx.append(ENTRY)))
        await asyncio.sleep(0)
        first.cancel()
        second.cancel()
        go.set()
        await asyncio.gather(first, second, return_exceptions=True)
        assert await journal.transact(lambda tx: tx.append(ENTRY)) == 1, "started work completes, queued work does not"


async def test_what_queued_while_a_batch_was_under_way_is_the_next_batch(opened: Callable[..., Journal]) -> None:
    started, go = threading.Event(), threading.Event()

    def slow(tx) -> object:
        started.set()
        go.wait(5)
        return tx

    async with opened() as journal:
        first = asyncio.create_task(journal.transact(slow))
        await asyncio.to_thread(started.wait, 5)
        others = [asyncio.create_task(journal.transact(lambda tx: tx)) for _ in range(20)]
        await asyncio.sleep(0)
        go.set()
        batches = [await first, *await asyncio.gather(*others)]
        assert [tx is batches[1] for tx in batches] == [False] + [True] * 20


def test_threads_and_loops_share_a_journal(journal: Journal) -> None:
    def loop() -> None:
        asyncio.run(journal.transact(lambda tx: tx.append(ENTRY)))

    threads = [threading.Thread(target=loop) for _ in range(4)]
    threads += [threading.Thread(target=journal.transact_sync, args=(lambda tx: tx.append(ENTRY),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert journal.view().size == 8


def test_a_unit_sees_its_own_writes_and_others_only_after(journal: Journal) -> None:
    seen: list[int] = []

    def work(tx) -> None:
        tx.append(ENTRY)
        seen.extend([tx.size, len(list(tx.entries(0, 9)))])

    journal.transact_sync(work)
    assert seen == [1, 1]
    with pytest.raises(NotFound, match="no entry 7"):
        journal.view().entry(7)


def test_two_journals_on_one_file_never_fork(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with opened() as first, opened() as second:
        for _ in range(10):
            for journal in (first, second):
                journal.transact_sync(lambda tx: tx.append(ENTRY))
        first.checkpoint_sync()
        second.transact_sync(lambda tx: tx.append(ENTRY))
        second.checkpoint_sync()
        assert verify(tmp_path / "journal.db", [first.verification_key]).size == 21


def test_the_journal_reopens_where_it_was(opened: Callable[..., Journal]) -> None:
    for expected in range(5):
        with opened() as journal:
            assert journal.transact_sync(lambda tx: tx.append(ENTRY)) == expected


def test_a_unit_that_waits_for_another_is_refused(journal: Journal) -> None:
    with pytest.raises(RuntimeError, match="may not wait for another"):
        journal.transact_sync(lambda tx: journal.transact_sync(lambda inner: inner.append(ENTRY)))


def test_a_closed_or_unopened_journal_says_so(opened: Callable[..., Journal]) -> None:
    with pytest.raises(ConfigurationError, match="not open"):
        opened().transact_sync(lambda tx: tx.append(ENTRY))
    with opened() as journal:
        pass
    with pytest.raises(JournalUnavailable, match="closed"):
        journal.transact_sync(lambda tx: tx.append(ENTRY))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"sealing": b"x" * 32}, "sealing key"),
        ({"pseudonyms": b"x" * 32}, "pseudonym key"),
        ({"signing": Ed25519PrivateKey.from_private_bytes(b"x" * 32)}, "verification key"),
        ({}, "origin"),
    ],
)
def test_another_key_or_origin_is_refused(
    opened: Callable[..., Journal], keys: JournalKeys, change: dict, named: str
) -> None:
    with opened():
        pass
    others = JournalKeys(**{"sealing": keys.sealing, "signing": keys.signing, "pseudonyms": keys.pseudonyms, **change})
    with (
        pytest.raises(ConfigurationError, match=named),
        opened(keys=others, **({} if change else {"origin": "b.example"})),
    ):
        pass


def test_short_keys_are_refused() -> None:
    with pytest.raises(ConfigurationError, match="sealing key has 3 bytes"):
        JournalKeys(sealing=b"abc", signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)


def test_a_newer_file_is_refused(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with opened():
        pass
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        db.execute("UPDATE schema SET version = 99 WHERE version = 2")
        db.commit()
    with pytest.raises(ConfigurationError, match="newer isthmus"), opened():
        pass


def test_a_file_that_is_no_journal_is_refused(opened: Callable[..., Journal], tmp_path: Path) -> None:
    (tmp_path / "journal.db").write_text("hello " * 1_000)
    with pytest.raises(ConfigurationError, match="cannot be opened"), opened():
        pass


def test_a_missing_folder_is_named_as_the_cause(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="folder has to exist"), opened(tmp_path / "none" / "journal.db"):
        pass


def test_the_file_is_private(journal: Journal, tmp_path: Path) -> None:
    journal.transact_sync(lambda tx: tx.append(ENTRY))
    for path in tmp_path.glob("journal.db*"):
        assert path.stat().st_mode & 0o077 == 0, path.name


def test_a_reader_reads_and_cannot_write(journal: Journal, tmp_path: Path, keys: JournalKeys) -> None:
    journal.transact_sync(lambda tx: tx.append(ENTRY))
    with Journal.open_readonly(tmp_path / "journal.db", origin="acme.example/isthmus", keys=keys) as reader:
        assert reader.view().entry(0).leaf["agent"] == "triage"
        with pytest.raises(JournalUnavailable, match="readonly"):
            reader.view()._db.execute("DELETE FROM entries")
    with pytest.raises(ConfigurationError, match="no journal at"):
        Journal.open_readonly(tmp_path / "none.db", origin="acme.example/isthmus", keys=keys)


def test_another_sealing_key_does_not_read(journal: Journal, tmp_path: Path, keys: JournalKeys) -> None:
    journal.transact_sync(lambda tx: tx.append(ENTRY, {"note": 1}))
    others = JournalKeys(sealing=b"x" * 32, signing=keys.signing, pseudonyms=keys.pseudonyms)
    with (
        Journal.open_readonly(tmp_path / "journal.db", origin="acme.example/isthmus", keys=others) as reader,
        pytest.raises(JournalUnavailable, match="under another key"),
    ):
        reader.view().entry(0)


def test_a_damaged_head_stops_the_writer_and_tells_everybody(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.append(ENTRY))
    with contextlib.closing(sqlite3.connect(tmp_path / "journal.db")) as db:
        db.execute("UPDATE tree SET edge = x'00'")
        db.commit()
    with opened() as journal:
        for _ in range(2):
            with pytest.raises(JournalUnavailable, match="audit verify"):
                journal.transact_sync(lambda tx: tx.append(ENTRY))


def test_a_corrupt_page_fails_closed(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with opened() as journal:
        for _ in range(300):
            journal.transact_sync(lambda tx: tx.append(ENTRY, {"note": "x" * 100}))
    path = tmp_path / "journal.db"
    content = path.read_bytes()
    with contextlib.closing(sqlite3.connect(path)) as db:
        (page,) = db.execute("SELECT rootpage FROM sqlite_master WHERE name = 'entries'").fetchone()
    path.write_bytes(content[: (page - 1) * 4096] + b"\xff" * 4096 + content[page * 4096 :])
    with opened() as journal:
        with pytest.raises(JournalUnavailable) as refused:
            journal.transact_sync(lambda tx: tx.append(ENTRY))
        assert not refused.value.retryable
        with pytest.raises(JournalUnavailable):
            journal.transact_sync(lambda tx: tx.append(ENTRY))
    assert verify(path, [journal.verification_key]).finding is not Finding.OK


def test_a_forked_child_has_to_open_again(journal: Journal) -> None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            journal.transact_sync(lambda tx: tx.append(ENTRY))
        except IsthmusError as error:
            os.write(write, error.sentence.encode())
        finally:
            os._exit(0)
    os.waitpid(child, 0)
    os.close(write)
    with os.fdopen(read) as answer:
        assert "forked" in answer.read()
    assert journal.transact_sync(lambda tx: tx.append(ENTRY)) == 0


def test_a_torn_log_loses_nothing_that_was_synced_before_it(opened: Callable[..., Journal], tmp_path: Path) -> None:
    copies = tmp_path / "copies"
    copies.mkdir()
    with opened() as journal:
        sizes = []
        for _ in range(4):
            journal.transact_sync(lambda tx: tx.append(ENTRY))
            sizes.append((tmp_path / "journal.db-wal").stat().st_size)
        key = journal.verification_key
        database, log = ((tmp_path / name).read_bytes() for name in ("journal.db", "journal.db-wal"))
    for cut in range(0, len(log), 1_999):
        shutil.rmtree(copies)
        copies.mkdir()
        (copies / "journal.db").write_bytes(database)
        (copies / "journal.db-wal").write_bytes(log[:cut])
        with opened(copies / "journal.db") as torn:
            kept = torn.view().size
            assert kept >= sum(size <= cut for size in sizes)
            assert torn.transact_sync(lambda tx: tx.append(ENTRY)) == kept
        assert verify(copies / "journal.db", [key]).finding is Finding.OK


@pytest.fixture
def restless_threads() -> Iterator[None]:
    """Let threads change places all the time, to meet the narrow moments."""
    usual = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(usual)


@pytest.mark.usefixtures("restless_threads")
def test_nobody_waits_for_a_journal_that_closes_meanwhile(opened: Callable[..., Journal]) -> None:
    for _ in range(20):
        answered: list[bool] = []

        def write(journal: Journal, answered: list[bool]) -> None:
            with contextlib.suppress(JournalUnavailable):
                while True:
                    journal.transact_sync(lambda tx: tx.size)
            answered.append(True)

        with opened() as journal:
            threads = [threading.Thread(target=write, args=(journal, answered), daemon=True) for _ in range(8)]
            for thread in threads:
                thread.start()
        for thread in threads:
            thread.join(10)
        assert len(answered) == 8


def test_a_file_of_the_first_version_is_brought_forward(
    opened: Callable[..., Journal], outcome: Callable[..., Entry], tmp_path: Path
) -> None:
    path = tmp_path / "journal.db"
    with opened() as journal:
        for number in range(13):
            entry = outcome(attempt=f"at-{number}", on_behalf_of=["anna", "bob"][number % 2])
            journal.transact_sync(lambda tx, entry=entry: tx.append(entry))
        journal.transact_sync(lambda tx: tx.erase([4], who="officer", why="asked", basis="gdpr-17"))
        kept, told, proof = journal.checkpoint_sync(), journal.view().about("anna"), journal.view().prove(9)
    as_first_version(path)
    assert "brings it forward" in verify(path, [journal.verification_key]).what
    with opened() as journal:
        assert (journal.view().about("anna"), journal.view().prove(9)) == (told, proof)
        journal.transact_sync(lambda tx: tx.append(outcome(attempt="later")))
        journal.checkpoint_sync()
    report = verify(path, [journal.verification_key], older=[kept])
    assert (report.finding, report.size, report.covered, report.erased) == (Finding.OK, 15, 15, 1), report


def test_labels_of_the_second_version_are_found_under_names_that_nobody_reads(
    opened: Callable[..., Journal], keys: JournalKeys, tmp_path: Path
) -> None:
    path, key = tmp_path / "journal.db", "model-eu|triage|anna"
    with opened() as journal:
        label = journal.transact_sync(lambda tx: tx.join_label(key, Label.of(["pii"], ["DE"], ["sf-eu"], person=True)))
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("UPDATE labels SET key = ?", (key,))
        db.execute("DROP TABLE pauses")
        db.execute("DELETE FROM schema WHERE version = 3")
        db.commit()
    before = path.read_bytes()
    others = JournalKeys(sealing=keys.sealing, signing=keys.signing, pseudonyms=b"q" * 32)
    with pytest.raises(ConfigurationError, match="another pseudonym key"), opened(keys=others):
        pass
    assert path.read_bytes() == before
    with opened() as journal:
        assert journal.view().task_label(key) == label
    assert not [one for one in tmp_path.iterdir() if b"anna" in one.read_bytes()]


def as_first_version(path: Path) -> None:
    """Lay a file out the way the first version did, whose roots and names had tables of their own."""
    with contextlib.closing(sqlite3.connect(path)) as db:
        nodes = [
            (level, index >> level, roots[level * 32 : level * 32 + 32])
            for index, roots in db.execute("SELECT idx, nodes FROM entries").fetchall()
            for level in range(len(roots) // 32)
        ]
        names = [
            (names[at : at + 16].hex(), index)
            for index, names in db.execute("SELECT idx, subjects FROM payloads").fetchall()
            for at in range(0, len(names), 16)
        ]
        db.executescript(
            "CREATE TABLE nodes (level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL,"
            " PRIMARY KEY (level, idx)) WITHOUT ROWID;"
            "CREATE TABLE subjects (pseudonym TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (pseudonym, idx))"
            " WITHOUT ROWID;"
            "ALTER TABLE entries DROP COLUMN nodes; ALTER TABLE payloads DROP COLUMN subjects;"
            "DROP TABLE pauses;"
            "DELETE FROM schema WHERE version >= 2"
        )
        db.executemany("INSERT INTO nodes VALUES (?, ?, ?)", nodes)
        db.executemany("INSERT INTO subjects VALUES (?, ?)", names)
        db.commit()
