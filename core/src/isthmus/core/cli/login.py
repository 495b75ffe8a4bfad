"""How does a person let a connection act for them, or for the service, where that takes a browser?"""

import asyncio
import sys
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cyclopts import App

from isthmus.core.cli.installation import configuration, keys_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import legible, show
from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.config import Config
    from isthmus.core.credentials import SignedIn, SignIn

__all__ = ["login", "register"]


def register(app: App) -> None:
    """Add the command."""
    app.command(login)


def login(
    connection: str,
    /,
    *,
    user: str = "",
    also: str = "",
    browser: bool = True,
    paste: bool = False,
    wait: int = 300,
    common: Common = DEFAULT,
) -> int:
    """Sign in to a connection of kind authorization_code in a browser, and keep sealed what that leaves.

    Args:
        connection: The connection, as the configuration names it.
        user: The person who signs in, where the connection acts as the user.
        also: A further credential of the connection, by its name under `also`.
        browser: Open a browser here; the address is shown in any case.
        paste: Ask for the address on which the browser ended, where it runs on another machine than this.
        wait: Seconds until it is given up.
    """
    config = configuration(common)
    _check(config, connection, user)
    done = asyncio.run(_signed_in(config, connection, user, also, browser=browser, paste=paste, wait=wait))
    ends = None if done.expires_at is None else datetime.fromtimestamp(done.expires_at, UTC)
    said = f"signed in to {connection}" + (f" for {user}" if user else "")
    until = "" if ends is None else f" on {ends:%Y-%m-%d %H:%M} UTC"
    after = (
        "calls renew it by themselves"
        if done.refreshes
        else f"no refresh token came, so this ends{until}; ask for one by `scope`, or in the client's registration"
    )
    data = {"connection": connection, "user": user or None, "refreshes": done.refreshes}
    show(common, data | {"expires_at": None if ends is None else ends.isoformat()}, said, after)
    return 0


def _check(config: "Config", connection: str, user: str) -> None:
    known = config.file.connections
    if connection not in known:
        raise InvalidArguments(f"connection {connection!r} is not in the configuration{nearest(connection, known)}")
    if user and user not in config.file.users:
        raise InvalidArguments(f"user {user!r} is not in the configuration{nearest(user, config.file.users)}")


async def _signed_in(
    config: "Config", connection: str, user: str, also: str, *, browser: bool, paste: bool, wait: int
) -> "SignedIn":
    from isthmus.core.caller import Principal
    from isthmus.core.opening import AROUND, Surroundings, prover_of
    from isthmus.core.plugins import load_plugins

    around = AROUND.get() or Surroundings()
    plugins = around.plugins or load_plugins(config.file.plugins)
    async with AsyncExitStack() as stack:
        keys = stack.enter_context(keys_of(config))
        factory = await prover_of(config, connection, around, plugins, keys.secrets, stack).factory(also)
        one: SignIn = factory.sign_in(Principal(connection, user), around.entropy)
        if paste:
            return await one.by_hand(_asked)
        return await one.by_browser(_opened if browser else _told, wait)


def _told(address: str) -> None:
    sys.stderr.write(f"sign in at\n{legible(address)}\n")
    sys.stderr.flush()


def _opened(address: str) -> None:
    import webbrowser

    _told(address)
    webbrowser.open(address)


def _asked(address: str) -> str:
    _told(address)
    sys.stderr.write("and give the address of the page on which it ends: ")
    sys.stderr.flush()
    return sys.stdin.readline()
