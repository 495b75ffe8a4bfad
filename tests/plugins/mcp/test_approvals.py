"""Does a person's yes in the client's dialog count once, for exactly one call, and nothing else count at all?"""

import asyncio
import random
import time
from types import SimpleNamespace
from typing import Any

import pytest

from isthmus.core.gateway import Gateway
from isthmus.core.journal import ApprovalState

from .conftest import Desk, Wire, answering, connected, wired

YES = {"approval": {"action": "accept", "content": {"approve": True}}}


async def contact(gateway: Gateway, desk: Desk, which: int = 0) -> dict[str, Any]:
    """Return the arguments of an update that asks the user."""
    page = await gateway.session(desk.house.caller("us")).call(
        "query", system="crm", object="Contact", select=["Id"], limit=which + 1
    )
    id = page.records[which].id  # type: ignore[union-attr]
    return {"system": "crm", "object": "Contact", "id": id, "values": {"Title": "Chief of Taps"}}


def states(gateway: Gateway) -> list[ApprovalState]:
    return [one.state for one in gateway.parts.journal.view().approvals()]


def changes(desk: Desk) -> int:
    orgs = desk.house.sandbox.salesforce.values()
    return len(
        [
            effect
            for org in orgs
            for entry in org.journal.entries
            for effect in entry.effects
            if effect.object == "Contact" and effect.action == "updated"
        ]
    )


async def asked(wire: Wire, update: dict[str, Any]) -> str:
    """Make the call and return the sealed state of the question that comes back."""
    result = (await wire.call("update", update))["result"]
    assert result["resultType"] == "input_required"
    assert "Chief of Taps" in result["inputRequests"]["approval"]["params"]["message"]
    state: str = result["requestState"]
    return state


async def test_the_user_approves_in_the_clients_own_dialog(desk: Desk) -> None:
    callback, shown = answering("accept", {"approve": True})
    async with desk.serving() as (url, gateway), connected(url, "2026-07-28", elicitation_callback=callback) as client:
        update = await contact(gateway, desk)
        found = await client.call_tool("update", update)
        assert not found.is_error
        assert len(shown) == 1
        assert update["id"].partition(":")[2] in shown[0]
        [approval] = gateway.parts.journal.view().approvals()
        assert (approval.state, approval.approver) == (ApprovalState.USED, "alice")
    assert changes(desk) == 1


@pytest.mark.parametrize(
    ("action", "content", "code", "state", "times"),
    [
        ("decline", None, "approval_declined", ApprovalState.REJECTED, 1),
        ("accept", {"approve": False}, "approval_declined", ApprovalState.REJECTED, 1),
        ("cancel", None, "approval_required", ApprovalState.PENDING, 1),
        ("accept", {"approve": "true"}, "approval_required", ApprovalState.PENDING, 2),
        ("accept", {"approve": 1}, "approval_required", ApprovalState.PENDING, 2),
        ("accept", {}, "approval_required", ApprovalState.PENDING, 2),
    ],
)
async def test_anything_but_a_plain_yes_does_nothing(
    desk: Desk, action: str, content: dict[str, Any] | None, code: str, state: ApprovalState, times: int
) -> None:
    callback, shown = answering(action, content)
    async with desk.serving() as (url, gateway), connected(url, "2026-07-28", elicitation_callback=callback) as client:
        found = await client.call_tool("update", await contact(gateway, desk))
        assert found.is_error
        assert found.structured_content["code"] == code
        assert states(gateway) == [state]
    assert len(shown) == times
    assert changes(desk) == 0


@pytest.mark.parametrize("mode", ["legacy", "2026-07-28"])
async def test_callers_that_cannot_be_asked_get_the_approval_to_wait_for(desk: Desk, mode: str) -> None:
    callback, shown = answering("accept", {"approve": True})
    more = {"elicitation_callback": callback} if mode == "legacy" else {}
    async with desk.serving() as (url, gateway), connected(url, mode, **more) as client:
        await client.list_tools()
        update = await contact(gateway, desk)
        waiting = await client.call_tool("update", update)
        assert waiting.is_error
        told = waiting.structured_content
        assert (told["code"], told["asked_of"]) == ("approval_required", "user")
        assert told["approval"] in waiting.content[0].text  # type: ignore[union-attr]
        await approve(gateway, told["approval"], "alice")
        done = await client.call_tool("update", {**update, "approval": told["approval"]})
        assert not done.is_error, done.content
    assert not shown
    assert changes(desk) == 1


