"""What does the HTTP layer see of a credential?"""

import asyncio
import base64
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from typing import Protocol, Self

from isthmus.core.credentials.answers import header_safe
from isthmus.core.credentials.secret import Secret
from isthmus.core.errors import ConfigurationError, CredentialError

__all__ = ["Credential", "CredentialSource", "JoinedSource", "PlacedSource", "StaticCredential", "StaticSource"]


class Credential(Protocol):
    """One generation of what proves an identity."""

    @property
    def generation(self) -> int:
        """Return the number of this version; a newer one is higher."""
        ...

    def apply(self, headers: MutableMapping[str, str]) -> None:
        """Write the credential into the headers of a request, replacing what is there."""
        ...


class CredentialSource(Protocol):
    """The credential of one principal on one connection."""

    async def current(self) -> Credential:
        """Return a credential that should work now; raises CredentialError, RetryLater or ConfigurationError."""
        ...

    async def replace(self, spent: Credential) -> Credential:
        """Return a newer credential than one the system did not accept; raises as `current` does."""
        ...


@dataclass(frozen=True, slots=True)
class StaticCredential:
    """A header that does not change until somebody sets another secret."""

    generation: int
    header: str
    value: Secret

    def __post_init__(self) -> None:
        if not header_safe(self.value.reveal()):
            raise ConfigurationError(
                f"the secret for header {self.header} has a line break or other characters that no header may hold; "
                "set it anew",
                object=self.header,
            )

    @classmethod
    def basic(cls, generation: int, username: str, password: Secret) -> Self:
        """Build RFC 7617 Basic authentication."""
        pair = base64.b64encode(f"{username}:{password.reveal()}".encode()).decode()
        return cls(generation, "Authorization", Secret(f"Basic {pair}"))

    @classmethod
    def bearer(cls, generation: int, token: Secret) -> Self:
        """Build RFC 6750 bearer authentication."""
        return cls(generation, "Authorization", Secret(f"Bearer {token.reveal()}"))

    @classmethod
    def api_key(cls, generation: int, header: str, key: Secret) -> Self:
        """Build a header that holds nothing but the key."""
        return cls(generation, header, key)

    def apply(self, headers: MutableMapping[str, str]) -> None:
        """Write the header."""
        headers[self.header] = self.value.reveal()


class StaticSource:
    """Look a static secret up once, and again when the system no longer accepts it."""

    def __init__(
        self, connection: str, resolve: Callable[[], Secret], build: Callable[[int, Secret], StaticCredential]
    ) -> None:
        self._connection = connection
        self._resolve = resolve
        self._build = build
        self._held: StaticCredential | None = None

    async def current(self) -> StaticCredential:
        """Return the credential; raises ConfigurationError where the secret is missing."""
        if self._held is None:
            self._held = self._build(1, await asyncio.to_thread(self._resolve))
        return self._held

    async def replace(self, spent: Credential) -> StaticCredential:
        """Return a newer credential if somebody has set one; raises CredentialError otherwise."""
        held = await self.current()
        if held.generation > spent.generation:
            return held
        fresh = self._build(spent.generation + 1, await asyncio.to_thread(self._resolve))
        if fresh.value == held.value:
            raise CredentialError(
                f"connection {self._connection!r} does not accept its credential; set a valid one and repeat the call",
                object=self._connection,
            )
        self._held = fresh
        return fresh


@dataclass(frozen=True, slots=True)
class _Placed:
    """A credential that is written into another header than its own."""

    inner: Credential
    header: str

    @property
    def generation(self) -> int:
        return self.inner.generation

    def apply(self, headers: MutableMapping[str, str]) -> None:
        own: dict[str, str] = {}
        self.inner.apply(own)
        (headers[self.header],) = own.values()


class PlacedSource:
    """A source whose credential goes into a header of our choice."""

    def __init__(self, inner: CredentialSource, header: str) -> None:
        self._inner = inner
        self._header = header

    async def current(self) -> Credential:
        """Return as the inner source does."""
        return _Placed(await self._inner.current(), self._header)

    async def replace(self, spent: Credential) -> Credential:
        """Return as the inner source does."""
        return _Placed(await self._inner.replace(spent), self._header)


@dataclass(frozen=True, slots=True)
class _Joined:
    """Credentials that go together."""

    parts: tuple[Credential, ...]

    @property
    def generation(self) -> int:
        # None of them ever goes down, so a sum that went up tells of a newer one among them.
        return sum(part.generation for part in self.parts)

    def apply(self, headers: MutableMapping[str, str]) -> None:
        for part in self.parts:
            part.apply(headers)


class JoinedSource:
    """Several credentials of one principal that a request needs together: all of them, or it is not sent."""

    def __init__(self, *sources: CredentialSource) -> None:
        self._sources = sources

    async def current(self) -> Credential:
        """Return all; raises what the first that is missing raises."""
        return _Joined(tuple([await one.current() for one in self._sources]))

    async def replace(self, spent: Credential) -> Credential:
        """Replace those that can be: which one was refused, the answer does not tell.

        Raises what the first of them raises where none can.
        """
        if not isinstance(spent, _Joined):
            raise TypeError("only what came from here can be replaced here")
        failed: CredentialError | None = None
        parts: list[Credential] = []
        for source, part in zip(self._sources, spent.parts, strict=True):
            try:
                parts.append(await source.replace(part))
            except CredentialError as error:
                failed = failed or error
                parts.append(part)
        joined = _Joined(tuple(parts))
        if failed is not None and joined.generation == spent.generation:
            raise failed
        return joined
