"""What does one durable record cost? The journal against bare sqlite3 batches of as many bytes, on the same disk."""

import asyncio
import itertools
import os
import sqlite3
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from msgspec.structs import replace

from benchmarks import org
from benchmarks.samples import Sample, Stopwatch
from isthmus.core.journal import Entry, FieldForm, Journal, JournalKeys, Kind, Transaction
from isthmus.core.journal.verify import Finding, verify
from isthmus.residency import Integrity, Label

_KEYS = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)
_WARM_UP = 0.3
_BATCH = 32
_ENTRIES = 8_192
_TASK = "model-eu|support|alice"
_LABEL = Label(
    frozenset({"internal", "pii", "free_text"}), frozenset({"DE"}), frozenset({"crm-eu"}), Integrity.UNTRUSTED
)
PLAIN = Entry(
    kind=Kind.OUTCOME,
    attempt="01JD0000000000000000000001",
    agent="support-triage",
    on_behalf_of="anna@acme.example",
    client="desktop",
    tool="query",
    system="crm",
    connection="sf-eu",
    object="Contact",
    effects=("read",),
    door="rest",
    zone="eu-de",
    consumer="host-us",
    purpose="support",
    task="t_9f",
    policy={"cedar": "a" * 64, "flow": "b" * 64},
    rules=("eea-pii-at-home", "support-read-contacts"),
    decision="allow",
    argument_digest="c" * 64,
    record_ids=("sf-eu/Contact/003AA",),
    http_status=200,
    attempts=1,
    bytes=2_000,
    duration_us=12_345,
    trace_id="f" * 32,
)
"""A small entry: what a call leaves that released nothing."""
READ = replace(
    PLAIN,
    tool="get",
    schema_hash="d" * 64,
    policy={"cedar": "a" * 64, "flows": "sha256:" + "b" * 64, "sequences": "e" * 64},
    state="done",
    label_before=_LABEL,
    label_after=_LABEL,
    forms=(FieldForm(frozenset(org.FIELDS), "clear"),),
    credential_generation=1,
    quota_spent={"crm-eu": 1},
    basis="none-needed",
)
"""The entry of a governed read of a whole contact."""


def _plain(entry: Entry, transaction: Transaction) -> None:
    transaction.append(entry)


def _read(entry: Entry, transaction: Transaction) -> None:
    transaction.join_label(_TASK, _LABEL)
    transaction.append(entry)


def _numbered(entry: Entry, number: int) -> Entry:
    id = f"{number:032x}"
    return replace(entry, attempt=id, trace_id=id, argument_digest=id * 2, record_ids=(org.record_id(number),))


Work = Callable[[Entry, Transaction], None]
WORK: dict[str, tuple[Work, Entry]] = {"journal": (_plain, PLAIN), "journal, a read's entry": (_read, READ)}


def fdatasync(folder: Path, seconds: float) -> Sample:
    """Ask the disk itself: 8 KB and an fdatasync, over and over."""
    with tempfile.TemporaryDirectory(dir=folder) as home, (Path(home) / "sync").open("wb", buffering=0) as file:
        count, until = 0, time.perf_counter() + seconds
        with Stopwatch() as watch:
            while time.perf_counter() < until:
                file.write(bytes(8_192))
                os.fdatasync(file.fileno())
                count += 1
    return watch.sample(1, count)


def raw(folder: Path, seconds: float) -> Sample:
    """Insert batches of 32 blobs as large as an entry with what is sealed beside it, and commit each."""
    blob, numbers = bytes(_stored_bytes(folder)), itertools.count()
    with tempfile.TemporaryDirectory(dir=folder) as home, closing(_batches(Path(home))) as db:
        count, until = 0, time.perf_counter() + seconds
        with Stopwatch() as watch:
            while time.perf_counter() < until:
                db.execute("BEGIN IMMEDIATE")
                db.executemany("INSERT INTO entries VALUES (?, ?)", [(next(numbers), blob) for _ in range(_BATCH)])
                db.execute("COMMIT")
                count += _BATCH
    return watch.sample(_BATCH, count)


def _batches(home: Path) -> sqlite3.Connection:
    db = sqlite3.connect(home / "raw.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL)")
    return db


def _stored_bytes(folder: Path) -> int:
    with tempfile.TemporaryDirectory(dir=folder) as home:
        path = Path(home) / "journal.db"
        with Journal.open(path, origin="acme.example/isthmus", keys=_KEYS, reserve=0) as journal:
            journal.transact_sync(partial(_plain, PLAIN))
        with closing(sqlite3.connect(path)) as db:
            sizes = "SELECT sum(length(e.leaf) + length(p.salt) + length(p.body)) FROM entries e JOIN payloads p"
            found: int = db.execute(sizes).fetchone()[0]
            return found


async def durable(name: str, folder: Path, loads: Sequence[int], seconds: float) -> list[Sample]:
    """Measure the journal under so many callers; what it wrote must verify."""
    work, entry = WORK[name]
    # Built beforehand: that is the caller's work, and measured with the reads.
    entries = itertools.cycle([_numbered(entry, number) for number in range(_ENTRIES)])
    with tempfile.TemporaryDirectory(dir=folder) as home:
        path, found = Path(home) / "journal.db", []
        async with Journal.open(path, origin="acme.example/isthmus", keys=_KEYS) as journal:
            for callers in loads:
                await _together(journal, work, entries, callers, _WARM_UP)
                found.append(await _together(journal, work, entries, callers, seconds))
            await journal.checkpoint()
        report = verify(path, [journal.verification_key], sealing=_KEYS.sealing)
        if report.finding is not Finding.OK:
            raise RuntimeError(f"the journal does not verify: {report.what}")
    return found


async def _together(journal: Journal, work: Work, entries: Iterator[Entry], callers: int, seconds: float) -> Sample:
    until, done = time.perf_counter() + seconds, 0

    async def caller() -> None:
        nonlocal done
        while time.perf_counter() < until:
            await journal.transact(partial(work, next(entries)))
            done += 1

    with Stopwatch() as watch:
        await asyncio.gather(*(caller() for _ in range(callers)))
    return watch.sample(callers, done)
