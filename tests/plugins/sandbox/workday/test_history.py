from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox import Sandbox, WorkdayTenant
from isthmus.plugins.sandbox.workday.dated import History

START = date(2026, 1, 1)
DAYS = st.integers(0, 30)
ENTRIES = st.lists(st.tuples(DAYS, DAYS, st.sampled_from(["title", "pay"]), st.integers(0, 9)), max_size=12)


def moment(day: int) -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC) + timedelta(days=day)


@given(ENTRIES, DAYS, DAYS)
def test_reads_tell_the_last_thing_that_was_known_to_hold(
    told: list[tuple[int, int, str, int]], day: int, known: int
) -> None:
    history = History()
    for effective, entered, name, value in told:
        history.add("1", START + timedelta(days=effective), moment(entered), {name: value})
    expected: dict[str, int] = {}
    for at in range(day + 1):
        for typed in range(known + 1):
            for effective, entered, name, value in told:
                if (effective, entered) == (at, typed):
                    expected[name] = value
    assert history.as_of("1", START + timedelta(days=day), moment(known)) == expected


@given(DAYS, DAYS)
def test_a_correction_takes_the_place_of_what_it_corrects(day: int, known: int) -> None:
    history = History()
    wrong = history.add("1", START + timedelta(days=5), moment(5), {"title": "wrong", "pay": 1})
    history.add("1", START + timedelta(days=9), moment(12), {"title": "right"}, corrects=wrong.id)
    found = history.as_of("1", START + timedelta(days=day), moment(known))
    if known >= 12:
        assert found == ({"title": "right"} if day >= 9 else {})
    else:
        assert found == ({"title": "wrong", "pay": 1} if day >= 5 and known >= 5 else {})


def test_a_future_hire_is_there_only_on_the_right_day(tenant: WorkdayTenant, sandbox: Sandbox) -> None:
    hired = [each for each in tenant.rows("Worker") if "hired" not in each]
    assert len(hired) == 1
    number = str(hired[0]["number"])
    view = tenant.view(tenant.users["integration"])
    assert number not in view.workers()
    assert number in view.workers(day=view.today + timedelta(days=30))
    assert number not in view.workers(
        day=view.today + timedelta(days=30), moment=tenant.clock.now() - timedelta(days=11)
    )
    sandbox.clock.advance(days=30)
    assert number in view.workers()


@pytest.mark.parametrize(("days_ago_known", "title"), [(0, True), (6, False)])
def test_a_retroactive_change_alters_past_answers(tenant: WorkdayTenant, days_ago_known: int, title: bool) -> None:
    entry = next(each for each in tenant.rows("Entry") if dict(each["values"]).get("title") == "Team Lead")
    view = tenant.view(tenant.users["integration"])
    known = tenant.clock.now() - timedelta(days=days_ago_known)
    facts = view.facts(str(entry["worker"]), view.today - timedelta(days=20), known)
    assert (facts["title"] == "Team Lead") is title
