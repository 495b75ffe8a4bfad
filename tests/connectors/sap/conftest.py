"""A company whose ERP is the small system: a whole gateway over it, with a model in the EU."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import COMPANY, FLOWS, write_folder

from isthmus.core.assembly import Surroundings, open_gateway, open_keys
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.credentials import Secret
from isthmus.core.gateway import Gateway
from isthmus.core.session import Session

from .system import ROOT, System

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"delete",
   Isthmus::Action::"execute", Isthmus::Action::"load"], resource in Isthmus::System::"erp");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"erp");
"""
ERP = """
[systems.erp]
connections = ["erp-eu"]
[connections.erp-eu]
connector = "sap"
url = "{url}"
zone = "eu"
identity = "{identity}"
sees_all_rows = true
[connections.erp-eu.auth]
kind = "basic"
username = "{username}"
password = "{password}"
[connections.erp-eu.key_fields]
{keys}
"""
SETTINGS = f"""
[connections.erp-eu.settings]
client = "100"
services = {{ so = "{ROOT}" }}
terms = {{ acknowledged = true }}
"""


@dataclass
class House:
    """The company's configuration folder and its system."""

    folder: Path
    system: System = field(default_factory=System)
    cedar: str = CEDAR
    settings: str = SETTINGS
    identity: str = "service"
    username: str = "isthmus"
    url: str = "https://upstream.example"
    password: str = "env:ERP_PASSWORD"
    keys: dict[str, str] = field(default_factory=lambda: {"so.A_Order": "Reference"})
    environ: dict[str, str] = field(default_factory=lambda: {"ERP_PASSWORD": "s3cret"})

    def write(self) -> Path:
        keys = "\n".join(f'"{object}" = "{name}"' for object, name in self.keys.items())
        erp = ERP.format(
            url=self.url, username=self.username, identity=self.identity, password=self.password, keys=keys
        )
        return write_folder(self.folder, COMPANY + erp + self.settings, cedar=self.cedar, flows=FLOWS)

    @property
    def around(self) -> Surroundings:
        return Surroundings(environ=self.environ, wire=lambda _, __: self.system)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        async with open_gateway(load_config(self.write()), self.around) as gateway:
            yield gateway

    def as_users(self, passwords: dict[str, str]) -> None:
        """Let each call act with the login of its own user."""
        self.identity, self.username, self.password = "user", "{user}", "sealed:erp"
        with open_keys(load_config(self.write()), self.environ).secrets as secrets:
            for user, password in passwords.items():
                secrets.set_secret("erp", Secret(password), user=user)

    def caller(self, user: str = "alice") -> Caller:
        return Caller("support", user, "support", "model-eu", "", "desktop-eu")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    yield House(tmp_path / "house")
    shutil.rmtree(tmp_path / "house", ignore_errors=True)


@pytest.fixture
def system(house: House) -> System:
    return house.system


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


@pytest.fixture
def home(gateway: Gateway, house: House) -> Session:
    """Act for a model in the EU."""
    return gateway.session(house.caller())
