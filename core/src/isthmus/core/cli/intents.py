"""Which writes were sent without an answer, and what became of them?"""

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter
from msgspec.structs import replace

from isthmus.core.caller import Caller
from isthmus.core.cli.installation import configuration, gateway_of, journal_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import ago, find_id, short, show, table, waiting
from isthmus.core.errors import Conflict, Denied, InvalidArguments

if TYPE_CHECKING:
    from isthmus.core.gateway import Gateway
    from isthmus.core.journal import Intent, Transaction

__all__ = ["list_", "register", "settle"]

REMEDY = "`isthmus intents list` shows what is open"


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="intents", help="See and settle writes whose outcome is not known.")
    group.command(list_, name="list")
    group.command(settle)
    app.command(group)


def list_(*, common: Common = DEFAULT) -> int:
    """List the writes that are under way or whose outcome is not known."""
    with journal_of(configuration(common)) as journal:
        found = journal.view().open_intents()
    now = datetime.now(UTC)
    rows = [
        (
            short(one.id),
            _state(one, now),
            one.agent,
            one.user or "-",
            one.tool,
            f"{one.connection}/{one.object}",
            ago(one.opened_at, now),
        )
        for one in found
    ]
    columns = ("id", "state", "agent", "for", "tool", "on", "sent")
    show(
        common,
        {"intents": [_data(one) for one in found]},
        table(columns, rows, "on") if rows else "nothing is open",
    )
    return 0


async def settle(
    id: str,
    /,
    *,
    outcome: Literal["happened", "not_happened"] | None = None,
    declared_by: Annotated[str, Parameter(name="--as")] = "",
    common: Common = DEFAULT,
) -> int:
    """Find out by reading back whether a write happened, and free what waits for it.

    Args:
        id: The intent's id, or the end of it.
        outcome: Where reading back cannot tell: what a person saw in the system itself.
        declared_by: The person who saw it: whom the agent acted for, or its owner.
    """
    config = configuration(common)
    async with gateway_of(config) as gateway:
        known = {one.id: one for one in gateway.parts.journal.view().open_intents()}
        intent = known[find_id(id, known, kind="open intent", remedy=REMEDY)]
        _refuse_under_way(intent, gateway.parts.process, declared=outcome is not None)
        if outcome is not None:
            settled = await _declare(gateway, intent, outcome, declared_by)
        else:
            with waiting(f"reading back {intent.connection}/{intent.object}"):
                settled = await gateway.settler.settle_open(intent)
    said = f"{intent.tool} on {intent.connection}/{intent.object}: {settled.state.value.replace('_', ' ')}"
    if not settled.state.settled:
        said += "\nReading back does not tell. Look in the system itself, then run\n"
        said += f"  isthmus intents settle {short(intent.id)} --outcome happened|not_happened --as USER"
    show(common, _data(settled), said)
    return 0 if settled.state.settled else 1


def _refuse_under_way(intent: "Intent", ours: str, *, declared: bool) -> None:
    """Refuse while another process sends or reads back; what is unknown already may be declared meanwhile."""
    now = datetime.now(UTC)
    leased = intent.lease_until is not None and intent.lease_until > now and intent.lease_owner != ours
    if leased and not (declared and intent.state.value == "unknown"):
        raise Conflict(
            f"intent {short(intent.id)} is in the hands of process {intent.lease_owner}; "
            f"its lease ends {ago(intent.lease_until or now, now)}, settle it then",
            object=intent.id,
        )


async def _declare(gateway: "Gateway", intent: "Intent", outcome: str, declared_by: str) -> "Intent":
    """Record a person's word, under that person's name."""
    from isthmus.core.journal import IntentState

    if not declared_by:
        raise InvalidArguments("--outcome is somebody's word: say whose with --as USER", field="as")
    caller = Caller(intent.agent, intent.user)
    if not any(gateway.parts.policy.may_approve(party, declared_by, caller) for party in ("user", "owner")):
        raise Denied(
            f"{declared_by!r} may not say what became of it; the person the agent acted for or its owner may",
            subject=declared_by,
            object=intent.id,
        )
    state = IntentState(outcome)
    entry = replace(gateway.parts.auditor.settled(intent, state.value), decision="declared", approver=declared_by)

    def work(transaction: "Transaction") -> "Intent":
        settled = transaction.settle_intent(intent.id, state)
        transaction.append(entry)
        return settled

    return await gateway.parts.journal.transact(work)


def _state(one: "Intent", now: datetime) -> str:
    return "under way" if one.lease_until is not None and one.lease_until > now else one.state.value


def _data(one: "Intent") -> dict[str, object]:
    return {
        "id": one.id,
        "state": one.state.value,
        "agent": one.agent,
        "user": one.user,
        "tool": one.tool,
        "connection": one.connection,
        "object": one.object,
        "opened_at": one.opened_at.isoformat(),
        "lease_owner": one.lease_owner or None,
        "lease_until": one.lease_until.isoformat() if one.lease_until else None,
    }
