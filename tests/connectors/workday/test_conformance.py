"""Does the connector keep the whole contract?"""

import re
import xml.etree.ElementTree as ET
from dataclasses import dataclass, field

import httpx2
import pytest

from isthmus.connectors.workday import Workday, WorkdaySettings
from isthmus.connectors.workday.settings import OperationSettings, ReportSettings, SourceSettings
from isthmus.core.connector import Connector, FaultKind
from isthmus.core.errors import CredentialError, NotFound, RetryLater, UpstreamError, UpstreamRejected
from isthmus.core.http import Response
from isthmus.core.testing import Check, Examples, Run, Subject, conformance
from isthmus.plugins.sandbox import Sandbox

from .tenant import Tenant, wid

JSON = {"content-type": "application/json"}
SOAP = {"content-type": "text/xml; charset=UTF-8"}
CODED = ("content-encoding", "content-length", "transfer-encoding")
STEPS = WorkdaySettings(
    tenant="acme", services={"bp": "businessProcess/v1", "common": "v1", "absence": "absenceManagement/v1"}
)


DAYS = {"days": [{"date": "2026-12-21", "timeOffType": "Time_Off_Type_ID=VACATION", "dailyQuantity": "8"}]}


def soap_fault(code: str, text: str, detail: str = "") -> Response:
    body = (
        '<E:Envelope xmlns:E="http://schemas.xmlsoap.org/soap/envelope/"><E:Body><E:Fault>'
        f"<faultcode>E:{code}</faultcode><faultstring>{text}</faultstring>{detail}</E:Fault></E:Body></E:Envelope>"
    )
    return Response(500, SOAP, body.encode())


FAULTS = (
    (Response(400, JSON, b'{"error":"Invalid request"}'), FaultKind.CALLER, UpstreamRejected),
    (Response(400, JSON, b'{"error":"x","errors":[{"error":"A212 no","code":"A212"}]}'), FaultKind.CALLER,
     UpstreamRejected),
    (Response(401, JSON, b'{"error":"invalid token"}'), FaultKind.AUTHORIZATION, CredentialError),
    (Response(403, JSON, b'{"error":"permission denied"}'), FaultKind.AUTHORIZATION, UpstreamRejected),
    (Response(404, JSON, b'{"error":"Not found"}'), FaultKind.CALLER, NotFound),
    (Response(429, JSON | {"retry-after": "3"}, b"{}"), FaultKind.THROTTLE, RetryLater),
    (Response(500, JSON, b'{"error":"Internal server error"}'), FaultKind.TRANSIENT, RetryLater),
    (soap_fault("Client.validationError", "bad", "<detail><x/></detail>"), FaultKind.CALLER, UpstreamRejected),
    (soap_fault("Client.authenticationError", "invalid username or password"), FaultKind.AUTHORIZATION,
     CredentialError),
    (soap_fault("Server.processingError", "broken"), FaultKind.TRANSIENT, RetryLater),
    (Response(200, {"content-type": "text/html"}, b"<html>Sign in"), FaultKind.AUTHORIZATION, CredentialError),
    (Response(302, {"location": "https://login.example"}, b""), FaultKind.UNKNOWN, UpstreamError),
)  # fmt: skip


class Reader(Workday):
    """The connector without what only steps of processes can do, for objects that are no steps."""

    update = Connector.update  # type: ignore[assignment]


class Asker(Reader):
    """The reader without search, which data sources have not."""

    search = Connector.search  # type: ignore[assignment]


class Answerer(Workday):
    """The connector without search, which steps have not."""

    search = Connector.search  # type: ignore[assignment]


@dataclass
class Landscape(httpx2.AsyncBaseTransport):
    """The sandbox's German tenant, logged on to."""

    sandbox: Sandbox
    inner: httpx2.AsyncHTTPTransport = field(default_factory=httpx2.AsyncHTTPTransport)
    token: str = ""

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        org = self.sandbox.workday["eu"]
        named = {name: value for name, value in request.headers.items() if name not in ("host", "authorization")}
        named["authorization"] = f"Bearer {self.token or self._log_on()}"
        sent = httpx2.Request(
            request.method, org.url + request.url.raw_path.decode(), headers=named, content=await request.aread()
        )
        answer = await self.inner.handle_async_request(sent)
        kept = [(name, value) for name, value in answer.headers.multi_items() if name not in CODED]
        return httpx2.Response(answer.status_code, headers=kept, content=await answer.aread())

    def _log_on(self) -> str:
        org = self.sandbox.workday["eu"]
        form = {"grant_type": "refresh_token", "refresh_token": org.refresh_token("integration")}
        told = httpx2.post(
            f"{org.url}/ccx/oauth2/{org.tenant}/token", data=form, auth=(org.client_id, org.client_secret)
        )
        self.token = str(told.json()["access_token"])
        return self.token

    async def aclose(self) -> None:
        await self.inner.aclose()


class Place:
    """Where each upstream finds the sandbox of the test."""

    sandbox: Sandbox


def sandboxed() -> httpx2.AsyncBaseTransport:
    Place.sandbox.reset()
    return Landscape(Place.sandbox)


@pytest.fixture(scope="module", autouse=True)
def small() -> Sandbox:
    with Sandbox(seed=7, accounts=20, contacts=40) as sandbox:
        Place.sandbox = sandbox
        yield sandbox


