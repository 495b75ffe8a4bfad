"""How are generations, leases and named secrets kept on one machine? In `secrets.db`, every value sealed."""

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from isthmus.core.credentials.sealing import SealingKey
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.store import Generation, Lease, SecretStoreError, Slot, Snapshot, State

__all__ = ["SQLiteSecretStore"]

SCHEMA_VERSION = 1
BUSY_SECONDS = 10.0
LONGEST_LEASE = 600.0
"""A lease that claims to last longer was written before the clock was set back, and counts as expired."""

SCHEMA = """
CREATE TABLE IF NOT EXISTS generations (
    connection TEXT NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL, generation INTEGER NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending','verified','current','draining','revoked','reauth_required')),
    fence INTEGER NOT NULL, sealed BLOB, updated_at REAL NOT NULL,
    PRIMARY KEY (connection, user, kind, generation)) WITHOUT ROWID;
CREATE UNIQUE INDEX IF NOT EXISTS one_current ON generations (connection, user, kind) WHERE state = 'current';
CREATE TABLE IF NOT EXISTS leases (
    connection TEXT NOT NULL, user TEXT NOT NULL, kind TEXT NOT NULL, fence INTEGER NOT NULL, expires_at REAL NOT NULL,
    PRIMARY KEY (connection, user, kind)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS secrets (
    name TEXT NOT NULL, user TEXT NOT NULL, sealed BLOB NOT NULL, updated_at REAL NOT NULL,
    PRIMARY KEY (name, user)) WITHOUT ROWID;
"""


