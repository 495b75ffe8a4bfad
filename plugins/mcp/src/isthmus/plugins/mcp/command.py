"""What does `isthmus serve` do with its options?"""

import asyncio
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from isthmus.core.errors import ConfigurationError

__all__ = ["serve"]


def serve(
    *,
    config: Annotated[Path, Parameter(env_var="ISTHMUS_CONFIG")] = Path("isthmus.toml"),
    client: str | None = None,
    http: str | None = None,
    allow_remote: bool = False,
    public_url: str | None = None,
) -> None:
    """Serve the tools to agents over MCP: on stdin and stdout for one client, or over HTTP for all that have a token.

    It ends with SIGTERM, Ctrl-C or, on stdio, with its input; writes under way are settled first.

    Args:
        config: The configuration file.
        client: Serve on stdin and stdout as this client of `[clients]`.
        http: Serve over HTTP on HOST:PORT, such as 127.0.0.1:8808; each client is known by its bearer token.
        allow_remote: Allow an address that other machines can reach; it needs --public-url.
        public_url: The https address under which clients reach this server through your TLS proxy.
    """
    # The SDK takes a third of a second to import, which other commands need not pay.
    from isthmus.core.config import load_config
    from isthmus.plugins.mcp.logs import log_to_stderr
    from isthmus.plugins.mcp.serve import serve_http, serve_stdio

    if (client is None) == (http is None):
        raise ConfigurationError("say either --client NAME for stdio or --http HOST:PORT")
    settings = load_config(config)
    log_to_stderr()
    if client is not None:
        asyncio.run(serve_stdio(settings, client))
    elif http is not None:
        host, port = _address(http)
        asyncio.run(serve_http(settings, host, port, allow_remote=allow_remote, public_url=public_url))


def _address(http: str) -> tuple[str, int]:
    host, _, port = http.rpartition(":")
    if not host or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise ConfigurationError(f"--http takes HOST:PORT such as 127.0.0.1:8808, not {http!r}")
    return host.strip("[]"), int(port)
