"""How does an operator stop an agent, a connection or every write at once, and let it go on?"""

import getpass
import os
import time
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from isthmus.core.cli.installation import configuration, journal_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import ago, legible, show, table
from isthmus.core.errors import InvalidArguments, NotFound
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.journal import Pause

__all__ = ["register", "remedy", "standing"]

As = Annotated[str, Parameter(name="--as")]
THEN = {
    "agent": "its calls are refused",
    "connection": "nothing more is sent there",
    "writes": "reads go on",
}
GONE = "what has left already is finished and settled"
AGAIN = {"agent": "may call again", "connection": "is used again", "writes": "is let through again"}


def register(app: App) -> None:
    """Add the commands."""
    pause = App(name="pause", help="Stop an agent, a connection or every write, in all processes at once.")
    pause.command(pause_agent, name="agent")
    pause.command(pause_connection, name="connection")
    pause.command(pause_writes, name="writes")
    pause.command(list_, name="list")
    app.command(pause)
    resume = App(name="resume", help="Let go on what was paused.")
    resume.command(resume_agent, name="agent")
    resume.command(resume_connection, name="connection")
    resume.command(resume_writes, name="writes")
    app.command(resume)


def pause_agent(name: str, /, *, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Refuse every call of an agent from now on, whomever it acts for.

    Args:
        name: The agent.
        why: What its callers are told; kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _pause("agent", name, why, by, common)


def pause_connection(name: str, /, *, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Send nothing more to a connection; reads over several connections go on without it and say so.

    Args:
        name: The connection.
        why: What its callers are told; kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _pause("connection", name, why, by, common)


def pause_writes(*, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Refuse every write of every agent from now on; reads go on.

    Args:
        why: What callers are told; kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _pause("writes", "", why, by, common)


def resume_agent(name: str, /, *, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Let an agent call again.

    Args:
        name: The agent.
        why: Kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _resume("agent", name, why, by, common)


def resume_connection(name: str, /, *, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Let a connection be used again.

    Args:
        name: The connection.
        why: Kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _resume("connection", name, why, by, common)


def resume_writes(*, why: str = "", by: As = "", common: Common = DEFAULT) -> int:
    """Let agents write again.

    Args:
        why: Kept sealed in the audit log.
        by: Who orders it, in place of the user of this machine.
    """
    return _resume("writes", "", why, by, common)


def list_(*, common: Common = DEFAULT) -> int:
    """List what is paused now, by whom and why."""
    with journal_of(configuration(common)) as journal:
        found = journal.view().pauses()
    now = datetime.now(UTC)
    rows = [(_what(one.scope, one.name), ago(one.since, now), one.by, one.why or "-") for one in found]
    data = {"pauses": [_data(one) for one in found]}
    show(common, data, table(("paused", "since", "by", "why"), rows, "why") if rows else "nothing is paused")
    return 0


def remedy(scope: str, name: str) -> str:
    """Return the command that ends a pause."""
    return " ".join(part for part in ("isthmus resume", scope, name) if part)


def standing(one: "Pause", now: datetime) -> str:
    """Say what is paused, since when and why."""
    why = f" ({legible(one.why)})" if one.why else ""
    return f"{_what(one.scope, one.name)} is paused, {ago(one.since, now)} by {legible(one.by)}{why}"


def _pause(kind: str, name: str, why: str, by: str, common: Common) -> int:
    from isthmus.core.journal import Scope
    from isthmus.core.pauses import KNOWN_FOR

    config = configuration(common)
    known: Iterable[str] = {"agent": [*config.file.agents], "connection": [*config.file.connections]}.get(kind, [name])
    if name not in known:
        raise InvalidArguments(
            f"{kind} {name!r} is not in the configuration{nearest(name, known)}; nothing was paused", field="name"
        )
    with journal_of(config) as journal:
        stood = journal.view().pause_of(Scope(kind), name)
        pause = journal.transact_sync(
            lambda transaction: transaction.pause(Scope(kind), name, by=by or _operator(), why=why)
        )
    # By then every process has looked.
    time.sleep(KNOWN_FOR)
    now = datetime.now(UTC)
    said = f"{standing(pause, now)}; it stays so" if stood else f"{_what(kind, name)} is paused: {THEN[kind]}; {GONE}"
    show(common, _data(pause) | {"already": stood is not None}, said, f"`{remedy(kind, name)}` ends it")
    return 0


def _resume(kind: str, name: str, why: str, by: str, common: Common) -> int:
    from isthmus.core.journal import Scope

    with journal_of(configuration(common)) as journal:
        pause = journal.transact_sync(
            lambda transaction: transaction.resume(Scope(kind), name, by=by or _operator(), why=why)
        )
        others = [_what(one.scope, one.name) for one in journal.view().pauses()]
    if pause is None:
        raise NotFound(
            f"{_what(kind, name)} is not paused; `isthmus pause list` shows what is", object=f"{kind} {name}".strip()
        )
    left = [f"still paused: {', '.join(others)}"] if others else []
    show(common, _data(pause), f"{_what(kind, name)} {AGAIN[kind]}", *left)
    return 0


def _what(scope: str, name: str) -> str:
    return f"{scope} {name!r}" if name else "every write"


def _operator() -> str:
    """Name who sits at this machine; a container's user may have no name."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _data(one: "Pause") -> dict[str, object]:
    return {
        "scope": one.scope.value,
        "name": one.name or None,
        "since": one.since.isoformat(),
        "by": one.by,
        "why": one.why or None,
    }
