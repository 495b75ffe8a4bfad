"""Which X.509 certificate does a principal show, and what when a new one is set?"""

import asyncio
import logging
import secrets
import ssl
import tempfile
from collections.abc import Callable, MutableMapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from isthmus.core.credentials.credential import Credential
from isthmus.core.credentials.secret import Secret
from isthmus.core.errors import ConfigurationError, CredentialError, IsthmusError

__all__ = ["CertificateSource", "ClientCertificate"]

LOOK_EVERY = 30.0
"""Seconds after which a certificate that works is looked up again."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """One generation of a certificate with its chain, and its key, both in PEM; `expires_at` is in Unix seconds."""

    generation: int
    chain: Secret
    key: Secret
    expires_at: float

    def apply(self, headers: MutableMapping[str, str]) -> None:
        """Write nothing: it is shown in the handshake."""

    def load_into(self, context: ssl.SSLContext) -> None:
        """Have a TLS context show it. OpenSSL reads files only, so the key lies in one for a moment, encrypted."""
        password = secrets.token_hex(32)
        locked = load_pem_private_key(self.key.reveal().encode(), None).private_bytes(
            Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(password.encode())
        )
        with tempfile.TemporaryDirectory(prefix="isthmus-") as folder:
            file = Path(folder) / "client.pem"
            file.write_bytes(locked + b"\n" + self.chain.reveal().encode())
            context.load_cert_chain(file, password=password)


class CertificateSource:
    """The client certificate of one principal; a new one is taken up without a restart.

    `chain` and `key` look the two up, and may block. While they do not fit together, or one is missing, the certificate
    in use goes on until it expires.
    """

    def __init__(
        self,
        connection: str,
        setting: str,
        chain: Callable[[], Secret],
        key: Callable[[], Secret],
        clock: Callable[[], float],
    ) -> None:
        self._connection = connection
        self._setting = setting
        self._chain = chain
        self._key = key
        self._clock = clock
        self._held: ClientCertificate | None = None
        self._number = 0
        self._look_at = 0.0
        self._looking = asyncio.Lock()

    async def current(self) -> ClientCertificate:
        """Return the certificate to show; raises ConfigurationError or CredentialError where there is none."""
        held, now = self._held, self._clock()
        if held is not None and now < self._look_at and now < held.expires_at:
            return held
        if held is not None and now < held.expires_at and self._looking.locked():
            return held
        async with self._looking:
            if self._held is held or self._held is None:
                await self._look(now)
        if self._held is None:
            raise AssertionError("a look that finds nothing raises")
        return self._held

    async def replace(self, spent: Credential) -> ClientCertificate:
        """Return a newer certificate if somebody has set one; raises CredentialError otherwise."""
        async with self._looking:
            if self._held is None or self._held.generation <= spent.generation:
                await self._look(self._clock())
        if self._held is None or self._held.generation <= spent.generation:
            raise CredentialError(
                f"connection {self._connection!r} does not accept its client certificate; set a valid one and repeat "
                "the call",
                object=self._connection,
            )
        return self._held

    def doubt(self) -> None:
        """Look again at the next use: a connection did not come about."""
        self._look_at = 0.0

    async def _look(self, now: float) -> None:
        held = self._held
        self._look_at = now + LOOK_EVERY
        try:
            found = await asyncio.to_thread(self._read, self._number + 1, now)
        except IsthmusError as error:
            if held is None or now >= held.expires_at:
                self._held = None
                raise
            log.warning("connection %r keeps its certificate: %s", self._connection, error.sentence)
            return
        if held is None or (found.chain, found.key) != (held.chain, held.key):
            self._held, self._number = found, found.generation

    def _read(self, generation: int, now: float) -> ClientCertificate:
        chain, key = self._chain(), self._key()
        try:
            first = x509.load_pem_x509_certificates(chain.reveal().encode())[0]
            public = load_pem_private_key(key.reveal().encode(), None).public_key()
        except (ValueError, TypeError, IndexError):
            raise self._unusable("is not a certificate with its unencrypted key, both in PEM; set both anew") from None
        if _raw(first.public_key()) != _raw(public):
            raise self._unusable("and its key do not belong together; set both anew")
        expires = first.not_valid_after_utc
        if expires <= datetime.fromtimestamp(now, UTC):
            raise self._unusable(f"expired on {expires:%Y-%m-%d}; set a new one with its key")
        return ClientCertificate(generation, chain, key, expires.timestamp())

    def _unusable(self, why: str) -> ConfigurationError:
        return ConfigurationError(f"{self._setting}.client_certificate {why}", object=self._connection)


def _raw(key: PublicKeyTypes) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
