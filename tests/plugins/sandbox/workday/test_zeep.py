"""Does zeep, as it is, read workers from the description and the answers of the sandbox?"""

import datetime as dt

import pytest
import zeep
from zeep.wsse.username import UsernameToken

from isthmus.plugins.sandbox import WorkdayTenant

GROUPS = (
    "Reference",
    "Personal_Information",
    "Employment_Information",
    "Compensation",
    "Organizations",
    "Management_Chain_Data",
)


@pytest.fixture
def client(tenant: WorkdayTenant):
    token = UsernameToken(f"integration@{tenant.tenant}", tenant.password("integration"))
    made = zeep.Client(f"{tenant.url}/ccx/service/{tenant.tenant}/Human_Resources/v40.0?wsdl", wsse=token)
    yield made
    made.transport.session.close()


def test_zeep_reads_one_worker_with_all_groups(client, tenant: WorkdayTenant) -> None:
    who = {"Worker_Reference": [{"ID": [{"_value_1": "21002", "type": "Employee_ID"}]}]}
    groups = {f"Include_{each}": True for each in GROUPS}
    answer = client.service.Get_Workers(Request_References=who, Response_Group=groups, version="v40.0")
    worker = answer.Response_Data.Worker[0]
    assert worker.Worker_Descriptor == "Bob Boissard"
    assert worker.Worker_Data.Personal_Data.Birth_Date == dt.date(1990, 7, 30)
    position = worker.Worker_Data.Employment_Data.Worker_Job_Data.Position_Data
    assert position.Business_Title == "Field Sales Representative"
    assert (
        worker.Worker_Data.Organization_Data.Worker_Organization_Data[0].Organization_Data.Organization_Name == "Sales"
    )


def test_zeep_reads_every_worker_page_by_page(client, tenant: WorkdayTenant) -> None:
    seen, page, pages = set(), 1, 1
    while page <= pages:
        filters = {"Page": page, "Count": 50}
        groups = {
            "Include_Reference": True,
            "Include_Employment_Information": True,
            "Include_Personal_Information": True,
        }
        answer = client.service.Get_Workers(Response_Filter=filters, Response_Group=groups)
        pages, page = int(answer.Response_Results.Total_Pages), page + 1
        seen |= {each.Worker_Data.Worker_ID for each in answer.Response_Data.Worker}
    assert seen == {str(each["number"]) for each in tenant.rows("Worker") if each.get("active")}


def test_zeep_meets_a_fault(client) -> None:
    who = {"Worker_Reference": [{"ID": [{"_value_1": "1", "type": "Employee_ID"}]}]}
    with pytest.raises(zeep.exceptions.Fault, match="not a valid ID value"):
        client.service.Get_Workers(Request_References=who)
