from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

from .conftest import Open

BP = "businessProcess/v1"


def codes(answer: httpx2.Response) -> list[str]:
    return [each.get("code", "") for each in answer.json()["errors"]]


class Office:
    """Clients of several people, by what they do."""

    def __init__(self, tenant: WorkdayTenant, session: Open) -> None:
        self.tenant, self._session = tenant, session

    def client(self, user: str, service: str = "v1") -> httpx2.Client:
        return self._session(self.tenant, user, service)

    def title(self, user: str = "greta", whom: str = "bob", title: str = "Key Account Manager") -> httpx2.Response:
        body = {"proposedBusinessTitle": title}
        return self.client(user).post(f"workers/{self.tenant.wid(whom)}/businessTitleChanges", json=body)

    def job(self, user: str = "greta", whom: str = "bob", **more: Any) -> httpx2.Response:
        reason = {"id": "Change_Job_Subcategory_ID=Transfer"}
        body = {"effective": "2026-12-01", "jobChangeReason": reason, **more}
        return self.client(user).post(f"workers/{self.tenant.wid(whom)}/jobChanges", json=body)

    def task(self, user: str) -> str:
        rows = self.client(user).get(f"workers/{self.tenant.wid(user)}/inboxTasks").json()["data"]
        return str(rows[-1]["id"])

    def act(self, user: str, step: str, action: str, **body: Any) -> httpx2.Response:
        return self.client(user, BP).post(f"eventSteps/{step}/{action}", json={"id": step, **body})

    def event(self, user: str, id: str) -> Mapping[str, Any]:
        found: Mapping[str, Any] = self.client(user, BP).get(f"events/{id}").json()
        return found

    def title_of(self, whom: str) -> str:
        return str(self.client("alice").get(f"workers/{self.tenant.wid(whom)}").json()["businessTitle"])


@pytest.fixture
def office(tenant: WorkdayTenant, session: Open) -> Office:
    return Office(tenant, session)


def test_a_title_changes_only_once_it_is_approved(office: Office) -> None:
    event = office.title()
    assert (event.status_code, sorted(event.json())) == (201, ["descriptor", "href", "id", "proposedBusinessTitle"])
    assert office.event("greta", event.json()["id"])["status"]["descriptor"] == "In Progress"
    assert office.title_of("bob") == "Field Sales Representative"
    done = office.act("henri", office.task("henri"), "approve", comment="well earned")
    assert (done.status_code, done.json()["eventStatus"]["descriptor"]) == (201, "Successfully Completed")
    assert office.title_of("bob") == "Key Account Manager"
    assert office.tenant.rows("Entry")[-1]["worker"] != ""


def test_a_second_approval_is_told_that_nothing_waits(office: Office) -> None:
    office.title()
    step = office.task("henri")
    assert codes(office.act("greta", step, "approve", comment="x")) == ["A212"]
    office.act("henri", step, "approve", comment="x")
    again = office.act("henri", step, "approve", comment="x")
    assert (again.status_code, codes(again)) == (400, ["A212"])
    assert office.client("henri", BP).get(f"eventSteps/{step}").json()["status"]["descriptor"] == "Approved"


def test_an_approval_whose_answer_was_lost_is_done(office: Office) -> None:
    office.title()
    step = office.task("henri")
    office.tenant.faults.arm("lost_answer", method="POST")
    with pytest.raises(httpx2.TransportError):
        office.act("henri", step, "approve", comment="x")
    assert office.tenant.journal.entries[-1].effects[0].id == step
    assert codes(office.act("henri", step, "approve", comment="x")) == ["A212"]
    assert office.title_of("bob") == "Key Account Manager"


def test_a_denial_needs_a_comment_and_ends_the_event(office: Office) -> None:
    event = office.title().json()["id"]
    step = office.task("henri")
    assert codes(office.act("henri", step, "deny")) == ["A181"]
    assert codes(office.act("greta", step, "deny", comment="no")) == ["A225"]
    assert office.act("henri", step, "deny", comment="no").status_code == 201
    assert office.event("greta", event)["status"]["descriptor"] == "Denied"
    assert office.title_of("bob") == "Field Sales Representative"