class SQLiteSecretStore:
    """One database file of mode 0600 for all processes of a machine; implements GenerationStore and NamedSecrets."""

    def __init__(self, path: Path, key: SealingKey, *, zone: str, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._key = key
        self._zone = zone
        self._clock = clock
        self._lock = threading.Lock()
        with self._translated():
            _create(path)
            self._db = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False)
            try:
                _prepare(self._db)
            except BaseException:
                self._db.close()
                raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the database file."""
        with self._lock:
            self._db.close()

    def read(self, slot: Slot) -> Snapshot:
        """Return all generations of a slot."""
        with self._lock, self._translated():
            rows = self._db.execute(
                "SELECT generation, state, fence, updated_at, sealed FROM generations "
                "WHERE connection = ? AND user = ? AND kind = ? ORDER BY generation DESC",
                _key_of(slot),
            ).fetchall()
        return Snapshot(tuple(self._generation(slot, *row) for row in rows))

    def begin(self, slot: Slot, *, after: int, fence: int, value: Secret | None = None) -> Generation | None:
        """Add the pending generation `after + 1`; None where `after` is no longer the newest."""
        with self._transaction() as db:
            if _newest(db, slot) != after:
                return None
            return self._insert(db, Generation(slot, after + 1, State.PENDING, fence, self._clock(), value))

    def promote(
        self, slot: Slot, number: int, value: Secret, *, fence: int, retire: State = State.REVOKED
    ) -> Generation | None:
        """Make a generation current and retire the one that was, in one step; None where it may not be."""
        with self._transaction() as db:
            held = db.execute(
                "SELECT 1 FROM generations WHERE connection = ? AND user = ? AND kind = ? AND generation = ? "
                "AND fence = ? AND state IN ('pending', 'verified', 'reauth_required')",
                (*_key_of(slot), number, fence),
            ).fetchone()
            if held is None or _newest(db, slot) != number:
                return None
            self._retire(db, slot, retire)
            db.execute(
                "DELETE FROM generations WHERE connection = ? AND user = ? AND kind = ? AND generation = ?",
                (*_key_of(slot), number),
            )
            return self._insert(db, Generation(slot, number, State.CURRENT, fence, self._clock(), value))

    def settle(self, slot: Slot, number: int, state: State, *, fence: int) -> bool:
        """Move a generation to a state; a holder of a lower fence than the one it was begun under may not."""
        if state in (State.CURRENT, State.PENDING):
            raise ValueError(f"a generation becomes {state} through promote or begin")
        ends = state in (State.REVOKED, State.REAUTH_REQUIRED)
        with self._transaction() as db:
            moved = db.execute(
                "UPDATE generations SET state = ?, updated_at = ?, sealed = iif(?, NULL, sealed) "
                "WHERE connection = ? AND user = ? AND kind = ? AND generation = ? AND fence <= ? "
                "AND state NOT IN ('revoked', 'reauth_required')",
                (state, self._clock(), ends, *_key_of(slot), number, fence),
            )
            return moved.rowcount == 1

    def withdraw(self, slot: Slot, number: int, *, fence: int) -> bool:
        """Forget a pending generation whose exchange did not take place."""
        with self._transaction() as db:
            gone = db.execute(
                "DELETE FROM generations WHERE connection = ? AND user = ? AND kind = ? AND generation = ? "
                "AND fence = ? AND state IN ('pending', 'reauth_required')",
                (*_key_of(slot), number, fence),
            )
            return gone.rowcount == 1

    def adopt(self, slot: Slot, value: Secret, *, after: int, fence: int = 0) -> Generation | None:
        """Add generation `after + 1` as the current one and revoke all others; None where `after` is not the newest."""
        with self._transaction() as db:
            if _newest(db, slot) != after:
                return None
            db.execute("DELETE FROM generations WHERE connection = ? AND user = ? AND kind = ?", _key_of(slot))
            return self._insert(db, Generation(slot, after + 1, State.CURRENT, fence, self._clock(), value))

    def acquire(self, slot: Slot, *, seconds: float) -> Lease | None:
        """Take the slot's lease; None while another holds it."""
        now = self._clock()
        with self._transaction() as db:
            row = db.execute(
                "SELECT fence, expires_at FROM leases WHERE connection = ? AND user = ? AND kind = ?", _key_of(slot)
            ).fetchone()
            if row is not None and now < row[1] <= now + LONGEST_LEASE:
                return None
            lease = Lease(slot, (row[0] if row else 0) + 1, now + min(seconds, LONGEST_LEASE))
            db.execute(
                "INSERT OR REPLACE INTO leases (connection, user, kind, fence, expires_at) VALUES (?, ?, ?, ?, ?)",
                (*_key_of(slot), lease.fence, lease.expires_at),
            )
            return lease

    def release(self, lease: Lease) -> None:
        """Give a lease back; without effect where it was taken over."""
        with self._transaction() as db:
            db.execute(
                "UPDATE leases SET expires_at = 0 WHERE connection = ? AND user = ? AND kind = ? AND fence = ?",
                (*_key_of(lease.slot), lease.fence),
            )

    def secret(self, name: str, *, user: str = "") -> Secret | None:
        """Return a secret or None; a person's never stands in for another's or for the service's."""
        with self._lock, self._translated():
            row = self._db.execute("SELECT sealed FROM secrets WHERE name = ? AND user = ?", (name, user)).fetchone()
        return None if row is None else self._open(row[0], "secret", name, user)

    def set_secret(self, name: str, value: Secret, *, user: str = "") -> None:
        """Keep a secret, replacing what the name held."""
        sealed = self._seal(value, "secret", name, user)
        with self._transaction() as db:
            db.execute("INSERT OR REPLACE INTO secrets VALUES (?, ?, ?, ?)", (name, user, sealed, self._clock()))

    def add_secret(self, name: str, value: Secret, *, user: str = "") -> Secret:
        """Keep a secret unless the name holds one; return what it holds now."""
        sealed = self._seal(value, "secret", name, user)
        with self._transaction() as db:
            db.execute("INSERT OR IGNORE INTO secrets VALUES (?, ?, ?, ?)", (name, user, sealed, self._clock()))
            (held,) = db.execute("SELECT sealed FROM secrets WHERE name = ? AND user = ?", (name, user)).fetchone()
        return self._open(held, "secret", name, user)

    def remove_secret(self, name: str, *, user: str = "") -> bool:
        """Forget a secret; False where there was none."""
        with self._transaction() as db:
            return db.execute("DELETE FROM secrets WHERE name = ? AND user = ?", (name, user)).rowcount == 1

    def secret_names(self) -> tuple[tuple[str, str], ...]:
        """Return all (name, user) pairs, sorted."""
        with self._lock, self._translated():
            return tuple(self._db.execute("SELECT name, user FROM secrets ORDER BY name, user").fetchall())

    def _insert(self, db: sqlite3.Connection, one: Generation) -> Generation:
        sealed = None if one.value is None else self._seal(one.value, "generation", *_key_of(one.slot), str(one.number))
        db.execute(
            "INSERT INTO generations (connection, user, kind, generation, state, fence, sealed, updated_at) "
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (*_key_of(one.slot), one.number, one.state, one.fence, sealed, one.updated_at),
        )
        return one

    def _retire(self, db: sqlite3.Connection, slot: Slot, state: State) -> None:
        """Move the current generation to a state; revoked ones are not kept."""
        db.execute(
            "UPDATE generations SET state = ?, updated_at = ? "
            "WHERE connection = ? AND user = ? AND kind = ? AND state = 'current'",
            (state, self._clock(), *_key_of(slot)),
        )
        db.execute(
            "DELETE FROM generations WHERE connection = ? AND user = ? AND kind = ? AND state = 'revoked'",
            _key_of(slot),
        )

    def _generation(
        self, slot: Slot, number: int, state: str, fence: int, updated_at: float, sealed: bytes | None
    ) -> Generation:
        value = None if sealed is None else self._open(sealed, "generation", *_key_of(slot), str(number))
        return Generation(slot, number, State(state), fence, updated_at, value)

    def _seal(self, value: Secret, *context: str) -> bytes:
        return self._key.seal(value.reveal().encode(), zone=self._zone, context=context)

    def _open(self, sealed: bytes, *context: str) -> Secret:
        return Secret(self._key.open(sealed, zone=self._zone, context=context).decode())

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        with self._lock, self._translated():
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
                self._db.execute("COMMIT")
            finally:
                # A failed COMMIT leaves the transaction open as well.
                if self._db.in_transaction:
                    self._db.execute("ROLLBACK")

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, OSError) as error:
            raise SecretStoreError(
                f"the secret store {self._path.name} cannot be used ({error}); "
                "check free space, owner and mode of its folder, then repeat",
                object=str(self._path),
            ) from error


