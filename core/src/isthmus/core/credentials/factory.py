"""Which credential does a principal act with on this connection?"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal, Self

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.credentials.credential import CredentialSource, StaticCredential, StaticSource
from isthmus.core.credentials.references import Scheme, SecretMissing, SecretReference, SecretResolver, remedy
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.settings import (
    ApiKeyAuth,
    AuthSettings,
    BasicAuth,
    BearerAuth,
    ClientCredentialsAuth,
    JwtBearerAuth,
    PasswordAuth,
    RefreshTokenAuth,
)
from isthmus.core.credentials.store import GenerationStore, Slot
from isthmus.core.credentials.tokens import TOKENS, Grant, TokenSource
from isthmus.core.errors import ConfigurationError, CredentialError

__all__ = ["CredentialFactory", "Identity"]

Identity = Literal["service", "user"]
USER = "{user}"
_TokenAuth = ClientCredentialsAuth | JwtBearerAuth | RefreshTokenAuth | PasswordAuth
PERSONAL = {
    "refresh_token": "refresh_token",
    "password": "password",
    "basic": "password",
    "bearer": "token",
    "api_key": "key",
}
"""The field of each kind that is a person's own secret where `identity = "user"`."""


@dataclass(frozen=True, slots=True)
class _Personal:
    """The secret of one person, or of the service where `user` is empty."""

    resolver: SecretResolver
    reference: SecretReference
    setting: str
    user: str
    connection: str

    def seed(self) -> Secret:
        return self.resolver.resolve(self.reference, setting=self.setting, user=self.user)

    def consented(self) -> Secret:
        try:
            return self.seed()
        except SecretMissing:
            if not self.user:
                raise
            raise CredentialError(
                f"user {self.user!r} has no credential of their own on connection {self.connection!r}; {self.remedy()}",
                code="reauth_required",
                subject=self.user,
                object=self.connection,
            ) from None

    def remedy(self) -> str:
        return f"consent again, then {remedy(self.reference, self.user)}"


