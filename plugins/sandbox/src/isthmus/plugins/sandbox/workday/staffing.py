"""How do workers look in the staffing service, v6, and in services that share its shape?"""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final, cast

from isthmus.plugins.sandbox.message import Json, Reply

from .call import told
from .routes import Route, route
from .users import data_file
from .workers import found_by, organization_of, own

if TYPE_CHECKING:
    from .call import Call

_SERVICES: Final = ("staffing/v6", "absenceManagement/v1")


def countries() -> Mapping[str, Sequence[str]]:
    """Return by ISO alpha-2 code: the alpha-3 code, the name, the numeric code."""
    return cast("Mapping[str, Sequence[str]]", data_file("organization.toml")["countries"])


def _job(call: "Call", number: str) -> dict[str, Json]:
    things, facts = call.tenant.things, call.view.facts(number)
    person = call.tenant.world.people[number]
    position = things.of("Position_ID", str(facts["position"]), f"{facts['position']} {facts['title']}")
    profile = things.of("Job_Profile_ID", str(facts["profile"]))
    place = things.of("Location_ID", str(facts["location"]))
    kind = things.of("Job_Type_Name_ID", "Primary")
    where = countries().get(person.country)
    country = {"descriptor": where[1], "ISO_3166-1_Alpha-3_Code": where[0]} if where else None
    organization = call.tenant.world.organizations[str(facts["organization"])]
    return {
        **position.ref,
        "jobProfile": {**profile.ref, "Job_Profile_ID": profile.key},
        "jobType": {"descriptor": kind.descriptor, "Job_Type_Name_ID": kind.key},
        "location": told(**{**place.ref, "Location_ID": place.key, "country": country}),
        "businessTitle": str(facts["title"]),
        "supervisoryOrganization": {
            **organization_of(call, organization).ref,
            "Organization_Reference_ID": organization.key,
        },
    }


def _row(call: "Call", number: str) -> dict[str, Json]:
    person, contact = call.tenant.world.people[number], call.view.may("contact", number)
    thing = call.tenant.things.of("Person_ID", number, person.name)
    kind = call.tenant.things.of("Worker_Type_ID", "Employee")
    return told(
        **call.view.thing(number).ref,
        person=told(id=thing.wid, email=person.email if contact else None, phone=person.phone if contact else None),
        workerId=number,
        workerType=kind.ref,
        primaryJob=_job(call, number) if call.view.facts(number).get("active") else None,
    )


def _list(call: "Call", _: tuple[str, ...]) -> Reply:
    return call.page([_row(call, each) for each in found_by(call, call.view.workers())])


def _me(call: "Call", _: tuple[str, ...]) -> Reply:
    return Reply(200, _row(call, own(call)))


def _one(call: "Call", given: tuple[str, ...]) -> Reply:
    return Reply(200, _row(call, call.view.find(given[0]).number))


ROUTES: Final[tuple[Route, ...]] = tuple(
    route("GET", service, path, handler)
    for service in _SERVICES
    for path, handler in (("workers", _list), ("workers/me", _me), ("workers/{}", _one))
)
