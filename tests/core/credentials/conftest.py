"""A token server with rotation and reuse detection, faults on the way to it, a virtual clock, and a store."""

import asyncio
import base64
import itertools
import socket
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field

import httpx2
import pytest
import uvicorn
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from isthmus.core.credentials import SealingKey, SQLiteSecretStore

ISSUER, AUDIENCE = "consumer-key", "https://login.example"


class Clock:
    """Unix time that only moves when told."""

    def __init__(self, now=1_800_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@dataclass
class TokenServer:
    """One client, rotating families of refresh tokens, access tokens that expire by the clock or after some uses."""

    clock: object
    client: tuple = ("client", "CANARY-client-secret +/=&%")
    passwords: dict = field(default_factory=lambda: {"svc": "CANARY-password", "anna": "CANARY-password-anna"})
    rotates: bool = True
    expires_in: object = 3600
    lifetime: float = 3600
    uses: int = 10**9
    public_key: object = None
    extra: dict = field(default_factory=dict)
    handed_in: dict = field(default_factory=dict)
    answers: list = field(default_factory=list)
    requests: list = field(default_factory=list)
    access: dict = field(default_factory=dict)
    current: dict = field(default_factory=dict)
    spent: set = field(default_factory=set)
    reused: int = 0
    early: int = 0
    latest: str = ""
    delay: float = 0.0
    _count: object = field(default_factory=itertools.count)

    def consent(self):
        """Start a family; returns its first refresh token."""
        token = f"CANARY-refresh-{next(self._count)}-seed"
        self.current[token] = token
        return token

    def revoke_all(self):
        self.current.clear()
        self.access.clear()

    def accepts(self, token):
        expires, uses = self.access.get(token, (0, 0))
        if self.clock() >= expires or uses < 1:
            return False
        self.access[token] = (expires, uses - 1)
        return True

    @property
    def app(self):
        return Starlette(routes=[Route("/token", self._token, methods=["POST"]), Route("/api", self._api)])

    @property
    def token_calls(self):
        return len(self.requests)

    async def _api(self, request):
        token = request.headers.get("authorization", "").removeprefix("Bearer ")
        return Response(status_code=200 if self.accepts(token) else 401)

    async def _token(self, request):
        form = dict(await request.form())
        self.requests.append((dict(request.headers), form))
        if self.delay:
            await asyncio.sleep(self.delay)
        if self.answers:
            return self.answers.pop(0)
        signed = (
            form["grant_type"].endswith("jwt-bearer")
            and "client_id" not in form
            and "authorization" not in (request.headers)
        )
        if not signed and not self._client_known(request, form):
            return self._error("invalid_client", "invalid client credentials")
        return {
            "client_credentials": lambda form: self._issue(),
            "refresh_token": self._refresh,
            "password": self._password,
            "urn:ietf:params:oauth:grant-type:jwt-bearer": self._assertion if signed else self._handed_in,
            "urn:ietf:params:oauth:grant-type:saml2-bearer": self._handed_in,
            "urn:ietf:params:oauth:grant-type:token-exchange": self._handed_in,
        }[form["grant_type"]](form)

    def _password(self, form):
        if form["password"] != self.passwords.get(form["username"]):
            return self._error("invalid_grant", f"wrong password {form['password']}")
        return self._issue(refresh_token=self.consent())

    def _client_known(self, request, form):
        basic = request.headers.get("authorization", "")
        if basic.startswith("Basic "):
            return tuple(base64.b64decode(basic[6:]).decode().split(":", 1)) == self.client
        return (form.get("client_id"), form.get("client_secret")) == self.client

    def _refresh(self, form):
        token = form["refresh_token"]
        if token in self.spent:
            self.reused += 1
            self.revoke_all()
        if token not in self.current:
            return self._error("invalid_grant", f"expired access/refresh token {token}")
        if not self.rotates:
            return self._issue()
        # As at Salesforce the exchange ends the previous login; `early` counts those that did not need to be ended.
        self.early += self.clock() < self.access.pop(self.latest, (0, 0))[0]
        family = self.current.pop(token)
        self.spent.add(token)
        fresh = f"CANARY-refresh-{next(self._count)}"
        self.current[fresh] = family
        return self._issue(refresh_token=fresh)

    def _handed_in(self, form):
        person = self.handed_in.get(form.get("assertion") or form.get("subject_token"))
        return self._issue(id=person) if person else self._error("invalid_grant", "assertion is expired")

    def _assertion(self, form):
        try:
            claims = jwt.decode(form["assertion"], self.public_key, algorithms=["RS256"]).claims
        except JoseError:
            return self._error("invalid_client", "bad signature")
        if claims["aud"] != AUDIENCE or claims["iss"] != ISSUER:
            return self._error("invalid_grant", "audience is invalid")
        if not self.clock() < claims["exp"] <= self.clock() + 180:
            return self._error("invalid_grant", "assertion expired")
        if claims["sub"] == "stranger":
            return self._error("invalid_grant", "user hasn't approved this consumer")
        return self._issue(id=claims["sub"])

    def _issue(self, **more):
        token = f"CANARY-access-{next(self._count)}"
        self.access[token] = (self.clock() + self.lifetime, self.uses)
        self.latest = token
        body = {"access_token": token, "token_type": "Bearer", "expires_in": self.expires_in} | self.extra | more
        return JSONResponse({name: value for name, value in body.items() if value is not None})

    def _error(self, code, description):
        return JSONResponse({"error": code, "error_description": description}, 400)


class Wire(httpx2.AsyncBaseTransport):
    """The way to the server, with one fault for each request that is in `faults`."""

    def __init__(self, app):
        self.inner = httpx2.ASGITransport(app=app)
        self.faults = []

    async def handle_async_request(self, request):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "unreachable":
            raise httpx2.ConnectError("no route", request=request)
        response = await self.inner.handle_async_request(request)
        if fault == "lost":
            raise httpx2.ReadError("connection reset", request=request)
        if fault == "silent":
            await asyncio.sleep(60)
        return response


class Deployment:
    """Everything that outlives a process: the server, the clock, the database file and its key."""

    def __init__(self, folder):
        self.clock = Clock()
        self.server = TokenServer(self.clock)
        self.wire = Wire(self.server.app)
        self.path = folder / "secrets.db"
        self.key = SealingKey.generate()

    def store(self):
        return SQLiteSecretStore(self.path, SealingKey(self.key), zone="eu", clock=self.clock)


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def deployment(tmp_path):
    return Deployment(tmp_path)


@pytest.fixture
def new_deployment():
    return Deployment


@pytest.fixture
def store(deployment):
    with deployment.store() as store:
        yield store


@pytest.fixture(scope="session")
def rsa_pem():
    key = rsa.generate_private_key(65537, 2048)
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()


@pytest.fixture(scope="session")
def rsa_public(rsa_pem):
    return RSAKey.import_key(RSAKey.import_key(rsa_pem).as_pem(private=False))


@pytest.fixture
def loopback():
    """Serve an app on a loopback port; the context gives its URL."""

    @contextmanager
    def serve(app):
        with socket.socket() as listener:
            listener.bind(("127.0.0.1", 0))
            config = uvicorn.Config(app, log_level="critical", lifespan="off", ws="none")
            server = uvicorn.Server(config)
            thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
            thread.start()
            try:
                while not server.started:
                    time.sleep(0.01)
                yield f"http://127.0.0.1:{listener.getsockname()[1]}"
            finally:
                server.should_exit = True
                thread.join()

    return serve
