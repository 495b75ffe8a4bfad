"""Is a destination believed only where it is a credential of this person for this system?"""

from dataclasses import dataclass, field

import httpx2
import pytest
from pydantic import TypeAdapter
from starlette.applications import Starlette
from starlette.responses import JSONResponse
from starlette.routing import Route

from isthmus.connectors.sap.destination import DESTINATION
from isthmus.core.caller import Principal
from isthmus.core.credentials import (
    AuthSettings,
    CredentialFactory,
    SealingKey,
    Secret,
    SecretResolver,
    SQLiteSecretStore,
)
from isthmus.core.errors import ConfigurationError, CredentialError, RetryLater
from isthmus.core.plugins import load_plugins

ANNA, BEN, SERVICE = Principal("erp", "anna"), Principal("erp", "ben"), Principal("erp")
ERP = "https://my300.s4hana.example"
SETTINGS = {
    "kind": "destination",
    "token_endpoint": "https://idp.example/oauth/token",
    "client_id": "clone",
    "client_secret": "sealed:erp.client",
    "uri": "https://destination.example/",
    "destination": "S4",
}
PERSONAL = {**SETTINGS, "user_token": "sealed:erp.jwt"}


@dataclass
class Service:
    """The token endpoint and the destination service; a person's token is `for <their JWT>`."""

    authentication: str = "OAuth2JWTBearer"
    url: str = ERP
    token: dict = field(default_factory=dict)
    status: int = 200
    asked: list = field(default_factory=list)
    clock: float = 1_800_000_000.0

    @property
    def app(self):
        find = "/destination-configuration/v1/destinations/{name}"
        return Starlette(routes=[Route("/oauth/token", self.issue, methods=["POST"]), Route(find, self.find)])

    async def issue(self, request):
        return JSONResponse({"access_token": "CANARY-service", "token_type": "bearer", "expires_in": 3600})

    async def find(self, request):
        self.asked.append(dict(request.headers))
        if request.headers["authorization"] != "Bearer CANARY-service" or request.path_params["name"] != "S4":
            return JSONResponse({"ErrorMessage": "no"}, 404)
        whose = request.headers.get("x-user-token", "technical")
        header = {"key": "Authorization", "value": f"Bearer CANARY-for-{whose}"}
        token = {"type": "Bearer", "value": "x", "expires_in": "3600", "http_header": header} | self.token
        configuration = {"Name": "S4", "URL": self.url, "Authentication": self.authentication}
        tokens = [] if self.authentication == "NoAuthentication" else [token]
        body = {"destinationConfiguration": configuration, "authTokens": tokens}
        return JSONResponse(body, self.status)


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def secrets(tmp_path):
    with SQLiteSecretStore(tmp_path / "secrets.db", SealingKey(SealingKey.generate()), zone="eu") as store:
        store.set_secret("erp.client", Secret("CANARY-client"))
        store.set_secret("erp.jwt", Secret("CANARY-jwt-anna"), user="anna")
        yield store


@pytest.fixture
def build(service, secrets):
    def factory(settings, identity="user"):
        return CredentialFactory(
            "erp",
            identity,
            TypeAdapter(AuthSettings).validate_python(settings),
            store=secrets,
            resolver=SecretResolver(secrets, {}),
            transport_to=lambda *_: httpx2.ASGITransport(app=service.app),
            allowed_origin=ERP,
            clock=lambda: service.clock,
            kinds={DESTINATION.name: DESTINATION},
        )

    return factory


async def headers_of(factory, who):
    headers = {}
    (await factory.for_principal(who).current()).apply(headers)
    return headers


async def test_each_person_gets_their_own_token_in_the_header_that_it_names(build, service, secrets):
    secrets.set_secret("erp.jwt", Secret("CANARY-jwt-ben"), user="ben")
    factory = build(PERSONAL)
    assert await headers_of(factory, ANNA) == {"Authorization": "Bearer CANARY-for-CANARY-jwt-anna"}
    service.token = {"http_header": {"key": "X-Token", "value": "Basic CANARY-basic"}}
    assert await headers_of(factory, BEN) == {"X-Token": "Basic CANARY-basic"}


async def test_a_person_without_a_token_is_not_asked_for(build, service, secrets):
    secrets.set_secret("erp.jwt", Secret("CANARY-technical"))
    with pytest.raises(CredentialError, match=r"isthmus secret set erp\.jwt --user ben"):
        await build(PERSONAL).for_principal(BEN).current()
    assert not service.asked


@pytest.mark.parametrize(
    "kind", ["BasicAuthentication", "OAuth2ClientCredentials", "NoAuthentication", "OAuth2Password"]
)
async def test_the_technical_user_of_a_destination_never_stands_in_for_a_person(build, service, kind):
    service.authentication = kind
    with pytest.raises(CredentialError, match="would act as its technical user"):
        await build(PERSONAL).for_principal(ANNA).current()


async def test_the_service_may_act_as_the_technical_user(build, service):
    service.authentication = "OAuth2ClientCredentials"
    assert await headers_of(build(SETTINGS, "service"), SERVICE) == {"Authorization": "Bearer CANARY-for-technical"}
    assert "x-user-token" not in service.asked[0]


async def test_a_token_is_asked_for_again_when_it_runs_out(build, service):
    source = build(PERSONAL).for_principal(ANNA)
    for later in (0, 3000, 3000):
        service.clock += later
        await source.current()
    assert len(service.asked) == 2


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example",
        "http://my300.s4hana.example",
        f"{ERP}.evil.example",
        f"{ERP}:444",
        f"{ERP}@evil",
        "",
        None,
    ],
)
async def test_a_destination_that_leads_elsewhere_is_refused(build, service, url):
    service.url = url
    with pytest.raises(CredentialError, match=f"leads elsewhere than to {ERP}"):
        await build(PERSONAL).for_principal(ANNA).current()


@pytest.mark.parametrize(
    ("token", "sentence"),
    [
        ({"error": "exchange failed for CANARY-jwt-anna"}, "has no token"),
        ({"http_header": None}, "names no header"),
        ({"http_header": {"key": "Host", "value": "evil"}}, "names no header"),
        ({"http_header": {"key": "X", "value": "a\r\nHost: evil"}}, "names no header"),
        ({"http_header": {"key": "X: y", "value": "a"}}, "names no header"),
    ],
)
async def test_an_answer_without_a_usable_token_is_a_failure_though_it_says_200(build, service, token, sentence):
    service.token = token
    with pytest.raises(CredentialError, match=sentence) as caught:
        await build(PERSONAL).for_principal(ANNA).current()
    assert "CANARY" not in str(caught.value) + caught.value.vendor_text


async def test_a_service_that_is_down_is_asked_again_later(build, service):
    service.status = 503
    with pytest.raises(RetryLater, match="destination service"):
        await build(PERSONAL).for_principal(ANNA).current()


def test_people_need_tokens_of_their_own(build):
    with pytest.raises(ConfigurationError, match="each person needs their own"):
        build(SETTINGS)
    with pytest.raises(ConfigurationError, match="one secret for all"):
        build({**SETTINGS, "user_token": "env:JWT"})
    with pytest.raises(ConfigurationError, match=r"connections\.erp\.auth\.destination"):
        build({**PERSONAL, "destination": "../x"})


def test_the_plugin_brings_the_kind():
    assert load_plugins(["sap"]).credentials["destination"] is DESTINATION
