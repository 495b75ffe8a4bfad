"""Is an approval good for one call, once, and only in time?"""

import threading
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

from isthmus.core.journal import Approval, ApprovalState, ApprovalUnusable, Journal, JournalKeys
from isthmus.core.journal.instants import utcnow


@pytest.fixture
def question(clock: Callable) -> Approval:
    return Approval(
        id="ap-1",
        digest="d1",
        agent="triage",
        user="anna@acme.example",
        tool="update",
        summary="Phone of Jonas: 1 becomes 2",
        asked_of="carol@acme.example",
        asked_at=clock(),
        expires=clock() + timedelta(hours=1),
    )


def decide(journal: Journal, clock: Callable, *, approved: bool = True, id: str = "ap-1") -> Approval:
    return journal.transact_sync(lambda tx: tx.decide(id, approved=approved, approver="carol@acme.example", at=clock()))


def consume(journal: Journal, clock: Callable, digest: str = "d1") -> Approval:
    return journal.transact_sync(lambda tx: tx.consume("ap-1", digest, clock()))


def test_asked_approved_used(journal: Journal, question: Approval, clock: Callable) -> None:
    assert journal.transact_sync(lambda tx: tx.ask(question)) == question
    assert journal.view().approvals(ApprovalState.PENDING) == (question,)
    approved = decide(journal, clock)
    assert (approved.state, approved.approver, approved.summary) == (
        ApprovalState.APPROVED,
        "carol@acme.example",
        question.summary,
    )
    used = consume(journal, clock)
    assert (used.state, used.used_at) == (ApprovalState.USED, clock())


