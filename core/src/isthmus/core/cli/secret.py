"""How does a secret reach the sealed store without standing on a command line?"""

import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from cyclopts import App

from isthmus.core.cli.installation import configuration, keys_of
from isthmus.core.cli.options import DEFAULT, Common
from isthmus.core.cli.output import show, table
from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.config import Config

__all__ = ["list_", "register", "set_"]

OURS = "isthmus."
"""Names of what isthmus keeps for itself, such as its signing key."""


def register(app: App) -> None:
    """Add the commands."""
    group = App(name="secret", help="Keep secrets sealed; settings name them as sealed:NAME.")
    group.command(set_, name="set")
    group.command(list_, name="list")
    app.command(group)


def set_(name: str, /, *, user: str = "", common: Common = DEFAULT) -> int:
    """Seal a secret, read from a prompt or from stdin and never from the command line.

    Args:
        name: What settings call it: sealed:NAME.
        user: The person whose own secret it is, where a connection acts as the user.
    """
    if name.startswith(OURS):
        raise InvalidArguments(f"names that begin with {OURS!r} are isthmus's own; choose another")
    config = configuration(common)
    if user and user not in config.file.users:
        raise InvalidArguments(f"user {user!r} is not in the configuration{nearest(user, config.file.users)}")
    from isthmus.core.credentials import Secret

    value = Secret(_read(name))
    with keys_of(config) as keys:
        keys.secrets.set_secret(name, value, user=user)
    said = f"sealed {name}" + (f" for {user}" if user else "")
    used = sorted(_uses(config).get(name, ()))
    hint = f"used by {', '.join(used)}" if used else f'no setting names it yet; write "sealed:{name}" where it belongs'
    show(common, {"name": name, "user": user or None, "used_by": used}, said, hint)
    return 0


def list_(*, common: Common = DEFAULT) -> int:
    """List the names of sealed secrets and the settings that use them; values are never shown."""
    config = configuration(common)
    with keys_of(config) as keys:
        names = [(name, user) for name, user in keys.secrets.secret_names() if not name.startswith(OURS)]
    uses = _uses(config)
    data = [{"name": name, "user": user or None, "used_by": sorted(uses.get(name, ()))} for name, user in names]
    rows = [(name, user or "-", ", ".join(sorted(uses.get(name, ()))) or "-") for name, user in names]
    missing = sorted(set(uses) - {name for name, _ in names})
    parts = [table(("name", "user", "used by"), rows, "used by")] if rows else ["no secret is sealed here"]
    told = [
        f"missing: {name}, used by {', '.join(sorted(uses[name]))}; run `isthmus secret set {name}`" for name in missing
    ]
    show(common, {"secrets": data, "missing": missing}, *parts, *told)
    return 0


def _read(name: str) -> str:
    if sys.stdin.isatty():
        import getpass

        value = getpass.getpass(f"{name}: ")
    else:
        value = sys.stdin.read()
    value = value.strip("\r\n")
    if not value:
        raise InvalidArguments(f"nothing was given for {name!r}; type it at the prompt, or pipe it in")
    return value


def _uses(config: "Config") -> dict[str, set[str]]:
    """Map each sealed name to the settings that refer to it."""
    found: dict[str, set[str]] = {}
    for place, reference in _references(config):
        if reference.startswith("sealed:"):
            found.setdefault(reference.removeprefix("sealed:"), set()).add(place)
    return found


def _references(config: "Config") -> Iterator[tuple[str, str]]:
    for name, one in config.file.connections.items():
        shown = one.model_dump(mode="json", include={"auth", "also", "client_certificate", "client_key"})
        yield from _texts(f"connections.{name}", shown)
    for name, client in config.file.clients.items():
        if client.token:
            yield f"clients.{name}.token", client.token


def _texts(place: str, value: object) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, one in value.items():
            yield from _texts(f"{place}.{key}", one)
    elif isinstance(value, str):
        yield place, value
