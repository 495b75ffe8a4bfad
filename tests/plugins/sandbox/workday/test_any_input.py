"""Does a tenant answer whatever comes, with a status that means it?"""

import json
from urllib.parse import quote, urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.plugins.sandbox import WorkdayTenant
from isthmus.plugins.sandbox.message import Request

LEAVES = st.none() | st.booleans() | st.integers(-5, 10**12) | st.floats() | st.text(max_size=8)
NAMES = st.sampled_from(
    [
        "id", "days", "date", "dailyQuantity", "timeOffType", "reason", "action", "businessProcessParameters", "comment",
        "effective", "jobChangeReason", "supervisoryOrganization", "proposedBusinessTitle", "query", "name", "provider",
        "platform", "version", "skills", "oneTimePayments", "position", "paymentAmount", "value", "stepAction", "to",
    ]
)  # fmt: skip
KNOWN = st.sampled_from(
    ["Employee_ID=21002", "Time_Off_Type_ID=Vacation", "Change_Job_Subcategory_ID=Transfer", "2026-12-01", "NaN", "1e999",
     "Position_ID=P-00002", "Currency_ID=EUR", "One_Time_Payment_Plan_ID=Spot_Bonus", "d9e4223e446c11de98360015c5e6daf6"]
)  # fmt: skip
JSON = st.recursive(LEAVES | KNOWN, lambda each: st.lists(each, max_size=3) | st.dictionaries(NAMES, each, max_size=4))
BODIES = st.dictionaries(NAMES, JSON, max_size=6)
PATHS = st.sampled_from(
    [
        "v1/{t}/workers/{w}/businessTitleChanges", "v1/{t}/workers/{w}/jobChanges", "staffing/v6/{t}/workers/{w}/jobChanges",
        "absenceManagement/v1/{t}/workers/{w}/requestTimeOff", "absenceManagement/v1/{t}/balances",
        "absenceManagement/v1/{t}/workers/{w}/validTimeOffDates", "compensation/v2/{t}/workers/{w}/requestOneTimePayment",
        "businessProcess/v1/{t}/events", "businessProcess/v1/{t}/eventSteps/{w}/deny", "wql/v1/{t}/data",
        "wql/v1/{t}/dataSources/{w}", "v1/{t}/workers", "asor/v1/{t}/agentDefinition", "staffing/v6/{t}/jobChanges/{w}",
    ]
)  # fmt: skip
QUERIES = st.dictionaries(
    st.sampled_from(
        ["limit", "offset", "search", "worker", "effective", "date", "query", "initiatedOnOrAfter", "status"]
    ),
    st.text(max_size=6) | st.sampled_from(["10", "-1", "2026-12-01", "Employee_ID=21002", "9" * 30]),
    max_size=3,
)


def request(tenant: WorkdayTenant, method: str, path: str, query: dict, body: bytes) -> Request:
    headers = {"authorization": f"Bearer {tenant.logins.access('alice', tenant.client_id)}", "host": "localhost"}
    return Request(method, path, quote(path), urlencode(query), headers, body, "http")


@settings(max_examples=250, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.sampled_from(["GET", "POST", "PATCH"]),
    PATHS,
    st.sampled_from(["me", "Employee_ID=21002", "x", "0" * 32]),
    QUERIES,
    BODIES,
)
def test_any_json_is_answered_or_refused(
    tenant: WorkdayTenant, method: str, path: str, worker: str, query: dict, body: dict
) -> None:
    where = f"/ccx/api/{path.format(t=tenant.tenant, w=worker)}"
    tenant.buckets.set("rest", 3600)
    reply = tenant.handle(request(tenant, method, where, query, json.dumps(body).encode()))
    assert reply.status in (200, 201, 400, 403, 404, 405), reply.body


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    st.text(max_size=12),
    st.text(max_size=12),
    st.sampled_from(["Page", "Count", "As_Of_Effective_Date", "As_Of_Entry_DateTime"]),
)
def test_any_web_service_is_answered_or_refused(tenant: WorkdayTenant, who: str, text: str, name: str) -> None:
    from xml.sax.saxutils import escape

    reference = f'<Request_References><Worker_Reference><ID type="WID">{escape(who)}</ID></Worker_Reference></Request_References>'
    body = (
        '<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/"><e:Body><Get_Workers_Request xmlns="urn:com.workday/bsvc">'
        f"{reference if who else ''}<Response_Filter><{name}>{escape(text)}</{name}></Response_Filter></Get_Workers_Request></e:Body></e:Envelope>"
    )
    tenant.buckets.set("soap", 700)
    where = f"/ccx/service/{tenant.tenant}/Human_Resources/v40.0"
    assert tenant.handle(request(tenant, "POST", where, {}, body.encode("utf-8", "replace"))).status in (200, 500)


@pytest.mark.parametrize("body", [b"[]", b"{", b"\xff", b"[" * 100_000])
def test_bodies_that_are_no_object_are_refused(tenant: WorkdayTenant, body: bytes) -> None:
    where = f"/ccx/api/v1/{tenant.tenant}/workers/{tenant.wid('bob')}/businessTitleChanges"
    assert tenant.handle(request(tenant, "POST", where, {}, body)).status == 400
