"""Is what was erased gone from every byte, while every proof still holds?"""

import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.core.journal import (
    Approval,
    ApprovalState,
    Entry,
    Intent,
    IntentOpen,
    IntentState,
    Journal,
    JournalKeys,
    Kind,
)
from isthmus.core.journal.notes import NoteKey, proven
from isthmus.core.journal.verify import Finding, Report, verify

REQUEST = {"who": "officer@acme.example", "why": "request 17 of Anna", "basis": "gdpr-17"}


def sealed_bytes(path: Path, indexes: tuple[int, ...]) -> list[bytes]:
    db = sqlite3.connect(path)
    rows = [db.execute("SELECT salt, body FROM payloads WHERE idx = ?", (index,)).fetchone() for index in indexes]
    db.close()
    # Any 16 bytes in a row would be enough to recognise a piece of what was sealed.
    return [part[at : at + 16] for row in rows for part in row for at in range(0, len(part) - 15, 16)]


def everything(folder: Path) -> bytes:
    return b"".join(path.read_bytes() for path in folder.iterdir() if path.is_file())


def fill(journal: Journal, outcome: Callable[..., Entry], people: list[str], length: int = 700) -> None:
    for number, person in enumerate(people):
        entry = outcome(attempt=f"at-{number}", on_behalf_of=person, record_ids=(f"sf-eu/Contact/{person}",))
        journal.transact_sync(lambda tx, entry=entry: tx.append(entry, {"values": {"Email": "x" * length}}))


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    people=st.lists(st.sampled_from(["anna", "bob", "carol"]), min_size=1, max_size=40),
    length=st.sampled_from([10, 700, 9_000]),
)
def test_erased_bytes_are_nowhere_and_proofs_hold(
    tmp_path_factory: pytest.TempPathFactory,
    opened: Callable[..., Journal],
    outcome: Callable[..., Entry],
    keys: JournalKeys,
    people: list[str],
    length: int,
) -> None:
    folder = tmp_path_factory.mktemp("erase")
    path = folder / "journal.db"
    with opened(path) as journal:
        fill(journal, outcome, people, length)
        older = journal.checkpoint_sync()
        expected = tuple(index for index, person in enumerate(people) if person == "anna")
        gone = sealed_bytes(path, expected)
        erased = journal.transact_sync(lambda tx: tx.erase("sf-eu/Contact/anna", **REQUEST))
        assert erased == expected
        content = everything(folder)
        assert not [part for part in gone if part in content]
        newer = journal.checkpoint_sync()
        key = journal.verification_key
        report = verify(path, [key], older=[older, newer], sealing=keys.sealing)
        assert report == Report(Finding.OK, size=len(people) + 1, covered=len(people) + 1, erased=len(expected))
        for index in expected:
            with closing(sqlite3.connect(path)) as raw:
                leaf = raw.execute("SELECT leaf FROM entries WHERE idx = ?", (index,)).fetchone()[0]
            assert (
                proven(journal.view().prove(index), leaf, [NoteKey.parse(key)], origin="acme.example/isthmus") == index
            )
    assert not [part for part in gone if part in everything(folder)]


def test_the_request_is_recorded_without_naming_the_subject(journal: Journal, outcome: Callable[..., Entry]) -> None:
    fill(journal, outcome, ["anna", "bob", "anna", "anna"])
    journal.transact_sync(lambda tx: tx.erase("anna", **REQUEST))
    tombstone = journal.view().entry(4)
    assert tombstone.leaf["kind"] == "erase"
    assert tombstone.leaf["erased"] == [[0, 0], [2, 3]]
    assert tombstone.leaf["basis"] == "gdpr-17"
    assert tombstone.payload == {"why": "request 17 of Anna"}
    assert "officer@acme.example" not in str(tombstone.leaf)
    assert journal.view().entry(0).private == {}
    assert journal.view().entry(1).private["on_behalf_of"] == "bob"
    assert journal.view().about("anna") == ()


def test_nobody_is_not_everybody(journal: Journal, outcome: Callable[..., Entry]) -> None:
    fill(journal, outcome, ["anna", "bob"])
    assert journal.view().about("") == ()
    assert journal.transact_sync(lambda tx: tx.erase("", **REQUEST)) == ()
    assert journal.view().about("anna") == (0,)


def test_erasing_twice_is_harmless(journal: Journal, outcome: Callable[..., Entry], tmp_path: Path) -> None:
    fill(journal, outcome, ["anna", "bob"])
    assert journal.transact_sync(lambda tx: tx.erase([0, 7], **REQUEST)) == (0,)
    assert journal.transact_sync(lambda tx: tx.erase([0], **REQUEST)) == ()
    assert verify(tmp_path / "journal.db", [journal.verification_key]).erased == 1


def test_an_open_intent_is_settled_first(journal: Journal, outcome: Callable[..., Entry], clock: Callable) -> None:
    intent = Intent(
        id="at-1", digest="d", agent="x", tool="t", connection="c", opened_at=clock(), payload={"Name": "Anna"}
    )

    def send(tx) -> None:
        tx.append(outcome(kind=Kind.INTENT))
        tx.open_intent(intent)

    journal.transact_sync(send)
    with pytest.raises(IntentOpen, match="settle it, then erase"):
        journal.transact_sync(lambda tx: tx.erase([0], **REQUEST))
    assert journal.view().entry(0).private
    journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.HAPPENED, {"Name": "Anna"}))
    journal.transact_sync(lambda tx: tx.erase([0], **REQUEST))
    assert journal.view().intent("at-1").outcome == {}


def test_an_approval_of_an_erased_entry_cannot_be_used(journal: Journal, clock: Callable) -> None:
    question = Approval(
        id="ap-1",
        digest="d",
        agent="x",
        user="anna",
        tool="t",
        summary="Phone of Anna",
        asked_at=clock(),
        expires=clock() + timedelta(hours=1),
    )
    journal.transact_sync(lambda tx: tx.ask(question))
    journal.transact_sync(lambda tx: tx.erase("anna", **REQUEST))
    found = journal.view().approval("ap-1")
    assert (found.state, found.summary, found.user) == (ApprovalState.REJECTED, "", None)
    assert [each.leaf["state"] for each in journal.view().entries(0, 9)] == ["pending", "rejected", "erased"]


def test_a_reader_in_the_way_only_delays_the_wiping(
    opened: Callable[..., Journal], outcome: Callable[..., Entry], tmp_path: Path
) -> None:
    with opened() as journal:
        fill(journal, outcome, ["anna"])
        gone = sealed_bytes(tmp_path / "journal.db", (0,))
        reader = sqlite3.connect(tmp_path / "journal.db", isolation_level=None)
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM payloads").fetchone()
        journal.transact_sync(lambda tx: tx.erase("anna", **REQUEST))
        assert [part for part in gone if part in everything(tmp_path)]
        reader.execute("COMMIT")
        reader.close()
        journal.transact_sync(lambda tx: tx.size)
        assert not [part for part in gone if part in everything(tmp_path)]
