from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox.clock import Clock
from isthmus.plugins.sandbox.salesforce.schema import load_schema
from isthmus.plugins.sandbox.salesforce.store import Store

KEYS = ("C-1", "C-2", None)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(("insert", "change", "delete", "open", "take back")), st.integers(0, 5), st.integers(0, 2)
    ),
    max_size=25,
)


def state(store: Store) -> tuple[Mapping[str, object], Mapping[str, int], list[list[str]]]:
    table = store["Account"]
    keys = [sorted(str(row["Id"]) for row in table.find(each, "c-1")) for each in table.sobject.fields if each.is_key]
    return {key: dict(row) for key, row in table.rows.items()}, dict(table.revisions), keys


def act(store: Store, step: str, place: int, key: int) -> None:
    rows = list(store["Account"])
    values = {"Name": f"{step} {place}", "Customer_Number__c": KEYS[key], "Legacy_Number__c": KEYS[key]}
    if step == "insert" or not rows:
        store.insert("Account", values, "user")
    else:
        gone = {"IsDeleted": True} if step == "delete" else values
        store.change("Account", rows[place % len(rows)], gone, "user")


def play(store: Store, steps: list[tuple[str, int, int]]) -> None:
    """Do steps; `open` starts a savepoint that holds the rest, `take back` takes back what the innermost one holds."""
    for at, (step, place, key) in enumerate(steps):
        if step == "open":
            with store.savepoint() as take_back:
                before = state(store)
                rest = steps[at + 1 :]
                stop = next((index for index, each in enumerate(rest) if each[0] == "take back"), len(rest))
                play(store, rest[:stop])
                if stop < len(rest):
                    take_back()
                    assert state(store) == before
                play(store, rest[stop + 1 :])
            return
        if step != "take back":
            act(store, step, place, key)


@given(first=STEPS, then=STEPS)
def test_what_is_taken_back_never_was(first: list[tuple[str, int, int]], then: list[tuple[str, int, int]]) -> None:
    store = Store(load_schema(), Clock(), "8d")
    play(store, first)
    before = state(store)
    with store.savepoint() as take_back:
        play(store, then)
        take_back()
        assert state(store) == before
        act(store, "insert", 0, 0)
    assert len(store["Account"].rows) == len(before[0]) + 1


def test_an_exception_takes_everything_back() -> None:
    store = Store(load_schema(), Clock(), "8d")
    store.insert("Account", {"Name": "kept"}, "user")
    before = state(store)

    def fail_midway() -> None:
        with store.savepoint():
            act(store, "change", 0, 0)
            act(store, "insert", 0, 0)
            raise LookupError

    with pytest.raises(LookupError):
        fail_midway()
    assert state(store) == before
