"""Does a run against a tenant come out the same from its cassette: REST, WQL, a report and a web service?"""

from collections.abc import AsyncIterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from tests.conftest import COMPANY, FLOWS, HR, write_folder
from tests.replaying import RECORD, cassette_of, forbid_network, played

from isthmus.core.caller import Caller
from isthmus.core.records import Compare, Operator, Query
from isthmus.core.session import Session

CEDAR = """
@id("agents") permit (principal is Isthmus::Agent, action in [Isthmus::Action::"read", Isthmus::Action::"execute"],
  resource);
@id("people") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use", resource);
"""
EMPLOYEE = "Employee_ID=21001"


@pytest.fixture
async def desk(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Session]:
    org, environ = SimpleNamespace(url="https://hr.example", client_id="none"), {}
    if RECORD:
        org = request.getfixturevalue("sandbox").workday["eu"]
        environ = {
            "HR_SECRET": org.client_secret,
            "HR_TOKEN": org.refresh_token("integration"),
            "HR_PASSWORD": org.password("integration"),
        }
    else:
        forbid_network(monkeypatch)
    settings = COMPANY + HR.format(
        url=org.url, client_id=org.client_id, tenant="kessmar_eu", groups='"Include_Personal_Information"'
    )
    settings += 'common = "v1"\nbp = "businessProcess/v1"\n'
    path = write_folder(tmp_path / "house", settings, cedar=CEDAR, flows=FLOWS)
    async with played(path, environ, cassette_of(request, "workday")) as gateway:
        yield gateway.session(Caller("support", "alice", "support", "model-eu", "", "desktop-eu"))


async def test_reads_one_person_in_four_ways_and_begins_a_change(desk: Session) -> None:
    person = await desk.get("hr", "common.workers", EMPLOYEE, ("descriptor", "primaryWorkEmail", "dateOfBirth"))
    assert "@" in str(person.fields["primaryWorkEmail"])
    number = Compare("employeeID", Operator.EQ, "21001")
    asked = Query("wql.workers", ("workdayID", "fullName", "employeeID"), number, limit=5)
    (found,) = (await desk.query("hr", asked)).records
    assert (found.id, found.fields["fullName"]) == (person.id, person.fields["descriptor"])
    one = Compare("Employee_ID", Operator.EQ, found.fields["employeeID"])
    (row,) = (await desk.query("hr", Query("report.headcount", ("Worker", "Annual_Pay"), one, limit=5))).records
    assert row.fields["Worker"] == person.fields["descriptor"]
    told = await desk.get("services", "soap.Workers", EMPLOYEE, ("id", "references", "data"))
    assert told.id == person.id
    assert told.fields["references"]["WID"] == person.id
    assert "Personal_Data" in told.fields["data"]
    title = {"proposedBusinessTitle": "Head of Support"}
    begun = await desk.invoke("hr", "common.workers", "businessTitleChanges", title, id=person.id)
    assert begun.values["status"] == "In Progress"
