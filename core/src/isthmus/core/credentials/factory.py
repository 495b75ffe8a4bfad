"""Which credential does a principal act with on this connection?"""

import asyncio
import time
from collections.abc import Callable, Mapping
from functools import partial
from typing import Self

from pydantic import BaseModel, ValidationError

from isthmus.core.caller import Principal
from isthmus.core.credentials.certificates import CertificateSource
from isthmus.core.credentials.credential import CredentialSource, PlacedSource, StaticCredential, StaticSource
from isthmus.core.credentials.granting import Granting, TokenAuth
from isthmus.core.credentials.identity import PERSONAL, USER, Identity, Shape, check_identity, check_principal
from isthmus.core.credentials.kinds import CredentialKind, TransportTo
from isthmus.core.credentials.references import SecretReference, SecretResolver
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.settings import (
    AUTHORIZATION,
    KINDS,
    ApiKeyAuth,
    AuthorizationCodeAuth,
    AuthSettings,
    BasicAuth,
    BearerAuth,
    ClientCertificateAuth,
    ForeignAuth,
    RefreshTokenAuth,
    X509SignatureAuth,
)
from isthmus.core.credentials.signing_in import SignIn
from isthmus.core.credentials.store import GenerationStore, Slot
from isthmus.core.credentials.tokens import TOKENS, Grant, TokenSource
from isthmus.core.errors import ConfigurationError, CredentialError
from isthmus.core.nearest import nearest

__all__ = ["CredentialFactory"]

_Source = TokenSource | StaticSource | CertificateSource


