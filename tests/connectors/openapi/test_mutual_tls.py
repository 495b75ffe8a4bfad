"""Is an operation that a document guards by mutual TLS asked with the certificate, and by nobody else?"""

import asyncio
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import ConfigurationError, IsthmusError

from .conftest import KEY, House

CERTIFICATE = 'client_certificate = "file:{pem}"\nclient_key = "file:{pem}"\n'
GUARDED = """security:
  - apiKey: []
    machine: []
"""


@dataclass
class Gate:
    """What stands before the service: it lets in whoever shows a certificate of its own making."""

    url: str = ""
    peers: list[str] = field(default_factory=list)


def pem_of(subject: str, file: Path) -> Path:
    """Write a certificate that is its own authority, and its key."""
    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, subject)])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .sign(key, hashes.SHA256())
    )
    file.touch(mode=0o600)
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    file.write_bytes(private + made.public_bytes(Encoding.PEM))
    return file


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    except ConnectionError:
        pass
    finally:
        writer.close()


@pytest_asyncio.fixture
async def gate(house: House, tmp_path: Path) -> AsyncIterator[Gate]:
    server_pem, client_pem = pem_of("gate", tmp_path / "server.pem"), pem_of("badge-agent", tmp_path / "client.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(server_pem)
    context.load_verify_locations(client_pem)
    context.verify_mode = ssl.CERT_REQUIRED
    found, port = Gate(), urlsplit(house.service.url).port
    under_way = list[asyncio.Task[None]]()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        subject = writer.get_extra_info("peercert")["subject"]
        found.peers.append(next(value for ((name, value),) in subject if name == "commonName"))
        inner, outer = await asyncio.open_connection("127.0.0.1", port)
        under_way.append(asyncio.create_task(pipe(inner, writer)))
        await pipe(reader, outer)

    server = await asyncio.start_server(serve, "127.0.0.1", 0, ssl=context)
    found.url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await asyncio.gather(*under_way)


async def badge(house: House, gate: Gate, auth: str, connection: str, tmp_path: Path) -> object:
    """Get one badge through the gate, by a document that asks for key and certificate."""
    house.auth = auth
    config = house.write()
    told = config.read_text().replace(house.service.url, gate.url)
    config.write_text(
        told.replace('zone = "eu"\nsees', f'zone = "eu"\nca_file = "authorities/server.pem"\n{connection}sees')
    )
    (config.parent / "authorities").symlink_to(tmp_path)
    document = house.service.document.replace("security:\n  - apiKey: []\n  - oauth: [access]\n", GUARDED)
    schemes = "securitySchemes:\n    machine: {type: mutualTLS}\n"
    (config.parent / "access.yaml").write_text(document.replace("securitySchemes:\n", schemes))
    around = Surroundings(environ={"ACCESS_KEY": house.service.api_key})
    async with open_gateway(load_config(config), around) as gateway:
        record = await gateway.session(house.caller()).get("access", "badges", "B-1001", ["site"])
    return record.fields["site"]


@pytest.mark.parametrize("as_identity", [False, True], ids=["the machine's", "the identity's"])
async def test_key_and_certificate_go_together(house: House, gate: Gate, tmp_path: Path, as_identity: bool) -> None:
    pair = CERTIFICATE.format(pem=tmp_path / "client.pem")
    if as_identity:
        also = f"[connections.access-eu.also.key.auth]\n{KEY}"
        site = await badge(house, gate, f'kind = "client_certificate"\n{pair}{also}', "", tmp_path)
    else:
        site = await badge(house, gate, KEY, pair, tmp_path)
    assert site == "HAM"
    assert set(gate.peers) == {"badge-agent"}


async def test_authorities_are_looked_for_beside_the_settings(
    house: House, gate: Gate, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    assert await badge(house, gate, KEY, CERTIFICATE.format(pem=tmp_path / "client.pem"), tmp_path) == "HAM"


async def test_a_credential_without_the_certificate_is_refused_at_the_start(
    house: House, gate: Gate, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="mutual TLS"):
        await badge(house, gate, KEY, "", tmp_path)
    assert gate.peers == []


async def test_a_certificate_that_the_gate_does_not_know_gets_no_further(
    house: House, gate: Gate, tmp_path: Path
) -> None:
    pair = CERTIFICATE.format(pem=pem_of("badge-agent", tmp_path / "forged.pem"))
    asked = len(house.service.journal.entries)
    with pytest.raises(IsthmusError):
        await badge(house, gate, KEY, pair, tmp_path)
    assert gate.peers == []
    assert len(house.service.journal.entries) == asked
