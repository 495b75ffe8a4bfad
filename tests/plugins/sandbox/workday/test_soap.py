from collections.abc import Callable
from datetime import timedelta
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

import httpx2
import pytest

from isthmus.plugins.sandbox import WorkdayTenant

from .conftest import UNUSED

WD = "{urn:com.workday/bsvc}"
SECURITY = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
Ask = Callable[..., httpx2.Response]


@pytest.fixture
def ask(tenant: WorkdayTenant) -> Ask:
    """Post an envelope to a service, as a user with a password."""

    def post(
        body: str, service: str = "Human_Resources/v40.0", user: str = "integration", password: str = ""
    ) -> httpx2.Response:
        text = (
            '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" xmlns:bsvc="urn:com.workday/bsvc">'
            f'<soapenv:Header><wsse:Security xmlns:wsse="{SECURITY}"><wsse:UsernameToken>'
            f"<wsse:Username>{user}@{tenant.tenant}</wsse:Username>"
            f"<wsse:Password>{escape(password or tenant.password(user))}</wsse:Password></wsse:UsernameToken>"
            f"</wsse:Security></soapenv:Header><soapenv:Body>{body}</soapenv:Body></soapenv:Envelope>"
        )
        with httpx2.Client(timeout=20, verify=UNUSED) as client:
            url = f"{tenant.url}/ccx/service/{tenant.tenant}/{service}"
            return client.post(url, content=text.encode(), headers={"content-type": "text/xml; charset=utf-8"})

    return post


def workers(*parts: str, group: str = "Include_Reference", who: str = "") -> str:
    asked = f'<bsvc:ID bsvc:type="Employee_ID">{who}</bsvc:ID>'
    references = (
        f"<bsvc:Request_References><bsvc:Worker_Reference>{asked}</bsvc:Worker_Reference></bsvc:Request_References>"
    )
    groups = f"<bsvc:Response_Group><bsvc:{group}>true</bsvc:{group}></bsvc:Response_Group>" if group else ""
    filters = f"<bsvc:Response_Filter>{''.join(parts)}</bsvc:Response_Filter>"
    return f'<bsvc:Get_Workers_Request bsvc:version="v40.0">{references if who else ""}{filters}{groups}</bsvc:Get_Workers_Request>'


def results(answer: httpx2.Response) -> dict[str, int]:
    found = ET.fromstring(answer.content).find(f".//{WD}Response_Results")
    return {each.tag.removeprefix(WD): int(each.text) for each in found}


def ids(answer: httpx2.Response) -> list[str]:
    root = ET.fromstring(answer.content)
    return [
        each.text
        for worker in root.iter(f"{WD}Worker")
        for each in worker.findall(f"{WD}Worker_Reference/{WD}ID")
        if each.get(f"{WD}type") == "Employee_ID"
    ]


def fault(answer: httpx2.Response) -> tuple[int, str, str, bool]:
    found = ET.fromstring(answer.content)[0][0]
    detail = found.find("detail") is not None
    return answer.status_code, found.findtext("faultcode"), found.findtext("faultstring"), detail


def test_pages_hold_100_workers_and_end_without_rows(ask: Ask) -> None:
    first = ask(workers())
    assert results(first)["Page_Results"] == 100
    total = results(first)["Total_Results"]
    page = "<bsvc:Page>2</bsvc:Page><bsvc:Count>100</bsvc:Count>"
    assert len({*ids(first), *ids(ask(workers(page)))}) == min(total, 200)
    empty = ask(workers("<bsvc:Page>99</bsvc:Page>"))
    assert (results(empty)["Page_Results"], b"Response_Data" in empty.content) == (0, False)
    assert fault(ask(workers("<bsvc:Count>1000</bsvc:Count>")))[0] == 500


def test_only_the_groups_that_were_asked_for_come(ask: Ask) -> None:
    sizes = {
        group: len(ask(workers(group=group, who="21007")).content)
        for group in ("", "Include_Reference", "Include_Employment_Information", "Include_Organizations")
    }
    assert b"Response_Data" not in ask(workers(group="", who="21007")).content
    assert list(sizes.values()) == sorted(sizes.values())
    assert sizes["Include_Reference"] < 1_200 < 5_000 < sizes["Include_Employment_Information"] < 12_000
    assert sizes["Include_Organizations"] > 100_000


