"""Is a web service asked in signed messages, which nobody can change, repeat later or sign in another's name?"""

import base64
import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from lxml import etree

from isthmus.core.assembly import Surroundings, open_gateway
from isthmus.core.config import load_config
from isthmus.core.errors import ConfigurationError, CredentialError, IsthmusError
from isthmus.core.http import AiohttpWire, Ready, WireSettings
from isthmus.core.records import Query
from isthmus.core.resilience import SystemClock

from .conftest import House

SIGNATURE = """
kind = "x509_signature"
client_certificate = "env:HR_CERTIFICATE"
client_key = "env:HR_KEY"
"""
OPERATIONS = """
[connections.hr-eu.settings.operations.Get_Workers]
service = "Human_Resources"
classes = ["internal"]
"""
WORKERS = Query("soap.Workers", ("id", "descriptor"), limit=3)
DS = "{http://www.w3.org/2000/09/xmldsig#}"
Change = Callable[[bytes], bytes]


class Behind(SystemClock):
    """A machine whose clock is an hour late."""

    def time(self) -> float:
        return super().time() - 3600


class Between(AiohttpWire):
    """Somebody on the way to the tenant: sees every message, and may change it."""

    def __init__(self, settings: WireSettings, change: Change, seen: list[httpx2.Request]) -> None:
        super().__init__(settings)
        self._change, self._seen = change, seen

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self._seen.append(request)
        body = self._change(request.content)
        kept = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
        headers = [*kept, (b"content-length", str(len(body)).encode())]
        return await super().handle_async_request(
            Ready(request.method, request.url, headers, body, dict(request.extensions))
        )


@pytest.fixture
def signing(house: House) -> House:
    house.auth, house.settings = SIGNATURE, OPERATIONS
    house.environ = {"HR_CERTIFICATE": house.tenant.certificate_pem, "HR_KEY": house.tenant.private_key_pem}
    return house


async def ask(house: House, change: Change = bytes, clock: SystemClock | None = None) -> list[httpx2.Request]:
    """Read three workers, and return what was on the way."""
    seen = list[httpx2.Request]()
    around = Surroundings(
        environ=house.environ, clock=clock or SystemClock(), wire=lambda _, settings: Between(settings, change, seen)
    )
    async with open_gateway(load_config(house.write()), around) as gateway:
        page = await house.session(gateway).query("hr", WORKERS)
    assert len(page.records) == 3
    return seen


def certified(key: ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey) -> tuple[x509.Certificate, dict[str, str]]:
    """Certify a key by itself; return what the process environment holds of it, too."""
    name, now = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "another")]), datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .sign(key, None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256())
    )
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    return made, {"HR_CERTIFICATE": made.public_bytes(Encoding.PEM).decode(), "HR_KEY": pem}


async def test_workers_are_read_by_signed_messages_that_hold_no_key(signing: House) -> None:
    sent = await ask(signing)
    assert {one.user for one in signing.tenant.journal.entries} == {"integration"}
    secret = "".join(signing.tenant.private_key_pem.splitlines()[1:-1])
    for one in sent:
        assert "authorization" not in one.headers
        assert secret[:40].encode() not in one.content


async def test_the_signature_holds_by_the_letter_of_the_standard(signing: House) -> None:
    """Judge it with canonicalisation and cryptography alone, as neither side does."""
    root = etree.fromstring((await ask(signing))[-1].content)
    (info,) = root.iter(f"{DS}SignedInfo")
    for reference in info.iter(f"{DS}Reference"):
        (target,) = root.xpath("//*[@*[local-name() = 'Id'] = $id]", id=reference.get("URI")[1:])
        digest = hashlib.sha256(etree.tostring(target, method="c14n", exclusive=True)).digest()
        assert base64.b64decode(reference.findtext(f"{DS}DigestValue")) == digest
    value = base64.b64decode(root.findtext(f".//{DS}SignatureValue"))
    key = signing.tenant.certificate.public_key()
    key.verify(value, etree.tostring(info, method="c14n", exclusive=True), padding.PKCS1v15(), hashes.SHA256())  # type: ignore[call-arg, union-attr]


def wrapped(body: bytes) -> bytes:
    """Put another body where it is acted on, and keep the signed one where the signature finds it."""
    found = re.search(rb"<soapenv:Body.*</soapenv:Body>", body, re.DOTALL)
    assert found is not None
    other = found[0].replace(b' wsu:Id="body"', b"")
    assert other != found[0]
    return body.replace(found[0], other).replace(b"</wsse:Security>", found[0] + b"</wsse:Security>")


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        (lambda body: body.replace(b"<bsvc:Page>1<", b"<bsvc:Page>2<"), "The signature or decryption was invalid"),
        (lambda body: re.sub(rb"(Expires>)20", rb"\g<1>21", body), "The signature or decryption was invalid"),
        (lambda body: re.sub(rb"<ds:Signature .*</ds:Signature>", b"", body), "Referenced security token could not be"),
        (lambda body: re.sub(rb"(BinarySecurityToken [^>]*>)[^<]*", rb"\1AAAA", body), "An invalid security token was"),
        (wrapped, "The signature or decryption was invalid"),
    ],
    ids=["body", "timestamp", "no signature", "no certificate", "another body"],
)  # fmt: skip
async def test_a_message_that_was_changed_on_the_way_is_refused(signing: House, change: Change, fault: str) -> None:
    with pytest.raises(CredentialError, match="does not accept the signature"):
        await ask(signing, change)
    assert {(one.status, one.user) for one in signing.tenant.journal.entries} == {(500, None)}
    assert str(signing.tenant.journal.entries[-1].error).startswith(fault)


async def test_a_message_of_an_hour_ago_is_refused_and_the_clock_named(signing: House) -> None:
    with pytest.raises(CredentialError, match="set the clock of this machine"):
        await ask(signing, clock=Behind())
    assert signing.tenant.journal.entries[-1].error == "The message has expired"


async def test_a_certificate_is_good_only_where_it_is_registered(signing: House) -> None:
    certificate, signing.environ = certified(ec.generate_private_key(ec.SECP256R1()))
    with pytest.raises(CredentialError, match="register the certificate"):
        await ask(signing)
    assert str(signing.tenant.journal.entries[-1].error).startswith("The security token could not be authenticated")
    signing.tenant.logins.certificates[certificate] = "alice"
    await ask(signing)
    assert signing.tenant.journal.entries[-1].user == "alice"


async def refused(house: House) -> str:
    with pytest.raises(IsthmusError) as caught:
        await ask(house)
    assert isinstance(caught.value, ConfigurationError)
    assert house.tenant.journal.entries == ()
    return caught.value.sentence


async def test_what_cannot_be_signed_is_refused_unsent(signing: House) -> None:
    _, signing.environ = certified(ed25519.Ed25519PrivateKey.generate())
    assert "only an RSA or an elliptic-curve key" in await refused(signing)
    signing.settings += '[connections.hr-eu.settings.services]\ncommon = "v1"\n'
    assert "give settings.services a connection of its own" in await refused(signing)


async def test_a_connector_that_signs_nothing_refuses_the_kind(signing: House) -> None:
    path = signing.write()
    told = path.read_text().replace('connector = "workday"', 'connector = "salesforce"')
    path.write_text(told.replace(OPERATIONS, "").replace(f'tenant = "{signing.tenant.tenant}"', ""))
    with pytest.raises(ConfigurationError, match="salesforce signs no messages"):
        async with open_gateway(load_config(path), Surroundings(environ=signing.environ)):
            pass
