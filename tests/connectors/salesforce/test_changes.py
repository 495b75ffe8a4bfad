"""Is every change told, once it is settled, and none twice?"""

from datetime import UTC, datetime, timedelta

import pytest
from tests.connectors.salesforce.conftest import Crm

from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Query, Row

CONTACTS = Query("Contact", ("Id", "Email"), limit=50)
LONG_AGO = "2000-01-01T00:00:00+00:00"


async def changed(crm: Crm, since: str, query: Query = CONTACTS) -> tuple[list[Row], list[str], str]:
    """Look until there is nothing new."""
    rows: list[Row] = []
    gone: list[str] = []
    for _ in range(200):
        found = await crm(query.object).changes(query, since)
        if not found.rows and not found.deleted:
            return rows, gone, found.at
        rows += found.rows
        gone += found.deleted
        since = found.at
    raise AssertionError("the changes do not come to an end")


async def write(crm: Crm, id: str, email: str) -> None:
    await crm("Contact", effects="update", records=(id,)).update("Contact", id, {"Email": email}, None)


async def test_without_a_moment_it_says_where_now_is(crm: Crm) -> None:
    found = await crm("Contact").changes(CONTACTS, "")
    assert (list(found.rows), found.deleted) == ([], ())
    assert (await crm("Contact").changes(CONTACTS, found.at)).at == found.at


async def test_tells_every_record_once_oldest_first(crm: Crm) -> None:
    crm.later(60)
    rows, gone, _ = await changed(crm, LONG_AGO, Query("Contact", ("Id", "SystemModstamp"), limit=7))
    assert sorted(row.id for row in rows) == sorted(str(row["Id"]) for row in crm.org.rows("Contact"))
    stamps = [(row.fields["SystemModstamp"], row.id) for row in rows]
    assert stamps == sorted(stamps)
    assert gone == []


async def test_a_change_is_told_after_it_has_settled(crm: Crm) -> None:
    begin = (await crm("Contact").changes(CONTACTS, "")).at
    first, second = (str(row["Id"]) for row in crm.org.rows("Contact")[:2])
    crm.later(60)
    await write(crm, first, "first@kessmar.example")
    rows, gone, at = await changed(crm, begin)
    assert (rows, gone) == ([], [])
    crm.later(60)
    await write(crm, second, "second@kessmar.example")
    rows, _, at = await changed(crm, at)
    assert [(row.id, row.fields) for row in rows] == [(first, {"Id": first, "Email": "first@kessmar.example"})]
    crm.later(60)
    rows, _, at = await changed(crm, at)
    assert [row.id for row in rows] == [second]
    assert (await changed(crm, at))[0] == []


async def test_records_of_one_stamp_are_not_lost_between_pages(crm: Crm) -> None:
    begin = (await crm("Contact").changes(CONTACTS, "")).at
    due = [str(row["Id"]) for row in crm.org.rows("Contact")[:5]]
    crm.later(60)
    for id in due:
        await write(crm, id, "same@kessmar.example")
    crm.later(60)
    rows, _, _ = await changed(crm, begin, Query("Contact", ("Id",), limit=2))
    assert sorted(row.id for row in rows) == sorted(due)


async def test_a_deleted_record_is_told_as_gone(crm: Crm) -> None:
    crm.later(60)
    begin = (await crm("Contact").changes(CONTACTS, "")).at
    id = str(crm.org.rows("Contact")[0]["Id"])
    await crm("Contact", effects="delete", records=(id,)).delete("Contact", id, None)
    crm.later(60)
    rows, gone, _ = await changed(crm, begin)
    assert (rows, gone) == ([], [id])


async def test_begins_at_a_moment_that_the_caller_names(crm: Crm) -> None:
    crm.later(60)
    moment = datetime.fromtimestamp(crm.org.clock(), UTC) + timedelta(seconds=30)
    id = str(crm.org.rows("Contact")[0]["Id"])
    crm.later(60)
    await write(crm, id, "late@kessmar.example")
    crm.later(60)
    rows, _, _ = await changed(crm, moment.astimezone().isoformat())
    assert [row.id for row in rows] == [id]


async def test_what_is_read_along_does_not_leave(crm: Crm) -> None:
    crm.later(60)
    rows, _, _ = await changed(crm, LONG_AGO, Query("Contact", ("Email",), limit=50))
    assert {tuple(row.fields) for row in rows} == {("Email",)}
    assert all(row.id for row in rows)


async def test_where_deletions_cannot_be_seen_changes_are_told_all_the_same(crm: Crm) -> None:
    crm.restrict(hidden=frozenset({"contact.isdeleted"}))
    crm.later(60)
    since = crm.mark()
    rows, gone, _ = await changed(crm, LONG_AGO)
    assert {row.id for row in rows} == {str(row["Id"]) for row in crm.org.rows("Contact")}
    assert gone == []
    assert "GET /queryAll" not in crm.requests(since)


async def test_an_object_without_a_stamp_is_refused(crm: Crm) -> None:
    with pytest.raises(InvalidArguments, match="what changed cannot be told"):
        await crm("FieldDefinition").changes(Query("FieldDefinition", ("QualifiedApiName",), limit=5), LONG_AGO)
