"""How is a gateway set up for the benchmarks? A whole configuration, every step on, on the page server's org."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from benchmarks import org
from isthmus.core import sync
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.caller import Caller
from isthmus.core.config import Config, load_config
from isthmus.core.credentials import SealingKey
from isthmus.core.gateway import Gateway

CALLER = Caller("support", "alice", "support", "model-eu", "", "desktop-eu")
_CEDAR = """
@id("read") permit (principal == Isthmus::Agent::"support", action in Isthmus::Action::"read",
  resource in Isthmus::System::"crm");
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use",
  resource in Isthmus::System::"crm");
@id("agents-never-delete") @obligation("hand-to-human") @why("a deleted record cannot be read back")
forbid (principal is Isthmus::Agent, action == Isthmus::Action::"delete", resource);
"""
_FLOWS = """
version = 1
[controller]
name = "Kessmar GmbH"
[jurisdictions]
home = ["EEA"]
[zones.eu]
countries = ["DE"]
verified_on = 2026-10-01
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
_SETTINGS = """
version = 1
name = "kessmar.example"
zone = "eu"
state = "state"
sealing_key = "file:sealing.key"
call_timeout = 60
[policy]
cedar = ["*.cedar"]
flows = "flows.toml"
[agents.support]
owner = "alice"
purposes = ["support"]
max_risk = 9
[users.alice]
roles = ["support"]
[clients.desktop-eu]
agent = "support"
consumer = "model-eu"
user = "alice"
purpose = "support"
[systems.crm]
connections = ["crm-eu"]
[connections.crm-eu]
connector = "salesforce"
url = "{url}"
zone = "eu"
sees_all_rows = true
[connections.crm-eu.auth]
kind = "client_credentials"
token_endpoint = "{url}/services/oauth2/token"
client_id = "bench"
client_secret = "env:BENCH_SECRET"
[connections.crm-eu.budget]
per_second = 100000
concurrency = 300
[connections.crm-eu.settings]
api_version = "{version}"
"""


@asynccontextmanager
async def gateway_at(url: str, folder: Path) -> AsyncIterator[Gateway]:
    """Open a gateway whose configuration and state lie in the folder."""
    async with open_gateway(*_written(url, folder)) as gateway:
        yield gateway


@contextmanager
def blocking_gateway_at(url: str, folder: Path) -> Iterator[sync.Gateway]:
    """Do what `gateway_at` does, for threads."""
    with sync.open_gateway(*_written(url, folder)) as gateway:
        yield gateway


def _written(url: str, folder: Path) -> tuple[Config, Surroundings]:
    (folder / "policy.cedar").write_text(_CEDAR)
    (folder / "flows.toml").write_text(_FLOWS)
    (folder / "isthmus.toml").write_text(_SETTINGS.format(url=url, version=org.VERSION))
    key = folder / "sealing.key"
    key.touch(mode=0o600)
    key.write_text(SealingKey.generate().reveal())
    return load_config(folder / "isthmus.toml"), Surroundings(environ={"BENCH_SECRET": "none"})
