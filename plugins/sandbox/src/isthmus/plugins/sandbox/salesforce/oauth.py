"""Who may have a token, and whose is it?"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlencode

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox.message import Json, Reply, Request
from isthmus.plugins.sandbox.names import without_port

from .errors import TokenError
from .hosts import LOGIN_HOSTS, instance_url
from .logins import Session
from .store import Row

if TYPE_CHECKING:
    from .org import SalesforceOrg

_JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_MAX_ASSERTION_AGE: Final = 300
_ONLY_MILLISECONDS: Final = 1e11
"""What no count of seconds since 1970 reaches before the year 5138."""


class TokenEndpoint:
    """Answer `/services/oauth2/token` and its neighbours."""

    def __init__(self, org: "SalesforceOrg") -> None:
        self._org = org
        self._codes: dict[str, tuple[str, Mapping[str, str]]] = {}
        self._issued = 0
        self._flows: dict[str, Callable[[Request], tuple[Session, str | None]]] = {
            "client_credentials": self._client_credentials,
            "refresh_token": self._refresh,
            "authorization_code": self._code,
            "password": self._password,
            _JWT_BEARER: self._assertion,
        }

    def answer(self, request: Request) -> tuple[Reply, Session]:
        """Return the token answer and the login it opened; raises TokenError."""
        if request.method != "POST":
            raise TokenError("invalid_request", "must use HTTP POST")
        flow = self._flows.get(request.form.get("grant_type", ""))
        if flow is None:
            raise TokenError("unsupported_grant_type", "grant type not supported")
        session, refresh_token = flow(request)
        identity = f"{request.origin}/id/{self._org.org_id}/{session.user_id}"
        issued = str(int(self._org.clock() * 1000))
        signed = hmac.digest(self._org.client_secret.encode(), f"{identity}{issued}".encode(), "sha256")
        body: dict[str, Json] = {
            "access_token": session.token,
            "signature": base64.b64encode(signed).decode(),
            "scope": "api refresh_token" if refresh_token else "api",
            "instance_url": instance_url(self._org.name, request),
            "id": identity,
            "token_type": "Bearer",
            "issued_at": issued,
        }
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return Reply(200, body), session

    def authorize(self, request: Request) -> Reply:
        """Send the browser back with a code, as if `login_hint` (or the default user) had logged in and agreed."""
        query = request.query
        if query.get("client_id") != self._org.client_id:
            raise TokenError("invalid_client_id", "client identifier invalid")
        if query.get("response_type") != "code" or "redirect_uri" not in query:
            raise TokenError("invalid_request", "response_type must be code, redirect_uri must be given")
        user = self._user(query.get("login_hint", self._org.username))
        self._issued += 1
        code = f"aPrx{hashlib.sha256(f'{self._issued} {self._org.client_secret}'.encode()).hexdigest()}"
        self._codes[code] = (str(user["Id"]), query)
        state = {"state": query["state"]} if "state" in query else {}
        joint = "&" if "?" in query["redirect_uri"] else "?"
        return Reply(302, headers={"Location": f"{query['redirect_uri']}{joint}{urlencode({'code': code, **state})}"})

    def revoke(self, request: Request) -> Reply:
        """End a login or a grant (RFC 7009)."""
        self._org.logins.revoke(request.form.get("token") or request.query.get("token", ""))
        return Reply(200, empty=True)

    def _client_credentials(self, request: Request) -> tuple[Session, None]:
        self._client(request, secret_needed=True)
        if without_port(request.host) in LOGIN_HOSTS:
            raise TokenError("invalid_grant", "request not supported on this domain")
        return self._org.logins.open(str(self._user(self._org.username)["Id"])), None

    def _password(self, request: Request) -> tuple[Session, None]:
        """Log in with user name, password and security token; blocked orgs say no more than a wrong password does."""
        self._client(request, secret_needed=True)
        username, given = request.form.get("username", ""), request.form.get("password", "")
        user = self._org.user(username)
        known = user is not None and self._org.passwords.judge(str(user["Username"]), given) == "right"
        if not (known and self._org.allows_password_grant):
            raise TokenError("invalid_grant", "authentication failure")
        return self._org.logins.open(str(self._user(username)["Id"])), None

    def _refresh(self, request: Request) -> tuple[Session, str]:
        self._client(request, secret_needed=False)
        return self._org.logins.refresh(request.form.get("refresh_token", ""))

    def _code(self, request: Request) -> tuple[Session, str]:
        self._client(request, secret_needed=False)
        form = request.form
        user_id, asked = self._codes.pop(form.get("code", ""), ("", {}))
        if not user_id or form.get("redirect_uri") != asked["redirect_uri"]:
            raise TokenError("invalid_grant", "invalid authorization code")
        if "code_challenge" in asked:
            digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
            if base64.urlsafe_b64encode(digest).rstrip(b"=").decode() != asked["code_challenge"]:
                raise TokenError("invalid_grant", "invalid code verifier")
        grant = self._org.logins.grant(user_id)
        return self._org.logins.open(user_id, grant), grant.refresh_token

    def _assertion(self, request: Request) -> tuple[Session, None]:
        try:
            token = jwt.decode(request.form.get("assertion", ""), self._public_key(), algorithms=["RS256"])
        except (JoseError, ValueError):
            raise TokenError("invalid_grant", "invalid assertion") from None
        claims = token.claims
        if claims.get("iss") != self._org.client_id:
            raise TokenError("invalid_client_id", "client identifier invalid")
        audience = str(claims.get("aud", "")).rstrip("/")
        trusted = audience.startswith("https://") and audience.endswith(".salesforce.com")
        if not (trusted or audience == request.origin):
            raise TokenError("invalid_grant", "audience is invalid")
        if not self._timely(claims.get("exp")):
            raise TokenError("invalid_grant", "expired authorization code")
        return self._org.logins.open(str(self._user(str(claims.get("sub", "")))["Id"])), None

    def _timely(self, expiry: object) -> bool:
        """Say whether the assertion ends soon, by the sandbox's clock or by that of the machine that signs.

        Some clients send the time as text. The vendor's own command line (`sf org login jwt`) sends milliseconds and is
        let in, so the vendor does not hold such a number against the clock's three minutes.
        """
        try:
            ends = float(str(expiry))
        except ValueError:
            return False
        clocks = (self._org.clock(), self._org.machine_time())
        return ends > _ONLY_MILLISECONDS or any(0 < ends - now <= _MAX_ASSERTION_AGE for now in clocks)

    def _public_key(self) -> RSAKey:
        return RSAKey.import_key(self._org.private_key_pem)

    def _user(self, username: str) -> Row:
        found = self._org.user(username)
        if found is None or not found["IsActive"]:
            raise TokenError("invalid_grant", "authentication failure")
        if not self._org.approved(found):
            raise TokenError("invalid_grant", "user hasn't approved this consumer")
        return found

    def _client(self, request: Request, *, secret_needed: bool) -> None:
        client_id, secret = _credentials(request)
        if client_id != self._org.client_id:
            raise TokenError("invalid_client_id", "client identifier invalid")
        if secret is None and not secret_needed:
            return
        if not hmac.compare_digest((secret or "").encode(), self._org.client_secret.encode()):
            raise TokenError("invalid_client", "invalid client credentials")


def _credentials(request: Request) -> tuple[str, str | None]:
    """Return the client id and secret, from a Basic header or from the body."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return request.form.get("client_id", ""), request.form.get("client_secret")
    try:
        client_id, _, secret = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        raise TokenError("invalid_client", "invalid client credentials") from None
    return client_id, secret
