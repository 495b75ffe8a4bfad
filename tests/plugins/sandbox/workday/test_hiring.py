"""Does a hire over the web service go its way: an event first, a worker once it is approved and the day has come?"""

from collections.abc import Callable
from xml.etree import ElementTree as ET

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

from .test_events import Office, office
from .test_soap import WD, ask, fault, results

__all__ = ["ask", "office"]
Ask = Callable[..., httpx2.Response]
STAFFING = "Staffing/v40.0"


def ref(name: str, kind: str, id: str) -> str:
    return f'<bsvc:{name}><bsvc:ID bsvc:type="{kind}">{id}</bsvc:ID></bsvc:{name}>'


def applicants(*ids: str) -> str:
    wanted = "".join(ref("Applicant_Reference", "Applicant_ID", each) for each in ids)
    references = f"<bsvc:Request_References>{wanted}</bsvc:Request_References>" if ids else ""
    return f'<bsvc:Get_Applicants_Request bsvc:version="v40.0">{references}</bsvc:Get_Applicants_Request>'


def hire(who: str = "APP-1001", day: str = "2026-12-01", *, auto: str = "false", unit: str = "SUP_SALES") -> str:
    return (
        '<bsvc:Hire_Employee_Request bsvc:version="v40.0"><bsvc:Business_Process_Parameters>'
        f"<bsvc:Auto_Complete>{auto}</bsvc:Auto_Complete></bsvc:Business_Process_Parameters><bsvc:Hire_Employee_Data>"
        + ref("Applicant_Reference", "Applicant_ID", who)
        + ref("Organization_Reference", "Organization_Reference_ID", unit)
        + f"<bsvc:Hire_Date>{day}</bsvc:Hire_Date><bsvc:Hire_Employee_Event_Data>"
        + ref("Employee_Type_Reference", "Employee_Type_ID", "Regular")
        + f"<bsvc:Position_Details>{ref('Job_Profile_Reference', 'Job_Profile_ID', 'Sales_Representative')}"
        "</bsvc:Position_Details></bsvc:Hire_Employee_Event_Data></bsvc:Hire_Employee_Data></bsvc:Hire_Employee_Request>"
    )


def test_pre_hires_are_listed_with_their_names(ask: Ask) -> None:
    answer = ask(applicants(), STAFFING)
    root = ET.fromstring(answer.content)
    names = [each.get(f"{WD}Descriptor") for each in root.iter(f"{WD}Applicant_Reference")]
    assert (names, results(answer)["Total_Results"]) == (["Mareike Ohlsen", "Louis Garnier"], 2)
    one = ET.fromstring(ask(applicants("APP-1002"), STAFFING).content)
    assert [each.text for each in one.iter(f"{WD}Email_Address")] == ["louis.garnier@post.example"]


def test_a_hire_is_an_event_until_it_is_approved_and_its_day_has_come(
    ask: Ask, office: Office, tenant: WorkdayTenant, sandbox: Sandbox
) -> None:
    root = ET.fromstring(ask(hire(), STAFFING).content)
    event, worker = (root.findtext(f".//{WD}{name}_Reference/{WD}ID") for name in ("Event", "Employee"))
    assert [(each["id"], each["status"]) for each in tenant.rows("Event")] == [(event, "In Progress")]
    alice = office.client("alice", "staffing/v6")
    assert alice.get(f"workers/{worker}").status_code == 404
    office.act("alice", office.task("alice"), "approve", comment="welcome")
    assert alice.get("workers", params={"search": "Mareike"}).json()["total"] == 0
    sandbox.clock.advance(days=12)
    found = office.client("alice", "staffing/v6").get("workers", params={"search": "Mareike"}).json()["data"]
    assert [each["id"] for each in found] == [worker]


@pytest.mark.parametrize(("auto", "status"), [("0", "In Progress"), ("1", "Successfully Completed")])
def test_auto_complete_skips_the_hr_partner(ask: Ask, tenant: WorkdayTenant, auto: str, status: str) -> None:
    ask(hire(auto=auto), STAFFING)
    assert [each["status"] for each in tenant.rows("Event")] == [status]
    assert len(tenant.rows("EventStep")) == (status == "In Progress")


@pytest.mark.parametrize(
    ("body", "said"),
    [(hire(day="soon"), "valid Hire Date"), (hire(unit="10101601"), "supervisory"), (hire("APP-9"), "Invalid ID")],
)
def test_a_hire_that_cannot_be_is_refused(ask: Ask, tenant: WorkdayTenant, body: str, said: str) -> None:
    status, code, text, *_ = fault(ask(body, STAFFING))
    assert (status, code, said in text) == (500, "SOAP-ENV:Client.validationError", True)
    assert tenant.rows("Event") == []


def test_nobody_is_hired_twice_but_again_after_a_denial(ask: Ask, office: Office, tenant: WorkdayTenant) -> None:
    ask(hire(), STAFFING)
    assert "already being hired" in fault(ask(hire(), STAFFING))[2]
    office.act("alice", office.task("alice"), "deny", comment="no budget")
    ask(hire(), STAFFING)
    assert [each["status"] for each in tenant.rows("Event")] == ["Denied", "In Progress"]


def test_only_who_may_hire_hires(ask: Ask, tenant: WorkdayTenant) -> None:
    assert fault(ask(hire(), STAFFING, user="greta"))[1] == "SOAP-ENV:Client.processingNotAuthorized"
    assert fault(ask(applicants(), STAFFING, user="bob"))[1] == "SOAP-ENV:Client.processingNotAuthorized"
    assert tenant.rows("Event") == []