def dissect(text: str) -> tuple[str, list[str]]:
    """Read the literals off a query."""
    quoted = re.compile(r"'([^']*)'")
    return quoted.sub("?", text), quoted.findall(text)


def dissect_xml(text: str) -> tuple[str, list[str]]:
    """Read the texts and attributes off an envelope."""
    if not text.startswith("<?xml"):
        return text, []
    root = ET.fromstring(text.encode())
    structure, values = [], []
    for one in root.iter():
        structure.append((one.tag, sorted(one.attrib), len(one)))
        # The moment of a read is its own each time.
        moment = one.tag.endswith("}As_Of_Entry_DateTime")
        values += [] if moment else [*one.attrib.values(), *([one.text] if one.text else [])]
    return str(structure), values


ANSWERED = Subject(
    connector=Answerer,
    settings=STEPS,
    upstream=Tenant,
    examples=Examples(
        object="bp.eventSteps",
        id=wid(2),
        fields=("id", "descriptor", "state", "dueDate"),
        text="comment",
        order_by="dueDate",
        changes={"state": "approved", "comment": "fine"},
        runs=(
            Run("businessTitleChanges", {"proposedBusinessTitle": "Lead"}, "common.workers", wid(101)),
            Run("requestTimeOff", DAYS, "absence.workers", wid(101)),
        ),
        faults=FAULTS,
    ),
)


WORKERS = Subject(
    connector=Reader,
    settings=WorkdaySettings(tenant="acme", services={"common": "v1"}),
    upstream=Tenant,
    examples=Examples(
        object="common.workers",
        id=wid(102),
        fields=("id", "descriptor", "isManager", "primaryWorkEmail"),
        text="businessTitle",
        order_by="descriptor",
        words="Mock",
        runs=(
            Run("businessTitleChanges", {"proposedBusinessTitle": "Lead"}),
            Run("jobChanges", {"effective": "2027-01-01", "jobChangeReason": "Event_Classification_Subcategory_ID=X"}),
        ),
    ),
)
PEOPLE = Subject(
    connector=Asker,
    settings=WorkdaySettings(
        tenant="acme",
        services={"common": "v1"},
        sources={"workers": SourceSettings(source="allWorkers", classes=("pii", "hr"))},
    ),
    upstream=Tenant,
    examples=Examples(
        object="wql.workers",
        id=wid(202),
        fields=("workdayID", "fullName", "isManager", "location", "pay", "skills"),
        text="title",
        order_by="fullName",
        runs=(Run("businessTitleChanges", {"proposedBusinessTitle": "Lead"}, "common.workers", wid(101)),),
        dissect=dissect,
    ),
)
SERVICE = Subject(
    connector=Asker,
    settings=WorkdaySettings(
        tenant="acme",
        operations={
            "Get_Workers": OperationSettings(service="Human_Resources", classes=("pii", "hr")),
            "Enter_Time_Off": OperationSettings(service="Absence_Management", classes=("pii", "hr")),
            "Get_Applicants": OperationSettings(service="Staffing", classes=("pii", "hr")),
            "Hire_Employee": OperationSettings(service="Staffing", classes=("pii", "hr")),
        },
    ),
    upstream=Tenant,
    examples=Examples(
        object="soap.Workers",
        id=wid(202),
        fields=("id", "references", "data"),
        text="descriptor",
        order_by="descriptor",
        runs=(
            Run("Enter_Time_Off", {"worker": "Employee_ID=21001", "comment": "holiday", "days": [
                {"date": "2026-12-21", "requested": "8", "timeOffType": "VACATION"}]}, "soap"),
            Run("Hire_Employee", {"organization": wid(30), "hireDate": "2026-12-01", "employeeType": "Regular",
                "jobProfile": "Buyer", "businessTitle": "Buyer"}, "soap.Applicants", wid(40)),
        ),
        dissect=dissect_xml,
    ),
)  # fmt: skip
REPORT = Subject(
    connector=Asker,
    settings=WorkdaySettings(
        tenant="acme",
        reports={
            "staff": ReportSettings(owner="hr_owner", report="Staff", classes=("pii", "hr"), id="Employee_ID",
                                    as_of="Effective_as_of_Date"),
        },
    ),
    upstream=Tenant,
    examples=Examples(
        object="report.staff",
        id="E0002",
        fields=("Employee_ID", "FTE", "Skills"),
        text="Name",
        order_by="Name",
        runs=(Run("run", {"Organization": wid(3)}),),
    ),
)  # fmt: skip
HERE = "a value arrives as exactly one literal, or is refused"
"""REST takes no conditions, so values of theirs are compared here and arrive nowhere."""


def over_rest(subject: Subject) -> list[Check]:
    return [one for one in conformance(subject) if one.name != HERE]


@pytest.mark.parametrize("check", over_rest(ANSWERED), ids=str)
def test_keeps_the_contract_over_steps(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", over_rest(WORKERS), ids=str)
def test_keeps_the_contract_over_workers(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", conformance(PEOPLE), ids=str)
def test_keeps_the_contract_over_data_sources(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", over_rest(SERVICE), ids=str)
def test_keeps_the_contract_over_web_services(check: Check) -> None:
    check()


@pytest.mark.parametrize("check", over_rest(REPORT), ids=str)
def test_keeps_the_contract_over_reports(check: Check) -> None:
    check()
