"""How does a server start, and how does it end? One gateway, one transport; a signal lets writes settle first."""

import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from isthmus.core.assembly import open_gateway, open_keys
from isthmus.core.config import Config
from isthmus.core.credentials import SecretResolver
from isthmus.core.errors import ConfigurationError
from isthmus.core.nearest import nearest
from isthmus.core.opening import Surroundings
from isthmus.plugins.mcp.clients import Client, Tokens, known_clients
from isthmus.plugins.mcp.http import PATH, Address, http_app
from isthmus.plugins.mcp.ijson import refusal
from isthmus.plugins.mcp.server import ToolServer
from isthmus.plugins.mcp.stdio import Lines

if TYPE_CHECKING:
    import anyio

__all__ = ["serve_http", "serve_stdio"]

LOG = logging.getLogger("isthmus.mcp")


async def serve_stdio(config: Config, client: str, surroundings: Surroundings | None = None) -> None:
    """Serve one client of `[clients]` on stdin and stdout until its input ends or a signal comes."""
    async with open_gateway(config, surroundings) as gateway:
        known = known_clients(config, gateway.parts.flows)
        if client not in known:
            raise ConfigurationError(f"there is no client {client!r}{nearest(client, known)}; add [clients.{client}]")
        tools = ToolServer(gateway, config.file.name, lambda: known[client])

        async def refuse(why: str) -> None:
            await write.send(SessionMessage(refusal(why)))

        lines = Lines.of_stdin(refuse)
        # The SDK only iterates over stdin; what it wants by type is its own file wrapper.
        stdin = cast("anyio.AsyncFile[str]", lines)
        with _on_signal(lines.close):
            async with stdio_server(stdin) as (read, write):
                LOG.info("serving client %r on stdin and stdout", client)
                await tools.server.run(read, write, tools.server.create_initialization_options())


async def serve_http(
    config: Config,
    host: str = "127.0.0.1",
    port: int = 8808,
    *,
    allow_remote: bool = False,
    public_url: str | None = None,
    surroundings: Surroundings | None = None,
) -> None:
    """Serve every client that has a token over streamable HTTP until a signal comes; port 0 picks a free one.

    Raises:
        ConfigurationError: the address can be reached from outside and that was not asked for, or cannot be had.
    """
    _may_listen(host, allow_remote=allow_remote, public_url=public_url)
    around = surroundings or Surroundings()
    with _listen(host, port) as listening:
        address = Address(host, listening.getsockname()[1], public_url)
        with open_keys(config, around.environ).secrets as store:
            resolver = SecretResolver(store, around.environ, folder=config.folder)
            tokens = Tokens.load(config, resolver, address.resource)
        async with open_gateway(config, around) as gateway:
            known = known_clients(config, gateway.parts.flows)
            tools = ToolServer(gateway, config.file.name, lambda: _authenticated(known))
            settings = uvicorn.Config(
                http_app(tools.server, tokens, address),
                lifespan="on",
                ws="none",
                log_config=None,
                access_log=False,
                server_header=False,
                # Who is calling is proven by its token; a proxy's headers prove nothing.
                proxy_headers=False,
                # No call may take longer, so nobody who waits for a write loses its answer.
                timeout_graceful_shutdown=int(config.file.call_timeout) + 1,
            )
            # uvicorn ends by itself on a signal and raises it again afterwards, when writes are not settled yet.
            with _on_signal(lambda: None):
                LOG.info("serving on http://%s:%d%s as %s", host, address.port, PATH, address.resource)
                await uvicorn.Server(settings).serve(sockets=[listening])


def _authenticated(known: "dict[str, Client] | object") -> Client:
    raise NotImplementedError
