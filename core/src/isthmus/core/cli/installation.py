"""What does a command work on? The configuration, and what it names: keys, journal, gateway, clients."""

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import TYPE_CHECKING

from isthmus.core.caller import Caller
from isthmus.core.cli.options import Common
from isthmus.core.errors import InvalidArguments
from isthmus.core.nearest import nearest

if TYPE_CHECKING:
    from isthmus.core.assembly import Keys, Rulings
    from isthmus.core.config import Config
    from isthmus.core.gateway import Gateway
    from isthmus.core.journal import Journal

__all__ = ["caller_of", "configuration", "gateway_of", "journal_of", "keys_of", "rulings_of"]


def configuration(common: Common) -> "Config":
    """Read the configuration that was asked for."""
    from isthmus.core.config import load_config

    return load_config(common.config)


def caller_of(config: "Config", client: str, user: str = "") -> Caller:
    """Return the caller behind a client of the configuration; without a name, the only one there is."""
    clients = config.file.clients
    name = client or (next(iter(clients)) if len(clients) == 1 else "")
    if not name:
        known = f"one of {', '.join(sorted(clients))}" if clients else "after adding one as [clients.<name>]"
        raise InvalidArguments(f"name the client to act as with --client, {known}", field="client")
    found = clients.get(name)
    if found is None:
        raise InvalidArguments(
            f"client {name!r} is not in the configuration, which has {', '.join(sorted(clients)) or 'none'}"
            f"{nearest(name, clients)}",
            field="client",
        )
    return Caller(found.agent, user or found.user or None, found.purpose, found.consumer, "", name)


@contextmanager
def keys_of(config: "Config") -> Iterator["Keys"]:
    """Open the keys of this installation."""
    from isthmus.core.assembly import open_keys

    keys = open_keys(config, os.environ)
    with keys.secrets:
        yield keys


@contextmanager
def journal_of(config: "Config") -> Iterator["Journal"]:
    """Open the journal, and none of the connections."""
    with keys_of(config) as keys, unopened_journal(config, keys) as journal:
        yield journal


def unopened_journal(config: "Config", keys: "Keys") -> "Journal":
    """Name the journal of this installation."""
    from isthmus.core.assembly import journal_at

    return journal_at(config, keys)


def rulings_of(config: "Config") -> "Rulings":
    """Read and validate every rule in force."""
    from isthmus.core.assembly import load_rulings
    from isthmus.core.plugins import load_plugins

    return load_rulings(config, load_plugins(config.file.plugins))


@asynccontextmanager
async def gateway_of(config: "Config") -> AsyncIterator["Gateway"]:
    """Open everything."""
    from isthmus.core.assembly import open_gateway

    async with open_gateway(config) as gateway:
        yield gateway
