"""How do Get_Applicants and Hire_Employee of the service Staffing answer?

The names of elements are those that clients of Staffing v40 use; no such traffic is recorded.
"""

from datetime import date
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element
from xml.sax.saxutils import escape, quoteattr

from isthmus.plugins.sandbox.workday.errors import Fault
from isthmus.plugins.sandbox.workday.hiring import Job, hire, hired
from isthmus.plugins.sandbox.workday.refs import APPLICANT, ORGANIZATION, WORKER, Thing
from isthmus.plugins.sandbox.workday.staffing import countries
from isthmus.plugins.sandbox.workday.world import Applicant

from .workers import page_of
from .xml import SPACE, VALIDATION, child, children, el, is_true, leaf, ref, referred, text_of

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

_DATA: Final = "/bsvc:Hire_Employee_Request/bsvc:Hire_Employee_Data"


def get_applicants(call: "Call", asked: Element, version: str) -> str:
    """Answer Get_Applicants: pre-hires, with their names and addresses; raises Fault."""
    if not call.user.domains & {"*", "contact"} or call.user.rows != "all":
        raise _unauthorized()
    references = children(child(asked, "Request_References"), "Applicant_Reference")
    wanted = [referred(call.tenant.things, each, APPLICANT) for each in references]
    world = call.tenant.world
    shown, results = page_of(asked, [each.key for each in wanted] or sorted(world.applicants))
    rows = "".join(_applicant(call, world.applicants[each]) for each in shown)
    echo = "".join(ref("Applicant_Reference", each) for each in wanted)
    inside = (el("Request_References", echo) if echo else "") + results + (el("Response_Data", rows) if rows else "")
    return _response("Get_Applicants", version, inside)


def hire_employee(call: "Call", asked: Element, version: str) -> str:
    """Answer Hire_Employee, which begins an event; raises Fault. `Auto_Complete` skips all approvals."""
    if not call.user.starts & {"*", "hire"}:
        raise _unauthorized()
    tenant, data = call.tenant, child(asked, "Hire_Employee_Data")
    thing = referred(tenant.things, child(data, "Applicant_Reference"), APPLICANT)
    who, job = tenant.world.applicants[thing.key], _job(call, data)
    if hired(tenant, who):
        raise _wrong(f"{who.name} is already being hired, or has been.", "Applicant_Reference")
    parameters = child(asked, "Business_Process_Parameters")
    comment = text_of(parameters, "Comment_Data", "Comment")
    with tenant.completing(call):
        event = hire(tenant, who, job, call.user.login, comment=comment, automatic=is_true(parameters, "Auto_Complete"))
    call.did("created", "Event", event.thing.wid)
    inside = ref("Event_Reference", event.thing) + ref("Employee_Reference", tenant.things.of(WORKER, event.worker))
    return _response("Hire_Employee", version, inside)


def _response(operation: str, version: str, inside: str) -> str:
    name = f"wd:{operation}_Response"
    return f'<{name} xmlns:wd="{SPACE}" wd:version="{version}">{inside}</{name}>'


def _job(call: "Call", data: Element | None) -> Job:
    things, organizations = call.tenant.things, call.tenant.world.organizations
    day = text_of(data, "Hire_Date")
    try:
        effective = date.fromisoformat(day[:10])
    except ValueError:
        raise _wrong("Enter a valid Hire Date.", "Hire_Date") from None
    organization = referred(things, child(data, "Organization_Reference"), ORGANIZATION)
    if organizations[organization.key].kind != "Supervisory":
        raise _wrong("The organization must be a supervisory organization.", "Organization_Reference")
    told = child(data, "Hire_Employee_Event_Data")
    referred(things, child(told, "Employee_Type_Reference"), "Employee_Type_ID")
    if (reason := child(told, "Hire_Reason_Reference")) is not None:
        referred(things, reason, "General_Event_Subcategory_ID", "Event_Classification_Subcategory_ID")
    position = child(told, "Position_Details")
    profile = referred(things, child(position, "Job_Profile_Reference"), "Job_Profile_ID")
    if (time := child(position, "Position_Time_Type_Reference")) is not None:
        referred(things, time, "Position_Time_Type_ID")
    place: Thing | None = None
    if (where := child(position, "Location_Reference")) is not None:
        place = referred(things, where, "Location_ID")
    title = text_of(position, "Business_Title") or text_of(position, "Position_Title") or profile.descriptor
    return Job(organization.key, title, profile.key, effective, place.key if place else "")


def _applicant(call: "Call", who: Applicant) -> str:
    thing = call.tenant.things.of(APPLICANT, who.number)
    ids = "".join(el("ID", escape(value), type=kind) for kind, value in (("WID", thing.wid), (thing.kind, thing.key)))
    country = call.tenant.things.of("ISO_3166-1_Alpha-3_Code", countries()[who.country][0])
    name = ref("Country_Reference", country) + leaf("First_Name", who.given) + leaf("Last_Name", who.family)
    personal = el("Name_Data", el("Legal_Name_Data", el("Name_Detail_Data", name)))
    personal += el("Contact_Data", el("Email_Address_Data", leaf("Email_Address", who.email)))
    data = leaf("Applicant_ID", who.number) + el("Personal_Data", personal)
    named = f"<wd:Applicant_Reference wd:Descriptor={quoteattr(who.name)}>{ids}</wd:Applicant_Reference>"
    return el("Applicant", named + el("Applicant_Data", data))


def _wrong(text: str, name: str) -> Fault:
    return Fault(VALIDATION, f"Validation error occurred. {text}", (text, f"{_DATA}/bsvc:{name}"))


def _unauthorized() -> Fault:
    return Fault("SOAP-ENV:Client.processingNotAuthorized", "The task submitted is not authorized.")
