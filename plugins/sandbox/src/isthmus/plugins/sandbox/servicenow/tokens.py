"""Who may have a token, and whose is it?"""

import hmac
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .errors import TokenError
from .store import Row

if TYPE_CHECKING:
    from .instance import ServiceNowInstance

PATH: Final = "/oauth_token.do"
JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
_SWITCH: Final = "glide.oauth.inbound.client.credential.grant_type.enabled"


class TokenEndpoint:
    """Answer `/oauth_token.do`."""

    def __init__(self, instance: "ServiceNowInstance") -> None:
        self._instance = instance
        self._flows: dict[str, Callable[[Request, str], tuple[Row, str | None]]] = {
            "password": self._password,
            "refresh_token": self._refresh,
            "client_credentials": self._client_credentials,
            JWT_BEARER: self._assertion,
        }

    def answer(self, request: Request) -> tuple[Reply, Row]:
        """Return the token answer and the user it is for; raises TokenError."""
        if request.method != "POST":
            raise TokenError("invalid_request", "POST is required", 405)
        client_id = self._client(request)
        flow = self._flows.get(request.form.get("grant_type", ""))
        if flow is None:
            raise TokenError("unsupported_grant_type", "unsupported_grant_type", 400)
        user, refresh_token = flow(request, client_id)
        token = self._instance.logins.give(user["sys_id"], client_id)
        body: dict[str, Json] = {"access_token": token.text, "scope": "useraccount", "token_type": "Bearer"}
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        return Reply(200, {**body, "expires_in": 1_799}), user

    def _client(self, request: Request) -> str:
        """Return the client's id, from the form or from a Basic header (RFC 6749, section 2.3.1)."""
        form = request.form
        client_id, given = request.basic or (form.get("client_id", ""), form.get("client_secret", ""))
        known = self._instance.logins.clients.get(client_id)
        if known is None or not hmac.compare_digest(known.encode(), given.encode()):
            raise TokenError("invalid_client", "access_denied")
        return client_id

    def _password(self, request: Request, client_id: str) -> tuple[Row, str]:
        user = self._instance.log_in(request.form.get("username", ""), request.form.get("password", ""))
        if user is None:
            raise TokenError("access_denied", "access_denied")
        return user, self._instance.logins.give_refresh(user["sys_id"], client_id).text

    def _refresh(self, request: Request, client_id: str) -> tuple[Row, str]:
        token = self._instance.logins.refreshed(request.form.get("refresh_token", ""), client_id)
        user = self._instance.store.get("sys_user", token.user_id)
        if user is None or user["active"] != "true":
            raise TokenError("access_denied", "access_denied")
        return user, token.text

    def _client_credentials(self, _request: Request, _client_id: str) -> tuple[Row, None]:
        if self._instance.property(_SWITCH) != "true":
            raise TokenError("unsupported_grant_type", "unsupported_grant_type", 400)
        return self._user("integration"), None

    def _assertion(self, request: Request, client_id: str) -> tuple[Row, str]:
        """Take a signed assertion from the form (RFC 7523), or from the header that one known client puts it in."""
        scheme, _, in_header = request.headers.get("authentication", "").partition(" ")
        text = request.form.get("assertion") or (in_header if scheme.lower() == "bearer" else "")
        try:
            key = RSAKey.import_key(self._instance.private_key_pem)
            claims = jwt.decode(text, key, algorithms=["RS256"]).claims
        except (JoseError, ValueError):
            raise TokenError("invalid_grant", "access_denied") from None
        if claims.get("iss") != client_id or claims.get("aud") != client_id or not self._timely(claims.get("exp")):
            raise TokenError("invalid_grant", "access_denied")
        user = self._user(str(claims.get("sub", "")))
        return user, self._instance.logins.give_refresh(user["sys_id"], client_id).text

    def _timely(self, expiry: object) -> bool:
        """Say whether the assertion still holds, by the sandbox's clock or by that of the machine that signs."""
        try:
            ends = float(str(expiry))
        except ValueError:
            return False
        return any(ends > now for now in (self._instance.clock(), self._instance.machine_time()))

    def _user(self, user_name: str) -> Row:
        user = self._instance.user(user_name)
        if user is None or user["active"] != "true":
            raise TokenError("access_denied", "access_denied")
        return user
