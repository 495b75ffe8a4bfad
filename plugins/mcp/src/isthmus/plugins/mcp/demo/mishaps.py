"""What can go wrong, and what is left at the end? Each scene checks what it tells, with its own eyes on the systems."""

import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path

from isthmus.plugins.mcp.demo.stage import Json, Stage
from isthmus.plugins.mcp.demo.telling import Told, need

__all__ = ["kept_secrets", "loses_answer", "survives_expiry", "verifies_audit", "waits_for_quota"]


async def waits_for_quota(stage: Stage) -> Told:
    """Show a spent quota: nothing is sent until it is worth asking again."""
    contact = await _person(stage, "crm-us", "US")
    limits = await stage.look("crm-us", "limits")
    await stage.steer("crm-us", "limits", used=limits["maximum"], maximum=limits["maximum"])
    refused = await stage.call("get", "crm", object="Contact", id=contact["id"], fields=["Title"])
    need(not refused.ok, "the org's quota was spent and the call went through")
    before, began = len(await stage.requests("crm-us")), time.monotonic()
    new_day = asyncio.create_task(_new_day(stage, limits))
    await stage.does("get", "crm", object="Contact", id=contact["id"], fields=["Title"])
    await new_day
    waited = time.monotonic() - began
    sent = len(await stage.requests("crm-us")) - before
    need(waited > 1 and sent <= 2, f"did not wait it out: {waited:.1f} s, {sent} requests")
    return Told([f"{refused.content['message']}", f"the next call waited {waited:.1f} s in line and then went through"])


async def survives_expiry(stage: Stage) -> Told:
    """Show a token that ends under way."""
    await stage.steer("crm-eu", "faults", kind="expire_session")
    await stage.steer("crm-us", "faults", kind="expire_session")
    await stage.does("query", "crm", object="Case", select=["Subject"], limit=3)
    return Told(["both orgs ended the session; new tokens were fetched and the call went on, unnoticed"])


async def loses_answer(stage: Stage) -> Told:
    """Show a write whose answer is lost after it was done."""
    person = await _person(stage, "crm-eu", "DE")
    await stage.steer("crm-eu", "faults", kind="lost_answer", method="POST", path="/sobjects/Case")
    values = {"Subject": "Answer lost on the way", "ContactId": person["id"]}
    made = await stage.does("create", "crm", object="Case", values=values, key="demo-lost-1")
    again = await stage.does("create", "crm", object="Case", values=values, key="demo-lost-1")
    rows = await stage.rows("crm-eu", "Case", Subject=values["Subject"])
    need(len(rows) == 1, f"there are {len(rows)} records, not one")
    need(made["id"] == again["id"] == f"crm-eu~{rows[0]['Id']}", "the answers name another record")
    return Told(["the org did it and the line broke; isthmus read back by key: one record, also after a repeat"])


async def verifies_audit(stage: Stage) -> Told:
    """Show that the log verifies, and that a changed copy does not."""
    code, said = await stage.person("audit", "checkpoint")
    need(code == 0, f"no checkpoint: {said}")
    code, said = await stage.person("audit", "verify")
    need(code == 0, f"the log does not verify: {said}")
    told = Told([said.strip().splitlines()[0]])
    copy = stage.folder / "forged.db"
    _forge(stage.folder / "state" / "journal.db", copy)
    code, said = await stage.person("audit", "verify", "--journal", str(copy))
    need(code == 1, f"a forged log was not found out (exit code {code}): {said}")
    told.lines.append(f"a copy in which refusals became approvals: {said.strip().splitlines()[0]}")
    return told


def _forge(journal: Path, copy: Path) -> None:
    with closing(sqlite3.connect(journal)) as real, closing(sqlite3.connect(copy, isolation_level=None)) as forged:
        real.backup(forged)
        for index, leaf in forged.execute("SELECT idx, leaf FROM entries").fetchall():
            forged.execute("UPDATE entries SET leaf = ? WHERE idx = ?", (leaf.replace(b"refused", b"allowed"), index))


async def kept_secrets(stage: Stage) -> Told:
    """Show that nothing of a German person reached the model in clear."""
    transcript = "".join(stage.transcript)
    values = await _values_of_germans(stage)
    need({connection for connection, _ in values} == {"crm-eu", "crm-us", "hr-eu"}, "nothing was there to be found")
    for connection, value in values:
        need(value not in transcript, f"the transcript holds {value!r} of a person in Germany, from {connection}")
    return Told([f"{len(values):,} values of people in Germany, none in {len(transcript):,} characters of transcript"])


async def _values_of_germans(stage: Stage) -> list[tuple[str, str]]:
    found: list[tuple[str, Json]] = []
    for connection in ("crm-eu", "crm-us"):
        for row in await stage.rows(connection, "Contact", MailingCountryCode="DE"):
            found += [(connection, row[name]) for name in ("Email", "Phone", "MobilePhone")]
    for object in ("Applicant", "Worker"):
        for row in await stage.rows("hr-eu", object, country="DE"):
            found += [("hr-eu", row[name]) for name in ("name", "email")]
    return [(connection, value) for connection, value in found if isinstance(value, str) and len(value) > 5]


async def _new_day(stage: Stage, limits: Json) -> None:
    await asyncio.sleep(1)
    await stage.steer("crm-us", "limits", used=0, maximum=limits["maximum"])


async def _person(stage: Stage, org: str, country: str) -> Json:
    where = {"field": "MailingCountryCode", "op": "eq", "value": country}
    page = await stage.does("query", "crm", object="Contact", select=["Email"], where=where, limit=20)
    found = next((one for one in page["records"] if one["id"].startswith(org)), None)
    need(found, f"nobody of {country} in {org}")
    return found
