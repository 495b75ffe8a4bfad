"""Nothing that says who somebody is, and nothing that opens a door, gets into a cassette; and it can be played."""

import base64
from pathlib import Path

import httpx2
import pytest

from isthmus.core.cassettes import check_cassette

from .canaries import BORN, FILE, FIRST, LAST, MAIL, NEW, PHONE, PIECES, STORY, found_in, plant, secrets_of
from .conftest import Desk, Told


def is_error(answer: bytes) -> bool:
    return answer.startswith(b'{"error"')


def equal(field: str, value: object) -> dict:
    return {"field": field, "op": "eq", "value": value}


async def everything(told: Told) -> None:
    """Use most verbs as two callers, with values of the person in every place where a value may stand."""
    await told("us", "describe", system="crm")
    await told(
        "eu",
        "query",
        system="crm",
        object="Contact",
        where=equal("Email", MAIL),
        select=["Id", "Name", "Email", "Phone"],
    )
    for where in ("us", "eu"):
        page = await told(
            where, "query", system="crm", object="Contact", order_by=[{"field": "Id", "descending": True}], limit=5,
            select=["Id", "Name", "Email", "Phone", "Birthdate", "MailingStreet", "MailingCountryCode", "Description"],
        )  # fmt: skip
        await told(where, "query", system="crm", object="Contact", order_by=[{"field": "Id", "descending": True}], limit=5,
                   select=["Id", "Name", "Email", "Phone", "Birthdate", "MailingStreet", "MailingCountryCode", "Description"],
                   after=page["after"])  # fmt: skip
        for one in page["records"]:
            await told(where, "get", system="crm", object="Contact", id=one["id"], fields=["*"])
            if "ref" in str(one["fields"]["Email"]):
                await told(where, "query", system="crm", object="Contact", where=equal("Email", one["fields"]["Email"]))
    home, abroad = "eu", "us"
    soql = f"SELECT Id, Name, Account.Name FROM Contact WHERE LastName = '{LAST.replace(chr(39), chr(92) + chr(39))}'"
    await told(home, "query", system="crm", text=soql + f" OR Phone LIKE '%{PHONE[4:]}%'")
    await told(home, "search", system="crm", object="Contact", text=f"{FIRST} Kanarienvögel")
    measures = [{"function": "count", "name": "n"}, {"function": "max", "field": "Email", "name": "last"}]
    await told(home, "aggregate", system="crm", object="Contact", measures=measures, group_by=["LastName"])
    await told(home, "query", system="crm", object="Case", where=equal("Contact.Email", MAIL),
               select=["CaseNumber", "Description", "SuppliedName", "Contact.Name", "Contact.MailingCountryCode"])  # fmt: skip
    person = {"FirstName": NEW, "LastName": LAST, "Email": MAIL, "Birthdate": BORN, "MailingCountryCode": "DE"}
    made = await told(home, "create", system="crm", object="Contact", values=person, key="made-once")
    note = {"Description": STORY, "Phone": PHONE}
    await told(home, "update", system="crm", object="Contact", id=made["id"], values=note)
    case = await told(
        home, "create", system="crm", object="Case",
        values={"Subject": "Call back", "Description": STORY, "ContactId": made["id"]},
    )  # fmt: skip
    await told(
        home,
        "transition",
        system="crm",
        object="Case",
        id=case["id"],
        to="Working",
        values={"Description": "x" + STORY},
    )
    content = base64.b64encode(f"{FIRST} {LAST} {MAIL}".encode()).decode()
    kept = await told(
        home, "attach", system="crm", object="Case", id=case["id"], name=FILE, type="text/plain", content=content
    )
    await told(home, "download", system="crm", object="Case", id=case["id"], file=kept.get("id", ""))
    lines = [
        {"values": {"LastName": f"{LAST} {number}", "Email": MAIL, "MailingCountryCode": "DE"}} for number in range(2)
    ]
    await told(home, "load", system="crm", object="Contact", action="create", lines=lines, key="loaded-once")
    await told(
        home, "upsert", system="crm", object="Contact", key_field="Isthmus_Key__c", key=f"{NEW}-1", values=person
    )
    await told(
        home, "export", system="crm", object="Contact", select=["Id", "Name", "Email"], where=equal("FirstName", FIRST)
    )
    await told(home, "delete", system="crm", object="Contact", id=made["id"])
    await refused(told, abroad, made["id"])
    await service(told)


async def refused(told: Told, where: str, gone: str) -> None:
    """Do what fails: refused by us, refused by the system with words about the person, and not there."""
    await told(where, "query", system="crm", object="Lead", where=equal("Email", MAIL))
    await told(where, "query", system="crm", object="Contact", where=equal("Birthday", BORN))
    await told(where, "get", system="crm", object="Contact", id=gone)
    wrong = {"FirstName": NEW, "Email": f"{FIRST} at {LAST}", "MailingCountryCode": "DE"}
    await told("eu", "create", system="crm", object="Contact", values=wrong)


async def service(told: Told) -> None:
    people = await told("eu", "query", system="itsm", object="sys_user", where=equal("email", MAIL))
    select = ["number", "short_description", "description", "caller_id.name", "caller_id.email", "caller_id.country"]
    for where in ("eu", "us"):
        await told(
            where,
            "query",
            system="itsm",
            object="incident",
            select=select,
            where=equal("caller_id.country", "DE"),
            limit=500,
        )
        await told(where, "search", system="itsm", object="incident", text=FIRST)
    values = {"short_description": f"{NEW} rang", "description": STORY, "caller_id": people["records"][0]["id"]}
    made = await told("eu", "create", system="itsm", object="incident", values=values)
    await told("eu", "update", system="itsm", object="incident", id=made["id"], values={"work_notes": STORY})
    await told("eu", "transition", system="itsm", object="incident", id=made["id"], to="2")


@pytest.fixture
async def recorded(desk: Desk, tmp_path: Path) -> tuple[Path, list[bytes]]:
    """A recording of everything, and what the tools answered while it was made."""
    path = tmp_path / "everything.yaml"
    plant(desk.sandbox)
    async with desk.recorded(path) as told:
        await everything(told)
        session = told.gateway.session(desk.caller("eu"))
        await session.call_request(
            "crm",
            httpx2.Request("GET", "https://crm.isthmus.invalid/services/data/v62.0/query?q=SELECT+Email+FROM+Contact"),
        )
    return path, told.answers


async def test_no_canary_and_no_secret_is_in_the_file_in_any_spelling(
    recorded: tuple[Path, list[bytes]], desk: Desk
) -> None:
    path, answers = recorded
    text = path.read_text()
    assert {"Zebrina", "Kanarienvögel", "lutetia", "777123987", "Wellensittich"} <= found_in(
        b"\n".join(answers).decode(), PIECES
    )
    assert found_in(text, PIECES) == set()
    assert found_in(text, secrets_of(desk.sandbox)) == set()
    assert check_cassette(path) == ()


async def test_a_replay_answers_the_same_bytes_twice_and_opens_no_socket(
    recorded: tuple[Path, list[bytes]], desk: Desk, offline: None
) -> None:
    path, first = recorded
    answers, ids = [], []
    for _ in range(2):
        async with desk.replayed(path) as told:
            await everything(told)
            ids.append(told.gateway.parts.new_id())
        answers.append(told.answers)
    assert ids[0] == ids[1]
    assert answers[0] == answers[1]
    failed = [
        tool for tool, then, now in zip(told.tools, first, answers[0], strict=True) if is_error(now) > is_error(then)
    ]
    assert failed == ["download"]
