"""Do the tools work for the official client, in both revisions?"""

import asyncio
import json

import pytest
from mcp import MCPError

from isthmus.plugins.mcp import logs

from .conftest import ERAS, LEGACY, MODERN, MODES, Served, connected, wired

pytestmark = pytest.mark.asyncio(loop_scope="module")


def names(listed: object) -> set[str]:
    return {one.name for one in listed.tools}  # type: ignore[attr-defined]


@ERAS
async def test_lists_and_calls_tools(served: Served, mode: str) -> None:
    url = served.url
    async with connected(url, mode) as client:
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


async def test_every_tool_answers_within_the_schema_that_the_client_validates(served: Served) -> None:
    url = served.url
    async with connected(url, MODERN, "desktop-eu") as client:

        async def call(name: str, **arguments: object) -> dict[str, object]:
            found = await client.call_tool(name, {"system": "crm", **arguments})
            assert not found.is_error, found.content
            return found.structured_content  # type: ignore[no-any-return]

        assert (await call("describe"))["objects"]
        assert (await call("describe", object="Contact"))["fields"]
        page = await call("query", object="Account", select=["Name"], limit=1)
        await call("query", object="Account", select=["Name"], limit=1, after=page["after"])
        # A model gets no page larger than its context takes, in whichever words it asks; the rest comes by `after`.
        for wanted in (
            {"object": "Contact", "select": ["Id"], "limit": 1500},
            {"text": "SELECT Id FROM Contact LIMIT 1500"},
        ):
            many = await call("query", **wanted)
            assert len(many["records"]) == 200  # type: ignore[arg-type]
            rest = await call("query", **wanted, after=many["after"])
            assert rest["records"]
        record = page["records"][0]  # type: ignore[index]
        await call("get", object="Account", id=record["id"])
        await call("search", object="Account", text="Instruments", limit=2)
        await call("aggregate", object="Account", measures=[{"function": "count", "name": "all"}])
        made = await call("create", object="Case", values={"Subject": "a tap drips"}, key="mcp-case-1")
        assert made["created"] is True
        changed = await call("update", object="Case", id=made["id"], values={"Subject": "two taps drip"})
        assert changed["id"] == made["id"]


async def test_errors_are_results_that_an_agent_can_act_on(served: Served) -> None:
    url = served.url
    for mode in MODES:
        async with connected(url, mode) as client:
            await client.list_tools()
            wrong = await client.call_tool("query", {"system": "crm", "object": "Account", "selct": ["Name"]})
            assert wrong.is_error
            assert wrong.structured_content["code"] == "invalid_arguments"
            assert wrong.structured_content["retryable"] is False
            assert "'selct'; did you mean 'select'" in wrong.content[0].text.replace(",", ";")  # type: ignore[union-attr]


async def test_a_hidden_tool_is_as_unknown_as_one_that_does_not_exist(served: Served) -> None:
    url = served.url
    for mode in MODES:
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
    served: Served, mode: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(_result: object) -> None:
        raise RuntimeError("everly@example.test has a secret")

    monkeypatch.setattr("isthmus.plugins.mcp.server.as_json", broken)
    url = served.url
    async with connected(url, mode) as client:
        with pytest.raises(MCPError) as raised:
            await client.call_tool("query", {"system": "crm", "object": "Account", "limit": 1})
    error = raised.value.error
    assert error.code == -32603
    assert error.data["correlation_id"] in error.message
    line = next(one for one in caplog.records if one.levelname == "ERROR")
    assert "RuntimeError" in line.getMessage()
    assert "everly" not in caplog.text + error.message


