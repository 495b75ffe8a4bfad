"""What is there to walk over in a system: its objects, their columns, its query language, and its mishaps?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from urllib.parse import urlencode

from isthmus.plugins.sandbox import SalesforceOrg, Sandbox, ServiceNowInstance

Draw: TypeAlias = Callable[[str], str]
"""Makes up a path of an object."""
Pick: TypeAlias = Callable[[Sequence[str]], str]


@dataclass(frozen=True)
class Column:
    """A column, and where it leads to: by which name, to which objects."""

    name: str
    relationship: str = ""
    refers: Sequence[str] = ()


@dataclass(frozen=True)
class Terrain:
    """One system as a random caller sees it.

    `written` are texts to write by object, `links` references to a person by object, `countries` a path to the country
    of whom a record is about, `names` fields that a ref may be compared with. `files` are of a record each:
    its object, id and their own; `actions` tell whether they take an id.
    """

    system: str
    orgs: Sequence[SalesforceOrg | ServiceNowInstance]
    columns: Mapping[str, Sequence[Column]]
    objects: Sequence[str]
    creates: Sequence[str]
    updates: Sequence[str]
    deletes: str
    keys: Mapping[str, str]
    written: Mapping[str, Sequence[str]]
    links: Mapping[str, tuple[str, str]]
    countries: Mapping[str, str]
    person: str
    required: str
    names: Sequence[str]
    words: Sequence[str]
    faults: Sequence[str]
    text: Callable[[Draw, Pick, str], str]
    bridged: bool = False
    files: Sequence[tuple[str, str, str]] = ()
    actions: Sequence[tuple[str, str, bool]] = ()


def salesforce(sandbox: Sandbox) -> Terrain:
    orgs = tuple(sandbox.salesforce.values())
    objects = orgs[0].schema.objects
    return Terrain(
        system="crm",
        orgs=orgs,
        columns={
            name: [Column(one.name, one.relationship or "", one.refers) for one in schema.fields]
            for name, schema in objects.items()
        },
        objects=(
            *("Contact", "Contact", "Contact", "Case", "Case", "Lead", "Account", "Opportunity", "Task", "Invoice__c"),
            "User",
        ),
        creates=("Case", "Case", "Case", "Contact", "Account", "Opportunity", "Lead"),
        updates=("Case", "Case", "Contact", "Contact", "Account", "Opportunity"),
        deletes="Case",
        keys={"Contact": "Isthmus_Key__c", "Case": "Isthmus_Key__c"},
        written={
            "Case": ("SuppliedEmail", "SuppliedName", "SuppliedPhone", "Description", "Subject"),
            "Contact": ("FirstName", "Email", "Title", "Description", "MailingStreet", "Birthdate"),
            "Opportunity": ("Name", "Description", "StageName", "CloseDate"),
            "": ("Name", "Phone", "Description"),
        },
        links={
            "Case": ("ContactId", "Contact"),
            "Opportunity": ("AccountId", "Account"),
            "Contact": ("AccountId", "Account"),
        },
        countries={"Contact": "MailingCountryCode", "Lead": "CountryCode", "Case": "Contact.MailingCountryCode"},
        person="Contact",
        required="LastName",
        names=("LastName", "Email", "Name", "Phone", "FirstName"),
        words=("anna", "ber", "30 23125", "trading", "ab*"),
        faults=(
            *("expire_session", "lock_row", "html_200", "server_error", "concurrent_limit", "lost_answer"),
            "edge_throttle",
        ),
        text=_soql,
    )


def servicenow(sandbox: Sandbox) -> Terrain:
    instance = sandbox.servicenow["eu"]
    return Terrain(
        system="itsm",
        orgs=(instance,),
        columns={
            table.name: [
                Column(one.name, one.name if one.is_reference and one.to else "", (one.to,) if one.to else ())
                for one in table.columns.values()
            ]
            for table in instance.store.schema
        },
        objects=(
            *(
                "incident",
                "incident",
                "incident",
                "customer_contact",
                "customer_contact",
                "sys_user",
                "task",
                "problem",
            ),
            *("core_company", "cmn_location", "sys_audit", "sys_audit_delete", "sys_journal_field", "change_request"),
        ),
        creates=("incident", "incident", "incident", "problem", "customer_contact"),
        updates=("incident", "incident", "problem", "customer_contact"),
        deletes="incident",
        keys={"incident": "correlation_id"},
        written={
            "customer_contact": ("first_name", "email", "title", "street", "u_date_of_birth"),
            "": ("short_description", "description", "close_notes", "work_notes", "comments", "category"),
        },
        links={"incident": ("caller_id", "customer_contact"), "customer_contact": ("manager", "sys_user")},
        countries={"customer_contact": "country", "sys_user": "country", "incident": "caller_id.country"},
        person="customer_contact",
        required="last_name",
        names=("name", "email", "user_name", "phone", "first_name"),
        words=("silke", "ber", "30 23125", "mail slow", "laptop"),
        faults=(
            *("expire_session", "session_queue_full", "html_200", "server_error", "semaphores", "lost_answer"),
            *("altered_write", "hide_rows", "transaction_quota", "bad_gateway", "login_page"),
        ),
        text=_encoded,
        bridged=True,
        files=[
            (row["table_name"], f"itsm-eu~{row['table_sys_id']}", row["sys_id"])
            for row in instance.rows("sys_attachment")
        ],
        actions=(
            *[
                ("change_request", name, name in ("update", "move", "next_states", "conflicts"))
                for name in ("create_normal", "create_emergency", "update", "move", "next_states", "conflicts")
            ],
            ("sc_cat_item", "order", True),
            ("sc_cat_item", "variables", True),
        ),
    )


def _soql(path: Draw, pick: Pick, object: str) -> str:
    inner = pick(("Contact", "Account", "Case"))
    text = pick(
        (
            *[f"SELECT {', '.join(path(object) for _ in range(3))} FROM {object}"] * 3,
            f"SELECT COUNT(Id), MAX({path(object)}) FROM {object} GROUP BY {path(object)}",
            f"SELECT FIELDS(ALL) FROM {object} LIMIT 5",
            f"SELECT Id, (SELECT Name, Email FROM Contacts) FROM {inner}",
        )
    )
    name = pick(("Name", "Phone", "Email", "Id", path(object)))
    filters = (
        f" WHERE {name} LIKE '{pick(('K', 'an', 'Be'))}%'",
        f" WHERE Id IN (SELECT {path(inner)} FROM {inner} WHERE {path(inner)} LIKE 'A%')",
        f" WHERE {path(object)} != null ORDER BY {path(object)} LIMIT 7",
        "",
    )
    return text + (pick(filters) if "LIMIT" not in text else "")


def _encoded(path: Draw, pick: Pick, object: str) -> str:
    name = pick(("name", "email", "sys_id", "caller_id.name", path(object)))
    query = pick(
        (
            f"{name}{pick(('STARTSWITH', 'LIKE', '=', '!=', '>'))}{pick(('S', 'an', 'DE', '2026'))}^ORDERBY{path(object)}",
            f"{path(object)}ISNOTEMPTY^OR{path(object)}={pick(('1', 'true', 'Berlin'))}^NQ{path(object)}ISEMPTY",
            f"{name}=javascript:gs.getUserID()^JOINsys_user.sys_id=incident.caller_id!active=true",
            "",
        )
    )
    told = {"sysparm_query": query, "sysparm_limit": pick(("1", "7", "50"))}
    shown = {"sysparm_fields": pick(("*", "", ",".join(path(object) for _ in range(4))))}
    figures = {"sysparm_count": "true", "sysparm_max_fields": path(object), "sysparm_group_by": path(object)}
    return f"{object}?{urlencode(told | (shown if pick(('rows', 'rows', 'figures')) == 'rows' else figures))}"
