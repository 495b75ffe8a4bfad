"""What does each response group say about a worker?"""

from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final
from xml.sax.saxutils import escape

from isthmus.plugins.sandbox.workday.dated import Value
from isthmus.plugins.sandbox.workday.refs import ORGANIZATION
from isthmus.plugins.sandbox.workday.staffing import countries
from isthmus.plugins.sandbox.workday.world import Organization

from .xml import el, filled, leaf, ref, template

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

_LOCALES: Final = {"DE": "de_DE", "FR": "fr_FR", "GB": "en_GB"}
_KINDS: Final = {
    "Cost_Center": "Cost_Center_Reference_ID",
    "Company": "Company_Reference_ID",
    "Region": "Region_Reference_ID",
}
_ROLES: Final = (
    "Manager", "HR_Partner", "Benefits_Partner", "Compensation_Partner", "Payroll_Partner", "Absence_Partner",
    "Recruiting_Partner", "Talent_Partner", "Security_Partner", "Finance_Partner", "Cost_Center_Manager",
    "Organization_Owner", "Alternate_Owner",
)  # fmt: skip
_SPACES: Final = ("Shift", "Union", "Project", "Safety", "Travel", "Canteen")
"""Custom organizations: everybody is in all of them, which makes this group as large as in a grown tenant."""


class Shown:
    """One worker on one day, as far as it was known at a moment."""

    def __init__(self, call: "Call", number: str, day: date, moment: datetime) -> None:
        self.call = call
        self.number = number
        self.person = call.tenant.world.people[number]
        self.day = day
        self.facts: Mapping[str, Value] = call.view.facts(number, day, moment)

    def text(self, name: str) -> str:
        """Return a value as XML text."""
        return escape(str(self.facts.get(name, "")))


def reference(shown: Shown) -> str:
    """Write who it is."""
    return ref("Worker_Reference", shown.call.view.thing(shown.number)) + leaf("Worker_Descriptor", shown.person.name)


def _personal(shown: Shown) -> str:
    if not shown.call.view.may("personal", shown.number):
        return ""
    person, where = shown.person, countries().get(shown.person.country)
    country = (
        ref("Country_Reference", shown.call.tenant.things.of("ISO_3166-1_Alpha-3_Code", where[0])) if where else ""
    )
    name = el(
        "Name_Detail_Data",
        country + leaf("First_Name", person.given) + leaf("Last_Name", person.family),
        Formatted_Name=person.name,
    )
    legal = el("Legal_Name_Data", name)
    data = el("Name_Data", legal) + leaf("Birth_Date", person.born.isoformat())
    email = el("Email_Address_Data", leaf("Email_Address", person.email))
    return el("Personal_Data", data + el("Contact_Data", email))


def _employment(shown: Shown) -> str:
    if not shown.facts:
        return ""
    things, view = shown.call.tenant.things, shown.call.view
    boss = view.manager_of(shown.number, shown.day)
    manager = "Manager_as_of_last_detected_manager_change_Reference"
    left, location = shown.facts.get("left"), shown.text("location")
    values = {
        **{name: shown.text(name) for name in ("position", "title", "hired", "profile")},
        "since": max(str(shown.facts.get("hired")), "2009-01-01"),
        "level": "4_Manager" if shown.call.tenant.world.led_by(shown.number) else "8_Individual_Contributor",
        "family": shown.text("organization"),
        "profile_name": shown.text("profile").replace("_", " "),
        "location": location,
        "location_name": location.replace("_", " "),
        "locale": _LOCALES.get(shown.person.country, "en_US"),
        "address": _address(shown),
        "active": str(int(bool(shown.facts.get("active")))),
        "terminated": str(int(left is not None)),
        "left": "" if left is None else leaf("Termination_Date", left),
        "manager": ref(manager, view.thing(boss)) if boss else "",
    }
    return el("Employment_Data", filled(template("employment.xml").substitute(values), things))


def _address(shown: Shown) -> str:
    person, where = shown.person, countries().get(shown.person.country)
    if where is None:
        return ""
    values = {
        "formatted": f"{person.street}, {person.postal_code} {person.city}",
        "alpha2": person.country,
        "alpha3": where[0],
        "numeric": where[2],
        "street": person.street,
        "city": person.city,
        "state": person.state or "X",
        "postal_code": person.postal_code,
        "location": str(shown.facts.get("location")),
    }
    return template("address.xml").substitute({name: escape(value, {'"': "&quot;"}) for name, value in values.items()})