async def approve(gateway: Gateway, approval: str, who: str) -> None:
    """Decide as the command line does."""
    await gateway.parts.journal.transact(
        lambda transaction: transaction.decide(approval, approved=True, approver=who, at=transaction.now)
    )


async def test_a_client_that_may_not_confirm_is_not_asked(desk: Desk) -> None:
    path = desk.write
    desk.write = lambda: _without_confirming(path())  # type: ignore[method-assign]
    async with desk.serving() as (url, gateway), wired(url) as wire:
        result = (await wire.call("update", await contact(gateway, desk), inputResponses=YES))["result"]
        assert result["structuredContent"]["code"] == "approval_required"
    assert changes(desk) == 0


def _without_confirming(path: Any) -> Any:
    path.write_text(path.read_text().replace("may_confirm = true", "may_confirm = false"))
    return path


async def test_another_persons_approval_is_never_asked_of_the_user(desk: Desk) -> None:
    callback, shown = answering("accept", {"approve": True})
    async with desk.serving() as (url, _), connected(url, "2026-07-28", elicitation_callback=callback) as client:
        page = await client.call_tool("query", {"system": "crm", "object": "Account", "select": ["Name"], "limit": 1})
        account = page.structured_content["records"][0]["id"]
        found = await client.call_tool(
            "update", {"system": "crm", "object": "Account", "id": account, "values": {"Phone": "+1 (555) 555-0100"}}
        )
        assert found.structured_content["asked_of"] == "manager"
    assert not shown


async def test_answers_without_a_state_are_asked_again(desk: Desk) -> None:
    async with desk.serving() as (url, gateway), wired(url) as wire:
        update = await contact(gateway, desk)
        await asked(wire, update)
        again = (await wire.call("update", update, inputResponses=YES))["result"]
        assert again["resultType"] == "input_required"
        assert (await wire.call("update", update, inputResponses=YES, requestState=None))["result"][
            "resultType"
        ] == "input_required"
        assert states(gateway) == [ApprovalState.PENDING]
    assert changes(desk) == 0


async def test_a_state_counts_only_for_its_own_client_call_and_task(desk: Desk) -> None:
    async with desk.serving() as (url, gateway), wired(url) as wire, wired(url, "desktop-eu") as other:
        update = await contact(gateway, desk)
        state = await asked(wire, update)
        task = gateway.parts.tasks.mint(desk.house.caller("us"))
        attempts = [
            other.call("update", update, inputResponses=YES, requestState=state),
            wire.call(
                "create",
                {"system": "crm", "object": "Case", "values": {"Subject": "x"}},
                inputResponses=YES,
                requestState=state,
            ),
            wire.call(
                "update", {**update, "values": {"Title": "Chief of Nothing"}}, inputResponses=YES, requestState=state
            ),
            wire.call("update", {**update, "version": "1"}, inputResponses=YES, requestState=state),
            wire.call("update", update, meta={"isthmus/task": task}, inputResponses=YES, requestState=state),
            wire.call("update", update, inputResponses=YES, requestState=""),
            wire.call(
                "update", update, inputResponses=YES, requestState=gateway.parts.journal.view().approvals()[0].id
            ),
        ]
        for attempt in attempts:
            answer = await attempt
            assert answer["error"]["data"] == {"reason": "invalid_request_state"}
        assert states(gateway) == [ApprovalState.PENDING]
    assert changes(desk) == 0


async def test_a_state_is_used_up_with_its_approval(desk: Desk) -> None:
    async with desk.serving() as (url, gateway), wired(url) as wire:
        update = await contact(gateway, desk)
        state = await asked(wire, update)
        # The same call in another order of keys is the same call.
        turned = dict(reversed(list(update.items())))
        both = await asyncio.gather(
            *(wire.call("update", turned, inputResponses=YES, requestState=state) for _ in range(2))
        )
        # Whoever comes second finds it used, or, when the record has changed by then, is asked anew.
        done = [one for one in both if (one["result"].get("structuredContent") or {}).get("id") == update["id"]]
        assert len(done) == 1
        replay = (await wire.call("update", update, inputResponses=YES, requestState=state))["result"]
        assert replay["structuredContent"]["code"] == "approval_unusable"
    assert changes(desk) == 1


