"""Can an agent that speaks MCP over pipes be recorded, and evaluated again and again on what was recorded?"""

import json
import sys
from pathlib import Path
from typing import Any

from mcp import Client, StdioServerParameters
from tests.replaying import forbid_network_source

from isthmus.core.cassettes import check_cassette, read_cassette

from .conftest import MODERN, Desk

ISTHMUS = "import sys; from isthmus.core.cli import main; sys.exit(main())"


def around(desk: Desk, how: str, cassette: Path) -> StdioServerParameters:
    """Return how the official client starts a server that is recorded, or one that is played and has no network."""
    path = desk.write()
    blocked = forbid_network_source() if how == "replay" else ""
    words = [how, str(cassette), "serve", "--client", "desktop-us", "--config", str(path)]
    return StdioServerParameters(
        command=sys.executable, args=["-c", f"{blocked}{ISTHMUS}", *words], env=desk.process_environment()
    )


async def evaluated(server: StdioServerParameters) -> bytes:
    """Let an agent look for two people, open a case for the first and read it; return all that it was told."""
    told: list[Any] = []
    async with Client(server, mode=MODERN) as client:
        told.append(sorted(one.name for one in (await client.list_tools()).tools))

        async def call(tool: str, **arguments: object) -> Any:
            answer = await client.call_tool(tool, {"system": "crm", **arguments})
            told.append([answer.structured_content, [one.model_dump() for one in answer.content]])
            return answer.structured_content

        page = await call("query", object="Contact", select=["Id", "Name", "Email"], limit=2)
        values = {"Subject": "Call back", "ContactId": page["records"][0]["id"]}
        made = await call("create", object="Case", values=values, key="evaluated-1")
        await call("get", object="Case", id=made["id"], fields=["Subject", "ContactId"])
        await call("get", object="Case", id="500000000000000AAA")
    return json.dumps(told, sort_keys=True).encode()


async def test_an_agent_over_pipes_is_recorded_and_two_replays_tell_it_the_same_bytes(
    desk: Desk, tmp_path: Path
) -> None:
    cassette = tmp_path / "agent.yaml"
    real = await evaluated(around(desk, "record", cassette))
    assert check_cassette(cassette) == ()
    assert len(read_cassette(cassette).interactions) > 4
    orgs = desk.house.sandbox.salesforce.values()
    sent = [len(one.journal.entries) for one in orgs]
    first, second = [await evaluated(around(desk, "replay", cassette)) for _ in range(2)]
    assert first == second
    assert [len(one.journal.entries) for one in orgs] == sent
    names, query, made, *_ = json.loads(first)
    then = json.loads(real)
    assert names == then[0]
    assert "query" in names
    assert len(query[0]["records"]) == len(then[1][0]["records"]) == 2
    assert query[0] != then[1][0]
    assert made[0]["created"]
