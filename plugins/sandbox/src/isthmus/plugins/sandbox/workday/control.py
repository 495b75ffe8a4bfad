"""Which levers does a tenant have that other systems have not?"""

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Request

from .dated import Value
from .hiring import hire_on_screen
from .processes import AWAITING
from .rates import CAPACITY
from .refs import WORKER

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
    tenant.logins.lockout.unlock(argument)
    return {"locked": sorted(tenant.logins.lockout.locked)}


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
    if "report_rows" in body:
        tenant.report_rows = None if body["report_rows"] is None else int(str(body["report_rows"]))
    if "completion_delay" in body:
        tenant.desk.delay = timedelta(seconds=float(str(body["completion_delay"])))
    life, delay = tenant.logins.life.total_seconds(), tenant.desk.delay.total_seconds()
    return {
        "token_life": life,
        "rotates": tenant.logins.rotates,
        "completion_delay": delay,
        "report_rows": tenant.report_rows,
    }


def _finish_step(tenant: "WorkdayTenant", _request: Request, _body: Mapping[str, Json], argument: str) -> Json:
    step = next((each for each in tenant.desk.steps() if each.thing.wid == argument), None)
    if step is None or step.status != AWAITING:
        raise KeyError(argument)
    tenant.desk.finish(step, step.awaiting)
    return {"status": step.event.outer.status}


def _typed(name: str, value: Json) -> Value:
    if name in ("hired", "left"):
        return date.fromisoformat(str(value))
    if name == "pay":
        return Decimal(str(value))
    return value if isinstance(value, bool) else str(value)


def _enter(tenant: "WorkdayTenant", _request: Request, body: Mapping[str, Json], argument: str) -> Json:
    """Type an entry about a worker, as a person does on the screen: the entry moment is now."""
    number = str(tenant.world.people[argument].number)
    values = {name: _typed(name, value) for name, value in cast("Mapping[str, Json]", body["values"]).items()}
    corrects = int(str(body["corrects"])) if "corrects" in body else None
    day = date.fromisoformat(str(body["effective"]))
    return {"id": tenant.world.history.add(number, day, tenant.clock.now(), values, corrects=corrects).id}


def _hire(tenant: "WorkdayTenant", _request: Request, body: Mapping[str, Json], _argument: str) -> Json:
    event = hire_on_screen(tenant, body)
    return {"event": event.thing.wid, "number": event.worker, "worker": tenant.things.of(WORKER, event.worker).wid}


LEVERS: "Final[Levers[WorkdayTenant]]" = {
    ("POST", "clients"): _add_client,
    ("DELETE", "clients"): _retire_client,
    ("POST", "grants"): _grant,
    ("DELETE", "grants"): _revoke,
    ("DELETE", "tokens"): _end_tokens,
    ("DELETE", "lockedusers"): _unlock_user,
    ("POST", "quota"): _quota,
    ("POST", "settings"): _settings,
    ("POST", "steps"): _finish_step,
    ("POST", "entries"): _enter,
    ("POST", "hires"): _hire,
}
