"""Whose signature is on an envelope, and is it good? (OASIS WSS SOAP Message Security 1.1.1)."""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from cryptography import x509
from signxml.exceptions import InvalidInput, InvalidSignature
from signxml.verifier import SignatureConfiguration, VerifyResult, XMLVerifier

from isthmus.plugins.sandbox.salesforce.xml_text import XmlError, local, read_xml
from isthmus.plugins.sandbox.workday.errors import Fault
from isthmus.plugins.sandbox.workday.users import User

from .xml import ENVELOPE, WSSE, attribute, child, children, text_of

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.tenant import WorkdayTenant

_WHERE: Final = f"./{{{ENVELOPE}}}Header/{{{WSSE}}}Security/"
_SKEW: Final = timedelta(minutes=1)


def signer(tenant: "WorkdayTenant", content: bytes) -> User | None:
    """Return whose certificate signed body and timestamp of an envelope; None where none is shown. Raises Fault."""
    try:
        root = read_xml(content)
    except XmlError:
        return None
    security = child(root, "Header", "Security")
    token = child(security, "BinarySecurityToken")
    if security is None or token is None:
        return None
    user, certificate = _registered(tenant, token)
    told = child(security, "Signature", "KeyInfo", "SecurityTokenReference", "Reference")
    if told is None or attribute(told, "URI") != f"#{attribute(token, 'Id')}":
        raise Fault("wsse:SecurityTokenUnavailable", "Referenced security token could not be retrieved")
    _check(root, _verified(content, certificate, tenant.machine_time()))
    _timely(tenant, child(security, "Timestamp"))
    return user


def _registered(tenant: "WorkdayTenant", token: Element) -> tuple[User, x509.Certificate]:
    try:
        der = base64.b64decode("".join((token.text or "").split()), validate=True)
        certificate = x509.load_der_x509_certificate(der)
    except (binascii.Error, ValueError):
        raise Fault("wsse:InvalidSecurityToken", "An invalid security token was provided") from None
    login = "integration" if certificate == tenant.certificate else tenant.logins.certificates.get(certificate, "")
    user = tenant.users.get(login)
    if user is None:
        raise Fault("wsse:FailedAuthentication", "The security token could not be authenticated or authorized")
    return user, certificate


def _verified(content: bytes, certificate: x509.Certificate, now: float) -> Sequence[VerifyResult]:
    when = datetime.fromtimestamp(now, UTC)
    config = SignatureConfiguration(location=_WHERE, expect_references=2, verification_time=when)
    try:
        found = XMLVerifier().verify(content, x509_cert=certificate, expect_config=config)
    except (InvalidSignature, InvalidInput, ValueError):
        raise _failed() from None
    return found if isinstance(found, list) else [found]


def _check(root: Element, found: Sequence[VerifyResult]) -> None:
    """Raise Fault unless what was signed is the body that is acted on, and the timestamp in the header."""
    where = [child(root, "Body"), child(root, "Header", "Security", "Timestamp")]
    wanted = {(local(each), attribute(each, "Id")) for each in where if each is not None}
    signed = [each.signed_xml for each in found if each.signed_xml is not None]
    ids = [value for each in signed for name, value in each.attrib.items() if str(name).endswith("}Id")]
    named = {(str(each.tag).rpartition("}")[2], str(id)) for each, id in zip(signed, ids, strict=False)}
    # A second body beside the signed one would be another message under the same proof.
    if len(wanted) != 2 or named != wanted or len(children(root, "Body")) != 1:
        raise _failed()


def _timely(tenant: "WorkdayTenant", stamp: Element | None) -> None:
    """Raise Fault for a message that is old, or not of now, by the sandbox's clock and by the machine's."""
    try:
        created, expires = (datetime.fromisoformat(text_of(stamp, name)) for name in ("Created", "Expires"))
        clocks = [datetime.fromtimestamp(each, UTC) for each in (tenant.clock(), tenant.machine_time())]
        timely = any(created - _SKEW <= now < expires for now in clocks)
    except (ValueError, TypeError):
        raise Fault("wsse:InvalidSecurity", "An error was discovered processing the wsse:Security header") from None
    if not timely:
        raise Fault("wsse:MessageExpired", "The message has expired")


def _failed() -> Fault:
    return Fault("wsse:FailedCheck", "The signature or decryption was invalid")
