"""A company with all four systems, one person in all of them, and a run that reads and writes about her everywhere."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path

from tests.conftest import HR, write_folder

from isthmus.plugins.sandbox import Sandbox
from isthmus.plugins.sandbox.workday.vocabulary import register

from .canaries import BORN, FIRST, LAST, MAIL, NEW, PHONE, PIECES, STORY, STREET, plant, secrets_of
from .conftest import CEDAR, Desk, Told

NATIONAL, CITY, TITLE, TAX = "ZK1971990C", "Sitticherode", "Papageienpflegerin", "DE998877665"
EVERYWHERE = (*PIECES, NATIONAL, "Sitticherode", "Papageienpflegerin", TAX, "Nachtigallen")
ODATA = "/sap/opu/odata"
LANDSCAPE = f"""
[systems.erp]
connections = ["erp-eu"]
[connections.erp-eu]
connector = "sap"
url = "{{erp}}"
zone = "eu"
sees_all_rows = true
[connections.erp-eu.auth]
kind = "basic"
username = "INTEGRATION"
password = "env:ERP_PASSWORD"
[connections.erp-eu.key_fields]
"so.A_SalesOrder" = "PurchaseOrderByCustomer"
[connections.erp-eu.settings]
client = "100"
terms = {{{{ acknowledged = true }}}}
[connections.erp-eu.settings.services]
bp = "{ODATA}/sap/API_BUSINESS_PARTNER"
bp4 = "{ODATA}4/sap/api_business_partner/srvd_a2x/sap/businesspartner/0001"
so = "{ODATA}/sap/API_SALES_ORDER_SRV"
so4 = "{ODATA}4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001"
"""
SERVICES = """
common = "v1"
staffing = "staffing/v6"
absence = "absenceManagement/v1"
bp = "businessProcess/v1"
[connections.services-eu.settings.operations.Enter_Time_Off]
service = "Absence_Management"
classes = ["pii"]
"""
GROUPS = '"Include_Employment_Information", "Include_Personal_Information"'
PEOPLE = (
    '@id("people-anywhere") permit (principal in Isthmus::Role::"support", action in Isthmus::Action::"use", resource);'
)


@dataclass(frozen=True)
class Known:
    """The numbers of the person, as a customer and at work."""

    partner: str
    address: str
    number: str


class Company(Desk):
    """The desk's house with an ERP and the systems of HR."""

    def write(self) -> Path:
        path = super().write()
        erp, hr = self.sandbox.sap["eu"], self.sandbox.workday["eu"]
        self.environ |= {
            "ERP_PASSWORD": erp.password("integration"),
            "HR_SECRET": hr.client_secret,
            "HR_TOKEN": hr.refresh_token("integration"),
            "HR_PASSWORD": hr.password("integration"),
        }
        more = LANDSCAPE.format(erp=erp.url)
        more += HR.format(url=hr.url, tenant=hr.tenant, client_id=hr.client_id, groups=GROUPS) + SERVICES
        return write_folder(self.folder, path.read_text() + more, cedar=f"{CEDAR}\n{PEOPLE}", flows=self.flows)


def plant_everywhere(sandbox: Sandbox) -> Known:
    """Put the person into all systems."""
    plant(sandbox)
    store = sandbox.sap["eu"].store
    partner, address = store.next_number("BusinessPartner"), store.next_number("BusinessPartnerAddress")
    keys = {"BusinessPartner": str(partner).zfill(10)}
    names = {"FirstName": FIRST, "LastName": LAST, "BusinessPartnerFullName": f"{FIRST} {LAST}",
             "BusinessPartnerName": f"{FIRST} {LAST}", "SearchTerm1": "SITTICH", "BirthDate": date.fromisoformat(BORN),
             "BusinessPartnerCategory": "1", "NaturalPersonEmployerName": "Nachtigallen GmbH"}  # fmt: skip
    place = {"AddressID": str(address).zfill(10), "Person": ""}
    rows: Mapping[str, Mapping[str, object]] = {
        "BusinessPartner": keys | names,
        "BusinessPartnerAddress": keys | place | {"FullName": f"{FIRST} {LAST}", "StreetName": STREET, "CityName": CITY,
                                                  "Country": "DE"},
        "AddressEmailAddress": place | {"OrdinalNumber": "001", "EmailAddress": MAIL, "SearchEmailAddress": MAIL[:20].upper()},
        "AddressPhoneNumber": place | {"OrdinalNumber": "001", "PhoneNumber": PHONE, "DestinationLocationCountry": "DE"},
        "BusinessPartnerTaxNumber": keys | {"BPTaxType": "DE0", "BPTaxNumber": TAX},
    }  # fmt: skip
    for name, values in rows.items():
        store.insert(store.tables[name], values)  # type: ignore[arg-type]
    tenant = sandbox.workday["eu"]
    world = tenant._beginning.world()
    number = [one for one, person in world.people.items() if person.country == "DE"][-9]
    world.people[number] = replace(
        world.people[number], given=FIRST, family=LAST, email=MAIL, phone=PHONE, born=date.fromisoformat(BORN),
        national_id=NATIONAL, street=STREET, city=CITY,
    )  # fmt: skip
    first = world.history.entries(number)[0]
    world.history.add(number, first.effective, first.entered, {"title": TITLE})
    tenant.__dict__["world"] = world
    register(tenant._things, world)
    return Known(str(partner), str(address), number)


