"""What happens in the demo, scene by scene? Each scene checks what it tells, with its own eyes on the orgs."""

import asyncio
import sqlite3
import time
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path

from isthmus.plugins.mcp.demo.stage import Answer, Failed, Json, Stage

__all__ = ["SCENES", "Scene", "Told"]

RULE = "agents-never-delete-customers"


@dataclass
class Told:
    """What a scene showed: lines, perhaps a table, and what later scenes need."""

    lines: list[str] = field(default_factory=list)
    table: list[tuple[str, ...]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Scene:
    """One scene: its title and how it is played."""

    title: str
    play: Callable[[Stage], Awaitable[Told]]


def _need(holds: object, what: str) -> None:
    if not holds:
        raise Failed(what)


def _done(answer: Answer, what: str) -> Json:
    _need(answer.ok, f"{what} failed: {answer.content.get('message', answer.content)}")
    return answer.content


async def lists_tools(stage: Stage) -> Told:
    """Show what an agent finds."""
    tools = (await stage.agent.list_tools()).tools
    names = {tool.name for tool in tools}
    _need({"describe", "query", "get", "create", "update", "delete"} <= names, f"tools are missing: {sorted(names)}")
    return Told([f"{len(tools)} tools over one logical system: {', '.join(sorted(names))}"])


async def reads_people(stage: Stage) -> Told:
    """Show one page over two orgs, each field in its own form."""
    fields = ["Name", "Email", "MailingCountryCode", "SSN__c"]
    page = _done(await stage.call("query", object="Contact", select=fields, limit=200), "the query")
    told = Told(
        ["one page from both orgs; SSN__c is withheld for everybody"], [("held in", "lives in", "Name", "Email")]
    )
    for org, country, form in (
        ("crm-eu", "DE", "ref"),
        ("crm-us", "US", "clear"),
        ("crm-eu", "US", "clear"),
        ("crm-us", "DE", "ref"),
        ("crm-", None, "ref"),
    ):
        found = next((one for one in page["records"] if _is(one, org, country)), None)
        if found is None:
            raise Failed(f"no person of {country} in {org} on the page")
        shown = found["fields"]
        _need(
            _form(shown["Name"]) == form == _form(shown["Email"]), f"{country} in {org}: expected {form}, got {shown}"
        )
        _need("SSN__c" not in shown, "a social security number was released")
        told.table.append(
            (found["id"].partition("~")[0], country or "unknown", _text(shown["Name"]), _text(shown["Email"]))
        )
    return told


async def opens_case(stage: Stage) -> Told:
    """Show a write with a value that the model never saw."""
    person = await _person(stage, "crm-eu", "DE")
    email = person["fields"]["Email"]
    made = _done(
        await stage.call("create", object="Case", values={
            "Subject": "Cannot log in", "ContactId": person["id"], "SuppliedEmail": email}),
        "creating the case",
    )  # fmt: skip
    native = made["id"].partition("~")[2]
    case = (await stage.look("eu", f"rows/Case?Id={native}"))["rows"][0]
    contact = (await stage.look("eu", f"rows/Contact?Id={person['id'].partition('~')[2]}"))["rows"][0]
    _need(case["SuppliedEmail"] == contact["Email"], "the EU org did not get the real e-mail address")
    _need(contact["Email"] not in "".join(stage.transcript), "the transcript holds the real e-mail address")
    return Told([f"sent {_text(email)}, the EU org holds {_masked(contact['Email'])} in {made['id']}"])


async def refuses_delete(stage: Stage) -> Told:
    """Show a refusal that names its rule and sends nothing."""
    person = await _person(stage, "crm-eu", "DE")
    before = len((await stage.look("eu", "journal"))["entries"])
    answer = await stage.call("delete", object="Contact", id=person["id"])
    _need(not answer.ok and RULE in answer.content.get("rules", []), f"delete was not refused by {RULE}")
    sent = (await stage.look("eu", "journal"))["entries"][before:]
    _need(all(one["method"] == "GET" for one in sent), "a DELETE was sent")
    return Told([str(answer.content["message"])])


async def asks_approval(stage: Stage) -> Told:
    """Show an approval, given from another process and bound to exactly one call."""
    page = _done(await stage.call("query", object="Account", select=["Name", "Industry"], limit=2), "reading accounts")
    account, wanted = page["records"][0]["id"], {"Industry": "Insurance"}
    first = await stage.call("update", object="Account", id=account, values=wanted)
    _need(first.content.get("code") == "approval_required", f"no approval was asked: {first.content}")
    ticket = str(first.content["approval"])
    code, said = await stage.person("approvals", "approve", ticket, "--as", "maria")
    _need(code == 0, f"maria could not approve: {said}")
    other = await stage.call("update", object="Account", id=account, values={"Industry": "Mining"}, approval=ticket)
    _need(other.content.get("code") == "approval_required", "the approval was good for another call")
    _done(await stage.call("update", object="Account", id=account, values=wanted), "the approved update")
    org, _, native = account.partition("~")
    row = (await stage.look(org.removeprefix("crm-"), f"rows/Account?Id={native}"))["rows"][0]
    _need(row["Industry"] == "Insurance", "the approved update did not arrive")
    return Told(["maria approved it on her own terminal; other values under the same approval were refused"])


async def waits_for_quota(stage: Stage) -> Told:
    """Show a spent quota: nothing is sent until it is worth asking again."""
    contact = await _person(stage, "crm-us", "US")
    limits = await stage.look("us", "limits")
    await stage.steer("us", "limits", used=limits["maximum"], maximum=limits["maximum"])
    refused = await stage.call("get", object="Contact", id=contact["id"], fields=["Title"])
    _need(not refused.ok, "the org's quota was spent and the call went through")
    before, began = len((await stage.look("us", "journal"))["entries"]), time.monotonic()
    new_day = asyncio.create_task(_new_day(stage, limits))
    _done(
        await stage.call("get", object="Contact", id=contact["id"], fields=["Title"]),
        "the call after the quota's reset",
    )
    await new_day
    waited = time.monotonic() - began
    sent = len((await stage.look("us", "journal"))["entries"]) - before
    _need(waited > 1 and sent <= 2, f"did not wait it out: {waited:.1f} s, {sent} requests")
    return Told([f"{refused.content['message']}", f"the next call waited {waited:.1f} s in line and then went through"])


async def survives_expiry(stage: Stage) -> Told:
    """Show a token that ends under way."""
    await stage.steer("eu", "faults", kind="expire_session")
    await stage.steer("us", "faults", kind="expire_session")
    _done(await stage.call("query", object="Case", select=["Subject"], limit=3), "the query after the tokens ended")
    return Told(["both orgs ended the session; new tokens were fetched and the call went on, unnoticed"])


async def loses_answer(stage: Stage) -> Told:
    """Show a write whose answer is lost after it was done."""
    person = await _person(stage, "crm-eu", "DE")
    await stage.steer("eu", "faults", kind="lost_answer", method="POST", path="/sobjects/Case")
    values = {"Subject": "Answer lost on the way", "ContactId": person["id"]}
    made = _done(await stage.call("create", object="Case", values=values, key="demo-lost-1"), "the create")
    again = _done(await stage.call("create", object="Case", values=values, key="demo-lost-1"), "the repeated create")
    rows = (await stage.look("eu", "rows/Case?Subject=Answer%20lost%20on%20the%20way"))["rows"]
    _need(len(rows) == 1, f"there are {len(rows)} records, not one")
    _need(made["id"] == again["id"] == f"crm-eu~{rows[0]['Id']}", "the answers name another record")
    return Told(["the org did it and the line broke; isthmus read back by key: one record, also after a repeat"])


async def verifies_audit(stage: Stage) -> Told:
    """Show that the log verifies, and that a changed copy does not."""
    code, said = await stage.person("audit", "checkpoint")
    _need(code == 0, f"no checkpoint: {said}")
    code, said = await stage.person("audit", "verify")
    _need(code == 0, f"the log does not verify: {said}")
    told = Told([said.strip().splitlines()[0]])
    copy = stage.folder / "forged.db"
    _forge(stage.folder / "state" / "journal.db", copy)
    code, said = await stage.person("audit", "verify", "--journal", str(copy))
    _need(code == 1, f"a forged log was not found out (exit code {code}): {said}")
    told.lines.append(f"a copy in which refusals became approvals: {said.strip().splitlines()[0]}")
    return told


def _forge(journal: Path, copy: Path) -> None:
    with closing(sqlite3.connect(journal)) as real, closing(sqlite3.connect(copy, isolation_level=None)) as forged:
        real.backup(forged)
        for index, leaf in forged.execute("SELECT idx, leaf FROM entries").fetchall():
            forged.execute("UPDATE entries SET leaf = ? WHERE idx = ?", (leaf.replace(b"refused", b"allowed"), index))


async def kept_secrets(stage: Stage) -> Told:
    """Show that nothing of a German person reached the model in clear."""
    transcript, checked = "".join(stage.transcript), 0
    for org in stage.orgs:
        for row in (await stage.look(org, "rows/Contact?MailingCountryCode=DE"))["rows"]:
            for name in ("Email", "Phone", "MobilePhone"):
                value = row[name]
                if isinstance(value, str) and len(value) > 5:
                    checked += 1
                    _need(value not in transcript, f"the transcript holds the {name} of a person in Germany")
    return Told([f"{checked:,} values of people in Germany, none in {len(transcript):,} characters of transcript"])


SCENES = (
    Scene("An agent lists its tools", lists_tools),
    Scene("It reads people from an EU and a US org", reads_people),
    Scene("It opens a case with an e-mail address it may not see", opens_case),
    Scene("It may not delete", refuses_delete),
    Scene("An update needs a person", asks_approval),
    Scene("The org's quota is spent", waits_for_quota),
    Scene("The tokens expire", survives_expiry),
    Scene("An answer is lost", loses_answer),
    Scene("The log is verified", verifies_audit),
    Scene("What the model saw", kept_secrets),
)


async def _new_day(stage: Stage, limits: Json) -> None:
    await asyncio.sleep(1)
    await stage.steer("us", "limits", used=0, maximum=limits["maximum"])


async def _person(stage: Stage, org: str, country: str) -> Json:
    where = {"field": "MailingCountryCode", "op": "eq", "value": country}
    page = _done(await stage.call("query", object="Contact", select=["Email"], where=where, limit=20), "the query")
    found = next((one for one in page["records"] if one["id"].startswith(org)), None)
    _need(found, f"nobody of {country} in {org}")
    return found


def _is(record: Json, org: str, country: str | None) -> bool:
    return bool(record["id"].startswith(org) and record["fields"]["MailingCountryCode"] == country)


def _form(value: Json) -> str:
    return "ref" if isinstance(value, dict) and "ref" in value else "clear"


def _text(value: Json) -> str:
    return str(value["ref"]) if isinstance(value, dict) else str(value)


def _masked(text: str) -> str:
    return f"{text[:2]}…@{text.partition('@')[2]}"