async def test_a_result_outside_its_schema_never_leaves(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("isthmus.plugins.mcp.server.as_json", lambda _result: {"records": "everly@example.test"})
    url = served.url
    async with wired(url) as wire:
        answer = await wire.call("query", {"system": "crm", "object": "Account", "limit": 1})
    assert answer["error"]["code"] == -32603
    assert b"everly" not in wire.seen


async def test_half_a_surrogate_pair_from_a_system_does_not_break_the_transport(
    served: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        "isthmus.plugins.mcp.server.as_json", lambda _result: {"records": [], "complete": True, "x": "a\ud83d"}
    )
    url = served.url
    async with wired(url) as wire:
        answer = await wire.call("query", {"system": "crm", "object": "Account", "limit": 1})
    assert answer["result"]["structuredContent"]["x"] == "a?"


@ERAS
async def test_a_write_that_its_client_abandons_is_still_settled_and_recorded(served: Served, mode: str) -> None:
    orgs, journal = served.desk.house.sandbox.salesforce.values(), served.gateway.parts.journal

    def created() -> int:
        effects = [effect for org in orgs for entry in org.journal.entries for effect in entry.effects]
        return len([one for one in effects if (one.action, one.object) == ("created", "Case")])

    before = created()
    wanted = {"system": "crm", "object": "Case", "values": {"Subject": "abandoned"}, "key": f"abandoned-{mode}"}
    async with connected(served.url, mode) as client:
        await client.call_tool("describe", {"system": "crm", "object": "Case"})
        for org in orgs:
            org.faults.arm("slow", times=3, path="Case", seconds=1.5)
        call = asyncio.create_task(client.call_tool("create", wanted))
        async with asyncio.timeout(5):
            while not journal.view().open_intents():  # noqa: ASYNC110 the journal has no event
                await asyncio.sleep(0.01)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        for org in orgs:
            org.faults.clear()
        await served.gateway.drain()
        assert not journal.view().open_intents()
        assert not (await client.call_tool("create", wanted)).is_error
    assert created() == before + 1


async def test_a_read_stops_when_its_client_hangs_up(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", "isthmus")
    asked = {"system": "crm", "object": "Account", "limit": 1}
    old = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "query", "arguments": asked}}
    async with wired(served.url) as wire:
        await wire.call("query", asked)
        assert "client 'desktop-us' called query" in caplog.messages
        caplog.clear()
        for org in served.desk.house.sandbox.salesforce.values():
            org.faults.arm("slow", times=2, path="/query", seconds=0.6)
        for call in (wire.call("query", asked), wire.post(json.dumps(old).encode(), version=LEGACY)):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(call, 0.2)
        await asyncio.sleep(0.8)
    assert not [one for one in caplog.messages if "called query" in one]


async def test_a_task_handle_travels_in_meta_or_as_argument_but_only_one(served: Served) -> None:
    asked = {"system": "crm", "object": "Account", "limit": 1}
    url, gateway = served.url, served.gateway
    async with wired(url) as wire:
        handle = gateway.parts.tasks.mint(served.desk.house.caller("us"))
        foreign = gateway.parts.tasks.mint(served.desk.house.caller("eu"))
        good = await wire.call("query", asked, meta={"isthmus/task": handle})
        assert not good["result"].get("isError")
        for bad in (foreign, "task_aaaa_bbbb"):
            answer = (await wire.call("query", asked, meta={"isthmus/task": bad}))["result"]
            assert answer["structuredContent"]["field"] == "task"
            assert bad not in answer["structuredContent"]["message"]
        both = await wire.call("query", {**asked, "task": foreign}, meta={"isthmus/task": handle})
        assert both["result"]["structuredContent"]["field"] == "isthmus/task"


async def test_arguments_cannot_say_who_calls(served: Served) -> None:
    claims = {"agent": "reader", "user": "maria", "consumer": "model-eu", "client": "desktop-eu"}
    url = served.url
    async with wired(url) as wire:
        for name, value in claims.items():
            found = (await wire.call("query", {"system": "crm", "object": "Account", name: value}))["result"]
            assert found["structuredContent"]["code"] == "invalid_arguments"


async def test_clients_that_call_at_once_get_their_own_answers(served: Served) -> None:
    where = {"field": "MailingCountry", "op": "eq", "value": "Germany"}
    asked = {"system": "crm", "object": "Contact", "select": ["Email"], "where": where, "limit": 1}
    url = served.url
    async with wired(url) as us, wired(url, "desktop-eu") as eu:
        answers = await asyncio.gather(*((us, eu)[number % 2].call("query", asked) for number in range(40)))
        for number, answer in enumerate(answers):
            [record] = answer["result"]["structuredContent"]["records"]
            assert isinstance(record["fields"]["Email"], (dict, str)[number % 2])


async def test_each_client_is_answered_in_its_own_revision(served: Served) -> None:
    url = served.url
    for mode, version in (("legacy", LEGACY), ("auto", MODERN)):
        async with connected(url, mode) as client:
            assert client.protocol_version == version


async def test_one_id_leads_from_the_log_to_the_journal(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    correlated = logs._Correlated()
    caplog.handler.addFilter(correlated)
    try:
        with caplog.at_level("INFO", logger="isthmus.mcp"):
            async with connected(served.url, MODERN) as client:
                await client.call_tool("query", {"system": "crm", "object": "Account", "select": ["Name"], "limit": 1})
    finally:
        caplog.handler.removeFilter(correlated)
    view = served.gateway.parts.journal.view()
    traces = {str(one.leaf.get("trace_id")) for one in view.entries(max(0, view.size - 10), view.size)}
    logged = {str(getattr(one, "correlation", "")) for one in caplog.records if "called query" in one.getMessage()}
    assert logged
    assert logged <= traces
