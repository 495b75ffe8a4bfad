from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.core.budgets.ledger import Ask, Ledger, Mark, Rules, dump, load, settle

RULES = Rules(reserve=0.2, concurrency=3, lease=60.0)


@dataclass
class Process:
    name: str
    units: int = 0
    flying: list = field(default_factory=list)
    completed: int = 0
    known: int = 0
    mark: Mark | None = None
    slots: int = 0


@dataclass
class Org:
    """Counts every request that reaches it; readings tell what is left at that moment."""

    limit: int = 100
    used: int = 0


def sync(ledger, process, now, **ask):
    told = process.completed
    mark, process.mark = process.mark, None
    asked = Ask(process.name, completed=told, mark=mark, busy=len(process.flying), **ask)
    ledger, grant = settle(load(dump(ledger)), asked, RULES, now)
    process.completed -= told
    process.known = grant.completed
    process.units += len(grant.ready)
    process.slots = grant.slots
    return ledger


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["sync", "send", "answer", "late", "return"]), st.integers(1, 12)),
        max_size=80,
    ),
    st.integers(20, 100),
)
def test_never_beyond_the_reading_nor_the_slots(steps, used):
    org, ledger, now = Org(used=used), Ledger(), 1_000.0
    processes = [Process(f"p{number}") for number in range(3)]
    # The first reading is known before anybody sends.
    ledger, _ = settle(ledger, Ask("p0", mark=Mark(org.limit - org.used, org.limit, now, now + 9e9, True)), RULES, now)
    for which, action, number in steps:
        process, now = processes[which], now + 0.01
        if action == "sync":
            ledger = sync(ledger, process, now, units=number, waiting=number)
        elif action == "send" and process.units and len(process.flying) < process.slots:
            process.units -= 1
            org.used += 1
            reading = org.limit - org.used
            process.flying.append((process.known + process.completed, reading))
        elif action in ("answer", "late") and process.flying:
            mark, reading = process.flying.pop(0 if action == "answer" else -1)
            process.completed += 1
            process.mark = Mark(mark + 1 + reading, org.limit, now, now + 9e9, True)
        elif action == "return" and process.units:
            back, process.units = process.units, 0
            ledger = sync(ledger, process, now, returned=back)
        assert org.limit - org.used >= 20 or org.used == used
        assert sum(len(one.flying) for one in processes) <= 3


@given(st.integers(0, 5), st.integers(0, 50), st.integers(0, 50))
def test_reports_of_a_process_taken_for_dead_are_not_booked_twice(busy, completed, returned):
    ledger, _ = settle(Ledger(), Ask("gone", units=5), RULES, 0.0)
    ledger, _ = settle(ledger, Ask("other"), RULES, 100.0)
    assert (ledger.granted, ledger.completed) == (5, 5)
    ledger, _ = settle(ledger, Ask("gone", completed=completed, returned=returned, busy=busy), RULES, 101.0)
    assert (ledger.granted, ledger.completed) == (5, 5)


def test_a_ledger_survives_being_written():
    ledger, _ = settle(Ledger(), Ask("p", units=3, busy=1, waiting=2), RULES, 5.0)
    assert load(dump(ledger)) == ledger
