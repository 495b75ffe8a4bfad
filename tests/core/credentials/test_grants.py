"""Are token requests what the RFCs say, and are answers read for what they are?"""

import base64
import gzip
import time

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc import jwt
from starlette.responses import JSONResponse, PlainTextResponse, Response

from isthmus.core.credentials import Secret
from isthmus.core.credentials.answers import AnswerLost, GrantRefused, origin_of
from isthmus.core.credentials.grants import (
    ClientCredentialsGrant,
    JwtBearerGrant,
    PasswordGrant,
    RefreshTokenGrant,
    TokenEndpoint,
)
from isthmus.core.errors import ConfigurationError, CredentialError, RetryLater

URL = "https://idp.example/token"


def fetch(value):
    async def look_up():
        return Secret(value)

    return look_up


@pytest.fixture
def server(deployment, rsa_public):
    deployment.server.public_key = rsa_public
    return deployment.server


@pytest.fixture
def endpoint(deployment, server):
    return TokenEndpoint("crm", URL, deployment.wire, deployment.clock)


def service(endpoint, secret=None, method="client_secret_basic"):
    return ClientCredentialsGrant(endpoint, "client", fetch(secret or "CANARY-client-secret +/=&%"), method)


def assertion(endpoint, pem, subject="anna@example.org", **more):
    return JwtBearerGrant(endpoint, "consumer-key", subject, "https://login.example", fetch(pem), **more)


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_client_credentials_are_sent_one_way_only(endpoint, server, method):
    answer = await service(endpoint, method=method).obtain(None)
    assert server.accepts(answer.access_token.reveal())
    assert answer.expires_in == 3600
    assert answer.refresh_token is None
    ((headers, form),) = server.requests
    assert form["grant_type"] == "client_credentials"
    assert ("client_secret" in form) == (method == "client_secret_post")
    assert ("authorization" in headers) == (method == "client_secret_basic")
    assert "cookie" not in headers
    assert headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
async def test_a_password_is_sent_in_the_form_with_the_client_beside_it(endpoint, server, method):
    server.passwords["svc"] = "CANARY password +&=%"
    grant = PasswordGrant(endpoint, "client", fetch(server.client[1]), "svc", fetch("CANARY password +&=%"), method)
    assert server.accepts((await grant.obtain(None)).access_token.reveal())
    ((headers, form),) = server.requests
    assert (form["grant_type"], form["username"], form["password"]) == ("password", "svc", "CANARY password +&=%")
    assert ("client_secret" in form) == (method == "client_secret_post")
    assert ("authorization" in headers) == (method == "client_secret_basic")


async def test_a_wrong_password_is_final_and_not_repeated(endpoint, server):
    grant = PasswordGrant(endpoint, "client", fetch(server.client[1]), "svc", fetch("CANARY-wrong"))
    with pytest.raises(GrantRefused) as caught:
        await grant.obtain(None)
    assert not caught.value.retryable
    assert "CANARY" not in str(caught.value)
    assert server.token_calls == 1


TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=0x2FFF, exclude_characters="\x7f"), min_size=1)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(TEXT, st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1))
async def test_any_secret_arrives_unchanged_in_a_form(endpoint, server, secret, refresh):
    server.client = ("client", secret)
    server.current, server.spent = {refresh: refresh}, set()
    grant = RefreshTokenGrant(endpoint, "client", fetch(secret), "client_secret_post")
    assert (await grant.obtain(Secret(refresh))).refresh_token
    assert server.requests[-1][1]["refresh_token"] == refresh


async def test_a_basic_secret_outside_latin_1_is_refused_unsent(endpoint, server):
    with pytest.raises(ConfigurationError, match="client_secret_post") as caught:
        await service(endpoint, "CANARY-€").obtain(None)
    assert server.token_calls == 0
    assert "CANARY" not in repr(caught.value.__cause__)


