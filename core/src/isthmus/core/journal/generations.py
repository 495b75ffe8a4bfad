"""Which version of a credential is in use, and who may change it?"""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from isthmus.core.caller import Principal

from .errors import GenerationMoved
from .instants import instant, micros
from .log import Reads
from .sealing import Sealer

__all__ = ["Generation", "GenerationReads", "GenerationState", "GenerationWrites"]


class GenerationState(StrEnum):
    """Where a credential's version stands."""

    PENDING = "pending"
    VERIFIED = "verified"
    CURRENT = "current"
    DRAINING = "draining"
    REVOKED = "revoked"


@dataclass(frozen=True, slots=True)
class Generation:
    """One version of a principal's credential; `secret` is empty once revoked."""

    principal: Principal
    number: int
    state: GenerationState
    secret: bytes = field(repr=False)
    updated_at: datetime


class GenerationReads(Reads):
    """Read the versions of credentials."""

    def current_generation(self, principal: Principal) -> Generation | None:
        """Return the version in use."""
        return next((each for each in self.of(principal) if each.state is GenerationState.CURRENT), None)

    def of(self, principal: Principal) -> tuple[Generation, ...]:
        """List all versions, newest first."""
        rows = self._db.execute(
            "SELECT number, state, secret, updated_at FROM generations WHERE connection = ? AND user = ?"
            " ORDER BY number DESC",
            self._key(principal),
        )
        return tuple(
            Generation(principal, number, GenerationState(state), self._open(principal, number, secret), instant(at))
            for number, state, secret, at in rows.fetchall()
        )

    def _open(self, principal: Principal, number: int, secret: bytes | None) -> bytes:
        return b"" if secret is None else self._sealer.open(self._place(principal, number), secret)

    def _key(self, principal: Principal) -> tuple[str, str]:
        return principal.connection, self._sealer.pseudonym(principal.user)

    def _place(self, principal: Principal, number: int) -> str:
        return f"credential {principal.connection} {self._key(principal)[1]} {number}"


class GenerationWrites(GenerationReads):
    """Change the versions of credentials, by comparing before setting."""

    def __init__(self, db: sqlite3.Connection, sealer: Sealer, clock: Callable[[], datetime]) -> None:
        super().__init__(db, sealer)
        self._clock = clock

    def put_generation(self, principal: Principal, secret: bytes, *, after: int) -> Generation:
        """Store a new pending version, where `after` is still the newest number (0 for none).

        Raises:
            GenerationMoved: another version was stored meanwhile.
        """
        known = self.of(principal)
        newest = known[0].number if known else 0
        if newest != after:
            raise _moved(principal, f"generation {newest} is the newest, not {after}")
        at, number = self._clock(), after + 1
        self._db.execute(
            "INSERT INTO generations VALUES (?, ?, ?, 'pending', ?, ?)",
            (*self._key(principal), number, self._sealer.seal(self._place(principal, number), secret), micros(at)),
        )
        return Generation(principal, number, GenerationState.PENDING, secret, at)

    def promote(
        self, principal: Principal, number: int, *, expected: GenerationState, state: GenerationState
    ) -> Generation:
        """Move a version from the expected state; a new current one sets its predecessor to draining.

        Revoking destroys the secret.

        Raises:
            GenerationMoved: it is not in the expected state.
        """
        found = next((each for each in self.of(principal) if each.number == number), None)
        if found is None or found.state is not expected:
            raise _moved(principal, f"generation {number} is not {expected.value}")
        key, at = self._key(principal), micros(self._clock())
        if state is GenerationState.CURRENT:
            self._db.execute(
                "UPDATE generations SET state = 'draining', updated_at = ?"
                " WHERE connection = ? AND user = ? AND state = 'current' AND number <> ?",
                (at, *key, number),
            )
        self._db.execute(
            "UPDATE generations SET state = ?, updated_at = ?,"
            " secret = CASE WHEN ? = 'revoked' THEN NULL ELSE secret END"
            " WHERE connection = ? AND user = ? AND number = ?",
            (state.value, at, state.value, *key, number),
        )
        return next(each for each in self.of(principal) if each.number == number)

    def lease(self, name: str, owner: str, until: datetime) -> int | None:
        """Take or prolong a named lease; returns its fencing number, None where another owner's still runs.

        The number grows with each change of owner: what is done under a lower one came too late.
        """
        row = self._db.execute("SELECT owner, until, fence FROM leases WHERE name = ?", (name,)).fetchone()
        if row and row[0] != owner and row[1] > micros(self._clock()):
            return None
        fence: int = row[2] + (row[0] != owner) if row else 1
        self._db.execute("INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?)", (name, owner, micros(until), fence))
        return fence


def _moved(principal: Principal, what: str) -> GenerationMoved:
    return GenerationMoved(
        f"the credential of connection {principal.connection!r} changed meanwhile: {what}; read it again",
        object=principal.connection,
    )
