"""Do labels only grow, do ledger windows see every attempt, and do credential generations move one at a time?"""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from isthmus.core.caller import Principal
from isthmus.core.journal import (
    Attempt,
    AttemptState,
    GenerationMoved,
    GenerationState,
    Journal,
    JournalUnavailable,
    Usage,
)
from isthmus.residency import Integrity, Label

DE = Label.of(["pii"], ["DE"], ["sf-eu"], Integrity.TRUSTED, person=True)
US = Label.of(["internal"], ["US"], ["sf-us"], person=False)
ANNA = Principal("sf-eu", "anna@acme.example")


def test_a_label_grows_and_never_shrinks(journal: Journal) -> None:
    assert journal.view().task_label("t_1") is None
    assert journal.transact_sync(lambda tx: tx.join_label("t_1", DE)) == DE
    assert journal.transact_sync(lambda tx: tx.join_label("t_1", US)) == DE | US
    assert journal.transact_sync(lambda tx: tx.join_label("t_1", DE)) == DE | US
    assert journal.view().task_label("t_1") == DE | US
    assert journal.view().task_label("t_2") is None


def test_a_label_that_does_not_grow_is_not_written(opened: Callable[..., Journal], tmp_path: Path) -> None:
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.join_label("t_1", DE))
        before = (tmp_path / "journal.db-wal").read_bytes()
        journal.transact_sync(lambda tx: tx.join_label("t_1", DE))
        assert (tmp_path / "journal.db-wal").read_bytes() == before


def attempt(clock: Callable, id: str, **fields: object) -> Attempt:
    usual: dict[str, object] = {
        "agent": "triage",
        "user": "anna@acme.example",
        "task": "t_1",
        "system": "erp",
        "connection": "sap-de",
        "verb": "update",
        "effects": frozenset({"update", "create"}),
        "object": "Supplier.Bank",
        "same": {"vendor_id": "4711"},
        "risk": 2,
    }
    return Attempt(id=id, at=clock(), **(usual | fields))


def test_a_window_is_filtered_by_agent_user_and_task(journal: Journal, clock: Callable) -> None:
    start = clock()
    journal.transact_sync(lambda tx: tx.record_attempt(attempt(clock, "a1")))
    clock.pass_seconds(60)
    journal.transact_sync(lambda tx: tx.record_attempt(attempt(clock, "a2", agent="finance")))
    clock.pass_seconds(60)
    journal.transact_sync(lambda tx: tx.record_attempt(attempt(clock, "a3", user="bob@acme.example", task="t_2")))
    view = journal.view()

    def ids(**filters: object) -> list[str]:
        return [each.id for each in view.attempts(filters.pop("since", start), **filters)]

    assert ids() == ["a1", "a2", "a3"]
    assert ids(user="anna@acme.example") == ["a1", "a2"]
    assert ids(agent="triage") == ["a1", "a3"]
    assert ids(task="t_2") == ["a3"]
    assert ids(user="anna@acme.example", agent="finance") == ["a2"]
    assert ids(since=start + timedelta(seconds=60)) == ["a2", "a3"]
    assert ids(user="nobody") == []


def test_an_attempt_counts_before_it_is_done_and_adds_up_after(journal: Journal, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.record_attempt(attempt(clock, "a1")))
    assert journal.view().usage(clock(), agent="triage") == Usage(1, 0, 0)
    journal.transact_sync(lambda tx: tx.finish_attempt("a1", AttemptState.DONE, rows=50, bytes=9_000))
    assert journal.view().usage(clock(), agent="triage") == Usage(1, 50, 9_000)
    (found,) = journal.view().attempts(clock())
    assert found.state is AttemptState.DONE
    assert found.effects == {"update", "create"}
    assert (found.object, found.risk) == ("Supplier.Bank", 2)