async def test_a_state_expires(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    async with desk.serving() as (url, gateway), wired(url) as wire:
        update = await contact(gateway, desk)
        state = await asked(wire, update)
        later = SimpleNamespace(time=lambda: time.time() + 601)
        monkeypatch.setattr("mcp.server.request_state.time", later)
        answer = await wire.call("update", update, inputResponses=YES, requestState=state)
        assert answer["error"]["data"] == {"reason": "invalid_request_state"}
        assert states(gateway) == [ApprovalState.PENDING]
    assert changes(desk) == 0


async def test_a_record_that_changed_meanwhile_is_asked_about_again(desk: Desk) -> None:
    callback, shown = answering("accept", {"approve": True})
    async with desk.serving() as (url, gateway), wired(url) as wire:
        update = await contact(gateway, desk)
        state = await asked(wire, update)
        desk.house.sandbox.clock.advance(minutes=1)
        async with connected(url, "2026-07-28", elicitation_callback=callback) as client:
            assert not (await client.call_tool("update", {**update, "values": {"Title": "Deputy"}})).is_error
        again = (await wire.call("update", update, inputResponses=YES, requestState=state))["result"]
        assert again["resultType"] == "input_required"
        final = (await wire.call("update", update, inputResponses=YES, requestState=again["requestState"]))["result"]
        assert not final.get("isError"), final
    assert len(shown) == 1
    assert changes(desk) == 2


async def test_what_one_process_asked_another_redeems(desk: Desk) -> None:
    async with desk.gateway() as gateway:
        spoken, shown = await contact(gateway, desk), await contact(gateway, desk, 1)
        with desk.worker() as first:
            async with connected(first.url, "legacy") as client:
                waiting = await client.call_tool("update", spoken)
            async with wired(first.url) as wire:
                state = await asked(wire, shown)
        assert first.process.returncode == 0
        # Another door: a process that serves nobody decides, as the command line would.
        await approve(gateway, waiting.structured_content["approval"], "alice")
        with desk.worker() as second:
            async with wired(second.url) as wire:
                for update, more in ((spoken, {}), (shown, {"inputResponses": YES, "requestState": state})):
                    done = (await wire.call("update", update, **more))["result"]
                    assert done["structuredContent"]["id"] == update["id"], done
                replay = (await wire.call("update", shown, inputResponses=YES, requestState=state))["result"]
                assert replay["structuredContent"]["code"] == "approval_unusable"
    assert changes(desk) == 2


async def _no_mutation_is_accepted(desk: Desk, rounds: int) -> None:
    dice = random.Random(7)
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ %\x00é"
    async with desk.serving() as (url, gateway), wired(url) as wire:
        update = await contact(gateway, desk)
        state = await asked(wire, update)
        for number in range(rounds):
            at = number % len(state)
            match number % 4:
                case 0 | 1:
                    mutated = state[:at] + dice.choice(alphabet.replace(state[at], "")) + state[at + 1 :]
                case 2:
                    mutated = state[:at] + state[at + 1 + dice.randrange(9) :]
                case _:
                    mutated = state[:at] + dice.choice(alphabet) + state[at:]
            answer = await wire.call("update", update, inputResponses=YES, requestState=mutated)
            assert answer["error"]["message"] == "Invalid or expired requestState", mutated
            wire.seen = b""
        assert states(gateway) == [ApprovalState.PENDING]
        done = (await wire.call("update", update, inputResponses=YES, requestState=state))["result"]
        assert not done.get("isError")
    assert changes(desk) == 1


async def test_no_mutated_state_is_accepted(desk: Desk) -> None:
    await _no_mutation_is_accepted(desk, 400)


@pytest.mark.soak
@pytest.mark.timeout(3600)
async def test_no_mutated_state_is_accepted_in_a_hundred_thousand(desk: Desk) -> None:
    await _no_mutation_is_accepted(desk, 100_000)
