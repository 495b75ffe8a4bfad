"""Does every principal act with its own credential, and with nobody else's?"""

import pytest
from joserfc import jwt
from pydantic import BaseModel, ConfigDict, ValidationError

from isthmus.core.caller import Principal
from isthmus.core.credentials import AuthSettings, CredentialFactory, Secret, SecretResolver
from isthmus.core.errors import ConfigurationError, CredentialError

TOKEN_ENDPOINT = "https://idp.example/token"
CLIENT = {"token_endpoint": TOKEN_ENDPOINT, "client_id": "client", "client_secret": "sealed:crm.client_secret"}
SERVICE = Principal("crm")
ANNA, BEN = Principal("crm", "anna"), Principal("crm", "ben")


class Connection(BaseModel):
    """What an owner of these settings looks like."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)
    auth: AuthSettings


def auth(kind, **fields):
    return Connection.model_validate({"auth": {"kind": kind, **fields}}).auth


@pytest.fixture
def build(deployment, store, rsa_pem, rsa_public):
    deployment.server.public_key = rsa_public
    store.set_secret("crm.client_secret", Secret(deployment.server.client[1]))
    store.set_secret("crm.private_key", Secret(rsa_pem))

    def factory(settings, identity="service", **options):
        return CredentialFactory(
            "crm",
            identity,
            settings,
            store=store,
            resolver=SecretResolver(store, {"KEY": "CANARY-env-key"}),
            transport_to=lambda *_: deployment.wire,
            clock=deployment.clock,
            **options,
        )

    return factory


def jwt_auth(subject):
    return auth(
        "jwt_bearer",
        token_endpoint=TOKEN_ENDPOINT,
        issuer="consumer-key",
        subject=subject,
        audience="https://login.example",
        private_key="sealed:crm.private_key",
    )


async def header(source, name="Authorization"):
    headers = {}
    (await source.current()).apply(headers)
    return headers[name]


async def test_client_credentials_serve_the_service(build, deployment):
    async with build(auth("client_credentials", **CLIENT)) as factory:
        source = factory.for_principal(SERVICE)
        assert deployment.server.accepts((await header(source)).removeprefix("Bearer "))
        assert factory.for_principal(Principal("crm")) is source


async def test_the_jwt_subject_is_the_login_of_the_person(build, deployment):
    factory = build(jwt_auth("{user}@corp.example"), "user")
    tokens = {await header(factory.for_principal(who)) for who in (ANNA, BEN)}
    assert len(tokens) == 2
    subjects = {"anna@corp.example", "ben@corp.example"}
    assert {
        jwt.decode(form["assertion"], deployment.server.public_key, algorithms=["RS256"]).claims["sub"]
        for _, form in deployment.server.requests
    } == subjects


async def test_a_person_whom_the_system_does_not_know_gets_nothing(build, deployment):
    factory = build(jwt_auth("{user}"), "user")
    with pytest.raises(CredentialError, match="approve this client"):
        await factory.for_principal(Principal("crm", "stranger")).current()


async def test_each_person_spends_their_own_refresh_token(build, deployment, store):
    for who in (ANNA, BEN):
        store.set_secret("crm.refresh", Secret(deployment.server.consent()), user=who.user)
    factory = build(auth("refresh_token", **CLIENT, refresh_token="sealed:crm.refresh"), "user")
    for _ in range(2):
        headers = {await header(factory.for_principal(who)) for who in (ANNA, BEN)}
        assert len(headers) == 2
        deployment.clock.advance(4000)
    assert deployment.server.reused == 0


PERSONAL = [
    {"kind": "refresh_token", **CLIENT, "refresh_token": "sealed:crm.own"},
    {"kind": "basic", "username": "{user}", "password": "sealed:crm.own"},
    {"kind": "bearer", "token": "sealed:crm.own"},
    {"kind": "api_key", "header": "X-Key", "key": "sealed:crm.own"},
]


@pytest.mark.parametrize("fields", PERSONAL, ids=lambda fields: fields["kind"])
async def test_a_person_without_a_grant_never_gets_the_service_or_another_person(build, deployment, store, fields):
    store.set_secret("crm.own", Secret(deployment.server.consent()))
    store.set_secret("crm.own", Secret(deployment.server.consent()), user="anna")
    factory = build(auth(**fields), "user")
    await factory.for_principal(ANNA).current()
    calls = deployment.server.token_calls
    with pytest.raises(CredentialError, match=r"isthmus secret set crm\.own --user ben") as caught:
        await factory.for_principal(BEN).current()
    assert caught.value.reason == "reauth_required"
    assert caught.value.subject == "ben"
    assert deployment.server.token_calls == calls
    store.set_secret("crm.own", Secret(deployment.server.consent()), user="ben")
    deployment.clock.advance(20)
    await factory.for_principal(BEN).current()


async def test_a_password_buys_tokens_for_the_service_and_for_each_person(build, store, deployment):
    store.set_secret("crm.password", Secret("CANARY-password"))
    store.set_secret("crm.password", Secret("CANARY-password-anna"), user="anna")
    settings = auth("password", **CLIENT, username="svc", password="sealed:crm.password")
    async with build(settings) as factory:
        source = factory.for_principal(SERVICE)
        first = await header(source)
        assert deployment.server.accepts(first.removeprefix("Bearer "))
        deployment.clock.advance(4000)
        assert await header(source) != first
    people = build(auth("password", **CLIENT, username="{user}", password="sealed:crm.password"), "user")
    assert deployment.server.accepts((await header(people.for_principal(ANNA))).removeprefix("Bearer "))
    with pytest.raises(CredentialError) as caught:
        await people.for_principal(BEN).current()
    assert caught.value.reason == "reauth_required"
    grants = [(form["grant_type"], form.get("username")) for _, form in deployment.server.requests]
    assert grants == [("password", "svc"), ("password", "svc"), ("password", "anna")]


async def test_no_person_no_credential(build):
    factory = build(jwt_auth("{user}"), "user")
    with pytest.raises(CredentialError, match="names no person"):
        factory.for_principal(SERVICE)
    with pytest.raises(CredentialError, match="acts as one service"):
        build(jwt_auth("svc")).for_principal(ANNA)
    with pytest.raises(ConfigurationError, match="asked of 'crm'"):
        factory.for_principal(Principal("other", "anna"))


@pytest.mark.parametrize(
    ("settings", "sentence"),
    [
        (auth("client_credentials", **CLIENT), "jwt_bearer or refresh_token"),
        (jwt_auth("svc@corp.example"), "same for all"),
        (auth("refresh_token", **CLIENT, refresh_token="env:KEY"), "one secret for all"),
        (auth("basic", username="{user}", password="env:KEY"), "one secret for all"),
        (auth("password", **CLIENT, username="{user}", password="env:KEY"), "one secret for all"),
        (auth("bearer", token="keyring:a/b"), "one secret for all"),
        (auth("api_key", header="X-Key", key="file:/x"), "one secret for all"),
    ],
)
def test_people_do_not_share_a_credential(build, settings, sentence):
    with pytest.raises(ConfigurationError, match=sentence):
        build(settings, "user")


def test_a_service_has_no_person_in_its_settings(build):
    with pytest.raises(ConfigurationError, match='needs identity = "user"'):
        build(jwt_auth("{user}"))


async def test_static_kinds_write_their_headers(build, store):
    store.set_secret("crm.password", Secret("pässword:x"))
    basic = build(auth("basic", username="svc", password="sealed:crm.password")).for_principal(SERVICE)
    assert await header(basic) == "Basic c3ZjOnDDpHNzd29yZDp4"
    bearer = build(auth("bearer", token="env:KEY")).for_principal(SERVICE)
    assert await header(bearer) == "Bearer CANARY-env-key"
    key = build(auth("api_key", header="X-Api-Key", key="env:KEY")).for_principal(SERVICE)
    assert await header(key, "X-Api-Key") == "CANARY-env-key"


async def test_a_static_secret_is_replaced_when_somebody_set_another(build, store):
    store.set_secret("crm.token", Secret("CANARY-first"))
    source = build(auth("bearer", token="sealed:crm.token")).for_principal(SERVICE)
    first = await source.current()
    with pytest.raises(CredentialError, match="set a valid one"):
        await source.replace(first)
    store.set_secret("crm.token", Secret("CANARY-second"))
    second = await source.replace(first)
    assert second.generation > first.generation
    assert await header(source) == "Bearer CANARY-second"
    assert await source.replace(first) is second


async def test_a_secret_cannot_add_a_header(build, store):
    store.set_secret("crm.token", Secret("CANARY\r\nX-Admin: 1"))
    source = build(auth("bearer", token="sealed:crm.token")).for_principal(SERVICE)
    with pytest.raises(ConfigurationError, match="line break") as caught:
        await source.current()
    assert "CANARY" not in str(caught.value)


async def test_a_colon_cannot_move_a_basic_user_name(build, store):
    with pytest.raises(CredentialError, match="no colon"):
        build(auth("basic", username="{user}", password="sealed:p"), "user").for_principal(Principal("crm", "anna:x"))


async def test_a_missing_service_secret_names_setting_reference_and_remedy(build):
    source = build(auth("bearer", token="env:NOPE")).for_principal(SERVICE)
    with pytest.raises(ConfigurationError, match=r"connections\.crm\.auth\.token: env:NOPE .* `export NOPE="):
        await source.current()


async def test_a_client_secret_set_anew_is_used_without_a_restart(build, store, deployment):
    source = build(auth("client_credentials", **CLIENT)).for_principal(SERVICE)
    token = await source.current()
    deployment.server.client = ("client", "CANARY-rotated")
    store.set_secret("crm.client_secret", Secret("CANARY-rotated"))
    assert deployment.server.accepts((await source.replace(token)).value.reveal())


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "client_credentials", **CLIENT, "client_secret": "CANARY-plain"},
        {"kind": "client_credentials", **CLIENT, "client_sekret": "CANARY-plain"},
        {"kind": "client_credentials", **CLIENT, "token_endpoint": "http://idp.example/token"},
        {"kind": "client_credentials", **CLIENT, "token_endpoint": "https://CANARY-user@idp.example/token"},
        {"kind": "client_credentials", **CLIENT, "lifetime": 0},
        {"kind": "jwt_bearer", **jwt_auth("x").model_dump(), "assertion_lifetime": 181},
        {"kind": "api_key", "header": "X-Key: 1\r\nX", "key": "env:KEY"},
        {"kind": "basic", "username": "a:b", "password": "env:KEY"},
        {"kind": "password", "password": "CANARY-plain"},
        {"token": "CANARY-plain"},
    ],
)
def test_wrong_settings_are_refused_without_repeating_them(fields):
    with pytest.raises(ValidationError) as caught:
        Connection.model_validate({"auth": fields})
    assert "CANARY" not in str(caught.value)


def test_http_is_for_this_machine_only():
    for host in ("localhost:8080", "127.0.0.1", "[::1]:9"):
        assert auth("client_credentials", **CLIENT | {"token_endpoint": f"http://{host}/token"})
