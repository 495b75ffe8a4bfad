"""Which certificate does the TLS port show, and which file makes clients trust it?"""

import ipaddress
import os
import shutil
import ssl
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from .names import DOMAINS, WILDCARDS

_LIFE: Final = timedelta(days=90)
_LOOPBACK: Final = ipaddress.ip_address("127.0.0.1")


class Authority:
    """Own a certificate authority and one server certificate, in a private folder that ends with the context.

    The authority's key stays in memory and signs once. Its certificate covers only the vendor's names and loopback
    (RFC 5280, section 4.2.1.10), so trusting it opens nothing else. `now` is in seconds since 1970.
    """

    def __init__(self, now: float) -> None:
        self._now = datetime.fromtimestamp(now, UTC)
        self._folder: Path | None = None
        self._context: ssl.SSLContext | None = None

    def __enter__(self) -> Self:
        self._folder = Path(tempfile.mkdtemp(prefix="isthmus-sandbox-"))  # mkdtemp lets in nobody but this user
        try:
            self._context = self._issue(self._folder)
        except BaseException:
            shutil.rmtree(self._folder)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = self._context = None

    @property
    def ca_file(self) -> Path:
        """Return the PEM file that clients must trust; raises RuntimeError outside the context."""
        if self._folder is None:
            raise RuntimeError("the authority has no file yet; enter the sandbox first: `with Sandbox() as sandbox:`")
        return self._folder / "ca.pem"

    @property
    def context(self) -> ssl.SSLContext:
        """Return what a server needs to show the certificate; raises RuntimeError outside the context."""
        if self._context is None:
            raise RuntimeError("the authority has no certificate yet; enter the sandbox first")
        return self._context

    def _issue(self, folder: Path) -> ssl.SSLContext:
        issuer_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
        issuer = self._root(issuer_key)
        leaf = self._leaf(issuer, issuer_key, key)
        (folder / "ca.pem").write_bytes(issuer.public_bytes(Encoding.PEM))
        # OpenSSL reads a key from a file only; it is gone before anybody connects.
        chain = folder / "server.pem"
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        with os.fdopen(os.open(chain, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(pem + leaf.public_bytes(Encoding.PEM))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(chain)
        context.set_alpn_protocols(["http/1.1"])
        chain.unlink()
        return context

    def _root(self, key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
        name = _name("isthmus sandbox authority")
        covered = [*map(x509.DNSName, DOMAINS), x509.DNSName("localhost")]
        loopback = x509.IPAddress(ipaddress.ip_network("127.0.0.1/32"))
        return (
            self._builder(name, name, key)
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_usage(signs_certificates=True), critical=True)
            .add_extension(x509.NameConstraints([*covered, loopback], None), critical=True)
            .sign(key, hashes.SHA256())
        )

    def _leaf(
        self, issuer: x509.Certificate, issuer_key: ec.EllipticCurvePrivateKey, key: ec.EllipticCurvePrivateKey
    ) -> x509.Certificate:
        names = [*map(x509.DNSName, WILDCARDS), x509.DNSName("localhost"), x509.IPAddress(_LOOPBACK)]
        signer = issuer.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
        return (
            self._builder(_name("isthmus sandbox"), issuer.subject, key)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(signer), critical=False)
            .add_extension(x509.SubjectAlternativeName(names), critical=False)
            .sign(issuer_key, hashes.SHA256())
        )

    def _builder(
        self, subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey
    ) -> x509.CertificateBuilder:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self._now - timedelta(hours=1))
            .not_valid_after(self._now + _LIFE)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )


def _name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def _usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )
