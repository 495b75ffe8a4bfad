"""Which levers does a tenant have that other systems have not?"""

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Request

from .rates import CAPACITY

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.control import Levers

    from .tenant import WorkdayTenant


def _add_client(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    client_id, secret = tenant.logins.register()
    return {"client_id": client_id, "client_secret": secret}


def _retire_client(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    tenant.logins.retire(argument)
    return {"clients": list(tenant.logins.clients)}


def _grant(tenant: "WorkdayTenant", _request: Request, body: Mapping[str, Json], argument: str) -> Json:
    login = tenant.users[argument].login
    return {"refresh_token": tenant.logins.grant(login, str(body.get("client_id", tenant.client_id)))}


def _revoke(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    tenant.logins.revoke(tenant.users[argument].login)
    return {}


def _end_tokens(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], _argument: str) -> Json:
    tenant.logins.end_all()
    return {}


def _unlock_user(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    tenant.logins.unlock(argument)
    return {"locked": sorted(tenant.logins.locked)}


def _quota(tenant: "WorkdayTenant", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    for surface in CAPACITY:
        if surface in body:
            tenant.buckets.set(surface, float(str(body[surface])))
    return {surface: tenant.buckets.left(surface) for surface in CAPACITY}


def _settings(tenant: "WorkdayTenant", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    if "token_life" in body:
        tenant.logins.life = timedelta(seconds=float(str(body["token_life"])))
    if "rotates" in body:
        tenant.logins.rotates = bool(body["rotates"])
    return {"token_life": tenant.logins.life.total_seconds(), "rotates": tenant.logins.rotates}


LEVERS: "Final[Levers[WorkdayTenant]]" = {
    ("POST", "clients"): _add_client,
    ("DELETE", "clients"): _retire_client,
    ("POST", "grants"): _grant,
    ("DELETE", "grants"): _revoke,
    ("DELETE", "tokens"): _end_tokens,
    ("DELETE", "lockedusers"): _unlock_user,
    ("POST", "quota"): _quota,
    ("POST", "settings"): _settings,
}
