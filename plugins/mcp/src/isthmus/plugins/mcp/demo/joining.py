"""What happens when two people join the company? Each scene checks what it tells, with its own eyes on the systems."""

from collections.abc import Mapping

from isthmus.plugins.mcp.demo.stage import Json, Newcomer, Stage
from isthmus.plugins.mcp.demo.telling import Told, form, held_in, holding, masked, need, one, shown, value

__all__ = [
    "approves_nothing", "asks_access", "changes_owner", "hands_name_on", "hires", "issues_badges", "lists_tools",
    "meets_them", "reads_offers",
]  # fmt: skip

SYSTEMS = {"hr": "Workday", "erp": "SAP", "itsm": "ServiceNow", "crm": "Salesforce", "access": "badges"}
NEVER_APPROVE = "agents-never-approve"
SALES = "10101601"


async def lists_tools(stage: Stage) -> Told:
    """Show what an agent finds."""
    tools = (await stage.agent.list_tools()).tools
    names = {tool.name for tool in tools}
    need({"describe", "query", "get", "create", "update", "invoke"} <= names, f"tools are missing: {sorted(names)}")
    systems = ", ".join(f"{name} ({vendor})" for name, vendor in SYSTEMS.items())
    return Told(
        [
            f"{len(tools)} tools, the same for every system: {systems}",
            "each system has a home in the EU and one in the US",
        ]
    )


async def reads_offers(stage: Stage) -> Told:
    """Show values that the model may not see."""
    page = await stage.does("query", "hr", object="soap.Applicants", select=["descriptor"])
    told = Told(
        ["the offers do not say where each person lives, and what is unknown counts as the strictest case: refs only"]
    )
    told.table.append(("held in", "name"))
    for record in page["records"]:
        name = value(record, "descriptor")
        need(form(name) == "ref", f"a name of an unknown country was released: {name}")
        told.table.append((record["id"].partition("~")[0], shown(name)))
    for home in ("eu", "us"):
        stage.newcomers[home] = Newcomer(one(page["records"], held_in(f"hr-{home}"), f"offer in hr-{home}")["id"])
    return told


async def hires(stage: Stage) -> Told:
    """Show a write that begins a process and does not claim to be done."""
    today = (await stage.look("hr-eu", "clock"))["now"][:10]
    job = {
        "organization": "SUP_SALES", "hireDate": today, "employeeType": "Regular",
        "jobProfile": "Sales_Representative", "businessTitle": "Key Account Manager",
    }  # fmt: skip
    skips = await stage.call("invoke", "hr", **_hire(stage.newcomers["eu"], {**job, "autoComplete": True}))
    need(skips.content.get("code") == "invalid_arguments", f"approvals could be skipped: {skips.content}")
    for person in stage.newcomers.values():
        begun = await stage.does("invoke", "hr", **_hire(person, job))
        person.event, person.worker = begun["records"]
        need(begun["answer"]["status"] == "In Progress", f"a hire claims to be {begun['answer']['status']}")
    return Told([
        "asked to skip the approvals (autoComplete): refused, no setting allows it",
        f"hired by reference, as of {today}: two events, both In Progress; no name passed through the model",
    ])  # fmt: skip


async def approves_nothing(stage: Stage) -> Told:
    """Show that what a person has to do is left to a person."""
    said = ""
    waiting = (await stage.does("query", "hr", object="bp.eventSteps", select=["state", "event"]))["records"]
    for home, person in stage.newcomers.items():
        step = one(waiting, holding("event", person.event), "step of the hire")
        before = len(await stage.requests(f"hr-{home}"))
        answer = await stage.call("transition", "hr", object="bp.eventSteps", id=step["id"], to="approved")
        said = str(answer.content.get("message", ""))
        need(NEVER_APPROVE in answer.content.get("rules", []), f"the agent could approve a hire: {answer.content}")
        sent = (await stage.requests(f"hr-{home}"))[before:]
        need(all(one["method"] == "GET" for one in sent), "an approval was sent")
        await stage.steer(f"hr-{home}", f"steps/{step['id'].partition('~')[2]}")
    why = said.removeprefix("Denied: ")
    return Told(
        [f"the agent tries, and nothing is sent: {why}", "Alice, the HR partner, approves both in Workday herself"]
    )


async def meets_them(stage: Stage) -> Told:
    """Show one kind of record, each person's in the form that the rules allow."""
    told = Told(table=[("held in", "name", "e-mail")])
    for home, person in stage.newcomers.items():
        event = await stage.does("get", "hr", object="bp.events", id=person.event, fields=["status_descriptor"])
        status = str(value(event, "status_descriptor"))
        need(status == "Successfully Completed", f"the hire in hr-{home} is {status}")
        asked = ["descriptor", "email"]
        found = await stage.does("get", "hr", object="staffing.workers", id=person.worker, fields=asked)
        person.name, person.email = value(found, "descriptor"), value(found, "email")
        wanted = "ref" if home == "eu" else "clear"
        need(
            form(person.name) == form(person.email) == wanted, f"in hr-{home} expected {wanted}, got {found['fields']}"
        )
        (row,) = await stage.rows(f"hr-{home}", "Worker", id=person.worker.partition("~")[2])
        person.real, person.address, country = row["name"], row["email"], row["country"]
        need(country == {"eu": "DE", "us": "US"}[home], f"the newcomer in hr-{home} lives in {country}")
        told.table.append((f"hr-{home}", shown(person.name), shown(person.email)))
    told.lines.append("both events are Successfully Completed")
    told.lines.append("one lives in Germany, so the model in the US gets refs; the other lives in the US")
    return told


