"""What has an operator stopped, until somebody resumes it?"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .entries import Entry, Kind
from .instants import instant, micros
from .log import LogWrites, Reads

__all__ = ["Pause", "PauseReads", "PauseWrites", "Paused", "Scope"]


class Scope(StrEnum):
    """What a pause stops: one agent, one connection, or every write."""

    AGENT = "agent"
    CONNECTION = "connection"
    WRITES = "writes"


Paused = frozenset[tuple[str, str]]
"""Scopes with the names that are stopped in them; writes have no name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """One pause; who ordered it and why is sealed."""

    scope: Scope
    name: str = ""
    since: datetime
    by: str
    why: str = field(default="", repr=False)


class PauseReads(Reads):
    """Find pauses."""

    def paused(self) -> Paused:
        """Name everything that is stopped now; every call asks."""
        return frozenset(self._db.execute("SELECT scope, name FROM pauses").fetchall())

    def pauses(self) -> tuple[Pause, ...]:
        """List the pauses that stand, oldest first."""
        rows = self._db.execute("SELECT scope, name, since, body FROM pauses ORDER BY since, scope, name")
        return tuple(self._pause(*row) for row in rows.fetchall())

    def pause_of(self, scope: Scope, name: str = "") -> Pause | None:
        """Find a pause that stands."""
        where = "SELECT scope, name, since, body FROM pauses WHERE scope = ? AND name = ?"
        row = self._db.execute(where, (scope.value, name)).fetchone()
        return self._pause(*row) if row else None

    def _pause(self, scope: str, name: str, since: int, sealed: bytes) -> Pause:
        body = self._sealer.open_json(_place(scope, name), sealed)
        by, why = str(body.get("by", "")), str(body.get("why", ""))
        return Pause(scope=Scope(scope), name=name, since=instant(since), by=by, why=why)


class PauseWrites(PauseReads, LogWrites):
    """Stop and resume; both leave an entry."""

    def pause(self, scope: Scope, name: str = "", *, by: str, why: str = "") -> Pause:
        """Stop something from now on; where it already is stopped, return that pause and change nothing."""
        standing = self.pause_of(scope, name)
        if standing is not None:
            return standing
        now = self._clock()
        sealed = self._sealer.seal_json(_place(scope.value, name), {"by": by, "why": why})
        self._db.execute("INSERT INTO pauses VALUES (?, ?, ?, ?)", (scope.value, name, micros(now), sealed))
        self._told(scope, name, "paused", by, why)
        return Pause(scope=scope, name=name, since=now, by=by, why=why)

    def resume(self, scope: Scope, name: str = "", *, by: str, why: str = "") -> Pause | None:
        """Let something go on and return the pause that stood; None where it was not stopped."""
        standing = self.pause_of(scope, name)
        if standing is not None:
            self._db.execute("DELETE FROM pauses WHERE scope = ? AND name = ?", (scope.value, name))
            self._told(scope, name, "resumed", by, why)
        return standing

    def _told(self, scope: Scope, name: str, state: str, by: str, why: str) -> None:
        agent = name if scope is Scope.AGENT else ""
        connection = name if scope is Scope.CONNECTION else ""
        object = "writes" if scope is Scope.WRITES else ""
        entry = Entry(kind=Kind.POLICY, agent=agent, connection=connection, object=object, principal=by, state=state)
        self.append(entry, {"why": why} if why else None)


def _place(scope: str, name: str) -> str:
    return f"pause of {scope} {name}"
