"""What does each verb ask of the org, where would a fault befall it, and what may it leave behind?"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeAlias

from tests.passage.conftest import FastClock, Home

from isthmus.core.gateway import Gateway
from isthmus.core.results import Result

Arguments: TypeAlias = dict[str, object]
HOME = "/services/data/v62.0"


@dataclass
class Stage:
    """A gateway before the sandbox, with something to read, change and delete."""

    house: Home
    gateway: Gateway
    clock: FastClock
    number: int = 0

    async def call(self, tool: str, **arguments: object) -> Result:
        return await self.gateway.session(self.house.caller("eu")).call(tool, system="crm", **arguments)

    async def works(self) -> None:
        """Make plain calls: nothing is stuck, and what is known of the objects is fresh."""
        page = await self.call("query", object="Contact", select=["Title"], limit=1)
        assert len(page.records) == 1

    async def case(self) -> str:
        self.number += 1
        return (await self.call("create", object="Case", values={"Subject": f"case {self.number}"})).id

    def id(self, record: str) -> str:
        return record.rpartition(":")[2]


Prepare: TypeAlias = Callable[[Stage], Awaitable[tuple[Arguments, str]]]
"""Returns a call's arguments, and which part of an address tells the request that a fault aims at."""


@dataclass(frozen=True)
class Verb:
    """What one row of faults meets: a verb, or one of the requests that it needs first.

    `effect` is what the call does to the data, `writes` tells whether the request at which faults are aimed does it,
    `intent` whether the call is committed to by then. `found` is False where reading back cannot find what was done.
    """

    name: str
    tool: str
    method: str
    prepare: Prepare
    group: str = "reads"
    effect: str = ""
    writes: bool = False
    found: bool = True
    intent: bool = False
    traits: frozenset[str] = field(default_factory=frozenset)


async def describe(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Opportunity"}, "/sobjects/Opportunity/describe"


async def query(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Contact", "select": ["Title"], "limit": 3}, "/query"


async def next_page(stage: Stage) -> tuple[Arguments, str]:
    arguments, path = await query(stage)
    page = await stage.call("query", **arguments)
    return {**arguments, "after": page.after}, path


async def org_page(stage: Stage) -> tuple[Arguments, str]:
    return {"object": "Contact", "select": ["Title"], "limit": 30}, "/query/0r8"


async def get(stage: Stage) -> tuple[Arguments, str]:
    id = str(stage.house.org.rows("Account")[0]["Id"])
    await stage.call("describe", object="Account")
    return {"object": "Account", "id": id, "fields": ["Website"]}, f"/sobjects/Account/{id}"


async def search(stage: Stage) -> tuple[Arguments, str]:
    word = next(str(row["LastName"]) for row in stage.house.org.rows("Contact") if str(row["LastName"]).isalpha())
    return {"object": "Contact", "text": word, "fields": ["Title"]}, "/parameterizedSearch"


async def aggregate(stage: Stage) -> tuple[Arguments, str]:
    measures = [{"function": "count", "name": "n"}]
    return {"object": "Contact", "measures": measures}, "/query"


async def create(stage: Stage) -> tuple[Arguments, str]:
    await stage.case()
    return {"object": "Case", "values": {"Subject": "new"}, "key": f"key-{stage.number}"}, "/sobjects/Case"


async def keyless(stage: Stage) -> tuple[Arguments, str]:
    stage.number += 1
    await stage.call("describe", object="Lead")
    values = {"LastName": f"Lead {stage.number}", "Company": "Nowhere"}
    return {"object": "Lead", "values": values}, "/sobjects/Lead"


async def update(stage: Stage) -> tuple[Arguments, str]:
    id = await stage.case()
    return {"object": "Case", "id": id, "values": {"Subject": "changed"}}, f"/sobjects/Case/{stage.id(id)}"


async def decide(stage: Stage) -> tuple[Arguments, str]:
    return (await update(stage))[0], "/query"


async def update_account(stage: Stage) -> tuple[Arguments, str]:
    stage.number += 1
    id = str(stage.house.org.rows("Account")[0]["Id"])
    await stage.call("describe", object="Account")
    return {
        "object": "Account",
        "id": id,
        "values": {"Website": f"https://{stage.number}.example"},
    }, "/sobjects/Account/"


async def upsert(stage: Stage) -> tuple[Arguments, str]:
    await stage.case()
    key = f"upsert-{stage.number}"
    arguments = {"object": "Case", "key_field": "Isthmus_Key__c", "key": key, "values": {"Subject": "upserted"}}
    return arguments, f"/sobjects/Case/Isthmus_Key__c/{key}"


async def delete(stage: Stage) -> tuple[Arguments, str]:
    id = await stage.case()
    return {"object": "Case", "id": id}, f"/sobjects/Case/{stage.id(id)}"


def _write(name: str, tool: str, method: str, prepare: Prepare, effect: str, **more: object) -> Verb:
    return Verb(name, tool, method, prepare, **{"group": name, **more}, effect=effect, writes=True, intent=True)  # type: ignore[arg-type]


QUERY = frozenset({"query"})
VERBS: Mapping[str, Verb] = {
    one.name: one
    for one in (
        Verb("describe", "describe", "GET", describe),
        Verb("query", "query", "GET", query, traits=QUERY),
        Verb("next page", "query", "GET", next_page, traits=QUERY),
        Verb("the org's own next page", "query", "GET", org_page, traits=QUERY | {"locator"}),
        Verb("get", "get", "GET", get),
        Verb("search", "search", "GET", search),
        Verb("aggregate", "aggregate", "GET", aggregate, traits=QUERY),
        Verb("look-up to decide", "update", "GET", decide, group="before a write", effect="updated", traits=QUERY),
        Verb("look at the version", "update", "GET", update, group="before a write", effect="updated", intent=True),
        _write("create", "create", "POST", create, "created"),
        _write("create without key", "create", "POST", keyless, "created", found=False),
        _write("update", "update", "PATCH", update, "updated"),
        _write("update of an Account", "update", "PATCH", update_account, "updated", group="update"),
        _write("upsert", "upsert", "PATCH", upsert, "created"),
        _write("delete", "delete", "DELETE", delete, "deleted"),
    )
}