async def test_a_public_client_names_itself_in_the_form(endpoint, server):
    server.client = ("client", None)
    grant = RefreshTokenGrant(endpoint, "client", None)
    assert (await grant.obtain(Secret(server.consent()))).refresh_token
    assert server.requests[0][1]["client_id"] == "client"


async def test_an_assertion_is_signed_short_lived_and_for_one_login(endpoint, server, rsa_pem, rsa_public, clock):
    await assertion(endpoint, rsa_pem, assertion_seconds=3600).obtain(None)
    await assertion(endpoint, rsa_pem).obtain(None)
    first, second = (jwt.decode(form["assertion"], rsa_public, algorithms=["RS256"]) for _, form in server.requests)
    assert first.header["alg"] == "RS256"
    assert first.claims["sub"] == "anna@example.org"
    assert first.claims["exp"] == clock() + 180
    assert first.claims["jti"] != second.claims["jti"]
    assert "client_secret" not in server.requests[0][1]


@pytest.mark.parametrize("pem", ["CANARY", "-----BEGIN RSA PRIVATE KEY-----\nCANARY\n-----END RSA PRIVATE KEY-----"])
async def test_a_key_that_is_none_is_refused_without_repeating_it(endpoint, server, pem):
    with pytest.raises(ConfigurationError, match="openssl genrsa") as caught:
        await assertion(endpoint, pem).obtain(None)
    assert "CANARY" not in str(caught.value)
    assert server.token_calls == 0


async def test_a_public_key_cannot_sign(endpoint, rsa_public):
    with pytest.raises(ConfigurationError, match="not an unencrypted RSA private key"):
        await assertion(endpoint, rsa_public.as_pem(private=False).decode()).obtain(None)


REFUSALS = [
    ("invalid_grant", "user hasn't approved this consumer", "approve this client"),
    ("invalid_grant", "expired access/refresh token", "approve this client"),
    ("invalid_client", "invalid client credentials", "id and its secret"),
    ("invalid_client_id", "client identifier invalid", "correct it"),
    ("unsupported_grant_type", "grant type not supported", "correct kind"),
    ("made_up <script>", "anything", "vendor's log"),
]


@pytest.mark.parametrize(("code", "description", "remedy"), REFUSALS)
async def test_a_refusal_is_final_and_names_the_remedy(endpoint, server, code, description, remedy):
    server.answers = [JSONResponse({"error": code, "error_description": description}, 400)]
    with pytest.raises(GrantRefused, match=remedy) as caught:
        await service(endpoint).obtain(None)
    assert not caught.value.retryable
    assert "script" not in str(caught.value)
    assert description not in str(caught.value)
    assert description in caught.value.vendor_text


async def test_what_the_endpoint_echoes_is_masked(endpoint, server):
    server.answers = [JSONResponse({"error": "invalid_grant", "error_description": "no CANARY-refresh-echo"}, 400)]
    held = Secret("CANARY-refresh-echo")
    grant = RefreshTokenGrant(endpoint, "client", fetch("s"))
    with pytest.raises(GrantRefused) as caught:
        await grant.obtain(held)
    assert caught.value.vendor_text == "invalid_grant: no [secret]"


LATER = [
    (JSONResponse({"error": "retry_request", "error_description": "retry your request"}, 400), None),
    (Response(status_code=503, headers={"Retry-After": "7"}), 7),
    (PlainTextResponse("slow down", 429, headers={"Retry-After": "Fri, 15 Jan 2027 08:00:30 GMT"}), 30),
    (Response(status_code=429, headers={"Retry-After": "soon"}), None),
    (Response(status_code=429, headers={"Retry-After": "999999999"}), 3600),
]


@pytest.mark.parametrize(("answer", "after"), LATER)
async def test_a_request_put_off_is_retryable_and_was_not_carried_out(endpoint, server, answer, after):
    server.answers = [answer]
    with pytest.raises(RetryLater) as caught:
        await service(endpoint).obtain(None)
    assert not isinstance(caught.value, AnswerLost)
    assert caught.value.after == after


