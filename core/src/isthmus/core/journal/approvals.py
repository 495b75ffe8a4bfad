"""Who has to say yes, and has that yes been used?"""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from .entries import Entry, Kind
from .errors import ApprovalUnusable
from .instants import instant, micros
from .log import LogWrites, Reads
from .sealing import Sealer

__all__ = ["Approval", "ApprovalReads", "ApprovalState", "ApprovalWrites"]

_SELECT = "SELECT id, digest, agent, tool, asked_at, expires, state, used_at, body FROM approvals "
_Row = tuple[str, str, str, str, int, int, str, int | None, bytes | None]


class ApprovalState(StrEnum):
    """How far an approval got; expiry is judged by the clock and not stored."""

    PENDING = "pending"
    APPROVED = "approved"
    REJECTED = "rejected"
    USED = "used"


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    """A question to a person about exactly one call; `digest` is a keyed hash of that call.

    `summary` is shown to the person; it is sealed, as are the names of people.
    """

    id: str
    digest: str
    agent: str
    user: str | None = None
    tool: str
    summary: str = field(default="", repr=False)
    asked_of: str = ""
    asked_at: datetime
    expires: datetime
    state: ApprovalState = ApprovalState.PENDING
    approver: str = ""
    used_at: datetime | None = None


class ApprovalReads(Reads):
    """Find approvals."""

    def approval(self, id: str) -> Approval | None:
        """Find an approval by its id."""
        row = self._db.execute(_SELECT + "WHERE id = ?", (id,)).fetchone()
        return _approval(self._sealer, row) if row else None

    def approvals(self, state: ApprovalState | None = None) -> tuple[Approval, ...]:
        """List approvals in the order they were asked for."""
        where, values = ("WHERE state = ? ", (state.value,)) if state else ("", ())
        rows = self._db.execute(_SELECT + where + "ORDER BY asked_at, id", values)
        return tuple(_approval(self._sealer, row) for row in rows.fetchall())

    def approval_for(self, agent: str, user: str | None, digest: str, at: datetime) -> Approval | None:
        """Find the approval of exactly this call that waits or can be used."""
        row = self._db.execute(
            _SELECT + "WHERE digest = ? AND agent = ? AND user = ?"
            " AND state IN ('pending', 'approved') AND expires > ? ORDER BY state, asked_at LIMIT 1",
            (digest, agent, self._sealer.pseudonym(user or ""), micros(at)),
        ).fetchone()
        return _approval(self._sealer, row) if row else None


class ApprovalWrites(ApprovalReads, LogWrites):
    """Ask for, give and use approvals; each step appends its entry."""

    def ask(self, approval: Approval) -> Approval:
        """Ask; where the same call already waits or is approved, return that approval and ask nobody again."""
        if known := self.approval_for(approval.agent, approval.user, approval.digest, approval.asked_at):
            return known
        self._db.execute(
            "INSERT INTO approvals (id, digest, agent, user, tool, asked_at, expires, state, body)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, 'pending', ?)",
            (
                *(approval.id, approval.digest, approval.agent, self._sealer.pseudonym(approval.user or "")),
                *(
                    approval.tool,
                    micros(approval.asked_at),
                    micros(approval.expires),
                    _body(self._sealer, approval, ""),
                ),
            ),
        )
        self._record(approval, ApprovalState.PENDING)
        return approval

    def decide(self, id: str, *, approved: bool, approver: str, at: datetime) -> Approval:
        """Approve or reject what waits.

        Raises:
            ApprovalUnusable: it does not wait any more, or never did.
        """
        state = ApprovalState.APPROVED if approved else ApprovalState.REJECTED
        found = self.approval(id)
        if found is not None:
            decided = self._db.execute(
                "UPDATE approvals SET state = ?, body = ? WHERE id = ? AND state = 'pending' AND expires > ?",
                (state.value, _body(self._sealer, found, approver), id, micros(at)),
            )
            if decided.rowcount == 1:
                return self._changed(id, state)
        raise _unusable(id, found, at)

    def consume(self, id: str, digest: str, at: datetime) -> Approval:
        """Use an approval for the one call it was given for; of two that try, one succeeds.

        Raises:
            ApprovalUnusable: it is not approved, used, expired, or was given for another call.
        """
        used = self._db.execute(
            "UPDATE approvals SET state = 'used', used_at = ?"
            " WHERE id = ? AND digest = ? AND state = 'approved' AND expires > ?",
            (micros(at), id, digest, micros(at)),
        )
        if used.rowcount != 1:
            raise _unusable(id, self.approval(id), at, digest)
        return self._changed(id, ApprovalState.USED)

    def _changed(self, id: str, state: ApprovalState) -> Approval:
        found = self.approval(id)
        assert found is not None  # noqa: S101 it was updated a line above
        self._record(found, state)
        return found

    def _record(self, approval: Approval, state: ApprovalState) -> None:
        self.append(
            Entry(
                kind=Kind.APPROVAL,
                agent=approval.agent,
                on_behalf_of=approval.user or "",
                tool=approval.tool,
                approval=approval.id,
                approver=approval.approver,
                argument_digest=approval.digest,
                state=state.value,
            )
        )


def _approval(sealer: Sealer, row: _Row) -> Approval:
    id, digest, agent, tool, asked_at, expires, state, used_at, sealed = row
    body = sealer.open_json(_place(id), sealed)
    user = body.get("user")
    return Approval(
        id=id,
        digest=digest,
        agent=agent,
        user=user if isinstance(user, str) else None,
        tool=tool,
        summary=str(body.get("summary", "")),
        asked_of=str(body.get("asked_of", "")),
        asked_at=instant(asked_at),
        expires=instant(expires),
        state=ApprovalState(state),
        approver=str(body.get("approver", "")),
        used_at=None if used_at is None else instant(used_at),
    )


def _body(sealer: Sealer, approval: Approval, approver: str) -> bytes:
    names = {"user": approval.user, "asked_of": approval.asked_of, "approver": approver}
    return sealer.seal_json(_place(approval.id), {**names, "summary": approval.summary})


def _unusable(id: str, found: Approval | None, at: datetime, digest: str | None = None) -> ApprovalUnusable:
    if found is None:
        why, remedy = "unknown", "check the id"
    elif found.state in {ApprovalState.REJECTED, ApprovalState.USED}:
        why, remedy = found.state.value, "ask for a new one"
    elif found.expires <= at:
        why, remedy = "expired", "ask for a new one"
    elif digest is not None and digest != found.digest:
        why, remedy = "changed", "the call differs from the one that was approved; ask for a new one"
    else:
        why, remedy = found.state.value, "have it decided" if digest is not None else "it has been decided"
    subject = f"agent {found.agent!r}" if found else ""
    return ApprovalUnusable(f"approval {id!r} is {why}; {remedy}", code=f"approval_{why}", subject=subject, object=id)


def _place(id: str) -> str:
    return f"approval {id}"
