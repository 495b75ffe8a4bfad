"""How does one log in with a user name and a password over SOAP?"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from isthmus.plugins.sandbox.message import Reply, Request

from .errors import TokenError
from .hosts import instance_url
from .logins import Session
from .store import Row
from .xml_text import XmlError, child_text, local, read_xml

if TYPE_CHECKING:
    from .org import SalesforceOrg

_PATH: Final = re.compile(r"/services/Soap/([uc])/(\d+)(?:\.(\d+))?(?:/.*)?")
_FLAVOURS: Final = {"u": "partner", "c": "enterprise"}
_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_OLDEST: Final = 31
_LAST: Final = 64
_WRONG: Final = "Invalid username, password, security token; or user locked out."
_NO_TOKEN: Final = (
    f"{_WRONG} Are you at a new location? When accessing Salesforce--either via a desktop client or the API--from "
    "outside of your company's trusted networks, you must add a security token to your password to log in."
)


class SoapFault(TokenError):
    """One refusal in the form of the SOAP API: HTTP 500 with a fault; `description` is the message."""

    def __init__(self, code: str, message: str, flavour: str = "partner", prefix: str = "sf") -> None:
        super().__init__(code, message, 500)
        self._flavour = flavour
        self._prefix = prefix

    def reply(self) -> Reply:
        """Return the answer that carries this refusal."""
        text = escape(self.description)
        detail = ""
        if self._prefix == "sf":
            kind = "LoginFault" if "LOGIN" in self.error else "UnexpectedErrorFault"
            inner = (
                f"<sf:exceptionCode>{self.error}</sf:exceptionCode><sf:exceptionMessage>{text}</sf:exceptionMessage>"
            )
            detail = f'<detail><sf:{kind} xsi:type="sf:{kind}">{inner}</sf:{kind}></detail>'
            text = f"{self.error}: {text}"
        fault = f"<faultcode>{self._prefix}:{self.error}</faultcode><faultstring>{text}</faultstring>{detail}"
        space = f' xmlns:sf="urn:fault.{self._flavour}.soap.sforce.com"'
        return _envelope(500, f"<soapenv:Fault>{fault}</soapenv:Fault>", space)


@dataclass(frozen=True, slots=True)
class Login:
    """What a login request says; `flavour` is partner or enterprise, `version` as it stood in the URL."""

    flavour: str
    version: str
    username: str
    password: str
    organization: str | None


def read_login(request: Request) -> Login:
    """Read a login request; raises SoapFault where it is none."""
    path = _PATH.fullmatch(request.path.rstrip("/"))
    if path is None or request.method != "POST":
        raise SoapFault("Client", "No service answers at this address", prefix="soapenv")
    flavour = _FLAVOURS[path[1]]
    if not _OLDEST <= int(path[2]) <= _LAST or path[3] not in (None, "0"):
        # SOAP login() is there in versions 31.0 to 64.0 (Salesforce Help, "Platform SOAP API login() Retirement").
        message = f"login() is not available in API version {path[2]}.{path[3] or 0}"
        raise SoapFault("UNSUPPORTED_API_VERSION", message, flavour)
    try:
        envelope = read_xml(request.body)
    except XmlError as error:
        raise SoapFault("Client", f"The request is no SOAP message: {error}", prefix="soapenv") from None
    body = envelope.find(f"{{{_ENVELOPE}}}Body")
    call = body[0] if body is not None and len(body) else None
    if call is None or call.tag != f"{{urn:{flavour}.soap.sforce.com}}login":
        name = local(envelope) if call is None else local(call)
        raise SoapFault("Client", f"No operation available for request {name}", prefix="soapenv")
    scope = next((each for each in envelope.iter() if local(each) == "LoginScopeHeader"), None)
    return Login(
        flavour=flavour,
        version=f"{path[2]}.0",
        username=child_text(call, "username") or "",
        password=child_text(call, "password") or "",
        organization=None if scope is None else child_text(scope, "organizationId"),
    )


def log_in(org: "SalesforceOrg", request: Request) -> tuple[Reply, Session]:
    """Return the answer to a login request and the login it opened; raises SoapFault."""
    login = read_login(request)
    user = org.user(login.username)
    verdict = org.passwords.judge(str(user["Username"]), login.password) if user else "wrong"
    elsewhere = login.organization is not None and login.organization[:15] != org.org_id[:15]
    if user is None or not user["IsActive"] or verdict == "wrong" or elsewhere:
        raise SoapFault("INVALID_LOGIN", _WRONG, login.flavour)
    if verdict == "token missing":
        raise SoapFault("LOGIN_MUST_USE_SECURITY_TOKEN", _NO_TOKEN, login.flavour)
    session = org.logins.open(str(user["Id"]))
    inner = f"{_elements(_result(org, request, login, session))}<userInfo>{_elements(_user_info(org, user))}</userInfo>"
    space = f' xmlns="urn:{login.flavour}.soap.sforce.com"'
    return _envelope(200, f"<loginResponse><result>{inner}</result></loginResponse>", space), session


def _result(org: "SalesforceOrg", request: Request, login: Login, session: Session) -> Mapping[str, str]:
    origin = f"{instance_url(org.name, request)}/services/Soap"
    letter = next(letter for letter, flavour in _FLAVOURS.items() if flavour == login.flavour)
    return {
        "metadataServerUrl": f"{origin}/m/{login.version}/{org.org_id[:15]}",
        "passwordExpired": "false",
        "sandbox": "true",
        "serverUrl": f"{origin}/{letter}/{login.version}/{org.org_id[:15]}",
        "sessionId": session.token,
        "userId": session.user_id,
    }


def _user_info(org: "SalesforceOrg", user: Row) -> Mapping[str, str]:
    profile = org.view(str(user["Id"])).profile
    return {
        "organizationId": org.org_id,
        "organizationName": str(org.store["Organization"].rows[org.org_id]["Name"]),
        "profileName": profile.name,
        "sessionSecondsValid": str(int(org.logins.idle.total_seconds())),
        "userEmail": str(user["Email"]),
        "userFullName": str(user["Name"]),
        "userId": str(user["Id"]),
        "userLanguage": str(user["LocaleSidKey"]),
        "userLocale": str(user["LocaleSidKey"]),
        "userName": str(user["Username"]),
        "userTimeZone": str(user["TimeZoneSidKey"]),
        "userType": "Standard",
    }


def _elements(values: Mapping[str, str]) -> str:
    return "".join(f"<{name}>{escape(value)}</{name}>" for name, value in values.items())


def _envelope(status: int, inner: str, space: str) -> Reply:
    xsi = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    text = (
        f'<?xml version="1.0" encoding="UTF-8"?><soapenv:Envelope xmlns:soapenv="{_ENVELOPE}"{space} {xsi}>'
        f"<soapenv:Body>{inner}</soapenv:Body></soapenv:Envelope>"
    )
    return Reply(status, text.encode(), media_type="text/xml;charset=UTF-8")
