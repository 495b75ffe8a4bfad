"""Which grant do these settings ask for, and which secrets does it look up?"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import httpx2

from isthmus.core.credentials.answers import ReadAnswer, TokenAnswer
from isthmus.core.credentials.certificates import CertificateSource
from isthmus.core.credentials.identity import USER, Own
from isthmus.core.credentials.kinds import GrantParts, TransportTo
from isthmus.core.credentials.references import SecretReference, SecretResolver
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.settings import (
    AuthorizationCodeAuth,
    ClientAuth,
    ClientCredentialsAuth,
    JwtAssertionAuth,
    JwtBearerAuth,
    PasswordAuth,
    RefreshTokenAuth,
    SamlBearerAuth,
    TokenExchangeAuth,
)
from isthmus.core.credentials.tokens import Grant

if TYPE_CHECKING:
    from isthmus.core.credentials.grants import TokenEndpoint

__all__ = ["Granting", "TokenAuth"]

HandedInAuth = SamlBearerAuth | JwtAssertionAuth | TokenExchangeAuth
TokenAuth = (
    ClientCredentialsAuth | JwtBearerAuth | RefreshTokenAuth | AuthorizationCodeAuth | PasswordAuth | HandedInAuth
)


@dataclass(frozen=True, slots=True)
class Granting:
    """Makes the grants of one credential; `setting` is where its settings stand."""

    connection: str
    setting: str
    resolver: SecretResolver
    transport_to: TransportTo
    timeout: float
    clock: Callable[[], float]
    _ways: dict[str, httpx2.AsyncBaseTransport] = field(default_factory=dict)

    def own(self, user: str, reference: SecretReference, field: str) -> Own:
        """Return the secret of a person, or of the service where `user` is empty."""
        return Own(self.resolver, reference, f"{self.setting}.{field}", user, self.connection)

    def shared(self, reference: SecretReference, field: str) -> Callable[[], Awaitable[Secret]]:
        """Look up a secret of the client itself; at every use, so that a new one needs no restart."""
        own = self.own("", reference, field)
        return lambda: asyncio.to_thread(own.seed)

    def parts(self, user: str, origin: str) -> GrantParts:
        """Return what a plugin makes its grant of."""
        return GrantParts(
            connection=self.connection,
            user=user,
            origin=origin,
            fetch=self._fetch,
            shared=self.shared,
            own=lambda reference, field: self.own(user, reference, field).fetching(),
            client_token=self._client_token,
        )

    def grant(self, auth: TokenAuth, user: str) -> Grant:
        """Return the grant of one principal."""
        # Authlib takes a third of a second to import; whoever only reads settings does not wait for it.
        from isthmus.core.credentials import grants

        endpoint = grants.TokenEndpoint(self.connection, auth.token_endpoint, self._way(auth), self.clock, self.timeout)
        if isinstance(auth, JwtBearerAuth):
            subject = auth.subject.replace(USER, user)
            key = self.shared(auth.private_key, "private_key")
            return grants.JwtBearerGrant(
                endpoint, auth.issuer, subject, auth.audience, key, auth.scope, auth.assertion_lifetime
            )
        secret = self._secret(auth)
        method, scope = auth.token_endpoint_auth_method, auth.scope
        match auth:
            case ClientCredentialsAuth():
                return grants.ClientCredentialsGrant(endpoint, auth.client_id, secret, method, scope)
            case PasswordAuth():
                username = auth.username.replace(USER, user)
                password = self.own(user, auth.password, "password").fetching()
                return grants.PasswordGrant(endpoint, auth.client_id, secret, username, password, method, scope)
            case RefreshTokenAuth() | AuthorizationCodeAuth():
                return grants.RefreshTokenGrant(
                    endpoint, auth.client_id, secret, method, scope, single_use=auth.rotates
                )
            case _:
                return self._handed_in(auth, user, endpoint, secret)

    def code_grant(self, auth: AuthorizationCodeAuth, code: Secret, verifier: Secret, redirect_uri: str) -> Grant:
        """Return the grant that exchanges one code."""
        from isthmus.core.credentials import grants

        endpoint = grants.TokenEndpoint(self.connection, auth.token_endpoint, self._way(auth), self.clock, self.timeout)
        return grants.AuthorizationCodeGrant(
            endpoint,
            auth.client_id,
            self._secret(auth),
            code,
            verifier,
            redirect_uri,
            auth.token_endpoint_auth_method,
            auth.scope,
        )

    def _handed_in(
        self,
        auth: HandedInAuth,
        user: str,
        endpoint: "TokenEndpoint",
        secret: Callable[[], Awaitable[Secret]] | None,
    ) -> Grant:
        from isthmus.core.credentials import grants

        made = partial(
            grants.HandedInGrant,
            endpoint,
            auth.client_id,
            secret,
            auth_method=auth.token_endpoint_auth_method,
            scope=auth.scope,
        )
        match auth:
            case SamlBearerAuth():
                proof = self.own(user, auth.assertion, "assertion").fetching()
                return made(grants.SAML2_BEARER, proof, write=grants.saml_assertion)
            case JwtAssertionAuth():
                proof = self.own(user, auth.assertion, "assertion").fetching()
                return made(grants.JWT_BEARER, proof, more=_said(resource=auth.resource))
            case TokenExchangeAuth():
                proof = self.own(user, auth.subject_token, "subject_token").fetching()
                more = _said(resource=auth.resource, audience=auth.audience)
                more["subject_token_type"] = auth.subject_token_type
                return made(grants.TOKEN_EXCHANGE, proof, "subject_token", more=more)

    async def _fetch(self, url: str, headers: Mapping[str, str], read: ReadAnswer, what: str) -> TokenAnswer:
        from isthmus.core.credentials.grants import TokenEndpoint

        way = self.transport_to(url, None)
        return await TokenEndpoint(self.connection, url, way, self.clock, self.timeout, what).fetch(headers, read)

    async def _client_token(self, auth: ClientAuth) -> TokenAnswer:
        from isthmus.core.credentials.grants import ClientCredentialsGrant, TokenEndpoint

        endpoint = TokenEndpoint(self.connection, auth.token_endpoint, self._way(auth), self.clock, self.timeout)
        method = auth.token_endpoint_auth_method
        return await ClientCredentialsGrant(endpoint, auth.client_id, self._secret(auth), method, auth.scope).obtain(
            None
        )

    def _secret(self, auth: ClientAuth) -> Callable[[], Awaitable[Secret]] | None:
        return None if auth.client_secret is None else self.shared(auth.client_secret, "client_secret")

    def _way(self, auth: ClientAuth | JwtBearerAuth) -> httpx2.AsyncBaseTransport:
        """Return the way to the token endpoint, with the client's certificate where it proves itself by one."""
        found = self._ways.get(auth.token_endpoint)
        if found is None:
            shown = None if isinstance(auth, JwtBearerAuth) else self._certificate(auth)
            found = self._ways[auth.token_endpoint] = self.transport_to(auth.token_endpoint, shown)
        return found

    def _certificate(self, auth: ClientAuth) -> CertificateSource | None:
        if auth.client_certificate is None or auth.client_key is None:
            return None
        chain = self.own("", auth.client_certificate, "client_certificate").seed
        key = self.own("", auth.client_key, "client_key").seed
        return CertificateSource(self.connection, self.setting, chain, key, self.clock)


def _said(**told: str) -> dict[str, str]:
    return {name: value for name, value in told.items() if value}
