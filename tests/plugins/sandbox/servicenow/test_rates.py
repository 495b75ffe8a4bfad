import httpx2
import pytest

from isthmus.plugins.sandbox import ServiceNowInstance

from .conftest import Open

NINE = 1_795_165_200
"""When the sandbox's clock says 09:00 on its first day."""


@pytest.fixture
def rule(admin: httpx2.Client, instance: ServiceNowInstance):
    def make(limit: int, resource: str = "/api/now/table", **more: str) -> str:
        values = {"name": f"at most {limit}", "rate_limit": str(limit), "request_resource": resource, **more}
        key: str = admin.post("table/sys_rate_limit_rules", json=values).json()["result"]["sys_id"]
        return key

    return make


def codes(client: httpx2.Client, count: int, path: str = "table/problem?sysparm_limit=1") -> list[int]:
    return [client.get(path).status_code for _ in range(count)]


def test_calls_under_no_rule_have_no_headers(itsm: httpx2.Client) -> None:
    assert not [name for name in itsm.get("table/problem").headers if name.startswith("x-ratelimit")]


def test_an_hour_is_used_up_and_comes_again(itsm: httpx2.Client, instance: ServiceNowInstance, rule) -> None:
    key = rule(2)
    answer = itsm.get("table/problem?sysparm_limit=1")
    headers = {name: value for name, value in answer.headers.items() if name.startswith("x-ratelimit")}
    assert headers == {"x-ratelimit-limit": "2", "x-ratelimit-reset": str(NINE + 3_600), "x-ratelimit-rule": key}
    assert codes(itsm, 2) == [200, 429]
    instance.clock.advance(minutes=59)
    refused = itsm.get("table/problem")
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "60")
    assert refused.json()["status"] == "failure"
    assert codes(itsm, 1, "stats/problem?sysparm_count=true") == [200]
    instance.clock.advance(minutes=1)
    assert codes(itsm, 1) == [200]


def test_a_rule_for_the_user_beats_one_for_a_role_beats_one_for_all(
    itsm: httpx2.Client, instance: ServiceNowInstance, session: Open, rule
) -> None:
    rule(9)
    rule(3, role="itil")
    rule(4, role="asset")
    alice = next(row for row in instance.rows("sys_user") if row["user_name"] == "alice")
    rule(5, user=alice["sys_id"])
    limits = [
        session(instance, user).get("table/problem").headers["x-ratelimit-limit"]
        for user in ("bob", "integration", "alice")
    ]
    assert limits == ["9", "3", "5"]
    assert instance.faults.armed() == ()


def test_limits_are_overshot_where_nodes_count_late(itsm: httpx2.Client, instance: ServiceNowInstance, rule) -> None:
    rule(2)
    httpx2.post(f"{instance.url}/__sandbox__/rates", json={"commits_every": 30})
    assert codes(itsm, 5) == [200] * 5
    instance.clock.advance(seconds=31)
    assert codes(itsm, 1) == [429]
