"""Do connector and sandbox, each written from the facts alone, understand each other?"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from isthmus.connectors.workday import Workday, WorkdaySettings
from isthmus.connectors.workday.settings import OperationSettings, ReportSettings, SourceSettings
from isthmus.connectors.workday.soap.security import secured
from isthmus.core.connector import Batch, Connector, Invoked, ObjectFacts, Pending, Settlement
from isthmus.core.errors import InvalidArguments, UpstreamError, UpstreamRejected
from isthmus.core.operation import Effect
from isthmus.core.records import Compare, Operator, Order, Query, Row
from isthmus.core.testing import Examples, Subject
from isthmus.core.testing.bench import Bench, Outcome
from isthmus.core.testing.calls import Call, operation_of
from isthmus.plugins.sandbox import Sandbox

CODED = ("content-encoding", "content-length", "transfer-encoding")


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(seed=7, accounts=20, contacts=40) as sandbox:
        yield sandbox


@dataclass
class LoggedOn(httpx2.AsyncBaseTransport):
    """A tenant of the sandbox as one of its users sees it."""

    sandbox: Sandbox
    user: str = "integration"
    inner: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)
    token: str = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        org = self.sandbox.workday["eu"]
        if not self.token:
            form = {"grant_type": "refresh_token", "refresh_token": org.refresh_token(self.user)}
            where = f"{org.url}/ccx/oauth2/{org.tenant}/token"
            told = httpx2.post(where, data=form, auth=(org.client_id, org.client_secret))
            self.token = str(told.json()["access_token"])
        named = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        named["authorization"] = f"Bearer {self.token}"
        url = org.url + request.url.raw_path.decode()
        sent = httpx2.Request(request.method, url, headers=named, content=await request.aread())
        answer = await self.inner.handle_async_request(sent)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in CODED]
        return httpx2.Response(answer.status_code, headers=kept, content=await answer.aread())

    async def aclose(self) -> None:
        await self.inner.aclose()


class Desk:
    """Calls of the connector on a tenant of the sandbox."""

    def __init__(self, sandbox: Sandbox, user: str = "integration") -> None:
        org = sandbox.workday["eu"]
        own = WorkdaySettings(
            tenant=org.tenant,
            services={"common": "v1", "staffing": "staffing/v6", "bp": "businessProcess/v1",
                      "absence": "absenceManagement/v1", "compensation": "compensation/v2"},
            sources={
                "workers": SourceSettings(source="allWorkers", classes=("pii", "hr")),
                "signons": SourceSettings(source="allSystemAccountSignons", classes=("security",)),
            },
            reports={"headcount": ReportSettings(owner="integration", report="Headcount", classes=("pii", "hr"),
                                                 id="Employee_ID", as_of="Effective_as_of_Date")},
            operations={one: OperationSettings(service="Staffing", classes=("pii", "hr"))
                        for one in ("Get_Applicants", "Hire_Employee")},
        )  # fmt: skip
        examples = Examples(object="common.workers", id="", fields=("id",), text="descriptor")
        subject = Subject(connector=Workday, settings=own, upstream=lambda: LoggedOn(sandbox, user), examples=examples)
        self.bench, self.subject = Bench(subject), subject

    def run(self, verb: str, object: str, run: object, records: tuple[str, ...] = (), effect: str = "read") -> Outcome:
        doing = operation_of(self.subject, verb, object, records, frozenset({Effect(effect)}))
        beside = frozenset({f"bp.{one}" for one in ("events", "eventSteps")} | {
            "common.businessTitleChanges", "common.workers/businessTitleChanges"})  # fmt: skip
        return self.bench.run(Call(verb, replace(doing, objects=doing.objects | beside), run))  # type: ignore[arg-type]

    def rows(self, object: str, *select: str, **asked: object) -> list[Row]:
        query = Query(object, select, **asked)  # type: ignore[arg-type]
        return list(self.run("query", object, lambda one: one.query(query)).value)  # type: ignore[call-overload]


@pytest.fixture
def desk(sandbox: Sandbox) -> Desk:
    return Desk(sandbox)


@pytest.mark.parametrize("object", ["common.workers", "staffing.workers"])
def test_workers_are_read_in_pages_and_by_their_ids(desk: Desk, object: str) -> None:
    rows = desk.rows(object, "id", "descriptor", "businessTitle", order_by=(Order("descriptor"),), limit=500)
    assert len(rows) > 20
    assert [row.fields["descriptor"] for row in rows] == sorted(str(row.fields["descriptor"]) for row in rows)
    one = desk.run("get", object, lambda it: it.get(object, rows[3].id, ("id", "descriptor")), (rows[3].id,)).value
    assert isinstance(one, Row)
    assert one.fields["descriptor"] == rows[3].fields["descriptor"]


def test_an_export_brings_the_workers_of_a_query(desk: Desk) -> None:
    query = Query("common.workers", ("id",), None, limit=2_000)
    batch = desk.run("export", "common.workers", lambda one: one.export(query, "")).value
    assert isinstance(batch, Batch)
    assert not batch.at
    assert {row.id for row in batch.rows} == {row.id for row in desk.rows("common.workers", "id", limit=2_000)}


def test_a_data_source_is_described_and_asked(desk: Desk) -> None:
    facts = desk.run("catalogue", "wql.workers", lambda one: one.catalogue("wql.workers")).value
    assert isinstance(facts, ObjectFacts)
    assert facts.id_field == "workdayID"
    names = ("workdayID", "fullName", "businessTitle")
    rows = desk.rows("wql.workers", *names, limit=2_000)
    title = rows[2].fields["businessTitle"]
    where = Compare("businessTitle", Operator.EQ, title)
    found = desk.rows("wql.workers", *names, where=where, order_by=(Order("fullName"), Order("workdayID")), limit=2_000)
    assert {row.id for row in found} == {row.id for row in rows if row.fields["businessTitle"] == title}
    others = desk.rows("wql.workers", *names, where=Compare("businessTitle", Operator.NE, title), limit=2_000)
    assert len(found) + len(others) == len(rows)


def test_a_source_that_wants_a_filter_names_the_setting(desk: Desk) -> None:
    error = desk.run("catalogue", "wql.signons", lambda one: one.catalogue("wql.signons")).error
    assert "settings.sources.signons.parameters" in str(error)


def test_a_report_is_described_run_and_exported(desk: Desk) -> None:
    facts = desk.run("catalogue", "report.headcount", lambda one: one.catalogue("report.headcount")).value
    assert isinstance(facts, ObjectFacts)
    assert {"Employee_ID", "Hire_Date"} <= facts.fields.keys()
    rows = desk.rows("report.headcount", "Employee_ID", "Worker", "Annual_Pay", limit=2_000)
    assert len(rows) > 10
    told = desk.run("invoke", "report.headcount", lambda one: one.invoke("report.headcount", "run", "", {}, "k")).value
    assert isinstance(told, Invoked)
    assert told.values["count"] == len(rows)


def test_a_report_without_entries_is_an_error(sandbox: Sandbox, desk: Desk) -> None:
    sandbox.workday["eu"].faults.arm("missing_entry")
    query = Query("report.headcount", ("Employee_ID",))
    error = desk.run("query", "report.headcount", lambda one: one.query(query)).error
    sandbox.workday["eu"].faults.clear()
    assert isinstance(error, UpstreamError)
    assert "Report_Entry" in str(error)


def test_a_title_change_waits_for_the_manager_who_approves_it_once(sandbox: Sandbox) -> None:
    org, desk = sandbox.workday["eu"], Desk(sandbox)
    boss, worker = next(
        (login, row.id)
        for login in org.users
        if org.users[login].worker
        for row in desk.rows("common.workers/directReports", "id", where=Compare("parent", Operator.EQ, org.wid(login)))
    )
    title: dict[str, object] = {"proposedBusinessTitle": "Chief of Tests"}
    begun = desk.run("invoke", "common.workers",
                     lambda one: one.invoke("common.workers", "businessTitleChanges", worker, title, "k"),
                     (worker,), "execute").value  # fmt: skip
    assert isinstance(begun, Invoked)
    assert begun.values["status"] == "In Progress"
    pending = Pending("invoke", "common.workers", id=worker, values=title, action="businessTitleChanges", age=3e8)  # type: ignore[arg-type]
    settled = desk.run("invoke", "common.workers", lambda one: one.reconcile(pending), (worker,)).value
    assert settled[0] is Settlement.HAPPENED  # type: ignore[index]
    events = desk.rows("bp.events", "id", "status_descriptor", where=Compare("worker", Operator.EQ, worker))
    assert begun.values["event"] in [row.id for row in events]
    manager = Desk(sandbox, boss)
    (step,) = [row for row in manager.rows("bp.eventSteps", "id", "state", "event")
               if row.fields["event"] == begun.values["event"] and row.fields["state"] == "awaiting"]  # fmt: skip
    approved = {"state": "approved", "comment": "well deserved"}
    for _ in range(2):
        # The second time it no longer waits (A212), and the step says that it was answered just so.
        told = manager.run("update", "bp.eventSteps", lambda one: one.update("bp.eventSteps", step.id, approved, None),
                           (step.id,), "transition")  # fmt: skip
        assert told.error is None
    denied = manager.run("update", "bp.eventSteps",
                         lambda one: one.update("bp.eventSteps", step.id, {"state": "denied", "comment": "no"}, None),
                         (step.id,), "transition")  # fmt: skip
    assert isinstance(denied.error, UpstreamRejected)
    events = desk.rows("bp.events", "id", "status_descriptor", where=Compare("worker", Operator.EQ, worker))
    assert {row.id: row.fields["status_descriptor"] for row in events}[
        str(begun.values["event"])
    ] == "Successfully Completed"


def test_a_pre_hire_is_hired_by_an_event_that_the_hr_partner_ends(sandbox: Sandbox) -> None:
    desk, partner = Desk(sandbox), Desk(sandbox, "alice")
    rows = desk.rows("soap.Applicants", "id", "descriptor", "data")
    assert [row.fields["descriptor"] for row in rows] == ["Mareike Ohlsen", "Louis Garnier"]
    asked: dict[str, object] = {
        "organization": "SUP_SALES", "hireDate": "2026-11-20", "employeeType": "Regular",
        "jobProfile": "Sales_Representative", "businessTitle": "Key Account Manager",
    }  # fmt: skip
    who = rows[0].id
    begun = desk.run("invoke", "soap.Applicants",
                     lambda one: one.invoke("soap.Applicants", "Hire_Employee", who, asked, "k"), (who,),
                     "execute").value  # fmt: skip
    assert isinstance(begun, Invoked)
    assert begun.values["status"] == "In Progress"
    worker = str(begun.values["worker"])
    event = Compare("worker", Operator.EQ, worker)
    assert [row.id for row in desk.rows("bp.events", "id", where=event)] == [begun.values["event"]]
    (step,) = [row for row in partner.rows("bp.eventSteps", "id", "state", "event")
               if row.fields["event"] == begun.values["event"]]  # fmt: skip
    told = partner.run("update", "bp.eventSteps",
                       lambda one: one.update("bp.eventSteps", step.id, {"state": "approved"}, None),
                       (step.id,), "transition")  # fmt: skip
    assert told.error is None
    (done,) = desk.rows("bp.events", "status_descriptor", where=event)
    assert done.fields["status_descriptor"] == "Successfully Completed"
    found = desk.run(
        "get",
        "staffing.workers",
        lambda one: one.get("staffing.workers", worker, ("descriptor", "businessTitle")),
        (worker,),
    ).value
    assert isinstance(found, Row)
    assert found.fields == {"descriptor": "Mareike Ohlsen", "businessTitle": "Key Account Manager"}


def test_events_are_asked_for_by_their_worker_only(desk: Desk) -> None:
    query = Query("bp.events", ("id",))
    outcome = desk.run("query", "bp.events", lambda one: one.query(query))
    assert isinstance(outcome.error, InvalidArguments)
    assert not outcome.exchanges


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(day=st.dates(date(2015, 1, 1), date(2028, 1, 1)))
def test_a_source_read_as_of_a_day_gives_what_was_effective_then(sandbox: Sandbox, desk: Desk, day: date) -> None:
    org = sandbox.workday["eu"]
    query = Query("wql.workers", ("workdayID", "employeeID", "businessTitle"), limit=2_000)

    async def read(one: Connector) -> object:
        one.as_of = day.isoformat()
        return await one.query(query)

    found = {
        row.fields["employeeID"]: row.fields["businessTitle"] for row in desk.run("query", "wql.workers", read).value
    }  # type: ignore[attr-defined]
    wanted = {number: org.world.history.as_of(number, day, org.clock.now()).get("title") for number in org.world.people}
    assert {number: title for number, title in found.items() if title} == {
        number: title for number, title in wanted.items() if title
    }


@dataclass
class WithLogin(LoggedOn):
    """A tenant of the sandbox as its integration user reaches it: by name and password."""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        org = self.sandbox.workday["eu"]
        proof = base64.b64encode(f"integration@{org.tenant}:{org.password('integration')}".encode()).decode()
        named = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        url = org.url + request.url.raw_path.decode()
        sent = httpx2.Request(
            request.method, url, headers=named | {"authorization": f"Basic {proof}"}, content=await request.aread()
        )
        way = secured(self.inner, "/ccx/service", "/ccx/service/customreport2/")
        answer = await way.handle_async_request(sent)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in CODED]
        return httpx2.Response(answer.status_code, headers=kept, content=await answer.aread())


def test_a_web_service_is_read_as_an_integration_user_in_pages_of_one_moment(sandbox: Sandbox) -> None:
    org = sandbox.workday["eu"]
    groups = ("Include_Employment_Information", "Include_Personal_Information")
    own = OperationSettings(service="Human_Resources", classes=("pii", "hr"), groups=groups)
    settled = WorkdaySettings(tenant=org.tenant, operations={"Get_Workers": own})
    examples = Examples(object="soap.Workers", id="", fields=("id",), text="descriptor")
    subject = Subject(connector=Workday, settings=settled, upstream=lambda: WithLogin(sandbox), examples=examples)
    bench = Bench(subject)
    query = Query("soap.Workers", ("id", "descriptor", "references", "data"), limit=2_000)
    found = bench.run(Call("query", operation_of(subject, "query"), lambda one: one.query(query))).value
    rows = {row.id: row for row in found}  # type: ignore[attr-defined]
    assert len(rows) > 20
    assert org.wid("alice") in rows
    one = rows[org.wid("alice")]
    assert one.fields["references"]["WID"] == one.id
    assert "Employment_Data" in one.fields["data"]
    employee = next(f"{kind}={id}" for kind, id in one.fields["references"].items() if kind != "WID")
    doing = operation_of(subject, "get", records=(employee,))
    told = bench.run(Call("get", doing, lambda it: it.get("soap.Workers", employee, ("id", "descriptor")))).value
    assert told.id == one.id  # type: ignore[attr-defined]
