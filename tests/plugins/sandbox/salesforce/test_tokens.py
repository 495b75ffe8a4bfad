import base64
import hashlib
import time

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox

TOKEN = "/services/oauth2/token"


def ask(org: SalesforceOrg, **form: str) -> httpx2.Response:
    return httpx2.post(org.url + TOKEN, data=form, verify=False)


def works(org: SalesforceOrg, token: str) -> bool:
    answer = httpx2.get(
        f"{org.url}/services/data/v60.0/limits", headers={"authorization": f"Bearer {token}"}, verify=False
    )
    return answer.status_code == 200


def client_credentials(org: SalesforceOrg) -> str:
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    return str(ask(org, **form).json()["access_token"])


def refresh(org: SalesforceOrg, refresh_token: str) -> httpx2.Response:
    return ask(org, grant_type="refresh_token", client_id=org.client_id, refresh_token=refresh_token)


def assertion(org: SalesforceOrg, key: RSAKey | None = None, **claims: object) -> httpx2.Response:
    now = int(time.time())
    body = {
        "iss": org.client_id,
        "sub": org.username,
        "aud": "https://login.salesforce.com",
        "exp": now + 120,
        **claims,
    }
    signed = jwt.encode({"alg": "RS256"}, body, key or RSAKey.import_key(org.private_key_pem))
    return ask(org, grant_type="urn:ietf:params:oauth:grant-type:jwt-bearer", assertion=signed)


def test_client_credentials_work_from_the_body(org: SalesforceOrg) -> None:
    form = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    answer = ask(org, **form)
    body = answer.json()
    assert answer.status_code == 200
    assert body["access_token"].startswith(org.org_id[:15] + "!")
    assert body["instance_url"] == org.url
    assert body["id"].startswith(f"{org.url}/id/{org.org_id}/005")
    assert body["token_type"] == "Bearer"
    assert "expires_in" not in body
    assert "refresh_token" not in body
    assert works(org, body["access_token"])


def test_client_credentials_work_from_a_basic_header(org: SalesforceOrg) -> None:
    form = {"grant_type": "client_credentials"}
    answer = httpx2.post(org.url + TOKEN, data=form, auth=(org.client_id, org.client_secret), verify=False)
    assert works(org, answer.json()["access_token"])


@pytest.mark.parametrize(
    ("form", "error", "description"),
    [
        ({"client_secret": "wrong"}, "invalid_client", "invalid client credentials"),
        ({"client_id": "nobody"}, "invalid_client_id", "client identifier invalid"),
        ({"grant_type": "implicit"}, "unsupported_grant_type", "grant type not supported"),
    ],
)
def test_refuses_wrong_clients(org: SalesforceOrg, form: dict[str, str], error: str, description: str) -> None:
    good = {"grant_type": "client_credentials", "client_id": org.client_id, "client_secret": org.client_secret}
    answer = ask(org, **{**good, **form})
    assert (answer.status_code, answer.json()) == (400, {"error": error, "error_description": description})


def test_assertion_logs_its_subject_in(org: SalesforceOrg) -> None:
    answer = assertion(org, sub=org.usernames["alice"])
    headers = {"authorization": f"Bearer {answer.json()['access_token']}"}
    who = httpx2.get(f"{org.url}/services/oauth2/userinfo", headers=headers, verify=False).json()
    assert who["preferred_username"] == org.usernames["alice"]
    assert who["organization_id"] == org.org_id
    assert httpx2.get(answer.json()["id"], headers=headers, verify=False).json()["username"] == org.usernames["alice"]


def test_assertion_may_carry_its_end_as_text_and_name_any_usual_audience(org: SalesforceOrg) -> None:
    assert assertion(org, exp=str(int(time.time()) + 100)).status_code == 200
    for audience in ("https://test.salesforce.com", "https://acme.my.salesforce.com", org.url):
        assert assertion(org, aud=audience).status_code == 200


def test_assertion_may_end_at_a_count_of_milliseconds(org: SalesforceOrg) -> None:
    assert assertion(org, exp=int(time.time() * 1000) + 300).status_code == 200


