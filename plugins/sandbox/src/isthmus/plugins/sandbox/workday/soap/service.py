"""Which operation of which web service answers an envelope, and who may ask?"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from xml.etree.ElementTree import Element

from isthmus.plugins.sandbox.message import Reply, Request
from isthmus.plugins.sandbox.salesforce.xml_text import local
from isthmus.plugins.sandbox.workday.errors import Fault
from isthmus.plugins.sandbox.workday.users import User

from .hiring import get_applicants, hire_employee
from .signature import signer
from .time_off import enter_time_off
from .workers import get_workers
from .xml import SPACE, VALIDATION, Asked

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call
    from isthmus.plugins.sandbox.workday.tenant import WorkdayTenant

_OPERATIONS: "Final[Mapping[tuple[str, str], Callable[[Call, Element, str], str]]]" = {
    ("Human_Resources", "Get_Workers_Request"): get_workers,
    ("Staffing", "Get_Applicants_Request"): get_applicants,
    ("Staffing", "Hire_Employee_Request"): hire_employee,
    ("Absence_Management", "Enter_Time_Off_Request"): enter_time_off,
}
ELSEWHERE: Final = frozenset({name for _, name in _OPERATIONS} | {"Get_Authentication_Policies_Request"})
"""Operations that exist, though perhaps not in the service that is asked, or not for everybody."""
_NEWEST: Final = 46.2


def check(place_service: str, place_version: str, asked: Asked) -> "Callable[[Call, Element, str], str] | None":
    """Return the operation, None where nothing has this name; raises Fault where it is not one of this service."""
    name = local(asked.body) if asked.body.tag.startswith(f"{{{SPACE}}}") else ""
    found = _OPERATIONS.get((place_service, name))
    known = place_version and float(place_version.removeprefix("v")) <= _NEWEST
    if name in ELSEWHERE and (found is None or not known):
        raise Fault(VALIDATION, "The web service or version is invalid for the requested operation")
    return found


def missing(asked: Asked) -> Fault:
    """Say that nothing has the name of what is asked for."""
    space, _, name = asked.body.tag.removeprefix("{").rpartition("}")
    text = f"Element not found={name}-{space}"
    return Fault(VALIDATION, f"Validation error occurred. {text}", (text, ""))


def broken() -> Fault:
    """Say that the tenant itself failed."""
    text = "Processing error occurred. The task could not be completed"
    return Fault("SOAP-ENV:Server.processingError", text, (text, ""))


def log_on(tenant: "WorkdayTenant", request: Request, asked: Asked) -> User:
    """Return who asks: by the name and password in the envelope, `login@tenant`, by a signature, or by a token.

    Raises Fault.
    """
    login, _, at = asked.username.partition("@")
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    user = signer(tenant, request.body)
    if user is None and asked.username:
        user = tenant.logins.log_on(login, asked.password) if at in (tenant.tenant, tenant.alias) else None
    elif user is None and scheme.lower() == "bearer":
        user = tenant.users.get(tenant.logins.owner(value.strip()) or "")
    if user is None or user.login in tenant.logins.lockout.locked:
        raise Fault("SOAP-ENV:Client.authenticationError", "invalid username or password")
    return user


def wsdl(service: str, text: Callable[[], str]) -> Reply | None:
    """Return the description of a service; None for one that has none here."""
    if service != "Human_Resources":
        return None
    return Reply(200, text().encode(), media_type="text/xml;charset=UTF-8")
