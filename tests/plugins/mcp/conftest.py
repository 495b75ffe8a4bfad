"""A house whose clients speak MCP, served in this process or in processes of its own."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from mcp import Client, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp.types import ElicitRequestParams, ElicitResult
from tests.conftest import House

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.credentials import Secret
from isthmus.core.gateway import Gateway
from isthmus.plugins.mcp.clients import Tokens
from isthmus.plugins.mcp.http import Address
from isthmus.plugins.mcp.serve import http_server, listening
from isthmus.plugins.sandbox import Sandbox

MODERN, LEGACY = "2026-07-28", "2025-11-25"
MODES = (MODERN, "legacy")
ERAS = pytest.mark.parametrize("mode", MODES)
TOKENS = {
    "desktop-us": "us-token-5f1d0c7ab2e94f6e",
    "desktop-eu": "eu-token-93b04f5f6b8d4c11",
    "reader-eu": "rd-token-1c2ad07c46f04f8f",
}
ASKS_THE_USER = """
@id("contacts-need-their-user") @obligation("approve:user") @why("contacts are people")
forbid (principal == Isthmus::Agent::"support", action == Isthmus::Action::"update",
  resource in Isthmus::Object::"crm/Contact") unless { context.approved };
@id("reads") permit (principal == Isthmus::Agent::"reader", action in Isthmus::Action::"read",
  resource in Isthmus::System::"crm");
