"""Does anything of a person in Germany, or any secret, reach a consumer in the US, a log or an error?"""

import random
from collections.abc import Iterator
from typing import Any

import pytest

from .conftest import TOKENS, Desk, wired


def canaries(desk: Desk) -> set[bytes]:
    """List what must not be seen: e-mails and phones of people in Germany, tokens and client secrets."""
    found: set[str] = set(TOKENS.values())
    for org in desk.house.sandbox.salesforce.values():
        found.add(org.client_secret)
        for row in org.store["Contact"].rows.values():
            if row["MailingCountry"] == "Germany":
                found |= {str(row[name]) for name in ("Email", "MobilePhone") if row[name]}
    return {one.encode() for one in found}


def walk(dice: random.Random, ids: list[str], refs: list[tuple[str, object]]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Make up calls that an agent after those values would try."""
    fields = ["LastName", "Email", "MobilePhone", "MailingCountry", "Account.Name"]
    while True:
        kind = dice.randrange(7)
        some = dice.sample(fields, 3)
        match kind:
            case 0:
                yield "query", {"object": "Contact", "select": some, "limit": 20}
            case 1:
                yield "get", {"object": "Contact", "id": dice.choice(ids)}
            case 2:
                where = {
                    "field": "Email",
                    "op": dice.choice(["starts_with", "contains", "eq"]),
                    "value": dice.choice("abcdefgh"),
                }
                yield "query", {"object": "Contact", "select": some, "where": where}
            case 3:
                yield "query", {"object": "Contact", "select": ["Email"], "order_by": [{"field": "Email"}]}
            case 4:
                yield (
                    "aggregate",
                    {"object": "Contact", "measures": [{"function": "min", "field": "Email"}], "group_by": ["Email"]},
                )
            case 5:
                id, email = dice.choice(refs)
                values = {"Subject": "hello", "ContactId": id, "SuppliedEmail": email}
                yield "create", {"object": "Case", "values": values}
            case _:
                yield "update", {"object": "Contact", "id": dice.choice(ids), "values": {"Email": "x@example.test"}}


async def test_no_canary_in_a_walk_of_calls(desk: Desk, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("DEBUG")
    dice, kinds = random.Random(11), set()
    async with desk.serving() as (url, _), wired(url) as wire, wired(url, "desktop-eu") as home:
        watched = canaries(desk)
        page = await wire.call("query", {"system": "crm", "object": "Contact", "select": ["Email"], "limit": 100})
        records = page["result"]["structuredContent"]["records"]
        refs = [(one["id"], one["fields"]["Email"]) for one in records if isinstance(one["fields"].get("Email"), dict)]
        assert refs
        calls = walk(dice, [one["id"] for one in records], refs)
        for _ in range(60):
            name, arguments = next(calls)
            answer = (await wire.call(name, {"system": "crm", **arguments}))["result"]
            kinds.add((name, answer.get("isError", False)))
        # The same question from home does show them, so the search below can find something.
        await home.call("query", {"system": "crm", "object": "Contact", "select": ["Email"], "limit": 100})
        assert any(one in home.seen for one in watched)
    assert {("query", False), ("query", True), ("get", False), ("create", False)} <= kinds
    logged = "\n".join(f"{one.name} {one.getMessage()} {one.exc_text}" for one in caplog.records).encode()
    for one in watched:
        assert one not in wire.seen
        assert one not in logged