def test_booleans_are_one_and_zero_and_attributes_matter(ask: Ask) -> None:
    root = ET.fromstring(ask(workers(group="Include_Employment_Information", who="21002")).content)
    job = root.find(f".//{WD}Worker_Job_Data")
    assert job.get(f"{WD}Primary_Job") == "1"
    assert root.findtext(f".//{WD}Worker_Status_Data/{WD}Active") == "1"
    assert root.findtext(f".//{WD}Response_Group/{WD}Include_Employment_Information") == "1"


def test_reads_are_of_a_day_and_an_entry_moment(ask: Ask, tenant: WorkdayTenant) -> None:
    number = next(str(each["number"]) for each in tenant.rows("Worker") if "hired" not in each)
    every = "<bsvc:Count>999</bsvc:Count>"
    day = f"<bsvc:As_Of_Effective_Date>{tenant.clock.now().date() + timedelta(days=30)}</bsvc:As_Of_Effective_Date>"
    known = "<bsvc:As_Of_Entry_DateTime>2026-11-01T00:00:00Z</bsvc:As_Of_Entry_DateTime>"
    assert number not in ids(ask(workers(every)))
    assert number in ids(ask(workers(every, day)))
    assert number not in ids(ask(workers(every, day, known)))


def test_an_entry_moment_keeps_pages_still(ask: Ask, tenant: WorkdayTenant) -> None:
    at = tenant.clock.now()
    frozen = f"<bsvc:As_Of_Entry_DateTime>{at.isoformat()}</bsvc:As_Of_Entry_DateTime>"
    before = results(ask(workers(frozen)))["Total_Results"]
    tenant.clock.advance(hours=1)
    tenant.world.history.add("21002", at.date(), tenant.clock.now(), {"active": False})
    assert results(ask(workers(frozen)))["Total_Results"] == before
    assert results(ask(workers()))["Total_Results"] == before - 1


def test_both_kinds_of_fault_come_with_500(ask: Ask) -> None:
    unknown = ask("<bsvc:Get_API_Clients_Request/>", "Integration_System/v40.0")
    text = "Validation error occurred. Element not found=Get_API_Clients_Request-urn:com.workday/bsvc"
    assert fault(unknown) == (500, "SOAP-ENV:Client.validationError", text, True)
    assert "wd-ratelimit-tokens-remaining" in unknown.headers
    elsewhere = ask(workers(), "Staffing/v40.0")
    text = "The web service or version is invalid for the requested operation"
    assert fault(elsewhere) == (500, "SOAP-ENV:Client.validationError", text, False)
    assert "wd-ratelimit-tokens-remaining" not in elsewhere.headers
    assert fault(ask(workers(), "Human_Resources/v99.0"))[3] is False
    assert "'99999'" in fault(ask(workers(who="99999")))[2]


def test_a_wrong_password_is_told_and_five_lock(ask: Ask, tenant: WorkdayTenant) -> None:
    for _ in range(5):
        told = fault(ask(workers(), password="wrong"))
        assert told[:3] == (500, "SOAP-ENV:Client.authenticationError", "invalid username or password")
    assert fault(ask(workers()))[1] == "SOAP-ENV:Client.authenticationError"