def test_each_step_is_an_entry(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    decide(journal, clock)
    consume(journal, clock)
    entries = list(journal.view().entries(0, 9))
    assert [(each.leaf["kind"], each.leaf["state"], each.leaf["approval"]) for each in entries] == [
        ("approval", state, "ap-1") for state in ("pending", "approved", "used")
    ]
    assert entries[1].leaf["approver"] == journal.view().pseudonym("carol@acme.example")


def test_a_refused_step_leaves_no_entry(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    with pytest.raises(ApprovalUnusable):
        consume(journal, clock)
    assert journal.view().size == 1


def test_the_same_call_is_asked_about_once(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    again = replace(question, id="ap-2")
    assert journal.transact_sync(lambda tx: tx.ask(again)).id == "ap-1"
    other = replace(question, id="ap-3", user="bob@acme.example")
    assert journal.transact_sync(lambda tx: tx.ask(other)).id == "ap-3"
    clock.pass_seconds(3_601)
    late = replace(question, id="ap-4", asked_at=clock(), expires=clock() + timedelta(hours=1))
    assert journal.transact_sync(lambda tx: tx.ask(late)).id == "ap-4"


def refusal(act: Callable[[], object]) -> str:
    with pytest.raises(ApprovalUnusable) as refused:
        act()
    return refused.value.reason


def test_it_is_used_once(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    decide(journal, clock)
    consume(journal, clock)
    assert refusal(lambda: consume(journal, clock)) == "approval_used"


def test_it_holds_for_its_call_only(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    decide(journal, clock)
    assert refusal(lambda: consume(journal, clock, "d2")) == "approval_changed"
    assert consume(journal, clock).state is ApprovalState.USED


def test_what_waits_or_was_rejected_is_not_used(journal: Journal, question: Approval, clock: Callable) -> None:
    assert refusal(lambda: consume(journal, clock)) == "approval_unknown"
    journal.transact_sync(lambda tx: tx.ask(question))
    assert refusal(lambda: consume(journal, clock)) == "approval_pending"
    decide(journal, clock, approved=False)
    assert refusal(lambda: consume(journal, clock)) == "approval_rejected"


def test_it_is_decided_once(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    decide(journal, clock)
    assert refusal(lambda: decide(journal, clock, approved=False)) == "approval_approved"
    assert refusal(lambda: decide(journal, clock, id="ap-9")) == "approval_unknown"


def test_it_expires_before_and_after_the_decision(journal: Journal, question: Approval, clock: Callable) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    journal.transact_sync(lambda tx: tx.ask(replace(question, id="ap-2", digest="d2")))
    decide(journal, clock)
    clock.pass_seconds(3_600)
    assert refusal(lambda: consume(journal, clock)) == "approval_expired"
    assert refusal(lambda: decide(journal, clock, id="ap-2")) == "approval_expired"


def test_of_two_executors_one_wins(
    opened: Callable[..., Journal], journal: Journal, question: Approval, clock: Callable
) -> None:
    journal.transact_sync(lambda tx: tx.ask(question))
    decide(journal, clock)
    won: list[str] = []
    lost: list[str] = []

    def race(mine: Journal, name: str) -> None:
        try:
            consume(mine, clock)
            won.append(name)
        except ApprovalUnusable as error:
            lost.append(error.reason)

    with opened() as second:
        racers = [threading.Thread(target=race, args=(mine, name)) for mine, name in ((journal, "a"), (second, "b"))]
        for racer in racers:
            racer.start()
        for racer in racers:
            racer.join()
    assert (len(won), lost) == (1, ["approval_used"])


def test_it_survives_a_restart(opened: Callable[..., Journal], question: Approval, clock: Callable) -> None:
    with opened() as journal:
        journal.transact_sync(lambda tx: tx.ask(question))
    with opened() as journal:
        decide(journal, clock)
    with opened() as journal:
        assert consume(journal, clock).state is ApprovalState.USED


class Approvals(RuleBasedStateMachine):
    """However asked, decided and used: never more uses than approvals, and never a use of a rejected one."""

    keys = JournalKeys(sealing=b"s" * 32, signing=Ed25519PrivateKey.from_private_bytes(b"k" * 32), pseudonyms=b"p" * 32)

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        path = Path(self.folder.name) / "journal.db"
        self.journal = Journal.open(path, origin="a.example", keys=self.keys, reserve=4096)
        self.journal.__enter__()
        self.now = utcnow()
        self.known: dict[str, tuple[str, ApprovalState]] = {}
        self.expires: dict[str, int] = {}
        self.at = 0

    def act(self, work: Callable) -> bool:
        try:
            self.journal.transact_sync(work)
        except ApprovalUnusable:
            return False
        return True

    @property
    def time(self):
        return self.now + timedelta(seconds=self.at)

    @rule(digest=st.sampled_from("ab"), lasts=st.integers(1, 4))
    def ask(self, digest: str, lasts: int) -> None:
        id = f"ap-{len(self.known)}"
        question = Approval(
            id=id,
            digest=digest,
            agent="x",
            tool="t",
            asked_at=self.time,
            expires=self.time + timedelta(seconds=lasts),
        )
        live = [
            each
            for each, (of, state) in self.known.items()
            if of == digest
            and state in {ApprovalState.PENDING, ApprovalState.APPROVED}
            and self.expires[each] > self.at
        ]
        found = self.journal.transact_sync(lambda tx: tx.ask(question))
        assert (found.id in live) if live else found.id == id
        if not live:
            self.known[id], self.expires[id] = (digest, ApprovalState.PENDING), self.at + lasts

    @rule(which=st.integers(0, 5), approved=st.booleans())
    def decide(self, which: int, approved: bool) -> None:
        id = f"ap-{which}"
        digest, state = self.known.get(id, ("", None))
        allowed = state is ApprovalState.PENDING and self.expires[id] > self.at
        done = self.act(lambda tx: tx.decide(id, approved=approved, approver="c", at=self.time))
        assert done is allowed
        if done:
            self.known[id] = (digest, ApprovalState.APPROVED if approved else ApprovalState.REJECTED)

    @rule(which=st.integers(0, 5), digest=st.sampled_from("ab"))
    def consume(self, which: int, digest: str) -> None:
        id = f"ap-{which}"
        of, state = self.known.get(id, ("", None))
        allowed = state is ApprovalState.APPROVED and of == digest and self.expires[id] > self.at
        assert self.act(lambda tx: tx.consume(id, digest, self.time)) is allowed
        if allowed:
            self.known[id] = (of, ApprovalState.USED)

    @rule()
    def wait(self) -> None:
        self.at += 1

    @invariant()
    def the_journal_agrees(self) -> None:
        assert {each.id: (each.digest, each.state) for each in self.journal.view().approvals()} == self.known

    def teardown(self) -> None:
        self.journal.__exit__(None, None, None)
        self.folder.cleanup()


Approvals.TestCase.settings = settings(max_examples=12, stateful_step_count=25, deadline=None)
TestApprovals = Approvals.TestCase
