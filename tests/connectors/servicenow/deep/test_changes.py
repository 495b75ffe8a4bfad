"""Is every change told once it is settled, of children too, and none twice or never?"""

from datetime import UTC, datetime

import pytest

from isthmus.connectors.servicenow import changes
from isthmus.core.session import Session
from isthmus.plugins.sandbox import ServiceNowInstance

LAMP = {"short_description": "Lamp is out", "impact": "2", "urgency": "2"}
FIRST = datetime(2026, 11, 20, 9, 0, 1, tzinfo=UTC)
LATER = datetime(2026, 11, 20, 9, 1, tzinfo=UTC)


async def test_changes_come_page_by_page_oldest_first(home: Session, org: ServiceNowInstance):
    made = []
    for _ in range(5):
        org.clock.advance(minutes=1)
        made.append((await home.create("itsm", "incident", LAMP)).id)
    org.clock.advance(minutes=1)
    found, page = [], await home.changes("itsm", "incident", since=FIRST, select=["number"], limit=2)
    while page.records:
        found += [one.id for one in page.records]
        page = await home.changes("itsm", "incident", since=FIRST, select=["number"], limit=2, after=page.after)
    assert found == made
    org.clock.advance(minutes=1)
    await home.update("itsm", "incident", made[1], {"category": "hardware"})
    org.clock.advance(minutes=1)
    again = await home.changes("itsm", "incident", since=FIRST, select=["number"], limit=2, after=page.after)
    assert [one.id for one in again.records] == [made[1]]


async def test_records_of_the_same_second_all_come_once(home: Session, org: ServiceNowInstance):
    org.clock.advance(minutes=1)
    made = [(await home.create("itsm", "incident", LAMP)).id for _ in range(5)]
    org.clock.advance(minutes=1)
    found, page = [], await home.changes("itsm", "incident", since=LATER, limit=2)
    while page.records:
        found += [one.id for one in page.records]
        page = await home.changes("itsm", "incident", since=LATER, limit=2, after=page.after)
    assert sorted(found) == sorted(made)


async def test_a_change_of_a_child_is_one_of_its_parent(home: Session, org: ServiceNowInstance):
    org.clock.advance(minutes=1)
    made = await home.create("itsm", "incident", LAMP)
    org.clock.advance(minutes=1)
    for object in ("incident", "task"):
        page = await home.changes("itsm", object, since=LATER)
        assert [one.id for one in page.records] == [made.id]


@pytest.mark.parametrize("most", [250, 2])
async def test_deletions_are_told_of_the_table_and_of_its_parents(
    home: Session, org: ServiceNowInstance, most: int, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(changes, "MOST_TABLES", most)
    made = await home.create("itsm", "incident", LAMP)
    org.clock.advance(minutes=1)
    org.store.delete("incident", org.store.get("incident", made.id))
    org.store.insert("sys_audit_delete", {"tablename": "incident", "documentkey": made.id}, "admin")
    org.clock.advance(minutes=1)
    for object in ("incident", "task"):
        page = await home.changes("itsm", object, since=LATER)
        assert page.deleted == (made.id,)
        after = await home.changes("itsm", object, since=LATER, after=page.after)
        assert (after.deleted, after.records) == ((), ())
    other = await home.changes("itsm", "change_request", since=LATER)
    assert other.deleted == ()


async def test_which_tables_lie_below_is_remembered_with_the_rest_of_the_metadata(
    home: Session, org: ServiceNowInstance
):
    page = await home.changes("itsm", "task", since=FIRST)
    known = len([one for one in org.journal.entries if one.path.endswith("/sys_db_object")])
    for _ in range(3):
        page = await home.changes("itsm", "task", after=page.after)
    assert len([one for one in org.journal.entries if one.path.endswith("/sys_db_object")]) == known