def test_assertion_may_follow_the_virtual_clock(org: SalesforceOrg) -> None:
    assert assertion(org, exp=int(org.clock()) + 60).status_code == 200


def test_refuses_bad_assertions(org: SalesforceOrg) -> None:
    def why(answer: httpx2.Response) -> str:
        assert answer.status_code == 400
        return str(answer.json()["error_description"])

    assert why(assertion(org, aud="https://evil.example")) == "audience is invalid"
    assert why(assertion(org, exp=int(time.time()) - 10)) == "expired authorization code"
    assert why(assertion(org, exp=int(time.time()) + 86_400)) == "expired authorization code"
    assert why(assertion(org, iss="somebody")) == "client identifier invalid"
    assert why(assertion(org, key=RSAKey.generate_key(2048))) == "invalid assertion"
    assert why(assertion(org, sub=org.usernames["dave"])) == "user hasn't approved this consumer"
    assert why(assertion(org, sub=org.usernames["erin"])) == "authentication failure"


def test_refresh_rotates_and_ends_the_earlier_login(org: SalesforceOrg) -> None:
    first = refresh(org, org.refresh_token(org.username)).json()
    second = refresh(org, first["refresh_token"]).json()
    assert second["refresh_token"] != first["refresh_token"]
    assert not works(org, first["access_token"])
    assert works(org, second["access_token"])


def test_reusing_a_spent_refresh_token_revokes_everything(org: SalesforceOrg) -> None:
    spent = org.refresh_token(org.username)
    current = refresh(org, spent).json()
    again = refresh(org, spent)
    assert again.json() == {"error": "invalid_grant", "error_description": "expired access/refresh token"}
    assert not works(org, current["access_token"])
    assert refresh(org, current["refresh_token"]).status_code == 400


def test_a_sixth_grant_silently_revokes_the_oldest(org: SalesforceOrg) -> None:
    tokens = [org.refresh_token(org.username) for _ in range(6)]
    assert refresh(org, tokens[0]).status_code == 400
    assert refresh(org, tokens[1]).status_code == 200


def test_code_flow_checks_the_verifier_and_works_once(org: SalesforceOrg) -> None:
    verifier = "v" * 50
    challenge = base64.urlsafe_b64encode(hashlib.sha256(verifier.encode()).digest()).rstrip(b"=").decode()
    back = "https://app.example/back"
    asked = {"response_type": "code", "client_id": org.client_id, "redirect_uri": back, "code_challenge": challenge}

    def code() -> str:
        answer = httpx2.get(f"{org.url}/services/oauth2/authorize", params={**asked, "state": "s"}, verify=False)
        return httpx2.URL(answer.headers["location"]).params["code"]

    form = {"grant_type": "authorization_code", "client_id": org.client_id, "redirect_uri": back}
    assert ask(org, **form, code=code(), code_verifier="wrong").status_code == 400
    good = code()
    assert works(org, ask(org, **form, code=good, code_verifier=verifier).json()["access_token"])
    assert ask(org, **form, code=good, code_verifier=verifier).status_code == 400


def test_sessions_end_after_two_idle_hours_of_virtual_time(sandbox: Sandbox) -> None:
    org = sandbox.salesforce["eu"]
    token = client_credentials(org)
    sandbox.clock.advance(minutes=119)
    assert works(org, token)
    sandbox.clock.advance(minutes=119)
    assert works(org, token)
    sandbox.clock.advance(hours=2)
    assert not works(org, token)


def test_revoke_ends_a_login(org: SalesforceOrg) -> None:
    token = client_credentials(org)
    assert httpx2.post(f"{org.url}/services/oauth2/revoke", data={"token": token}, verify=False).status_code == 200
    assert not works(org, token)


def test_a_token_of_one_org_is_nothing_in_the_other(sandbox: Sandbox) -> None:
    token = client_credentials(sandbox.salesforce["eu"])
    assert not works(sandbox.salesforce["us"], token)


def test_secrets_stay_out_of_the_journal(org: SalesforceOrg) -> None:
    token = client_credentials(org)
    works(org, token)
    written = repr(org.journal.entries)
    assert token not in written
    assert org.client_secret not in written
