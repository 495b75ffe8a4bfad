"""Does the connector, in a whole gateway, do its work against the sandbox's instance?"""

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from isthmus.core import sync
from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import QuotaExhausted, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.gateway import Gateway
from isthmus.core.records import Aggregate, Compare, Measure, Operator, Order, Query, Ref
from isthmus.core.session import Session
from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

from .conftest import House as Company


class House(Company):
    """The company's house over an instance of the sandbox."""

    sandbox: Sandbox

    @property
    def org(self) -> ServiceNowInstance:
        return self.sandbox.servicenow["eu"]

    def write(self) -> Path:
        self.url, self.username = self.org.url, "integration"
        return super().write()

    @property
    def around(self) -> Surroundings:
        return Surroundings(environ={"ITSM_PASSWORD": self.org.password("integration")})

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Gateway]:
        async with open_gateway(load_config(self.write()), self.around) as gateway:
            yield gateway


@pytest.fixture(scope="module")
def small() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=40, contacts=200) as sandbox:
        yield sandbox


@pytest.fixture
def house(small: Sandbox, tmp_path: Path) -> Iterator[House]:
    small.reset()
    found = House(tmp_path / "house")
    found.sandbox = small
    yield found
    shutil.rmtree(tmp_path / "house", ignore_errors=True)


@pytest.fixture
def org(house: House) -> ServiceNowInstance:
    return house.org


def some(org: ServiceNowInstance, country: str) -> dict[str, str]:
    people = {row["sys_id"]: row["country"] for row in org.rows("sys_user")}
    return next(row for row in org.rows("incident") if people.get(row["caller_id"]) == country)


async def test_describe_knows_columns_of_parents(home: Session):
    facts = (await home.describe("itsm", "incident")).facts
    assert facts is not None
    assert {"caller_id", "short_description", "sys_mod_count", "state"} <= set(facts.fields)
    assert facts.country
    told = (await home.describe("itsm", "sys_user")).facts
    assert told is not None
    assert (told.fields["email"].classes, told.fields["email"].source) == ({"pii"}, "data classification")


async def test_every_row_comes_once_in_order(home: Session, org: ServiceNowInstance):
    query = Query("incident", ("number",), Compare("active", Operator.EQ, True), (Order("number", True),), 40)
    page = await home.query("itsm", query)
    found = [one.fields["number"] for one in page.records]
    while page.after:
        page = await home.query("itsm", query, after=page.after)
        found += [one.fields["number"] for one in page.records]
    wanted = sorted((row["number"] for row in org.rows("incident") if row["active"] == "true"), reverse=True)
    assert found == wanted


async def test_a_german_caller_is_a_ref_abroad_and_an_american_one_is_not(abroad: Session, org: ServiceNowInstance):
    german = await abroad.get("itsm", "incident", some(org, "DE")["sys_id"], ["caller_id.name"])
    american = await abroad.get("itsm", "incident", some(org, "US")["sys_id"], ["caller_id.name"])
    assert isinstance(german.fields["caller_id.name"], Ref)
    assert isinstance(american.fields["caller_id.name"], str)


async def test_a_ticket_is_made_found_changed_and_moved_but_not_deleted(home: Session, org: ServiceNowInstance):
    caller = some(org, "DE")["caller_id"]
    values = {"short_description": "Lamp is out", "caller_id": caller, "impact": "2", "urgency": "2"}
    made = await home.create("itsm", "incident", values, key="mail-1")
    again = await home.upsert("itsm", "incident", "correlation_id", "mail-1", {"category": "hardware"})
    assert (again.id, again.created) == (made.id, False)
    read = await home.get("itsm", "incident", made.id, ["number", "category", "state", "opened_at"])
    assert read.fields["category"] == "hardware"
    assert str(read.fields["opened_at"]).endswith("Z")
    await home.update("itsm", "incident", made.id, {"state": "2"}, version=read.version or "")
    found = await home.search("itsm", "incident", "lamp out")
    assert made.id in [one.id for one in found.records]
    with pytest.raises(UpstreamRejected, match="grant the role"):
        await home.delete("itsm", "incident", made.id)


async def test_a_computed_priority_is_told(home: Session, org: ServiceNowInstance):
    values = {
        "short_description": "Lamp",
        "caller_id": some(org, "DE")["caller_id"],
        "impact": "3",
        "urgency": "3",
        "priority": "1",
    }
    made = await home.create("itsm", "incident", values)
    assert made.fields == {"priority": "5"}
    assert made.altered == ("priority",)


async def test_figures_add_up(home: Session, org: ServiceNowInstance):
    asked = Aggregate("incident", (Measure("count", "", "n"),), ("state",))
    figures = {str(row["state"]): row["n"] for row in (await home.aggregate("itsm", asked)).rows}
    rows = org.rows("incident")
    assert figures == {state: sum(row["state"] == state for row in rows) for state in {row["state"] for row in rows}}


async def test_doctor_asks_who_it_is(gateway: Gateway):
    from isthmus.core.cli.lookups import probe

    found = await probe(gateway, gateway.parts.systems["itsm"].connections["itsm-eu"], "")
    assert found.identity == "integration"


