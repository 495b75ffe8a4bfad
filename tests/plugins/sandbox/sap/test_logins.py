import base64

import httpx2
import pytest

from isthmus.plugins.sandbox import Sandbox, SapLandscape

from .conftest import SO, SO4, UNUSED, Open

OWN, PLATFORM = "/sap/bc/sec/oauth2/token", "/oauth/token"
SAML = "urn:ietf:params:oauth:grant-type:saml2-bearer"
JWT = "urn:ietf:params:oauth:grant-type:jwt-bearer"
DESTINATIONS = "/destination-configuration/v1/destinations"


@pytest.fixture
def client(landscape: SapLandscape) -> httpx2.Client:
    with httpx2.Client(
        base_url=landscape.url, timeout=10, verify=UNUSED, headers={"accept": "application/json"}
    ) as client:
        yield client


def grant(landscape: SapLandscape, kind: str = "client_credentials", **more: str) -> dict[str, str]:
    known = {"client_id": landscape.client_id, "client_secret": landscape.client_secret}
    return {"grant_type": kind, **known, **more}


def bearer(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code == 200, answer.text
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


@pytest.mark.parametrize("path", [OWN, PLATFORM])
def test_client_credentials_log_the_technical_user_on_for_ten_minutes(
    client: httpx2.Client, landscape: SapLandscape, path: str
) -> None:
    answer = client.post(path, data=grant(landscape))
    assert (answer.json()["expires_in"], answer.json()["token_type"]) == (600, "bearer")
    assert client.get(f"{SO}/", headers=bearer(answer)).status_code == 200
    assert landscape.journal.entries[-1].user == "integration"
    assert landscape.journal.entries[-2].body == ""
    landscape.clock.advance(minutes=10)
    assert client.get(f"{SO}/", headers=bearer(answer)).status_code == 401


def test_the_client_may_come_in_a_basic_header(client: httpx2.Client, landscape: SapLandscape) -> None:
    given = {"grant_type": "client_credentials"}
    assert client.post(OWN, data=given, auth=(landscape.client_id, landscape.client_secret)).status_code == 200
    wrong = client.post(OWN, data=given, auth=(landscape.client_id, "no"))
    assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")


@pytest.mark.parametrize("kind", [SAML, JWT])
def test_a_users_assertion_gives_the_users_own_token(
    client: httpx2.Client, landscape: SapLandscape, sandbox: Sandbox, kind: str
) -> None:
    def assertion(of: SapLandscape) -> str:
        return of.saml_assertion("alice") if kind == SAML else of.user_token("alice")

    answer = client.post(PLATFORM, data=grant(landscape, kind, assertion=assertion(landscape)))
    assert client.get(f"{SO}/A_SalesOrder/$count", headers=bearer(answer)).status_code == 200
    assert landscape.journal.entries[-1].user == "alice"
    foreign = client.post(PLATFORM, data=grant(landscape, kind, assertion=assertion(sandbox.sap["us"])))
    assert (foreign.status_code, foreign.json()["error"]) == (400, "invalid_grant")
    assert client.post(PLATFORM, data=grant(landscape, kind, assertion="x")).status_code == 400


def test_an_assertion_that_was_touched_is_refused(client: httpx2.Client, landscape: SapLandscape) -> None:
    text = base64.urlsafe_b64decode(landscape.saml_assertion("alice") + "==").replace(b">alice<", b">greta<")
    forged = base64.urlsafe_b64encode(text).decode()
    answer = client.post(OWN, data=grant(landscape, SAML, assertion=forged))
    assert "signature" in answer.json()["error_description"]


def test_a_scope_narrows_the_services(client: httpx2.Client, landscape: SapLandscape) -> None:
    token = bearer(client.post(OWN, data=grant(landscape, scope="product")))
    assert client.get(f"{SO}/", headers=token).status_code == 403


def test_two_bindings_live_at_a_time(client: httpx2.Client, landscape: SapLandscape) -> None:
    old = bearer(client.post(PLATFORM, data=grant(landscape)))
    made = client.post("/__sandbox__/bindings").json()
    new = bearer(client.post(PLATFORM, data={"grant_type": "client_credentials", **made}))
    client.request("DELETE", "/__sandbox__/bindings", json={"client_id": landscape.client_id})
    assert client.get(f"{SO}/", headers=old).status_code == 401
    assert client.get(f"{SO}/", headers=new).status_code == 200
    assert client.post(PLATFORM, data=grant(landscape)).status_code == 401


def test_five_wrong_passwords_lock_a_user(client: httpx2.Client, landscape: SapLandscape) -> None:
    right = ("BOB", landscape.password("bob"))
    for _ in range(4):
        refusal = client.get(f"{SO}/", auth=("BOB", "wrong"))
        assert (refusal.status_code, refusal.headers["content-type"]) == (401, "text/html;charset=utf-8")
        assert refusal.headers["www-authenticate"].startswith("Basic realm=")
    assert client.get(f"{SO}/", auth=right).status_code == 200
    for _ in range(5):
        client.get(f"{SO}/", auth=("BOB", "wrong"))
    assert client.get(f"{SO}/", auth=right).status_code == 401
    client.request("DELETE", "/__sandbox__/lockedusers/bob")
    assert client.get(f"{SO}/", auth=right).status_code == 200


def test_a_locked_user_gets_nowhere(client: httpx2.Client, landscape: SapLandscape) -> None:
    assert client.get(f"{SO}/", auth=("ERIN", landscape.password("erin"))).status_code == 401
    answer = client.post(PLATFORM, data=grant(landscape, JWT, assertion=landscape.user_token("erin")))
    assert answer.json()["error"] == "invalid_grant"


def test_a_bearer_needs_the_csrf_token_all_the_same(client: httpx2.Client, landscape: SapLandscape) -> None:
    token = bearer(client.post(OWN, data=grant(landscape)))
    change = {"PurchaseOrderByCustomer": "x"}
    anyhow = {**token, "if-match": "*"}
    assert client.patch(f"{SO4}/SalesOrder('1')", json=change, headers=anyhow).status_code == 403
    fetched = client.head(f"{SO4}/", headers={**token, "x-csrf-token": "fetch"}).headers["x-csrf-token"]
    anyhow["x-csrf-token"] = fetched
    assert client.patch(f"{SO4}/SalesOrder('1')", json=change, headers=anyhow).status_code == 200


def test_destinations_bring_tokens_or_an_error_in_their_place(client: httpx2.Client, landscape: SapLandscape) -> None:
    assert client.get(f"{DESTINATIONS}/s4-user").status_code == 401
    service = bearer(client.post(PLATFORM, data=grant(landscape)))
    assert client.get(f"{DESTINATIONS}/nope", headers=service).status_code == 404
    for name in ("s4-basic", "s4-technical"):
        found = client.get(f"{DESTINATIONS}/{name}", headers=service).json()
        assert found["destinationConfiguration"]["URL"] == landscape.url
        shown = found["authTokens"][0]["http_header"]
        assert client.get(f"{SO}/", headers={shown["key"]: shown["value"]}).status_code == 200
    nobody = client.get(f"{DESTINATIONS}/s4-user", headers=service)
    assert (nobody.status_code, "error" in nobody.json()["authTokens"][0]) == (200, True)
    user = {**service, "x-user-token": landscape.user_token("alice")}
    shown = client.get(f"{DESTINATIONS}/s4-user", headers=user).json()["authTokens"][0]["http_header"]
    client.get(f"{SO}/", headers={shown["key"]: shown["value"]})
    assert landscape.journal.entries[-1].user == "alice"
    landscape.faults.arm("destination_error")
    broken = client.get(f"{DESTINATIONS}/s4-technical", headers=service)
    assert (broken.status_code, "error" in broken.json()["authTokens"][0]) == (200, True)


def test_no_secret_is_written_down(client: httpx2.Client, landscape: SapLandscape) -> None:
    service = bearer(client.post(PLATFORM, data=grant(landscape)))
    client.get(f"{DESTINATIONS}/s4-user", headers={**service, "x-user-token": landscape.user_token("alice")})
    for entry in landscape.journal.entries:
        assert not {"authorization", "x-user-token"} & set(entry.headers or {})


def test_the_shared_port_finds_the_landscape(sandbox: Sandbox) -> None:
    with httpx2.Client(base_url=f"https://127.0.0.1:{sandbox.tls_port}", verify=False) as client:
        for home, landscape in sandbox.sap.items():
            named = client.get(f"{SO}/A_SalesOrder('1')", auth=("CAROL", landscape.password("carol")))
            assert (named.status_code, sandbox.sap[home].journal.entries[-1].user) == (200, "carol")
            token = bearer(client.post(OWN, data=grant(landscape)))
            host = {"host": landscape.host}
            assert client.get(f"{SO}/", headers={**host, **token}).status_code == 200
        assert client.get(f"{SO}/", headers={"host": "my999999-api.s4hana.cloud.sap"}).status_code == 404
        people = client.get(f"{SO}/", headers={"host": landscape.host.replace("-api", "")})
        assert (people.status_code, b"j_password" in people.content) == (200, True)


def test_a_reset_brings_everything_back(sandbox: Sandbox, session: Open, order: object) -> None:
    landscape = sandbox.sap["eu"]
    session(landscape, SO).post("A_SalesOrder", json=order)
    assert len(landscape.rows("SalesOrder")) == 301
    sandbox.reset()
    assert len(sandbox.sap["eu"].rows("SalesOrder")) == 300
    assert sandbox.sap["eu"].client_secret == landscape.client_secret
