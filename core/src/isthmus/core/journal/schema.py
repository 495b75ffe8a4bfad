"""Which tables hold the journal, and how does an older file become a current one?"""

import sqlite3
from collections.abc import Callable
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Any, Literal, overload

from isthmus.core.errors import ConfigurationError

from .errors import JournalUnavailable
from .instants import micros

__all__ = ["UnitConnection", "connect", "migrate"]

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

# The roots that an entry completes stand beside it, from its own leaf up, and the pseudonyms it names beside its body:
# an entry is two rows at the end of two tables, instead of rows all over four of them.
_V2 = """
CREATE INDEX subjects_of ON subjects (idx);
ALTER TABLE entries ADD COLUMN nodes BLOB NOT NULL DEFAULT x'';
UPDATE entries SET nodes = completed(idx);
DROP TABLE nodes;
ALTER TABLE payloads ADD COLUMN subjects BLOB NOT NULL DEFAULT x'';
UPDATE payloads SET subjects = named(idx);
DROP TABLE subjects;
"""

# Labels were kept under keys that name people in clear.
_V3 = """
CREATE TABLE pauses (
    scope TEXT NOT NULL, name TEXT NOT NULL, since INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (scope, name)
) WITHOUT ROWID;
UPDATE labels SET key = pseudonym(key);
"""

_VERSIONS = (_V1, _V2, _V3)
"""The statements that lead from version n to n + 1; a released one never changes."""


_WRITER = (
    "journal_mode=WAL",
    "synchronous=FULL",
    # An erased body must not survive in a free page, nor a rolled back one in a temporary file.
    "secure_delete=ON",
    "temp_store=MEMORY",
    # The writer checkpoints by itself: SQLite's own turn hides a failed fsync.
    "wal_autocheckpoint=0",
)


@overload
def connect(path: Path, *, writer: Literal[True]) -> "UnitConnection": ...
@overload
def connect(path: Path, *, writer: Literal[False]) -> sqlite3.Connection: ...
def connect(path: Path, *, writer: bool) -> sqlite3.Connection:
    """Open a connection with the journal's settings; readers cannot write and may be used from any thread."""
    address = f"{path.resolve().as_uri()}?mode={'rw' if writer else 'ro'}"
    db = sqlite3.connect(
        address,
        uri=True,
        timeout=BUSY_SECONDS,
        isolation_level=None,
        check_same_thread=writer,
        factory=UnitConnection if writer else _Reader,
    )
    try:
        for setting in _WRITER if writer else ():
            db.execute(f"PRAGMA {setting}")
    except sqlite3.Error:
        db.close()
        raise
    return db


class UnitConnection(sqlite3.Connection):
    """The writing connection, on which one unit of work can be undone.

    Its savepoint is set only when the unit first changes a row: most units only append, and what they append is
    written when the batch ends.
    """

    _pending = False
    _marked = False
    directly = sqlite3.Connection.execute
    """Run a statement that belongs to no unit."""

    def begin_unit(self) -> None:
        """Start a unit."""
        self._pending, self._marked = True, False

    def leave_unit(self) -> None:
        """Forget about the unit: the whole transaction is about to be rolled back."""
        self._pending = False

    def end_unit(self, *, undo: bool) -> None:
        """Finish the unit, and undo its changes where asked."""
        self._pending = False
        if not self._marked:
            return
        if undo:
            super().execute("ROLLBACK TO unit")
        super().execute("RELEASE unit")

    def execute(self, sql: str, parameters: Any = (), /) -> sqlite3.Cursor:
        """Run a statement; one that may change something sets the savepoint first."""
        if self._pending and not sql.startswith("SELECT"):
            self._mark()
        return super().execute(sql, parameters)

    def executemany(self, sql: str, parameters: Any, /) -> sqlite3.Cursor:
        """Run a statement for each row; the savepoint comes first."""
        if self._pending:
            self._mark()
        return super().executemany(sql, parameters)

    def _mark(self) -> None:
        super().execute("SAVEPOINT unit")
        self._pending, self._marked = False, True


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


def _completed(db: sqlite3.Connection, index: int) -> bytes:
    """Join the roots that an entry completed, out of the first version's table."""
    levels = range((~index & index + 1).bit_length())
    one = "SELECT hash FROM nodes WHERE level = ? AND idx = ?"
    rows = [db.execute(one, (level, index >> level)).fetchone() for level in levels]
    return b"".join(row[0] for row in rows if row)


def _named(db: sqlite3.Connection, index: int) -> bytes:
    """Join the pseudonyms that an entry named, out of the first version's table."""
    rows = db.execute("SELECT pseudonym FROM subjects WHERE idx = ?", (index,))
    return bytes.fromhex("".join(pseudonym for (pseudonym,) in rows))


def migrate(
    db: sqlite3.Connection,
    at: datetime,
    *,
    pseudonym: Callable[[str], str],
    claim: Callable[[sqlite3.Connection], None],
) -> None:
    """Bring the tables to this version, in one transaction; `claim` has the last word on it.

    Raises:
        ConfigurationError: a newer isthmus wrote the file, or what `claim` raises; nothing was changed.
    """
    db.create_function("pseudonym", 1, pseudonym)
    db.create_function("completed", 1, partial(_completed, db))
    db.create_function("named", 1, partial(_named, db))
    db.execute("BEGIN IMMEDIATE")
    try:
        version = _version(db)
        for number, script in enumerate(_VERSIONS[version:], start=version + 1):
            for statement in script.split(";\n"):
                db.execute(statement)
            db.execute("INSERT INTO schema VALUES (?, ?)", (number, micros(at)))
        claim(db)
    except BaseException:
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")
