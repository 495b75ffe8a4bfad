"""Which levers does an org have that other systems have not?"""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Request

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.control import Levers

    from .org import SalesforceOrg


def _limits(org: "SalesforceOrg", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    return {"used": org.quota.used, "maximum": org.quota.maximum}


def _set_limits(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    org.quota.set(**cast("dict[str, int]", dict(body)))
    return _limits(org, _request, body, _argument)


def _grant(org: "SalesforceOrg", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    return {"refresh_token": org.refresh_token(str(body["username"]))}


LEVERS: "Final[Levers[SalesforceOrg]]" = {
    ("GET", "limits"): _limits,
    ("POST", "limits"): _set_limits,
    ("POST", "grants"): _grant,
}
