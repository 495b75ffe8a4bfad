"""Does a change wait until its second is over, by the instance's own clock, so that none comes in late?"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from isthmus.core.errors import InvalidArguments, UpstreamError
from isthmus.core.records import Page
from isthmus.core.session import Session

from .instance import Instance, id_at

START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)
Ask = Callable[[str], object]


def at(instance: Instance, seconds: float) -> None:
    """Let the instance say what time it is."""
    instance.headers["date"] = (START + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S GMT")


def touch(instance: Instance, number: int, seconds: int) -> None:
    stamp = (START + timedelta(seconds=seconds)).strftime("%Y-%m-%d %H:%M:%S")
    instance.tables["incident"][id_at(number)]["sys_updated_on"] = stamp


def ids(page: Page) -> list[str]:
    return [one.id for one in page.records]


@pytest.fixture(autouse=True)
def old(instance: Instance) -> None:
    for number in range(1, 7):
        touch(instance, number, -1_000)


async def look(home: Session, after: str = "") -> Page:
    return await home.changes("itsm", "incident", since=START, select=["number"], limit=2, after=after)


async def test_a_young_change_waits_and_one_that_comes_in_late_is_still_seen(home: Session, instance: Instance):
    touch(instance, 3, 10)
    at(instance, 11)
    first = await look(home)
    assert ids(first) == []
    # A writer of the same second, with a smaller id, is done only now.
    touch(instance, 2, 10)
    at(instance, 14)
    second = await look(home, first.after or "")
    assert ids(second) == [id_at(2), id_at(3)]
    assert ids(await look(home, second.after or "")) == []


async def test_from_now_on_means_what_was_not_settled_yet(home: Session, instance: Instance):
    at(instance, 0)
    touch(instance, 1, -60)
    touch(instance, 2, 5)
    first = await home.changes("itsm", "incident")
    assert (ids(first), first.deleted) == ([], ())
    at(instance, 60)
    assert ids(await home.changes("itsm", "incident", after=first.after or "")) == [id_at(2)]


async def test_without_the_instances_time_nothing_is_guessed(home: Session):
    with pytest.raises(UpstreamError, match="no Date header"):
        await look(home)


async def test_hidden_changes_are_missed_and_the_rest_is_read(home: Session, instance: Instance):
    for number in range(1, 6):
        touch(instance, number, number)
    instance.hidden = {id_at(1), id_at(2), id_at(3)}
    at(instance, 60)
    page = await look(home)
    assert ids(page) == [id_at(4), id_at(5)]
    assert not page.complete


async def test_a_row_that_moves_on_while_pages_are_read_pushes_none_past_the_reader(home: Session, instance: Instance):
    for number in range(1, 7):
        touch(instance, number, number)
    instance.hidden = {id_at(1), id_at(2)}
    at(instance, 60)
    page, asked = instance.page, 0

    def meanwhile(table: str, params: dict[str, str]):
        nonlocal asked
        if table == "incident" and "sys_updated_on" in params.get("sysparm_query", ""):
            asked += 1
            if asked == 2:
                touch(instance, 1, 100)
        return page(table, params)

    instance.page = meanwhile  # type: ignore[method-assign]
    found, after = [], ""
    for _ in range(4):
        told = await look(home, after)
        found, after = [*found, *ids(told)], told.after or ""
    assert found == [id_at(3), id_at(4), id_at(5), id_at(6)]


async def test_an_identity_that_may_not_read_deletions_still_gets_changes(home: Session, instance: Instance):
    instance.closed = {"sys_audit_delete"}
    touch(instance, 1, 1)
    at(instance, 60)
    assert ids(await look(home)) == [id_at(1)]


async def test_a_table_without_stamps_has_no_changes(home: Session, instance: Instance):
    at(instance, 0)
    with pytest.raises(InvalidArguments, match="sys_updated_on"):
        await home.changes("itsm", "sys_user")
