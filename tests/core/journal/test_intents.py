"""Is a write recorded before it is sent, never twice, and settled exactly once?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from isthmus.core.errors import Conflict
from isthmus.core.journal import (
    Intent,
    IntentOpen,
    IntentSettled,
    IntentState,
    Journal,
    JournalKeys,
    KeyUsed,
)
from isthmus.core.journal.instants import utcnow


@pytest.fixture
def create(clock: Callable) -> Intent:
    return Intent(
        id="at-1",
        digest="d1",
        agent="triage",
        user="anna@acme.example",
        principal="integration@acme.example",
        tool="create",
        connection="sf-eu",
        object="Case",
        key="order-1",
        opened_at=clock(),
        payload={"values": {"Subject": "Broken pump"}},
    )


def test_an_intent_reads_back_whole(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    assert journal.view().intent("at-1") == create
    assert journal.view().open_intents() == (create,)
    assert journal.view().open_intents("sf-eu") == (create,)
    assert journal.view().open_intents("sf-us") == ()


def test_an_identical_call_waits_for_the_open_one(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    with pytest.raises(IntentOpen, match="at-1") as refused:
        journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2", key=None)))
    assert refused.value.details()["intent"] == "at-1"
    assert isinstance(refused.value, Conflict)


@pytest.mark.parametrize("other", [{"user": "bob@acme.example"}, {"user": None}, {"agent": "finance"}])
def test_another_caller_is_not_held_up(journal: Journal, create: Intent, other: dict) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2", **other)))
    assert len(journal.view().open_intents()) == 2


def test_an_unknown_outcome_stays_open_and_keeps_its_request(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    settled = journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.UNKNOWN))
    assert settled.payload == create.payload
    assert journal.view().open_intents() == (settled,)
    with pytest.raises(IntentOpen):
        journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2")))


def test_a_repeated_key_finds_the_stored_outcome(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.HAPPENED, {"id": "500AA"}))
    found = journal.view().intent_for_key("triage", "anna@acme.example", "create", "order-1")
    assert (found.state, found.outcome, found.payload) == (IntentState.HAPPENED, {"id": "500AA"}, {})
    with pytest.raises(KeyUsed) as refused:
        journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2", digest="d2")))
    assert refused.value.intent == "at-1"


def test_a_key_whose_write_did_not_happen_is_free_again(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.NOT_HAPPENED))
    journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2")))
    assert journal.view().intent_for_key("triage", "anna@acme.example", "create", "order-1").id == "at-2"


def test_the_same_key_for_another_call_waits_while_the_first_is_open(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    with pytest.raises(IntentOpen, match="not settled"):
        journal.transact_sync(lambda tx: tx.open_intent(replace(create, id="at-2", digest="d2")))


def test_a_final_state_is_final(journal: Journal, create: Intent) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.HAPPENED, {"id": "1"}))
    again = journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.HAPPENED, {"id": "2"}))
    assert again.outcome == {"id": "1"}
    for name, state in [("at-1", IntentState.NOT_HAPPENED), ("at-1", IntentState.OPEN), ("at-9", IntentState.HAPPENED)]:
        with pytest.raises(IntentSettled):
            journal.transact_sync(lambda tx, name=name, state=state: tx.settle_intent(name, state))


def test_one_process_at_a_time_settles_an_intent(journal: Journal, create: Intent, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))

    def take(owner: str) -> bool:
        until = clock() + timedelta(seconds=30)
        return journal.transact_sync(lambda tx: tx.take_lease("at-1", owner, until))

    assert (take("a"), take("b"), take("a")) == (True, False, True)
    clock.pass_seconds(31)
    assert (take("b"), take("a")) == (True, False)
    journal.transact_sync(lambda tx: tx.settle_intent("at-1", IntentState.HAPPENED))
    assert not take("b")


def test_people_and_keys_are_not_in_the_file(journal: Journal, create: Intent, tmp_path: Path) -> None:
    journal.transact_sync(lambda tx: tx.open_intent(create))
    content = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    for secret in (b"anna@acme", b"integration@acme", b"order-1", b"Broken pump"):
        assert secret not in content


class Intents(RuleBasedStateMachine):
    """Compare the journal with a dictionary over random calls."""

    keys = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "journal.db"
        self.journal = Journal.open(path, origin="a.example", keys=self.keys, reserve=4096)
        self.journal.__enter__()
        self.known: list[Intent] = []

    @rule(user=st.sampled_from(["anna", None]), digest=st.sampled_from("ab"), key=st.sampled_from([None, "k", "l"]))
    def open(self, user: str | None, digest: str, key: str | None) -> None:
        id = f"at-{len(self.known)}"
        intent = Intent(
            id=id, digest=digest, agent="x", user=user, tool="t", connection="c", key=key, opened_at=utcnow()
        )
        mine = [each for each in self.known if each.user == user]
        blocked = any(
            (not each.state.settled and each.digest == digest)
            or (key is not None and each.key == key and each.state is not IntentState.NOT_HAPPENED)
            for each in mine
        )
        try:
            self.journal.transact_sync(lambda tx: tx.open_intent(intent))
        except IntentOpen:
            assert blocked
        else:
            assert not blocked
            self.known.append(intent)

    @rule(which=st.integers(0, 9), state=st.sampled_from(list(IntentState)))
    def settle(self, which: int, state: IntentState) -> None:
        if which >= len(self.known):
            return
        was = self.known[which]
        allowed = state is not IntentState.OPEN and (not was.state.settled or was.state is state)
        try:
            self.journal.transact_sync(lambda tx: tx.settle_intent(was.id, state))
        except IntentSettled:
            assert not allowed
        else:
            assert allowed
            self.known[which] = replace(was, state=state)

    @invariant()
    def the_journal_agrees(self) -> None:
        expected = {each.id: each.state for each in self.known if not each.state.settled}
        assert {each.id: each.state for each in self.journal.view().open_intents()} == expected

    def teardown(self) -> None:
        self.journal.__exit__(None, None, None)
        self.folder.cleanup()


Intents.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
TestIntents = Intents.TestCase
