"""Was the log changed? An independent check that shares no code with what wrote it.

Formats: RFC 6962 section 2.1, https://c2sp.org/signed-note, https://c2sp.org/tlog-checkpoint.
"""

import hashlib
import json
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from itertools import pairwise
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from .notes import Checkpoint, NoteInvalid, NoteKey, open_checkpoint

__all__ = ["Finding", "Report", "verify"]

SCHEMA_VERSION = 3
LAID_OUT_SO_SINCE = 2
"""The version since which the tables of the log have not changed."""
_KINDS = frozenset(
    ("intent", "decision", "outcome", "approval", "credential", "policy", "erase", "checkpoint", "restore", "lookup")
)


class Finding(StrEnum):
    """How a check ended."""

    OK = "ok"
    TAMPERED = "tampered"
    UNUSABLE = "unusable"


@dataclass(frozen=True, slots=True)
class Report:
    """The result of a check.

    `index` is the first entry known to be wrong, None where the fault lies elsewhere. `covered` entries are under a
    signature; what is newer rests on the file alone. `erased` entries have lost their body by a recorded request.
    """

    finding: Finding
    what: str = ""
    index: int | None = None
    size: int = 0
    covered: int = 0
    erased: int = 0


class _Tampered(Exception):
    def __init__(self, index: int | None, what: str) -> None:
        super().__init__(what)
        self.index = index
        self.what = what


class _Unusable(Exception):
    pass


def verify(path: Path, keys: Sequence[str], *, older: Iterable[str] = (), sealing: bytes | None = None) -> Report:
    """Check the journal in a file against its verification keys and any checkpoints kept elsewhere.

    `older` are the texts of checkpoints. With the `sealing` key the sealed bodies are opened and compared with what
    the entries commit to. The file is only read.
    """
    try:
        trusted = _trusted(keys)
        kept = [open_checkpoint(note, trusted) for note in older]
        with _Log(path) as log:
            return _Check(log, trusted, kept, sealing).run()
    except _Tampered as found:
        return Report(Finding.TAMPERED, found.what, found.index)
    except (_Unusable, NoteInvalid) as error:
        return Report(Finding.UNUSABLE, str(error))
    except (sqlite3.Error, OSError) as error:
        return Report(Finding.UNUSABLE, f"the journal {path.name!r} cannot be read: {error}")


class _Log:
    """One consistent snapshot of the file."""

    def __init__(self, path: Path) -> None:
        if not path.exists():
            raise _Unusable(f"there is no journal at {path.name!r}")
        self._path = path
        self._db = self._connect("mode=ro")

    def _connect(self, mode: str) -> sqlite3.Connection:
        return sqlite3.connect(f"{self._path.resolve().as_uri()}?{mode}", uri=True, isolation_level=None)

    def __enter__(self) -> Self:
        try:
            self._begin()
        except (sqlite3.Error, _Unusable):
            self._db.close()
            raise
        return self

    def _begin(self) -> None:
        try:
            self._db.execute("BEGIN")
            self._db.execute("SELECT 1 FROM schema").fetchone()
        except sqlite3.OperationalError:
            if self._path.with_name(f"{self._path.name}-wal").exists():
                raise
            # Without a log beside it nobody has the file open: it may lie on a read-only file system.
            self._db.close()
            self._db = self._connect("mode=ro&immutable=1")
            self._db.execute("BEGIN")
        version = self._db.execute("SELECT max(version) FROM schema").fetchone()[0]
        if not LAID_OUT_SO_SINCE <= version <= SCHEMA_VERSION:
            older = "; open it once with this isthmus, which brings it forward" if version < SCHEMA_VERSION else ""
            raise _Unusable(f"the journal has version {version}, this check knows {SCHEMA_VERSION}{older}")

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def fact(self, name: str) -> str:
        row = self._db.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return str(row[0]) if row else ""

    def head(self) -> tuple[int, bytes]:
        size, edge = self._db.execute("SELECT size, edge FROM tree").fetchone()
        return size, edge

    def checkpoints(self) -> list[tuple[int, str]]:
        return self._db.execute("SELECT size, note FROM checkpoints ORDER BY size").fetchall()

    def entries(self) -> Iterator[tuple[int, bytes, bytes, bytes | None, bytes | None]]:
        return self._db.execute(
            "SELECT e.idx, CAST(e.leaf AS BLOB), CAST(e.nodes AS BLOB), CAST(p.salt AS BLOB), CAST(p.body AS BLOB)"
            " FROM entries e LEFT JOIN payloads p USING (idx) ORDER BY e.idx"
        )

    def count(self, table: str) -> int:
        counts = {
            "payloads": "SELECT count(*) FROM payloads JOIN entries USING (idx)",
            "all payloads": "SELECT count(*) FROM payloads",
        }
        found: int = self._db.execute(counts[table]).fetchone()[0]
        return found


