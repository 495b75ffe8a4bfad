import socket
import ssl
import stat
from collections.abc import Callable, Iterator

import httpx2
import pytest
from tests.plugins.sandbox.conftest import quick

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

LOGIN = "https://login.salesforce.com"
TOKEN = "/services/oauth2/token"
Open = Callable[..., httpx2.Client]


@pytest.fixture
def behind_the_gate(sandbox: Sandbox) -> Iterator[httpx2.Client]:
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    with httpx2.Client(proxy=sandbox.gate, verify=context, trust_env=False, timeout=5) as client:
        yield client


def client_credentials(client: httpx2.Client, org: SalesforceOrg, origin: str) -> dict[str, str]:
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    return client.post(origin + TOKEN, data=form).json()


def password(client: httpx2.Client, org: SalesforceOrg, origin: str = LOGIN) -> dict[str, str]:
    username, (word, token) = org.username, org.passwords.of(org.username)
    form = {"grant_type": "password", "client_id": org.client_id, "client_secret": org.client_secret}
    return client.post(origin + TOKEN, data={**form, "username": username, "password": word + token}).json()


@pytest.mark.parametrize(
    "name",
    [
        "127.0.0.1",
        "localhost",
        "login.salesforce.com",
        "kessmar-eu.my.salesforce.com",
        "kessmar--eu.sandbox.my.salesforce.com",
        "kessmareu.service-now.com",
        "wd3-impl-services1.workday.com",
        "eu.agent.workday.com",
    ],
)
def test_the_certificate_holds_for_every_name_under_strict_rules(sandbox: Sandbox, name: str) -> None:
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    context.verify_flags |= ssl.VERIFY_X509_STRICT
    with (
        socket.create_connection(("127.0.0.1", sandbox.tls_port), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        assert secure.version() in ("TLSv1.2", "TLSv1.3")


@pytest.mark.parametrize("name", ["example.com", "salesforce.com.example", "a.b.salesforce.com"])
def test_the_certificate_holds_for_no_other_name(sandbox: Sandbox, name: str) -> None:
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    with (
        socket.create_connection(("127.0.0.1", sandbox.tls_port), timeout=5) as plain,
        pytest.raises(ssl.SSLCertVerificationError),
    ):
        context.wrap_socket(plain, server_hostname=name)


def test_no_key_lies_in_a_file_and_the_folder_is_private_and_ends() -> None:
    with Sandbox(accounts=5, contacts=10) as sandbox:
        folder = sandbox.ca_file.parent
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        assert [each.name for each in folder.iterdir()] == ["ca.pem"]
        assert "PRIVATE" not in sandbox.ca_file.read_text()
        with socket.create_connection(("127.0.0.1", sandbox.tls_port)):
            pass
    assert not folder.exists()
    with pytest.raises(RuntimeError, match="enter"):
        _ = sandbox.ca_file
    with pytest.raises(RuntimeError, match="enter"):
        _ = sandbox.gate


def test_the_authority_vouches_for_the_vendors_names_only(sandbox: Sandbox) -> None:
    from cryptography import x509

    root = x509.load_pem_x509_certificate(sandbox.ca_file.read_bytes())
    allowed = root.extensions.get_extension_for_class(x509.NameConstraints)
    assert allowed.critical
    assert [str(each.value) for each in allowed.value.permitted_subtrees or ()] == [
        "salesforce.com",
        "service-now.com",
        "s4hana.cloud.sap",
        "workday.com",
        "localhost",
        "127.0.0.1/32",
    ]


@pytest.mark.parametrize("home", ["eu", "us"])
def test_each_host_leads_to_its_org(sandbox: Sandbox, behind_the_gate: httpx2.Client, home: str) -> None:
    org = sandbox.salesforce[home]
    for origin in (org.my_domain, f"https://kessmar--{home}.sandbox.my.salesforce.com"):
        answer = client_credentials(behind_the_gate, org, origin)
        assert answer["instance_url"] == origin
        assert answer["access_token"].startswith(org.org_id[:15])


@pytest.mark.parametrize("home", ["eu", "us"])
@pytest.mark.parametrize("host", ["login", "test"])
def test_at_a_login_host_the_consumer_key_tells_the_org(
    sandbox: Sandbox, behind_the_gate: httpx2.Client, home: str, host: str
) -> None:
    org = sandbox.salesforce[home]
    answer = password(behind_the_gate, org, f"https://{host}.salesforce.com")
    assert answer["instance_url"] == org.my_domain
    assert answer["id"].startswith(f"https://{host}.salesforce.com/id/{org.org_id}/005")


def test_client_credentials_are_refused_at_a_login_host(org: SalesforceOrg, behind_the_gate: httpx2.Client) -> None:
    answer = client_credentials(behind_the_gate, org, LOGIN)
    assert answer == {"error": "invalid_grant", "error_description": "request not supported on this domain"}


@pytest.mark.parametrize("home", ["eu", "us"])
def test_at_a_shared_host_refresh_and_access_tokens_tell_the_org(sandbox: Sandbox, home: str) -> None:
    org = sandbox.salesforce[home]
    form = {"grant_type": "refresh_token", "client_id": org.client_id}
    origin = f"https://127.0.0.1:{sandbox.tls_port}"
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    with httpx2.Client(verify=context, base_url=origin) as client:
        token = client.post(TOKEN, data={**form, "refresh_token": org.refresh_token(org.username)}).json()
        assert token["instance_url"] == origin
        mine = {"authorization": f"Bearer {token['access_token']}"}
        answer = client.get("/services/oauth2/userinfo", headers=mine).json()
        assert answer["organization_id"] == org.org_id
        assert client.post("/services/oauth2/revoke", data={"token": token["access_token"]}).status_code == 200
        assert client.get("/services/oauth2/userinfo", headers=mine).status_code == 401


def test_a_token_is_worth_nothing_at_the_other_orgs_host(sandbox: Sandbox, behind_the_gate: httpx2.Client) -> None:
    token = client_credentials(behind_the_gate, sandbox.salesforce["eu"], sandbox.salesforce["eu"].my_domain)
    bearer = {"authorization": f"Bearer {token['access_token']}"}
    path = "/services/data/v60.0/limits"
    seen = [
        behind_the_gate.get(sandbox.salesforce[home].my_domain + path, headers=bearer).status_code
        for home in ("eu", "us")
    ]
    assert seen == [200, 401]


def test_a_my_domain_that_nobody_has_is_not_answered(behind_the_gate: httpx2.Client) -> None:
    answer = behind_the_gate.get("https://acme.my.salesforce.com/services/data")
    assert (answer.status_code, answer.text) == (404, "URL No Longer Exists")


def test_reset_reaches_the_tls_port_too(sandbox: Sandbox, behind_the_gate: httpx2.Client) -> None:
    org = sandbox.salesforce["eu"]
    token = client_credentials(behind_the_gate, org, org.my_domain)["access_token"]
    sandbox.reset()
    url = f"{org.my_domain}/services/data/v60.0/limits"
    assert behind_the_gate.get(url, headers={"authorization": f"Bearer {token}"}).status_code == 401
    assert sandbox.salesforce["eu"].journal.entries[-1].path == "/services/data/v60.0/limits"


STATUSES = {
    "expire_session": 401,
    "daily_limit": 403,
    "concurrent_limit": 403,
    "server_error": 500,
    "unavailable": 503,
    "edge_throttle": 429,
    "html_200": 200,
}


@pytest.mark.parametrize(("kind", "status"), STATUSES.items())
def test_faults_hold_over_tls(org: SalesforceOrg, behind_the_gate: httpx2.Client, kind: str, status: int) -> None:
    token = client_credentials(behind_the_gate, org, org.my_domain)["access_token"]
    org.faults.arm(kind)
    answer = behind_the_gate.get(
        f"{org.my_domain}/services/data/v60.0/limits", headers={"authorization": f"Bearer {token}"}
    )
    assert (answer.status_code, org.journal.entries[-1].fault) == (status, kind)
    assert ("DOCTYPE" in answer.text) is (kind == "html_200")


def test_an_answer_is_lost_over_tls_after_the_work_was_done(org: SalesforceOrg, behind_the_gate: httpx2.Client) -> None:
    token = client_credentials(behind_the_gate, org, org.my_domain)["access_token"]
    org.faults.arm("lost_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        behind_the_gate.post(
            f"{org.my_domain}/services/data/v60.0/sobjects/Case",
            json={"Subject": "sent once"},
            headers={"authorization": f"Bearer {token}"},
        )
    entry = org.journal.entries[-1]
    assert (entry.status, [each.action for each in entry.effects]) == (None, ["created"])
    org.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.RemoteProtocolError):
        client_credentials(behind_the_gate, org, org.my_domain)


def test_a_slow_answer_is_slow_over_tls(org: SalesforceOrg, behind_the_gate: httpx2.Client) -> None:
    url = f"{org.my_domain}/services/data"
    assert behind_the_gate.get(url).status_code == 200
    org.faults.arm("slow", seconds=2.5)
    with pytest.raises(httpx2.ReadTimeout):
        behind_the_gate.get(url, timeout=1)


def test_requests_over_tls_are_quick(org: SalesforceOrg, behind_the_gate: httpx2.Client) -> None:
    url = f"{org.my_domain}/services/data"
    behind_the_gate.get(url)
    assert quick(lambda: behind_the_gate.get(url), 20)


def test_leaving_waits_for_no_client_that_keeps_its_connections_open(caplog: pytest.LogCaptureFixture) -> None:
    with Sandbox(accounts=5, contacts=10) as sandbox:
        context = ssl.create_default_context(cafile=sandbox.ca_file)
        through = httpx2.Client(proxy=sandbox.gate, verify=context, trust_env=False)
        direct = httpx2.Client(verify=context, trust_env=False)
        through.get(f"{LOGIN}/services/data")
        direct.get(f"https://localhost:{sandbox.tls_port}/services/data")
    assert "graceful shutdown exceeded" not in caplog.text
    through.close()
    direct.close()
