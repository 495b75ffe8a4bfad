"""Is what is read as of a day what held on that day, by whichever surface, whatever was typed and corrected before?"""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.connectors.workday.conftest import SERVICES, House

from isthmus.core.records import Query
from isthmus.core.session import Session
from isthmus.plugins.sandbox import WorkdayTenant

FIRST = date(2024, 1, 1)
DAYS = 1_500
SOURCES = """
[connections.hr-eu.settings.sources.workers]
source = "allWorkers"
classes = ["internal"]
[connections.hr-eu.settings.reports.headcount]
owner = "integration"
report = "Headcount"
classes = ["internal"]
id = "Employee_ID"
as_of = "Effective_as_of_Date"
[connections.hr-eu.settings.operations.Get_Workers]
service = "Human_Resources"
classes = ["internal"]
groups = ["Include_Employment_Information"]
"""


@dataclass(frozen=True)
class Typed:
    """One entry about a title, as somebody typed it; `number` counts all that were ever typed."""

    number: int
    effective: date
    title: str | None
    corrects: int | None


@dataclass
class Told:
    """What was typed of each worker, and what follows from it; written from the words of the vendor alone."""

    entries: dict[str, list[Typed]] = field(default_factory=dict)

    def add(self, worker: str, entry: Typed) -> None:
        self.entries.setdefault(worker, []).append(entry)

    def title(self, worker: str, day: date) -> str | None:
        """Walk through all days up to this one; on each, what was typed last holds."""
        corrected = {one.corrects for one in self.entries[worker]}
        found = None
        for at in sorted({one.effective for one in self.entries[worker] if one.effective <= day}):
            for one in self.entries[worker]:
                if one.effective == at and one.number not in corrected and one.title is not None:
                    found = one.title
        return found


def known_from(tenant: WorkdayTenant) -> Told:
    told = Told()
    for worker in tenant.world.people:
        for one in tenant.world.history.entries(worker):
            title = one.values.get("title")
            told.add(worker, Typed(one.id, one.effective, str(title) if title else None, one.corrects))
    return told


@dataclass
class Desk:
    """Somebody who types entries on the screen, and an agent that reads."""

    house: House
    runner: asyncio.Runner
    session: Session
    told: Told
    workers: list[str]

    def type(self, worker: str, effective: date, title: str, corrects: int | None) -> None:
        body: dict[str, Any] = {"effective": effective.isoformat(), "values": {"title": title}}
        body |= {} if corrects is None else {"corrects": corrects}
        answer = httpx.post(f"{self.house.tenant.url}/__sandbox__/entries/{worker}", json=body)
        self.told.add(worker, Typed(answer.json()["id"], effective, title, corrects))
        self.house.sandbox.clock.advance(seconds=60)

    def read(self, object: str, key: str, fields: tuple[str, ...], day: date) -> dict[str, Any]:
        query = Query(object, fields, limit=2_000, as_of=day.isoformat())
        page = self.runner.run(self.session.query("hr", query))
        assert not page.after
        return {str(one.fields[key]): one.fields for one in page.records}


@contextmanager
def opened(house: House) -> Iterator[Desk]:
    tenant = house.tenant
    told = known_from(tenant)
    there = [
        worker
        for worker in tenant.world.people
        for facts in [tenant.world.history.as_of(worker, FIRST, tenant.clock.now())]
        if facts.get("title") and "left" not in tenant.world.history.as_of(worker, date(2030, 1, 1), tenant.clock.now())
    ]
    with asyncio.Runner() as runner:
        gateway = house.open()
        session = house.session(runner.run(gateway.__aenter__()))
        try:
            yield Desk(house, runner, session, told, sorted(there)[:4])
        finally:
            runner.run(gateway.__aexit__(None, None, None))


ENTRIES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(0, DAYS), st.text("abc", min_size=1, max_size=3), st.booleans()),
    max_size=4,
)


def check(house: House, examples: int) -> None:
    house.settings = SERVICES + SOURCES
    with opened(house) as desk:

        @settings(max_examples=examples, deadline=None, suppress_health_check=list(HealthCheck))
        @given(entries=ENTRIES, day=st.integers(0, DAYS))
        def exactly_what_was_effective(entries: list[tuple[int, int, str, bool]], day: int) -> None:
            for who, effective, title, correcting in entries:
                worker = desk.workers[who]
                mine = [one.number for one in desk.told.entries[worker] if one.title]
                desk.type(
                    worker, FIRST + timedelta(effective), title, mine[-1] if correcting and len(mine) > 1 else None
                )
            on = FIRST + timedelta(day)
            source = desk.read("wql.workers", "employeeID", ("employeeID", "businessTitle"), on)
            assert {worker: source[worker]["businessTitle"] for worker in desk.told.entries if worker in source} == {
                worker: desk.told.title(worker, on) for worker in desk.told.entries if worker in source
            }
            report = desk.read("report.headcount", "Employee_ID", ("Employee_ID", "Business_Title"), on)
            service = desk.read("soap.Workers", "id", ("id", "references", "data"), on)
            services = {one["references"]["Employee_ID"]: one["data"] for one in service.values()}
            for worker in desk.workers:
                wanted = desk.told.title(worker, on)
                assert report[worker]["Business_Title"] == wanted
                assert f"'{wanted}'" in repr(services[worker])

        exactly_what_was_effective()


def test_every_surface_tells_exactly_what_was_effective_then(house: House) -> None:
    check(house, 15)


@pytest.mark.soak
@pytest.mark.timeout(900)
def test_every_surface_tells_exactly_what_was_effective_then_at_length(house: House) -> None:
    check(house, 250)
