"""Does a proof that somebody else issued buy its own person's token, and nobody else's?"""

import base64

import pytest
from pydantic import TypeAdapter, ValidationError

from isthmus.core.caller import Principal
from isthmus.core.credentials import AuthSettings, CredentialFactory, Secret, SecretResolver
from isthmus.core.credentials.grants import saml_assertion
from isthmus.core.errors import ConfigurationError, CredentialError

ANNA, BEN, SERVICE = Principal("erp", "anna"), Principal("erp", "ben"), Principal("erp")
CLIENT = {"token_endpoint": "https://idp.example/token", "client_id": "client", "client_secret": "sealed:erp.client"}
KINDS = {
    "saml_bearer": ("urn:ietf:params:oauth:grant-type:saml2-bearer", "assertion"),
    "jwt_assertion": ("urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion"),
    "token_exchange": ("urn:ietf:params:oauth:grant-type:token-exchange", "subject_token"),
}


def auth(kind, **more):
    return TypeAdapter(AuthSettings).validate_python({"kind": kind, **more})


def handing_in(kind, **more):
    return auth(kind, **CLIENT, **{KINDS[kind][1]: "sealed:erp.proof"}, **more)


@pytest.fixture
def build(deployment, store):
    store.set_secret("erp.client", Secret(deployment.server.client[1]))

    def factory(settings, identity="user"):
        return CredentialFactory(
            "erp",
            identity,
            settings,
            store=store,
            resolver=SecretResolver(store, {}),
            transport_to=lambda *_: deployment.wire,
            clock=deployment.clock,
        )

    return factory


async def header(factory, who):
    headers = {}
    (await factory.for_principal(who).current()).apply(headers)
    return headers


@pytest.mark.parametrize("kind", KINDS)
async def test_each_person_hands_in_their_own_proof(build, store, deployment, kind):
    for who in (ANNA, BEN):
        store.set_secret("erp.proof", Secret(f"CANARY-proof-{who.user}"), user=who.user)
        deployment.server.handed_in[f"CANARY-proof-{who.user}"] = who.user
    factory = build(handing_in(kind))
    anna, ben = [(await header(factory, who))["Authorization"] for who in (ANNA, BEN)]
    assert anna != ben
    grant_type, field = KINDS[kind]
    told = [(form["grant_type"], form[field]) for _, form in deployment.server.requests]
    assert told == [(grant_type, "CANARY-proof-anna"), (grant_type, "CANARY-proof-ben")]


@pytest.mark.parametrize("kind", KINDS)
async def test_a_person_without_a_proof_never_acts_as_the_service(build, store, deployment, kind):
    store.set_secret("erp.proof", Secret("CANARY-technical"))
    store.set_secret("erp.proof", Secret("CANARY-anna"), user="anna")
    deployment.server.handed_in = {"CANARY-technical": "svc", "CANARY-anna": "anna"}
    factory = build(handing_in(kind))
    await factory.for_principal(ANNA).current()
    with pytest.raises(CredentialError, match=r"isthmus secret set erp\.proof --user ben") as caught:
        await factory.for_principal(BEN).current()
    assert caught.value.reason == "reauth_required"
    with pytest.raises(CredentialError, match="names no person"):
        factory.for_principal(SERVICE)
    assert deployment.server.token_calls == 1


@pytest.mark.parametrize("kind", KINDS)
async def test_an_expired_proof_is_told_and_a_new_one_is_taken_up(build, store, deployment, kind):
    store.set_secret("erp.proof", Secret("CANARY-old"), user="anna")
    source = build(handing_in(kind)).for_principal(ANNA)
    with pytest.raises(CredentialError) as caught:
        await source.current()
    assert not caught.value.retryable
    assert "CANARY" not in str(caught.value) + caught.value.vendor_text
    store.set_secret("erp.proof", Secret("CANARY-new"), user="anna")
    deployment.server.handed_in["CANARY-new"] = "anna"
    deployment.clock.advance(20)
    assert deployment.server.accepts((await source.current()).value.reveal())


@pytest.mark.parametrize("kind", KINDS)
def test_people_do_not_share_a_proof(build, kind):
    shared = auth(kind, **CLIENT, **{KINDS[kind][1]: "env:PROOF"})
    with pytest.raises(ConfigurationError, match="one secret for all"):
        build(shared)


async def test_the_service_may_hand_in_a_proof_of_its_own(build, store, deployment):
    store.set_secret("erp.proof", Secret("CANARY-technical"))
    deployment.server.handed_in["CANARY-technical"] = "svc"
    assert await header(build(handing_in("jwt_assertion"), "service"), SERVICE)


async def test_what_the_token_is_for_goes_with_the_request(build, store, deployment):
    store.set_secret("erp.proof", Secret("CANARY-anna"), user="anna")
    deployment.server.handed_in["CANARY-anna"] = "anna"
    more = {"scope": "API", "resource": "urn:x", "audience": "erp"}
    await header(build(handing_in("token_exchange", **more)), ANNA)
    form = deployment.server.requests[0][1]
    assert {name: form[name] for name in more} == more
    assert form["subject_token_type"] == "urn:ietf:params:oauth:token-type:access_token"


async def test_a_token_goes_into_the_header_that_was_named(build, store, deployment):
    store.set_secret("erp.proof", Secret("CANARY-anna"), user="anna")
    deployment.server.handed_in["CANARY-anna"] = "anna"
    headers = await header(build(handing_in("jwt_assertion", header="X-On-Behalf")), ANNA)
    assert set(headers) == {"X-On-Behalf"}
    assert deployment.server.accepts(headers["X-On-Behalf"].removeprefix("Bearer "))


@pytest.mark.parametrize("spelling", ["xml", "base64", "lines", "base64url"])
def test_a_saml_assertion_arrives_as_base64url_however_it_was_kept(spelling):
    xml = '<saml:Assertion ID="ä?>">~~~</saml:Assertion>'
    kept = {
        "xml": f"\n{xml}\n",
        "base64": base64.b64encode(xml.encode()).decode(),
        "lines": base64.encodebytes(xml.encode()).decode(),
        "base64url": base64.urlsafe_b64encode(xml.encode()).decode(),
    }[spelling]
    sent = saml_assertion(kept)
    assert not set(sent) & set("+/=\n")
    assert base64.urlsafe_b64decode(sent + "=" * (-len(sent) % 4)).decode() == xml


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        ({"token_endpoint_auth_method": "tls_client_auth"}, "and no client_secret"),
        ({"client_certificate": "file:a", "client_key": "file:b"}, "belong to the connection"),
    ],
)
def test_a_client_proves_itself_in_one_way(more, sentence):
    with pytest.raises(ValidationError, match=sentence):
        handing_in("jwt_assertion", **more)


def test_a_client_without_any_proof_has_no_identity_of_its_own():
    with pytest.raises(ValidationError, match="needs client_secret"):
        auth("client_credentials", token_endpoint="https://idp.example/token", client_id="client")


def test_an_unknown_kind_is_told_with_the_nearest(build):
    with pytest.raises(ConfigurationError, match=r"'saml_beerer' is no kind .*did you mean 'saml_bearer'"):
        build(auth("saml_beerer", assertion="env:X"))
