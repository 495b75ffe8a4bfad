import json
import time

import httpx2
import pytest

from isthmus.plugins.sandbox import ServiceNowInstance
from isthmus.plugins.sandbox.servicenow import FAULTS

from .conftest import Open

INCIDENT = {"short_description": "fault"}


def made(instance: ServiceNowInstance) -> int:
    return sum(row["short_description"] == "fault" for row in instance.rows("incident"))


def test_a_lost_answer_commits_and_closes_the_connection(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("lost_answer", method="POST", path="/table/incident")
    assert itsm.get("table/incident?sysparm_limit=1").status_code == 200
    with pytest.raises(httpx2.RemoteProtocolError, match="disconnected"):
        itsm.post("table/incident", json=INCIDENT)
    entry = instance.journal.entries[-1]
    assert (made(instance), entry.status, entry.fault) == (1, None, "lost_answer")
    assert [each.action for each in entry.effects] == ["created"]


@pytest.mark.parametrize(
    ("kind", "status", "media"),
    [
        ("session_queue_full", 202, None),
        ("html_200", 200, "text/html"),
        ("login_page", 302, None),
        ("bad_gateway", 502, "text/html"),
        ("unavailable", 503, "text/html"),
        ("server_error", 500, "application/json;charset=UTF-8"),
        ("rate_limit", 429, "application/json;charset=UTF-8"),
        ("semaphores", 429, "application/json;charset=UTF-8"),
    ],
)
def test_some_mishaps_do_nothing_and_pass(
    itsm: httpx2.Client, instance: ServiceNowInstance, kind: str, status: int, media: str | None
) -> None:
    instance.faults.arm(kind)
    answer = itsm.post("table/incident", json=INCIDENT)
    assert (answer.status_code, answer.headers.get("content-type"), made(instance)) == (status, media, 0)
    assert instance.journal.entries[-1].fault == kind
    assert itsm.post("table/incident", json=INCIDENT).status_code == 201
    assert instance.journal.entries[-1].fault is None


def test_a_throttle_says_when_and_semaphores_say_nothing(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("rate_limit", seconds=7)
    instance.faults.arm("semaphores")
    told, silent = itsm.get("table/problem"), itsm.get("table/problem")
    assert (told.headers["retry-after"], "x-ratelimit-reset" in told.headers) == ("7", True)
    assert not [name for name in silent.headers if name.startswith("x-ratelimit") or name == "retry-after"]


def test_an_error_may_come_after_the_deed(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("server_error", committed=True, status=503)
    assert itsm.post("table/incident", json=INCIDENT).status_code == 503
    assert made(instance) == 1


def test_hidden_rows_leave_the_count(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("hide_rows", every=3)
    answer = itsm.get("table/change_request?sysparm_limit=36")
    assert (len(answer.json()["result"]), answer.headers["x-total-count"]) == (24, "69")


def test_shuffled_rows_repeat_and_skip(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("shuffled_rows", times=2)
    query = "table/change_request?sysparm_limit=30&sysparm_fields=sys_id&sysparm_offset="
    pages = [{row["sys_id"] for row in itsm.get(f"{query}{offset}").json()["result"]} for offset in (0, 30)]
    assert pages[0] & pages[1]


def test_fields_are_dropped_or_altered_in_silence(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("drop_field", field="urgency")
    instance.faults.arm("altered_write", field="category", value="hardware")
    answer = itsm.post("table/incident", json={"urgency": "1", "category": "software"})
    found = answer.json()["result"]
    assert (answer.status_code, found["urgency"], found["category"]) == (201, "3", "hardware")
    entry = instance.journal.entries[-1]
    assert entry.fault in ("drop_field", "altered_write")
    assert instance.faults.armed() == ()


def test_a_page_breaks_off(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("transaction_quota", rows=2)
    instance.faults.arm("transaction_quota", style="truncated", rows=2)
    said = itsm.get("table/incident").json()
    assert (len(said["result"]), said["status"]) == (2, "failure")
    assert said["error"]["message"] == "Transaction cancelled: maximum execution time exceeded"
    cut = itsm.get("table/incident")
    assert cut.status_code == 200
    with pytest.raises(json.JSONDecodeError):
        cut.json()


def test_a_batch_stops_early(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("batch_unserviced", serviced=1)
    parts = [{"id": key, "method": "GET", "url": "/api/now/table/problem?sysparm_limit=1"} for key in (1, 2, 3)]
    found = itsm.post("v1/batch", json={"batch_request_id": "b", "rest_requests": parts}).json()
    assert ([each["id"] for each in found["serviced_requests"]], found["unserviced_requests"]) == (["1"], ["2", "3"])


def test_a_token_ends_early(instance: ServiceNowInstance) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": instance.client_id,
        "client_secret": instance.client_secret,
    }
    token = httpx2.post(f"{instance.url}/oauth_token.do", data=form).json()["access_token"]
    instance.faults.arm("expire_session")
    headers = {"authorization": f"Bearer {token}"}
    assert [httpx2.get(f"{instance.url}/api/now/table/problem", headers=headers).status_code for _ in range(2)] == [
        401
    ] * 2


def test_a_link_leads_elsewhere(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("foreign_link", url="https://evil.example")
    assert "https://evil.example/api/now/table/incident?" in itsm.get("table/incident?sysparm_limit=1").headers["link"]
    assert "evil" not in itsm.get("table/incident?sysparm_limit=1").headers["link"]


def test_waiting_for_a_semaphore_is_told(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    assert "sem_wait;dur=0, sesh_wait;dur=0" in itsm.get("table/problem").headers["server-timing"]
    instance.faults.arm("slow_semaphore", milliseconds=1_234)
    assert "sem_wait;dur=1234," in itsm.get("table/problem").headers["server-timing"]


def test_slow_answers_take_their_time(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    for kind in ("slow", "slow_body"):
        instance.faults.arm(kind, seconds=0.3)
        began = time.monotonic()
        assert itsm.get("table/problem?sysparm_limit=1").status_code == 200
        assert time.monotonic() - began >= 0.27


def test_tokens_are_refused_or_lost(instance: ServiceNowInstance) -> None:
    form = {
        "grant_type": "client_credentials",
        "client_id": instance.client_id,
        "client_secret": instance.client_secret,
    }
    instance.faults.arm("token_refused", error="server_error")
    assert httpx2.post(f"{instance.url}/oauth_token.do", data=form).json()["error"] == "server_error"
    instance.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.post(f"{instance.url}/oauth_token.do", data=form)


def test_two_changes_may_share_a_second(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    row = itsm.post("table/incident", json=INCIDENT).json()["result"]
    instance.faults.arm("same_second")
    found = itsm.patch(f"table/incident/{row['sys_id']}", json={"urgency": "1"}).json()["result"]
    assert (found["sys_updated_on"], found["sys_mod_count"]) == (row["sys_updated_on"], "1")


def test_a_bomb_is_small_on_the_wire(itsm: httpx2.Client, instance: ServiceNowInstance) -> None:
    instance.faults.arm("gzip_bomb", megabytes=3)
    assert len(itsm.get("table/problem").content) == 3 << 20


def test_levers_arm_every_fault_from_outside(instance: ServiceNowInstance, itsm: httpx2.Client, session: Open) -> None:
    lever = f"{instance.url}/__sandbox__"
    for kind in FAULTS:
        httpx2.post(f"{lever}/faults", json={"kind": kind}).raise_for_status()
    assert {each["kind"] for each in httpx2.get(f"{lever}/faults").json()["armed"]} == set(FAULTS)
    httpx2.delete(f"{lever}/faults").raise_for_status()
    itsm.get("table/problem").raise_for_status()
    assert httpx2.get(f"{lever}/journal").json()["entries"][0]["path"] == "/api/now/table/problem"
    assert httpx2.get(f"{lever}/rows/sys_user?user_name=admin").json()["rows"][0]["sys_id"].startswith("6816")
    assert httpx2.get(f"{lever}/rows/nope").status_code == 400
    assert httpx2.get(f"{lever}/org").json()["name"] == "eu"
