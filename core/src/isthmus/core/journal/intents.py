"""Which writes are about to be sent, under way, or done?"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from isthmus.core.records import JSON

from .errors import IntentOpen, IntentSettled, JournalBusy, KeyUsed
from .instants import instant, micros
from .log import LogWrites, Reads
from .sealing import Sealer

__all__ = ["Intent", "IntentReads", "IntentState", "IntentWrites"]

_SELECT = (
    "SELECT id, agent, digest, tool, connection, object, opened_at, state, lease_owner, lease_until, body FROM intents "
)
_Row = tuple[str, str, str, str, str, str, int, str, str, int, bytes | None]


class IntentState(StrEnum):
    """How far a write got; `unknown` is open and waits for somebody to settle it."""

    OPEN = "open"
    UNKNOWN = "unknown"
    HAPPENED = "happened"
    NOT_HAPPENED = "not_happened"

    @property
    def settled(self) -> bool:
        """Tell whether the state is final."""
        return self in {IntentState.HAPPENED, IntentState.NOT_HAPPENED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write about to be sent; `id` is the `attempt` of its entries.

    `digest` is a keyed hash of the exact call. `principal` is the user of the connection's identity. `payload` is all
    that reconciling needs and goes once the intent is settled; `outcome` is what `settle_intent` stored.
    """

    id: str
    digest: str
    agent: str
    user: str | None = None
    principal: str = ""
    tool: str
    connection: str
    object: str = ""
    key: str | None = None
    opened_at: datetime
    lease_owner: str = ""
    lease_until: datetime | None = None
    state: IntentState = IntentState.OPEN
    payload: Mapping[str, JSON] = field(default_factory=dict, repr=False)
    outcome: Mapping[str, JSON] = field(default_factory=dict, repr=False)


class IntentReads(Reads):
    """Find intents."""

    def intent(self, id: str) -> Intent | None:
        """Find an intent by its id."""
        return self._one("id = ?", id)

    def intent_for_key(self, agent: str, user: str | None, tool: str, key: str) -> Intent | None:
        """Find the intent that used an idempotency key and did not turn out as not happened."""
        name = self._sealer.pseudonym
        where = "agent = ? AND user = ? AND tool = ? AND key = ? AND state <> 'not_happened'"
        return self._one(where, agent, name(user or ""), tool, name(key))

    def open_intent_for(self, agent: str, user: str | None, digest: str) -> Intent | None:
        """Find the unsettled intent of exactly this call."""
        where = "agent = ? AND user = ? AND digest = ? AND state IN ('open', 'unknown')"
        return self._one(where, agent, self._sealer.pseudonym(user or ""), digest)

    def owed_intent_for(self, agent: str, user: str | None, digest: str, at: datetime) -> Intent | None:
        """Find the settled intent of exactly this call whose outcome its caller was never told."""
        where = "agent = ? AND user = ? AND digest = ? AND owed_until > 0 AND owed_until > ?"
        return self._one(where, agent, self._sealer.pseudonym(user or ""), digest, micros(at))

    def open_intents(self, connection: str | None = None) -> tuple[Intent, ...]:
        """List what is not settled, oldest first."""
        where, values = ("AND connection = ? ", (connection,)) if connection is not None else ("", ())
        rows = self._db.execute(_SELECT + "WHERE state IN ('open', 'unknown') " + where + "ORDER BY opened_at", values)
        return tuple(_intent(self._sealer, row) for row in rows.fetchall())

    def _one(self, where: str, *values: str | int) -> Intent | None:
        row = self._db.execute(_SELECT + "WHERE " + where, values).fetchone()
        return _intent(self._sealer, row) if row else None


