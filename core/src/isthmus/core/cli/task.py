"""How does a person or a host open a clean task?"""

from cyclopts import App

from isthmus.core.cli.installation import caller_of, configuration, gateway_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import show

__all__ = ["new", "register"]


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="task", help="Open clean tasks.")
    group.command(new)
    app.command(group)


async def new(*, client: str = "", user: str = "", common: Common = DEFAULT) -> int:
    """Mint the handle of a new task, which knows nothing yet; give it to the client as its `task` argument.

    Args:
        client: The client that will use it; not needed where the configuration has only one.
        user: The person it acts for, in place of the client's own.
    """
    config = configuration(common)
    caller = caller_of(config, client, user)
    async with gateway_of(config) as gateway:
        handle = gateway.parts.tasks.mint(caller)
    show(common, {"task": handle, "client": caller.client, "user": caller.user}, handle)
    return 0
