"""Which OS keyring may hold a secret of ours?"""

from typing import Protocol

from isthmus.core.errors import ConfigurationError

__all__ = ["SERVICE", "Keyring", "read_keyring", "system_keyring", "write_keyring"]

SERVICE = "isthmus"
REMEDY = (
    "unlock or install one (Secret Service, KWallet, macOS Keychain, Windows Credential Locker), or set sealing_key = "
    '"credential:<name>" or "file:<path>"'
)


class Keyring(Protocol):
    """The two calls of a backend of the `keyring` package that we make."""

    def get_password(self, service: str, username: str) -> str | None:
        """Return the stored value or None."""
        ...

    def set_password(self, service: str, username: str, password: str) -> None:
        """Store a value."""
        ...


def system_keyring(backend: Keyring | None = None) -> Keyring:
    """Return the backend, by default the one `keyring` picks; raises ConfigurationError where it keeps no secret."""
    if backend is None:
        import keyring

        backend = keyring.get_keyring()
    for part in (backend, *getattr(backend, "backends", ())):
        kind = type(part)
        name = f"{kind.__module__}.{kind.__qualname__}"
        if _keeps_nothing(name):
            raise ConfigurationError(f"the OS keyring is {name}, which keeps no secret; {REMEDY}", object="keyring")
    return backend


def read_keyring(backend: Keyring, service: str, username: str) -> str | None:
    """Read one value; raises ConfigurationError where the keyring is locked or broken."""
    from keyring.errors import KeyringError

    try:
        return backend.get_password(service, username)
    except KeyringError as error:
        raise _unusable(error) from None


def write_keyring(backend: Keyring, service: str, username: str, value: str) -> None:
    """Write one value; raises ConfigurationError where the keyring is locked or broken."""
    from keyring.errors import KeyringError

    try:
        backend.set_password(service, username, value)
    except KeyringError as error:
        raise _unusable(error) from None


def _unusable(error: Exception) -> ConfigurationError:
    return ConfigurationError(f"the OS keyring cannot be used ({type(error).__name__}); {REMEDY}", object="keyring")


def _keeps_nothing(name: str) -> bool:
    return (
        name.startswith(("keyring.backends.fail.", "keyring.backends.null.", "keyrings.alt."))
        or "plaintext" in name.lower()
    )
