"""A company whose ITSM is the small instance: a whole gateway over it, with a model in the US and one in the EU."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import COMPANY, FLOWS, ITSM, write_folder

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.gateway import Gateway
from isthmus.core.session import Session

from .instance import Instance

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"transition",
   Isthmus::Action::"delete", Isthmus::Action::"load"], resource in Isthmus::System::"itsm");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"itsm");
@id("never-close") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource) when
  { context has transition && context.transition.to == "7" };
"""


@dataclass
class House:
    """The company's configuration folder and its instance."""

    folder: Path
    instance: Instance = field(default_factory=Instance)
    cedar: str = CEDAR
    flows: str = FLOWS
    settings: str = ""

    url: str = "https://upstream.example"
    username: str = "isthmus"

    def write(self) -> Path:
        itsm = ITSM.format(url=self.url, username=self.username)
        return write_folder(self.folder, COMPANY + itsm + self.settings, cedar=self.cedar, flows=self.flows)

    @property
    def around(self) -> Surroundings:
        return Surroundings(environ={"ITSM_PASSWORD": "s3cret"}, wire=lambda _, __: self.instance)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        async with open_gateway(load_config(self.write()), self.around) as gateway:
            yield gateway

    def caller(self, where: str = "eu") -> Caller:
        return Caller("support", "alice", "support", f"model-{where}", "", f"desktop-{where}")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path / "house")
    shutil.rmtree(tmp_path / "house", ignore_errors=True)


@pytest.fixture
def instance(house: House) -> Instance:
    return house.instance


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


@pytest.fixture
def home(gateway: Gateway, house: House) -> Session:
    """Act for a model in the EU."""
    return gateway.session(house.caller("eu"))


@pytest.fixture
def abroad(gateway: Gateway, house: House) -> Session:
    """Act for a model in the US."""
    return gateway.session(house.caller("us"))
