"""What does the identity provider beside a landscape say about a user, in SAML and as a JWT?"""

import base64
import binascii
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Final
from xml.etree import ElementTree as ET
from xml.sax.saxutils import escape

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

ISSUER: Final = "https://idp.kessmar.example"
_SAML: Final = "{urn:oasis:names:tc:SAML:2.0:assertion}"
_LIFE: Final = timedelta(minutes=5)
_FORM: Final = "%Y-%m-%dT%H:%M:%SZ"


class BadAssertion(Exception):
    """An assertion that does not hold."""


def write_jwt(login: str, pem: str, now: float, audience: str) -> str:
    """Return a signed token of a user."""
    claims = {"iss": ISSUER, "aud": audience, "sub": login, "user_name": login, "exp": int(now) + 300, "iat": int(now)}
    return jwt.encode({"alg": "RS256"}, claims, RSAKey.import_key(pem))


def read_jwt(text: str, pem: str, moments: Sequence[float], audience: str) -> str:
    """Return the login of a user's token that holds by one of these clocks; raises BadAssertion."""
    try:
        claims = jwt.decode(text, RSAKey.import_key(pem), algorithms=["RS256"]).claims
    except (JoseError, ValueError):
        raise BadAssertion("the signature is wrong") from None
    expiry = claims.get("exp")
    if claims.get("aud") != audience or not isinstance(expiry, int | float):
        raise BadAssertion("it is for somebody else")
    if not any(expiry > moment for moment in moments):
        raise BadAssertion("it has expired")
    return str(claims.get("user_name") or claims.get("sub", "")).lower()


def write_saml(login: str, pem: str, now: float, audience: str) -> str:
    """Return a signed assertion in base64url; its signature covers the canonical form of all that stands before it."""
    at = datetime.fromtimestamp(now, UTC)
    until = (at + _LIFE).strftime(_FORM)
    inside = (
        f"<saml2:Issuer>{ISSUER}</saml2:Issuer><saml2:Subject><saml2:NameID>{escape(login)}</saml2:NameID>"
        f'</saml2:Subject><saml2:Conditions NotBefore="{at.strftime(_FORM)}" NotOnOrAfter="{until}">'
        f"<saml2:AudienceRestriction><saml2:Audience>{escape(audience)}</saml2:Audience></saml2:AudienceRestriction>"
        "</saml2:Conditions>"
    )
    head = '<saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" Version="2.0">'
    canonical = ET.canonicalize(f"{head}{inside}</saml2:Assertion>", rewrite_prefixes=True)
    signed = _key(pem).sign(canonical.encode(), padding.PKCS1v15(), hashes.SHA256())
    mark = f"<Signature>{base64.b64encode(signed).decode()}</Signature>"
    return base64.urlsafe_b64encode(f"{head}{inside}{mark}</saml2:Assertion>".encode()).decode().rstrip("=")


def read_saml(text: bytes, pem: str, moments: Sequence[float], audience: str) -> str:
    """Return the login of an assertion that holds by one of these clocks; raises BadAssertion."""
    if b"<!" in text:
        raise BadAssertion("it declares a document type")
    try:
        root = ET.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ET.ParseError:
        raise BadAssertion("it is no XML") from None
    mark = root.find("Signature")
    if mark is None:
        raise BadAssertion("it is not signed")
    root.remove(mark)
    canonical = ET.canonicalize(ET.tostring(root, encoding="unicode"), rewrite_prefixes=True)
    try:
        given = base64.b64decode(mark.text or "")
        _key(pem).public_key().verify(given, canonical.encode(), padding.PKCS1v15(), hashes.SHA256())
    except (InvalidSignature, binascii.Error):
        raise BadAssertion("the signature is wrong") from None
    conditions = root.find(f"{_SAML}Conditions")
    until = "" if conditions is None else conditions.get("NotOnOrAfter", "")
    ends = datetime.strptime(until, _FORM).replace(tzinfo=UTC).timestamp() if until else 0.0
    if not any(ends > moment for moment in moments):
        raise BadAssertion("it has expired")
    if root.findtext(f".//{_SAML}Audience") != audience:
        raise BadAssertion("it is for somebody else")
    return (root.findtext(f"{_SAML}Subject/{_SAML}NameID") or "").lower()


def _key(pem: str) -> rsa.RSAPrivateKey:
    key = serialization.load_pem_private_key(pem.encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)  # noqa: S101 - the landscape makes no other
    return key
