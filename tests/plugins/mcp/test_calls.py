"""Do the tools work for the official client, in both revisions?"""

import asyncio
import json

import pytest
from mcp import MCPError

from .conftest import ERAS, LEGACY, MODERN, Desk, connected, wired


def names(listed: object) -> set[str]:
    return {one.name for one in listed.tools}  # type: ignore[attr-defined]


@ERAS
async def test_lists_and_calls_tools(desk: Desk, mode: str) -> None:
    async with desk.serving() as (url, _), connected(url, mode) as client:
        listed = await client.list_tools()
        assert {"describe", "query", "get", "create", "update"} <= names(listed)
        query = next(one for one in listed.tools if one.name == "query")
        assert query.annotations is not None
        assert query.annotations.read_only_hint
        assert query.meta == {"isthmus/effects": ["read"]}
        if mode == MODERN:
            assert (listed.cache_scope, listed.ttl_ms) == ("private", 0)
        found = await client.call_tool("query", {"system": "crm", "object": "Account", "select": ["Name"], "limit": 2})
        assert not found.is_error
        assert len(found.structured_content["records"]) == 2
        assert json.loads(found.content[0].text) == found.structured_content  # type: ignore[union-attr]


async def test_every_tool_answers_within_the_schema_that_the_client_validates(desk: Desk) -> None:
    async with desk.serving() as (url, _), connected(url, MODERN, "desktop-eu") as client:

        async def call(name: str, **arguments: object) -> dict[str, object]:
            found = await client.call_tool(name, {"system": "crm", **arguments})
            assert not found.is_error, found.content
            return found.structured_content  # type: ignore[no-any-return]

        assert (await call("describe"))["objects"]
        assert (await call("describe", object="Contact"))["fields"]
        page = await call("query", object="Account", select=["Name"], limit=1)
        await call("query", object="Account", select=["Name"], limit=1, after=page["after"])
        record = page["records"][0]  # type: ignore[index]
        await call("get", object="Account", id=record["id"])
        await call("search", object="Account", text="Instruments", limit=2)
        await call("aggregate", object="Account", measures=[{"function": "count", "name": "all"}])
        made = await call("create", object="Case", values={"Subject": "a tap drips"}, key="mcp-case-1")
        assert made["created"] is True
        assert (await call("update", object="Case", id=made["id"], values={"Subject": "two taps drip"}))["id"] == made["id"]


@ERAS
async def test_errors_are_results_that_an_agent_can_act_on(desk: Desk, mode: str) -> None:
    async with desk.serving() as (url, _), connected(url, mode) as client:
        await client.list_tools()
        wrong = await client.call_tool("query", {"system": "crm", "object": "Account", "selct": ["Name"]})
        assert wrong.is_error
        assert wrong.structured_content["code"] == "invalid_arguments"
        assert wrong.structured_content["retryable"] is False
        assert "'selct'" in wrong.content[0].text  # type: ignore[union-attr]
        assert "did you mean 'select'" in wrong.content[0].text  # type: ignore[union-attr]


@ERAS
async def test_a_hidden_tool_is_as_unknown_as_one_that_does_not_exist(desk: Desk, mode: str) -> None:
    async with desk.serving() as (url, _):
        async with connected(url, mode, "reader-eu") as reader, connected(url, mode, "desktop-eu") as writer:
            mine, theirs = names(await reader.list_tools()), names(await writer.list_tools())
            assert mine < theirs
            assert theirs - mine >= {"create", "update"}
            errors = []
            for name in ("create", "crxxte"):
                with pytest.raises(MCPError) as raised:
                    await reader.call_tool(name, {"system": "crm", "object": "Case", "values": {"Subject": "x"}})
                errors.append((raised.value.error.code, raised.value.error.message.replace(name, "NAME")))
            assert errors == [(-32602, "Unknown tool: NAME")] * 2


@ERAS
async def test_an_exception_of_ours_tells_only_its_correlation_id(
    desk: Desk, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_result: object) -> None:
        raise RuntimeError("everly@example.test has a secret")

    monkeypatch.setattr("isthmus.plugins.mcp.server.as_json", broken)
    async with desk.serving() as (url, _), connected(url, mode) as client:
        with pytest.raises(MCPError) as raised:
            await client.call_tool("query", {"system": "crm", "object": "Account", "limit": 1})
    error = raised.value.error
    assert error.code == -32603
    assert error.data["correlation_id"] in error.message
    line = next(one for one in caplog.records if one.levelname == "ERROR")
    assert "RuntimeError" in line.getMessage()
    assert "everly" not in caplog.text + error.message


