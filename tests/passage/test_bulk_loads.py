"""A load of many records through the whole passage ends as it is told, also after the process that sent it died."""

from collections import Counter

import pytest
from tests.passage.conftest import FastClock, Home
from tests.passage.test_loads import LOADS, people

from isthmus.core.errors import RetryLater
from isthmus.core.gateway import Gateway
from isthmus.core.journal.log import MOST_NAMED
from isthmus.core.records import MOST_LINES


@pytest.fixture
def house(house: Home) -> Home:
    house.cedar = LOADS
    return house


@pytest.mark.parametrize("count", [5, 230])
async def test_every_line_is_told_and_no_line_is_written_twice(gateway: Gateway, house: Home, count: int) -> None:
    session = gateway.session(house.caller("eu"))
    names = [f"Load {count} {at}" for at in range(count)]
    names[2] = "x" * 90
    for _ in range(2):
        told = [one async for one in session.load("crm", "Contact", people(*names), key=f"load {count}")]
        assert [one.failed for one in told] == [(2,)]
    made = [row["LastName"] for row in house.org.rows("Contact") if str(row["LastName"]).startswith(f"Load {count} ")]
    assert sorted(made) == sorted(name for name in names if len(name) < 80)
    assert len(house.sent("PUT")) == (count > 200)


async def test_a_job_that_takes_long_ends_in_another_process(house: Home, clock: FastClock) -> None:
    house.call_timeout = 60
    house.org.faults.arm("slow_job", looks=12)
    names, told = [f"Slow {at}" for at in range(210)], []
    while not told:
        async with house.open(clock) as gateway:
            session = gateway.session(house.caller("eu"))
            told = [one async for one in session.load("crm", "Contact", people(*names), key="slow job")]
    assert told[0].failed == ()
    assert len(house.sent("PUT")) == 1
    assert len([row for row in house.org.rows("Contact") if str(row["LastName"]).startswith("Slow ")]) == 210


async def test_an_answer_lost_in_the_middle_writes_nothing_or_all(gateway: Gateway, house: Home) -> None:
    session, names = gateway.session(house.caller("eu")), [f"Lost {at}" for at in range(210)]
    house.org.faults.arm("server_error", method="PATCH", status=500)
    with pytest.raises(RetryLater, match="it wrote nothing"):
        assert [one async for one in session.load("crm", "Contact", people(*names), key="lost")]
    assert not [row for row in house.org.rows("Contact") if str(row["LastName"]).startswith("Lost ")]
    told = [one async for one in session.load("crm", "Contact", people(*names), key="lost")]
    assert told[0].failed == ()
    assert len([row for row in house.org.rows("Contact") if str(row["LastName"]).startswith("Lost ")]) == 210


@pytest.mark.parametrize(("action", "count"), [("create", MOST_LINES), ("update", 2 * MOST_NAMED + 1)])
async def test_the_log_has_room_for_the_records_of_the_largest_load(
    gateway: Gateway, house: Home, action: str, count: int
) -> None:
    session, values = gateway.session(house.caller("eu")), [{"LastName": f"L {at}"} for at in range(count)]
    told = [one async for one in session.load("crm", "Contact", values, key="largest", size=count)]
    if action == "update":
        lines = [(one.id, {"Title": "Largest"}) for one in told[0].outcomes]
        told = [one async for one in session.load("crm", "Contact", lines, action="update", key="titles", size=count)]
    assert [(len(one.outcomes), one.failed) for one in told] == [(count, ())]
    log = gateway.parts.journal.view()
    named = Counter(
        name
        for entry in log.entries(0, log.size)
        if entry.leaf["kind"] == "outcome" and entry.leaf.get("tool", entry.leaf["decision"]) in ("load", "continued")
        for name in entry.private.get("record_ids", ())
    )
    assert named == Counter({one.id: 1 + (action == "update") for one in told[0].outcomes})
