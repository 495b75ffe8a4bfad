"""What does the platform's destination service say about how to reach the landscape?"""

import base64
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.faults import Fault
from isthmus.plugins.sandbox.message import Json, Reply, Request

from .assertions import BadAssertion, read_jwt

if TYPE_CHECKING:
    from .landscape import SapLandscape

PATH: Final = "/destination-configuration/v1/destinations/"
_KINDS: Final = {
    "s4-basic": "BasicAuthentication",
    "s4-technical": "OAuth2ClientCredentials",
    "s4-user": "OAuth2SAMLBearerAssertion",
    "s4-none": "NoAuthentication",
}


def answer(landscape: "SapLandscape", request: Request, *, broken: Fault | None) -> Reply:
    """Answer a look-up of a destination by whoever holds a token of this landscape's platform."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    token = landscape.logins.find(text.strip()) if scheme.lower() == "bearer" else None
    if token is None:
        return Reply(401, {"ErrorMessage": "Unauthorized"})
    name = request.path.removeprefix(PATH)
    kind = _KINDS.get(name)
    if kind is None:
        return Reply(404, {"ErrorMessage": "Configuration with the specified name was not found"})
    configuration: dict[str, Json] = {
        "Name": name,
        "Type": "HTTP",
        "URL": request.origin,
        "Authentication": kind,
        "ProxyType": "Internet",
        "sap-client": landscape.client,
    }
    owner = {"SubaccountId": "0f0e0d0c-0000-4000-8000-00000000000a", "InstanceId": None}
    body: dict[str, Json] = {"owner": owner, "destinationConfiguration": configuration}
    if kind != "NoAuthentication":
        body["authTokens"] = [_token(landscape, request, kind, token.client_id, broken)]
    return Reply(200, body)


def _token(landscape: "SapLandscape", request: Request, kind: str, client_id: str, broken: Fault | None) -> Json:
    if broken is not None:
        return _error(broken.text("error", "Retrieval of the token failed: the token service answered 401"))
    login = "integration"
    if kind == "BasicAuthentication":
        pair = f"{login.upper()}:{landscape.password(login)}".encode()
        return _shown("Basic", base64.b64encode(pair).decode(), None)
    if kind == "OAuth2SAMLBearerAssertion":
        given = request.headers.get("x-user-token", "")
        try:
            login = read_jwt(given, landscape.private_key_pem, landscape.moments(), landscape.audience)
        except BadAssertion as error:
            return _error(f"The user token cannot be used: {error}")
        if login not in landscape.users:
            return _error("The user token names an unknown user")
    made = landscape.logins.give(login, client_id, frozenset({"*"}))
    return _shown("Bearer", made.text, int(landscape.logins.life.total_seconds()))


def _shown(kind: str, value: str, life: int | None) -> Json:
    found: dict[str, Json] = {
        "type": kind,
        "value": value,
        "http_header": {"key": "Authorization", "value": f"{kind} {value}"},
    }
    return found if life is None else {**found, "expires_in": str(life)}


def _error(text: str) -> Json:
    return {"type": "", "value": "", "error": text}
