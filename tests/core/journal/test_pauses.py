"""Does a pause stand for every process until it is resumed, and does the log tell of both without naming anybody?"""

from collections.abc import Callable

import pytest

from isthmus.core.journal import Journal, Scope


def test_nothing_is_paused_at_first(journal: Journal) -> None:
    assert journal.view().paused() == frozenset()
    assert journal.view().pauses() == ()


def test_a_pause_stands_until_it_is_resumed(journal: Journal, clock: Callable) -> None:
    made = journal.transact_sync(lambda tx: tx.pause(Scope.AGENT, "triage", by="anna", why="it loops"))
    assert (made.scope, made.name, made.by, made.why) == (Scope.AGENT, "triage", "anna", "it loops")
    assert journal.view().paused() == {("agent", "triage")}
    assert journal.view().pause_of(Scope.AGENT, "triage") == made
    assert journal.view().pause_of(Scope.CONNECTION, "triage") is None
    assert journal.transact_sync(lambda tx: tx.resume(Scope.AGENT, "triage", by="ben")) == made
    assert journal.view().paused() == frozenset()


def test_every_process_sees_it(opened: Callable[..., Journal]) -> None:
    with opened() as one, opened() as other:
        one.transact_sync(lambda tx: tx.pause(Scope.WRITES, by="anna"))
        assert other.view().paused() == {("writes", "")}
        other.transact_sync(lambda tx: tx.resume(Scope.WRITES, by="ben"))
        assert one.view().paused() == frozenset()


def test_a_second_pause_changes_nothing_and_is_not_recorded(journal: Journal) -> None:
    first = journal.transact_sync(lambda tx: tx.pause(Scope.CONNECTION, "crm-eu", by="anna", why="leak"))
    size = journal.view().size
    assert journal.transact_sync(lambda tx: tx.pause(Scope.CONNECTION, "crm-eu", by="ben", why="x")) == first
    assert journal.view().size == size
    assert journal.transact_sync(lambda tx: tx.resume(Scope.CONNECTION, "crm-us", by="ben")) is None
    assert journal.view().size == size


def test_the_log_tells_of_both_and_names_nobody(journal: Journal) -> None:
    journal.transact_sync(lambda tx: tx.pause(Scope.CONNECTION, "crm-eu", by="anna", why="a key leaked"))
    journal.transact_sync(lambda tx: tx.resume(Scope.CONNECTION, "crm-eu", by="ben", why="it was changed"))
    paused, resumed = journal.view().entries(0, 2)
    for entry, state, by, why in (
        (paused, "paused", "anna", "a key leaked"),
        (resumed, "resumed", "ben", "it was changed"),
    ):
        assert (entry.leaf["kind"], entry.leaf["connection"], entry.leaf["state"]) == ("policy", "crm-eu", state)
        assert by not in str(entry.leaf)
        assert why not in str(entry.leaf)
        assert (entry.private["principal"], entry.payload) == (by, {"why": why})
    assert journal.view().about("anna") == (0,)


def test_a_unit_that_fails_pauses_nothing(journal: Journal) -> None:
    def work(tx) -> None:
        tx.pause(Scope.WRITES, by="anna")
        raise LookupError

    with pytest.raises(LookupError):
        journal.transact_sync(work)
    assert journal.view().paused() == frozenset()
    assert journal.view().size == 0
