"""An action of a system is judged by what it declares, and its answer goes where its classes may."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import call
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.connectors.salesforce import Salesforce
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.connector import Action, Invoked, ObjectFacts
from isthmus.core.errors import Conflict, Denied, InvalidArguments, OutcomeUnknown, ResidencyError
from isthmus.core.gateway import Gateway
from isthmus.core.operation import Effect
from isthmus.core.plugins import Plugins
from isthmus.core.records import JSON
from isthmus.core.results import Answer, Description, as_json
from isthmus.plugins.sandbox import Sandbox

INVOKES = (
    CEDAR
    + """
@id("never-close") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition", resource)
when { context.transition.to == "Closed" };
"""
)
ACTIONS = (
    Action(
        "open_twin",
        "Open a second case like this one.",
        frozenset({Effect.CREATE}),
        {"subject": {"type": "string", "maxLength": 80}, "copies": {"type": "integer", "minimum": 1}},
        ("subject",),
        on_record=True,
        classes=frozenset({"internal"}),
    ),
    Action("close", "Close it.", frozenset({Effect.TRANSITION}), on_record=True, to_state="Closed"),
    Action(
        "move",
        "Move it.",
        frozenset({Effect.TRANSITION}),
        {"to": {"type": "string"}},
        ("to",),
        on_record=True,
        state_argument="to",
    ),
    Action("gossip", "Tell what people say.", frozenset({Effect.READ}), classes=frozenset({"free_text", "pii"})),
    Action("report", "Report it.", frozenset({Effect.CREATE}), classes=frozenset({"pii"})),
    Action("wipe", "Delete what is old.", frozenset({Effect.EXECUTE})),
)


class Clerk(Salesforce):
    async def catalogue(self, object: str) -> ObjectFacts:
        found = await super().catalogue(object)
        return replace(found, actions=ACTIONS) if found.name == "Case" else found

    async def invoke(self, object: str, action: str, id: str, arguments: Mapping[str, JSON], key: str) -> Invoked:
        match action:
            case "open_twin":
                made = await self.create(object, {"Subject": arguments["subject"]}, None)
                return Invoked({"number": 7}, (made.id,))
            case "report":
                made = await self.create(object, {"Subject": "told"}, None)
                return Invoked({"about": "Falk"}, (made.id,))
            case "gossip":
                return Invoked({"told": "Falk has moved"})
            case _:
                await self.update(object, id, {"Status": arguments.get("to", "Closed")}, None)
                return Invoked(records=(id,))


class WithClerk(Home):
    @asynccontextmanager
    async def open_clerk(self, clock: FastClock) -> AsyncIterator[Gateway]:
        around = Surroundings(environ=self.environ, clock=clock, plugins=Plugins({"salesforce": Clerk}, {}))
        async with open_gateway(load_config(self.write()), around) as gateway:
            yield gateway


@pytest.fixture
def house(tmp_path: Path, sandbox: Sandbox) -> WithClerk:
    return WithClerk(tmp_path, sandbox, cedar=INVOKES)


@pytest.fixture
async def gateway(house: WithClerk, clock: FastClock) -> AsyncIterator[Gateway]:
    async with house.open_clerk(clock) as gateway:
        yield gateway


@pytest.fixture
async def case(gateway: Gateway, house: Home) -> str:
    made = await gateway.session(house.caller("eu")).create("crm", "Case", {"Subject": "a printer", "Status": "New"})
    return made.id


async def test_runs_what_describe_names(gateway: Gateway, house: Home, case: str) -> None:
    session = gateway.session(house.caller("eu"))
    told = await session.describe("crm", "Case")
    assert isinstance(told, Description)
    named = as_json(told)["actions"]
    assert isinstance(named, list)
    assert [one["name"] for one in named] == ["open_twin", "close", "move", "gossip", "report", "wipe"]
    answer = await session.invoke("crm", "Case", "open_twin", {"subject": "twin"}, id=case)
    assert answer.values == {"number": 7}
    assert [row["Id"] for row in house.cases(Subject="twin")] == list(answer.records)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"action": "open_twins", "id": "CASE"}, "no action 'open_twins'; did you mean 'open_twin'"),
        ({"action": "open_twin", "arguments": {"subject": "x"}}, "give its id"),
        ({"action": "gossip", "id": "CASE"}, "takes no id"),
        ({"action": "open_twin", "id": "CASE"}, "needs 'subject'"),
        ({"action": "open_twin", "id": "CASE", "arguments": {"subject": "x", "subjects": 1}}, "no such argument"),
        ({"action": "open_twin", "id": "CASE", "arguments": {"subject": "x", "copies": 0}}, "another kind of 'copies'"),
    ],
)
async def test_says_what_does_not_fit(
    gateway: Gateway, house: Home, case: str, arguments: dict[str, JSON], sentence: str
) -> None:
    told = {name: case if value == "CASE" else value for name, value in arguments.items()}
    with pytest.raises(InvalidArguments, match=sentence):
        await call(gateway, house.caller("eu"), "invoke", system="crm", object="Case", **told)


async def test_a_state_that_policy_forbids_is_not_reached_by_an_action(
    gateway: Gateway, house: Home, case: str
) -> None:
    session, mark = gateway.session(house.caller("eu")), house.mark()
    for action, arguments in (("close", {}), ("move", {"to": "Closed"})):
        with pytest.raises(Denied) as refused:
            await session.invoke("crm", "Case", action, arguments, id=case)
        assert refused.value.rules == ("never-close",)
    assert house.sent("PATCH", mark) == []
    await session.invoke("crm", "Case", "move", {"to": "Working"}, id=case)
    assert [row["Status"] for row in house.org.rows("Case") if row["Id"] == case] == ["Working"]


async def test_what_policy_does_not_name_is_not_executed(gateway: Gateway, house: Home) -> None:
    with pytest.raises(Denied):
        await gateway.session(house.caller("eu")).invoke("crm", "Case", "wipe")


async def test_an_action_does_no_more_than_it_declares(
    gateway: Gateway, house: Home, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def wipes(self: Clerk, object: str, action: str, id: str, arguments: object, key: str) -> Invoked:
        await self.delete(object, id, None)
        return Invoked()

    monkeypatch.setattr(Clerk, "invoke", wipes)
    mark = house.mark()
    with pytest.raises(Denied, match="would delete"):
        await gateway.session(house.caller("eu")).invoke("crm", "Case", "open_twin", {"subject": "x"}, id=case)
    assert house.sent("DELETE", mark) == []


async def test_an_answer_goes_where_its_classes_may(gateway: Gateway, house: Home, case: str) -> None:
    told = await gateway.session(house.caller("eu")).invoke("crm", "Case", "gossip")
    assert told.values == {"told": "Falk has moved"}
    with pytest.raises(ResidencyError, match="what this action answers"):
        await gateway.session(house.caller("us")).invoke("crm", "Case", "gossip")


async def test_the_answer_of_a_write_is_kept_back_and_its_records_are_told(gateway: Gateway, house: Home) -> None:
    answer = await gateway.session(house.caller("us")).invoke("crm", "Case", "report")
    assert answer.values == {}
    assert [one.what for one in answer.withheld] == ["the answer"]
    assert [row["Id"] for row in house.cases(Subject="told")] == list(answer.records)


async def test_the_same_key_runs_it_once(gateway: Gateway, house: Home, case: str) -> None:
    session = gateway.session(house.caller("eu"))
    first = await session.invoke("crm", "Case", "open_twin", {"subject": "once"}, id=case, key="k1")
    again = await session.invoke("crm", "Case", "open_twin", {"subject": "once"}, id=case, key="k1")
    assert again == Answer("Case", {}, first.records)
    assert len(house.cases(Subject="once")) == 1
    with pytest.raises(Conflict):
        await session.invoke("crm", "Case", "open_twin", {"subject": "twice"}, id=case, key="k1")


async def test_an_answer_that_is_lost_is_not_guessed(
    gateway: Gateway, house: Home, case: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def breaks(self: Clerk, object: str, action: str, id: str, arguments: object, key: str) -> Invoked:
        await self.create(object, {"Subject": "lost"}, None)
        raise ConnectionResetError

    monkeypatch.setattr(Clerk, "invoke", breaks)
    session = gateway.session(house.caller("eu"))
    for _ in range(2):
        with pytest.raises(OutcomeUnknown):
            await session.invoke("crm", "Case", "open_twin", {"subject": "x"}, id=case)
    assert len(house.cases(Subject="lost")) == 1
