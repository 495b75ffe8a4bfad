"""What runs during the demo, and how is it reached? The sandbox, the MCP server, and a person's terminal."""

import asyncio
import json
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeAlias

import httpx2
from mcp import Client, MCPError
from mcp.client.stdio import StdioServerParameters, stdio_client
from mcp.types import CallToolResult

__all__ = ["Answer", "Failed", "Newcomer", "Stage", "set_stage"]

Json: TypeAlias = Any
"""Whatever JSON the agent got; the demo reads it as loosely as an agent would."""
CLI = (sys.executable, "-c", "import sys; from isthmus.core.cli import main; sys.exit(main())")
PATIENCE = 40.0
SYSTEMS = {"hr": "workday", "erp": "sap", "itsm": "servicenow", "crm": "salesforce", "access": "access"}
"""What the sandbox calls the systems that the house names."""


class Failed(Exception):
    """Something that the story tells did not happen."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a tool call gave the agent."""

    ok: bool
    content: Json


@dataclass
class Newcomer:
    """Somebody who joins: all as the agent got it, but for `real` and `address`, which name and email stand for."""

    applicant: str
    event: str = ""
    worker: str = ""
    name: Json = None
    email: Json = None
    real: str = ""
    address: str = ""


@dataclass
class Stage:
    """The running processes, with the systems' urls by the connections' names.

    `transcript` is every byte that passed between agent and server, `calls` what the agent called in this scene, and
    `newcomers` are by their home.
    """

    folder: Path
    urls: Mapping[str, str]
    agent: Client
    web: httpx2.AsyncClient
    transcript: list[str] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)
    newcomers: dict[str, Newcomer] = field(default_factory=dict)

    async def call(self, tool: str, system: str, **arguments: Json) -> Answer:
        """Call a tool as the agent."""
        asked = {"system": system, **arguments}
        self.calls.append(
            f"{tool} {system} {arguments['object']}" + (f" {arguments['action']}" if tool == "invoke" else "")
        )
        self.transcript.append(json.dumps([tool, asked], ensure_ascii=False))
        try:
            result = await asyncio.wait_for(self.agent.call_tool(tool, asked), PATIENCE)
        except (MCPError, TimeoutError) as error:
            raise Failed(f"{tool} broke off: {type(error).__name__} {error}") from error
        self.transcript.append(result.model_dump_json())
        if not isinstance(result, CallToolResult):
            raise Failed(f"{tool} was answered with {type(result).__name__}")
        return Answer(not result.is_error, result.structured_content or {})

    async def does(self, tool: str, system: str, **arguments: Json) -> Json:
        """Call a tool as the agent and return what it brought; raises Failed where it was refused."""
        answer = await self.call(tool, system, **arguments)
        if not answer.ok:
            said = answer.content.get("message", answer.content)
            raise Failed(f"{tool} of {system} {arguments['object']} failed: {said}")
        return answer.content

    async def look(self, connection: str, what: str, **query: str) -> Json:
        """Look into a system, past isthmus."""
        answer = await self.web.get(f"{self.urls[connection]}/__sandbox__/{what}", params=query)
        return answer.raise_for_status().json()

    async def rows(self, connection: str, object: str, **equal: str) -> list[Json]:
        """Return a system's stored rows that hold these values."""
        found = (await self.look(connection, f"rows/{object}", **equal))["rows"]
        return list(found)

    async def requests(self, connection: str) -> list[Json]:
        """Return what has reached a system so far."""
        return list((await self.look(connection, "journal"))["entries"])

    async def steer(self, connection: str, what: str, **body: Json) -> None:
        """Arm a fault in a system, set its quota, or do there what a person does."""
        (await self.web.post(f"{self.urls[connection]}/__sandbox__/{what}", json=body)).raise_for_status()

    async def person(self, *words: str) -> tuple[int, str]:
        """Run a command as a person would, in another process; returns its exit code and what it printed."""
        running = await asyncio.create_subprocess_exec(
            *CLI, *words, "--config", str(self.folder / "isthmus.toml"), stdout=PIPE, stderr=PIPE
        )
        said, complaint = await asyncio.wait_for(running.communicate(), PATIENCE)
        return running.returncode or 0, (said + complaint).decode()


@asynccontextmanager
async def set_stage(folder: Path) -> AsyncIterator[Stage]:
    """Start the sandbox and the server, and connect the agent; leaving stops them."""
    async with _sandbox(folder) as urls:
        server = StdioServerParameters(
            command=CLI[0],
            args=[*CLI[1:], "serve", "--config", str(folder / "isthmus.toml"), "--client", "desktop-us"],
        )
        with (folder / "server.log").open("w", encoding="utf-8") as log:
            # Loopback needs no certificates, and loading them takes longer than the rest.
            web = httpx2.AsyncClient(verify=False, trust_env=False)
            async with web, Client(stdio_client(server, errlog=log)) as agent:
                yield Stage(folder, urls, agent, web)


@asynccontextmanager
async def _sandbox(folder: Path) -> AsyncIterator[dict[str, str]]:
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "isthmus.plugins.sandbox",
        "--write",
        str(folder),
        "--print-json",
        stdout=PIPE,
        limit=2**20,
    )
    try:
        yield await asyncio.wait_for(_urls(running), PATIENCE)
    finally:
        if running.returncode is None:
            running.terminate()
        await running.wait()


async def _urls(running: Process) -> dict[str, str]:
    line = await running.stdout.readline() if running.stdout else b""
    if not line:
        raise Failed("the sandbox did not start")
    told = json.loads(line)
    return {f"{system}-{home}": one["url"] for system, vendor in SYSTEMS.items() for home, one in told[vendor].items()}
