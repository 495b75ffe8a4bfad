"""Which calls wait for a person, and what does that person say?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from isthmus.core.caller import Caller
from isthmus.core.cli.installation import configuration, journal_of, rulings_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import ago, facts, find_id, legible, short, show, table
from isthmus.core.errors import Denied, InvalidArguments
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.journal import Approval, View

__all__ = ["approve", "list_", "register", "reject", "show_"]

As = Annotated[str, Parameter(name="--as")]


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="approvals", help="See and decide what waits for a person.")
    group.command(list_, name="list")
    group.command(show_, name="show")
    group.command(approve)
    group.command(reject)
    app.command(group)


def list_(*, all: Annotated[bool, Parameter(negative="")] = False, common: Common = DEFAULT) -> int:
    """List the approvals that wait.

    Args:
        all: Those that were decided, used or ran out too.
    """
    with journal_of(configuration(common)) as journal:
        now = datetime.now(UTC)
        found = [one for one in journal.view().approvals() if all or _state(one, now) == "pending"]
    rows = [
        (short(one.id), _state(one, now), one.agent, one.user or "-", one.tool, one.asked_of, _when(one, now))
        for one in found
    ]
    data = {"approvals": [_data(one, now) for one in found]}
    columns = ("id", "state", "agent", "for", "tool", "asked of", "when")
    show(common, data, table(columns, rows, "when") if rows else "nothing waits for approval")
    return 0


def show_(id: str, /, *, common: Common = DEFAULT) -> int:
    """Show one approval as the approver reads it.

    Args:
        id: The approval's id, or the end of it.
    """
    with journal_of(configuration(common)) as journal:
        found = _find(journal.view(), id)
    now = datetime.now(UTC)
    told = [
        ("approval", found.id),
        ("state", _state(found, now)),
        ("asked of", found.asked_of),
        ("asked", ago(found.asked_at, now)),
        ("expires", ago(found.expires, now)),
        ("decided by", found.approver),
    ]
    show(common, _data(found, now) | {"summary": found.summary}, facts(told), "", legible(found.summary))
    return 0


def approve(id: str, /, *, approver: As, common: Common = DEFAULT) -> int:
    """Approve one waiting call, as the person who was asked.

    Args:
        id: The approval's id, or the end of it.
        approver: The user of the configuration who approves.
    """
    return _decide(id, approver, common, approved=True)


def reject(id: str, /, *, approver: As, common: Common = DEFAULT) -> int:
    """Reject one waiting call, as the person who was asked.

    Args:
        id: The approval's id, or the end of it.
        approver: The user of the configuration who rejects.
    """
    return _decide(id, approver, common, approved=False)


def _decide(id: str, approver: str, common: Common, *, approved: bool) -> int:
    config = configuration(common)
    if approver not in config.file.users:
        raise InvalidArguments(
            f"user {approver!r} is not in the configuration{nearest(approver, config.file.users)}", field="as"
        )
    policy = rulings_of(config).policy
    with journal_of(config) as journal:
        found = _find(journal.view(), id)
        if not policy.may_approve(found.asked_of, approver, Caller(found.agent, found.user)):
            raise Denied(
                f"{approver!r} may not decide this; it was asked of {_asked(found)}",
                subject=approver,
                object=found.id,
            )
        decided = journal.transact_sync(
            lambda transaction: transaction.decide(found.id, approved=approved, approver=approver, at=transaction.now)
        )
    now = datetime.now(UTC)
    then = "the agent repeats the same call to use it" if approved else "the agent's call stays refused"
    show(common, _data(decided, now), f"{decided.state.value} {short(decided.id)} as {approver}; {then}")
    return 0


def _find(view: "View", id: str) -> "Approval":
    known = {one.id: one for one in view.approvals()}
    return known[find_id(id, known, kind="approval", remedy="`isthmus approvals list --all` shows them")]


def _asked(one: "Approval") -> str:
    match one.asked_of:
        case "user":
            return f"{one.user!r}, for whom the agent acts"
        case "owner":
            return f"the owner of agent {one.agent!r}"
        case role:
            return f"the role {role!r}" + (", and nobody approves his own" if one.user else "")


def _state(one: "Approval", now: datetime) -> str:
    return "expired" if one.state.value in ("pending", "approved") and one.expires <= now else one.state.value


def _when(one: "Approval", now: datetime) -> str:
    if _state(one, now) == "pending":
        return f"expires {ago(one.expires, now)}"
    return f"asked {ago(one.asked_at, now)}"


def _data(one: "Approval", now: datetime) -> dict[str, object]:
    return {
        "id": one.id,
        "state": _state(one, now),
        "agent": one.agent,
        "user": one.user,
        "tool": one.tool,
        "asked_of": one.asked_of,
        "asked_at": one.asked_at.isoformat(),
        "expires": one.expires.isoformat(),
        "approver": one.approver or None,
        "used_at": one.used_at.isoformat() if one.used_at else None,
    }
