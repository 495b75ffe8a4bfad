"""A company whose people are kept by a tenant of the sandbox: a whole gateway over it."""

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
from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"transition", Isthmus::Action::"execute"],
  resource in Isthmus::System::"hr");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"hr");
"""
CONNECTION = """
[systems.hr]
connections = ["hr-eu"]
[connections.hr-eu]
connector = "workday"
url = "{url}"
zone = "eu"
identity = "{identity}"
{connection}
[connections.hr-eu.settings]
tenant = "{tenant}"
{settings}
[connections.hr-eu.auth]
{auth}
"""
SERVICES = """
[connections.hr-eu.settings.services]
common = "v1"
staffing = "staffing/v6"
compensation = "compensation/v2"
bp = "businessProcess/v1"
"""
REFRESH = """
kind = "refresh_token"
token_endpoint = "{token_endpoint}"
client_id = "{client_id}"
client_secret = "env:HR_SECRET"
refresh_token = "env:HR_REFRESH_TOKEN"
"""


@pytest.fixture(scope="session")
def running() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=20, contacts=40) as running:
        yield running


@dataclass
class House:
    """The company's configuration folder, and the tenant that it reaches; braces in `auth` are filled in."""

    folder: Path
    sandbox: Sandbox
    auth: str = REFRESH
    settings: str = SERVICES
    connection: str = ""
    identity: str = "service"
    tenant_name: str = ""
    token_endpoint: str = ""
    cedar: str = CEDAR
    environ: dict[str, str] = field(default_factory=dict)

    @property
    def tenant(self) -> WorkdayTenant:
        return self.sandbox.workday["eu"]

    def write(self) -> Path:
        tenant = self.tenant
        auth = self.auth.format(
            token_endpoint=self.token_endpoint or f"{tenant.url}/ccx/oauth2/{tenant.tenant}/token",
            authorization_endpoint=f"{tenant.url}/{tenant.tenant}/authorize",
            client_id=tenant.client_id,
        )
        told = CONNECTION.format(
            url=tenant.url,
            identity=self.identity,
            connection=self.connection,
            tenant=self.tenant_name or tenant.tenant,
            settings=self.settings,
            auth=auth,
        )
        return write_folder(self.folder, COMPANY + told, cedar=self.cedar, flows=FLOWS)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        told = {"HR_SECRET": self.tenant.client_secret}
        if "HR_REFRESH_TOKEN" in self.auth:
            told["HR_REFRESH_TOKEN"] = self.tenant.refresh_token("integration")
        around = Surroundings(environ=told | self.environ)
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway

    def session(self, gateway: Gateway, user: str = "alice") -> Session:
        """Act for a model in the EU."""
        return gateway.session(Caller("support", user, "support", "model-eu", "", "desktop-eu"))

    def asked(self, start: str) -> list[tuple[str, int | None]]:
        """Return methods and statuses of the requests whose paths begin so."""
        return [(one.method, one.status) for one in self.tenant.journal.entries if one.path.startswith(start)]


@pytest.fixture
def house(tmp_path: Path, running: Sandbox) -> Iterator[House]:
    running.reset()
    yield House(tmp_path / "house", running)
    shutil.rmtree(tmp_path / "house", ignore_errors=True)
