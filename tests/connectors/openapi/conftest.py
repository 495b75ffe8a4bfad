"""A company whose badges are kept by the sandbox's internal service: a whole gateway over it."""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from tests.conftest import COMPANY, FLOWS, write_folder

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.gateway import Gateway
from isthmus.core.session import Session
from isthmus.plugins.sandbox import AccessService, Sandbox

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"delete",
   Isthmus::Action::"execute"], resource in Isthmus::System::"access");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"access");
"""
CONNECTION = """
[systems.access]
connections = ["access-eu"]
[connections.access-eu]
connector = "openapi"
url = "{url}"
zone = "eu"
sees_all_rows = true
[connections.access-eu.auth]
{auth}
[connections.access-eu.key_fields]
badges = "reference"
[connections.access-eu.settings]
document = "access.yaml"
base_path = "/access/v1"
[connections.access-eu.settings.classes.extensions]
x-data-class = {{ internal = ["internal"], personal = ["pii"], secret = ["credentials"] }}
[connections.access-eu.settings.operations]
listSites = {{ verb = "query" }}
listPeople = {{ verb = "query" }}
listDoors = {{ verb = "query" }}
listBadges = {{ verb = "query", filters = {{ holder = "holder", reference = "reference" }} }}
getBadge = {{ verb = "get" }}
issueBadge = {{ verb = "create" }}
changeBadge = {{ verb = "update" }}
destroyBadge = {{ verb = "delete" }}
revokeBadge = {{ effect = "update", object = "badges", record = "badgeId", promote = true }}
openDoor = {{ effect = "update", object = "badges", record = "badgeId", classes = ["internal"], promote = true }}
{more}
"""
KEY = 'kind = "api_key"\nheader = "X-Access-Key"\nkey = "env:ACCESS_KEY"'


@pytest.fixture(scope="session")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=20, contacts=40) as running:
        yield running


@dataclass
class House:
    """The company's configuration folder, and the service that it reaches."""

    folder: Path
    service: AccessService
    auth: str = KEY
    more: str = ""
    cedar: str = CEDAR
    flow: str = "clientCredentials"
    environ: dict[str, str] = field(default_factory=dict)

    def write(self) -> Path:
        told = COMPANY + CONNECTION.format(url=self.service.url, auth=self.auth, more=self.more)
        path = write_folder(self.folder, told, cedar=self.cedar, flows=FLOWS)
        document = self.service.document.replace("clientCredentials:", f"{self.flow}:")
        (path.parent / "access.yaml").write_text(document, "utf-8")
        return path

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        environ = {"ACCESS_KEY": self.service.api_key, "ACCESS_SECRET": self.service.client_secret, **self.environ}
        async with open_gateway(load_config(self.write()), Surroundings(environ=environ)) as gateway:
            yield gateway

    def caller(self, user: str = "alice") -> Caller:
        return Caller("support", user, "support", "model-eu", "", "desktop-eu")


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> Iterator[House]:
    sandbox.reset()
    yield House(tmp_path / "house", sandbox.access["eu"])
    shutil.rmtree(tmp_path / "house", ignore_errors=True)


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


@pytest.fixture
def home(gateway: Gateway, house: House) -> Session:
    """Act for a model in the EU."""
    return gateway.session(house.caller())
