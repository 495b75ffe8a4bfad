import gzip
import time

import httpx2
import pytest

from isthmus.plugins.sandbox import FaultBoard, SalesforceOrg, Sandbox
from isthmus.plugins.sandbox.salesforce.refusals import REFUSALS

CASE = {"Subject": "fault", "Isthmus_Key__c": "fault"}


def cases(org: SalesforceOrg) -> int:
    return sum(row["Isthmus_Key__c"] == "fault" for row in org.rows("Case"))


def test_lost_answer_commits_and_closes_the_connection(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("lost_answer", method="POST", path="/sobjects/Case")
    assert crm.get("limits").status_code == 200
    with pytest.raises(httpx2.RemoteProtocolError, match="disconnected"):
        crm.post("sobjects/Case", json=CASE)
    assert cases(org) == 1
    entry = org.journal.entries[-1]
    assert (entry.status, entry.fault, [each.action for each in entry.effects]) == (None, "lost_answer", ["created"])
    assert crm.get("sobjects/Case/Isthmus_Key__c/fault").status_code == 200
    assert org.faults.armed() == ()


async def test_lost_answer_in_process_is_a_reset(org: SalesforceOrg, crm: httpx2.Client) -> None:
    org.faults.arm("lost_answer")
    transport = httpx2.ASGITransport(app=org.app)
    headers = {"authorization": crm.headers["authorization"]}
    async with httpx2.AsyncClient(transport=transport, base_url="http://crm.test", headers=headers) as client:
        with pytest.raises(ConnectionResetError):
            await client.post("/services/data/v60.0/sobjects/Case", json=CASE)
        assert (await client.get("/services/data/v60.0/limits")).status_code == 200
    assert cases(org) == 1


def test_expired_sessions_stay_expired(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("expire_session", path="/sobjects/Case")
    for _ in range(2):
        answer = crm.post("sobjects/Case", json=CASE)
        assert answer.status_code == 401
        assert answer.json() == [{"message": "Session expired or invalid", "errorCode": "INVALID_SESSION_ID"}]
    assert cases(org) == 0


@pytest.mark.parametrize(
    ("kind", "status", "code"),
    [
        ("lock_row", 400, "UNABLE_TO_LOCK_ROW"),
        ("daily_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("concurrent_limit", 403, "REQUEST_LIMIT_EXCEEDED"),
        ("unavailable", 503, "SERVER_UNAVAILABLE"),
    ],
)
def test_refusals_do_nothing_and_pass(
    crm: httpx2.Client, org: SalesforceOrg, kind: str, status: int, code: str
) -> None:
    org.faults.arm(kind, times=2)
    for _ in range(2):
        answer = crm.post("sobjects/Case", json=CASE)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, code)
    assert cases(org) == 0
    assert crm.post("sobjects/Case", json=CASE).status_code == 201


def test_the_two_request_limits_say_which_they_are(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("daily_limit")
    org.faults.arm("concurrent_limit")
    daily, concurrent = crm.get("limits"), crm.get("limits")
    assert daily.headers["sforce-limit-info"] == "api-usage=15000/15000"
    texts = [each.json()[0]["message"] for each in (daily, concurrent)]
    assert org.quota.used < org.quota.maximum
    assert texts == [
        "TotalRequests Limit exceeded.",
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.",
    ]


def test_locks_hit_writes_only(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("lock_row")
    assert crm.get("sobjects/Case/describe").status_code == 200
    assert crm.post("sobjects/Case", json=CASE).status_code == 400


@pytest.mark.parametrize("committed", [False, True])
def test_server_errors_are_empty_and_may_hide_a_commit(crm: httpx2.Client, org: SalesforceOrg, committed: bool) -> None:
    org.faults.arm("server_error", committed=committed)
    answer = crm.post("sobjects/Case", json=CASE)
    assert (answer.status_code, answer.content) == (500, b"")
    assert cases(org) == committed


def test_the_edge_throttles_without_a_hint(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("edge_throttle")
    answer = crm.get("limits")
    assert answer.status_code == 429
    assert "retry-after" not in answer.headers


def test_slow_answers_outlast_an_impatient_client(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("slow", seconds=2.5)
    with pytest.raises(httpx2.ReadTimeout):
        crm.post("sobjects/Case", json=CASE, timeout=1)
    assert cases(org) == 1
    org.faults.arm("slow", seconds=0.2)
    start = time.monotonic()
    assert crm.get("limits").status_code == 200
    assert time.monotonic() - start >= 0.2


def test_a_lost_token_answer_has_spent_the_refresh_token(org: SalesforceOrg) -> None:
    spent = org.refresh_token(org.username)
    form = {"grant_type": "refresh_token", "client_id": org.client_id, "refresh_token": spent}
    org.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        httpx2.post(f"{org.url}/services/oauth2/token", data=form, verify=False)
    again = httpx2.post(f"{org.url}/services/oauth2/token", data=form, verify=False)
    assert again.json()["error"] == "invalid_grant"


@pytest.fixture
def paged(whole: Sandbox, login) -> httpx2.Client:
    return login(whole.salesforce["us"])


def first_page(client: httpx2.Client) -> str:
    return str(client.get("query", params={"q": "SELECT Id FROM Contact"}).json()["nextRecordsUrl"])


def test_next_urls_may_lead_astray(paged: httpx2.Client, whole: Sandbox) -> None:
    faults = whole.salesforce["us"].faults
    faults.arm("foreign_next_url")
    assert first_page(paged).startswith("https://crm.foreign.example/services/data/v60.0/query/")
    faults.arm("foreign_next_url", url="//evil.example/x")
    assert first_page(paged) == "//evil.example/x"
    faults.arm("cyclic_paging", times=2)
    url = first_page(paged)
    again = paged.get(httpx2.URL(str(paged.base_url)).join(url)).json()
    assert again["nextRecordsUrl"] == url


@pytest.mark.parametrize(("error", "status"), [("INVALID_QUERY_LOCATOR", 400), ("INVALID_SESSION_ID", 401)])
def test_dead_locators_stay_dead(paged: httpx2.Client, whole: Sandbox, error: str, status: int) -> None:
    url = httpx2.URL(str(paged.base_url)).join(first_page(paged))
    whole.salesforce["us"].faults.arm("dead_locator", error=error)
    for _ in range(2):
        answer = paged.get(url)
        assert (answer.status_code, answer.json()[0]["errorCode"]) == (status, error)
    assert paged.get("limits").status_code == 200


def test_html_comes_with_a_good_status_and_does_nothing(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("html_200")
    answer = crm.post("sobjects/Case", json=CASE)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html")
    assert cases(org) == 0


def test_two_updates_may_share_a_second(crm: httpx2.Client, org: SalesforceOrg) -> None:
    key = crm.post("sobjects/Case", json=CASE).json()["id"]
    before = crm.get(f"sobjects/Case/{key}").json()["SystemModstamp"]
    org.faults.arm("same_second")
    crm.patch(f"sobjects/Case/{key}", json={"Subject": "y"})
    after = crm.get(f"sobjects/Case/{key}").json()
    assert (after["Subject"], after["SystemModstamp"]) == ("y", before)


def test_the_daily_quota_runs_out_and_comes_back(crm: httpx2.Client, sandbox: Sandbox, login) -> None:
    org = sandbox.salesforce["eu"]
    org.quota.set(used=98, maximum=100)
    assert [crm.get("limits").status_code for _ in range(3)] == [200, 200, 403]
    refused = crm.get("limits")
    assert refused.headers["sforce-limit-info"] == "api-usage=100/100"
    assert refused.json()[0]["message"] == "TotalRequests Limit exceeded."
    sandbox.clock.advance(hours=24)
    assert login(org).get("limits").json()["DailyApiRequests"] == {"Max": 100, "Remaining": 99}


def test_unknown_or_idle_faults_are_refused() -> None:
    board = FaultBoard({"slow": "waits"})
    with pytest.raises(ValueError, match="this org knows: slow"):
        board.arm("fast")
    with pytest.raises(ValueError, match="at least one request"):
        board.arm("slow", times=0)
    board.arm("slow", method="get", path="/a")
    assert board.take("slow", "POST", "/a") is None
    assert board.take("slow", "GET", "/b") is None
    board.clear()
    assert board.take("slow", "GET", "/a") is None


@pytest.mark.parametrize("kind", sorted(REFUSALS))
def test_an_org_refuses_by_its_own_rules_once(crm: httpx2.Client, org: SalesforceOrg, kind: str) -> None:
    refusal = REFUSALS[kind]
    org.faults.arm(kind)
    where = "query?q=SELECT+Id+FROM+Case+LIMIT+1" if refusal.path else "sobjects/Case"
    answers = [crm.get(where) if refusal.path else crm.post(where, json=CASE) for _ in range(2)]
    assert answers[0].status_code == refusal.status
    assert answers[0].json()[0]["errorCode"] == refusal.code
    assert answers[1].is_success
    assert cases(org) == (0 if refusal.path else 1)


def test_a_rule_about_writes_leaves_reads_alone(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("validation_rule")
    assert crm.get("sobjects/Case/describe").status_code == 200
    assert [fault.kind for fault in org.faults.armed()] == ["validation_rule"]


def test_a_server_error_names_a_code_where_it_is_told_to(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("server_error", code="UNKNOWN_EXCEPTION", status=502, committed=True)
    answer = crm.post("sobjects/Case", json=CASE)
    assert (answer.status_code, answer.json()[0]["errorCode"]) == (502, "UNKNOWN_EXCEPTION")
    assert cases(org) == 1


def test_a_small_answer_unpacks_to_a_large_one(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("gzip_bomb", megabytes=3)
    with crm.stream("GET", "limits") as answer:
        packed = b"".join(answer.iter_raw())
    assert len(packed) < 10_000
    assert len(gzip.decompress(packed)) == 3 << 20


def test_a_body_in_drops_is_whole_in_the_end(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("slow_body", seconds=0.1)
    began = time.monotonic()
    assert "DailyApiRequests" in crm.get("limits").json()
    assert time.monotonic() - began >= 0.1


def test_a_refused_token_opens_no_login(org: SalesforceOrg) -> None:
    org.faults.arm("token_refused", error="retry_request")
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    url = f"{org.url}/services/oauth2/token"
    refused, granted = (httpx2.post(url, data=form) for _ in range(2))
    assert (refused.status_code, refused.json()["error"]) == (400, "retry_request")
    assert granted.status_code == 200


def test_a_spent_day_may_leave_out_what_is_left(crm: httpx2.Client, org: SalesforceOrg) -> None:
    org.faults.arm("daily_limit", header=False)
    assert "sforce-limit-info" not in crm.get("limits").headers
