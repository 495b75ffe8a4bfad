"""What may `[connections.<name>.auth]` say?"""

from typing import Annotated, Any, Literal, Self, get_args
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag, model_validator

from isthmus.core.credentials.answers import origin_of
from isthmus.core.credentials.references import Reference

__all__ = [
    "KINDS",
    "ApiKeyAuth",
    "AuthSettings",
    "AuthorizationCodeAuth",
    "BasicAuth",
    "BearerAuth",
    "ClientAuth",
    "ClientCertificateAuth",
    "ClientCredentialsAuth",
    "Endpoint",
    "ForeignAuth",
    "HeaderName",
    "JwtAssertionAuth",
    "JwtBearerAuth",
    "PasswordAuth",
    "RefreshTokenAuth",
    "SamlBearerAuth",
    "TokenExchangeAuth",
    "X509SignatureAuth",
]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def _endpoint(url: str) -> str:
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        raise ValueError("an endpoint is an https URL without user info") from None
    if (scheme != "https" and host not in LOOPBACK) or urlsplit(url).fragment:
        raise ValueError("an endpoint is an https URL without fragment; http only on this machine")
    return url


def _redirect(url: str) -> str:
    if urlsplit(_endpoint(url)).query:
        raise ValueError("a redirect URI has no query here; register one without")
    return url


