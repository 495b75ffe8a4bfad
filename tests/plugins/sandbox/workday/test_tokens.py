import base64
import hashlib
import time
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant

from .conftest import Open


def post(client: httpx2.Client, tenant: WorkdayTenant, **form: str) -> httpx2.Response:
    path = f"/ccx/oauth2/{tenant.tenant}/token"
    return client.post(path, data=form, auth=(tenant.client_id, tenant.client_secret))


def refresh(client: httpx2.Client, tenant: WorkdayTenant, token: str) -> httpx2.Response:
    return post(client, tenant, grant_type="refresh_token", refresh_token=token)


def me(client: httpx2.Client, tenant: WorkdayTenant, token: str) -> httpx2.Response:
    path = f"/ccx/api/v1/{tenant.tenant}/workers/me"
    return client.get(path, headers={"authorization": f"Bearer {token}"})


def assertion(tenant: WorkdayTenant, **other: object) -> str:
    claims = {"iss": tenant.client_id, "sub": "alice", "aud": "wd", "exp": int(time.time()) + 240}
    return jwt.encode({"alg": "RS256"}, {**claims, **other}, RSAKey.import_key(tenant.private_key_pem))


def test_a_refresh_answers_without_saying_when_it_ends(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    answer = refresh(bare, tenant, tenant.refresh_token("alice"))
    assert sorted(answer.json()) == ["access_token", "refresh_token", "token_type"]
    assert "wd-ratelimit-tokens-remaining" not in answer.headers
    assert me(bare, tenant, answer.json()["access_token"]).json()["descriptor"] == "Alice Ahrendt"


def test_the_credentials_bring_a_grant_for_everybody(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    logins: dict[str, dict[str, str]] = bare.get("/__sandbox__/org").json()["logins"]
    answers = {each: refresh(bare, tenant, told["refresh_token"]).status_code for each, told in logins.items()}
    assert {each for each, status in answers.items() if status == 400} == {"erin"}


def test_a_token_ends_unannounced_and_a_refresh_recovers(
    bare: httpx2.Client, tenant: WorkdayTenant, sandbox: Sandbox
) -> None:
    first = refresh(bare, tenant, tenant.refresh_token("alice")).json()
    sandbox.clock.advance(hours=2)
    assert me(bare, tenant, first["access_token"]).status_code == 401
    second = refresh(bare, tenant, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert me(bare, tenant, second["access_token"]).status_code == 200


def test_a_spent_refresh_token_ends_its_whole_family(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    first = tenant.refresh_token("alice")
    second = refresh(bare, tenant, first).json()
    replayed = refresh(bare, tenant, first)
    assert (replayed.status_code, replayed.json()) == (400, {"error": "invalid_grant"})
    assert refresh(bare, tenant, second["refresh_token"]).status_code == 400
    assert me(bare, tenant, second["access_token"]).status_code == 401


def test_a_lost_token_answer_has_spent_the_old_one(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    token = tenant.refresh_token("alice")
    tenant.faults.arm("lost_token_answer")
    with pytest.raises(httpx2.TransportError):
        refresh(bare, tenant, token)
    assert refresh(bare, tenant, token).json() == {"error": "invalid_grant"}


def test_without_rotation_the_token_stays(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    bare.post("/__sandbox__/settings", json={"rotates": False})
    token = tenant.refresh_token("alice")
    assert refresh(bare, tenant, token).json()["refresh_token"] == token
    assert refresh(bare, tenant, token).status_code == 200


def test_a_second_client_takes_over_from_the_first(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    other = bare.post("/__sandbox__/clients").json()
    granted = bare.post("/__sandbox__/grants/alice", json={"client_id": other["client_id"]}).json()
    bare.delete(f"/__sandbox__/clients/{tenant.client_id}")
    form = {"grant_type": "refresh_token", **granted}
    path, auth = f"/ccx/oauth2/{tenant.tenant}/token", (other["client_id"], other["client_secret"])
    assert bare.post(path, data=form, auth=auth).status_code == 200
    assert post(bare, tenant, **form).json() == {"error": "invalid_client"}


def test_a_signed_assertion_gives_a_token_of_its_subject(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    answer = post(bare, tenant, grant_type=grant, assertion=assertion(tenant))
    assert me(bare, tenant, answer.json()["access_token"]).json()["descriptor"] == "Alice Ahrendt"


@pytest.mark.parametrize(
    "wrong",
    [{"aud": "sf"}, {"exp": int(time.time()) + 4_000}, {"exp": 1}, {"iss": "nobody"}, {"sub": "erin"}, {"sub": "x"}],
)
def test_an_assertion_that_does_not_hold_is_refused(
    bare: httpx2.Client, tenant: WorkdayTenant, wrong: dict[str, object]
) -> None:
    grant = "urn:ietf:params:oauth:grant-type:jwt-bearer"
    answer = post(bare, tenant, grant_type=grant, assertion=assertion(tenant, **wrong))
    assert (answer.status_code, answer.json()) == (400, {"error": "invalid_grant"})


@pytest.mark.parametrize("proof", ["right", "wrong"])
def test_a_code_needs_the_verifier_of_its_challenge(bare: httpx2.Client, tenant: WorkdayTenant, proof: str) -> None:
    challenge = base64.urlsafe_b64encode(hashlib.sha256(b"right").digest()).rstrip(b"=").decode()
    asked = {"response_type": "code", "client_id": tenant.client_id, "redirect_uri": "http://localhost:1/back"}
    pkce = {"code_challenge": challenge, "code_challenge_method": "S256", "state": "s", "login_hint": "greta"}
    sent = bare.get(f"/{tenant.tenant}/authorize", params={**asked, **pkce})
    back = parse_qs(urlsplit(sent.headers["location"]).query)
    form = {"grant_type": "authorization_code", "code": back["code"][0], "redirect_uri": asked["redirect_uri"]}
    answer = post(bare, tenant, **form, code_verifier=proof)
    assert (back["state"], answer.status_code) == (["s"], 200 if proof == "right" else 400)
    if proof == "right":
        assert me(bare, tenant, answer.json()["access_token"]).json()["descriptor"] == "Greta Grimbold"
        assert post(bare, tenant, **form, code_verifier=proof).status_code == 400


def test_the_agent_gateway_knows_the_tenant_by_its_alias(
    bare: httpx2.Client, tenant: WorkdayTenant, session: Open
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": tenant.refresh_token("alice")}
    answer = bare.post(f"/auth/oauth2/{tenant.alias}/token", data=form, auth=(tenant.client_id, tenant.client_secret))
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert bare.get(f"/api/v1/{tenant.alias}/workers/me", headers=headers).status_code == 200
    assert bare.get(f"/api/v1/{tenant.tenant}/workers/me", headers=headers).status_code == 404
    assert bare.get("/ccx/api/v1/another/workers/me", headers=headers).status_code == 404
