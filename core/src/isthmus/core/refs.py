"""Where do the values behind refs stay, and who may have one resolved?

A vault belongs to one zone and is a file of that zone. A token is a keyed hash of its owner, zone, class and value:
equal values give equal tokens inside a task, so that joins work, and unrelated ones elsewhere.
"""

import base64
import hashlib
import hmac
import json
import os
import sqlite3
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from isthmus.core.errors import ConfigurationError, InvalidArguments
from isthmus.core.keyed import KeyedHash
from isthmus.core.records import JSON, Ref
from isthmus.residency import Label

__all__ = ["RefVault", "RefVaults", "Resolved"]

TTL = 24 * 3600.0
CAPACITY = 1_000_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS refs (
    token TEXT PRIMARY KEY, owner BLOB NOT NULL, sealed BLOB NOT NULL, expires REAL NOT NULL
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS refs_by_expiry ON refs (expires);
"""


@dataclass(frozen=True, slots=True)
class Resolved:
    """The value behind a ref, its label and its home zone."""

    value: JSON
    label: Label
    zone: str


class RefVault:
    """The refs of one zone; values are sealed, owners are hashed, rows expire after a day."""

    def __init__(self, path: Path, zone: str, key: bytes, clock: Callable[[], float]) -> None:
        self.zone = zone
        self._mac = hmac.digest(key, b"token|" + zone.encode(), "sha256")
        self._tokens = KeyedHash(self._mac)
        self._seal = AESGCM(hmac.digest(key, b"seal|" + zone.encode(), "sha256"))
        self._clock = clock
        path.touch(mode=0o600, exist_ok=True)
        self._db = sqlite3.connect(path, timeout=10, isolation_level=None)
        self._db.execute("PRAGMA journal_mode=WAL")
        self._db.execute("PRAGMA synchronous=NORMAL")
        self._db.execute("PRAGMA secure_delete=ON")
        self._db.executescript(_SCHEMA)
        self._stored = 0

    def mint(self, owner: str, values: Iterable[tuple[JSON, Label]]) -> list[Ref]:
        """Keep the values and return their refs, in order; durable when it returns."""
        now, whose = self._clock(), self._owner(owner)
        rows, refs = [], []
        minted: dict[tuple[str, Label], Ref] = {}
        labels: dict[Label, tuple[str, str]] = {}
        for value, label in values:
            text = json.dumps(value, sort_keys=True)
            ref = minted.get((text, label))
            if ref is None:
                if label not in labels:
                    labels[label] = f"{owner}|{','.join(sorted(label.classes))}|", json.dumps(label.as_dict())
                told, labelled = labels[label]
                digest = self._tokens.digest((told + text).encode())
                token = "ref_" + base64.b32encode(digest[:10]).decode().lower()
                plain = f'{{"value": {text}, "label": {labelled}}}'.encode()
                nonce = os.urandom(12)
                rows.append((token, whose, nonce + self._seal.encrypt(nonce, plain, token.encode()), now + TTL))
                ref = minted[text, label] = Ref(token)
            refs.append(ref)
        self._store(rows, now)
        return refs

    def resolve(self, owner: str, ref: Ref) -> Resolved | None:
        """Return what is behind a ref of this owner, or None: unknown, foreign and expired look the same."""
        row = self._db.execute("SELECT owner, sealed, expires FROM refs WHERE token = ?", (ref.token,)).fetchone()
        if row is None or not hmac.compare_digest(row[0], self._owner(owner)) or row[2] <= self._clock():
            return None
        sealed: bytes = row[1]
        try:
            plain = json.loads(self._seal.decrypt(sealed[:12], sealed[12:], ref.token.encode()))
        except InvalidTag:
            return None
        return Resolved(plain["value"], Label.from_dict(plain["label"]), self.zone)

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _store(self, rows: list[tuple[str, bytes, bytes, float]], now: float) -> None:
        if not rows:
            return
        try:
            self._db.execute("BEGIN IMMEDIATE")
            self._db.execute("DELETE FROM refs WHERE expires <= ?", (now,))
            self._db.executemany(
                "INSERT INTO refs VALUES (?, ?, ?, ?) ON CONFLICT (token) DO UPDATE SET expires = excluded.expires",
                rows,
            )
            self._stored += len(rows)
            if self._stored > CAPACITY:
                self._stored = self._db.execute("SELECT count(*) FROM refs").fetchone()[0]
            over = self._stored - CAPACITY
            if over > 0:
                self._db.execute(
                    "DELETE FROM refs WHERE token IN (SELECT token FROM refs ORDER BY expires LIMIT ?)", (over,)
                )
            self._db.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise ConfigurationError(
                f"the ref vault of zone {self.zone!r} cannot be written ({error}); free disk space or mend its folder",
                object=self.zone,
            ) from error

    def _owner(self, owner: str) -> bytes:
        return hashlib.blake2b(owner.encode(), key=self._mac, digest_size=16).digest()


class RefVaults:
    """The vaults of all zones that this process serves."""

    def __init__(self, folder: Path, zones: Iterable[str], key: bytes, clock: Callable[[], float]) -> None:
        self._vaults = {zone: RefVault(folder / f"refs-{zone}.db", zone, key, clock) for zone in sorted(set(zones))}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for vault in self._vaults.values():
            vault.close()

    def mint(self, zone: str, owner: str, values: Iterable[tuple[JSON, Label]]) -> list[Ref]:
        """Keep the values in their home zone and return their refs."""
        return self._vaults[zone].mint(owner, values)

    def resolve(self, owner: str, ref: Ref) -> Resolved:
        """Return what is behind a ref; raises InvalidArguments for unknown, foreign and expired ones alike."""
        for vault in self._vaults.values():
            found = vault.resolve(owner, ref)
            if found is not None:
                return found
        raise InvalidArguments(
            "a ref in the arguments is unknown here or has expired; read the record again and use the ref it gives"
        )
