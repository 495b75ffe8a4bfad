"""What may a client call, and what does one call answer?"""

from typing import Annotated

from cyclopts import App, Parameter

from isthmus.core.cli.arguments import find_tool, read_arguments
from isthmus.core.cli.installation import caller_of, configuration, gateway_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import show, table, waiting
from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest

__all__ = ["call", "register", "tools"]


def register(app: App) -> None:
    """Add the commands."""
    app.command(tools)
    app.command(call)


async def tools(*, system: str = "", client: str = "", common: Common = DEFAULT) -> int:
    """List the tools, or those that one client may call.

    Args:
        system: Only the tools of this system.
        client: Only what this client of the configuration may call.
    """
    config = configuration(common)
    if system and system not in config.file.systems:
        raise InvalidArguments(f"there is no system {system!r}{nearest(system, config.file.systems)}", field="system")
    async with gateway_of(config) as gateway:
        known = gateway.tools(caller_of(config, client)) if client else tuple(gateway.parts.tools.values())
    found = [one for one in known if not system or system in one.systems]
    data = [
        {
            "name": one.name,
            "description": one.description,
            "effects": sorted(one.effects),
            "systems": list(one.systems),
            "input_schema": one.input_schema,
        }
        for one in found
    ]
    rows = [(one.name, ", ".join(sorted(one.effects)), ", ".join(one.systems), one.description) for one in found]
    show(common, {"tools": data}, table(("tool", "effects", "systems", "what it does"), rows, "what it does"))
    return 0


async def call(
    tool: str,
    /,
    *pairs: Annotated[str, Parameter(name="key=value")],
    client: str = "",
    user: str = "",
    arguments: Annotated[str | None, Parameter(allow_leading_hyphen=True)] = None,
    common: Common = DEFAULT,
) -> int:
    """Call a tool the way a client would, with all that policy, residency and audit make of it.

    Args:
        tool: The tool's name.
        pairs: Its arguments: text as it is, lists with commas, anything else as JSON; values.Subject=Hello sets one.
        client: The client to act as; not needed where the configuration has only one.
        user: The person to act for, in place of the client's own.
        arguments: The arguments as one JSON object; - reads it from stdin.
    """
    from isthmus.core.cli.rendering import render
    from isthmus.core.results import as_json

    config = configuration(common)
    caller = caller_of(config, client, user)
    async with gateway_of(config) as gateway:
        wanted = find_tool(tool, gateway.tools(caller))
        given = read_arguments(wanted, pairs, arguments)
        with waiting(f"calling {tool}"):
            found = as_json(await gateway.call(caller, tool, given))
    show(common, found, *render(found))
    return 0
