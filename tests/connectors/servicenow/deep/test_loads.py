"""Is every line of a load written once and told of by itself?"""

import httpx2
import pytest
from tests.connectors.servicenow.test_over_sandbox import House

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import OutcomeUnknown
from isthmus.core.session import Session
from isthmus.core.streams import Loaded
from isthmus.plugins.sandbox import ServiceNowInstance

LAMPS = [{"short_description": f"Lamp {number} is out", "impact": "2", "urgency": "2"} for number in range(5)]


async def loaded(session: Session, lines: list, **more: object) -> Loaded:
    parts = [one async for one in session.load("itsm", "incident", lines, key="l", **more)]  # type: ignore[arg-type]
    return parts[0]


def batches(org: ServiceNowInstance) -> int:
    return len([one for one in org.journal.entries if one.path.endswith("/batch")])


async def test_many_lines_go_in_one_request_and_each_tells_its_own_outcome(home: Session, org: ServiceNowInstance):
    lines = [*LAMPS[:2], {"short_description": "x", "state": "New"}, LAMPS[2]]
    told = await loaded(home, lines)
    assert [bool(one.id) for one in told.outcomes] == [True, True, False, True]
    assert (told.outcomes[2].code, told.outcomes[2].field) == ("invalid_arguments", "state")
    assert batches(org) == 1
    made = {one.id for one in told.outcomes if one.id}
    assert {row["short_description"] for row in org.rows("incident") if row["sys_id"] in made} == {
        "Lamp 0 is out", "Lamp 1 is out", "Lamp 2 is out",
    }  # fmt: skip


async def test_what_the_instance_made_of_a_line_is_told(home: Session):
    for _ in range(2):
        told = await loaded(home, [{**LAMPS[0], "priority": "1"}])
        assert told.outcomes[0].altered == ("priority",)


async def test_only_what_was_left_out_is_sent_again(home: Session, org: ServiceNowInstance):
    org.faults.arm("batch_unserviced", serviced=2, times=2)
    told = await loaded(home, LAMPS)
    assert told.failed == ()
    assert batches(org) == 3
    names = [row["short_description"] for row in org.rows("incident")]
    assert all(names.count(one["short_description"]) == 1 for one in LAMPS)


async def test_a_batch_that_gets_nowhere_says_so_line_by_line(home: Session, org: ServiceNowInstance):
    org.faults.arm("batch_unserviced", serviced=0, times=9)
    told = await loaded(home, LAMPS)
    assert {one.code for one in told.outcomes} == {"unserviced"}


async def test_a_lost_answer_is_read_back_line_by_line(home: Session, org: ServiceNowInstance):
    await home.describe("itsm", "incident")
    org.faults.arm("lost_answer", method="POST", path="/batch")
    told = await loaded(home, LAMPS)
    assert [len(one.id) for one in told.outcomes] == [32] * 5
    assert batches(org) == 1
    again = await loaded(home, LAMPS)
    assert [one.id for one in again.outcomes] == [one.id for one in told.outcomes]
    assert batches(org) == 1


class Spoiled(httpx2.AsyncBaseTransport):
    """The way to the system, on which the answer to the second batch becomes something else."""

    def __init__(self) -> None:
        self._inner, self._batches = httpx2.AsyncHTTPTransport(), 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        plain = httpx2.Request(request.method, str(request.url), headers=request.headers, content=await request.aread())
        answer = await self._inner.handle_async_request(plain)
        self._batches += request.url.path.endswith("batch")
        if self._batches != 2 or not request.url.path.endswith("batch"):
            return answer
        await answer.aread()
        return httpx2.Response(answer.status_code, headers={"content-type": "application/json"}, content=b"{}")

    async def aclose(self) -> None:
        await self._inner.aclose()


async def test_a_batch_whose_answer_says_nothing_is_read_back(house: House, org: ServiceNowInstance):
    around = Surroundings(environ={"ITSM_PASSWORD": org.password("integration")}, wire=lambda _, __: Spoiled())
    lines = [{"short_description": f"Bulb {number}"} for number in range(60)]
    async with open_gateway(load_config(house.write()), around) as gateway:
        told = await loaded(gateway.session(house.caller("eu")), lines)
    assert told.failed == ()
    assert [one["short_description"] for one in org.rows("incident")].count("Bulb 59") == 1


async def test_a_portion_that_never_came_through_is_open_until_it_can_be_told(
    home: Session, house: House, org: ServiceNowInstance, monkeypatch: pytest.MonkeyPatch
):
    from isthmus.core import settlement

    monkeypatch.setattr(settlement, "READ_BACK_AFTER", (0.0,))
    await home.describe("itsm", "incident")
    org.faults.arm("server_error", method="POST", path="/batch")
    with pytest.raises(OutcomeUnknown):
        await loaded(home, LAMPS)
    assert not [row for row in org.rows("incident") if row["short_description"].startswith("Lamp ")]


async def test_an_upsert_finds_records_by_their_keys(home: Session, org: ServiceNowInstance):
    first = [{"correlation_id": f"k-{at}", **line} for at, line in enumerate(LAMPS[:3])]
    told = await loaded(home, first, action="upsert", key_field="correlation_id")
    assert [one.created for one in told.outcomes] == [True] * 3
    second = [{"correlation_id": f"k-{at}", "category": "hardware"} for at in (1, 2, 7)]
    parts = [
        one async for one in home.load("itsm", "incident", second, key="m", action="upsert", key_field="correlation_id")
    ]
    assert [one.created for one in parts[0].outcomes] == [False, False, True]
    assert [one.id for one in parts[0].outcomes[:2]] == [one.id for one in told.outcomes[1:]]
    assert len([row for row in org.rows("incident") if row["correlation_id"].startswith("k-")]) == 4


async def test_updates_name_their_records_and_a_missing_one_is_told(home: Session, org: ServiceNowInstance):
    rows = [row for row in org.rows("incident") if row["active"] == "true"][:2]
    lines = [(row["sys_id"], {"category": "hardware"}) for row in rows] + [("f" * 32, {"category": "hardware"})]
    told = await loaded(home, lines, action="update")
    assert [one.code for one in told.outcomes] == ["", "", "RECORD_NOT_FOUND"]
    ids = {row["sys_id"] for row in rows}
    assert {row["category"] for row in org.rows("incident") if row["sys_id"] in ids} == {"hardware"}


async def test_a_lost_answer_of_updates_is_read_back_by_their_ids(home: Session, org: ServiceNowInstance):
    rows = [row for row in org.rows("incident") if row["active"] == "true"][:3]
    org.faults.arm("lost_answer", method="POST", path="/batch")
    told = await loaded(home, [(row["sys_id"], {"category": "software"}) for row in rows], action="update")
    assert [one.id for one in told.outcomes] == [row["sys_id"] for row in rows]
