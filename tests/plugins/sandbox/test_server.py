import socket

import httpx2
import pytest
from tests.plugins.sandbox.conftest import quick

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox


def test_an_org_has_no_url_before_it_listens() -> None:
    org = Sandbox(accounts=5, contacts=10).salesforce["eu"]
    with pytest.raises(RuntimeError, match="enter the sandbox first"):
        _ = org.url


async def test_the_app_works_without_a_port() -> None:
    org = Sandbox(accounts=5, contacts=10).salesforce["eu"]
    transport = httpx2.ASGITransport(app=org.app)
    async with httpx2.AsyncClient(transport=transport, base_url="https://acme.my.salesforce.com") as client:
        form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
        answer = await client.post("/services/oauth2/token", data=form)
    assert answer.json()["instance_url"] == "https://acme.my.salesforce.com"


def test_a_taken_port_is_refused_and_nothing_stays_open() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(OSError, match="in use"):
            Sandbox(accounts=5, contacts=10, ports={"us": taken.getsockname()[1]}).__enter__()


def test_a_chosen_port_is_used() -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with Sandbox(accounts=5, contacts=10, ports={"eu": port}) as sandbox:
        assert sandbox.salesforce["eu"].url == f"http://127.0.0.1:{port}"
        assert httpx2.get(f"{sandbox.salesforce['eu'].url}/services/data", verify=False).status_code == 200


def test_header_names_are_written_as_the_vendors_write_them(crm: httpx2.Client) -> None:
    names = [name for name, _ in crm.get("limits").headers.raw]
    assert {b"Content-Type", b"Content-Length", b"Sforce-Limit-Info"} <= set(names)


def test_requests_on_one_connection_are_quick(org: SalesforceOrg, crm: httpx2.Client) -> None:
    crm.get("limits")
    assert quick(lambda: crm.get("limits"), 50)


def test_reset_brings_everything_back(sandbox: Sandbox, crm: httpx2.Client) -> None:
    org = sandbox.salesforce["eu"]
    before, key, token = org.rows("Case"), org.private_key_pem, crm.headers["authorization"]
    crm.post("sobjects/Case", json={"Subject": "x"})
    sandbox.clock.advance(hours=1)
    org.faults.arm("slow")
    sandbox.reset()
    fresh = sandbox.salesforce["eu"]
    assert (fresh.url, fresh.client_secret, fresh.private_key_pem) == (org.url, org.client_secret, key)
    assert fresh.rows("Case") == before
    assert (fresh.faults.armed(), fresh.journal.entries) == ((), ())
    assert crm.get("limits", headers={"authorization": token}).status_code == 401
    assert fresh.clock.now().hour == 9
