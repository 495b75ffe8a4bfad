import csv
import io
import json
import resource
from xml.etree import ElementTree as ET

import httpx2
import pytest

from isthmus.plugins.sandbox import WorkdayTenant

from .conftest import UNUSED


@pytest.fixture
def isu(tenant: WorkdayTenant):
    """The integration user's client of reports, by password."""
    auth = (f"integration@{tenant.tenant}", tenant.password("integration"))
    base = f"{tenant.url}/ccx/service/customreport2/{tenant.tenant}/"
    with httpx2.Client(base_url=base, auth=auth, timeout=60, verify=UNUSED) as client:
        yield client


HEADCOUNT = "integration/Headcount"


def test_the_formats_tell_the_same_rows(isu: httpx2.Client) -> None:
    told = isu.get(HEADCOUNT, params={"format": "json"}).json()["Report_Entry"]
    lines = list(csv.DictReader(io.StringIO(isu.get(HEADCOUNT, params={"format": "csv"}).text)))
    root = ET.fromstring(isu.get(HEADCOUNT, params={"format": "simplexml"}).content)
    space = "{urn:com.workday.report/Headcount}"
    names = [each["Worker"] for each in told]
    assert names == [each["Worker"] for each in lines] == [each.findtext(f"{space}Worker") for each in root]
    assert len(names) > 100
    boss = next(each for each in told if each["Worker"] == "Greta Grimbold")
    assert boss["Direct_Reports_group"] == [{"Direct_Reports": "Bob Boissard"}, {"Direct_Reports": "Dave Dorsett"}]
    assert isu.get(HEADCOUNT, params={"format": "rss"}).status_code == 400


def test_prompts_filter_and_choose_the_day(isu: httpx2.Client, tenant: WorkdayTenant) -> None:
    sales = tenant.things.of("Organization_Reference_ID", "SUP_SALES").wid
    asked = {"format": "json", "Supervisory_Organization!WID": sales}
    assert [each["Worker"] for each in isu.get(HEADCOUNT, params=asked).json()["Report_Entry"]] == [
        "Bob Boissard",
        "Dave Dorsett",
    ]
    early = isu.get(HEADCOUNT, params={**asked, "Effective_as_of_Date": "2019-12-31"}).json()["Report_Entry"]
    assert [each["Worker"] for each in early] == ["Bob Boissard"]
    assert isu.get(HEADCOUNT, params={"format": "json", "Nope": "1"}).status_code == 400
    assert isu.get("alice/Organizations_and_Members", params={"format": "json"}).status_code == 400
    kind = {"format": "json", "Organization_Type": "Company"}
    assert len(isu.get("alice/Organizations_and_Members", params=kind).json()["Report_Entry"]) == 1


def test_the_schema_names_columns_and_prompts(isu: httpx2.Client) -> None:
    schema = ET.fromstring(isu.get(f"{HEADCOUNT}?xsds").content)
    names = {each.get("name") for each in schema.iter("{http://www.w3.org/2001/XMLSchema}element")}
    assert {"Employee_ID", "Direct_Reports_group", "Effective_as_of_Date", "Report_Entry"} <= names


def test_a_report_runs_with_its_owners_rights_and_not_for_everybody(isu: httpx2.Client, tenant: WorkdayTenant) -> None:
    assert isu.get(HEADCOUNT, auth=("dave", tenant.password("dave"))).status_code == 403
    assert isu.get(HEADCOUNT, auth=("integration", "wrong")).status_code == 401
    token = tenant.logins.access("alice", tenant.client_id)
    assert isu.get(HEADCOUNT, auth=None, headers={"authorization": f"Bearer {token}"}).status_code == 200
    assert isu.get("integration/Nope").status_code == 404


def test_reports_that_went_wrong(isu: httpx2.Client, tenant: WorkdayTenant) -> None:
    asked = {"format": "json"}
    tenant.faults.arm("missing_entry")
    assert isu.get(HEADCOUNT, params=asked).json() == {}
    tenant.faults.arm("broken_report")
    with pytest.raises(json.JSONDecodeError):
        isu.get(HEADCOUNT, params=asked).json()
    tenant.faults.arm("xml_bomb")
    assert b"<!ENTITY" in isu.get(HEADCOUNT).content
    tenant.faults.arm("xml_bomb", style="deep", depth=1000)
    assert isu.get(HEADCOUNT).content.startswith(b"<a>" * 1000)


def stream(isu: httpx2.Client, rows: int) -> int:
    isu.post(str(isu.base_url.copy_with(path="/__sandbox__/settings")), json={"report_rows": rows})
    with isu.stream("GET", HEADCOUNT, params={"format": "json"}, headers={"accept-encoding": "identity"}) as answer:
        assert "content-length" not in answer.headers
        return sum(len(each) for each in answer.iter_bytes())


def test_a_long_report_needs_no_more_memory_than_a_short_one(isu: httpx2.Client) -> None:
    stream(isu, 1_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert stream(isu, 200_000) > 50_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB


@pytest.mark.soak
def test_two_gigabytes_are_streamed_in_flat_memory(isu: httpx2.Client) -> None:
    stream(isu, 1_000)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert stream(isu, 7_000_000) > 2_000_000_000
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 20_000  # KiB