"""
READER = """
[agents.reader]
owner = "alice"
purposes = ["support"]
[clients.reader-eu]
agent = "reader"
consumer = "model-eu"
user = "alice"
purpose = "support"
token = "env:TOKEN_READER_EU"
"""
SERVE = "from isthmus.plugins.mcp.command import serve; from pathlib import Path; import sys; serve(config=Path(sys.argv[1]), **dict([sys.argv[2:]]))"


@dataclass
class Desk:
    """The house with MCP clients in it."""

    house: Any
    environ: dict[str, str] = field(default_factory=dict)

    def write(self) -> Path:
        house = self.house
        path = house.write()
        text = path.read_text()
        for name in ("desktop-us", "desktop-eu"):
            settings = f'token = "env:TOKEN_{name.upper().replace("-", "_")}"\nmay_confirm = true'
            text = text.replace(f"[clients.{name}]", f"[clients.{name}]\n{settings}")
        path.write_text(text + READER)
        (house.folder / "policy.cedar").write_text(house.cedar + ASKS_THE_USER)
        flows = house.flows.replace('client_ids = ["desktop-eu"]', 'client_ids = ["desktop-eu", "reader-eu"]')
        (house.folder / "flows.toml").write_text(flows)
        named = {f"TOKEN_{name.upper().replace('-', '_')}": token for name, token in TOKENS.items()}
        self.environ = {**house.environ, **named}
        return path

    @asynccontextmanager
    async def gateway(self) -> AsyncIterator[Gateway]:
        config = load_config(self.write())
        async with open_gateway(config, Surroundings(environ=self.environ)) as gateway:
            yield gateway

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[tuple[str, Gateway]]:
        """Serve over HTTP on this loop; the url comes with the gateway behind it."""
        config = load_config(self.write())
        async with open_gateway(config, Surroundings(environ=self.environ)) as gateway:
            with listening("127.0.0.1", 0) as listener:
                address = Address("127.0.0.1", listener.getsockname()[1])
                tokens = Tokens({name: Secret(token) for name, token in TOKENS.items()}, address.resource)
                server = http_server(config, gateway, tokens, address)
                running = asyncio.create_task(server.serve(sockets=[listener]))
                while not server.started:  # noqa: ASYNC110 uvicorn tells it in no other way
                    await asyncio.sleep(0.01)
                try:
                    yield address.resource, gateway
                finally:
                    server.should_exit = True
                    await running

    def process_environment(self) -> dict[str, str]:
        return {**os.environ, **self.environ, "PYTHONWARNINGS": "error"}

    def stdio(self, client: str = "desktop-us") -> StdioServerParameters:
        path = self.write()
        return StdioServerParameters(
            command=sys.executable, args=["-c", SERVE, str(path), "client", client], env=self.process_environment()
        )

    @contextmanager
    def worker(self) -> Iterator["Worker"]:
        """Run an HTTP server in a process of its own."""
        path = self.write()
        command = [sys.executable, "-c", SERVE, str(path), "http", "127.0.0.1:0"]
        with subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, env=self.process_environment()
        ) as process:
            assert process.stderr is not None
            line = process.stderr.readline()
            try:
                url = next((word for word in line.split() if word.startswith("http://")), "")
                assert url, line + process.stderr.read()
                yield Worker(process, url)
            finally:
                if process.poll() is None:
                    process.send_signal(signal.SIGTERM)
                process.wait(20)


@dataclass
class Worker:
    process: "subprocess.Popen[str]"
    url: str


@dataclass(frozen=True)
class Served:
    """One running server for all tests of a module."""

    desk: Desk
    url: str
    gateway: Gateway


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def served(small: Sandbox, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Served]:
    small.reset()
    desk = Desk(House(tmp_path_factory.mktemp("served") / "house", small))
    async with desk.serving() as (url, gateway):
        yield Served(desk, url, gateway)


@pytest.fixture
def desk(house: Any) -> Desk:
    return Desk(house)


def bearer(client: str = "desktop-us") -> dict[str, str]:
    return {"Authorization": f"Bearer {TOKENS[client]}"}


@asynccontextmanager
async def connected(url: str, mode: str, client: str = "desktop-us", **more: Any) -> AsyncIterator[Client]:
    """Connect the official client."""
    async with (
        httpx2.AsyncClient(verify=False, headers=bearer(client), timeout=30) as http,
        Client(streamable_http_client(url, http_client=http), mode=mode, **more) as found,
    ):
        yield found


class Wire:
    """Bare POSTs, as an attacker would make them; it keeps all that came back."""

    def __init__(self, url: str, http: httpx2.AsyncClient, client: str | None = "desktop-us") -> None:
        self.url, self.http, self.client = url, http, client
        self.seen = b""

    async def post(self, body: bytes, *, version: str = MODERN, **headers: str) -> httpx2.Response:
        sent = {
            "Accept": "application/json, text/event-stream",
            "Content-Type": "application/json",
            "MCP-Protocol-Version": version,
            **(bearer(self.client) if self.client else {}),
            **headers,
        }
        answer = await self.http.post(self.url, content=body, headers=sent)
        self.seen += answer.content
        return answer

    async def call(
        self, name: str, arguments: Mapping[str, Any], *, meta: Mapping[str, Any] | None = None, **params: Any
    ) -> dict[str, Any]:
        """Send a modern tools/call and return the whole answer."""
        envelope = {
            "io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {"elicitation": {"form": {}}},
            **(meta or {}),
        }
        body = {
            "jsonrpc": "2.0",
            "id": 1,
            "method": "tools/call",
            "params": {"name": name, "arguments": arguments, "_meta": envelope, **params},
        }
        answer = await self.post(
            httpx2.Request("POST", self.url, json=body).content, **{"Mcp-Method": "tools/call", "Mcp-Name": name}
        )
        found: dict[str, Any] = answer.json()
        return found


@asynccontextmanager
async def wired(url: str, client: str | None = "desktop-us") -> AsyncIterator[Wire]:
    async with httpx2.AsyncClient(verify=False, timeout=30) as http:
        yield Wire(url, http, client)


def answering(action: str, content: dict[str, Any] | None = None) -> Any:
    """Return an elicitation callback, and what it was shown."""
    shown: list[str] = []

    async def answer(_context: Any, params: ElicitRequestParams) -> ElicitResult:
        shown.append(params.message)
        return ElicitResult(action=action, content=content)  # type: ignore[arg-type]

    return answer, shown
