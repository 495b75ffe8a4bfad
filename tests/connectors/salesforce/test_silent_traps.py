"""Where an org answers well and means something else: is every such trap noticed?

Named in the vendor's pages: REST API Developer Guide; SOQL and SOSL Reference; Object Reference (MasterRecordId).
"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import parse_qs

import httpx2
import pytest
from tests.conftest import House

from isthmus.connectors.salesforce import Salesforce
from isthmus.connectors.salesforce.classify import classify
from isthmus.connectors.salesforce.readback import LONGEST_TRANSACTION, settle_delete
from isthmus.core.connector import Key, Pending, Settlement, Written
from isthmus.core.errors import InvalidArguments, NotFound, UpstreamError
from isthmus.core.records import JSON, Aggregate, Compare, Measure, Operator, Order, Page, Query
from isthmus.core.session import Session
from isthmus.plugins.sandbox.salesforce import SalesforceOrg

from .conftest import Crm
from .test_scripted import speaking

ID = "5008d0000000001AAA"
KEY = Key("Isthmus_Key__c", "k")
LATE = LONGEST_TRANSACTION + 1
HAPPENED, NOT_HAPPENED, CANNOT_TELL = Settlement.HAPPENED, Settlement.NOT_HAPPENED, Settlement.CANNOT_TELL


class Edited(House):
    """A house on one org whose settings a test changes."""

    orgs = ("eu",)
    old, new = "", ""

    def write(self) -> Path:
        path = super().write()
        assert self.old in path.read_text()
        path.write_text(path.read_text().replace(self.old, self.new))
        return path


@asynccontextmanager
async def edited(house: House, old: str, new: str) -> AsyncIterator[Session]:
    mine = Edited(house.folder, house.sandbox, orgs=("eu",))
    mine.old, mine.new = old, new
    async with mine.open() as gateway:
        yield gateway.session(mine.caller("eu"))


@pytest.fixture
async def home(house: House) -> AsyncIterator[Session]:
    house.orgs = ("eu",)
    async with house.open() as gateway:
        yield gateway.session(house.caller("eu"))


@pytest.fixture
def org(house: House) -> SalesforceOrg:
    return house.sandbox.salesforce["eu"]


WRITES: dict[str, Callable[[Salesforce], Awaitable[Written]]] = {
    "create": lambda crm: crm.create("Case", {"Subject": "x"}, None),
    "upsert": lambda crm: crm.upsert("Case", KEY, {"Subject": "x"}),
    "update": lambda crm: crm.update("Case", ID, {"Subject": "x"}, None),
    "delete": lambda crm: crm.delete("Case", ID, None),
}


@pytest.mark.parametrize("verb", WRITES)
@pytest.mark.parametrize("status", [200, 201])
async def test_a_success_that_holds_a_failure_is_none(verb: str, status: int) -> None:
    """As in composite resources, where the status of the whole says nothing of its parts."""
    error = {"statusCode": "FIELD_CUSTOM_VALIDATION_EXCEPTION", "message": "no", "fields": []}

    def handler(request: httpx2.Request) -> httpx2.Response:
        return httpx2.Response(status, json={"id": None, "success": False, "errors": [error]})

    crm = speaking(handler)
    with pytest.raises(UpstreamError):
        await WRITES[verb](crm)


async def test_rows_that_sharing_may_hide_make_an_answer_incomplete(house: House, home: Session) -> None:
    """The org counts what it shows, so that nothing in an answer tells."""
    query = Query("Contact", ("Title",), limit=3)
    count = Aggregate("Contact", (Measure("count", "", "n"),))
    assert (await home.query("crm", query)).complete
    assert (await home.aggregate("crm", count)).complete
    async with edited(house, "sees_all_rows = true", "sees_all_rows = false") as narrow:
        page = await narrow.query("crm", query)
        assert isinstance(page, Page)
        assert (len(page.records), page.complete) == (3, False)
        assert not (await narrow.aggregate("crm", count)).complete


async def test_deleted_records_are_in_no_answer(home: Session, org: SalesforceOrg) -> None:
    note = await home.create("crm", "Asset_Note__c", {"Name": "gone"})
    where = Compare("Name", Operator.EQ, "gone")
    count = Aggregate("Asset_Note__c", (Measure("count", "", "n"),), (), where)
    assert [one.id for one in (await home.query("crm", Query("Asset_Note__c", ("Name",), where))).records] == [note.id]
    await home.delete("crm", "Asset_Note__c", note.id)
    assert (await home.query("crm", Query("Asset_Note__c", ("Name",), where))).records == ()
    assert (await home.aggregate("crm", count)).rows[0]["n"] == 0
    with pytest.raises(NotFound):
        await home.get("crm", "Asset_Note__c", note.id, ["Name"])
    assert not [one for one in org.journal.entries if one.path.endswith("/queryAll")]


async def test_what_is_cut_off_has_an_order_without_ties(home: Session, org: SalesforceOrg) -> None:
    await home.query("crm", Query("Contact", ("Title",), limit=3))
    await home.query("crm", Query("Contact", ("Title",), None, (Order("Title"),), 3))
    await home.query("crm", "SELECT Title FROM Contact LIMIT 3")
    asked = [parse_qs(one.query)["q"][0] for one in org.journal.entries if one.path.endswith("/query")]
    cut = [one for one in asked if " LIMIT " in one and "FieldDefinition" not in one]
    assert len(cut) == 3
    assert all(" ORDER BY " in one and "Id" in one.partition(" ORDER BY ")[2] for one in cut), cut


@pytest.mark.parametrize("name", ["SSN__d", "Nonsense__c"])
async def test_a_field_that_is_hidden_or_misspelled_is_refused_unsent(
    home: Session, org: SalesforceOrg, name: str
) -> None:
    await home.describe("crm", "Contact")
    since = len(org.journal.entries)
    with pytest.raises(InvalidArguments):
        await home.query("crm", Query("Contact", (name,)))
    with pytest.raises(InvalidArguments):
        await home.query("crm", Query("Contact", ("Title",), Compare(name, Operator.EQ, "x")))
    assert not [one for one in org.journal.since(since) if one.path.endswith("/query")]


def triggered(stored: dict[str, JSON], *, lost: bool = False) -> Callable[[httpx2.Request], httpx2.Response]:
    """Answer as an org whose trigger changes what is written."""

    def handler(request: httpx2.Request) -> httpx2.Response:
        if request.method == "GET":
            return httpx2.Response(503) if lost else httpx2.Response(200, json={"Id": ID, **stored})
        if request.method == "POST" or "Isthmus_Key__c" in request.url.path:
            told = {"id": ID, "success": True, "errors": [], "created": True}
            return httpx2.Response(201, json=told)
        return httpx2.Response(204)

    return handler


@pytest.mark.parametrize("verb", ["create", "upsert", "update"])
async def test_what_a_trigger_stored_otherwise_is_told_where_that_is_wanted(verb: str) -> None:
    sent: dict[str, JSON] = {"Subject": " Lamp ", "Priority": "High"}
    crm = speaking(triggered({"Subject": "Lamp", "Priority": "Low"}), read_back=True)
    match verb:
        case "create":
            done = await crm.create("Case", sent, None)
        case "upsert":
            done = await crm.upsert("Case", KEY, sent)
        case _:
            done = await crm.update("Case", ID, sent, None)
    assert (done.id, done.altered) == (ID, {"Priority": "Low"})


async def test_a_write_is_done_although_reading_it_again_fails() -> None:
    crm = speaking(triggered({}, lost=True), read_back=True)
    assert (await crm.create("Case", {"Subject": "x"}, None)).id == ID


async def test_reading_back_works_through_the_passage(house: House) -> None:
    connection = "[connections.crm-eu.key_fields]"
    async with edited(house, connection, f"[connections.crm-eu.settings]\nread_back = true\n{connection}") as session:
        made = await session.create("crm", "Case", {"Subject": "x", "Description": "y"}, key="k-1")
        assert made.altered == ()
        changed = await session.update("crm", "Case", made.id, {"Subject": "z"})
        assert (changed.altered, changed.guard) == ((), "read")
        again = await session.upsert("crm", "Case", "Isthmus_Key__c", "k-1", {"Subject": "w"})
        assert (again.id, again.created, again.altered) == (made.id, False, ())


@pytest.mark.parametrize("header", ["Sforce-Duplicate-Rule-Header", "Sforce-Auto-Assign", "X-HTTP-Method-Override"])
def test_no_header_steps_around_a_rule_of_the_org(header: str) -> None:
    where = "https://crm.example/services/data/v62.0/sobjects/Case"
    body = b'{"Subject":"x"}'
    assert classify(httpx2.Request("POST", where, content=body))
    named = {header: "allowSave=true", "content-type": "application/json"}
    assert classify(httpx2.Request("POST", where, content=body, headers=named)) == ()


@pytest.mark.parametrize(
    ("row", "version", "settled"),
    [
        ({"IsDeleted": True, "SystemModstamp": "v2"}, "v1", HAPPENED),
        ({"IsDeleted": True, "SystemModstamp": "v2", "MasterRecordId": None}, "v1", HAPPENED),
        ({"IsDeleted": True, "SystemModstamp": "v2", "MasterRecordId": ID}, "v1", CANNOT_TELL),
        ({"IsDeleted": False, "SystemModstamp": "v1"}, "v1", NOT_HAPPENED),
        ({"IsDeleted": False, "SystemModstamp": "v2"}, "v1", CANNOT_TELL),
        ({"IsDeleted": False, "SystemModstamp": "v2"}, None, NOT_HAPPENED),
    ],
    ids=["gone", "gone, of a kind that is merged", "merged", "as it was", "brought back or changed", "nobody knows"],
)
def test_a_merge_and_an_undelete_are_no_proof_of_a_delete(
    row: dict[str, JSON], version: str | None, settled: Settlement
) -> None:
    assert settle_delete(Pending("delete", "Contact", id=ID, version=version, age=LATE), [row]) is settled


async def test_a_record_that_was_brought_back_is_not_deleted_again(crm: Crm) -> None:
    """Else a repeated call would undo what somebody did on purpose."""
    made = await crm("Contact", effects="create").create("Contact", {"LastName": "Back"}, None)
    asked = Pending("delete", "Contact", id=made.id, version=str(crm.row("Contact", Id=made.id)["SystemModstamp"]))
    await crm("Contact", effects="update", records=(made.id,)).update("Contact", made.id, {"Title": "x"}, None)
    assert (await crm("Contact").reconcile(replace(asked, age=LATE)))[0] is CANNOT_TELL
    await crm("Contact", effects="delete", records=(made.id,)).delete("Contact", made.id, None)
    assert (await crm("Contact").reconcile(asked))[0] is HAPPENED