async def hands_name_on(stage: Stage) -> Told:
    """Show that a ref becomes the value in its home zone, and nowhere else."""
    person, name = stage.newcomers["eu"], "CostCtrResponsiblePersonName"
    where = {"field": "CostCenter", "op": "eq", "value": SALES}
    page = await stage.does("query", "erp", object="cost.A_CostCenter", select=["CostCenter"], where=where)
    ids = {record["id"].partition("~")[0]: record["id"] for record in page["records"]}
    before = len(await stage.requests("erp-us"))
    abroad = await stage.call("update", "erp", object="cost.A_CostCenter", id=ids["erp-us"], values={name: person.name})
    need(abroad.content.get("code") == "residency", f"a ref resolved abroad: {abroad.content}")
    sent = (await stage.requests("erp-us"))[before:]
    need(all(one["method"] == "GET" for one in sent), "a refused update was sent")
    await stage.does("update", "erp", object="cost.A_CostCenter", id=ids["erp-eu"], values={name: person.name})
    rows = {home: await stage.rows(f"erp-{home}", "CostCenter", CostCenter=SALES) for home in ("eu", "us")}
    need(rows["eu"][0][name] == person.real, "SAP in the EU did not get the real name")
    need(rows["us"][0][name] != person.real, "SAP in the US got the name")
    return Told([
        f"sent {shown(person.name)}; cost center {SALES} (Sales) in the EU now names {masked(person.real)}",
        f"for SAP in the US the same ref is refused, unsent: {str(abroad.content['message']).rpartition(': ')[2]}",
    ])  # fmt: skip


async def asks_access(stage: Stage) -> Told:
    """Show an order, and a value handed on to a third vendor."""
    person = stage.newcomers["eu"]
    where = {"field": "name", "op": "eq", "value": "VPN Access"}
    page = await stage.does("query", "itsm", object="sc_cat_item", select=["name"], where=where)
    item = one(page["records"], held_in("itsm-eu"), "VPN access in the catalog")["id"]
    order = {"variables": {"reason": "joins Sales today"}}
    made = await stage.does("invoke", "itsm", object="sc_cat_item", id=item, action="order", arguments=order)
    request = made["records"][0]
    await stage.does("update", "itsm", object="sc_request", id=request, values={"description": person.email})
    (row,) = await stage.rows("itsm-eu", "sc_request", sys_id=request.partition("~")[2])
    need(row["description"] == person.address, "ServiceNow did not get the real address")
    sent, holds = shown(person.email), masked(person.address)
    return Told([f"VPN access ordered, request {made['answer']['number']}; sent {sent}, it says {holds}"])


async def issues_badges(stage: Stage) -> Told:
    """Show a service that no vendor makes, known by its OpenAPI document."""
    told = Told(["an internal service without a connector of its own, run from its OpenAPI document"])
    told.table.append(("badge", "site", "the model sent", "the service holds"))
    for home, (country, site) in {"eu": ("DE", "HAM"), "us": ("US", "CMH")}.items():
        person = stage.newcomers[home]
        values = {"holder": person.email, "holderName": person.name, "country": country, "site": site}
        made = await stage.does("create", "access", object="badges", values=values, key=f"joins-{home}")
        opened = {"id": made["id"], "action": "openDoor", "arguments": {"doorId": f"{site}-main"}}
        await stage.does("invoke", "access", object="badges", **opened)
        (row,) = await stage.rows(f"access-{home}", "badges", id=made["id"].partition("~")[2])
        need((row["holder"], row["holderName"]) == (person.address, person.real), "the badge is not theirs")
        told.table.append((made["id"], site, shown(person.name), masked(row["holderName"])))
    return told


async def changes_owner(stage: Stage) -> Told:
    """Show an approval, given from another process and bound to exactly one call."""
    region = {"field": "BillingCountryCode", "op": "eq", "value": "US"}
    asked = {"object": "Account", "select": ["Name", "OwnerId"], "where": region, "limit": 20}
    page = await stage.does("query", "crm", **asked)
    here = [account for account in page["records"] if held_in("crm-us")(account)]
    account = one(here, held_in("crm-us"), "account in crm-us")
    mine = holding("OwnerId", account["fields"]["OwnerId"])
    other = one(here, lambda found: not mine(found), "account of somebody else")
    wanted = {"OwnerId": other["fields"]["OwnerId"]}
    first = await stage.call("update", "crm", object="Account", id=account["id"], values=wanted)
    need(first.content.get("code") == "approval_required", f"no approval was asked: {first.content}")
    ticket = str(first.content["approval"])
    code, said = await stage.person("approvals", "approve", ticket, "--as", "maria")
    need(code == 0, f"maria could not approve: {said}")
    wrong = {"values": {"Industry": "Mining"}, "approval": ticket}
    again = await stage.call("update", "crm", object="Account", id=account["id"], **wrong)
    need(again.content.get("code") == "approval_required", "the approval was good for another call")
    await stage.does("update", "crm", object="Account", id=account["id"], values=wanted, approval=ticket)
    (row,) = await stage.rows("crm-us", "Account", Id=account["id"].partition("~")[2])
    need(row["OwnerId"] == wanted["OwnerId"].partition("~")[2], "the approved update did not arrive")
    return Told(
        [
            f"{account['fields']['Name']} goes to the colleague who has {other['fields']['Name']}",
            "Maria, a manager, approved it on her own terminal; other values under the same approval were refused",
        ]
    )


def _hire(person: Newcomer, job: Mapping[str, Json]) -> dict[str, Json]:
    return {"object": "soap.Applicants", "id": person.applicant, "action": "Hire_Employee", "arguments": job}
