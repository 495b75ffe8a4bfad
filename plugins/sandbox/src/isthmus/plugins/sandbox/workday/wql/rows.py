"""Which rows has a data source, and which value has each of their fields?"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Final

from isthmus.plugins.sandbox.message import Json
from isthmus.plugins.sandbox.workday.call import told
from isthmus.plugins.sandbox.workday.refs import ORGANIZATION, Thing
from isthmus.plugins.sandbox.workday.staffing import countries

from .catalogue import Source

if TYPE_CHECKING:
    from isthmus.plugins.sandbox.workday.call import Call

_CAD: Final = Decimal("1.45")
_HOURS: Final = 2_080
Row = dict[str, Json]


@dataclass(frozen=True, slots=True)
class Moment:
    """What the rows are about: a day, as far as it was known at a moment."""

    day: date
    entered: datetime


def rows_of(call: "Call", source: Source, at: Moment) -> list[Row]:
    """Return all rows that the user may see, without the fields that have no value or are not for this user."""
    make = _MAKERS.get(source.rows)
    if make is None or (source.domain and not call.user.domains & {"*", source.domain}):
        return []
    return make(call, source, at)


def _ref(call: "Call", kind: str, key: object, name: str = "") -> Json:
    return None if key is None else call.tenant.things.of(kind, str(key), name).ref


def _money(amount: object, currency: object, digits: str = "0.01") -> Json:
    if not isinstance(amount, Decimal):
        return None
    return {"value": str(amount.quantize(Decimal(digits))), "currency": str(currency)}


def _worker(call: "Call", number: str, at: Moment) -> Row:
    """Return all fields of a worker; before the hire those that depend on a day are missing."""
    tenant, view = call.tenant, call.view
    person, facts = tenant.world.people[number], view.facts(number, at.day, at.entered)
    thing, where, hired, left = (
        view.thing(number),
        countries().get(person.country),
        facts.get("hired"),
        facts.get("left"),
    )
    pay, currency = facts.get("pay"), facts.get("currency")
    boss = view.manager_of(number, at.day) if facts else ""
    return told(
        worker=thing.ref,
        workdayID=thing.wid,
        employeeID=number,
        fullName=person.name,
        email_PrimaryWork=person.email,
        phone_PrimaryWork=person.phone,
        businessTitle=_text(facts.get("title")),
        hireDate=_text(hired),
        terminationDate=_text(left),
        activeStatus=bool(facts["active"]) if facts else None,
        supervisoryOrganization=_ref(call, ORGANIZATION, facts.get("organization")),
        costCenter=_ref(call, ORGANIZATION, facts.get("cost_center")),
        company=_ref(call, ORGANIZATION, facts.get("company")),
        jobProfile=_ref(call, "Job_Profile_ID", facts.get("profile")),
        location=_ref(call, "Location_ID", facts.get("location")),
        countryOfLocation=_ref(call, "ISO_3166-1_Alpha-3_Code", where[0], where[1]) if where and facts else None,
        manager=view.thing(boss).ref if boss else None,
        directReports=_reports(call, number, at) if tenant.world.led_by(number) else None,
        organizationsManaged=[_ref(call, ORGANIZATION, each.key) for each in tenant.world.led_by(number)],
        dateOfBirth=person.born.isoformat(),
        nationalID=person.national_id or None,
        totalBasePayAnnualized=_money(pay, currency),
        yearsOfService=(at.day - hired).days // 365 if isinstance(hired, date) else None,
        createdMoment=f"{tenant.world.history.entries(number)[0].entered:%Y-%m-%dT%H:%M:%S}.000Z",
        cf_PrimaryAddressHomeStateText=person.state or None,
        cf_TotalBasePayHourly_Amount=_money(pay / _HOURS if isinstance(pay, Decimal) else None, currency),
        cf_TotalBasePayAnnualizedInCAD_Amount=_money(pay * _CAD if isinstance(pay, Decimal) else None, "CAD"),
        cf_RetirementEligibility=_ref(
            call, "Custom_ID", "Eligible" if at.day.year - person.born.year > 62 else "Not_Yet"
        ),
        cf_LocationSiteHierarchyLevel2=_ref(call, "Custom_ID", f"Sites {where[1]}") if where and facts else None,
    )


def _text(value: object) -> Json:
    return None if value is None else str(value)


def _reports(call: "Call", boss: str, at: Moment) -> list[Json]:
    keys = {each.key for each in call.tenant.world.led_by(boss)}
    known = sorted(call.tenant.world.history.known(at.entered))
    found = [each for each in known if each != boss and _in(call, each, keys, at)]
    return [call.view.thing(each).ref for each in found]


def _in(call: "Call", number: str, keys: set[str], at: Moment) -> bool:
    facts = call.view.facts(number, at.day, at.entered)
    return bool(facts.get("active")) and facts.get("organization") in keys


def _shown(call: "Call", source: Source, number: str, at: Moment) -> Row:
    fields = source.fields
    return {
        name: value
        for name, value in _worker(call, number, at).items()
        if name in fields and (not fields[name].domain or call.view.may(fields[name].domain, number))
    }


def _all_workers(call: "Call", source: Source, at: Moment) -> list[Row]:
    return [_shown(call, source, each, at) for each in sorted(call.tenant.world.history.known(at.entered))]


def _active(call: "Call", source: Source, at: Moment) -> list[Row]:
    return [_shown(call, source, each, at) for each in call.view.workers(at.day, at.entered)]


def _organizations(call: "Call", _: Source, at: Moment) -> list[Row]:
    tenant, rows = call.tenant, list[Row]()
    for each in tenant.world.organizations.values():
        thing = tenant.things.of(ORGANIZATION, each.key, each.name)
        members = [one for one in call.view.workers(at.day, at.entered) if _in(call, one, {each.key}, at)]
        row = told(
            organization=thing.ref,
            workdayID=thing.wid,
            organizationName=each.name,
            organizationCode=each.code,
            organizationType=_ref(call, "Organization_Type_ID", each.kind),
            manager=call.view.thing(each.leader).ref if each.leader else None,
            members=[call.view.thing(one).ref for one in members],
        )
        rows.append(row)
    return rows


def _class(call: "Call", name: str) -> Json:
    return _ref(call, "Class_ID", name.replace(" ", "_"), name)


def _signons(call: "Call", source: Source, _: Moment) -> list[Row]:
    entries = [each for each in call.tenant.journal.entries if each.user]
    return [
        {
            "classOfInstance1": _class(call, source.object),
            "sign_OnTime": each.at,
            "workdayAccountSignOn": _ref(call, "Signon_ID", each.number),
            "systemAccount1": _ref(call, "System_User_ID", each.user),
            "failedSignOn": False,
            "sessionID": each.request_id[:8],
            "elapsedTimeMinutes": 1,
        }
        for each in entries
    ]


def _groups(call: "Call", source: Source, _: Moment) -> list[Row]:
    def row(user: str) -> Row:
        known = call.tenant.users[user]
        domains = [_ref(call, "Domain_ID", each) for each in sorted(known.domains)]
        thing = call.tenant.things.of("Security_Group_ID", f"{user}_group")
        return {
            **_base(call, source, thing, "securityGroup"),
            **told(cf_DomainSecurityPolicy=domains, cf_ReportFieldAccess=domains),
            "cf_SecurityGroupName": thing.descriptor,
            "cf_SettlementAccess_Payroll": "compensation" in known.domains,
            "membershipCount": 1,
        }

    return [row(each) for each in call.tenant.users]


def _base(call: "Call", source: Source, thing: Thing, alias: str) -> Row:
    found: Row = {"classOfInstance1": _class(call, source.object), "workdayID": thing.wid, alias: thing.ref}
    return {name: value for name, value in found.items() if name in source.fields}


def _reports_made(call: "Call", source: Source, _: Moment) -> list[Row]:
    workers: Json = [call.view.thing(each).ref for each in call.view.workers()]
    return [
        {
            **_base(call, source, call.tenant.things.of("Report_ID", f"Report_{each}"), "customReport"),
            "cf_AuthorizedWorkers": workers,
            "cf_LastUpdatedMonth": "2026-10",
            "cf_HasReportTag": each % 2 == 0,
            "cf_IsMobileReport": False,
            "reportName": f"Report {each}",
        }
        for each in range(1, 9)
    ]


def _services(call: "Call", source: Source, _: Moment) -> list[Row]:
    named = {
        "Human_Resources": ("Get_Workers",),
        "Absence_Management": ("Enter_Time_Off",),
        "Staffing": ("Hire_Employee",),
    }
    return [
        {
            **_base(call, source, call.tenant.things.of("Web_Service_ID", name), "webService"),
            "webServiceOperation": [_ref(call, "Web_Service_Operation_ID", each) for each in operations],
            "WSDLFileName": f"{name}.wsdl",
            "documentation": f"The operations of {name}.",
        }
        for name, operations in named.items()
    ]


def _tokens(call: "Call", source: Source, _: Moment) -> list[Row]:
    return [
        {
            **{
                k: v
                for k, v in _base(call, source, call.tenant.things.of("Token_ID", each), "").items()
                if k != "workdayID"
            },
            "createdMoment": "2026-05-20T19:56:11.552Z",
            "currentOMSVersion": _ref(call, "Version_ID", "2026R2"),
        }
        for each in call.tenant.users
    ]


def _integrations(call: "Call", source: Source, _: Moment) -> list[Row]:
    return [
        {
            **_base(call, source, call.tenant.things.of("Integration_System_ID", f"INT{each}"), "integrationSystem"),
            "referenceID1": f"INT{each}",
        }
        for each in range(1, 7)
    ]


_MAKERS: "Final[Mapping[str, Callable[[Call, Source, Moment], list[Row]]]]" = {
    "workers": _all_workers,
    "active": _active,
    "organizations": _organizations,
    "signons": _signons,
    "groups": _groups,
    "reports": _reports_made,
    "services": _services,
    "tokens": _tokens,
    "integrations": _integrations,
}
