"""How are a tenant's stored things shown to tests, whatever any user may see?"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json

from .refs import APPLICANT, WORKER

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

_Rows = list[dict[str, Json]]


def _workers(tenant: "WorkdayTenant") -> _Rows:
    now = tenant.clock.now()
    return [
        {
            "id": tenant.things.of(WORKER, each.number).wid,
            "number": each.number,
            "name": each.name,
            "login": each.login,
            "email": each.email,
            "country": each.country,
            **{
                name: value if isinstance(value, bool) else str(value)
                for name, value in tenant.world.history.as_of(each.number, now.date(), now).items()
            },
        }
        for each in tenant.world.people.values()
    ]


def _applicants(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "id": tenant.things.of(APPLICANT, each.number).wid,
            "number": each.number,
            "name": each.name,
            "email": each.email,
            "country": each.country,
        }
        for each in tenant.world.applicants.values()
    ]


def _entries(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "id": entry.id,
            "worker": entry.worker,
            "effective": entry.effective.isoformat(),
            "entered": entry.entered.isoformat(),
            "values": {name: str(value) for name, value in entry.values.items()},
            "corrects": entry.corrects,
        }
        for number in tenant.world.people
        for entry in tenant.world.history.entries(number)
    ]


def _events(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "id": each.thing.wid,
            "process": each.process.key,
            "worker": each.worker,
            "initiator": each.initiator,
            "status": each.status,
            "effective": each.effective.isoformat(),
            "parent": each.parent.thing.wid if each.parent else None,
        }
        for each in tenant.desk.events
    ]


def _steps(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "id": each.thing.wid,
            "event": each.event.thing.wid,
            "name": each.plan.name,
            "status": each.status,
            "awaiting": each.awaiting,
        }
        for each in tenant.desk.steps()
    ]


def _days_off(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "id": each.thing.wid,
            "worker": each.worker,
            "date": each.day.isoformat(),
            "type": each.type,
            "quantity": str(each.quantity),
            "status": each.status,
            "event": each.event,
        }
        for each in tenant.time_off
    ]


def _paid(tenant: "WorkdayTenant") -> _Rows:
    return [
        {
            "worker": each.worker,
            "plan": each.plan,
            "amount": str(each.amount),
            "currency": each.currency,
            "effective": each.effective.isoformat(),
            "event": each.event,
        }
        for each in tenant.payments
    ]


TABLES: "Final[Mapping[str, Callable[[WorkdayTenant], _Rows]]]" = {
    "Worker": _workers,
    "Applicant": _applicants,
    "Entry": _entries,
    "Event": _events,
    "EventStep": _steps,
    "TimeOff": _days_off,
    "Payment": _paid,
    "Agent": lambda tenant: [dict(each) for each in tenant.agents.values()],
}
