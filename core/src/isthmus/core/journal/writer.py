"""How do units of work become durable: one thread, one transaction for whatever is queued, one fsync."""

import concurrent.futures
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import Final

from .errors import JournalBusy, JournalUnavailable
from .reserve import Reserve
from .schema import UnitConnection, connect
from .sealing import Sealer
from .transaction import Transaction
from .tree import Growth
from .turns import Turns
from .unit import Unit, deliver

__all__ = ["Writer"]

_LARGEST_BATCH: Final = 1_024
_BATCHES_PER_COPY: Final = 64
_ENTRIES_PER_COPY: Final = 4_096
_SCRUB_WAIT_MS: Final = 200
_BUSY_MS: Final = 30_000
# The low byte of SQLite's codes: NOMEM, READONLY, INTERRUPT, IOERR, CORRUPT, FULL, CANTOPEN, PROTOCOL, NOTADB.
_STORAGE_FAULTS: Final = frozenset({7, 8, 9, 10, 11, 13, 14, 15, 26})
_PASSING_FAULTS: Final = frozenset({sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL})


class Writer:
    """Own the writing connection and its thread; whatever queued while the last batch was syncing is the next one."""

    def __init__(self, path: Path, sealer: Sealer, clock: Callable[[], datetime], reserve: Reserve) -> None:
        self._path = path
        self._sealer = sealer
        self._clock = clock
        self._reserve = reserve
        self._turns = Turns(path)
        # None ends the thread. A SimpleQueue wakes it at a tenth of a Condition's cost.
        self._queue: SimpleQueue[Unit | None] = SimpleQueue()
        # Held while a unit is let in, so that none slips in behind the end or a failure and waits for ever.
        self._open = threading.Lock()
        self._taken: list[Unit] = []
        self._held = True
        self._closing = self._last = False
        self._failure: JournalUnavailable | None = None
        self._batches = self._entries = 0
        self._scrub = True
        self._ready: concurrent.futures.Future[None] = concurrent.futures.Future()
        self._thread = threading.Thread(target=self._run, name="isthmus-journal", daemon=True)

    def start(self) -> None:
        """Start the thread; returns when its connection is open."""
        self._thread.start()
        self._ready.result()

    def submit(self, unit: Unit) -> None:
        """Queue a unit.

        Raises:
            JournalUnavailable: the journal failed or was closed.
        """
        if threading.get_ident() == self._thread.ident:
            raise RuntimeError("a unit of work may not wait for another one; do both in one unit")
        with self._open:
            if self._closing:
                raise JournalUnavailable("the journal is closed; open it again")
            if self._failure is not None:
                raise self._failure
            self._queue.put(unit)

    def close(self) -> None:
        """Finish what is queued and stop the thread."""
        with self._open:
            self._closing = True
            self._queue.put(None)
        self._thread.join()
        self._turns.close()

    def _run(self) -> None:
        try:
            db = connect(self._path, writer=True)
        except (sqlite3.Error, OSError) as error:
            self._ready.set_exception(_unavailable(error, self._path))
            return
        with closing(db):
            self._ready.set_result(None)
            try:
                while not self._last and self._failure is None:
                    self._turn(db, self._queue.get())
            finally:
                stopped = JournalUnavailable("the journal's writer stopped; open the journal again")
                for unit in self._taken:
                    unit.error = stopped
                self._answer()
                self._stop(stopped)

    def _turn(self, db: UnitConnection, first: Unit | None) -> None:
        if first is None:
            self._last = True
            return
        self._taken = [first]
        with self._turns:
            self._take(self._taken)
            try:
                self._serve(db, self._taken)
                self._wipe(db)
            except (sqlite3.Error, OSError) as error:
                self._refuse(db, _unavailable(error, self._path))
            except JournalUnavailable as failure:
                self._refuse(db, failure)
            if self._failure is None and self._tidy_due():
                # Nobody has to wait for that.
                self._answer()
                self._tidy(db)
        # After the turn is passed on: this thread goes to sleep now and leaves the interpreter to whom it woke.
        self._answer()

    def _refuse(self, db: sqlite3.Connection, failure: JournalUnavailable) -> None:
        if db.in_transaction:
            db.execute("ROLLBACK")
        for unit in self._taken:
            unit.error = failure
        if not failure.retryable:
            self._stop(failure)

    def _answer(self) -> None:
        answered, self._taken = self._taken, []
        deliver(answered)

    def _take(self, taken: list[Unit]) -> None:
        # Only now: what queued while we waited for our turn comes along. Nobody else takes from the queue.
        for _ in range(min(self._queue.qsize(), _LARGEST_BATCH - 1)):
            unit = self._queue.get_nowait()
            if unit is None:
                self._last = True
                break
            taken.append(unit)
        taken[:] = [unit for unit in taken if not unit.future.cancelled()]

    def _serve(self, db: UnitConnection, units: list[Unit]) -> None:
        self._held = self._reserve.restore()
        while True:
            try:
                return self._commit(db, units)
            except sqlite3.Error as error:
                if db.in_transaction:
                    db.execute("ROLLBACK")
                if not (_is_full(error) and self._reserve.release()):
                    raise
                self._held = False
                # Pages already copied into the database make room in the log for what follows.
                _copy_log(db, "PASSIVE")

    def _commit(self, db: UnitConnection, units: list[Unit]) -> None:
        self._sealer.prepare(len(units))
        db.directly("BEGIN IMMEDIATE")
        growth = _growth(db, self._path)
        size = growth.size
        transaction = Transaction(db, self._sealer, growth, self._clock, full=not self._held)
        for unit in units:
            _try(db, transaction, unit)
        transaction.finish(db.directly)
        if transaction.erased:
            db.execute("INSERT OR REPLACE INTO facts VALUES ('scrub', 'due')")
        db.directly("COMMIT")
        self._scrub = self._scrub or transaction.erased
        self._batches += 1
        self._entries += growth.size - size

    def _wipe(self, db: sqlite3.Connection) -> None:
        """Cut the write-ahead log, which still holds what was erased; a reader in the way puts it off."""
        if not self._scrub:
            return
        if db.execute("SELECT 1 FROM facts WHERE name = 'scrub'").fetchone():
            db.execute(f"PRAGMA busy_timeout={_SCRUB_WAIT_MS}")
            cut = _copy_log(db, "TRUNCATE")
            db.execute(f"PRAGMA busy_timeout={_BUSY_MS}")
            if not cut:
                return
            db.execute("DELETE FROM facts WHERE name = 'scrub'")
        self._scrub = False

    def _tidy_due(self) -> bool:
        return self._batches >= _BATCHES_PER_COPY or self._entries >= _ENTRIES_PER_COPY or not self._held

    def _tidy(self, db: sqlite3.Connection) -> None:
        """Copy the log into the database from time to time; with the turn held, nobody adds to it meanwhile."""
        self._batches = self._entries = 0
        try:
            _copy_log(db, "PASSIVE")
        except sqlite3.Error as error:
            self._stop(_unavailable(error, self._path))

    def _stop(self, failure: JournalUnavailable) -> None:
        with self._open:
            self._failure = self._failure or failure
        left: list[Unit] = []
        with suppress(Empty):
            while True:
                unit = self._queue.get_nowait()
                if unit is not None:
                    unit.error = self._failure
                    left.append(unit)
        deliver(left)


