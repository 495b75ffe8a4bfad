"""One sandbox for all tests, and a house: a folder with the configuration of a company that uses it."""

import os
import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from isthmus.core import sync
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.credentials import SealingKey
from isthmus.core.gateway import Gateway
from isthmus.core.results import Result
from isthmus.plugins.sandbox import Sandbox

CEDAR = """
@id("read") permit (principal == Isthmus::Agent::"support", action in Isthmus::Action::"read",
  resource in Isthmus::System::"crm");
@id("write") permit (principal == Isthmus::Agent::"support",
  action in [Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"transition"],
  resource in Isthmus::System::"crm");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"crm");
@id("accounts-need-approval") @obligation("approve:manager") @why("accounts are shared by all of sales")
forbid (principal == Isthmus::Agent::"support", action == Isthmus::Action::"update",
  resource in Isthmus::Object::"crm/Account") unless { context.approved };
@id("clean-up") permit (principal == Isthmus::Agent::"support", action == Isthmus::Action::"delete",
  resource in Isthmus::System::"crm");
@id("agents-never-delete") @obligation("hand-to-human") @why("a deleted record cannot be read back")
forbid (principal is Isthmus::Agent, action == Isthmus::Action::"delete", resource) unless
  { resource in Isthmus::Object::"crm/Asset_Note__c" };
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
id = "phi-never"
data = "phi"
allow = ["drop"]
[[rule]]
id = "secrets-never"
data = "secret"
allow = ["drop"]
"""

COMPANY = """
version = 1
name = "kessmar.example"
zone = "eu"
state = "state"
sealing_key = "file:sealing.key"
call_timeout = 20
[policy]
cedar = ["*.cedar"]
flows = "flows.toml"
sequences = "sequences.toml"
[agents.support]
owner = "alice"
purposes = ["support"]
max_risk = 9
[users.alice]
roles = ["support"]
[users.bob]
roles = ["support"]
[users.maria]
roles = ["support", "manager"]
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
"""

SYSTEM = """
[systems.crm]
connections = [{connections}]
[systems.crm.route]
{route}
"""

CONNECTION = """
[connections.crm-{name}]
connector = "salesforce"
url = "{url}"
zone = "{name}"
sees_all_rows = true
{extra}
[connections.crm-{name}.auth]
kind = "client_credentials"
token_endpoint = "{url}/services/oauth2/token"
client_id = "{client_id}"
client_secret = "env:{upper}_SECRET"
[connections.crm-{name}.key_fields]
Case = "Isthmus_Key__c"
Contact = "Isthmus_Key__c"
"""


ITSM = """
[systems.itsm]
connections = ["itsm-eu"]
[connections.itsm-eu]
connector = "servicenow"
url = "{url}"
zone = "eu"
sees_all_rows = true
[connections.itsm-eu.auth]
kind = "basic"
username = "{username}"
password = "env:ITSM_PASSWORD"
[connections.itsm-eu.settings.data_classes]
"Personal" = ["pii"]
"Sensitive Personal" = ["pii"]
"Financial" = ["financial"]
"Free Text" = ["free_text"]
[connections.itsm-eu.key_fields]
incident = "correlation_id"
"""


HR = """
[systems.hr]
connections = ["hr-eu"]
[connections.hr-eu]
connector = "workday"
url = "{url}"
zone = "eu"
sees_all_rows = true
[connections.hr-eu.auth]
kind = "refresh_token"
token_endpoint = "{url}/ccx/oauth2/{tenant}/token"
client_id = "{client_id}"
client_secret = "env:HR_SECRET"
refresh_token = "env:HR_TOKEN"
lifetime = 3600
[connections.hr-eu.settings]
tenant = "{tenant}"
[connections.hr-eu.settings.sources.workers]
source = "allWorkers"
classes = ["pii"]
[connections.hr-eu.settings.reports.headcount]
owner = "integration"
report = "Headcount"
classes = ["pii"]
id = "Employee_ID"
[systems.services]
connections = ["services-eu"]
[connections.services-eu]
connector = "workday"
url = "{url}"
zone = "eu"
sees_all_rows = true
[connections.services-eu.auth]
kind = "basic"
username = "integration@{tenant}"
password = "env:HR_PASSWORD"
[connections.services-eu.settings]
tenant = "{tenant}"
[connections.services-eu.settings.operations.Get_Workers]
service = "Human_Resources"
classes = ["pii"]
groups = [{groups}]
[connections.hr-eu.settings.services]
"""
"""A tenant over REST, and over SOAP beside it; the names and paths of the REST services follow, a line each."""


