"""What may `[connections.<name>.auth]` say?"""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from isthmus.core.credentials.answers import origin_of
from isthmus.core.credentials.references import Reference

__all__ = [
    "ApiKeyAuth",
    "AuthSettings",
    "BasicAuth",
    "BearerAuth",
    "ClientCredentialsAuth",
    "JwtBearerAuth",
    "PasswordAuth",
    "RefreshTokenAuth",
]

LOOPBACK = ("localhost", "127.0.0.1", "[::1]")


def _endpoint(url: str) -> str:
    try:
        scheme, host, _ = origin_of(url)
    except ValueError:
        raise ValueError("a token endpoint is an https URL without user info") from None
    if (scheme != "https" and host not in LOOPBACK) or urlsplit(url).fragment:
        raise ValueError("a token endpoint is an https URL without fragment; http only on this machine")
    return url


Endpoint = Annotated[str, AfterValidator(_endpoint)]
Text = Annotated[str, Field(min_length=1)]
HeaderName = Annotated[str, Field(pattern=r"^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")]
AuthMethod = Literal["client_secret_basic", "client_secret_post"]
BASIC: AuthMethod = "client_secret_basic"
Lifetime = Annotated[float, Field(gt=0)]


class _Auth(BaseModel):
    # A secret written in place of a reference must not come back in the error.
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class _Token(_Auth):
    """What all grants share; `lifetime` (seconds) counts where the endpoint sends no `expires_in`."""

    token_endpoint: Endpoint
    scope: str = ""
    lifetime: Lifetime | None = None


class ClientCredentialsAuth(_Token):
    """RFC 6749 section 4.4; only for `identity = "service"`."""

    kind: Literal["client_credentials"]
    client_id: Text
    client_secret: Reference
    token_endpoint_auth_method: AuthMethod = BASIC


class JwtBearerAuth(_Token):
    """RFC 7523, signed with RS256; for `identity = "user"` the subject holds `{user}`."""

    kind: Literal["jwt_bearer"]
    issuer: Text
    subject: Text
    audience: Text
    private_key: Reference
    assertion_lifetime: int = Field(default=180, ge=10, le=180)


class RefreshTokenAuth(_Token):
    """RFC 6749 section 6; `rotates = false` only where the vendor documents that a refresh token may be repeated."""

    kind: Literal["refresh_token"]
    client_id: Text
    client_secret: Reference | None = None
    token_endpoint_auth_method: AuthMethod = BASIC
    refresh_token: Reference
    rotates: bool = True


class PasswordAuth(_Token):
    """RFC 6749 section 4.3, for systems that offer no better grant; `{user}` as with `basic`.

    The password is sent again for each token: a refresh token would only be a second secret to keep.
    """

    kind: Literal["password"]
    client_id: Text
    client_secret: Reference | None = None
    token_endpoint_auth_method: AuthMethod = BASIC
    username: Text
    password: Reference


class BasicAuth(_Auth):
    """RFC 7617; for `identity = "user"` the username may hold `{user}`."""

    kind: Literal["basic"]
    username: Annotated[str, Field(pattern=r"^[^:\x00-\x1f\x7f]+$")]
    password: Reference


class BearerAuth(_Auth):
    """A token that somebody sets by hand (RFC 6750)."""

    kind: Literal["bearer"]
    token: Reference


class ApiKeyAuth(_Auth):
    """A key in a header of its own."""

    kind: Literal["api_key"]
    header: HeaderName
    key: Reference


AuthSettings = (
    ClientCredentialsAuth | JwtBearerAuth | RefreshTokenAuth | PasswordAuth | BasicAuth | BearerAuth | ApiKeyAuth
)
"""Use it as a field with `Field(discriminator="kind")`."""