def all_secrets_of(sandbox: Sandbox) -> set[str]:
    """Return what proves an identity in these systems."""
    erp, hr = sandbox.sap["eu"], sandbox.workday["eu"]
    return secrets_of(sandbox) | {
        erp.password("integration"), hr.password("integration"), hr.client_secret, hr.refresh_token("integration"),
    }  # fmt: skip


def equal(field: str, value: object) -> dict[str, object]:
    return {"field": field, "op": "eq", "value": value}


async def everywhere(told: Told, known: Known) -> None:
    """Read and write about the person in every system, as agents in the US and in the EU."""
    for at in ("us", "eu"):
        await told(at, "query", system="crm", object="Contact", where=equal("Email", MAIL), select=["*"])
        await told(at, "query", system="itsm", object="sys_user", where=equal("email", MAIL), select=["*"])
        await erp(told, at, known)
        await hr(told, at, known.number)
    person = {"FirstName": NEW, "LastName": LAST, "Email": MAIL, "Birthdate": BORN, "MailingCountryCode": "DE"}
    made = await told("eu", "create", system="crm", object="Contact", values=person, key="made-once")
    await told("eu", "update", system="crm", object="Contact", id=made.get("id", ""), values={"Description": STORY})
    ticket = await told("eu", "create", system="itsm", object="incident",
                        values={"short_description": f"{NEW} rang", "description": STORY})  # fmt: skip
    await told("eu", "update", system="itsm", object="incident", id=ticket.get("id", ""), values={"work_notes": STORY})


async def erp(told: Told, at: str, known: Known) -> None:
    for people, below in (("bp.A_BusinessPartner", "bp.A_"), ("bp4.BusinessPartner", "bp4.")):
        await told(at, "query", system="erp", object=people, where=equal("LastName", LAST), select=["*"])
        await told(
            at, "query", system="erp", object=people, where=equal("BusinessPartner", known.partner), select=["*"]
        )
        for name in ("BusinessPartnerAddress", "BusinessPartnerTaxNumber", "AddressEmailAddress", "AddressPhoneNumber"):
            where = equal(
                *(("BusinessPartner", known.partner) if name.startswith("B") else ("AddressID", known.address))
            )
            await told(at, "export", system="erp", object=f"{below}{name}", select=["*"], where=where)
    if at == "us":
        return
    for people in ("bp.A_BusinessPartner", "bp4.BusinessPartner"):
        values = {"BusinessPartnerCategory": "1", "FirstName": NEW, "LastName": LAST, "SearchTerm1": "SITTICH"}
        made = await told(at, "create", system="erp", object=people, values=values)
        await told(at, "update", system="erp", object=people, id=made.get("id", ""), values={"FirstName": FIRST})
        lines = [{"values": values | {"FirstName": f"{NEW} {count}"}} for count in range(3)]
        await told(at, "load", system="erp", object=people, action="create", lines=lines, key=f"load-{people}")
    order = {"SalesOrderType": "OR", "SalesOrganization": "1020", "DistributionChannel": "10",
             "OrganizationDivision": "00", "SoldToParty": "10100001"}  # fmt: skip
    for orders in ("so.A_SalesOrder", "so4.SalesOrder"):
        lines = [{"values": order | {"PurchaseOrderByCustomer": f"{NEW} {count} {orders[:3]}"}} for count in range(2)]
        await told(at, "load", system="erp", object=orders, action="create", lines=lines, key=f"load-{orders}")


async def hr(told: Told, at: str, number: str) -> None:
    for workers in ("common.workers", "staffing.workers"):
        names = ["descriptor", "businessTitle", "primaryWorkEmail"] if workers.startswith("common") else ["*"]
        await told(at, "query", system="hr", object=workers, select=names, limit=500)
        await told(at, "get", system="hr", object=workers, id=f"Employee_ID={number}", fields=["*"])
    await told(at, "search", system="hr", object="common.workers", text=FIRST)
    select = ["workdayID", "fullName", "businessTitle", "email_PrimaryWork", "dateOfBirth", "nationalID"]
    await told(at, "query", system="hr", object="wql.workers", select=select, limit=100)
    await told(
        at,
        "query",
        system="hr",
        object="wql.workers",
        select=select[:2],
        where=equal("fullName", FIRST) | {"op": "contains"},
    )
    await told(at, "query", system="hr", object="report.headcount", select=["*"], limit=500)
    await told(at, "query", system="services", object="soap.Workers", select=["*"], limit=500)
    await told(at, "get", system="services", object="soap.Workers", id=f"Employee_ID={number}", fields=["*"])
    if at == "us":
        return
    worker = (await told(at, "get", system="hr", object="common.workers", id=f"Employee_ID={number}")).get("id", "")
    await told(at, "invoke", system="hr", object="common.workers", action="businessTitleChanges", id=worker,
               arguments={"proposedBusinessTitle": f"{TITLE} {NEW}"})  # fmt: skip
    day = {"date": "2027-03-15", "requested": "8", "timeOffType": "Vacation", "comment": STORY}
    await told(at, "invoke", system="services", object="soap", action="Enter_Time_Off",
               arguments={"worker": f"Employee_ID={number}", "days": [day], "comment": f"{FIRST} {LAST}"})  # fmt: skip
