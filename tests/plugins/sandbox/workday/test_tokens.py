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


BACK = "http://127.0.0.1:5151/callback"
S256 = base64.urlsafe_b64encode(hashlib.sha256(b"right").digest()).rstrip(b"=").decode()


def authorize(bare: httpx2.Client, tenant: WorkdayTenant, **other: str) -> httpx2.Response:
    asked = {"response_type": "code", "client_id": tenant.client_id, "redirect_uri": BACK, "state": "s",
             "code_challenge": S256, "code_challenge_method": "S256", "login_hint": "greta"}  # fmt: skip
    return bare.get(f"/{tenant.tenant}/authorize", params=asked | other)


def sent_back(answer: httpx2.Response) -> dict[str, list[str]]:
    assert answer.status_code == 302
    assert answer.headers["location"].startswith(f"{BACK}?")
    return parse_qs(urlsplit(answer.headers["location"]).query)


def exchange(bare: httpx2.Client, tenant: WorkdayTenant, code: str, **other: str) -> httpx2.Response:
    form = {"grant_type": "authorization_code", "code": code, "redirect_uri": BACK, "code_verifier": "right"}
    return post(bare, tenant, **(form | other))


def test_a_code_is_good_once_and_a_second_use_ends_what_it_gave(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    back = sent_back(authorize(bare, tenant))
    assert back["state"] == ["s"]
    given = exchange(bare, tenant, back["code"][0]).json()
    assert me(bare, tenant, given["access_token"]).json()["descriptor"] == "Greta Grimbold"
    assert exchange(bare, tenant, back["code"][0]).json() == {"error": "invalid_grant"}
    assert me(bare, tenant, given["access_token"]).status_code == 401
    assert refresh(bare, tenant, given["refresh_token"]).status_code == 400


@pytest.mark.parametrize(
    "wrong", [{"code_verifier": "wrong"}, {"code_verifier": ""}, {"redirect_uri": BACK + "/"}, {"code": "invented"}]
)
def test_a_code_needs_its_verifier_and_its_address(
    bare: httpx2.Client, tenant: WorkdayTenant, wrong: dict[str, str]
) -> None:
    code = sent_back(authorize(bare, tenant))["code"][0]
    refused = exchange(bare, tenant, **{"code": code, **wrong})
    assert (refused.status_code, refused.json()) == (400, {"error": "invalid_grant"})


def test_a_code_that_was_asked_for_without_a_challenge_takes_no_verifier(
    bare: httpx2.Client, tenant: WorkdayTenant
) -> None:
    code = sent_back(authorize(bare, tenant, code_challenge="", code_challenge_method=""))["code"][0]
    assert exchange(bare, tenant, code).json() == {"error": "invalid_grant"}


def test_a_code_ends_after_ten_minutes(bare: httpx2.Client, tenant: WorkdayTenant, sandbox: Sandbox) -> None:
    code = sent_back(authorize(bare, tenant))["code"][0]
    sandbox.clock.advance(minutes=10)
    assert exchange(bare, tenant, code).json() == {"error": "invalid_grant"}


@pytest.mark.parametrize("redirect", ["https://elsewhere.example/callback", "http://127.0.0.1:5151/other", ""])
def test_nobody_is_sent_where_the_client_is_not_registered(
    bare: httpx2.Client, tenant: WorkdayTenant, redirect: str
) -> None:
    assert authorize(bare, tenant, redirect_uri=redirect).status_code == 400
    assert authorize(bare, tenant, client_id="another").status_code == 401


def test_what_else_is_wrong_is_told_to_the_client(bare: httpx2.Client, tenant: WorkdayTenant) -> None:
    plain = sent_back(authorize(bare, tenant, code_challenge_method="plain"))
    assert (plain["error"], plain["state"]) == (["invalid_request"], ["s"])
    assert sent_back(authorize(bare, tenant, response_type="token"))["error"] == ["unsupported_response_type"]
    tenant.faults.arm("consent_denied")
    assert sent_back(authorize(bare, tenant))["error"] == ["access_denied"]


def test_the_agent_gateway_knows_the_tenant_by_its_alias(
    bare: httpx2.Client, tenant: WorkdayTenant, session: Open
) -> None:
    form = {"grant_type": "refresh_token", "refresh_token": tenant.refresh_token("alice")}
    answer = bare.post(f"/auth/oauth2/{tenant.alias}/token", data=form, auth=(tenant.client_id, tenant.client_secret))
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    assert bare.get(f"/api/v1/{tenant.alias}/workers/me", headers=headers).status_code == 200
    assert bare.get(f"/api/v1/{tenant.tenant}/workers/me", headers=headers).status_code == 404
    assert bare.get("/ccx/api/v1/another/workers/me", headers=headers).status_code == 404
