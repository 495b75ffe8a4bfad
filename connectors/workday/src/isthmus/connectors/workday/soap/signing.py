"""How does a web service learn who asks, by a signature? (OASIS WSS X.509 Certificate Token Profile 1.1.1).

Signed are body and timestamp, so that neither can be changed and an old message cannot be sent again for long. The one
module that speaks to signxml and lxml.
"""

import base64
from datetime import UTC, datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from httpx2 import Request
from lxml import etree
from signxml.algorithms import CanonicalizationMethod, SignatureConstructionMethod, SignatureMethod
from signxml.signer import XMLSigner

from isthmus.connectors.workday.soap.xml import ENVELOPE, WSSE
from isthmus.core.credentials import ClientCertificate
from isthmus.core.errors import ConfigurationError
from isthmus.core.http import Ready

__all__ = ["signed"]

LIFE = 300
"""Seconds for which a message may be believed."""
_WSU = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
_DS = "http://www.w3.org/2000/09/xmldsig#"
_PROFILE = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-"
_X509 = f"{_PROFILE}x509-token-profile-1.0#X509v3"
_BASE64 = f"{_PROFILE}soap-message-security-1.0#Base64Binary"
_BODY, _TIME, _TOKEN = "body", "timestamp", "token"


def signed(request: Request, certificate: ClientCertificate, now: float) -> Request:
    """Return a request whose envelope is signed; `now` is in Unix seconds.

    Raises:
        ConfigurationError: the key is of a kind that signs nothing here.
    """
    envelope = etree.fromstring(request.content, etree.XMLParser(resolve_entities=False, no_network=True))
    body = envelope.find(f"{{{ENVELOPE}}}Body")
    body.set(f"{{{_WSU}}}Id", _BODY)
    security = _security(envelope.find(f"{{{ENVELOPE}}}Header"), certificate, now)
    etree.cleanup_namespaces(envelope, top_nsmap={"wsse": WSSE, "wsu": _WSU})
    method, key = _signing_key(certificate)
    signer = XMLSigner(
        SignatureConstructionMethod.detached,
        method,
        c14n_algorithm=CanonicalizationMethod.EXCLUSIVE_XML_CANONICALIZATION_1_0,
    )
    uris = [f"#{_BODY}", f"#{_TIME}"]
    security.append(signer.sign(envelope, key=key, reference_uri=uris, key_info=_key_info(), id_attribute="Id"))
    content: bytes = etree.tostring(envelope, xml_declaration=True, encoding="utf-8")
    kept = [pair for pair in request.headers.raw if pair[0].lower() != b"content-length"]
    headers = [*kept, (b"content-length", str(len(content)).encode())]
    return Ready(request.method, request.url, headers, content, dict(request.extensions))


def _security(header: etree._Element, certificate: ClientCertificate, now: float) -> etree._Element:
    """Write the token and the time into the header, and return what the signature goes into."""
    security = etree.SubElement(header, f"{{{WSSE}}}Security")
    security.set(f"{{{ENVELOPE}}}mustUnderstand", "1")
    first = x509.load_pem_x509_certificates(certificate.chain.reveal().encode())[0]
    token = etree.SubElement(security, f"{{{WSSE}}}BinarySecurityToken", EncodingType=_BASE64, ValueType=_X509)
    token.set(f"{{{_WSU}}}Id", _TOKEN)
    token.text = base64.b64encode(first.public_bytes(Encoding.DER)).decode()
    time = etree.SubElement(security, f"{{{_WSU}}}Timestamp")
    time.set(f"{{{_WSU}}}Id", _TIME)
    for name, moment in (("Created", now), ("Expires", now + LIFE)):
        told = datetime.fromtimestamp(moment, UTC).isoformat(timespec="milliseconds")
        etree.SubElement(time, f"{{{_WSU}}}{name}").text = told.replace("+00:00", "Z")
    return security


def _key_info() -> etree._Element:
    """Refer to the token by its id (section 3.2.1 of the profile)."""
    info = etree.Element(f"{{{_DS}}}KeyInfo", nsmap={"ds": _DS, "wsse": WSSE})
    told = etree.SubElement(info, f"{{{WSSE}}}SecurityTokenReference")
    etree.SubElement(told, f"{{{WSSE}}}Reference", URI=f"#{_TOKEN}", ValueType=_X509)
    return info


def _signing_key(certificate: ClientCertificate) -> tuple[SignatureMethod, RSAPrivateKey | EllipticCurvePrivateKey]:
    # Its numbers were checked when the certificate was looked up; that takes longer than all else here.
    key = load_pem_private_key(certificate.key.reveal().encode(), None, unsafe_skip_rsa_key_validation=True)
    if isinstance(key, RSAPrivateKey):
        return SignatureMethod.RSA_SHA256, key
    if isinstance(key, EllipticCurvePrivateKey):
        return SignatureMethod.ECDSA_SHA256, key
    raise ConfigurationError("client_key: only an RSA or an elliptic-curve key signs messages; set another")
