"""Whose is a secret, and would these settings let two people share one?"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from isthmus.core.caller import Principal
from isthmus.core.credentials.references import Scheme, SecretMissing, SecretReference, SecretResolver, remedy
from isthmus.core.credentials.secret import Secret
from isthmus.core.errors import ConfigurationError, CredentialError

__all__ = ["PERSONAL", "USER", "Identity", "Own", "Shape", "check_identity", "check_principal"]

Identity = Literal["service", "user"]
USER = "{user}"
PERSONAL: dict[str, tuple[str, ...]] = {
    "refresh_token": ("refresh_token",),
    "password": ("password",),
    "saml_bearer": ("assertion",),
    "jwt_assertion": ("assertion",),
    "token_exchange": ("subject_token",),
    "basic": ("password",),
    "bearer": ("token",),
    "api_key": ("key",),
    "client_certificate": ("client_certificate", "client_key"),
    "x509_signature": ("client_certificate", "client_key"),
}
"""The fields of each kind that are a person's own secret where `identity = "user"`."""


@dataclass(frozen=True, slots=True)
class Own:
    """The secret of one person, or of the service where `user` is empty."""

    resolver: SecretResolver
    reference: SecretReference
    setting: str
    user: str
    connection: str

    def seed(self) -> Secret:
        """Look it up; raises SecretMissing."""
        return self.resolver.resolve(self.reference, setting=self.setting, user=self.user)

    def consented(self) -> Secret:
        """Look it up; a person's missing one is a CredentialError that tells how to give it."""
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

    def fetching(self) -> Callable[[], Awaitable[Secret]]:
        """Return a look-up for every use, so that a new secret needs no restart."""
        return lambda: asyncio.to_thread(self.consented)

    def remedy(self) -> str:
        """Say how to consent again."""
        return f"consent again, then {remedy(self.reference, self.user)}"


@dataclass(frozen=True, slots=True)
class Shape:
    """What the identity check looks at: the kind, its texts that may hold `{user}`, and its personal secrets."""

    kind: str
    setting: str
    named: dict[str, str]
    personal: dict[str, SecretReference | None]


def check_principal(connection: str, identity: Identity, principal: Principal) -> None:
    """Refuse a principal that this connection does not act as."""
    if principal.connection != connection:
        raise ConfigurationError(f"a principal of connection {principal.connection!r} was asked of {connection!r}")
    if identity == "user" and not principal.user:
        raise CredentialError(
            f"connection {connection!r} acts with each person's own grant and this call names no person; "
            'name the user, or use a connection with identity = "service"',
            object=connection,
        )
    if identity == "service" and principal.user:
        raise CredentialError(
            f"connection {connection!r} acts as one service and has no grant of user {principal.user!r}; "
            'use a connection with identity = "user"',
            subject=principal.user,
            object=connection,
        )


def check_identity(identity: Identity, shape: Shape) -> None:
    """Refuse settings by which people would share one credential, or the service would need a person's."""
    setting = shape.setting
    named = [name for name, text in shape.named.items() if USER in text]
    if identity == "service":
        if named:
            raise ConfigurationError(
                f'{setting}.{named[0]} holds {USER}, which needs identity = "user"', object=setting
            )
        return
    if shape.kind == "client_credentials":
        raise ConfigurationError(
            f'{setting}: client_credentials is the client\'s own identity; with identity = "user" use '
            "jwt_bearer or refresh_token",
            object=setting,
        )
    if shape.kind == "jwt_bearer" and not named:
        raise ConfigurationError(
            f'{setting}.subject is the same for all; with identity = "user" write {USER} into it', object=setting
        )
    for field, reference in shape.personal.items():
        if reference is None:
            raise ConfigurationError(
                f'{setting}.{field} is missing; with identity = "user" each person needs their own', object=setting
            )
        if reference.scheme is not Scheme.SEALED:
            raise ConfigurationError(
                f'{setting}.{field}: {reference} is one secret for all; with identity = "user" write '
                "sealed:<name>, under which each person has their own",
                object=setting,
            )
