"""How does a test run against the project's own cassettes, or record them anew?

`ISTHMUS_RECORD=1 uv run pytest tests/connectors -k test_replayed` records them all, from the sandbox.
"""

import os
import socket
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NoReturn

import pytest

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.cassettes import Recording, Replay
from isthmus.core.config import load_config
from isthmus.core.gateway import Gateway

RECORD = "ISTHMUS_RECORD" in os.environ
FOLDER = Path(__file__).parents[1] / "cassettes"
SOURCE = "isthmus sandbox, seed 7"


def cassette_of(request: pytest.FixtureRequest, connector: str) -> Path:
    """Return where the cassette of a test lies."""
    return FOLDER / connector / Path(str(request.node.path)).stem / f"{request.node.name}.yaml"


@asynccontextmanager
async def played(config: Path, environ: Mapping[str, str], cassette: Path) -> AsyncIterator[Gateway]:
    """Open a gateway on a cassette, or while recording on the systems that the configuration names."""
    if RECORD:
        with Recording(cassette, SOURCE) as recording:
            around = Surroundings(environ=environ, cassette=recording)
            async with open_gateway(load_config(config), around) as gateway:
                yield gateway
        return
    with Replay(cassette) as replay:
        async with open_gateway(load_config(config), replay.surroundings()) as gateway:
            yield gateway


def forbid_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nothing out of this process."""

    def forbidden(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a replay reached for the network")

    for name in ("connect", "connect_ex", "sendto", "bind", "listen"):
        monkeypatch.setattr(socket.socket, name, forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)


def forbid_network_source() -> str:
    """Return a statement that does the same in a process of its own, but for sockets that stay on the machine."""
    return (
        "import socket; plain = socket.socket.connect\n"
        "def local(self, address):\n"
        "    if self.family != socket.AF_UNIX: raise AssertionError('a replay reached for the network')\n"
        "    return plain(self, address)\n"
        "socket.socket.connect = socket.socket.connect_ex = local\n"
    )
