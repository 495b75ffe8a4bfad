"""Which org answers a request to a port that they share?"""

import base64
import binascii
import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.names import without_port

from .hosts import hosts
from .soap import SoapFault, read_login

if TYPE_CHECKING:
    from .org import SalesforceOrg

_SOAP: Final = "/services/Soap/"
_OAUTH: Final = "/services/oauth2/"


class Switch:
    """Hand each request to the org whose host it names; at the hosts they share, to the org whose user it is."""

    def __init__(self, orgs: "Mapping[str, SalesforceOrg]") -> None:
        self._orgs = tuple(orgs.values())
        self._hosts = {host: org for org in self._orgs for host in hosts(org.name)}

    def handle(self, request: Request) -> Reply:
        """Answer one request; what belongs to no org is refused by the first one."""
        host = without_port(request.host)
        org = self._hosts.get(host)
        if org is None and host.endswith(".my.salesforce.com"):
            return Reply(404, b"URL No Longer Exists", media_type="text/plain")
        return (org or self._owner(request)).handle(request)

    def _owner(self, request: Request) -> "SalesforceOrg":
        marks = _marks(request)
        return next((org for org in self._orgs if any(org.owns(mark) for mark in marks)), self._orgs[0])


def _marks(request: Request) -> list[str]:
    """Return what in a request can tell whose it is: tokens, consumer keys and user names."""
    if request.path.startswith(_SOAP):
        try:
            return [read_login(request).username]
        except SoapFault:
            return []
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    marks = [value.strip(), request.headers.get("x-sfdc-session", "")]
    if scheme.lower() == "basic":
        marks = [_text(value).partition(":")[0]]
    if request.path.startswith(_OAUTH):
        fields: Mapping[str, str] = {**request.query, **request.form}
        marks += [fields.get(name, "") for name in ("client_id", "refresh_token", "token", "username")]
        marks.append(_issuer(fields.get("assertion", "")))
    return marks


def _issuer(assertion: str) -> str:
    """Return who says to have made a JWT; the org itself checks whether that is true."""
    try:
        claims: object = json.loads(_text(assertion.split(".")[1] if assertion.count(".") == 2 else ""))
    except ValueError:
        return ""
    return str(claims.get("iss", "")) if isinstance(claims, dict) else ""


def _text(coded: str) -> str:
    """Return what Base64 of either alphabet stands for, as text; nothing where it is none."""
    plain = coded.strip().replace("-", "+").replace("_", "/")
    try:
        return base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
