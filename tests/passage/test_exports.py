"""An export brings every record once, page by page, each page under the rules of its moment."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import ClassVar

import pytest
from tests.conftest import call
from tests.passage.conftest import CEDAR, FastClock, Home

from isthmus.connectors.salesforce import Salesforce
from isthmus.core import sync
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.connector import Batch
from isthmus.core.cursors import MOST_EMPTY
from isthmus.core.errors import Denied, InvalidArguments, UpstreamError
from isthmus.core.gateway import Gateway
from isthmus.core.plugins import Plugins
from isthmus.core.records import Compare, Operator, Page, Query, Ref, Row
from isthmus.plugins.sandbox import Sandbox

FIELDS = ["Name", "Email"]


def ids(org: str, house: Home) -> list[str]:
    return sorted(row["Id"] for row in house.sandbox.salesforce[org].rows("Contact"))


async def test_brings_every_record_once(gateway: Gateway, house: Home) -> None:
    session = gateway.session(house.caller("eu"))
    pages = [page async for page in session.export("crm", "Contact", select=FIELDS, limit=7)]
    assert sorted(one.id for page in pages for one in page.records) == ids("eu", house)
    assert max(len(page.records) for page in pages) == 7
    assert pages[-1].after is None


async def test_keeps_to_its_condition(gateway: Gateway, house: Home) -> None:
    session, where = gateway.session(house.caller("eu")), Compare("MailingCountryCode", Operator.EQ, "FR")
    found = [one.id async for page in session.export("crm", "Contact", where, limit=3) for one in page.records]
    due = [row["Id"] for row in house.org.rows("Contact") if row["MailingCountryCode"] == "FR"]
    assert sorted(found) == sorted(due)


async def test_goes_on_in_another_process(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as gateway:
        first = await call(gateway, house.caller("eu"), "export", system="crm", object="Contact", limit=5)
    assert isinstance(first, Page)
    assert first.after is not None
    async with house.open(clock) as gateway:
        session = gateway.session(house.caller("eu"))
        rest = [page async for page in session.export("crm", "Contact", limit=5, after=first.after)]
    found = [one.id for page in (first, *rest) for one in page.records]
    assert sorted(found) == ids("eu", house)


async def test_a_page_leads_on_for_its_own_caller_only(gateway: Gateway, house: Home) -> None:
    first = await call(gateway, house.caller("eu"), "export", system="crm", object="Contact", limit=5)
    assert isinstance(first, Page)
    with pytest.raises(InvalidArguments, match="does not continue"):
        await call(gateway, house.caller("us"), "export", system="crm", object="Contact", limit=5, after=first.after)


async def test_gives_refs_to_a_consumer_elsewhere(gateway: Gateway, house: Home) -> None:
    session, where = gateway.session(house.caller("us")), Compare("MailingCountryCode", Operator.EQ, "DE")
    pages = [page async for page in session.export("crm", "Contact", where, select=FIELDS, limit=4)]
    told = [one.fields["Email"] for page in pages for one in page.records]
    assert len(told) > 4
    assert all(isinstance(value, Ref) for value in told)


async def test_every_page_is_recorded_before_it_is_given(gateway: Gateway, house: Home) -> None:
    session, journal = gateway.session(house.caller("eu")), gateway.parts.journal
    given = 0
    async for _ in session.export("crm", "Contact", limit=10):
        given, view = given + 1, journal.view()
        told = [one.leaf for one in view.entries(0, view.size) if one.leaf.get("tool") == "export"]
        assert len([one for one in told if one.get("state") == "done"]) == given
    assert given > 2


async def test_stops_when_policy_changes_its_mind(house: Home, clock: FastClock) -> None:
    async with house.open(clock) as gateway:
        first = await call(gateway, house.caller("eu"), "export", system="crm", object="Contact", limit=5)
    assert isinstance(first, Page)
    house.cedar = CEDAR + '@id("no-exports") forbid (principal, action == Isthmus::Action::"export", resource);'
    mark = house.mark()
    async with house.open(clock) as gateway:
        with pytest.raises((Denied, InvalidArguments)):
            await call(
                gateway, house.caller("eu"), "export", system="crm", object="Contact", limit=5, after=first.after
            )
    assert house.sent(since=mark) == []


class Circling(Salesforce):
    """Goes round in circles, or gives more than was asked for, in ever new ways to say where."""

    circle: ClassVar[Sequence[str]] = ("a", "b", "c")
    more = 0
    place = "{}"

    async def export(self, query: Query, at: str) -> Batch:
        step = int(at or 0) + 1
        first = self.circle[step % len(self.circle)]
        rows = [Row("Contact", f"{first}{n}", dict.fromkeys(query.select)) for n in range(query.limit + self.more)]
        return Batch(rows, self.place.format(step))


@asynccontextmanager
async def circling(house: Home, clock: FastClock, connector: type[Salesforce] = Circling) -> AsyncIterator[Gateway]:
    around = Surroundings(environ=house.environ, clock=clock, plugins=Plugins({"salesforce": connector}, {}))
    async with open_gateway(load_config(house.write()), around) as gateway:
        yield gateway


@pytest.mark.parametrize(
    ("name", "value", "pages"), [("circle", ["a", "b", "c"], 8), ("circle", ["a"], 1), ("place", "1", 1)]
)
async def test_a_system_that_goes_in_circles_is_not_read_for_ever(
    house: Home, clock: FastClock, monkeypatch: pytest.MonkeyPatch, name: str, value: object, pages: int
) -> None:
    monkeypatch.setattr(Circling, name, value)
    given: list[Page] = []

    async def read(gateway: Gateway) -> None:
        async for page in gateway.session(house.caller("eu")).export("crm", "Contact", limit=2):
            given.append(page)

    async with circling(house, clock) as gateway:
        with pytest.raises(UpstreamError, match="same records again"):
            await read(gateway)
    assert 0 < len(given) <= pages


class Hollow(Salesforce):
    """Gives so many batches without a record before each that has some, and without end where there is none."""

    between: ClassVar[int] = 0

    async def export(self, query: Query, at: str) -> Batch:
        step = int(at or 0) + 1
        if self.between == 0 or step % (self.between + 1):
            return Batch((), str(step))
        row = Row("Contact", f"c{step}", dict.fromkeys(query.select))
        return Batch((row,), str(step) if step < 3 * (self.between + 1) else "")


@pytest.mark.parametrize("between", [1, MOST_EMPTY, MOST_EMPTY + 1, 0])
async def test_batches_without_a_record_do_not_go_on_for_ever(
    house: Home, clock: FastClock, monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    monkeypatch.setattr(Hollow, "between", between)
    given: list[Page] = []
    async with circling(house, clock, Hollow) as gateway:
        pages = gateway.session(house.caller("eu")).export("crm", "Contact", select=["Name"], limit=2)
        if 0 < between <= MOST_EMPTY:
            given += [page async for page in pages]
            assert [len(page.records) for page in given] == [1, 1, 1]
            return
        with pytest.raises(UpstreamError, match=f"{MOST_EMPTY} batches without a record") as caught:
            given += [page async for page in pages]
    assert (caught.value.reason, given) == ("endless", [])


async def test_more_than_was_asked_for_is_not_given(
    house: Home, clock: FastClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Circling, "more", 1)
    async with circling(house, clock) as gateway:
        with pytest.raises(UpstreamError, match="gave 3 records where 2 were asked for"):
            await call(gateway, house.caller("eu"), "export", system="crm", object="Contact", limit=2)


class TestOfTwoOrgs:
    @pytest.fixture
    def house(self, tmp_path: Path, sandbox: Sandbox) -> Home:
        return Home(tmp_path, sandbox, orgs=("eu", "us"))

    @pytest.fixture
    async def gateway(self, house: Home, clock: FastClock) -> AsyncIterator[Gateway]:
        async with house.open(clock) as gateway:
            yield gateway

    async def test_reads_one_after_the_other(self, gateway: Gateway, house: Home) -> None:
        session = gateway.session(house.caller("eu"))
        found = [one.id async for page in session.export("crm", "Contact", limit=9) for one in page.records]
        due = [f"crm-{org}~{id}" for org in ("eu", "us") for id in ids(org, house)]
        assert sorted(found) == sorted(due)
        homes = [id.partition("~")[0] for id in found]
        assert homes == sorted(homes)


class TestOfAnOrgThatMayNotBeAsked(TestOfTwoOrgs):
    @pytest.fixture
    def house(self, tmp_path: Path, sandbox: Sandbox) -> Home:
        closed = '@id("not-the-us") forbid (principal, action, resource in Isthmus::Connection::"crm-us");'
        return Home(tmp_path, sandbox, orgs=("eu", "us"), cedar=CEDAR + closed)

    async def test_reads_one_after_the_other(self, gateway: Gateway, house: Home) -> None:
        session = gateway.session(house.caller("eu"))
        pages = [page async for page in session.export("crm", "Contact", limit=9)]
        found = sorted(one.id for page in pages for one in page.records)
        assert found == [f"crm-eu~{id}" for id in ids("eu", house)]
        assert {one.what for page in pages for one in page.withheld} == {"crm-us"}


def test_blocks_page_by_page_for_threads(house: Home) -> None:
    around = Surroundings(environ=house.environ)
    path = house.write()
    with sync.open_gateway(load_config(path), around) as gateway:
        pages = list(gateway.session(house.caller("eu")).export("crm", "Contact", limit=7))
    assert sorted(one.id for page in pages for one in page.records) == ids("eu", house)


class TestOfMany:
    @pytest.fixture
    def house(self, tmp_path: Path, whole: Sandbox) -> Home:
        return Home(tmp_path, whole)

    async def test_goes_over_to_a_job_and_labels_its_records_alike(self, gateway: Gateway, house: Home) -> None:
        mark = house.mark()
        session = gateway.session(house.caller("us"))
        pages = [page async for page in session.export("crm", "Contact", select=FIELDS)]
        assert sorted(one.id for page in pages for one in page.records) == ids("eu", house)
        assert [one.path.rpartition("/")[2] for one in house.sent("POST", since=mark)] == ["query"]
        german = {row["Id"] for row in house.org.rows("Contact") if row["MailingCountryCode"] == "DE" and row["Email"]}
        for page in pages:
            told = [one.fields["Email"] for one in page.records if one.id in german]
            assert told
            assert all(isinstance(value, Ref) for value in told)