class CredentialFactory:
    """The credential sources of one connection, one for each principal.

    `transport` carries token requests, each exactly once and only to the token endpoint. `allowed_origin` is where
    tokens may be used. With `identity = "user"` a person acts with their own grant or not at all.
    """

    def __init__(
        self,
        connection: str,
        identity: Identity,
        auth: AuthSettings,
        *,
        store: GenerationStore,
        resolver: SecretResolver,
        transport: httpx2.AsyncBaseTransport,
        allowed_origin: str | None = None,
        timeout: float = 20.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._connection = connection
        self._identity = identity
        self._auth = auth
        self._store = store
        self._resolver = resolver
        self._transport = transport
        self._origin = allowed_origin
        self._timeout = timeout
        self._clock = clock
        self._setting = f"connections.{connection}.auth"
        self._sources: dict[Principal, TokenSource | StaticSource] = {}
        self._check_identity()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait for exchanges under way."""
        await asyncio.gather(*(one.aclose() for one in self._sources.values() if isinstance(one, TokenSource)))

    def for_principal(self, principal: Principal) -> CredentialSource:
        """Return the source of a principal, always the same one; raises CredentialError for a missing person."""
        found = self._sources.get(principal)
        if found is None:
            self._check_principal(principal)
            found = self._sources[principal] = self._source(principal.user)
        return found

    def _source(self, user: str) -> TokenSource | StaticSource:
        auth = self._auth
        match auth:
            case BasicAuth():
                username = self._username(auth.username, user)
                return self._static(
                    user, auth.password, lambda number, secret: StaticCredential.basic(number, username, secret)
                )
            case BearerAuth():
                return self._static(user, auth.token, StaticCredential.bearer)
            case ApiKeyAuth():
                header = auth.header
                return self._static(
                    user, auth.key, lambda number, secret: StaticCredential.api_key(number, header, secret)
                )
            case RefreshTokenAuth():
                own = self._own(user, auth.refresh_token, "refresh_token")
                return self._tokens(user, auth, seed=own.seed, remedy=own.remedy())
            case _:
                return self._tokens(user, auth)

    def _username(self, template: str, user: str) -> str:
        if ":" in user:
            raise CredentialError(
                f"user {user!r} cannot act on connection {self._connection!r}: a Basic user name holds no colon; "
                "use another kind of auth",
                subject=user,
                object=self._connection,
            )
        return template.replace(USER, user)

    def _static(
        self, user: str, reference: SecretReference, build: Callable[[int, Secret], StaticCredential]
    ) -> StaticSource:
        own = self._own(user, reference, PERSONAL[self._auth.kind])
        return StaticSource(self._connection, own.consented, build)

    def _tokens(
        self,
        user: str,
        auth: _TokenAuth,
        *,
        seed: Callable[[], Secret] | None = None,
        remedy: str = "",
    ) -> TokenSource:
        return TokenSource(
            Slot(self._connection, user, TOKENS),
            self._grant(auth, user),
            self._store,
            seed=seed,
            remedy=remedy,
            lifetime=auth.lifetime,
            allowed_origin=self._origin,
            # Longer than any exchange: whoever takes over may conclude that the holder is gone.
            lease_seconds=self._timeout + 25,
            clock=self._clock,
        )

    def _grant(self, auth: _TokenAuth, user: str) -> Grant:
        # Authlib takes a third of a second to import; whoever only reads settings does not wait for it.
        from isthmus.core.credentials.grants import (
            ClientCredentialsGrant,
            JwtBearerGrant,
            PasswordGrant,
            RefreshTokenGrant,
            TokenEndpoint,
        )

        endpoint = TokenEndpoint(self._connection, auth.token_endpoint, self._transport, self._clock, self._timeout)
        match auth:
            case ClientCredentialsAuth():
                secret = self._shared(auth.client_secret, "client_secret")
                method = auth.token_endpoint_auth_method
                return ClientCredentialsGrant(endpoint, auth.client_id, secret, method, auth.scope)
            case JwtBearerAuth():
                subject = auth.subject.replace(USER, user)
                key = self._shared(auth.private_key, "private_key")
                return JwtBearerGrant(
                    endpoint, auth.issuer, subject, auth.audience, key, auth.scope, auth.assertion_lifetime
                )
            case PasswordAuth():
                known = None if auth.client_secret is None else self._shared(auth.client_secret, "client_secret")
                own = self._own(user, auth.password, "password")
                return PasswordGrant(
                    endpoint,
                    auth.client_id,
                    known,
                    auth.username.replace(USER, user),
                    lambda: asyncio.to_thread(own.consented),
                    auth.token_endpoint_auth_method,
                    auth.scope,
                )
            case RefreshTokenAuth():
                shared = None if auth.client_secret is None else self._shared(auth.client_secret, "client_secret")
                method = auth.token_endpoint_auth_method
                return RefreshTokenGrant(endpoint, auth.client_id, shared, method, auth.scope, single_use=auth.rotates)

    def _own(self, user: str, reference: SecretReference, field: str) -> _Personal:
        return _Personal(self._resolver, reference, f"{self._setting}.{field}", user, self._connection)

    def _shared(self, reference: SecretReference, field: str) -> Callable[[], Awaitable[Secret]]:
        """Look up a secret of the client itself; at every use, so that a new one needs no restart."""
        own = self._own("", reference, field)
        return lambda: asyncio.to_thread(own.seed)

    def _check_principal(self, principal: Principal) -> None:
        if principal.connection != self._connection:
            raise ConfigurationError(
                f"a principal of connection {principal.connection!r} was asked of {self._connection!r}"
            )
        if self._identity == "user" and not principal.user:
            raise CredentialError(
                f"connection {self._connection!r} acts with each person's own grant and this call names no person; "
                'name the user, or use a connection with identity = "service"',
                object=self._connection,
            )
        if self._identity == "service" and principal.user:
            raise CredentialError(
                f"connection {self._connection!r} acts as one service and has no grant of user {principal.user!r}; "
                'use a connection with identity = "user"',
                subject=principal.user,
                object=self._connection,
            )

    def _check_identity(self) -> None:
        """Refuse settings by which people would share one credential, or the service would need a person's."""
        named = [name for name in ("subject", "username") if USER in getattr(self._auth, name, "")]
        if self._identity == "service":
            if named:
                raise ConfigurationError(
                    f'{self._setting}.{named[0]} holds {USER}, which needs identity = "user"', object=self._setting
                )
            return
        if isinstance(self._auth, ClientCredentialsAuth):
            raise ConfigurationError(
                f'{self._setting}: client_credentials is the client\'s own identity; with identity = "user" use '
                "jwt_bearer or refresh_token",
                object=self._setting,
            )
        if isinstance(self._auth, JwtBearerAuth) and not named:
            raise ConfigurationError(
                f'{self._setting}.subject is the same for all; with identity = "user" write {USER} into it',
                object=self._setting,
            )
        field = PERSONAL.get(self._auth.kind)
        reference = None if field is None else getattr(self._auth, field)
        if reference is not None and reference.scheme is not Scheme.SEALED:
            raise ConfigurationError(
                f'{self._setting}.{field}: {reference} is one secret for all; with identity = "user" write '
                "sealed:<name>, under which each person has their own",
                object=self._setting,
            )