def test_a_job_change_goes_several_levels_deep(office: Office, sandbox: Sandbox) -> None:
    target = {"id": "Organization_Reference_ID=SUP_PURCHASING"}
    event = office.job(supervisoryOrganization=target).json()["id"]
    assert office.act("henri", office.task("henri"), "approve", comment="x").status_code == 201
    hr = office.task("alice")
    assert codes(office.act("alice", hr, "deny", comment="no")) == ["A234"]
    office.act("alice", hr, "approve", comment="x")
    assert len(office.event("greta", event)["subBusinessProcesses"]) == 1
    office.act("alice", office.task("alice"), "approve", comment="x")
    payroll = office.task("alice")
    assert codes(office.act("alice", payroll, "deny", comment="no")) == ["A225"]
    assert office.event("greta", event)["status"]["descriptor"] == "In Progress"
    assert office.act("alice", payroll, "approve", comment="x").json()["eventStatus"]["descriptor"] == (
        "Successfully Completed"
    )
    view = office.tenant.view(office.tenant.users["alice"])
    number = office.tenant.world.number_of("bob")
    assert view.facts(number)["organization"] == "SUP_SALES"
    assert view.facts(number, view.today + timedelta(days=11))["organization"] == "SUP_PURCHASING"


def test_a_named_way_of_denying_is_taken(office: Office) -> None:
    event = office.job().json()["id"]
    office.act("henri", office.task("henri"), "approve", comment="x")
    step = office.task("alice")
    ways = office.client("alice", BP).get("values/deny/stepAction", params={"eventStep": step}).json()["data"]
    assert len(ways) == 2
    assert office.act("alice", step, "deny", comment="no", stepAction={"id": ways[0]["id"]}).status_code == 201
    assert office.event("greta", event)["status"]["descriptor"] == "Denied"


def test_a_step_goes_back_and_comes_again(office: Office) -> None:
    event = office.title().json()["id"]
    step = office.task("henri")
    henri = office.client("henri", BP)
    targets = henri.get("values/sendBack/to/", params={"eventStep": step}).json()["data"]
    to = {"id": targets[0]["id"]}
    assert codes(office.act("henri", step, "sendBack", reason="why?", to={"id": "0" * 32})) == ["A202"]
    assert office.act("henri", step, "sendBack", reason="why?", to=to).json()["status"]["descriptor"] == "Sent Back"
    assert codes(office.act("henri", step, "sendBack", reason="why?", to=to)) == ["A212"]
    revise = office.task("greta")
    assert codes(office.act("greta", revise, "sendBack", reason="x", to=to)) == ["A227"]
    assert codes(office.act("greta", revise, "deny", comment="no")) == ["A183"]
    office.act("greta", revise, "approve", comment="because")
    office.act("henri", office.task("henri"), "approve", comment="fine")
    assert office.event("greta", event)["status"]["descriptor"] == "Successfully Completed"
    said = henri.get(f"events/{event}/comments").json()["data"]
    assert [each["comment"] for each in said] == ["why?", "because", "fine"]


def test_a_to_do_cannot_be_approved_but_is_done_on_the_screen(office: Office, bare: httpx2.Client) -> None:
    pay = office.client("greta", "compensation/v2")
    position = (
        office.client("greta", "staffing/v6").get(f"workers/{office.tenant.wid('bob')}").json()["primaryJob"]["id"]
    )
    payment = {
        "paymentCurrency": {"id": "Currency_ID=EUR"},
        "oneTimePaymentPlan": {"id": "One_Time_Payment_Plan_ID=Spot_Bonus"},
        "paymentAmount": {"value": "2500"},
    }
    body = {"reason": {"id": "One_Time_Payment_Reason_ID=Recognition"}, "position": {"id": position}}
    path = f"workers/{office.tenant.wid('bob')}/requestOneTimePayment"
    assert "At least 1" in pay.post(path, json=body).text
    event = pay.post(path, json={**body, "oneTimePayments": [payment]})
    assert (event.status_code, office.tenant.rows("Payment")[0]["amount"]) == (201, "2500")
    office.act("henri", office.task("henri"), "approve", comment="x")
    to_do = office.task("alice")
    assert codes(office.act("alice", to_do, "approve", comment="x")) == ["A190"]
    assert codes(office.act("alice", to_do, "deny", comment="x")) == ["A183"]
    assert bare.post(f"/__sandbox__/steps/{to_do}").json() == {"status": "Successfully Completed"}


def test_an_event_may_complete_long_after_its_last_approval(office: Office, sandbox: Sandbox) -> None:
    event = office.title().json()["id"]
    office.tenant.faults.arm("delayed_completion", seconds=90)
    approved = office.act("henri", office.task("henri"), "approve", comment="x")
    assert approved.json()["eventStatus"]["descriptor"] == "In Progress"
    assert office.client("henri", BP).get(f"events/{event}/inProgressSteps").json()["total"] == 0
    sandbox.clock.advance(seconds=91)
    assert office.event("greta", event)["status"]["descriptor"] == "Successfully Completed"
    assert office.title_of("bob") == "Key Account Manager"


