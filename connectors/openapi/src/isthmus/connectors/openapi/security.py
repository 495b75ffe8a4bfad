"""Which credential has an operator to configure for what a document asks?"""

from collections.abc import Iterable, Sequence

from isthmus.connectors.openapi.document import Document, Operation, Scheme
from isthmus.core.config import ConnectionConfig
from isthmus.core.credentials import KINDS, AuthSettings

__all__ = ["asked", "misfit"]

_TOKENS = frozenset({"bearer", "client_credentials", "jwt_bearer", "jwt_assertion", "saml_bearer", "refresh_token",
                     "token_exchange", "password", "authorization_code"})  # fmt: skip
_FLOWS = {
    "clientCredentials": frozenset({"client_credentials", "bearer"}),
    "password": frozenset({"password", "bearer"}),
    "authorizationCode": _TOKENS - {"client_credentials", "password"},
    "implicit": _TOKENS - {"client_credentials", "password", "authorization_code"},
}
COOKIE = "Cookie"
AUTHORIZATION = "authorization"


def asked(document: Document, operation: Operation) -> str:
    """Say which credentials an operation takes; empty where it takes none."""
    told = [" and ".join(_told(document.schemes[name]) for name in each) for each in operation.security]
    return " or ".join(one or "none" for one in told)


def misfit(document: Document, operations: Iterable[Operation], connection: ConnectionConfig) -> str:
    """Say which operation would not take the connection's credential, and what to configure; empty where all would."""
    for one in operations:
        if one.security and not any(_proven(document, names, connection) for names in one.security):
            return (
                f"auth: operation {one.id!a} takes {asked(document, one)}; `auth` is of kind {connection.auth.kind!a}"
            )
    return ""


def _proven(document: Document, names: Sequence[str], connection: ConnectionConfig) -> bool:
    auths: list[AuthSettings] = [connection.auth, *(one.auth for one in connection.also.values())]
    certified = connection.client_certificate is not None
    return all(_fits_any(document.schemes[name], auths, certified=certified) for name in names)


def _fits_any(scheme: Scheme, auths: Sequence[AuthSettings], *, certified: bool) -> bool:
    if scheme.type == "mutualTLS" and certified:
        return True
    return any(_fits(scheme, one) for one in auths)


def _fits(scheme: Scheme, auth: AuthSettings) -> bool:
    if auth.kind not in KINDS:
        # A plugin's own kind: what it sends only the plugin knows.
        return True
    header = str(getattr(auth, "header", "")).lower()
    if scheme.type == "apiKey":
        wanted = scheme.parameter.lower() if scheme.place == "header" else COOKIE.lower()
        # As an API key in Authorization some documents describe what is a token or a password.
        placed = auth.kind == "api_key" or wanted == AUTHORIZATION
        return scheme.place in ("header", "cookie") and placed and header == wanted
    if scheme.type == "mutualTLS":
        return auth.kind == "client_certificate"
    return auth.kind in _kinds(scheme) and header == AUTHORIZATION


def _kinds(scheme: Scheme) -> frozenset[str]:
    if scheme.type == "http":
        return {"basic": frozenset({"basic"}), "bearer": _TOKENS}.get(scheme.method, frozenset())
    if scheme.type == "oauth2":
        return frozenset(one for flow in scheme.flows for one in _FLOWS.get(flow, ()))
    return _TOKENS if scheme.type == "openIdConnect" else frozenset()


def _told(scheme: Scheme) -> str:
    if scheme.type == "apiKey":
        if scheme.place == "header":
            return f'{scheme.name!a} (an API key: kind = "api_key", header = "{scheme.parameter}")'
        if scheme.place == "cookie":
            return f'{scheme.name!a} (kind = "api_key", header = "Cookie", its key written `{scheme.parameter}=KEY`)'
        return f"{scheme.name!a} (an API key in the URL, where logs would show it: not supported)"
    if scheme.type == "mutualTLS":
        return f'{scheme.name!a} (mutual TLS: kind = "client_certificate", or the connection\'s client_certificate)'
    kinds = sorted(_kinds(scheme))
    what = {"http": f"HTTP {scheme.method}", "oauth2": f"OAuth 2 {', '.join(scheme.flows)}"}.get(
        scheme.type, scheme.type
    )
    return (
        f"{scheme.name!a} ({what}: kind = {' | '.join(kinds)})" if kinds else f"{scheme.name!a} ({what}: not supported)"
    )
