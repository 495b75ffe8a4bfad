from typing import Any

import httpx2
import pytest

from isthmus.plugins.sandbox import WorkdayTenant

from .conftest import Open
from .test_events import codes

ABSENCE = "absenceManagement/v1"
SUBMIT = {"action": {"id": "d9e4223e446c11de98360015c5e6daf6"}}


def day(date: str | None, kind: str | None = "Vacation", quantity: object = 1, **more: Any) -> dict[str, Any]:
    found = {
        "date": date,
        "timeOffType": kind and {"id": f"Time_Off_Type_ID={kind}"},
        "dailyQuantity": quantity,
        **more,
    }
    return {name: value for name, value in found.items() if value is not None}


@pytest.fixture
def bob(tenant: WorkdayTenant, session: Open) -> httpx2.Client:
    return session(tenant, "bob", ABSENCE)


def ask(client: httpx2.Client, *days: dict[str, Any], **more: Any) -> httpx2.Response:
    return client.post("workers/me/requestTimeOff", json={"businessProcessParameters": SUBMIT, "days": days, **more})


def vacation(client: httpx2.Client) -> int:
    rows = client.get("balances", params={"worker": "Employee_ID=21002"}).json()["data"]
    return next(each["quantity"] for each in rows if each["absencePlan"]["descriptor"] == "Vacation")


def test_a_request_waits_for_the_manager_and_counts_at_once(
    bob: httpx2.Client, tenant: WorkdayTenant, session: Open
) -> None:
    assert vacation(bob) == 30
    answer = ask(bob, day("2026-12-01"), day("2026-12-02", quantity="0.5", comment="half"))
    shown = answer.json()["businessProcessParameters"]
    assert (answer.status_code, shown["overallStatus"]) == (201, "In Progress")
    assert [each["dailyQuantity"] for each in answer.json()["days"]] == [1, 0.5]
    assert vacation(bob) == 28.5
    step = session(tenant, "greta").get("workers/me/inboxTasks").json()["data"][0]["id"]
    greta = session(tenant, "greta", "businessProcess/v1")
    greta.post(f"eventSteps/{step}/approve", json={"id": step, "comment": "enjoy"})
    details = bob.get("workers/me/timeOffDetails").json()["data"]
    assert {each["status"]["descriptor"] for each in details} == {"Approved"}
    assert session(tenant, "bob").get("workers/me/timeOffEntries").json()["total"] == 2


def test_a_denied_request_gives_the_days_back(bob: httpx2.Client, tenant: WorkdayTenant, session: Open) -> None:
    ask(bob, day("2026-12-01"))
    step = session(tenant, "greta").get("workers/me/inboxTasks").json()["data"][0]["id"]
    greta = session(tenant, "greta", "businessProcess/v1")
    assert greta.post(f"eventSteps/{step}/deny", json={"id": step, "comment": "no"}).status_code == 201
    assert vacation(bob) == 30


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ([day(None)], "A1038"),
        ([day("2026-12-01", None)], "A1009"),
        ([day("2026-12-01", quantity=None)], "A1017"),
        ([day("2026-12-01", quantity=0)], "A1016"),
        ([], "A1020"),
        ([day("2026-12-01"), day("2026-12-01")], "A1032"),
        ([day("2026-11-28")], "A1048"),
        ([day("2026-12-31")], "A228"),
        ([day("2026-12-01", "Sick_Day")], "A1036"),
        ([day("2026-12-01", start="10:00", end="09:00")], "A1029"),
        ([day("2026-12-01", reason={"id": "0" * 32})], "A1021"),
        ([day("2026-12-01", quantity=31)], "A1011"),
        ([day(f"2027-02-{each:02d}") for each in range(1, 29) if each % 7 not in (6, 0)], "A1027"),
    ],
)
def test_days_that_cannot_be_taken(bob: httpx2.Client, days: list[dict[str, Any]], code: str) -> None:
    answer = ask(bob, *days)
    assert (answer.status_code, codes(answer)) == (400, [code])
    assert answer.json()["errors"][0]["error"].startswith(code)
    assert vacation(bob) == 30


def test_the_action_must_be_submit(bob: httpx2.Client) -> None:
    answer = ask(bob, day("2026-12-01"), businessProcessParameters={"action": {"id": "0" * 32}})
    assert codes(answer) == ["A219"]


def test_the_same_request_again_is_already_initiated_and_later_an_overlap(
    bob: httpx2.Client, tenant: WorkdayTenant, session: Open
) -> None:
    ask(bob, day("2026-12-01"))
    assert codes(ask(bob, day("2026-12-01"))) == ["A178"]
    assert codes(ask(bob, day("2026-12-01"), day("2026-12-02"))) == ["A1008"]


def test_many_days_in_a_row_are_warned_about(bob: httpx2.Client) -> None:
    days = [day(f"2027-02-{each:02d}") for each in range(1, 16) if each % 7 not in (6, 0)]
    shown = ask(bob, *days).json()["businessProcessParameters"]
    assert shown["warningValidations"].startswith("A1039")


def test_what_can_be_asked_for_is_told_before(bob: httpx2.Client) -> None:
    kinds = bob.get("workers/me/eligibleAbsenceTypes").json()["data"]
    assert [each["descriptor"] for each in kinds] == ["Vacation", "Sick Day", "Unpaid Time Off"]
    dates = bob.get("workers/me/validTimeOffDates", params={"date": ["2026-11-27", "2026-11-28"]}).json()["data"]
    assert [each["date"] for each in dates] == ["2026-11-27"]


def test_only_those_above_ask_for_others(bob: httpx2.Client, tenant: WorkdayTenant, session: Open) -> None:
    body = {"businessProcessParameters": SUBMIT, "days": [day("2026-12-01")]}
    assert bob.post(f"workers/{tenant.wid('dave')}/requestTimeOff", json=body).status_code == 403
    greta = session(tenant, "greta", ABSENCE)
    assert greta.post(f"workers/{tenant.wid('dave')}/requestTimeOff", json=body).status_code == 201
    assert bob.get(f"workers/{tenant.wid('dave')}/timeOffDetails").json() == {"total": 0, "data": []}


def test_a_request_whose_answer_was_lost_is_found_by_its_days(bob: httpx2.Client, tenant: WorkdayTenant) -> None:
    tenant.faults.arm("lost_answer", method="POST")
    with pytest.raises(httpx2.TransportError):
        ask(bob, day("2026-12-01"))
    assert [each["date"] for each in bob.get("workers/me/timeOffDetails").json()["data"]] == ["2026-12-01"]
