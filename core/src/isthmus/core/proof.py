"""With what does a connection prove who it is, and over which wires do the proofs go?"""

from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

import httpx2

from isthmus.core.caller import Principal
from isthmus.core.config import ConnectionConfig
from isthmus.core.connection import TokenWire
from isthmus.core.credentials import (
    AuthSettings,
    CertificateSource,
    CredentialFactory,
    CredentialKind,
    CredentialSource,
    JoinedSource,
    Secret,
    SecretReference,
    SecretResolver,
    SQLiteSecretStore,
)
from isthmus.core.errors import ConfigurationError
from isthmus.core.http import CertifiedWire, Origin, WireSettings
from isthmus.core.nearest import nearest
from isthmus.core.resilience import Clock

__all__ = ["Proof", "Prover", "WireOf"]

WireOf = Callable[[str, WireSettings], httpx2.AsyncBaseTransport]
PROXY = "proxy-authorization"


@dataclass(frozen=True, slots=True)
class Proof:
    """The credential of each principal, and the wire on which requests go, with a certificate where one is shown.

    `signers` are the certificates whose keys sign messages, None where none does.
    """

    credentials: Callable[[Principal], CredentialSource]
    wire: httpx2.AsyncBaseTransport
    signers: Callable[[Principal], CertificateSource] | None = None


@dataclass(frozen=True, slots=True)
class Prover:
    """Make the proof of one connection; what it opens is closed with `stack`."""

    name: str
    settings: ConnectionConfig
    origin: Origin
    resolver: SecretResolver
    store: SQLiteSecretStore
    kinds: Mapping[str, CredentialKind]
    make: WireOf
    clock: Clock
    stack: AsyncExitStack
    _plain: list[httpx2.AsyncBaseTransport] = field(default_factory=list)

    async def factory(self, also: str = "") -> CredentialFactory:
        """Return what makes the first credential of the connection, or a further one; raises ConfigurationError."""
        if also and also not in self.settings.also:
            raise ConfigurationError(
                f"connections.{self.name}.also has no {also!r}{nearest(also, self.settings.also)}", object=self.name
            )
        if also:
            return (await self._further(also))[0]
        return await self._factory("", self.settings.auth, self.settings.identity, str(self.origin))

    async def proof(self) -> Proof:
        """Open wires and credentials; raises ConfigurationError where the settings contradict each other."""
        first = await self.factory()
        also = [await self._further(name) for name in self.settings.also]
        self._check_headers([first, *(factory for factory, _ in also)])
        wire = self._wire(first)

        def credentials(principal: Principal) -> CredentialSource:
            source = first.for_principal(principal)
            if not also:
                return source
            service = Principal(self.name)
            return JoinedSource(
                source, *(factory.for_principal(principal if own else service) for factory, own in also)
            )

        return Proof(credentials, wire, first.certificate_of if first.signs else None)

    async def _further(self, name: str) -> tuple[CredentialFactory, bool]:
        one = self.settings.also[name]
        identity = one.identity or self.settings.identity
        if identity == "user" and self.settings.identity == "service":
            raise ConfigurationError(
                f'connections.{self.name}.also.{name}: a person needs a connection with identity = "user"',
                object=self.name,
            )
        # A proxy's tokens are not for the system, and their server knows nothing of its origin.
        for_proxy = getattr(one.auth, "header", "").lower() == PROXY
        factory = await self._factory(name, one.auth, identity, None if for_proxy else str(self.origin))
        if factory.shows_certificate:
            raise ConfigurationError(
                f"connections.{self.name}.also.{name}: a handshake shows one certificate; name it in "
                f"connections.{self.name}.client_certificate",
                object=self.name,
            )
        if factory.signs:
            raise ConfigurationError(
                f"connections.{self.name}.also.{name}: a message is signed once; leave x509_signature to `auth`",
                object=self.name,
            )
        return factory, identity == "user"

    async def _factory(self, name: str, auth: AuthSettings, identity: str, origin: str | None) -> CredentialFactory:
        factory = CredentialFactory(
            self.name,
            "user" if identity == "user" else "service",
            auth,
            store=self.store,
            resolver=self.resolver,
            transport_to=self._transport_to,
            allowed_origin=origin,
            clock=self.clock.time,
            name=name,
            kinds=self.kinds,
        )
        return await self.stack.enter_async_context(factory)

    def _check_headers(self, factories: list[CredentialFactory]) -> None:
        headers = [one.header.lower() for one in factories if one.header]
        for header in headers:
            if headers.count(header) > 1:
                raise ConfigurationError(
                    f"connections.{self.name}: two credentials go into header {header}; give one another `header`",
                    object=self.name,
                )
        if PROXY in headers and self.settings.proxy is None:
            raise ConfigurationError(
                f"connections.{self.name}: Proxy-Authorization is for a proxy, and `proxy` names none", object=self.name
            )

    def _wire(self, first: CredentialFactory) -> httpx2.AsyncBaseTransport:
        """Return the wire to the system, and note whether token requests may share it."""
        own = self._certificate()
        if first.shows_certificate and own is not None:
            raise ConfigurationError(
                f"connections.{self.name}: a handshake shows one certificate; leave client_certificate to `auth`",
                object=self.name,
            )
        settings = self._settings(self.settings.proxy)
        if first.shows_certificate:
            return self._opened(CertifiedWire(settings, first.certificate_of, self._made))
        if own is not None:
            return self._opened(CertifiedWire(settings, lambda _: own, self._made))
        wire = self._opened(self._made(settings))
        if self._token_proxy == self.settings.proxy:
            self._plain.append(wire)
        return wire

    def _certificate(self) -> CertificateSource | None:
        """Return the certificate that all principals show, since it says which machine calls."""
        chain, key = self.settings.client_certificate, self.settings.client_key
        if chain is None or key is None:
            return None
        place = f"connections.{self.name}"

        def found(reference: SecretReference, field: str) -> Callable[[], Secret]:
            return lambda: self.resolver.resolve(reference, setting=f"{place}.{field}")

        return CertificateSource(
            self.name, place, found(chain, "client_certificate"), found(key, "client_key"), self.clock.time
        )

    def _transport_to(self, url: str, certificate: CertificateSource | None) -> httpx2.AsyncBaseTransport:
        """Make the way to a token endpoint, which sees neither the system's certificate nor another endpoint's."""
        settings = self._settings(self._token_proxy)
        if certificate is not None:
            wire = self._opened(CertifiedWire(settings, lambda _: certificate, self._made))
            return TokenWire(self.name, url, wire, self.clock)
        if not self._plain:
            self._plain.append(self._opened(self._made(settings)))
        return TokenWire(self.name, url, self._plain[0], self.clock)

    @property
    def _token_proxy(self) -> str | None:
        """A proxy that asks for a token cannot be the way to that token."""
        auths = [self.settings.auth, *(one.auth for one in self.settings.also.values())]
        asks = any(getattr(one, "header", "").lower() == PROXY for one in auths)
        return None if asks else self.settings.proxy

    def _settings(self, proxy: str | None) -> WireSettings:
        return WireSettings(ca_file=self.settings.ca_file, proxy=proxy)

    def _made(self, settings: WireSettings) -> httpx2.AsyncBaseTransport:
        return self.make(self.name, settings)

    def _opened(self, wire: httpx2.AsyncBaseTransport) -> httpx2.AsyncBaseTransport:
        self.stack.push_async_callback(wire.aclose)
        return wire
