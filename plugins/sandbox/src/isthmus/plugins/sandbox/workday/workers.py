"""How do workers and organizations look in the common service, v1?"""

from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json, Reply

from .call import told
from .errors import not_found
from .refs import ORGANIZATION, Thing
from .routes import Route, route
from .vocabulary import CURRENCIES
from .world import Organization

if TYPE_CHECKING:
    from .call import Call


def linked(call: "Call", thing: Thing, collection: str) -> dict[str, Json]:
    """Return an instance with its href."""
    return {**thing.ref, "href": call.href(f"{collection}/{thing.wid}")}


def organization_of(call: "Call", organization: Organization) -> Thing:
    """Return an organization as an instance."""
    return call.tenant.things.of(ORGANIZATION, organization.key, organization.name)


def worker_row(call: "Call", number: str) -> dict[str, Json]:
    """Return a worker as lists show one."""
    view, person = call.view, call.tenant.world.people[number]
    facts = view.facts(number)
    contact = view.may("contact", number)
    organization = call.tenant.world.organizations.get(str(facts.get("organization", "")))
    return told(
        **linked(call, view.thing(number), "workers"),
        primaryWorkEmail=person.email if contact else None,
        primaryWorkPhone=person.phone if contact else None,
        isManager=bool(call.tenant.world.led_by(number)),
        businessTitle=str(facts["title"]) if "title" in facts else None,
        primarySupervisoryOrganization=None
        if organization is None
        else linked(call, organization_of(call, organization), "supervisoryOrganizations"),
    )


def worker_detail(call: "Call", number: str) -> dict[str, Json]:
    """Return a worker with all that the service shows, the date of birth among it, which nobody asked for."""
    view, person = call.view, call.tenant.world.people[number]
    facts, personal = view.facts(number), view.may("personal", number)
    hired, place = facts.get("hired"), str(facts.get("location", ""))
    years = None if hired is None else (view.today - hired).days // 365  # type: ignore[operator]
    address = f"{person.street}, {person.postal_code} {person.city}"
    managed = call.href(f"workers/{view.thing(number).wid}/supervisoryOrganizationsManaged")
    return told(
        **worker_row(call, number),
        yearsOfService=years,
        location=call.tenant.things.of("Location_ID", place).ref if place else None,
        primaryWorkAddressText=address if personal else None,
        supervisoryOrganizationsManaged=managed,
        dateOfBirth=person.born.isoformat() if personal else None,
    )


def found_by(call: "Call", numbers: list[str]) -> list[str]:
    """Keep the workers whose names hold all words of `search`."""
    words = call.query.get("search", "").lower().split()
    people = call.tenant.world.people
    return [each for each in numbers if all(word in people[each].name.lower() for word in words)]


def _list(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([worker_row(call, each) for each in found_by(call, call.view.workers())])


def own(call: "Call") -> str:
    """Return the number of the worker who asks; raises Refused for an account without one."""
    if not call.view.own:
        raise not_found()
    return call.view.own


def _me(call: "Call", _: tuple[str, ...]) -> Reply:
    return Reply(200, worker_detail(call, own(call)))


def _one(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, worker_detail(call, call.view.find(given[0]).number))


def worker_in(call: "Call", mark: str) -> str:
    """Return the number of the worker that a path names, `me` among the names; raises Refused."""
    return own(call) if mark == "me" else call.view.find(mark).number


def _reports(call: "Call", given: tuple[str, ...]) -> Reply:
    boss = worker_in(call, given[0])
    rows = [each for each in call.view.workers() if call.view.manager_of(each) == boss]
    return call.page([worker_row(call, each) for each in rows])


def _of_worker(call: "Call", given: tuple[str, ...]) -> Reply:
    facts = call.view.facts(worker_in(call, given[0]))
    rows: list[Json] = []
    for name in ("organization", "cost_center", "company"):
        organization = call.tenant.world.organizations.get(str(facts.get(name, "")))
        if organization is not None:
            kind = call.tenant.things.of("Organization_Type_ID", organization.kind)
            thing = linked(call, organization_of(call, organization), "organizations")
            rows.append({**thing, "organizationType": linked(call, kind, "organizationTypes")})
    return call.page(rows)


def _supervisory(call: "Call", organization: Organization) -> dict[str, Json]:
    thing, leader = organization_of(call, organization), organization.leader
    return told(
        **linked(call, thing, "supervisoryOrganizations"),
        name=organization.name,
        code=organization.code,
        manager=linked(call, call.view.thing(leader), "workers") if leader else None,
        workers=call.href(f"supervisoryOrganizations/{thing.wid}/workers"),
    )


def _managed(call: "Call", given: tuple[str, ...]) -> Reply:
    led = call.tenant.world.led_by(worker_in(call, given[0]))
    return call.page([_supervisory(call, each) for each in led])


def _organization(call: "Call", mark: str, kind: str = "") -> Organization:
    thing = call.tenant.things.find(mark, ORGANIZATION)
    found = call.tenant.world.organizations.get(thing.key) if thing is not None else None
    if found is None or kind not in ("", found.kind):
        raise not_found()
    return found


def _all(call: "Call", kind: str) -> list[Organization]:
    return [each for each in call.tenant.world.organizations.values() if kind in ("", each.kind)]


def _supervisories(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([_supervisory(call, each) for each in _all(call, "Supervisory")])


def _one_supervisory(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, _supervisory(call, _organization(call, given[0], "Supervisory")))


def _members(call: "Call", given: tuple[str, ...]) -> Reply:
    key = _organization(call, given[0], "Supervisory").key
    members = [each for each in call.view.workers() if call.view.facts(each).get("organization") == key]
    return call.page([worker_row(call, each) for each in members])


def _organizations(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([linked(call, organization_of(call, each), "organizations") for each in _all(call, "")])


def _one_organization(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, linked(call, organization_of(call, _organization(call, given[0])), "organizations"))


def _types(call: "Call", _: tuple[str, ...]) -> Reply:
    kinds = dict.fromkeys(each.kind for each in _all(call, ""))
    things = (call.tenant.things.of("Organization_Type_ID", each) for each in kinds)
    return call.page([linked(call, each, "organizationTypes") for each in things])


def _currencies(call: "Call", _: tuple[str, ...]) -> Reply:
    rows: list[Json] = [
        {
            **linked(call, call.tenant.things.of("Currency_ID", code, name), "currencies"),
            "code": code,
            "precision": digits,
        }
        for code, (name, digits) in CURRENCIES.items()
    ]
    return call.page(rows)


ROUTES: Final[tuple[Route, ...]] = (
    route("GET", "v1", "workers", _list),
    route("GET", "v1", "workers/me", _me),
    route("GET", "v1", "workers/{}", _one),
    route("GET", "v1", "workers/{}/directReports", _reports),
    route("GET", "v1", "workers/{}/organizations", _of_worker),
    route("GET", "v1", "workers/{}/supervisoryOrganizationsManaged", _managed),
    route("GET", "v1", "supervisoryOrganizations", _supervisories),
    route("GET", "v1", "supervisoryOrganizations/{}", _one_supervisory),
    route("GET", "v1", "supervisoryOrganizations/{}/workers", _members),
    route("GET", "v1", "organizations", _organizations),
    route("GET", "v1", "organizations/{}", _one_organization),
    route("GET", "v1", "organizationTypes", _types),
    route("GET", "v1", "currencies", _currencies),
    *(route("GET", service, "workers", _list) for service in ("compensation/v2",)),
    *(route("GET", service, "workers/{}", _one) for service in ("compensation/v2",)),
)
