"""How does somebody new come in? As a person at the screen hires: no documented surface for agents starts it."""

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json

from .dated import Value
from .processes import Event
from .refs import WORKER
from .world import Person

if TYPE_CHECKING:
    from .tenant import WorkdayTenant

_COMPANIES: Final = {"eu": ("1010", "EUR"), "us": ("1710", "USD")}


def hire(tenant: "WorkdayTenant", told: Mapping[str, Json]) -> Event:
    """Start to hire somebody; there is no worker until the HR partner has approved, and none before that day.

    `given`, `family`, `effective`, `organization` and `title` must be told; raises KeyError without one, ValueError for
    a day that is none.
    """
    world, organization = tenant.world, tenant.world.organizations[str(told["organization"])]
    number = str(max(int(each) for each in world.people) + 1)
    given, family, country = str(told["given"]), str(told["family"]), str(told.get("country", ""))
    email = f"{given}.{family}.{number}@kessmar.example".lower()
    born, city = date.fromisoformat(str(told.get("born", "1995-01-01"))), str(told.get("city", ""))
    effective = date.fromisoformat(str(told["effective"]))
    company, currency = _COMPANIES[tenant.name]
    values: dict[str, Value] = {
        "active": True,
        "hired": effective,
        "title": str(told["title"]),
        "profile": str(told["title"]).replace(" ", "_"),
        "organization": organization.key,
        "cost_center": str(told.get("cost_center", "10101601")),
        "company": company,
        "location": f"{city.replace(' ', '_')}_site" if country and city else "Remote",
        "position": f"P-{number}",
        "pay": Decimal(str(told.get("pay", 50_000))),
        "currency": currency,
    }
    tenant.things.of(WORKER, number, f"{given} {family}")
    world.people[number] = Person(number, given, family, email, None, born, "", "", city, "", "", country)

    def apply() -> None:
        world.history.add(number, effective, tenant.clock.now(), values)

    return tenant.desk.start("hire", number, _leader(tenant, organization.leader), effective, apply=apply)


def _leader(tenant: "WorkdayTenant", number: str) -> str:
    """Return the login of whoever leads, or of the managing director where the leader has no account."""
    return tenant.world.people[number].login or "henri"