def test_people_and_same_keys_are_pseudonyms_in_the_ledger(journal: Journal, clock: Callable, tmp_path: Path) -> None:
    journal.transact_sync(lambda tx: tx.record_attempt(attempt(clock, "a1", same={"vendor_id": "vendor-4711"})))
    (found,) = journal.view().attempts(clock())
    assert found.same == {"vendor_id": journal.view().pseudonym("vendor-4711")}
    assert found.user == journal.view().pseudonym("anna@acme.example")
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"anna@acme" not in content
    assert b"vendor-4711" not in content


def test_an_attempt_that_was_never_recorded_is_not_finished(journal: Journal) -> None:
    with pytest.raises(JournalUnavailable, match="record it before"):
        journal.transact_sync(lambda tx: tx.finish_attempt("a9", AttemptState.DONE))


def test_the_check_and_the_attempt_are_one_step(journal: Journal, clock: Callable) -> None:
    def at_most_one(tx) -> bool:
        if tx.attempts(clock(), user="anna@acme.example"):
            return False
        tx.record_attempt(attempt(clock, "a1"))
        return True

    assert [journal.transact_sync(at_most_one) for _ in range(3)] == [True, False, False]


def test_a_generation_is_pending_verified_current_draining_revoked(journal: Journal) -> None:
    def step(work: Callable) -> object:
        return journal.transact_sync(lambda tx: work(tx.generations))

    pending, verified, current = GenerationState.PENDING, GenerationState.VERIFIED, GenerationState.CURRENT
    first = step(lambda rows: rows.put_generation(ANNA, b"token-1", after=0))
    assert (first.number, first.state, first.secret) == (1, pending, b"token-1")
    assert journal.view().generations.current_generation(ANNA) is None
    step(lambda rows: rows.promote(ANNA, 1, expected=pending, state=verified))
    step(lambda rows: rows.promote(ANNA, 1, expected=verified, state=current))
    step(lambda rows: rows.put_generation(ANNA, b"token-2", after=1))
    step(lambda rows: rows.promote(ANNA, 2, expected=pending, state=current))
    assert journal.view().generations.current_generation(ANNA).secret == b"token-2"
    assert [each.state.value for each in journal.view().generations.of(ANNA)] == ["current", "draining"]
    gone = step(lambda rows: rows.promote(ANNA, 1, expected=GenerationState.DRAINING, state=GenerationState.REVOKED))
    assert gone.secret == b""


def test_a_generation_moves_only_from_where_it_was_seen(journal: Journal) -> None:
    journal.transact_sync(lambda tx: tx.generations.put_generation(ANNA, b"token-1", after=0))
    with pytest.raises(GenerationMoved, match="newest"):
        journal.transact_sync(lambda tx: tx.generations.put_generation(ANNA, b"token-x", after=0))
    with pytest.raises(GenerationMoved, match="not verified"):
        journal.transact_sync(
            lambda tx: tx.generations.promote(ANNA, 1, expected=GenerationState.VERIFIED, state=GenerationState.CURRENT)
        )
    assert journal.view().generations.of(Principal("sf-eu")) == ()
    assert journal.view().generations.of(Principal("sf-us", ANNA.user)) == ()


def test_a_secret_is_sealed_and_never_shown(journal: Journal, tmp_path: Path) -> None:
    found = journal.transact_sync(lambda tx: tx.generations.put_generation(ANNA, b"token-1-secret", after=0))
    assert "token-1-secret" not in repr(found)
    assert b"token-1-secret" not in b"".join(path.read_bytes() for path in tmp_path.iterdir())


def test_a_lease_fences_the_owner_before(journal: Journal, clock: Callable) -> None:
    def lease(owner: str) -> int | None:
        until = clock() + timedelta(seconds=10)
        return journal.transact_sync(lambda tx: tx.generations.lease("rotate sf-eu", owner, until))

    assert (lease("a"), lease("b"), lease("a")) == (1, None, 1)
    clock.pass_seconds(10)
    assert (lease("b"), lease("a")) == (2, None)