class IntentWrites(IntentReads, LogWrites):
    """Open, lease and settle intents."""

    def open_intent(self, intent: Intent) -> None:
        """Record that a write is about to be sent; append its entry in the same unit.

        Raises:
            IntentOpen: the same call of the same agent and user is not settled.
            KeyUsed: its key already has an outcome.
            JournalBusy: the disk is full; writes wait until there is space again.
        """
        if self._full:
            raise JournalBusy(
                "the disk that holds the journal is full, so no write is sent; free some space and repeat the call",
                code="journal_full",
                object=intent.connection,
            )
        self._refuse_twin(intent)
        name, until = self._sealer.pseudonym, intent.lease_until
        self._db.execute(
            "INSERT INTO intents (id, agent, user, digest, tool, connection, object, key, opened_at, state,"
            " lease_owner, lease_until, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'open', ?, ?, ?)",
            (
                *(intent.id, intent.agent, name(intent.user or ""), intent.digest, intent.tool, intent.connection),
                *(intent.object, None if intent.key is None else name(intent.key), micros(intent.opened_at)),
                *(
                    intent.lease_owner,
                    micros(until) if until else 0,
                    _body(self._sealer, intent, payload=intent.payload),
                ),
            ),
        )

    def settle_intent(
        self,
        id: str,
        state: IntentState,
        payload: Mapping[str, JSON] | None = None,
        *,
        owed_until: datetime | None = None,
    ) -> Intent:
        """Store what became of a write; `unknown` keeps the intent open, a final state drops its request.

        Until `owed_until` the outcome waits for the next identical call, because its caller was told "unknown".

        Raises:
            IntentSettled: it has another final state already, or is not known.
        """
        intent = self.intent(id)
        if intent is None or (intent.state.settled and intent.state is not state) or state is IntentState.OPEN:
            now = f"it is {intent.state.value}" if intent else "the journal does not know it"
            raise IntentSettled(f"intent {id!r} cannot become {state.value}: {now}", intent=id)
        if intent.state.settled:
            return intent
        request = {} if state.settled else intent.payload
        body = _body(self._sealer, intent, payload=request, outcome=payload or intent.outcome)
        self._db.execute(
            "UPDATE intents SET state = ?, body = ?, owed_until = ? WHERE id = ?",
            (state.value, body, micros(owed_until) if owed_until else 0, id),
        )
        found = self.intent(id)
        assert found is not None  # noqa: S101 it was updated a line above
        return found

    def note_progress(self, id: str, told: Mapping[str, JSON]) -> None:
        """Keep what is known of an unsettled write since it began, such as its job, for whoever settles it.

        Raises:
            IntentSettled: it is settled, or is not known.
        """
        intent = self.intent(id)
        if intent is None or intent.state.settled:
            raise IntentSettled(f"intent {id!r} is not open, so it has no job", intent=id)
        payload = {**intent.payload, **told}
        self._db.execute("UPDATE intents SET body = ? WHERE id = ?", (_body(self._sealer, intent, payload=payload), id))

    def collect_outcome(self, id: str) -> None:
        """Note that the caller has been told what became of its write."""
        self._db.execute("UPDATE intents SET owed_until = 0 WHERE id = ?", (id,))

    def take_lease(self, id: str, owner: str, until: datetime) -> bool:
        """Become the one that settles an intent; False where another owner's lease still runs or it is settled."""
        taken = self._db.execute(
            "UPDATE intents SET lease_owner = ?, lease_until = ?"
            " WHERE id = ? AND state IN ('open', 'unknown') AND (lease_owner = ? OR lease_until <= ?)",
            (owner, micros(until), id, owner, micros(self._clock())),
        )
        return taken.rowcount == 1

    def _refuse_twin(self, intent: Intent) -> None:
        subject = f"agent {intent.agent!r}"
        if twin := self.open_intent_for(intent.agent, intent.user, intent.digest):
            raise IntentOpen(
                f"the same call is {twin.state.value} as intent {twin.id!r}; settle it before calling again",
                intent=twin.id,
                subject=subject,
                object=f"{twin.connection}/{twin.object}",
            )
        if intent.key is None:
            return
        if twin := self.intent_for_key(intent.agent, intent.user, intent.tool, intent.key):
            known, kind = ("has an outcome", KeyUsed) if twin.state.settled else ("is not settled", IntentOpen)
            raise kind(
                f"the key was used by intent {twin.id!r}, which {known}; repeat that call or use another key",
                intent=twin.id,
                subject=subject,
                object=f"{twin.connection}/{twin.object}",
            )


def _intent(sealer: Sealer, row: _Row) -> Intent:
    id, agent, digest, tool, connection, object, opened_at, state, owner, until, sealed = row
    body = sealer.open_json(_place(id), sealed)
    payload, outcome = body.get("payload"), body.get("outcome")
    user, key = body.get("user"), body.get("key")
    return Intent(
        id=id,
        digest=digest,
        agent=agent,
        user=user if isinstance(user, str) else None,
        principal=str(body.get("principal", "")),
        tool=tool,
        connection=connection,
        object=object,
        key=key if isinstance(key, str) else None,
        opened_at=instant(opened_at),
        lease_owner=owner,
        lease_until=instant(until) if until else None,
        state=IntentState(state),
        payload=payload if isinstance(payload, Mapping) else {},
        outcome=outcome if isinstance(outcome, Mapping) else {},
    )


def _body(
    sealer: Sealer, intent: Intent, *, payload: Mapping[str, JSON], outcome: Mapping[str, JSON] | None = None
) -> bytes:
    content: dict[str, JSON] = {
        "user": intent.user,
        "principal": intent.principal,
        "key": intent.key,
        "payload": payload,
        "outcome": outcome or {},
    }
    return sealer.seal_json(_place(intent.id), content)


def _place(id: str) -> str:
    return f"intent {id}"
