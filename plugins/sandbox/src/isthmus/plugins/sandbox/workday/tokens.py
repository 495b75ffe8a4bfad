"""Who may have a token, and whose is it?"""

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus, urlencode, urlsplit, urlunsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .logins import Grant
from .users import User

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
LIFE_OF_CODES: Final = 600
"""Seconds until a code is no longer taken: the most that RFC 6749 (section 4.1.2) lets it be."""
_LONGEST: Final = 300
"""How many seconds an assertion may hold at most."""


@dataclass(slots=True)
class _Code:
    """One authorization code: whose it is, what it was asked for with, and the grant that it became."""

    login: str
    asked: Mapping[str, str]
    ends: float
    spent: bool = False
    grant: Grant | None = None

    def fits(self, form: Mapping[str, str], client_id: str) -> bool:
        """Say whether an exchange is of the client, with the address and the verifier that the code was made for."""
        challenge, verifier = self.asked.get("code_challenge", ""), form.get("code_verifier")
        proof = base64.urlsafe_b64encode(hashlib.sha256((verifier or "").encode()).digest()).rstrip(b"=")
        proven = hmac.compare_digest(proof, challenge.encode()) if challenge else verifier is None
        same = (self.asked["client_id"], self.asked["redirect_uri"]) == (client_id, form.get("redirect_uri"))
        return proven and same


class TokenRefused(Exception):
    """A refusal (RFC 6749, section 5.2)."""

    def __init__(self, error: str, status: int = 400) -> None:
        super().__init__(error)
        self.error = error
        self.status = status

    def reply(self) -> Reply:
        """Return the answer."""
        return Reply(self.status, {"error": self.error}, {"Cache-Control": "no-store"})


class TokenEndpoint:
    """Issue tokens for the API clients of one tenant."""

    def __init__(self, tenant: "WorkdayTenant") -> None:
        self._tenant = tenant
        self._codes: dict[str, _Code] = {}
        self._flows: Mapping[str, Callable[[Mapping[str, str], str], tuple[str, dict[str, Json]]]] = {
            "refresh_token": self._refresh,
            JWT_BEARER: self._assertion,
            "authorization_code": self._code,
        }

    def answer(self, request: Request) -> tuple[Reply, User]:
        """Return the answer to a request for a token and the user it is for; raises TokenRefused.

        No answer says when the access token ends: the vendor's does not either.
        """
        if request.method != "POST":
            raise TokenRefused("invalid_request", 405)
        form = request.form
        client_id = self._client(request, form)
        flow = self._flows.get(form.get("grant_type", ""))
        if flow is None:
            raise TokenRefused("unsupported_grant_type")
        login, body = flow(form, client_id)
        return Reply(200, body), self._user(login)

    def authorize(self, request: Request, *, denied: bool = False) -> Reply:
        """Send the browser back with a code, as if `login_hint` (or alice) had logged in and agreed.

        To an address that the client is not registered with nobody is sent (RFC 6749, section 4.1.2.1).
        """
        query, logins = request.query, self._tenant.logins
        if query.get("client_id", "") not in logins.clients:
            raise TokenRefused("invalid_client", 401)
        if _portless(query.get("redirect_uri", "")) not in logins.redirects:
            raise TokenRefused("invalid_request")
        if query.get("response_type") != "code":
            return _sent_back(query, error="unsupported_response_type")
        if denied:
            return _sent_back(query, error="access_denied", error_description="the user said no")
        if query.get("code_challenge") and query.get("code_challenge_method", "plain") != "S256":
            return _sent_back(query, error="invalid_request", error_description="code_challenge_method must be S256")
        user = self._user(query.get("login_hint", "alice"))
        code = hashlib.sha256(f"{len(self._codes)} {self._tenant.client_secret}".encode()).hexdigest()
        self._codes[code] = _Code(user.login, query, self._tenant.clock() + LIFE_OF_CODES)
        return _sent_back(query, code=code)

    def _client(self, request: Request, form: Mapping[str, str]) -> str:
        """Return the client that asks: by its secret, or where it only hands in what is signed, by its name."""
        clients = self._tenant.logins
        client_id, secret = request.basic or (form.get("client_id", ""), form.get("client_secret", ""))
        if clients.is_client(client_id, secret) or clients.is_client(unquote_plus(client_id), unquote_plus(secret)):
            return client_id if clients.is_client(client_id, secret) else unquote_plus(client_id)
        public = form.get("grant_type") == "authorization_code" and "code_verifier" in form
        if form.get("grant_type") == JWT_BEARER and not client_id:
            return ""
        if public and not secret and client_id in clients.clients:
            return client_id
        raise TokenRefused("invalid_client", 401)

    def _refresh(self, form: Mapping[str, str], client_id: str) -> tuple[str, dict[str, Json]]:
        given = self._tenant.logins.redeem(form.get("refresh_token", ""), client_id)
        if given is None:
            raise TokenRefused("invalid_grant")
        access, refresh, login = given
        self._user(login)
        return login, {"access_token": access, "token_type": "Bearer", "refresh_token": refresh}

    def _assertion(self, form: Mapping[str, str], client_id: str) -> tuple[str, dict[str, Json]]:
        try:
            key = RSAKey.import_key(self._tenant.private_key_pem)
            claims = jwt.decode(form.get("assertion", ""), key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise TokenRefused("invalid_grant") from None
        issuer, expiry = str(claims.get("iss", "")), claims.get("exp")
        known = issuer in self._tenant.logins.clients and client_id in ("", issuer)
        if not known or claims.get("aud") != "wd" or not isinstance(expiry, int | float):
            raise TokenRefused("invalid_grant")
        if not any(0 < expiry - now <= _LONGEST for now in (self._tenant.clock(), self._tenant.machine_time())):
            raise TokenRefused("invalid_grant")
        login = self._user(str(claims.get("sub", ""))).login
        return login, {"access_token": self._tenant.logins.access(login, issuer), "token_type": "Bearer"}

    def _code(self, form: Mapping[str, str], client_id: str) -> tuple[str, dict[str, Json]]:
        code = self._codes.get(form.get("code", ""))
        if code is None:
            raise TokenRefused("invalid_grant")
        if code.spent:
            # Somebody has a copy: what the first use gave ends too (RFC 6749, section 4.1.2).
            if code.grant is not None:
                code.grant.revoked = True
            raise TokenRefused("invalid_grant")
        code.spent = True
        if self._tenant.clock() >= code.ends or not code.fits(form, client_id):
            raise TokenRefused("invalid_grant")
        code.grant, access, refresh = self._tenant.logins.begin(self._user(code.login).login, client_id)
        return code.login, {"access_token": access, "token_type": "Bearer", "refresh_token": refresh}

    def _user(self, name: str) -> User:
        user = self._tenant.users.get(name.partition("@")[0].lower())
        if user is None or user.login in self._tenant.logins.lockout.locked:
            raise TokenRefused("invalid_grant")
        return user


def _sent_back(query: Mapping[str, str], **told: str) -> Reply:
    state = {"state": query["state"]} if "state" in query else {}
    joint = "&" if "?" in query["redirect_uri"] else "?"
    target = f"{query['redirect_uri']}{joint}{urlencode({**told, **state})}"
    return Reply(302, empty=True, headers={"Location": target})


def _portless(uri: str) -> str:
    """Return a redirect URI without the port, where it is one of loopback."""
    parts = urlsplit(uri)
    local = parts.scheme == "http" and parts.hostname in ("127.0.0.1", "localhost")
    return urlunsplit(parts._replace(netloc=str(parts.hostname))) if local else uri
