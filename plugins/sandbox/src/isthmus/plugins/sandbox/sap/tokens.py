"""Who may have a token, and whose is it?"""

import base64
import binascii
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote_plus

from isthmus.plugins.sandbox.message import Json, Reply, Request

from .assertions import BadAssertion, read_jwt, read_saml
from .users import User

if TYPE_CHECKING:
    from .landscape import SapLandscape

PATHS: Final = frozenset({"/sap/bc/sec/oauth2/token", "/oauth/token"})
"""Where the system's own token server answers, and where one of its platform (XSUAA) does."""

JWT_BEARER: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SAML_BEARER: Final = "urn:ietf:params:oauth:grant-type:saml2-bearer"


class _Refused(Exception):
    def __init__(self, error: str, description: str, status: int = 401) -> None:
        super().__init__(description)
        self.error = error
        self.status = status


def refuse(error: str, description: str, status: int = 401) -> Reply:
    """Return a refusal (RFC 6749, section 5.2)."""
    return Reply(status, {"error": error, "error_description": description}, {"Cache-Control": "no-store"})


def answer(landscape: "SapLandscape", request: Request) -> tuple[Reply, User | None, str | None]:
    """Return the answer to a request for a token, the user it is for, and what was wrong."""
    try:
        user, body = _given(landscape, request)
    except _Refused as refusal:
        return refuse(refusal.error, str(refusal), refusal.status), None, refusal.error
    return Reply(200, body, {"Cache-Control": "no-store"}), user, None


def _given(landscape: "SapLandscape", request: Request) -> tuple[User, dict[str, Json]]:
    if request.method != "POST":
        raise _Refused("invalid_request", "POST is required", 405)
    form = request.form
    client_id, secret = request.basic or (form.get("client_id", ""), form.get("client_secret", ""))
    if not landscape.logins.is_client(client_id, secret):  # RFC 6749, section 2.3.1, has both form-encoded
        client_id, secret = unquote_plus(client_id), unquote_plus(secret)
    if not landscape.logins.is_client(client_id, secret):
        raise _Refused("invalid_client", "Client authentication failed")
    flow = _FLOWS.get(form.get("grant_type", ""))
    if flow is None:
        raise _Refused("unsupported_grant_type", "Unsupported grant type", 400)
    user = landscape.users.get(flow(landscape, form, client_id))
    if user is None or user.login in landscape.logins.lockout.locked:
        raise _Refused("invalid_grant", "The user is unknown or locked", 400)
    scopes = frozenset(form.get("scope", "").split()) or frozenset({"*"})
    token = landscape.logins.give(user.login, client_id, scopes)
    life = int(landscape.logins.life.total_seconds())
    body: dict[str, Json] = {"access_token": token.text, "token_type": "bearer", "expires_in": life}
    return user, {**body, "scope": " ".join(sorted(scopes)), "jti": token.text[:16]}


def _technical(_landscape: "SapLandscape", _form: Mapping[str, str], _client_id: str) -> str:
    return "integration"


def _saml(landscape: "SapLandscape", form: Mapping[str, str], _client_id: str) -> str:
    try:
        text = base64.urlsafe_b64decode(form.get("assertion", "") + "==")
        return read_saml(text, landscape.private_key_pem, landscape.moments(), landscape.audience)
    except (BadAssertion, binascii.Error, ValueError) as error:
        raise _Refused("invalid_grant", f"Bearer assertion is not valid: {error}", 400) from None


def _jwt(landscape: "SapLandscape", form: Mapping[str, str], _client_id: str) -> str:
    try:
        return read_jwt(form.get("assertion", ""), landscape.private_key_pem, landscape.moments(), landscape.audience)
    except BadAssertion as error:
        raise _Refused("invalid_grant", f"Bearer assertion is not valid: {error}", 400) from None


_FLOWS: "Final[Mapping[str, Callable[[SapLandscape, Mapping[str, str], str], str]]]" = {
    "client_credentials": _technical,
    SAML_BEARER: _saml,
    JWT_BEARER: _jwt,
}
