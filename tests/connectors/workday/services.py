"""Web services and reports of the small tenant: XML as the tenant writes it, with prefixes of its own."""

import json
import xml.etree.ElementTree as ET
from xml.sax.saxutils import escape

import httpx2

BSVC = "urn:com.workday/bsvc"
ENV = "http://schemas.xmlsoap.org/soap/envelope/"
XML = {"content-type": "text/xml; charset=UTF-8"}
XSDS = b"""<?xml version="1.0"?><xsd:schema xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:wd="urn:com.workday.report/Staff">
<xsd:complexType name="Report_EntryType"><xsd:sequence><xsd:element name="Employee_ID" type="xsd:string"/>
<xsd:element name="Name" type="xsd:string" minOccurs="0"/><xsd:element name="FTE" type="xsd:decimal" minOccurs="0"/>
<xsd:element name="Skills" type="wd:SkillsType" minOccurs="0" maxOccurs="unbounded"/></xsd:sequence></xsd:complexType>
<xsd:complexType name="Report_ParametersType"><xsd:sequence>
<xsd:element name="Effective_as_of_Date" type="xsd:date" minOccurs="0"/>
<xsd:element name="Organization" type="wd:OrganizationObjectType" minOccurs="0"/></xsd:sequence></xsd:complexType>
</xsd:schema>"""


def staff(count: int) -> list[dict[str, object]]:
    return [{"Employee_ID": f"E{at:04}", "Name": f"Mock {at}", "FTE": f"0.{at % 10}", "Skills": [{"Skill": "Law"}]}
            for at in range(1, count + 1)]  # fmt: skip


def report(rows: list[dict[str, object]], params: dict[str, str]) -> httpx2.Response:
    if "xsds" in params:
        return httpx2.Response(200, headers=XML, content=XSDS)
    return httpx2.Response(200, headers={"WD-RateLimit-Tokens-Remaining": "3599"}, json={"Report_Entry": rows})


def get_workers(content: bytes, people: list[dict[str, object]]) -> httpx2.Response:
    asked = ET.fromstring(content)[-1][0]
    if not asked.tag.endswith("}Get_Workers_Request"):
        return fault(f"Element not found={asked.tag}")
    ids = [one.text for one in asked.iter(f"{{{BSVC}}}ID")]
    found = [one for one in people if not ids or one["workdayID"] in ids or f"E{one['workdayID']}" in ids]
    page, count = (int(asked.findtext(f".//{{{BSVC}}}{name}") or "1") for name in ("Page", "Count"))
    shown = found[(page - 1) * count : page * count]
    workers = "".join(
        f'<wd:Worker><wd:Worker_Reference><wd:ID wd:type="WID">{one["workdayID"]}</wd:ID></wd:Worker_Reference>'
        f"<wd:Worker_Descriptor>{escape(str(one['fullName']))}</wd:Worker_Descriptor></wd:Worker>"
        for one in shown
    )
    references = "".join(
        f'<wd:Worker_Reference><wd:ID wd:type="WID">{escape(str(one))}</wd:ID></wd:Worker_Reference>' for one in ids
    )
    body = (
        f'<wd:Get_Workers_Response xmlns:wd="{BSVC}" wd:version="v40.0">'
        f"<wd:Request_References>{references}</wd:Request_References><wd:Response_Results>"
        f"<wd:Total_Results>{len(found)}</wd:Total_Results><wd:Total_Pages>{-(-len(found) // count)}</wd:Total_Pages>"
        f"<wd:Page_Results>{len(shown)}</wd:Page_Results><wd:Page>{page}</wd:Page></wd:Response_Results>"
        + (f"<wd:Response_Data>{workers}</wd:Response_Data>" if shown else "")
        + "</wd:Get_Workers_Response>"
    )
    return reply(body)


def enter_time_off(content: bytes) -> httpx2.Response:
    asked = ET.fromstring(content)[-1][0]
    assert asked.tag.endswith("}Enter_Time_Off_Request")
    return reply(
        f'<wd:Enter_Time_Off_Response xmlns:wd="{BSVC}" wd:version="v40.0"><wd:Time_Off_Event_Reference>'
        f'<wd:ID wd:type="WID">{9:032x}</wd:ID></wd:Time_Off_Event_Reference></wd:Enter_Time_Off_Response>'
    )


def hire_employee(content: bytes) -> httpx2.Response:
    asked = ET.fromstring(content)[-1][0]
    assert asked.tag.endswith("}Hire_Employee_Request")
    references = "".join(
        f'<wd:{name}_Reference><wd:ID wd:type="WID">{number:032x}</wd:ID></wd:{name}_Reference>'
        for name, number in (("Event", 9), ("Employee", 8))
    )
    return reply(
        f'<wd:Hire_Employee_Response xmlns:wd="{BSVC}" wd:version="v40.0">{references}</wd:Hire_Employee_Response>'
    )


def reply(body: str) -> httpx2.Response:
    text = f'<?xml version="1.0"?><env:Envelope xmlns:env="{ENV}"><env:Body>{body}</env:Body></env:Envelope>'
    return httpx2.Response(200, headers=XML | {"WD-RateLimit-Tokens-Remaining": "699.0"}, content=text.encode())


def fault(text: str) -> httpx2.Response:
    body = (
        f'<S:Envelope xmlns:S="{ENV}"><S:Body><S:Fault><faultcode>S:Client.validationError</faultcode>'
        f"<faultstring>{escape(text)}</faultstring><detail><x/></detail></S:Fault></S:Body></S:Envelope>"
    )
    return httpx2.Response(500, headers=XML, content=body.encode())


def text_of(rows: list[dict[str, object]]) -> bytes:
    return json.dumps({"Report_Entry": rows}).encode()


WRITES = {"Absence_Management/v40.0": enter_time_off, "Staffing/v40.0": hire_employee}
