"""Do secret values stay out of logs, exceptions, reprs and files on every path that can fail?"""

import base64
import contextlib
import gc
import logging
import traceback
from urllib.parse import quote_plus

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response

from isthmus.core.caller import Principal
from isthmus.core.credentials import CredentialFactory, Redactor, Secret, SecretResolver
from isthmus.core.credentials.settings import ClientCredentialsAuth, JwtBearerAuth, PasswordAuth, RefreshTokenAuth
from isthmus.core.errors import IsthmusError

ENDPOINT = "https://idp.example/token"


def echo(text):
    """Answers of a server that repeats what it was sent."""
    return [
        JSONResponse({"error": "invalid_grant", "error_description": text}, 400),
        JSONResponse({"error": text}, 401),
        PlainTextResponse(text, 500),
        PlainTextResponse(text, 200),
        PlainTextResponse(text, 403),
        Response(status_code=302, headers={"Location": f"https://evil.example/?{quote_plus(text)}"}),
        JSONResponse({"access_token": text, "token_type": text}),
        JSONResponse({"access_token": text + "\r\n", "token_type": "bearer"}),
        JSONResponse({"access_token": text, "token_type": "bearer", "instance_url": f"https://{text}.evil.example"}),
    ]


@pytest.fixture
def everything_logged():
    """Keep every record of every logger, as a handler with the redactor formats it."""
    lines = []

    class Collected(logging.Handler):
        def emit(self, record):
            lines.append(self.format(record) + repr(record.__dict__))

    handler, root = Collected(logging.DEBUG), logging.getLogger()
    handler.addFilter(Redactor())
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield lines
    root.removeHandler(handler)
    root.setLevel(level)


def settings(kind):
    client = {"token_endpoint": ENDPOINT, "client_id": "client", "client_secret": "sealed:client_secret"}
    match kind:
        case "client_credentials":
            return ClientCredentialsAuth.model_validate({"kind": kind, **client})
        case "jwt_bearer":
            key = {"issuer": "consumer-key", "subject": "svc", "audience": "https://login.example"}
            return JwtBearerAuth.model_validate(
                {"kind": kind, "token_endpoint": ENDPOINT, "private_key": "sealed:private_key", **key}
            )
        case "password":
            told = {"username": "svc", "password": "sealed:password"}
            return PasswordAuth.model_validate({"kind": kind, **client, **told})
        case _:
            return RefreshTokenAuth.model_validate({"kind": kind, **client, "refresh_token": "sealed:refresh"})


@pytest.mark.parametrize("kind", ["client_credentials", "jwt_bearer", "refresh_token", "password"])
async def test_no_failure_shows_a_secret(deployment, store, kind, rsa_pem, rsa_public, everything_logged):
    server, shown = deployment.server, []
    server.public_key = rsa_public
    canaries = [server.client[1], rsa_pem.splitlines()[3], "CANARY-refresh", "CANARY-access"]
    canaries.append(server.passwords["svc"])
    store.set_secret("client_secret", Secret(server.client[1]))
    store.set_secret("private_key", Secret(rsa_pem))
    store.set_secret("password", Secret(server.passwords["svc"]))
    resolver = SecretResolver(store, {})

    async def attempt(connection):
        options = {
            "store": store,
            "resolver": resolver,
            "transport_to": lambda *_: deployment.wire,
            "clock": deployment.clock,
        }
        factory = CredentialFactory(
            connection, "service", settings(kind), allowed_origin="https://crm.example", **options
        )
        source = factory.for_principal(Principal(connection))
        try:
            token = await source.current()
            shown.append(f"{source!r} {token!r} {token}")
            await source.replace(token)
        except IsthmusError as error:
            shown.append(f"{error!r} {error} {error.details()} {error.vendor_text}")
            shown.extend(traceback.format_exception(error))

    faults = [[], ["lost"], ["unreachable"], *(echo(f"CANARY-access {server.client[1]}"))]
    for number, fault in enumerate(faults):
        store.set_secret("refresh", Secret(server.consent()))
        deployment.wire.faults, server.answers = ([], [fault]) if isinstance(fault, Response) else (fault, [])
        held = Secret(f"CANARY-access {server.client[1]}")
        await attempt(f"crm-{number}")
        assert held
    assert len(shown) >= len(faults)
    assert everything_logged or kind != "refresh_token"

    for text in (*shown, *everything_logged):
        for canary in canaries:
            assert canary not in text
            assert quote_plus(canary) not in text
            assert base64.b64encode(canary.encode()).decode().rstrip("=")[:-1] not in text
    for file in deployment.path.parent.iterdir():
        content = file.read_bytes()
        assert not any(canary.encode() in content for canary in canaries)


async def test_a_bug_below_shows_no_secret_in_its_traceback(deployment, store):
    """What Authlib or the transport raises on their own carries none of our values in its text."""
    store.set_secret("client_secret", Secret("CANARY-\u20ac-not-latin-1"))
    options = {"store": store, "resolver": SecretResolver(store, {}), "transport_to": lambda *_: deployment.wire}
    factory = CredentialFactory("crm", "service", settings("client_credentials"), **options)
    with pytest.raises(IsthmusError) as caught:
        await factory.for_principal(Principal("crm")).current()
    assert "CANARY" not in "".join(traceback.format_exception(caught.value))


def test_secrets_do_not_pile_up(store):
    from isthmus.core.credentials import secret as module

    store.set_secret("name", Secret("CANARY-pile"))
    gc.collect()
    before = len(module._live)
    for _ in range(100):
        with contextlib.suppress(KeyError):
            store.secret("name")
    gc.collect()
    assert len(module._live) == before
