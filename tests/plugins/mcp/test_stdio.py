"""Does a process on stdin and stdout speak the protocol and nothing else, and end well?"""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mcp import Client

from .conftest import ERAS, Desk

HELLO = {"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


@ERAS
async def test_the_official_client_works_over_pipes(desk: Desk, mode: str) -> None:
    async with Client(desk.stdio(), mode=mode) as client:
        assert "query" in {one.name for one in (await client.list_tools()).tools}
        found = await client.call_tool("query", {"system": "crm", "object": "Account", "select": ["Name"], "limit": 1})
        assert len(found.structured_content["records"]) == 1
        wrong = await client.call_tool("get", {"system": "crm", "object": "Account"})
        assert wrong.structured_content["code"] == "invalid_arguments"


@asynccontextmanager
async def process(desk: Desk) -> AsyncIterator[asyncio.subprocess.Process]:
    started = desk.stdio()
    found = await asyncio.create_subprocess_exec(
        sys.executable, *started.args, env=started.env,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield found
    finally:
        if found.returncode is None:
            found.kill()
        await found.wait()


async def test_bad_lines_are_answered_and_the_next_is_served_until_a_signal_ends_it(desk: Desk) -> None:
    async with process(desk) as found:
        assert found.stdin is not None
        assert found.stdout is not None
        assert found.stderr is not None
        hello = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "initialize", "params": HELLO}).encode()
        for line in (hello[:-1] + b',"id":8}', b"nonsense", b"x" * (4 * 1024 * 1024 + 5), b"", hello):
            found.stdin.write(line + b"\n")
        answers = [json.loads(await found.stdout.readline()) for _ in range(4)]
        assert [one.get("error", {}).get("code") for one in answers] == [-32700, -32700, -32700, None]
        assert answers[-1]["id"] == 7
        # Its input stays open: a read that waits must not hold up the end.
        found.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            rest, log = await asyncio.gather(found.stdout.read(), found.stderr.read())
            assert await found.wait() == 0
        assert rest == b""
        assert b"serving client 'desktop-us'" in log
        assert b"Traceback" not in log


async def test_it_ends_with_its_input(desk: Desk) -> None:
    async with process(desk) as found:
        assert found.stdin is not None
        assert found.stderr is not None
        await found.stderr.readuntil(b"serving client")
        found.stdin.close()
        async with asyncio.timeout(5):
            assert await found.wait() == 0


async def test_a_write_under_way_is_settled_before_the_process_ends(desk: Desk) -> None:
    orgs = desk.house.sandbox.salesforce.values()
    async with process(desk) as found:
        assert found.stdin is not None
        assert found.stdout is not None
        envelope = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
        arguments = {"system": "crm", "object": "Case", "values": {"Subject": "last words"}, "key": "last-1"}
        params = {"name": "describe", "arguments": {"system": "crm", "object": "Case"}, "_meta": envelope}
        found.stdin.write(
            json.dumps({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": params}).encode() + b"\n"
        )
        await found.stdout.readline()
        for org in orgs:
            org.faults.arm("slow", times=3, path="Case", seconds=0.7)
        params |= {"name": "create", "arguments": arguments}
        found.stdin.write(
            json.dumps({"jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params}).encode() + b"\n"
        )
        async with asyncio.timeout(5):
            while not any(one.effects for org in orgs for one in org.journal.entries):  # noqa: ASYNC110 another process
                await asyncio.sleep(0.02)
        found.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            assert await found.wait() == 0
    async with desk.gateway() as gateway:
        view = gateway.parts.journal.view()
        assert not view.open_intents()
        stored = view.intent_for_key("support", "alice", "create", "last-1")
        assert stored is not None
        assert stored.state.value == "happened"