Endpoint = Annotated[str, AfterValidator(_endpoint)]
RedirectUri = Annotated[str, AfterValidator(_redirect)]
Text = Annotated[str, Field(min_length=1)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
AuthMethod = Literal["client_secret_basic", "client_secret_post", "tls_client_auth"]
BASIC: AuthMethod = "client_secret_basic"
MUTUAL_TLS: AuthMethod = "tls_client_auth"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"  # noqa: S105  (a type of token, RFC 8693 section 3)
AUTHORIZATION = "Authorization"
Lifetime = Annotated[float, Field(gt=0)]


class _Auth(BaseModel):
    # A secret written in place of a reference must not come back in the error.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Headed(_Auth):
    """What goes into a header; another than Authorization where the system, or a proxy before it, asks for one."""

    header: HeaderName = AUTHORIZATION


class _Token(_Headed):
    """What all grants share; `lifetime` (seconds) counts where the endpoint sends no `expires_in`."""

    token_endpoint: Endpoint
    scope: str = ""
    lifetime: Lifetime | None = None


class ClientAuth(_Token):
    """How the client proves itself to the token endpoint: not at all, with its secret, or with a certificate.

    `tls_client_auth` is mutual TLS (RFC 8705 section 2); the certificate is shown to the token endpoint only.
    """

    client_id: Text
    client_secret: Reference | None = None
    token_endpoint_auth_method: AuthMethod = BASIC
    client_certificate: Reference | None = None
    client_key: Reference | None = None

    @model_validator(mode="after")
    def _one_way(self) -> Self:
        pair = (self.client_certificate, self.client_key)
        if self.token_endpoint_auth_method == MUTUAL_TLS:
            if None in pair or self.client_secret is not None:
                raise ValueError("tls_client_auth takes client_certificate and client_key, and no client_secret")
        elif pair != (None, None):
            raise ValueError(
                'client_certificate and client_key are for token_endpoint_auth_method = "tls_client_auth"; those shown '
                "to the system itself belong to the connection"
            )
        return self


class ClientCredentialsAuth(ClientAuth):
    """RFC 6749 section 4.4; only for `identity = "service"`."""

    kind: Literal["client_credentials"]

    @model_validator(mode="after")
    def _proven(self) -> Self:
        if self.client_secret is None and self.client_certificate is None:
            raise ValueError("client_credentials needs client_secret, or a client certificate")
        return self


class JwtBearerAuth(_Token):
    """RFC 7523, signed with RS256; for `identity = "user"` the subject holds `{user}`."""

    kind: Literal["jwt_bearer"]
    issuer: Text
    subject: Text
    audience: Text
    private_key: Reference
    assertion_lifetime: int = Field(default=180, ge=10, le=180)


class SamlBearerAuth(ClientAuth):
    """RFC 7522: a SAML 2.0 assertion that an identity provider signed, as XML or as base64url."""

    kind: Literal["saml_bearer"]
    assertion: Reference


class JwtAssertionAuth(ClientAuth):
    """RFC 7523 with a JWT that an identity provider issued, such as the person's own token."""

    kind: Literal["jwt_assertion"]
    assertion: Reference
    resource: str = ""


class TokenExchangeAuth(ClientAuth):
    """RFC 8693: the person's own token is exchanged for one that this system takes."""

    kind: Literal["token_exchange"]
    subject_token: Reference
    subject_token_type: Text = ACCESS_TOKEN
    audience: str = ""
    resource: str = ""


class RefreshTokenAuth(ClientAuth):
    """RFC 6749 section 6; `rotates = false` only where the vendor documents that a refresh token may be repeated."""

    kind: Literal["refresh_token"]
    refresh_token: Reference
    rotates: bool = True


class AuthorizationCodeAuth(ClientAuth):
    """RFC 6749 section 4.1 with PKCE (RFC 7636): `isthmus login` has a person consent, and what it keeps renews itself.

    `redirect_uri` is as the client's registration has it: a loopback address (RFC 8252 section 7.3), where without a
    port any free one is listened on, or a page elsewhere, whose address the person then pastes. `issuer` is what the
    answer must name (RFC 9207). `rotates` as with `refresh_token`.
    """

    kind: Literal["authorization_code"]
    authorization_endpoint: Endpoint
    redirect_uri: RedirectUri = "http://127.0.0.1/callback"
    issuer: str = ""
    rotates: bool = True


class PasswordAuth(ClientAuth):
    """RFC 6749 section 4.3, for systems that offer no better grant; `{user}` as with `basic`.

    The password is sent again for each token: a refresh token would only be a second secret to keep.
    """

    kind: Literal["password"]
    username: Text
    password: Reference


class BasicAuth(_Headed):
    """RFC 7617; for `identity = "user"` the username may hold `{user}`."""

    kind: Literal["basic"]
    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$")]
    password: Reference


class BearerAuth(_Headed):
    """A token that somebody sets by hand (RFC 6750)."""

    kind: Literal["bearer"]
    token: Reference


class ApiKeyAuth(_Auth):
    """A key in a header of its own."""

    kind: Literal["api_key"]
    header: HeaderName
    key: Reference


class ClientCertificateAuth(_Auth):
    """The X.509 certificate of the identity to act as, and no header; for `identity = "user"` each person's own."""

    kind: Literal["client_certificate"]
    client_certificate: Reference
    client_key: Reference


class X509SignatureAuth(_Auth):
    """The X.509 certificate whose key signs each message, where the system takes such (OASIS WSS X.509 Token Profile).

    The proof is in the body: no header and no handshake shows anything.
    """

    kind: Literal["x509_signature"]
    client_certificate: Reference
    client_key: Reference


class ForeignAuth(BaseModel):
    """A kind that a plugin brings; its own model reads the rest when the connection is opened."""

    model_config = ConfigDict(extra="allow", frozen=True, hide_input_in_errors=True)
    kind: Text


def _kind(value: Any) -> str:
    kind = value.get("kind", "") if isinstance(value, dict) else getattr(value, "kind", "")
    return kind if kind in _OURS else "" if kind in ("", None) else "plugin"


_Any = (
    Annotated[ClientCredentialsAuth, Tag("client_credentials")]
    | Annotated[JwtBearerAuth, Tag("jwt_bearer")]
    | Annotated[SamlBearerAuth, Tag("saml_bearer")]
    | Annotated[JwtAssertionAuth, Tag("jwt_assertion")]
    | Annotated[TokenExchangeAuth, Tag("token_exchange")]
    | Annotated[RefreshTokenAuth, Tag("refresh_token")]
    | Annotated[AuthorizationCodeAuth, Tag("authorization_code")]
    | Annotated[PasswordAuth, Tag("password")]
    | Annotated[BasicAuth, Tag("basic")]
    | Annotated[BearerAuth, Tag("bearer")]
    | Annotated[ApiKeyAuth, Tag("api_key")]
    | Annotated[ClientCertificateAuth, Tag("client_certificate")]
    | Annotated[X509SignatureAuth, Tag("x509_signature")]
    | Annotated[ForeignAuth, Tag("plugin")]
)
_OURS = {get_args(one)[1].tag for one in get_args(_Any)} - {"plugin"}
KINDS = tuple(sorted(_OURS))
"""The kinds that need no plugin."""

AuthSettings = Annotated[
    _Any,
    Discriminator(
        _kind,
        custom_error_type="kind_missing",
        custom_error_message="`kind` says how this credential is proven; add it",
    ),
]
"""The type of a field that holds the settings of one credential."""
