"""One gateway over three systems of the sandbox, recorded and played again with every socket forbidden."""

import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from pathlib import Path
from typing import NoReturn

import pytest
from tests.conftest import ITSM, House

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.cassettes import Recording, Replay
from isthmus.core.config import load_config
from isthmus.core.errors import IsthmusError
from isthmus.core.files import File
from isthmus.core.gateway import Gateway
from isthmus.core.results import as_json

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action, resource);
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use", resource);
@id("not-leads") forbid (principal is Isthmus::Agent, action in Isthmus::Action::"read",
  resource in Isthmus::Object::"crm/Lead");
"""
Calls = Callable[["Told"], Awaitable[None]]


class Told:
    """What the tools of a gateway answered, as the bytes that a client gets."""

    def __init__(self, gateway: Gateway, house: "Desk", cassette: Recording | Replay) -> None:
        self.cassette = cassette
        self.gateway = gateway
        self._house = house
        self.answers: list[bytes] = []
        self.tools: list[str] = []

    async def __call__(self, at: str, tool: str, /, **arguments: object) -> dict:
        """Call a tool as the desktop in the US or in the EU; an error is an answer too."""
        caller = self._house.caller(at)
        try:
            result = await self.gateway.call(caller, tool, arguments)
            with result if isinstance(result, File) else nullcontext():
                found = as_json(result)
        except IsthmusError as error:
            found = {"error": error.details()}
        self.tools.append(tool)
        self.answers.append(json.dumps(found).encode())
        return found


class Desk(House):
    """A house with a CRM in two orgs and an ITSM."""

    def write(self) -> Path:
        path = super().write()
        instance = self.sandbox.servicenow["eu"]
        self.environ["ITSM_PASSWORD"] = instance.password("integration")
        path.write_text(path.read_text() + ITSM.format(url=instance.url, username="integration"))
        return path

    @asynccontextmanager
    async def recorded(self, path: Path) -> AsyncIterator[Told]:
        config = load_config(self.write())
        with Recording(path, "isthmus sandbox, seed 7") as cassette:
            async with open_gateway(config, Surroundings(environ=self.environ, cassette=cassette)) as gateway:
                yield Told(gateway, self, cassette)

    @asynccontextmanager
    async def replayed(self, path: Path) -> AsyncIterator[Told]:
        with Replay(path) as cassette:
            async with open_gateway(load_config(self.write()), cassette.surroundings()) as gateway:
                yield Told(gateway, self, cassette)


@pytest.fixture
def desk(house: House) -> Desk:
    files = 'file_classes = ["free_text", "pii"]'
    return Desk(house.folder, house.sandbox, cedar=CEDAR, extra=files)


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forbid every way out of this process."""

    def forbidden(*_: object, **__: object) -> NoReturn:
        raise AssertionError("a replay reached for the network")

    for name in ("connect", "connect_ex", "sendto", "bind", "listen"):
        monkeypatch.setattr(socket.socket, name, forbidden)
    monkeypatch.setattr(socket, "getaddrinfo", forbidden)