def _create(path: Path) -> None:
    """Create the file for our eyes only, or narrow it; SQLite gives its -wal and -shm files the same mode."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    path.chmod(0o600)


def _prepare(db: sqlite3.Connection) -> None:
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            db.execute("PRAGMA journal_mode = WAL")
            break
        except sqlite3.OperationalError:
            # SQLite does not wait here while another process is switching the same new file to WAL.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.01)
    db.execute("PRAGMA synchronous = FULL")
    db.execute("PRAGMA secure_delete = ON")
    (version,) = db.execute("PRAGMA user_version").fetchone()
    if version > SCHEMA_VERSION:
        raise sqlite3.DatabaseError(f"schema {version} is of a newer isthmus")
    if version < SCHEMA_VERSION:
        db.executescript(f"BEGIN IMMEDIATE; {SCHEMA} PRAGMA user_version = {SCHEMA_VERSION}; COMMIT;")


def _key_of(slot: Slot) -> tuple[str, str, str]:
    return slot.connection, slot.user, slot.kind


def _newest(db: sqlite3.Connection, slot: Slot) -> int:
    (newest,) = db.execute(
        "SELECT MAX(generation) FROM generations WHERE connection = ? AND user = ? AND kind = ?", _key_of(slot)
    ).fetchone()
    return newest or 0
