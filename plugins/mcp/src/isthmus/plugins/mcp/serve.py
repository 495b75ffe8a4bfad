"""How does a server start, and how does it end? One gateway, one transport; a signal lets writes settle first."""

import asyncio
import ipaddress
import logging
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import uvicorn
from mcp.server.auth.middleware.auth_context import get_access_token
from mcp.server.stdio import stdio_server
from mcp.shared.message import SessionMessage

from isthmus.core.assembly import open_gateway, open_keys
from isthmus.core.collector import few_collections
from isthmus.core.config import Config
from isthmus.core.credentials import SecretResolver
from isthmus.core.errors import ConfigurationError
from isthmus.core.gateway import Gateway
from isthmus.core.nearest import nearest
from isthmus.core.opening import Surroundings
from isthmus.plugins.mcp.clients import Client, Tokens, known_clients
from isthmus.plugins.mcp.http import PATH, Address, http_app
from isthmus.plugins.mcp.ijson import refusal
from isthmus.plugins.mcp.server import ToolServer
from isthmus.plugins.mcp.stdio import Lines

if TYPE_CHECKING:
    import anyio

__all__ = ["http_server", "listening", "serve_http", "serve_stdio"]

LOG = logging.getLogger("isthmus.mcp")


async def serve_stdio(config: Config, client: str, surroundings: Surroundings | None = None) -> None:
    """Serve one client of `[clients]` on stdin and stdout until its input ends or a signal comes."""
    if client not in config.file.clients:
        raise ConfigurationError(
            f"there is no client {client!r}{nearest(client, config.file.clients)}; add [clients.{client}]",
            object=client,
        )

    async def refuse(why: str) -> None:
        await write.send(SessionMessage(refusal(why)))

    lines = Lines.of_stdin(refuse)
    with _on_signal() as stop:
        stop.then(lines.close)
        async with open_gateway(config, surroundings) as gateway:
            known = known_clients(config, gateway.parts.flows)
            server = ToolServer(gateway, config.file.name, lambda: known[client]).server
            # The SDK only iterates over stdin; what it wants by type is its own file wrapper.
            with few_collections():
                async with stdio_server(cast("anyio.AsyncFile[str]", lines)) as (read, write):
                    LOG.info("serving client %r on stdin and stdout", client)
                    await server.run(read, write, server.create_initialization_options())


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
        ConfigurationError: the address is reachable from outside and that was not asked for, or it cannot be had.
    """
    _may_listen(host, allow_remote=allow_remote, public_url=public_url)
    around = surroundings or Surroundings()
    with _on_signal() as stop, listening(host, port) as listener:
        address = Address(host, listener.getsockname()[1], public_url)
        with open_keys(config, around.environ).secrets as store:
            resolver = SecretResolver(store, around.environ, folder=config.folder)
            tokens = Tokens.load(config, resolver, address.resource)
        async with open_gateway(config, around) as gateway:
            server = http_server(config, gateway, tokens, address)
            # uvicorn stops by itself too, then raises the signal again, before writes are settled: `stop` takes it.
            stop.then(lambda: setattr(server, "should_exit", True))
            LOG.info("serving %s on %s port %d", address.resource, host, address.port)
            with few_collections():
                await server.serve(sockets=[listener])


def http_server(config: Config, gateway: Gateway, tokens: Tokens, address: Address) -> uvicorn.Server:
    """Return the HTTP server of a gateway, not yet listening."""
    known = known_clients(config, gateway.parts.flows)
    tools = ToolServer(gateway, config.file.name, lambda: _authenticated(known))
    settings = uvicorn.Config(
        http_app(tools.server, tokens, address),
        lifespan="on",
        ws="none",
        log_config=None,
        access_log=False,
        server_header=False,
        # A token proves who calls; a proxy's headers prove nothing.
        proxy_headers=False,
        # No call takes longer, so nobody who waits for a write loses its answer.
        timeout_graceful_shutdown=int(config.file.call_timeout) + 1,
    )
    return uvicorn.Server(settings)


def _authenticated(known: Mapping[str, Client]) -> Client:
    token = get_access_token()
    if token is None:
        raise LookupError("a request without a token passed the token check")
    return known[token.client_id]


def _may_listen(host: str, *, allow_remote: bool, public_url: str | None) -> None:
    if public_url is not None:
        public = urlsplit(public_url)
        if public.path != PATH or not public.hostname or public.query or public.username:
            raise ConfigurationError(f"--public-url is https://HOST{PATH}, without user, query or another path")
        if public.scheme != "https" and not _loopback(public.hostname):
            raise ConfigurationError("--public-url has to be https: tokens would cross the network in the clear")
    if _loopback(host):
        return
    if not allow_remote:
        raise ConfigurationError(
            f"{host!r} can be reached from other machines; serve on 127.0.0.1 behind a proxy that ends TLS, "
            "or say --allow-remote",
            object=host,
        )
    if public_url is None:
        raise ConfigurationError(f"on {host!r} say --public-url too: only requests for that host are answered")


def _loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


@contextmanager
def listening(host: str, port: int) -> Iterator[socket.socket]:
    """Listen on an address, port 0 for a free one; raises ConfigurationError where it cannot be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio turns Nagle's algorithm off only on sockets that name their protocol; with it a small answer waits 40 ms.
    with socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP) as found:
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            found.bind((host, port))
            found.listen(128)
        except OSError as error:
            raise ConfigurationError(
                f"cannot listen on {host} port {port}: {error.strerror}; choose another with --http HOST:PORT"
            ) from error
        yield found


class _Stop:
    """What a signal does: from its first arrival on, whatever `then` was told."""

    def __init__(self) -> None:
        self._asked = False
        self._act: Callable[[], object] = bool

    def __call__(self) -> None:
        self._asked = True
        self._act()

    def then(self, act: Callable[[], object]) -> None:
        """Do this on a signal; at once if there was one already."""
        self._act = act
        if self._asked:
            act()


@contextmanager
def _on_signal() -> Iterator[_Stop]:
    """Take SIGTERM and SIGINT until the context ends; in a thread that gets no signals, take none."""
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    loop = asyncio.get_running_loop()
    before = {
        number: signal.signal(number, lambda *_: loop.call_soon_threadsafe(stop))
        for number in (signal.SIGTERM, signal.SIGINT)
    }
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