def _growth(db: UnitConnection, path: Path) -> Growth:
    size, edge = db.directly("SELECT size, edge FROM tree").fetchone()
    try:
        return Growth(size, edge)
    except ValueError as error:
        raise JournalUnavailable(
            f"the journal's head is damaged ({error}); run `isthmus audit verify` and restore a backup",
            code="journal_inconsistent",
            object=path.name,
        ) from error


def _try(db: UnitConnection, transaction: Transaction, unit: Unit) -> None:
    mark = transaction.mark()
    unit.result = unit.error = None
    db.begin_unit()
    try:
        unit.result = unit.work(transaction)
    except BaseException as error:
        # Whatever a unit raises belongs to whoever waits for it, but a broken disk is everybody's.
        if isinstance(error, sqlite3.Error) and (_code(error) in _STORAGE_FAULTS or not db.in_transaction):
            db.leave_unit()
            raise
        db.end_unit(undo=True)
        transaction.back_to(mark)
        unit.error = error
    else:
        db.end_unit(undo=False)


def _copy_log(db: sqlite3.Connection, mode: str) -> bool:
    """Copy the write-ahead log into the database; False where a reader or a full disk was in the way."""
    try:
        busy: int = db.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()[0]
    except sqlite3.Error as error:
        if not _is_full(error):
            raise
        return False
    return not busy


def _code(error: sqlite3.Error) -> int:
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _is_full(error: sqlite3.Error) -> bool:
    # Growing the shared-memory index fails with its own code when the disk is full.
    shared = getattr(error, "sqlite_errorcode", 0) == sqlite3.SQLITE_IOERR_SHMSIZE
    return shared or _code(error) == sqlite3.SQLITE_FULL


def _unavailable(error: sqlite3.Error | OSError, path: Path) -> JournalUnavailable:
    if isinstance(error, sqlite3.Error) and (_is_full(error) or _code(error) in _PASSING_FAULTS):
        full = _is_full(error)
        sentence = (
            "the disk that holds the journal is full and its reserve is spent; free some space and repeat the call"
            if full
            else "another program holds the journal's database; close it and repeat the call"
        )
        return JournalBusy(sentence, code="journal_full" if full else "journal_busy", object=path.name)
    name = getattr(error, "sqlite_errorname", type(error).__name__)
    return JournalUnavailable(
        f"the journal could not be written ({name}), so nothing was confirmed; check its disk, run"
        " `isthmus audit verify` and start again",
        object=path.name,
    )
