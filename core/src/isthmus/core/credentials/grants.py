"""How is an access token obtained? The one module that speaks to Authlib, which has no types.

Authlib builds and signs the requests. Single flight, expiry, storage and the reading of answers are ours: its
`AsyncAssertionClient` makes one token call for each request that finds the token expired.
"""

import asyncio
import base64
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import httpx2
from authlib.integrations.httpx_client import AsyncAssertionClient, AsyncOAuth2Client
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from isthmus.core.credentials.answers import AnswerLost, CheckedTransport, ReadAnswer, TokenAnswer
from isthmus.core.credentials.secret import Secret
from isthmus.core.errors import ConfigurationError

__all__ = [
    "JWT_BEARER",
    "SAML2_BEARER",
    "TOKEN_EXCHANGE",
    "AuthorizationCodeGrant",
    "ClientCredentialsGrant",
    "HandedInGrant",
    "JwtBearerGrant",
    "PasswordGrant",
    "RefreshTokenGrant",
    "TokenEndpoint",
    "authorization_url",
    "saml_assertion",
]

JWT_BEARER = "urn:ietf:params:oauth:grant-type:jwt-bearer"
SAML2_BEARER = "urn:ietf:params:oauth:grant-type:saml2-bearer"
TOKEN_EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"  # noqa: S105  (a grant, RFC 8693)
LONGEST_ASSERTION = 180
FetchSecret = Callable[[], Awaitable[Secret]]


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """Where tokens come from, and how to get there.

    `transport` carries each request exactly once: it pins the origin but never retries. `timeout` is in seconds and
    covers the whole exchange.
    """

    connection: str
    url: str
    transport: httpx2.AsyncBaseTransport
    clock: Callable[[], float]
    timeout: float = 20.0
    what: str = "token endpoint"

    async def fetch(self, headers: Mapping[str, str], read: ReadAnswer) -> TokenAnswer:
        """Send one GET, and read its answer by `read`."""

        async def request(options: dict[str, Any]) -> None:
            async with httpx2.AsyncClient(**options) as client:
                await client.get(self.url, headers=dict(headers))

        return await self.ask(request, read)

    async def ask(
        self, request: Callable[[dict[str, Any]], Awaitable[object]], read: ReadAnswer | None = None
    ) -> TokenAnswer:
        """Have a client make one request over a checked transport; `request` takes the arguments of the client."""
        wire = CheckedTransport(self.transport, self.connection, self.clock, what=self.what, read=read)
        # Half the time for connecting: a request that never left is then told from a lost answer.
        limits = httpx2.Timeout(self.timeout, connect=self.timeout / 2, pool=self.timeout / 2)
        options: dict[str, Any] = {"transport": wire, "timeout": limits, "trust_env": False}
        try:
            async with asyncio.timeout(self.timeout):
                await request(options | {"headers": {"Accept": "application/json"}})
        except TimeoutError:
            raise AnswerLost(
                f"the {self.what} of connection {self.connection!r} gave no answer within {self.timeout:g} s; "
                "repeat the call",
                object=self.connection,
            ) from None
        except UnicodeEncodeError:
            raise ConfigurationError(
                f"connection {self.connection!r}: client id, secret, scope or refresh token holds characters that RFC "
                '6749 appendix A does not allow; set it anew, or token_endpoint_auth_method = "client_secret_post"',
                object=self.connection,
            ) from None
        if wire.answer is None:
            raise AssertionError("the client came back without having sent the request")
        return wire.answer


class _OfClient(Protocol):
    """What the grants have in common in which a client names itself."""

    @property
    def endpoint(self) -> TokenEndpoint: ...
    @property
    def client_id(self) -> str: ...
    @property
    def client_secret(self) -> FetchSecret | None: ...
    @property
    def auth_method(self) -> str: ...
    @property
    def scope(self) -> str: ...


async def _request(grant: _OfClient, send: Callable[[Any], Awaitable[object]]) -> TokenAnswer:
    """Send as this client; one without a secret only names itself, as with mutual TLS (RFC 8705 section 2)."""
    secret = None if grant.client_secret is None else await grant.client_secret()

    async def request(options: dict[str, Any]) -> None:
        async with AsyncOAuth2Client(
            grant.client_id,
            None if secret is None else secret.reveal(),
            token_endpoint_auth_method="none" if secret is None else grant.auth_method,
            scope=grant.scope or None,
            **options,
        ) as client:
            await send(client)

    return await grant.endpoint.ask(request)


@dataclass(frozen=True, slots=True)
class ClientCredentialsGrant:
    """RFC 6749 section 4.4: the client's own identity."""

    endpoint: TokenEndpoint
    client_id: str
    client_secret: FetchSecret | None
    auth_method: str = "client_secret_basic"
    scope: str = ""
    refreshes: bool = False
    single_use: bool = False

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Ask with the client's secret or certificate; what is held plays no part."""
        del held
        return await _request(
            self, lambda client: client.fetch_token(self.endpoint.url, grant_type="client_credentials")
        )


