import time
from collections.abc import Callable

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox import Sandbox, ServiceNowInstance

from .conftest import Open

Ask = Callable[..., httpx2.Response]
JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
REFUSED = {
    "error": {"message": "User Not Authenticated", "detail": "Required to provide Auth information"},
    "status": "failure",
}


@pytest.fixture
def ask(instance: ServiceNowInstance) -> Ask:
    def post(**form: str) -> httpx2.Response:
        known = {"client_id": instance.client_id, "client_secret": instance.client_secret}
        return httpx2.post(f"{instance.url}/oauth_token.do", data={**known, **form})

    return post


def who(instance: ServiceNowInstance, headers: dict[str, str]) -> int | str:
    answer = httpx2.get(f"{instance.url}/api/now/table/incident?sysparm_limit=1", headers=headers)
    if answer.status_code != 200:
        assert answer.json() == REFUSED
        return answer.status_code
    return instance.journal.entries[-1].user or ""


def bearer(answer: httpx2.Response) -> dict[str, str]:
    return {"authorization": f"Bearer {answer.json()['access_token']}"}


def test_password_and_refresh(ask: Ask, instance: ServiceNowInstance) -> None:
    first = ask(grant_type="password", username="alice", password=instance.password("alice"))
    found = first.json()
    assert (found["scope"], found["token_type"], found["expires_in"]) == ("useraccount", "Bearer", 1_799)
    assert who(instance, bearer(first)) == "alice"
    instance.clock.advance(seconds=1_798)
    assert who(instance, bearer(first)) == "alice"
    instance.clock.advance(seconds=1)
    assert who(instance, bearer(first)) == 401
    again = ask(grant_type="refresh_token", refresh_token=found["refresh_token"])
    assert again.json()["refresh_token"] == found["refresh_token"]
    assert who(instance, bearer(again)) == "alice"
    instance.clock.advance(seconds=8_640_000)
    assert ask(grant_type="refresh_token", refresh_token=found["refresh_token"]).status_code == 401


def test_client_credentials_have_no_refresh_token_and_a_switch(
    ask: Ask, instance: ServiceNowInstance, admin: httpx2.Client
) -> None:
    answer = ask(grant_type="client_credentials")
    assert "refresh_token" not in answer.json()
    assert who(instance, bearer(answer)) == "integration"
    name = "glide.oauth.inbound.client.credential.grant_type.enabled"
    setting = admin.get("table/sys_properties", params={"name": name}).json()["result"][0]
    admin.patch(f"table/sys_properties/{setting['sys_id']}", json={"value": "false"})
    assert ask(grant_type="client_credentials").status_code == 400


@pytest.mark.parametrize("in_header", [False, True])
def test_a_signed_assertion_stands_for_a_user(ask: Ask, instance: ServiceNowInstance, in_header: bool) -> None:
    claims = {"iss": instance.client_id, "aud": instance.client_id, "sub": "greta", "exp": int(time.time()) + 60}
    key = RSAKey.import_key(instance.private_key_pem)
    assertion = jwt.encode({"alg": "RS256"}, claims, key)
    if in_header:
        form = {"grant_type": JWT_BEARER, "client_id": instance.client_id, "client_secret": instance.client_secret}
        headers = {"authentication": f"Bearer {assertion}"}
        answer = httpx2.post(f"{instance.url}/oauth_token.do", data=form, headers=headers)
    else:
        answer = ask(grant_type=JWT_BEARER, assertion=assertion)
    assert who(instance, bearer(answer)) == "greta"
    assert "assertion" not in instance.journal.entries[-2].body
    for broken in ({"iss": "x"}, {"aud": "x"}, {"sub": "nobody"}, {"exp": 1}):
        assertion = jwt.encode({"alg": "RS256"}, {**claims, **broken}, key)
        assert ask(grant_type=JWT_BEARER, assertion=assertion).status_code == 401


def test_keys_and_passwords(instance: ServiceNowInstance) -> None:
    assert who(instance, {"x-sn-apikey": instance.api_key("frank")}) == "frank"
    for wrong in ({"x-sn-apikey": "now_x"}, {"authorization": "Basic !"}, {"authorization": "Bearer x"}, {}):
        assert who(instance, wrong) == 401
    basic = httpx2.BasicAuth("alice", instance.password("alice"))
    assert httpx2.get(f"{instance.url}/api/now/table/incident", auth=basic).headers["x-is-logged-in"] == "true"
    for user, password in (("alice", "wrong"), ("erin", instance.password("erin")), ("svc.mail", ""), ("", "")):
        answer = httpx2.get(f"{instance.url}/api/now/table/incident", auth=httpx2.BasicAuth(user, password))
        assert (answer.status_code, answer.headers["x-is-logged-in"]) == (401, "false"), user


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ({"grant_type": "password", "username": "alice", "password": "x"}, "access_denied"),
        ({"grant_type": "password", "username": "erin"}, "access_denied"),
        ({"grant_type": "magic"}, "unsupported_grant_type"),
        ({"grant_type": "client_credentials", "client_secret": "x"}, "invalid_client"),
        ({"grant_type": "refresh_token", "refresh_token": "x"}, "access_denied"),
        ({"grant_type": JWT_BEARER, "assertion": "a.b.c"}, "invalid_grant"),
    ],
)
def test_refused_tokens(ask: Ask, form: dict[str, str], error: str) -> None:
    answer = ask(**form)
    assert answer.status_code in (400, 401)
    assert answer.json()["error"] == error