LOST = {
    "server error": Response(status_code=500),
    "gateway timeout": Response(status_code=504),
    "login page": PlainTextResponse("<html>sign in</html>"),
    "list": JSONResponse([]),
    "deep": PlainTextResponse("[" * 100_000),
    "no token type": JSONResponse({"access_token": "a"}),
    "mac token": JSONResponse({"access_token": "a", "token_type": "mac"}),
    "no token": JSONResponse({"token_type": "bearer"}),
    "token with a line break": JSONResponse({"access_token": "a\r\nX-Evil: 1", "token_type": "bearer"}),
    "token as number": JSONResponse({"access_token": 7, "token_type": "bearer"}),
    "bomb": Response(gzip.compress(b"x" * 10**6), headers={"Content-Encoding": "gzip"}),
    "flood": PlainTextResponse("x" * 300_000),
}


@pytest.mark.parametrize("what", LOST)
async def test_an_answer_that_cannot_be_read_is_a_lost_one(endpoint, server, what):
    server.answers = [LOST[what]]
    with pytest.raises(AnswerLost, match="token endpoint of connection 'crm'"):
        await service(endpoint).obtain(None)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_is_not_followed(endpoint, server, status):
    server.answers = [Response(status_code=status, headers={"Location": "https://idp.example/token"})]
    with pytest.raises(CredentialError, match="redirects"):
        await service(endpoint).obtain(None)
    assert server.token_calls == 1


async def test_what_never_left_is_told_from_what_got_lost(deployment, endpoint):
    deployment.wire.faults = ["unreachable", "lost"]
    with pytest.raises(RetryLater, match="ConnectError") as caught:
        await service(endpoint).obtain(None)
    assert not isinstance(caught.value, AnswerLost)
    with pytest.raises(AnswerLost, match="ReadError"):
        await service(endpoint).obtain(None)


async def test_a_silent_endpoint_is_given_up(deployment, server):
    deployment.wire.faults = ["silent"]
    started = time.monotonic()
    with pytest.raises(AnswerLost, match=r"within 0\.1 s"):
        await service(TokenEndpoint("crm", URL, deployment.wire, deployment.clock, timeout=0.1)).obtain(None)
    assert time.monotonic() - started < 5


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (60, 60),
        ("60", 60),
        (None, None),
        (0, None),
        (-5, None),
        ("soon", None),
        (True, None),
        ([1], None),
        (1e300, None),
    ],
)
async def test_expires_in_is_a_positive_number_or_unknown(endpoint, server, sent, read):
    server.expires_in = sent
    assert (await service(endpoint).obtain(None)).expires_in == read


async def test_the_transport_stays_open_for_the_next_request(deployment, endpoint):
    closed = []

    class Watched(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request):
            return await deployment.wire.handle_async_request(request)

        async def aclose(self):
            closed.append(True)

    grant = service(TokenEndpoint("crm", URL, Watched(), deployment.clock))
    await grant.obtain(None)
    await grant.obtain(None)
    assert not closed


async def test_basic_credentials_are_the_ones_given(endpoint, server):
    await service(endpoint).obtain(None)
    sent = server.requests[0][0]["authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"client:CANARY-client-secret +/=&%"


@pytest.mark.parametrize(
    "url",
    [
        "//good.example", "https://good.example@evil.example", "https://good\\@evil", "file:///etc/passwd", "",
        "https://g\u3002example", "https://good.example.", "https://good.example\n", "https://good\t.example",
        "https://good.example:443@evil", "https://" + "a" * 9000, "data:,x", "https://good.example:port",
    ],
)  # fmt: skip
def test_a_twisted_url_has_no_origin(url):
    with pytest.raises(ValueError, match="plain"):
        origin_of(url)


def test_an_origin_is_compared_by_scheme_host_and_port():
    assert origin_of("https://Good.example/path") == origin_of("https://good.example:443")
    for other in ("http://good.example", "https://good.example:444", "https://good.example.evil.com"):
        assert origin_of(other) != origin_of("https://good.example")
    assert origin_of("http://[::1]:8080") == ("http", "[::1]", 8080)
