"""Is everything in order: settings, keys, rules, zones, and every system behind them?"""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cyclopts import App

from isthmus.core.cli.checks import Check, Status, client_checks, config_checks, counted, report, rule_checks
from isthmus.core.cli.installation import gateway_of, keys_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import waiting
from isthmus.core.cli.pause import remedy, standing
from isthmus.core.errors import ConfigurationError, IsthmusError

if TYPE_CHECKING:
    from isthmus.core.config import Config
    from isthmus.core.connection import Connection
    from isthmus.core.connector import Probe
    from isthmus.core.gateway import Gateway
    from isthmus.residency import FlowPolicy

__all__ = ["ask", "doctor", "register"]

MOST_ON_A_LINE = 200
"""Letters of facts that stand behind each other; more of them stand below each other."""


def register(app: App) -> None:
    """Add the command."""
    app.command(doctor)


async def doctor(*, user: str = "", common: Common = DEFAULT) -> int:
    """Check settings, keys, rules and zones, and ask every system who we are there and what quota is left.

    Args:
        user: The person to ask as, where a connection acts as the user.
    """
    checks, config = config_checks(common)
    if config is None:
        return report(common, checks)
    keys = _keys(config)
    more, rulings = rule_checks(config)
    checks += [keys, *more]
    if rulings is not None:
        checks += client_checks(config, rulings.flows)
        checks += _zones(config, rulings.flows)
        if keys.status is Status.OK:
            with waiting("asking every system"):
                checks += await _running(config, user)
    return report(common, checks)


def _keys(config: "Config") -> Check:
    try:
        with keys_of(config) as keys:
            said = f"{config.file.sealing_key} holds key {keys.sealing.key_id}"
            return Check("sealing key", Status.OK, said)
    except ConfigurationError as error:
        return Check("sealing key", Status.FAIL, error.sentence)


def _zones(config: "Config", flows: "FlowPolicy") -> Iterator[Check]:
    """Check the zone we run in against where the data is at home, and repeat what the flow rules find."""
    today = datetime.now(UTC).date()
    yield from (Check("flows", Status.WARN, one) for one in flows.check(today))
    here = flows.zones.get(config.file.zone)
    if here is None:
        said = (
            f"isthmus runs in {config.file.zone!r}, which the flow rules do not define; add [zones.{config.file.zone}]"
        )
        yield Check("runtime zone", Status.FAIL, said)
        return
    yield Check("runtime zone", Status.OK, f"isthmus runs in {here.name} ({', '.join(sorted(here.countries))})")
    for name, one in config.file.connections.items():
        if not here.countries <= flows.zone(one.zone).countries:
            yield _transfer(name, one.zone, here.name, flows)


def _transfer(connection: str, home: str, here: str, flows: "FlowPolicy") -> Check:
    """Say plainly that handling data outside its home moves it, and on which legal basis."""
    from isthmus.residency import Form, Integrity, Label

    places = flows.zone(home).countries
    label = Label(frozenset({"pii"}), places, frozenset({connection}), Integrity.TRUSTED)
    today = datetime.now(UTC).date()
    decision = flows.decide(label, origin_zone=home, zone=here, purpose="", on=today)
    said = f"its data is at home in {home} ({', '.join(sorted(places))}) and handled in {here}: each call is a transfer"
    if decision.form is Form.CLEAR:
        return Check(connection, Status.OK, f"{said} (basis: {decision.basis})")
    why = f"rules {', '.join(decision.rules)}" if decision.rules else f"basis {decision.basis}"
    return Check(
        connection, Status.WARN, f"{said}, and {why} would not let personal data go there; run isthmus for it in {home}"
    )


async def _running(config: "Config", user: str) -> list[Check]:
    """Open everything and look at each connection and at what was left open."""
    import asyncio

    try:
        async with gateway_of(config) as gateway:
            connections = [one for system in gateway.parts.systems.values() for one in system.connections.values()]
            checks = list(await asyncio.gather(*(ask(gateway, one, user) for one in connections)))
            hints = [hint for one in connections for hint in _hints(gateway, one)]
            return [*checks, *hints, *_pauses(gateway), _journal(gateway)]
    except ConfigurationError as error:
        return [Check("start", Status.FAIL, error.sentence)]


async def ask(gateway: "Gateway", connection: "Connection", user: str) -> Check:
    """Ask one connection's system who we are there; `user` is whom to ask as, where it acts as each."""
    from isthmus.core.cli.lookups import probe

    if connection.identity == "user" and not user:
        return Check(connection.name, Status.WARN, "acts as each user and was not asked; repeat with --user NAME")
    try:
        found = await probe(gateway, connection, user)
    except IsthmusError as error:
        return Check(connection.name, Status.FAIL, error.sentence)
    return _probed(connection, found)


def _probed(connection: "Connection", found: "Probe") -> Check:
    told = [(name, value) for name, value in found.facts.items() if value != found.identity]
    line = ", ".join(f"{name} {value}" for name, value in told)
    said = f"{connection.origin} answers as {found.identity}"
    long = len(line) > MOST_ON_A_LINE
    said += f" ({line})" if line and not long else ""
    more = [f"{name}: {value}" for name, value in told if long]
    for quota in found.quotas:
        if quota.remaining is None:
            continue
        said += f"; {quota.remaining:,} of {quota.limit:,} calls left"
        if quota.remaining <= 0:
            return Check(
                connection.name, Status.WARN, f"{said}: every call waits until the org's limit resets, or raise it"
            )
    return Check(
        connection.name, Status.WARN if found.troubles else Status.OK, "\n".join((said, *more, *found.troubles))
    )


def _hints(gateway: "Gateway", connection: "Connection") -> Iterator[Check]:
    """Compare what a host name hints at with the zone that was declared."""
    from isthmus.residency import hint_for_host

    hinted, declared = hint_for_host(connection.origin.host), gateway.parts.flows.zone(connection.zone).countries
    if hinted and not hinted & declared:
        said = f"its host name points to {', '.join(sorted(hinted))}, its zone {connection.zone} says "
        said += f"{', '.join(sorted(declared))}; check where the org runs and correct the one that is wrong"
        yield Check(connection.name, Status.WARN, said)


def _pauses(gateway: "Gateway") -> Iterator[Check]:
    """Repeat what an operator stopped: whoever wonders why nothing happens looks here."""
    now = datetime.now(UTC)
    for one in gateway.parts.journal.view().pauses():
        yield Check("pause", Status.WARN, f"{standing(one, now)}; `{remedy(one.scope, one.name)}` ends it")


def _journal(gateway: "Gateway") -> Check:
    view = gateway.parts.journal.view()
    said = counted(view.size, "entry", "entries")
    if gateway.parts.journal.writes_refused:
        return Check("journal", Status.FAIL, f"{said}; its disk is full, so writes are refused: free some space")
    unknown = len(view.open_intents())
    if unknown:
        return Check(
            "journal",
            Status.WARN,
            f"{said}; {counted(unknown, 'write')} without an outcome: see `isthmus intents list`",
        )
    return Check("journal", Status.OK, f"{said}, no write without an outcome")