async def test_tables_are_listed(home: Session):
    assert {"incident", "sys_user"} <= {one.name for one in (await home.describe("itsm")).objects}


def test_pysnc_works_through_the_passage(house: House, org: ServiceNowInstance) -> None:
    with sync.open_gateway(load_config(house.write()), house.around) as gateway:
        snow = gateway.session(house.caller("eu")).pysnc("itsm")
        found = snow.GlideRecord("incident", batch_size=30)
        found.add_query("active", "true")
        found.fields = ["number", "caller_id.country"]
        found.query()
        told = {one.get_value("number"): one.get_value("caller_id.country") for one in found}
        people = {row["sys_id"]: row["country"] for row in org.rows("sys_user")}
        rows = [row for row in org.rows("incident") if row["active"] == "true"]
        assert told == {row["number"]: people.get(row["caller_id"], "") for row in rows}
        record = snow.GlideRecord("incident")
        record.initialize()
        record.short_description = "made by PySNC"
        record.caller_id = rows[0]["caller_id"]
        id = str(record.insert())
        record.category = "hardware"
        assert record.update() is not None
        assert [row["category"] for row in org.rows("incident") if row["sys_id"] == id] == ["hardware"]


LAMP = {"short_description": "Lamp is out", "impact": "2", "urgency": "2"}


@pytest.mark.parametrize("kind", ["session_queue_full", "bad_gateway", "unavailable", "server_error", "semaphores"])
async def test_a_read_is_asked_again_after_a_passing_fault(home: Session, org: ServiceNowInstance, kind: str):
    await home.describe("itsm", "incident")
    org.faults.arm(kind, path="/table/incident")
    assert (await home.query("itsm", Query("incident", ("number",), limit=3))).records
    assert org.faults.armed() == ()


@pytest.mark.parametrize("kind", ["html_200", "login_page", "transaction_quota"])
async def test_what_is_no_answer_is_not_taken_for_one(home: Session, org: ServiceNowInstance, kind: str):
    await home.describe("itsm", "incident")
    org.faults.arm(kind, path="/table/incident", times=9)
    with pytest.raises(UpstreamError):
        await home.query("itsm", Query("incident", ("number",), limit=3))
    org.faults.arm("transaction_quota", path="/table/incident", style="truncated", times=9)
    with pytest.raises(UpstreamError):
        await home.query("itsm", Query("incident", ("number",), limit=3))


async def test_rows_that_rules_hide_are_missed_and_the_rest_is_read(home: Session, org: ServiceNowInstance):
    assert (await home.query("itsm", Query("incident", ("number",), limit=6))).complete
    org.faults.arm("hide_rows", path="/table/incident", times=99)
    page = await home.query("itsm", Query("incident", ("number",), limit=6))
    assert len(page.records) == 6
    assert not page.complete


async def test_a_spent_limit_stops_the_budget_and_says_until_when(home: Session, org: ServiceNowInstance):
    await home.describe("itsm", "incident")
    org.faults.arm("rate_limit", path="/table/incident", seconds=900)
    with pytest.raises(RetryLater) as caught:
        await home.query("itsm", Query("incident", ("number",)))
    assert caught.value.quota
    with pytest.raises(QuotaExhausted):
        await home.query("itsm", Query("incident", ("number",)))


@pytest.mark.parametrize(("kind", "more"), [("lost_answer", {}), ("server_error", {"committed": True})])
async def test_a_write_whose_answer_was_lost_is_read_back_and_never_sent_twice(
    home: Session, org: ServiceNowInstance, kind: str, more: dict[str, bool]
):
    await home.describe("itsm", "incident")
    org.faults.arm(kind, method="POST", path="/table/incident", **more)
    made = await home.create("itsm", "incident", LAMP, key="mail-1")
    assert [row["sys_id"] for row in org.rows("incident") if row["correlation_id"] == "mail-1"] == [made.id]
    org.faults.arm(kind, method="PATCH", path="/table/incident", **more)
    await home.update("itsm", "incident", made.id, {"category": "hardware"})
    assert [row["sys_mod_count"] for row in org.rows("incident") if row["sys_id"] == made.id] == ["1"]


async def test_a_dropped_write_is_sent_again(home: Session, org: ServiceNowInstance):
    await home.describe("itsm", "incident")
    org.faults.arm("session_queue_full", method="POST", path="/table/incident")
    made = await home.create("itsm", "incident", LAMP, key="mail-2")
    assert len([row for row in org.rows("incident") if row["sys_id"] == made.id]) == 1


async def test_a_dropped_field_and_an_altered_one_are_both_told(home: Session, org: ServiceNowInstance):
    made = await home.create("itsm", "incident", LAMP)
    org.faults.arm("drop_field", field="urgency")
    org.faults.arm("altered_write", field="category", value="hardware")
    done = await home.update("itsm", "incident", made.id, {"urgency": "1", "category": "software", "close_notes": "x"})
    assert done.fields == {"urgency": "2", "category": "hardware"}