async def test_a_result_outside_its_schema_never_leaves(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.plugins.mcp.server.as_json", lambda _result: {"records": "everly@example.test"})
    async with desk.serving() as (url, _), wired(url) as wire:
        answer = await wire.call("query", {"system": "crm", "object": "Account", "limit": 1})
    assert answer["error"]["code"] == -32603
    assert b"everly" not in wire.seen


async def test_half_a_surrogate_pair_from_a_system_does_not_break_the_transport(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("isthmus.plugins.mcp.server.as_json", lambda _result: {"records": [], "complete": True, "x": "a\ud83d"})
    async with desk.serving() as (url, _), wired(url) as wire:
        answer = await wire.call("query", {"system": "crm", "object": "Account", "limit": 1})
    assert answer["result"]["structuredContent"]["x"] == "a?"


@ERAS
async def test_a_write_that_its_client_abandons_is_still_settled_and_recorded(desk: Desk, mode: str) -> None:
    orgs = desk.house.sandbox.salesforce.values()
    wanted = {"system": "crm", "object": "Case", "values": {"Subject": "abandoned"}, "key": "abandoned-1"}
    async with desk.serving() as (url, gateway), connected(url, mode) as client:
        await client.call_tool("describe", {"system": "crm", "object": "Case"})
        for org in orgs:
            org.faults.arm("slow", path="/Case/", seconds=0.5)
        call = asyncio.create_task(client.call_tool("create", wanted))
        async with asyncio.timeout(5):
            while not gateway.parts.journal.view().open_intents():
                await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await gateway.drain()
        assert not gateway.parts.journal.view().open_intents()
        again = await client.call_tool("create", wanted)
        assert not again.is_error
    effects = [effect for org in orgs for entry in org.journal.entries for effect in entry.effects]
    assert [one.object for one in effects if one.action == "created"] == ["Case"]


async def test_a_read_stops_when_its_client_leaves(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "isthmus")
    async with desk.serving() as (url, _), connected(url, MODERN, "desktop-eu") as client:
        await client.call_tool("describe", {"system": "crm", "object": "Account"})
        for org in desk.house.sandbox.salesforce.values():
            org.faults.arm("slow", path="/query", seconds=0.8)
        call = asyncio.create_task(client.call_tool("query", {"system": "crm", "object": "Account", "limit": 1}))
        await asyncio.sleep(0.2)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        await asyncio.sleep(0.8)
        assert not [one for one in caplog.messages if "called query" in one]


async def test_a_task_handle_travels_in_meta_or_as_argument_but_only_one(desk: Desk) -> None:
    asked = {"system": "crm", "object": "Account", "limit": 1}
    async with desk.serving() as (url, gateway), wired(url) as wire:
        handle = gateway.parts.tasks.mint(desk.house.caller("us"))
        foreign = gateway.parts.tasks.mint(desk.house.caller("eu"))
        good = await wire.call("query", asked, meta={"isthmus/task": handle})
        assert not good["result"].get("isError")
        for bad in (foreign, "task_aaaa_bbbb"):
            answer = (await wire.call("query", asked, meta={"isthmus/task": bad}))["result"]
            assert answer["structuredContent"]["field"] == "task"
            assert bad not in answer["structuredContent"]["message"]
        both = await wire.call("query", {**asked, "task": foreign}, meta={"isthmus/task": handle})
        assert both["result"]["structuredContent"]["field"] == "isthmus/task"


@ERAS
async def test_arguments_cannot_say_who_calls(desk: Desk, mode: str) -> None:
    claims = {"agent": "reader", "user": "maria", "consumer": "model-eu", "client": "desktop-eu"}
    async with desk.serving() as (url, _), connected(url, mode) as client:
        for name, value in claims.items():
            found = await client.call_tool("query", {"system": "crm", "object": "Account", name: value})
            assert found.structured_content["code"] == "invalid_arguments"


async def test_older_handshakes_are_answered_in_their_own_revision(desk: Desk) -> None:
    async with desk.serving() as (url, _), connected(url, "legacy") as client:
        assert client.protocol_version == LEGACY
    async with desk.serving() as (url, _), connected(url, "auto") as client:
        assert client.protocol_version == MODERN
