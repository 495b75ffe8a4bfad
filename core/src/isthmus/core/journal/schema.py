"""Which tables hold the journal, and how does an older file become a current one?"""

import sqlite3
from datetime import datetime
from pathlib import Path
from typing import Any

from isthmus.core.errors import ConfigurationError

from .errors import JournalUnavailable
from .instants import micros

__all__ = ["connect", "migrate"]

BUSY_SECONDS = 30.0

_V1 = """
CREATE TABLE schema (version INTEGER NOT NULL, applied_at INTEGER NOT NULL);
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE entries (idx INTEGER PRIMARY KEY, leaf BLOB NOT NULL);
CREATE TABLE nodes (level INTEGER NOT NULL, idx INTEGER NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (level, idx))
    WITHOUT ROWID;
CREATE TABLE tree (id INTEGER PRIMARY KEY CHECK (id = 1), size INTEGER NOT NULL, edge BLOB NOT NULL);
INSERT INTO tree VALUES (1, 0, x'');
CREATE TABLE checkpoints (size INTEGER PRIMARY KEY, note TEXT NOT NULL, signed_at INTEGER NOT NULL);
CREATE TABLE payloads (idx INTEGER PRIMARY KEY, salt BLOB NOT NULL, body BLOB NOT NULL);
CREATE TABLE subjects (pseudonym TEXT NOT NULL, idx INTEGER NOT NULL, PRIMARY KEY (pseudonym, idx)) WITHOUT ROWID;

CREATE TABLE intents (
    id TEXT PRIMARY KEY, agent TEXT NOT NULL, user TEXT NOT NULL, digest TEXT NOT NULL, tool TEXT NOT NULL,
    connection TEXT NOT NULL, object TEXT NOT NULL, key TEXT, opened_at INTEGER NOT NULL, state TEXT NOT NULL,
    lease_owner TEXT NOT NULL, lease_until INTEGER NOT NULL, owed_until INTEGER NOT NULL DEFAULT 0, body BLOB
);
CREATE UNIQUE INDEX intents_open ON intents (agent, user, digest) WHERE state IN ('open', 'unknown');
CREATE UNIQUE INDEX intents_key ON intents (agent, user, tool, key) WHERE key IS NOT NULL AND state <> 'not_happened';
CREATE INDEX intents_owed ON intents (agent, user, digest) WHERE owed_until > 0;
CREATE INDEX intents_unsettled ON intents (connection, opened_at) WHERE state IN ('open', 'unknown');

CREATE TABLE approvals (
    id TEXT PRIMARY KEY, digest TEXT NOT NULL, agent TEXT NOT NULL, user TEXT NOT NULL, tool TEXT NOT NULL,
    asked_at INTEGER NOT NULL, expires INTEGER NOT NULL, state TEXT NOT NULL, used_at INTEGER, body BLOB
);
CREATE INDEX approvals_digest ON approvals (digest, agent, user);
CREATE INDEX approvals_state ON approvals (state, asked_at);

CREATE TABLE labels (key TEXT PRIMARY KEY, label TEXT NOT NULL) WITHOUT ROWID;

CREATE TABLE attempts (
    id TEXT PRIMARY KEY, at INTEGER NOT NULL, agent TEXT NOT NULL, user TEXT NOT NULL, task TEXT NOT NULL,
    system TEXT NOT NULL, connection TEXT NOT NULL, verb TEXT NOT NULL, effects TEXT NOT NULL, object TEXT NOT NULL,
    same TEXT NOT NULL, risk INTEGER NOT NULL, rows INTEGER NOT NULL, bytes INTEGER NOT NULL, state TEXT NOT NULL
) WITHOUT ROWID;
CREATE INDEX attempts_user ON attempts (user, at);
CREATE INDEX attempts_agent ON attempts (agent, at);
CREATE INDEX attempts_task ON attempts (task, at);
CREATE INDEX attempts_at ON attempts (at);

CREATE TABLE generations (
    connection TEXT NOT NULL, user TEXT NOT NULL, number INTEGER NOT NULL, state TEXT NOT NULL, secret BLOB,
    updated_at INTEGER NOT NULL, PRIMARY KEY (connection, user, number)
) WITHOUT ROWID;
CREATE UNIQUE INDEX generations_current ON generations (connection, user) WHERE state = 'current';
CREATE TABLE leases (
    name TEXT PRIMARY KEY, owner TEXT NOT NULL, until INTEGER NOT NULL, fence INTEGER NOT NULL
) WITHOUT ROWID;
"""

_VERSIONS = (_V1,)
"""The statements that lead from version n to n + 1; a released one never changes."""


def connect(path: Path, *, writer: bool) -> sqlite3.Connection:
    """Open a connection with the journal's settings; readers cannot write and may be used from any thread."""
    address = f"{path.resolve().as_uri()}?mode={'rw' if writer else 'ro'}"
    db = sqlite3.connect(
        address,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=writer,
        factory=sqlite3.Connection if writer else _Reader,
    )
    if writer:
        # An erased body must not survive in a free page, nor a rolled back one in a temporary file.
        for setting in ("journal_mode=WAL", "synchronous=FULL", "secure_delete=ON", "temp_store=MEMORY"):
            db.execute(f"PRAGMA {setting}")
        # The writer checkpoints by itself: SQLite's own turn hides a failed fsync.
        db.execute("PRAGMA wal_autocheckpoint=0")
    return db


class _Reader(sqlite3.Connection):
    """A reading connection whose failures are the journal's own."""

    def execute(self, *arguments: Any) -> sqlite3.Cursor:
        try:
            return super().execute(*arguments)
        except sqlite3.DatabaseError as error:
            raise JournalUnavailable(
                f"the journal could not be read ({error}); check its disk and run `isthmus audit verify`"
            ) from error


def _version(db: sqlite3.Connection) -> int:
    if not db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'schema'").fetchone()[0]:
        return 0
    version: int = db.execute("SELECT max(version) FROM schema").fetchone()[0]
    if version > len(_VERSIONS):
        raise ConfigurationError(
            f"the journal has version {version}, this isthmus knows up to {len(_VERSIONS)}; use the newer isthmus"
        )
    return version


def migrate(db: sqlite3.Connection, at: datetime) -> None:
    """Bring the tables to this version, in one transaction.

    Raises:
        ConfigurationError: a newer isthmus wrote the file.
    """
    db.execute("BEGIN IMMEDIATE")
    try:
        version = _version(db)
        for number, script in enumerate(_VERSIONS[version:], start=version + 1):
            for statement in script.split(";\n"):
                db.execute(statement)
            db.execute("INSERT INTO schema VALUES (?, ?)", (number, micros(at)))
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
