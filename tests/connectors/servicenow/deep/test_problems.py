"""Does a problem go through its states by the service for that, judged as the transitions that they are?"""

import pytest
from tests.connectors.servicenow.test_over_sandbox import House

from isthmus.core.errors import Denied, InvalidArguments, OutcomeUnknown, UpstreamRejected
from isthmus.core.results import Answer
from isthmus.core.session import Session
from isthmus.plugins.sandbox import ServiceNowInstance

NEVER_CANCELED = """
@id("people-end-problems") forbid (principal is Isthmus::Agent, action == Isthmus::Action::"transition",
  resource in Isthmus::Object::"itsm/problem") when { context has transition && context.transition.to == "107" }
  unless { context.transition.from == "106" };
"""
CAUSE, FIX = {"cause_notes": "a worn pin"}, {"fix_notes": "pins renewed"}


SERVICE = '[connections.itsm-eu.settings]\nproblem_service = "/api/x_rhtpp_ansible/problem"\n'


@pytest.fixture
def house(house: House) -> House:
    house.settings = SERVICE
    return house


@pytest.fixture
async def problem(home: Session) -> str:
    return (await home.create("itsm", "problem", {"short_description": "Doors jam"})).id


@pytest.fixture
def person(org: ServiceNowInstance) -> str:
    return org.user("greta")["sys_id"]


def state(org: ServiceNowInstance, id: str) -> str:
    return next(row["state"] for row in org.rows("problem") if row["sys_id"] == id)


def moves(org: ServiceNowInstance) -> int:
    return len([one for one in org.journal.entries if "/new_state/" in one.path])


async def move(home: Session, id: str, to: str, **values: str) -> Answer:
    arguments = {"state": to, **({"values": values} if values else {})}
    return await home.invoke("itsm", "problem", "move", arguments, id=id)


async def test_a_write_of_the_state_is_ignored_and_told(home: Session, org: ServiceNowInstance, problem: str):
    assert (await home.transition("itsm", "problem", problem, to="102")).altered == ("state",)
    assert state(org, problem) == "101"


async def test_the_service_leads_through_all_states_and_back(
    home: Session, org: ServiceNowInstance, problem: str, person: str
):
    steps = [("102", {"assigned_to": person}), ("103", {}), ("104", {**CAUSE, **FIX}),
             ("106", {"resolution_code": "fix_applied"}), ("103", {}), ("104", {}),
             ("106", {"resolution_code": "fix_applied"}), ("107", {})]  # fmt: skip
    for to, values in steps:
        done = await move(home, problem, to, **values)
        assert (done.values["state"], done.values["altered"], done.records) == (to, [], (problem,))
        assert state(org, problem) == to
    row = next(row for row in org.rows("problem") if row["sys_id"] == problem)
    assert row["reopened_at"]
    assert row["confirmed_at"]
    assert (row["assigned_to"], row["cause_notes"]) == (person, CAUSE["cause_notes"])
    with pytest.raises(UpstreamRejected):
        await move(home, problem, "103")  # only a problem manager analyzes anew what is closed


@pytest.mark.parametrize(
    ("before", "to", "said", "also"),
    [
        ((), "102", {}, "assigned_to"),
        (("102", "103"), "104", CAUSE, "fix_notes"),
        (("102", "103"), "107", {}, "resolution_code"),
        (("102", "103"), "107", {"resolution_code": "risk_accepted", **CAUSE}, "close_notes"),
        (("102",), "107", {"resolution_code": "canceled"}, "close_notes"),
        (("102",), "107", {"resolution_code": "duplicate"}, "duplicate_of"),
    ],
)
async def test_a_move_needs_what_its_state_and_its_code_need(
    home: Session, org: ServiceNowInstance, problem: str, person: str, before, to, said, also
):
    for one in before:
        await move(home, problem, one, assigned_to=person)
    stood = state(org, problem)
    with pytest.raises(UpstreamRejected):
        await move(home, problem, to, **said)
    assert state(org, problem) == stood
    other = next(row["sys_id"] for row in org.rows("problem") if row["sys_id"] != problem)
    missing = {"assigned_to": person, "duplicate_of": other, "resolution_code": "canceled"}.get(also, "because")
    more = {"close_notes": "never mind"} if also == "resolution_code" else {}
    await move(home, problem, to, **said, **more, **{also: missing})
    assert state(org, problem) == to


async def test_a_move_that_the_model_does_not_know_is_refused_by_the_instance(home: Session, problem: str, person: str):
    await move(home, problem, "102", assigned_to=person)
    for to, said in (("104", {**CAUSE, **FIX}), ("106", {"resolution_code": "fix_applied", **CAUSE, **FIX})):
        with pytest.raises(UpstreamRejected):
            await move(home, problem, to, **said)


async def test_other_fields_and_other_names_of_the_state_are_refused_before_sending(
    home: Session, org: ServiceNowInstance, problem: str
):
    for values in ({"priority": "1"}, {"problem_state": "107"}, {"state": "107"}):
        with pytest.raises(InvalidArguments):
            await move(home, problem, "102", **values)
    assert moves(org) == 0


async def test_policy_sees_the_move_and_where_it_leads(house: House, org: ServiceNowInstance, person: str):
    house.cedar += NEVER_CANCELED
    async with house.open() as gateway:
        home = gateway.session(house.caller("eu"))
        id = (await home.create("itsm", "problem", {"short_description": "Doors jam"})).id
        await move(home, id, "102", assigned_to=person)
        sent = moves(org)
        with pytest.raises(Denied, match="people-end-problems"):
            await move(home, id, "107", resolution_code="canceled", close_notes="x")
        assert moves(org) == sent


async def test_a_number_that_two_problems_have_moves_neither(
    home: Session, org: ServiceNowInstance, problem: str, person: str
):
    own, other = org.store.get("problem", problem), next(r for r in org.rows("problem") if r["sys_id"] != problem)
    org.store.change("problem", other, {"number": own["number"]}, "admin")
    with pytest.raises(UpstreamRejected, match="have the numbers made unique"):
        await move(home, problem, "102", assigned_to=person)
    assert moves(org) == 0


async def test_a_lost_answer_is_read_back(
    home: Session, org: ServiceNowInstance, problem: str, person: str, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    org.faults.arm("lost_answer", method="PATCH", path="/new_state/")
    done = await move(home, problem, "102", assigned_to=person)
    assert done.records == (problem,)
    assert (moves(org), state(org, problem)) == (1, "102")
    org.faults.arm("server_error", method="PATCH", path="/new_state/")
    with pytest.raises(OutcomeUnknown):
        await move(home, problem, "103")


async def test_without_the_app_there_is_no_such_action(house: House):
    house.settings = ""
    async with house.open() as gateway:
        with pytest.raises(InvalidArguments, match="no action 'move'"):
            await move(gateway.session(house.caller("eu")), "0" * 32, "102")