def _compensation(shown: Shown) -> str:
    pay = shown.facts.get("pay")
    if not isinstance(pay, Decimal) or not shown.call.view.may("compensation", shown.number):
        return ""
    things, currency = shown.call.tenant.things, str(shown.facts["currency"])
    plan = el(
        "Salary_and_Hourly_Plan",
        ref("Compensation_Plan_Reference", things.of("Compensation_Plan_ID", "Salary_Plan"))
        + leaf("Amount", pay)
        + ref("Currency_Reference", things.of("Currency_ID", currency)),
    )
    effective = leaf("Compensation_Effective_Date", str(shown.facts["hired"]))
    return el("Compensation_Data", effective + el("Salary_and_Hourly_Data", plan))


def _organizations(shown: Shown) -> str:
    world = shown.call.tenant.world
    keys = [shown.facts.get(name) for name in ("organization", "cost_center", "company")]
    held = [world.organizations[str(key)] for key in keys if key in world.organizations]
    held += [each for each in world.organizations.values() if each.kind == "Region" and shown.facts]
    held += [Organization(f"CUSTOM-{each}", f"{each} Group", each, "Custom") for each in _SPACES if shown.facts]
    inside = "".join(el("Worker_Organization_Data", _organization(shown, each)) for each in held)
    return el("Organization_Data", inside)


def _organization(shown: Shown, organization: Organization) -> str:
    things, key = shown.call.tenant.things, organization.key
    thing = things.of(ORGANIZATION, key, organization.name)
    kind = _KINDS.get(organization.kind, "Custom_Organization_Reference_ID" if organization.kind == "Custom" else "")
    more = [things.of(kind, key)] if kind else []
    marks = el("ID", thing.number, System_ID="WD-I") + el("ID", thing.wid, System_ID="WD-WID")
    data = leaf("Organization_Reference_ID", key)
    data += leaf("Organization_Code", organization.code) if organization.code else ""
    data += el("Integration_ID_Data", marks) + leaf("Organization_Name", organization.name)
    data += ref("Organization_Type_Reference", things.of("Organization_Type_ID", organization.kind.upper()))
    data += ref("Organization_Subtype_Reference", things.of("Organization_Subtype_ID", organization.kind))
    data += el("Organization_Support_Role_Data", "".join(_role(shown, each, key) for each in _ROLES))
    data += leaf("Used_in_Change_Organization_Assignments", value=True)
    if organization.kind == "Company":
        data += ref("Primary_Business_Site_Reference", things.of("Location_ID", f"{key}_site"))
    return ref("Organization_Reference", thing, *more) + el("Organization_Data", data)


def _role(shown: Shown, role: str, key: str) -> str:
    world, view = shown.call.tenant.world, shown.call.view
    leaders = sorted({each.leader for each in world.organizations.values() if each.leader})
    start = (len(role) + len(key)) % len(leaders)
    people = [leaders[(start + step) % len(leaders)] for step in range(2)]
    data = "".join(
        el(
            "Organization_Role_Data",
            ref("Worker_Reference", view.thing(each)) + leaf("Assignment_From", "Assigned" if place else "Inherited"),
        )
        for place, each in enumerate(people)
    )
    named = ref("Organization_Role_Reference", shown.call.tenant.things.of("Organization_Role_ID", role))
    return el("Organization_Support_Role", named + data)


def _chain(shown: Shown) -> str:
    view, number, inside = shown.call.view, shown.number, ""
    while number := view.manager_of(number, shown.day):
        inside += el("Management_Chain_Data", ref("Manager_Reference", view.thing(number)))
    return el("Management_Chain_Data", el("Worker_Supervisory_Management_Chain_Data", inside)) if inside else ""


GROUPS: Final[Mapping[str, Callable[[Shown], str]]] = {
    "Include_Personal_Information": _personal,
    "Include_Employment_Information": _employment,
    "Include_Compensation": _compensation,
    "Include_Organizations": _organizations,
    "Include_Management_Chain_Data": _chain,
}
"""What is within Worker_Data, in the order in which it stands there."""