def test_clients_may_name_themselves_in_a_header(instance: ServiceNowInstance) -> None:
    auth = httpx2.BasicAuth(instance.client_id, instance.client_secret)
    form = {"grant_type": "password", "username": "alice", "password": instance.password("alice")}
    assert who(instance, bearer(httpx2.post(f"{instance.url}/oauth_token.do", data=form, auth=auth))) == "alice"
    assert httpx2.post(f"{instance.url}/oauth_token.do", data=form).json()["error"] == "invalid_client"


def test_clients_rotate_side_by_side(ask: Ask, instance: ServiceNowInstance) -> None:
    levers = f"{instance.url}/__sandbox__/clients"
    old = ask(grant_type="client_credentials")
    added = httpx2.post(levers).json()
    new = ask(grant_type="client_credentials", **added)
    assert who(instance, bearer(new)) == who(instance, bearer(old)) == "integration"
    httpx2.delete(f"{levers}/{instance.client_id}")
    assert (who(instance, bearer(old)), who(instance, bearer(new))) == (401, "integration")
    assert ask(grant_type="client_credentials").json()["error"] == "invalid_client"


def test_the_journal_keeps_no_secret_and_knows_whose_cookie_came(instance: ServiceNowInstance, session: Open) -> None:
    first = session(instance, "alice").get("table/incident?sysparm_limit=1")
    cookie = first.headers["set-cookie"].partition(";")[0]
    auth = httpx2.BasicAuth("greta", instance.password("greta"))
    httpx2.get(f"{instance.url}/api/now/table/problem", headers={"cookie": cookie, "x-sn-apikey": "s3cret"}, auth=auth)
    entry = instance.journal.entries[-1]
    assert (entry.system, entry.org, entry.user, entry.cookie_user) == ("servicenow", "eu", "greta", "alice")
    assert not {"authorization", "x-sn-apikey"} & set(entry.headers or {})


def test_every_name_leads_to_its_instance(sandbox: Sandbox) -> None:
    import ssl

    context = ssl.create_default_context(cafile=sandbox.ca_file)
    local = f"https://localhost:{sandbox.tls_port}"
    for home in ("eu", "us"):
        instance = sandbox.servicenow[home]
        auth = ("admin", instance.password("admin"))
        with httpx2.Client(proxy=sandbox.gate, verify=context, auth=auth) as client:
            answer = client.get(f"https://{instance.host}/api/now/table/sys_user?sysparm_limit=1")
            assert (answer.status_code, instance.journal.entries[-1].user) == (200, "admin")
            assert answer.headers["link"].startswith(f"<https://{instance.host}/api/now/table/sys_user?")
            assert client.get("https://dev1.service-now.com/api/now/table/incident").status_code == 404
        with httpx2.Client(verify=context, auth=auth) as client:
            assert client.get(f"{local}/api/now/table/sys_user?sysparm_limit=1").status_code == 200
            assert len(instance.journal.entries) == 2
        form = {
            "grant_type": "client_credentials",
            "client_id": instance.client_id,
            "client_secret": instance.client_secret,
        }
        token = httpx2.post(f"{local}/oauth_token.do", data=form, verify=context)
        httpx2.get(f"{local}/api/now/table/problem", headers=bearer(token), verify=context).raise_for_status()
        key = {"x-sn-apikey": instance.api_key("alice")}
        httpx2.get(f"{local}/api/now/table/problem", headers=key, verify=context).raise_for_status()
        assert [entry.user for entry in instance.journal.entries] == [
            "admin",
            "admin",
            "integration",
            "integration",
            "alice",
        ]


def test_credentials_are_told_and_make_no_rows(sandbox: Sandbox) -> None:
    told = sandbox.credentials()["servicenow"]
    assert isinstance(told, dict)
    assert told["us"]["instance"] == "https://kessmarus.service-now.com"
    assert told["eu"]["logins"]["bob"]["password"] == sandbox.servicenow["eu"].password("bob")
    assert "store" not in vars(sandbox.servicenow["us"])


def test_what_was_written_is_gone_after_a_reset(sandbox: Sandbox, session: Open) -> None:
    before = sandbox.servicenow["eu"]
    session(before).post("table/incident", json={}).raise_for_status()
    sandbox.reset()
    after = sandbox.servicenow["eu"]
    assert (after.url, after.password("admin")) == (before.url, before.password("admin"))
    assert session(after).get("table/incident").headers["x-total-count"] == "240"
    assert len(after.journal.entries) == 1
