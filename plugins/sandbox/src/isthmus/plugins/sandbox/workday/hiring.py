"""How does somebody new come in? A process begins, and there is no worker before it has ended and the day has come."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json

from .dated import Value
from .processes import CANCELED, DENIED, Event
from .refs import WORKER
from .world import Applicant, Person

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

_COMPANIES: Final = {"eu": ("1010", "EUR"), "us": ("1710", "USD")}


@dataclass(frozen=True, slots=True)
class Job:
    """What somebody is hired for; `location` is a Location_ID, empty for one that follows from where they live."""

    organization: str
    title: str
    profile: str
    effective: date
    location: str = ""
    cost_center: str = "10101601"
    pay: Decimal = Decimal(50_000)


def hire(
    tenant: "WorkdayTenant", who: Applicant, job: Job, initiator: str, *, comment: str = "", automatic: bool = False
) -> Event:
    """Start to hire somebody; without `automatic` the HR partner has to approve."""
    world = tenant.world
    number = str(max(int(each) for each in world.people) + 1)
    email = f"{who.given}.{who.family}.{number}@kessmar.example".lower()
    company, currency = _COMPANIES[tenant.name]
    at_home = f"{who.city.replace(' ', '_')}_site" if who.country and who.city else "Remote"
    values: dict[str, Value] = {
        "active": True,
        "hired": job.effective,
        "title": job.title,
        "profile": job.profile,
        "organization": job.organization,
        "cost_center": job.cost_center,
        "company": company,
        "location": job.location or at_home,
        "position": f"P-{number}",
        "pay": job.pay,
        "currency": currency,
    }
    tenant.things.of(WORKER, number, who.name)
    world.people[number] = Person(
        number, who.given, who.family, email, None, who.born, "", "", who.city, "", "", who.country
    )

    def apply() -> None:
        world.history.add(number, job.effective, tenant.clock.now(), values)

    event = tenant.desk.start(
        "hire", number, initiator, job.effective, apply=apply, comment=comment, automatic=automatic
    )
    if who.number:
        tenant.hires[who.number] = event
    return event


def hired(tenant: "WorkdayTenant", who: Applicant) -> bool:
    """Say whether a process to hire an applicant has ended well or is under way."""
    event = tenant.hires.get(who.number)
    return event is not None and event.status not in (DENIED, CANCELED)


def hire_on_screen(tenant: "WorkdayTenant", told: Mapping[str, Json]) -> Event:
    """Start to hire somebody as a manager at the screen does.

    `given`, `family`, `effective`, `organization` and `title` must be told; raises KeyError without one, ValueError for
    a day that is none.
    """
    organization = tenant.world.organizations[str(told["organization"])]
    born, title = date.fromisoformat(str(told.get("born", "1995-01-01"))), str(told["title"])
    who = Applicant(
        "", str(told["given"]), str(told["family"]), str(told.get("country", "")), str(told.get("city", "")), born
    )
    job = Job(
        organization=organization.key,
        title=title,
        profile=title.replace(" ", "_"),
        effective=date.fromisoformat(str(told["effective"])),
        cost_center=str(told.get("cost_center", "10101601")),
        pay=Decimal(str(told.get("pay", 50_000))),
    )
    return hire(tenant, who, job, _leader(tenant, organization.leader))


def _leader(tenant: "WorkdayTenant", number: str) -> str:
    """Return the login of whoever leads, or of the managing director where the leader has no account."""
    return tenant.world.people[number].login or "henri"
