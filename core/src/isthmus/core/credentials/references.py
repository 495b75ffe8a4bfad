"""Where is the secret that a setting refers to? Settings hold references, never secrets."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

from isthmus.core.credentials.files import read_private
from isthmus.core.credentials.keyrings import Keyring, read_keyring, system_keyring
from isthmus.core.credentials.secret import Secret
from isthmus.core.credentials.store import NamedSecrets
from isthmus.core.errors import ConfigurationError

__all__ = ["Reference", "Scheme", "SecretMissing", "SecretReference", "SecretResolver", "remedy"]

SHAPES = "env:NAME, keyring:service/name, file:path or sealed:name"


class SecretMissing(ConfigurationError):
    """A reference leads to nothing."""

    code = "secret_missing"


class Scheme(StrEnum):
    """Where secrets are looked up."""

    ENV = "env"
    KEYRING = "keyring"
    FILE = "file"
    SEALED = "sealed"


@dataclass(frozen=True, slots=True)
class SecretReference:
    """A scheme and what it looks up."""

    scheme: Scheme
    locator: str

    @classmethod
    def parse(cls, text: str) -> "SecretReference":
        """Read `scheme:locator`; raises ValueError that never repeats the text, as it may be a secret itself."""
        scheme, _, locator = text.partition(":")
        if scheme not in list(Scheme) or not locator.strip():
            raise ValueError(f"this is not a reference to a secret; write {SHAPES}, never the secret itself")
        if scheme == Scheme.KEYRING and not all(locator.partition("/")):
            raise ValueError("a keyring reference is keyring:service/name")
        return cls(Scheme(scheme), locator)

    def __str__(self) -> str:
        return f"{self.scheme}:{self.locator}"


def _parse(value: object) -> SecretReference:
    if isinstance(value, SecretReference):
        return value
    return SecretReference.parse(value if isinstance(value, str) else "")


Reference = Annotated[
    SecretReference, BeforeValidator(_parse), PlainSerializer(str), WithJsonSchema({"type": "string", "title": SHAPES})
]
"""The type of a settings field that names a secret."""


class SecretResolver:
    """Look secrets up; every call looks again, so a secret set meanwhile is found without a restart."""

    def __init__(
        self,
        named: NamedSecrets,
        environ: Mapping[str, str],
        keyring: Keyring | None = None,
        *,
        folder: Path | None = None,
    ) -> None:
        """`folder` is what the path of a `file:` reference is relative to: that of isthmus.toml."""
        self._folder = folder or Path()
        self._named = named
        self._environ = environ
        self._keyring = keyring

    def resolve(self, reference: SecretReference, *, setting: str, user: str = "") -> Secret:
        """Return the secret; `user` picks the person's own row of a sealed name, and no other person's.

        Raises ConfigurationError naming the setting, the reference and the remedy. It may block (keyring, file).
        """
        found = self._find(reference, setting, user)
        if found is None:
            raise SecretMissing(
                f"{setting}: {reference} holds no secret; {remedy(reference, user)}", object=setting, subject=user
            )
        return found

    def _find(self, reference: SecretReference, setting: str, user: str) -> Secret | None:
        if reference.scheme is Scheme.SEALED:
            return self._named.secret(reference.locator, user=user)
        if user:
            raise ConfigurationError(f"{setting}: {reference} is one secret for all; a person's own is sealed:<name>")
        match reference.scheme:
            case Scheme.ENV:
                value = self._environ.get(reference.locator)
            case Scheme.KEYRING:
                service, _, name = reference.locator.partition("/")
                value = read_keyring(system_keyring(self._keyring), service, name)
            case _:
                value = read_private(self._folder / Path(reference.locator).expanduser(), setting=setting)
        return Secret(value) if value else None


def remedy(reference: SecretReference, user: str = "") -> str:
    """Say how to set the secret that a reference names."""
    match reference.scheme:
        case Scheme.SEALED:
            return f"run `isthmus secret set {reference.locator}" + (f" --user {user}`" if user else "`")
        case Scheme.ENV:
            return f"run `export {reference.locator}=...` before isthmus starts"
        case Scheme.KEYRING:
            service, _, name = reference.locator.partition("/")
            return f"run `keyring set {service} {name}`"
        case Scheme.FILE:
            return f"write it to {reference.locator} with mode 0600"
