"""One org's house with other identities, more agents and a clock that runs ahead, and a look at what was sent."""

import asyncio
import re
import shutil
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import httpx2
import pytest
from tests.conftest import House

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.gateway import Gateway
from isthmus.core.http import WireSettings
from isthmus.core.resilience import Clock, SystemClock
from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.journal import Entry
from isthmus.plugins.sandbox.salesforce import SalesforceOrg

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in
  [Isthmus::Action::"read", Isthmus::Action::"create", Isthmus::Action::"update", Isthmus::Action::"transition",
   Isthmus::Action::"delete"], resource in Isthmus::System::"crm");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"crm");
"""
AGENTS = """
[agents.triage]
owner = "maria"
purposes = ["support"]
max_risk = 9
"""
AUTH = {
    "user": """kind = "jwt_bearer"
token_endpoint = "{url}/services/oauth2/token"
issuer = "{client_id}"
subject = "{{user}}@{name}.kessmar.example"
audience = "{url}"
private_key = "env:{upper}_KEY"
""",
    "rotating": """kind = "refresh_token"
token_endpoint = "{url}/services/oauth2/token"
client_id = "{client_id}"
client_secret = "env:{upper}_SECRET"
refresh_token = "env:{upper}_REFRESH"
""",
}
TOKEN_PATH = "/services/oauth2/token"
Wire = Callable[[str, WireSettings], httpx2.AsyncBaseTransport]


class FastClock:
    """Time that runs `speed` times as fast as it does outside, starts `ahead` seconds late, and can jump."""

    def __init__(self, speed: float = 50.0, ahead: float = 0.0) -> None:
        self._speed = speed
        self._began = time.monotonic()
        self._epoch = time.time() + ahead
        self._jumped = 0.0

    def monotonic(self) -> float:
        return (time.monotonic() - self._began) * self._speed + self._jumped

    def time(self) -> float:
        return self._epoch + self.monotonic()

    async def sleep(self, seconds: float) -> None:
        end = self.monotonic() + seconds
        await asyncio.sleep(0)
        while (left := end - self.monotonic()) > 0:  # noqa: ASYNC110 - somebody may jump meanwhile
            await asyncio.sleep(min(left / self._speed, 0.02))

    def hurry(self, speed: float) -> None:
        """Run `speed` times as fast from now on."""
        self._jumped += (time.monotonic() - self._began) * (self._speed - speed)
        self._speed = speed

    def jump(self, seconds: float) -> None:
        self._jumped += seconds


@dataclass
class Home(House):
    """A house on one org; `acts_as` is "service", "user" (JWT bearer) or "rotating" (single-use refresh tokens)."""

    orgs: tuple[str, ...] = ("eu",)
    cedar: str = CEDAR
    acts_as: str = "service"
    call_timeout: float = 600
    budget: str = "per_second = 10000"
    api_version: str = "62.0"
    system: ClassVar[str] = "crm"
    token_path: ClassVar[str] = TOKEN_PATH

    def write(self) -> Path:
        path = super().write()
        text = re.sub(r"call_timeout = .*", f"call_timeout = {self.call_timeout}", path.read_text()) + AGENTS
        for name in self.orgs:
            org = self.sandbox.salesforce[name]
            facts = {"url": org.url, "client_id": org.client_id, "name": name, "upper": name.upper()}
            if self.acts_as in AUTH:
                head = f"[connections.crm-{name}.auth]\n"
                text = re.sub(re.escape(head) + r"(\w+ = .*\n)+", head + AUTH[self.acts_as].format(**facts), text)
                self.environ[f"{name.upper()}_KEY"] = org.private_key_pem
            if self.acts_as == "rotating" and "EU_REFRESH" not in self.environ:
                self.environ[f"{name.upper()}_REFRESH"] = org.refresh_token(org.username)
            text = text.replace(f"[connections.crm-{name}]\n", f'[connections.crm-{name}]\nidentity = "{self._who}"\n')
            text += f"\n[connections.crm-{name}.budget]\n{self.budget}\n"
            text += f'[connections.crm-{name}.settings]\napi_version = "{self.api_version}"\n'
        path.write_text(text)
        return path

    @property
    def _who(self) -> str:
        return "user" if self.acts_as == "user" else "service"

    @property
    def org(self) -> SalesforceOrg:
        return self.sandbox.salesforce["eu"]

    @property
    def secrets(self) -> set[str]:
        """Return what no error, log line or answer may hold."""
        return {self.org.client_secret, self.org.private_key_pem, *self.org.logins._sessions}

    @asynccontextmanager
    async def open(self, clock: Clock | None = None, wire: Wire | None = None) -> AsyncIterator[Gateway]:
        more = {"wire": wire} if wire else {}
        around = Surroundings(environ=self.environ, clock=clock or SystemClock(), **more)
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway

    def sent(self, method: str = "", since: int = 0) -> list[Entry]:
        """List what reached the org's API, tokens aside."""
        entries = self.org.journal.since(since)
        return [one for one in entries if one.path != self.token_path and method in ("", one.method)]

    def token_calls(self, since: int = 0) -> list[Entry]:
        return [one for one in self.org.journal.since(since) if one.path == self.token_path]

    def mark(self) -> int:
        return len(self.org.journal.entries)

    def cases(self, **values: object) -> list[dict[str, object]]:
        rows = self.org.rows("Case")
        return [row for row in rows if all(row[name] == value for name, value in values.items())]


@pytest.fixture
def house(sandbox: Sandbox, tmp_path: Path) -> Iterator[Home]:
    folder = tmp_path / "house"
    yield Home(folder, sandbox)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def clock() -> FastClock:
    return FastClock()


@pytest.fixture
async def gateway(house: Home, clock: FastClock) -> AsyncIterator[Gateway]:
    async with house.open(clock) as gateway:
        yield gateway