@dataclass(frozen=True, slots=True)
class PasswordGrant:
    """RFC 6749 section 4.3: the password of the identity to act as, with that of the client where it has one."""

    endpoint: TokenEndpoint
    client_id: str
    client_secret: FetchSecret | None
    username: str
    password: FetchSecret
    auth_method: str = "client_secret_basic"
    scope: str = ""
    refreshes: bool = False
    single_use: bool = False

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Ask with the password; what is held plays no part."""
        del held
        told = {"username": self.username, "password": (await self.password()).reveal()}
        return await _request(self, lambda client: client.fetch_token(self.endpoint.url, grant_type="password", **told))


@dataclass(frozen=True, slots=True)
class HandedInGrant:
    """A token or assertion that somebody else issued to the identity (RFC 7521 section 4.1, RFC 8693 section 2.1).

    `proof` is looked up at each use and sent as `parameter`, in the spelling of `write`; `more` goes with it.
    """

    endpoint: TokenEndpoint
    client_id: str
    client_secret: FetchSecret | None
    grant_type: str
    proof: FetchSecret
    parameter: str = "assertion"
    write: Callable[[str], str] = str.strip
    more: Mapping[str, str] = field(default_factory=dict)
    auth_method: str = "client_secret_basic"
    scope: str = ""
    refreshes: bool = False
    single_use: bool = False

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Hand the proof in; what is held plays no part."""
        del held
        told = {**self.more, self.parameter: self.write((await self.proof()).reveal())}
        return await _request(
            self, lambda client: client.fetch_token(self.endpoint.url, grant_type=self.grant_type, **told)
        )


def saml_assertion(text: str) -> str:
    """Write a SAML assertion as base64url without padding (RFC 7522 section 2.1), from XML or from any base64."""
    text = text.strip()
    if text.startswith("<"):
        return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
    return "".join(text.split()).replace("+", "-").replace("/", "_").rstrip("=")


@dataclass(frozen=True, slots=True)
class JwtBearerGrant:
    """RFC 7523 section 2.1: an assertion signed with RS256; `subject` is the login of the identity to act as."""

    endpoint: TokenEndpoint
    issuer: str
    subject: str
    audience: str
    private_key: FetchSecret
    scope: str = ""
    assertion_seconds: int = LONGEST_ASSERTION
    refreshes: bool = False
    single_use: bool = False

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Sign a fresh assertion and exchange it; what is held plays no part."""
        del held
        key = self._key(await self.private_key())

        async def request(options: dict[str, Any]) -> None:
            async with AsyncAssertionClient(
                token_endpoint=self.endpoint.url,
                issuer=self.issuer,
                subject=self.subject,
                audience=self.audience,
                grant_type=JWT_BEARER,
                scope=self.scope or None,
                header={"alg": "RS256"},
                key=key,
                issued_at=int(self.endpoint.clock()),
                expires_in=min(self.assertion_seconds, LONGEST_ASSERTION),
                **options,
            ) as client:
                await client.refresh_token()

        return await self.endpoint.ask(request)

    def _key(self, pem: Secret) -> RSAKey:
        try:
            key = RSAKey.import_key(pem.reveal())
        except (JoseError, TypeError, ValueError):
            key = None
        if key is None or not key.is_private:
            raise ConfigurationError(
                f"connection {self.endpoint.connection!r}: private_key is not an unencrypted RSA private key in PEM; "
                "make one with `openssl genrsa 3072`",
                object=self.endpoint.connection,
            )
        return key


@dataclass(frozen=True, slots=True)
class RefreshTokenGrant:
    """RFC 6749 section 6; `single_use` where the server rotates, so that a repeated token ends the whole family."""

    endpoint: TokenEndpoint
    client_id: str
    client_secret: FetchSecret | None
    auth_method: str = "client_secret_basic"
    scope: str = ""
    refreshes: bool = True
    single_use: bool = True

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Spend the refresh token."""
        if held is None:
            raise AssertionError("a refresh needs a refresh token")
        return await _request(self, lambda client: client.refresh_token(self.endpoint.url, refresh_token=held.reveal()))


@dataclass(frozen=True, slots=True)
class AuthorizationCodeGrant:
    """RFC 6749 section 4.1.3: a code that a person's browser brought, with the verifier of its challenge; sent once."""

    endpoint: TokenEndpoint
    client_id: str
    client_secret: FetchSecret | None
    code: Secret
    verifier: Secret
    redirect_uri: str
    auth_method: str = "client_secret_basic"
    scope: str = ""
    refreshes: bool = False
    single_use: bool = True

    async def obtain(self, held: Secret | None) -> TokenAnswer:
        """Exchange the code; what is held plays no part."""
        del held
        told = {"code": self.code.reveal(), "code_verifier": self.verifier.reveal(), "redirect_uri": self.redirect_uri}
        return await _request(
            self, lambda client: client.fetch_token(self.endpoint.url, grant_type="authorization_code", **told)
        )


def authorization_url(
    endpoint: str, client_id: str, *, redirect_uri: str, scope: str, state: str, verifier: Secret
) -> str:
    """Write the address at which a person consents, with the S256 challenge of a verifier (RFC 7636 section 4.3)."""
    asked: str = prepare_grant_uri(
        endpoint,
        client_id,
        "code",
        redirect_uri=redirect_uri,
        scope=scope or None,
        state=state,
        code_challenge=create_s256_code_challenge(verifier.reveal()),
        code_challenge_method="S256",
    )
    return asked