def test_web_services_have_a_bucket_of_their_own(ask: Ask, bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    assert float(ask(workers()).headers["wd-ratelimit-tokens-remaining"]) == 699
    bare.post("/__sandbox__/quota", json={"soap": 0})
    limited = ask(workers())
    assert (limited.status_code, limited.headers["retry-after"]) == (429, "1")
    assert tenant.buckets.left("rest") == 3600


@pytest.mark.parametrize(
    "body", [b"<a", b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<a>" * 100 + b"</a>" * 100, b""]
)
def test_requests_that_are_no_envelope_are_refused(bare: httpx2.Client, tenant: WorkdayTenant, body: bytes) -> None:
    answer = bare.post(f"/ccx/service/{tenant.tenant}/Human_Resources/v40.0", content=body)
    assert fault(answer)[:2] == (500, "SOAP-ENV:Client.validationError")


@pytest.mark.parametrize("style", ["entities", "deep"])
def test_answers_can_be_bombs(ask: Ask, tenant: WorkdayTenant, style: str) -> None:
    tenant.faults.arm("xml_bomb", style=style, depth=5_000)
    content = ask(workers()).content
    assert (b"<!ENTITY" in content) == (style == "entities")
    assert content.count(b"<a>") == (5_000 if style == "deep" else 0)


def test_the_journal_holds_no_password(ask: Ask, tenant: WorkdayTenant) -> None:
    ask(workers())
    entry = tenant.journal.entries[-1]
    assert (entry.user, "Get_Workers_Request" in entry.body) == ("integration", True)
    assert escape(tenant.password("integration")) not in entry.body


def time_off(tenant: WorkdayTenant, *days: str, auto: str = "false", who: str = "21002") -> str:
    rows = "".join(
        f"<bsvc:Enter_Time_Off_Entry_Data><bsvc:Date>{day}</bsvc:Date><bsvc:Requested>1</bsvc:Requested>"
        '<bsvc:Time_Off_Type_Reference><bsvc:ID bsvc:type="Time_Off_Type_ID">Vacation</bsvc:ID></bsvc:Time_Off_Type_Reference>'
        "</bsvc:Enter_Time_Off_Entry_Data>"
        for day in days
    )
    return (
        '<bsvc:Enter_Time_Off_Request bsvc:version="v42.0"><bsvc:Business_Process_Parameters>'
        f"<bsvc:Auto_Complete>{auto}</bsvc:Auto_Complete><bsvc:Run_Now>true</bsvc:Run_Now>"
        "<bsvc:Comment_Data><bsvc:Comment>away</bsvc:Comment></bsvc:Comment_Data></bsvc:Business_Process_Parameters>"
        f'<bsvc:Enter_Time_Off_Data><bsvc:Worker_Reference><bsvc:ID bsvc:type="Employee_ID">{who}</bsvc:ID>'
        f"</bsvc:Worker_Reference>{rows}</bsvc:Enter_Time_Off_Data></bsvc:Enter_Time_Off_Request>"
    )


@pytest.mark.parametrize(
    ("auto", "status"), [("false", "Submitted"), ("0", "Submitted"), ("true", "Approved"), ("1", "Approved")]
)
def test_auto_complete_skips_the_approvals(ask: Ask, tenant: WorkdayTenant, auto: str, status: str) -> None:
    answer = ask(time_off(tenant, "2026-12-01", "2026-12-02", auto=auto), "Absence_Management/v42.0")
    root = ET.fromstring(answer.content)
    wid = root.findtext(f".//{WD}Time_Off_Event_Reference/{WD}ID")
    assert [(each["event"], each["status"]) for each in tenant.rows("TimeOff")] == [(wid, status)] * 2
    assert len(root.findall(f".//{WD}Time_Off_Entry_Reference")) == 2
    assert len(tenant.rows("EventStep")) == (1 if status == "Submitted" else 0)


def test_a_refused_entry_repeats_values_of_the_worker(ask: Ask, tenant: WorkdayTenant) -> None:
    told = fault(ask(time_off(tenant, "2026-11-28"), "Absence_Management/v42.0"))
    assert (told[0], told[3], "Bob Boissard" in told[2]) == (500, True, True)
    assert tenant.rows("TimeOff") == []
    assert fault(ask(time_off(tenant, "2026-12-01"), "Absence_Management/v42.0", user="dave"))[0] == 500


@pytest.mark.parametrize(("kind", "details"), [("lost_answer", {}), ("processing_fault", {"committed": True})])
def test_an_entry_whose_answer_was_lost_is_made(ask: Ask, tenant: WorkdayTenant, kind: str, details: dict) -> None:
    tenant.faults.arm(kind, **details)
    try:
        assert fault(ask(time_off(tenant, "2026-12-01"), "Absence_Management/v42.0"))[1].startswith("SOAP-ENV:Server")
    except httpx2.TransportError:
        assert kind == "lost_answer"
    assert len(tenant.rows("TimeOff")) == 1
    assert [each.object for each in tenant.journal.entries[-1].effects] == ["Event"]
