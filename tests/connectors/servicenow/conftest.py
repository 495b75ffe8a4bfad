"""A company whose ITSM is the small instance: a whole gateway over it, with a model in the US and one in the EU."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.credentials import SealingKey
from isthmus.core.gateway import Gateway
from isthmus.core.session import Session

from .instance import Instance

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"transition",
   Isthmus::Action::"delete"], resource in Isthmus::System::"itsm");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"itsm");
@id("never-close") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource) when
  { context has transition && context.transition.to == "7" };
"""
FLOWS = """
version = 1
[controller]
name = "Kessmar GmbH"
[jurisdictions]
home = ["EEA"]
[zones.eu]
countries = ["DE"]
verified_on = 2026-10-01
[zones.us]
countries = ["US"]
verified_on = 2026-10-01
[consumers.model-us]
client_ids = ["desktop-us"]
zone = "us"
[consumers.model-eu]
client_ids = ["desktop-eu"]
zone = "eu"
[[rule]]
id = "eea-pii-at-home"
data = "pii"
subjects = "EEA"
outside = "home"
allow = ["ref", "mask", "aggregate", "drop"]
[[rule]]
id = "secrets-never"
data = "secret"
allow = ["drop"]
"""
SETTINGS = """
version = 1
name = "kessmar.example"
zone = "eu"
state = "state"
sealing_key = "file:sealing.key"
call_timeout = 20
[policy]
cedar = ["*.cedar"]
flows = "flows.toml"
[agents.support]
owner = "alice"
purposes = ["support"]
max_risk = 9
[users.alice]
roles = ["support"]
[clients.desktop-us]
agent = "support"
consumer = "model-us"
user = "alice"
purpose = "support"
[clients.desktop-eu]
agent = "support"
consumer = "model-eu"
user = "alice"
purpose = "support"
[systems.itsm]
connections = ["itsm-eu"]
[connections.itsm-eu]
connector = "servicenow"
url = "https://upstream.example"
zone = "eu"
sees_all_rows = true
[connections.itsm-eu.auth]
kind = "basic"
username = "isthmus"
password = "env:ITSM_PASSWORD"
[connections.itsm-eu.settings.data_classes]
"Personal" = ["pii"]
"Sensitive Personal" = ["pii"]
"Financial" = ["financial"]
"Free Text" = ["free_text"]
[connections.itsm-eu.key_fields]
incident = "correlation_id"
"""


@dataclass
class House:
    """The company's configuration folder and its instance."""

    folder: Path
    instance: Instance = field(default_factory=Instance)
    cedar: str = CEDAR

    def write(self) -> Path:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "policy.cedar").write_text(self.cedar)
        (self.folder / "flows.toml").write_text(FLOWS)
        (self.folder / "isthmus.toml").write_text(SETTINGS)
        key = self.folder / "sealing.key"
        if not key.exists():
            key.touch(mode=0o600)
            key.write_text(SealingKey.generate().reveal())
        return self.folder / "isthmus.toml"

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
