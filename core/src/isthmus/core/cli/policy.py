"""What do the rules say: about one call, about all calls, and about themselves?"""

import sys
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

from cyclopts import App, Parameter

from isthmus.core.cli.arguments import find_tool, read_arguments
from isthmus.core.cli.checks import Check, Status, client_checks, config_checks, report, rule_checks
from isthmus.core.cli.installation import caller_of, configuration, gateway_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import legible, show, table, waiting
from isthmus.core.errors import InvalidArguments

if TYPE_CHECKING:
    from rich.console import RenderableType

    from isthmus.core.cli.explaining import Explained
    from isthmus.core.gateway import Gateway
    from isthmus.core.operation import Transition
    from isthmus.core.policy.matrix import Row

__all__ = ["check", "explain", "matrix", "register"]


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="policy", help="Explain, tabulate and check the rules.")
    group.command(explain)
    group.command(matrix)
    group.command(check)
    app.command(group)


async def explain(
    tool: str,
    /,
    *pairs: Annotated[str, Parameter(name="key=value")],
    client: str = "",
    user: str = "",
    arguments: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    common: Common = DEFAULT,
) -> int:
    """Say which rules decide a call and what would have to be different; the call itself is not made.

    Args:
        tool: The tool's name.
        pairs: Its arguments, as `isthmus call` takes them.
        client: The client to ask for; not needed where the configuration has only one.
        user: The person it acts for, in place of the client's own.
        arguments: The arguments as one JSON object; - reads it from stdin.
    """
    from isthmus.core.cli.explaining import explained

    config = configuration(common)
    caller = caller_of(config, client, user)
    async with gateway_of(config) as gateway:
        wanted = find_tool(tool, tuple(gateway.parts.tools.values()))
        with waiting(f"asking about {tool}"):
            found = await explained(gateway, caller, wanted, read_arguments(wanted, pairs, arguments))
    parts = [part for one in found for part in _shown(one, caller.consumer)]
    show(common, {"questions": [_told(one) for one in found]}, *parts)
    return 0


def _told(one: "Explained") -> dict[str, object]:
    operation = one.question.operation
    return {
        "connection": operation.connection,
        "object": operation.object,
        "effects": sorted(operation.effects),
        "fields": sorted(operation.fields),
        "risk": operation.risk,
        "amount": operation.amount,
        "allowed": one.allowed,
        "lines": one.lines,
        "forms": one.forms,
    }


def _shown(one: "Explained", consumer: str) -> "Iterator[RenderableType]":
    from isthmus.core.amounts import UNKNOWN

    operation = one.question.operation
    amount = f", amount {'unknown' if operation.amount == UNKNOWN else operation.amount}" if operation.amount else ""
    yield f"{operation.target}, risk {operation.risk}{amount}"
    yield from (legible(f"  {line}") for line in one.lines)
    if one.forms:
        countries = list(next(iter(one.forms.values())))
        rows = [(f"    {field}", *(forms[country] for country in countries)) for field, forms in one.forms.items()]
        yield f"  In which form {consumer or 'the consumer'} gets each field, by the country of whom it is about:"
        yield table(("    field", *countries), rows)
    yield ""


async def matrix(
    *,
    object: tuple[str, ...] = (),
    user: str = "",
    common: Common = DEFAULT,
) -> int:
    """Tabulate who may do what; redirect it into a file and keep that under version control.

    Args:
        object: Only these objects, such as crm/Case; by default all that a policy names.
        user: The person to read descriptions as, where a connection acts as the user.
    """
    from isthmus.core.policy import matrix as written
    from isthmus.core.policy.matrix import rows

    config = configuration(common)
    async with gateway_of(config) as gateway:
        with waiting("reading the objects that policies name"):
            objects, states = await known(gateway, object, user)
        policy = gateway.parts.policy
    if not any(objects.values()):
        raise InvalidArguments("none of these objects is known to a connection; name one as --object SYSTEM/Object")
    found = list(rows(policy, objects, states))
    # A file gets the flat table, which can be compared line by line; a person gets it by caller.
    parts = _by_caller(found) if sys.stdout.isatty() else [written(policy, objects, states).removesuffix("\n")]
    show(common, {"rows": [asdict(row) for row in found]}, *parts)
    return 0


def check(*, common: Common = DEFAULT) -> int:
    """Validate configuration, policies, sequence rules and flow rules, and say what to look at."""
    checks, config = config_checks(common)
    if config is not None:
        more, rulings = rule_checks(config)
        checks += more
        if rulings is not None:
            checks += client_checks(config, rulings.flows)
            checks += [Check("flows", Status.WARN, one) for one in rulings.flows.check(datetime.now(UTC).date())]
    return report(common, checks)


async def known(
    gateway: "Gateway", wanted: Sequence[str], user: str
) -> tuple[dict[str, dict[str, frozenset[str]]], dict[str, "list[Transition]"]]:
    """Describe the objects on each connection that has them: fields, and every change of state."""
    from isthmus.core.cli.lookups import describe

    named = set(wanted) or {
        id for rule in gateway.parts.policy.rules.values() for kind, id in rule.entities if kind == "Object"
    }
    objects: dict[str, dict[str, frozenset[str]]] = {}
    states: dict[str, list[Transition]] = {}
    for system in gateway.parts.systems.values():
        for connection in system.connections.values():
            homes = (system.name, connection.name)
            mine = sorted({name for home, _, name in (one.rpartition("/") for one in named) if home in (*homes, "")})
            for name in mine:
                facts = await describe(gateway, connection, name, user)
                if facts is not None:
                    objects.setdefault(connection.name, {})[facts.name] = frozenset(facts.fields)
                    choices = facts.fields[facts.state_field].choices if facts.state_field else ()
                    states[f"{connection.name}/{facts.name}"] = list(_changes(facts.state_field or "", choices))
    return objects, states


def _changes(field: str, choices: Sequence[str]) -> "Iterator[Transition]":
    from isthmus.core.operation import Transition

    for before in ("", *choices):
        yield from (Transition(field, before, after) for after in choices if after != before)


def _by_caller(rows: Iterable["Row"]) -> "Iterator[RenderableType]":
    callers: dict[tuple[str, str, str], list[Row]] = defaultdict(list)
    for row in rows:
        callers[row.agent, row.user, row.purpose].append(row)
    for (agent, user, purpose), own in callers.items():
        yield f"{agent} for {user if user != '-' else 'nobody'}" + (f", purpose {purpose}" if purpose != "-" else "")
        ruled = [row for row in own if row.by != "(no rule)"]
        columns = ("answer", "verbs", "objects", "by")
        yield table(columns, _merged(ruled), *columns[1:]) if ruled else "  nothing is permitted"
        yield ""
    yield "What is not listed is denied, as no rule permits it. Output into a file, or --json, has every row and field."


def _merged(rows: Iterable["Row"]) -> "Iterator[tuple[str, ...]]":
    """Put what is answered alike into one row: verbs with the states they may lead to, then objects."""
    verbs: dict[tuple[str, str, str], dict[str, list[str]]] = {}
    for row in rows:
        states = verbs.setdefault((row.object, row.answer, row.by), {}).setdefault(row.verb, [])
        if row.transition != "-":
            states.append(row.transition.rpartition(" -> ")[2])
    objects: dict[tuple[str, str, str], list[str]] = {}
    for (name, answer, by), found in verbs.items():
        said = ", ".join(f"{verb} (to {', '.join(dict.fromkeys(to))})" if to else verb for verb, to in found.items())
        objects.setdefault((answer, said, by), []).append(name)
    for (answer, said, by), names in objects.items():
        yield answer, said, ", ".join(names), by
