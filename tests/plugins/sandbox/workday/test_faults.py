import httpx2
import pytest

from isthmus.plugins.sandbox import WorkdayTenant
from isthmus.plugins.sandbox.workday import FAULTS

from .conftest import Open

AGENT = {
    "name": "Support agent",
    "description": "Answers",
    "url": "https://agent.example",
    "provider": {"id": "Provider=Kessmar"},
    "platform": {"id": "Platform=Isthmus"},
    "version": "1",
    "capabilities": {"streaming": False},
    "skills": [{"id": "s", "name": "S", "description": "d", "tags": [{"tag": "t"}]}],
}


@pytest.mark.parametrize(
    ("kind", "status"),
    [("rate_limit", 429), ("unavailable", 503), ("bad_gateway", 502), ("gateway_timeout", 504), ("server_error", 500)],
)
def test_mishaps_before_the_deed(common: httpx2.Client, tenant: WorkdayTenant, kind: str, status: int) -> None:
    tenant.faults.arm(kind)
    body = {"proposedBusinessTitle": "X"}
    answer = common.post(f"workers/{tenant.wid('bob')}/businessTitleChanges", json=body)
    assert (answer.status_code, tenant.rows("Event")) == (status, [])
    entry = tenant.journal.entries[-1]
    assert (entry.fault, entry.system, entry.org, entry.effects) == (kind, "workday", "eu", ())


@pytest.mark.parametrize("kind", ["server_error", "gateway_timeout"])
def test_mishaps_after_the_deed(common: httpx2.Client, tenant: WorkdayTenant, kind: str) -> None:
    tenant.faults.arm(kind, committed=True)
    body = {"proposedBusinessTitle": "X"}
    assert common.post(f"workers/{tenant.wid('bob')}/businessTitleChanges", json=body).status_code >= 500
    assert len(tenant.rows("Event")) == 1


def test_a_token_ends_and_a_row_hides(common: httpx2.Client, tenant: WorkdayTenant) -> None:
    tenant.faults.arm("hide_rows")
    whole, hidden = tenant.view(tenant.users["alice"]).workers(), common.get("workers", params={"limit": 100}).json()
    assert (len(hidden["data"]), hidden["total"]) == (50, len(whole) - 50)
    tenant.faults.arm("expire_token")
    assert [common.get("workers").status_code for _ in range(2)] == [401, 401]


def test_a_write_loses_a_field(common: httpx2.Client, tenant: WorkdayTenant, session: Open) -> None:
    tenant.faults.arm("drop_field", field="title")
    common.post(f"workers/{tenant.wid('bob')}/businessTitleChanges", json={"proposedBusinessTitle": "X"})
    step = tenant.rows("EventStep")[0]
    boss = session(tenant, str(step["awaiting"]), "businessProcess/v1")
    assert boss.post(f"eventSteps/{step['id']}/approve", json={"id": step["id"], "comment": "x"}).status_code == 201
    assert common.get(f"workers/{tenant.wid('bob')}").json()["businessTitle"] == "Field Sales Representative"


def test_an_agent_is_registered_once_and_then_updated(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    bare.headers["authorization"] = f"Bearer {tenant.logins.access('integration', tenant.client_id)}"
    first = bare.post("/asor/v1/agentDefinition", json=AGENT)
    again = bare.post("/asor/v1/agentDefinition", json={**AGENT, "description": "Answers more"})
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert [each["description"] for each in tenant.rows("Agent")] == ["Answers more"]
    listed = bare.get(f"/api/asor/v1/{tenant.alias}/agentDefinition").json()
    assert (listed["total"], listed["data"][0]["version"]) == (1, "1")
    assert bare.get(f"/asor/v1/agentDefinition/{first.json()['id']}").json()["name"] == "Support agent"


@pytest.mark.parametrize(
    ("change", "code"),
    [({"platform": {"id": "Platform=Workday"}}, "A161"), ({"name": None}, None), ({"skills": [{"id": "s"}]}, None)],
)
def test_agents_that_are_refused(bare: httpx2.Client, tenant: WorkdayTenant, change: dict, code: str | None) -> None:
    bare.headers["authorization"] = f"Bearer {tenant.logins.access('integration', tenant.client_id)}"
    answer = bare.post("/asor/v1/agentDefinition", json={**AGENT, **change})
    assert (answer.status_code, answer.json()["errors"][0].get("code")) == (400, code)
    assert tenant.rows("Agent") == []


def test_an_external_id_is_unique_for_its_provider(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    bare.headers["authorization"] = f"Bearer {tenant.logins.access('integration', tenant.client_id)}"
    bare.post("/asor/v1/agentDefinition", json={**AGENT, "externalAgentID": "e"})
    answer = bare.post("/asor/v1/agentDefinition", json={**AGENT, "externalAgentID": "e", "version": "2"})
    assert answer.json()["errors"][0]["code"] == "A3015"


def test_levers_list_the_faults_and_the_rows(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    assert bare.get("/__sandbox__/faults").json()["kinds"] == dict(FAULTS)
    assert bare.get("/__sandbox__/rows/Worker", params={"login": "bob"}).json()["rows"][0]["number"] == "21002"


def test_hosts_lead_to_their_tenants(sandbox) -> None:
    import ssl

    context = ssl.create_default_context(cafile=str(sandbox.ca_file))
    with httpx2.Client(verify=context, proxy=sandbox.gate, timeout=10) as client:
        for home, tenant in sandbox.workday.items():
            headers = {"authorization": f"Bearer {tenant.logins.access('alice', tenant.client_id)}"}
            for host, start, name in ((tenant.host, "/ccx", tenant.tenant), (tenant.gateway, "", tenant.alias)):
                answer = client.get(f"https://{host}{start}/api/v1/{name}/workers/me", headers=headers)
                assert (answer.status_code, answer.json()["id"]) == (200, tenant.wid("alice")), home
