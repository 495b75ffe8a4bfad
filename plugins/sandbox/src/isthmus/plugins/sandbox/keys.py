"""Which key signs for a client, and which certificate says so?"""

from datetime import UTC, datetime
from functools import cache

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID


@cache
def private_key(_client_id: str) -> str:
    """Make a key for this client, once in the life of the process, and return it as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*pem).decode()


@cache
def certificate(client_id: str, subject: str) -> x509.Certificate:
    """Make a certificate of this client's key, signed by itself, as one registers with a vendor."""
    key = serialization.load_pem_private_key(private_key(client_id).encode(), None)
    if not isinstance(key, rsa.RSAPrivateKey):
        raise TypeError("private_key makes RSA keys")
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, subject)])
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2049, 12, 31, tzinfo=UTC))
        .sign(key, hashes.SHA256())
    )