class _Hasher:
    """Rebuild the tree entry by entry and compare every complete subtree with the stored one."""

    def __init__(self) -> None:
        self._stack: list[tuple[int, bytes]] = []
        self.size = 0

    def add(self, leaf: bytes, stored: bytes) -> None:
        level, digest = 0, hashlib.sha256(b"\x00" + leaf).digest()
        complete = [digest]
        while self._stack and self._stack[-1][0] == level:
            digest = hashlib.sha256(b"\x01" + self._stack.pop()[1] + digest).digest()
            level += 1
            complete.append(digest)
        if stored != b"".join(complete):
            at = next((at for at, one in enumerate(complete) if stored[at * 32 : at * 32 + 32] != one), level)
            what = f"the stored tree was changed at level {at}" if at else "the entry was changed"
            raise _Tampered(self.size, what)
        self._stack.append((level, digest))
        self.size += 1

    def root(self) -> bytes:
        if not self._stack:
            return hashlib.sha256(b"").digest()
        digest = self._stack[-1][1]
        for _, left in self._stack[-2::-1]:
            digest = hashlib.sha256(b"\x01" + left + digest).digest()
        return digest

    def edge(self) -> bytes:
        return b"".join(digest for _, digest in self._stack)


@dataclass(slots=True)
class _Bodies:
    """Compare sealed bodies with what the leaves commit to, and remember which are missing."""

    origin: str
    cipher: AESGCM | None
    missing: list[int] = field(default_factory=list)
    erased: list[tuple[int, int]] = field(default_factory=list)

    def add(self, index: int, leaf: Mapping[str, object], salt: bytes | None, body: bytes | None) -> None:
        if leaf["kind"] == "erase":
            self.erased.extend(_ranges(index, leaf.get("erased", [])))
        committed = leaf.get("payload")
        if committed is None and body is not None:
            raise _Tampered(index, "a sealed body was added")
        if committed is not None and (body is None or salt is None):
            self.missing.append(index)
        elif self.cipher is not None and salt is not None and body is not None:
            self._open(index, leaf, salt, body)

    def settle(self) -> int:
        """Return how many bodies are missing by request; any other missing one is an offence."""
        at, ranges = 0, sorted(self.erased)
        for index in self.missing:
            while at < len(ranges) and ranges[at][1] < index:
                at += 1
            if at == len(ranges) or index < ranges[at][0]:
                raise _Tampered(index, "the sealed body is missing and no request to erase it is recorded")
        return len(self.missing)

    def _open(self, index: int, leaf: Mapping[str, object], salt: bytes, body: bytes) -> None:
        assert self.cipher is not None  # noqa: S101 asked one call above
        place = f"{self.origin}\0entry {index}".encode()
        try:
            content = self.cipher.decrypt(body[5:17], body[17:], place)
        except (InvalidTag, ValueError):
            raise _Tampered(index, "the sealed body was changed, or sealed under another key") from None
        if _committed("payload", salt, content) != leaf["payload"]:
            raise _Tampered(index, "the sealed body is not the one the entry commits to")
        private = json.loads(content).get("private", {})
        digest = private.get("argument_digest")
        if (digest is not None) != ("arguments" in leaf) or (
            digest is not None and _committed("arguments", salt, digest.encode()) != leaf["arguments"]
        ):
            raise _Tampered(index, "the arguments are not those the entry commits to")