class CredentialFactory:
    """The credential sources of one connection, one for each principal.

    `transport_to` makes the ways of token requests, each of which is sent exactly once and only to its endpoint.
    `allowed_origin` is where tokens may be used. With `identity = "user"` a person acts with their own grant or not at
    all. `name` tells a further credential of the connection from its first. `kinds` are those that plugins bring.
    """

    def __init__(
        self,
        connection: str,
        identity: Identity,
        auth: AuthSettings,
        *,
        store: GenerationStore,
        resolver: SecretResolver,
        transport_to: TransportTo,
        allowed_origin: str | None = None,
        timeout: float = 20.0,
        clock: Callable[[], float] = time.time,
        name: str = "",
        kinds: Mapping[str, CredentialKind] | None = None,
    ) -> None:
        self._connection = connection
        self._identity = identity
        self._name = name
        self._setting = f"connections.{connection}" + (f".also.{name}.auth" if name else ".auth")
        self._slot = f"{TOKENS}:{name}" if name else TOKENS
        self._store = store
        self._making = Granting(connection, self._setting, resolver, transport_to, timeout, clock)
        self._origin = allowed_origin
        self._kind: CredentialKind | None = None
        self._auth: BaseModel = auth
        if isinstance(auth, ForeignAuth):
            self._kind = _kind(auth, self._setting, kinds or {})
            self._auth = _read(self._kind, auth, self._setting)
        self._sources: dict[Principal, _Source] = {}
        self._check_identity()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Wait for exchanges under way."""
        await asyncio.gather(*(one.aclose() for one in self._sources.values() if isinstance(one, TokenSource)))

    @property
    def header(self) -> str:
        """Return the header that the credential is written into; empty for a certificate."""
        return getattr(self._auth, "header", "" if self.shows_certificate or self.signs else AUTHORIZATION)

    @property
    def shows_certificate(self) -> bool:
        """Tell whether the credential is a certificate, which is shown in the handshake."""
        return isinstance(self._auth, ClientCertificateAuth)

    @property
    def signs(self) -> bool:
        """Tell whether the credential is a certificate whose key signs each message."""
        return isinstance(self._auth, X509SignatureAuth)

    def for_principal(self, principal: Principal) -> CredentialSource:
        """Return the source of a principal, always the same one; raises CredentialError for a missing person."""
        source = self._of(principal)
        if isinstance(source, CertificateSource) or isinstance(self._auth, ApiKeyAuth) or self.header == AUTHORIZATION:
            return source
        return PlacedSource(source, self.header)

    def certificate_of(self, principal: Principal) -> CertificateSource:
        """Return the certificate of a principal; raises as `for_principal`, and TypeError where there is none."""
        source = self._of(principal)
        if not isinstance(source, CertificateSource):
            raise TypeError(f"{self._setting} is no certificate")
        return source

    def sign_in(self, principal: Principal, entropy: Callable[[int], bytes]) -> SignIn:
        """Return what has a person consent; raises as `for_principal`, and ConfigurationError for any other kind."""
        source = self._of(principal)
        if not isinstance(self._auth, AuthorizationCodeAuth) or not isinstance(source, TokenSource):
            raise ConfigurationError(
                f'{self._setting} is of a kind in which nobody signs in; write kind = "authorization_code"',
                object=self._setting,
            )
        return SignIn(self._connection, self._auth, source, partial(self._making.code_grant, self._auth), entropy)

    def _login(self, user: str) -> str:
        words = ["isthmus login", self._connection, *(["--also", self._name] if self._name else [])]
        return f"run `{' '.join([*words, *(['--user', user] if user else [])])}` and sign in"

    def _of(self, principal: Principal) -> _Source:
        found = self._sources.get(principal)
        if found is None:
            check_principal(self._connection, self._identity, principal)
            found = self._sources[principal] = self._source(principal.user)
        return found

    def _source(self, user: str) -> _Source:
        auth = self._auth
        match auth:
            case BasicAuth():
                username = self._username(auth.username, user)
                return self._static(
                    user,
                    auth.password,
                    "password",
                    lambda number, secret: StaticCredential.basic(number, username, secret),
                )
            case BearerAuth():
                return self._static(user, auth.token, "token", StaticCredential.bearer)
            case ApiKeyAuth():
                header = auth.header
                return self._static(
                    user, auth.key, "key", lambda number, secret: StaticCredential.api_key(number, header, secret)
                )
            case ClientCertificateAuth() | X509SignatureAuth():
                chain = self._making.own(user, auth.client_certificate, "client_certificate").consented
                key = self._making.own(user, auth.client_key, "client_key").consented
                return CertificateSource(self._connection, self._setting, chain, key, self._making.clock)
            case RefreshTokenAuth():
                own = self._making.own(user, auth.refresh_token, "refresh_token")
                return self._tokens(user, self._making.grant(auth, user), seed=own.seed, remedy=own.remedy())
            case AuthorizationCodeAuth():
                return self._tokens(user, self._making.grant(auth, user), remedy=self._login(user))
        if self._kind is not None:
            return self._tokens(user, self._kind.grant(auth, self._making.parts(user, self._origin or "")))
        if not isinstance(auth, TokenAuth):
            raise TypeError(f"{self._setting} is of a kind that nothing here makes")
        return self._tokens(user, self._making.grant(auth, user))

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
        self, user: str, reference: SecretReference, field: str, build: Callable[[int, Secret], StaticCredential]
    ) -> StaticSource:
        own = self._making.own(user, reference, field)
        return StaticSource(self._connection, own.consented, build)

    def _tokens(
        self, user: str, grant: Grant, *, seed: Callable[[], Secret] | None = None, remedy: str = ""
    ) -> TokenSource:
        return TokenSource(
            Slot(self._connection, user, self._slot),
            grant,
            self._store,
            seed=seed,
            remedy=remedy,
            lifetime=getattr(self._auth, "lifetime", None),
            allowed_origin=self._origin,
            # Longer than any exchange: whoever takes over may conclude that the holder is gone.
            lease_seconds=self._making.timeout + 25,
            clock=self._making.clock,
        )

    def _check_identity(self) -> None:
        kind = self._kind.name if self._kind else getattr(self._auth, "kind", "")
        fields = self._kind.personal if self._kind else PERSONAL.get(kind, ())
        if self._kind and not fields and self._identity == "user":
            raise ConfigurationError(
                f'{self._setting}: {kind} is the same for all; with identity = "user" use another kind',
                object=self._setting,
            )
        shape = Shape(
            kind=kind,
            setting=self._setting,
            named={name: getattr(self._auth, name) for name in ("subject", "username") if hasattr(self._auth, name)},
            personal={name: getattr(self._auth, name) for name in fields},
        )
        check_identity(self._identity, shape)


def _kind(auth: ForeignAuth, setting: str, kinds: Mapping[str, CredentialKind]) -> CredentialKind:
    found = kinds.get(auth.kind)
    if found is None:
        known = sorted({*KINDS, *kinds})
        raise ConfigurationError(
            f"{setting}.kind: {auth.kind!r} is no kind of credential{nearest(auth.kind, known)} "
            f"(known: {', '.join(known)}); correct it, or allow the plugin that brings it in `plugins`",
            object=setting,
        )
    return found


def _read(kind: CredentialKind, auth: ForeignAuth, setting: str) -> BaseModel:
    try:
        return kind.settings.model_validate(auth.model_dump())
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in (setting, *problem["loc"]))
        raise ConfigurationError(f"{place}: {problem['msg'].removeprefix('Value error, ')}", object=setting) from None