def test_events_are_listed_for_exactly_one_worker(office: Office) -> None:
    event = office.title().json()["id"]
    greta = office.client("greta", BP)
    bob, dave = office.tenant.wid("bob"), office.tenant.wid("dave")
    assert greta.get("events").json() == {"total": 0, "data": []}
    assert greta.get("events", params={"worker": [bob, dave]}).json()["total"] == 0
    assert [each["id"] for each in greta.get("events", params={"worker": bob}).json()["data"]] == [event]
    since = {"worker": bob, "initiatedOnOrAfter": "2026-11-20"}
    assert greta.get("events", params=since).json()["total"] == 1
    assert greta.get("events", params={**since, "initiatedOnOrBefore": "2026-11-19"}).json()["total"] == 0
    assert greta.get("events", params={"worker": bob, "status": "Status_ID=Denied"}).json()["total"] == 0
    assert office.client("dave", BP).get(f"events/{event}").status_code == 404


@pytest.mark.parametrize(
    ("user", "whom", "title", "said"),
    [
        ("greta", "bob", "", "Proposed Business Title is required."),
        ("alice", "alice", "X", "Worker submitted is the processing user."),
        ("alice", "erin", "X", "Worker is terminated"),
    ],
)
def test_titles_that_cannot_change(office: Office, user: str, whom: str, title: str, said: str) -> None:
    answer = office.title(user, whom, title)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_one_change_is_under_way_at_a_time_and_none_before_a_later_one(office: Office, bare: httpx2.Client) -> None:
    office.title()
    assert codes(office.title(title="Other")) == ["A178"]
    number = office.tenant.world.number_of("dave")
    bare.post(f"/__sandbox__/entries/{number}", json={"effective": "2026-12-24", "values": {"title": "Elf"}})
    assert "effective after this date" in office.title(whom="dave").text
    assert office.title("bob", "dave").status_code == 403


def test_a_job_change_of_staffing_has_two_phases(office: Office) -> None:
    staffing = office.client("greta", "staffing/v6")
    body = {"date": "2026-12-01", "reason": {"id": "Change_Job_Subcategory_ID=Promotion"}}
    draft = staffing.post(f"workers/{office.tenant.wid('bob')}/jobChanges", json=body).json()["id"]
    assert office.tenant.rows("Event") == []
    assert staffing.post(f"jobChanges/{draft}/submit", json={}).status_code == 400
    change = {"proposedBusinessTitle": "Sales Lead"}
    assert (
        staffing.patch(f"jobChanges/{draft}/businessTitle/{draft}", json=change).json()["businessTitle"] == "Sales Lead"
    )
    submitted = staffing.post(f"jobChanges/{draft}/submit", json={})
    assert (submitted.status_code, len(office.tenant.rows("Event"))) == (201, 1)
    assert codes(staffing.post(f"jobChanges/{draft}/submit", json={})) == ["A178"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"effective": None}, "Effective date is required"),
        ({"jobChangeReason": None}, "Reason is required"),
        ({"jobChangeReason": {"id": "Change_Job_Subcategory_ID=Reorganization"}}, "not valid for managers"),
        ({"supervisoryOrganization": {"id": "Organization_Reference_ID=10101601"}}, "organization is not valid"),
    ],
)
def test_job_changes_that_are_refused(office: Office, more: dict[str, Any], said: str) -> None:
    answer = office.job(**more)
    assert (answer.status_code, said in answer.text) == (400, True)


def test_a_hire_waits_for_the_hr_partner_and_then_for_its_day(
    office: Office, bare: httpx2.Client, sandbox: Sandbox
) -> None:
    told = {
        "given": "Nele",
        "family": "Zöllkau",
        "organization": "SUP_SALES",
        "title": "Buyer",
        "effective": "2026-12-01",
    }
    hired = bare.post("/__sandbox__/hires", json={**told, "country": "DE", "city": "Bremen"}).json()
    alice = office.client("alice", "staffing/v6")
    assert alice.get(f"workers/{hired['worker']}").status_code == 404
    office.act("alice", office.task("alice"), "approve", comment="welcome")
    assert office.event("greta", hired["event"])["status"]["descriptor"] == "Successfully Completed"
    sales = {"search": "Nele Zöllkau"}
    assert alice.get("workers", params=sales).json()["total"] == 0
    sandbox.clock.advance(days=12)
    row = office.client("alice", "staffing/v6").get("workers", params=sales).json()["data"][0]
    assert (row["id"], row["primaryJob"]["location"]["country"]["ISO_3166-1_Alpha-3_Code"]) == (hired["worker"], "DEU")