class _Check:
    def __init__(self, log: _Log, keys: Sequence[NoteKey], kept: Sequence[Checkpoint], sealing: bytes | None) -> None:
        self._log = log
        self._heads = [*kept, *(self._own(size, note, keys) for size, note in log.checkpoints())]
        self._origin = log.fact("origin")
        self._bodies = _Bodies(self._origin, _cipher(sealing, log.fact("sealing key")))

    def run(self) -> Report:
        self._same_origin()
        roots = self._walk({head.size for head in self._heads})
        size = max(roots)
        covered = max((head.size for head in self._heads), default=0)
        if covered > size:
            raise _Tampered(size, f"the log ends after {size} entries, but a checkpoint covers {covered}")
        self._compare_roots(roots)
        self._compare_head(size)
        return Report(Finding.OK, size=size, covered=covered, erased=self._bodies.settle())

    def _walk(self, wanted: set[int]) -> dict[int, bytes]:
        hasher = _Hasher()
        roots = {0: hasher.root()}
        for index, leaf, nodes, salt, body in self._log.entries():
            if index != hasher.size:
                raise _Tampered(hasher.size, f"entry {hasher.size} is missing; the next is {index}")
            found = _parse(index, leaf)
            hasher.add(leaf, nodes)
            self._bodies.add(index, found, salt, body)
            if hasher.size in wanted:
                roots[hasher.size] = hasher.root()
        roots[hasher.size] = hasher.root()
        self._edge = hasher.edge()
        return roots

    def _compare_roots(self, roots: Mapping[int, bytes]) -> None:
        heads = sorted(self._heads, key=lambda head: head.size)
        if heads and roots[heads[0].size] != heads[0].root:
            raise _Tampered(
                0, f"entries 0 to {heads[0].size - 1} are not those the checkpoint of {heads[0].size} signed"
            )
        for before, head in pairwise(heads):
            if roots[head.size] != head.root:
                raise _Tampered(
                    before.size,
                    f"entries {before.size} to {head.size - 1} are not those the checkpoint of {head.size} signed",
                )

    def _compare_head(self, size: int) -> None:
        if self._log.head() != (size, self._edge):
            raise _Tampered(None, f"the stored head is not that of the {size} entries")
        if self._log.count("payloads") != self._log.count("all payloads"):
            raise _Tampered(None, "sealed bodies belong to no entry")

    def _same_origin(self) -> None:
        for head in self._heads:
            if head.origin != self._origin:
                raise _Unusable(f"a checkpoint is of the log {head.origin!r}, this is {self._origin!r}")

    @staticmethod
    def _own(size: int, note: str, keys: Sequence[NoteKey]) -> Checkpoint:
        try:
            head = open_checkpoint(note, keys)
        except NoteInvalid as error:
            raise _Tampered(None, f"the stored checkpoint of {size} entries does not verify: {error}") from error
        if head.size != size:
            raise _Tampered(None, f"the checkpoint stored for {size} entries signs {head.size}")
        return head


def _trusted(keys: Sequence[str]) -> list[NoteKey]:
    if not keys:
        raise _Unusable("no verification key was given")
    return [NoteKey.parse(key) for key in keys]


def _cipher(sealing: bytes | None, expected: str) -> AESGCM | None:
    if sealing is None:
        return None
    found = hashlib.sha256(b"isthmus/journal/key-id/v1\0" + sealing).digest()[:4].hex()
    if found != expected:
        raise _Unusable(f"the sealing key given is {found}, the journal was written with {expected}")
    return AESGCM(sealing)


def _parse(index: int, leaf: bytes) -> dict[str, object]:
    try:
        found = json.loads(leaf[1:].decode())
    except (ValueError, RecursionError):
        raise _Tampered(index, "the entry cannot be parsed") from None
    if leaf[:1] != b"\x01" or not isinstance(found, dict) or str(found.get("kind")) not in _KINDS:
        raise _Tampered(index, "the entry has no known form")
    if found.get("sequence") != index:
        raise _Tampered(index, f"the entry says it is number {found.get('sequence')!r}")
    return found


def _ranges(index: int, ranges: object) -> list[tuple[int, int]]:
    if not isinstance(ranges, list) or not all(map(_is_range, ranges)):
        raise _Tampered(index, "the request to erase names no ranges")
    return [(first, last) for first, last in ranges]


def _is_range(pair: object) -> bool:
    return isinstance(pair, list) and [type(at) for at in pair] == [int, int]


def _committed(domain: str, salt: bytes, content: bytes) -> str:
    return hashlib.sha256(f"isthmus/journal/{domain}/v1\0".encode() + salt + content).hexdigest()