def write_folder(folder: Path, settings: str, *, cedar: str, flows: str = FLOWS, sequences: str = "") -> Path:
    """Write a configuration and return the path of its isthmus.toml; an existing sealing key stays."""
    folder.mkdir(exist_ok=True)
    (folder / "policy.cedar").write_text(cedar)
    (folder / "flows.toml").write_text(flows)
    (folder / "sequences.toml").write_text(sequences)
    key = folder / "sealing.key"
    if not key.exists():
        key.touch(mode=0o600)
        key.write_text(SealingKey.generate().reveal())
    (folder / "isthmus.toml").write_text(settings)
    return folder / "isthmus.toml"


@dataclass
class House:
    """A company's configuration folder; change `cedar`, `flows` or `extra` before opening."""

    folder: Path
    sandbox: Sandbox
    orgs: tuple[str, ...] = ("eu", "us")
    cedar: str = CEDAR
    flows: str = FLOWS
    sequences: str = ""
    extra: str = ""
    environ: dict[str, str] = field(default_factory=dict)

    def write(self) -> Path:
        """Write all files and return the path of isthmus.toml."""
        route = {"eu": 'EEA = "crm-eu"', "us": '"*" = "crm-us"'}
        text = COMPANY + SYSTEM.format(
            connections=", ".join(f'"crm-{name}"' for name in self.orgs),
            route="\n".join(route[name] for name in self.orgs),
        )
        for name in self.orgs:
            org = self.sandbox.salesforce[name]
            text += CONNECTION.format(
                name=name, url=org.url, client_id=org.client_id, upper=name.upper(), extra=self.extra
            )
            self.environ[f"{name.upper()}_SECRET"] = org.client_secret
        return write_folder(self.folder, text, cedar=self.cedar, flows=self.flows, sequences=self.sequences)

    @asynccontextmanager
    async def open(self, **around: Any) -> AsyncIterator[Gateway]:
        """Open a gateway on this configuration."""
        config = load_config(self.write())
        async with open_gateway(config, Surroundings(environ=self.environ, **around)) as gateway:
            yield gateway

    @contextmanager
    def blocking(self) -> Iterator[sync.Gateway]:
        """Do what `open` does, for threads."""
        with sync.open_gateway(load_config(self.write()), Surroundings(environ=self.environ)) as gateway:
            yield gateway

    def caller(self, where: str = "us", user: str | None = "alice", task: str = "") -> Caller:
        """Return the caller behind a desktop client in `us` or `eu`."""
        return Caller("support", user, "support", f"model-{where}", task, f"desktop-{where}")


@pytest.fixture(scope="session")
def whole() -> Iterator[Sandbox]:
    """The full enterprise, for tests that only read: to begin it anew takes long."""
    with Sandbox(seed=7) as sandbox:
        yield sandbox


@pytest.fixture(scope="session")
def small() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=40, contacts=400) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(small: Sandbox) -> Sandbox:
    """A small enterprise that every test begins anew."""
    small.reset()
    return small


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Iterator[House]:
    folder = tmp_path / "house"
    yield House(folder, sandbox)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def typed(pytestconfig: pytest.Config) -> Path:
    """What the type-checker knows of our packages by now, for every process that runs tests on its own."""
    return pytestconfig.cache.mkdir(f"mypy-{os.environ.get('PYTEST_XDIST_WORKER', 'alone')}")


@pytest.fixture
async def gateway(house: House) -> AsyncIterator[Gateway]:
    async with house.open() as gateway:
        yield gateway


async def call(gateway: Gateway, caller: Caller, tool: str, **arguments: object) -> Result:
    return await gateway.session(caller).call(tool, **arguments)
