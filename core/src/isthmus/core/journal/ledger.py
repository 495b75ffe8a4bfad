"""Which calls were attempted lately, for rules over sequences and volumes?"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .errors import JournalUnavailable
from .instants import instant, micros
from .log import LogWrites, Reads
from .sealing import canonical

__all__ = ["Attempt", "AttemptState", "LedgerReads", "LedgerWrites", "Usage"]

_SELECT = (
    "SELECT id, at, agent, user, task, system, connection, verb, effects, object, same, risk, rows, bytes, state"
    " FROM attempts WHERE "
)
_SUMS = "SELECT count(*), coalesce(sum(rows), 0), coalesce(sum(bytes), 0) FROM attempts WHERE "


class AttemptState(StrEnum):
    """What became of a call; rules count what was attempted, whatever became of it."""

    ATTEMPTED = "attempted"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One call in the ledger; `user` and the values of `same` are read back as pseudonyms.

    `same` maps a key's name to its canonical value, for rules about the same vendor, account and so on.
    """

    id: str
    at: datetime
    agent: str
    user: str | None = None
    task: str = ""
    system: str
    connection: str
    verb: str
    effects: frozenset[str]
    object: str = ""
    same: Mapping[str, str] = field(default_factory=dict)
    risk: int = 0
    rows: int = 0
    bytes: int = 0
    state: AttemptState = AttemptState.ATTEMPTED


@dataclass(frozen=True, slots=True)
class Usage:
    """What the calls of a window add up to."""

    calls: int
    rows: int
    bytes: int


class LedgerReads(Reads):
    """Look back over a window of attempts; a filter that is None does not filter."""

    def attempts(
        self, since: datetime, *, agent: str | None = None, user: str | None = None, task: str | None = None
    ) -> tuple[Attempt, ...]:
        """List the attempts from `since` on, oldest first."""
        where, values = self._window(since, agent, user, task)
        rows = self._db.execute(_SELECT + where + " ORDER BY at, id", values)
        return tuple(map(_read, rows.fetchall()))

    def usage(
        self, since: datetime, *, agent: str | None = None, user: str | None = None, task: str | None = None
    ) -> Usage:
        """Add up the attempts from `since` on."""
        where, values = self._window(since, agent, user, task)
        row = self._db.execute(_SUMS + where, values).fetchone()
        return Usage(*row)

    def _window(
        self, since: datetime, agent: str | None, user: str | None, task: str | None
    ) -> tuple[str, tuple[str | int, ...]]:
        filters = {"agent": agent, "user": None if user is None else self._sealer.pseudonym(user), "task": task}
        used = {name: value for name, value in filters.items() if value is not None}
        return " AND ".join(["at >= ?", *(f"{name} = ?" for name in used)]), (micros(since), *used.values())


class LedgerWrites(LedgerReads, LogWrites):
    """Write attempts down."""

    def record_attempt(self, attempt: Attempt) -> None:
        """Write down that a call is attempted, in the same unit as the check of the rules about it."""
        name = self._sealer.pseudonym
        same = canonical({key: name(value) for key, value in attempt.same.items()}).decode()
        self._db.execute(
            "INSERT INTO attempts VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                *(attempt.id, micros(attempt.at), attempt.agent, name(attempt.user or ""), attempt.task),
                *(attempt.system, attempt.connection, attempt.verb, " ".join(sorted(attempt.effects))),
                *(attempt.object, same, attempt.risk, attempt.rows, attempt.bytes, attempt.state.value),
            ),
        )

    def finish_attempt(self, id: str, state: AttemptState, *, rows: int = 0, bytes: int = 0) -> None:
        """Write down what became of an attempt, and what it moved.

        Raises:
            JournalUnavailable: no such attempt was recorded.
        """
        done = self._db.execute(
            "UPDATE attempts SET state = ?, rows = ?, bytes = ? WHERE id = ?", (state.value, rows, bytes, id)
        )
        if done.rowcount != 1:
            raise JournalUnavailable(f"attempt {id!r} was never recorded; record it before it is finished", object=id)


def _read(row: tuple[str, int, str, str, str, str, str, str, str, str, str, int, int, int, str]) -> Attempt:
    id, at, agent, user, task, system, connection, verb, effects, object, same, risk, rows, bytes, state = row
    return Attempt(
        id=id,
        at=instant(at),
        agent=agent,
        user=user or None,
        task=task,
        system=system,
        connection=connection,
        verb=verb,
        effects=frozenset(effects.split()),
        object=object,
        same=json.loads(same),
        risk=risk,
        rows=rows,
        bytes=bytes,
        state=AttemptState(state),
    )
