"""Are chains of calls stopped, whoever makes which link, and nothing else?"""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.caller import Caller
from isthmus.core.errors import ConfigurationError
from isthmus.core.policy import Attempt, AttemptState, SequenceRules, canonical

from .house import operation

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
REPLAY = """
[[sequence]]
id = "no-mail-after-export"
deny = "crm.EmailMessage.create"
after = "crm.*.export"
within = "1h"
why = "exported data leaves by mail"

[[sequence]]
id = "no-pay-after-bank-change"
deny = "pay.Payment.create"
after = "pay.Supplier.bank.update"
within = "24h"
same = ["vendor"]
why = "bank change then payment is the classic fraud path"
"""
MAIL = operation("create", object="EmailMessage")
EXPORT = operation("export")
PAY = operation("create", object="Payment", connection="pay")
BANK = operation("update", object="Supplier.bank", connection="pay")


def rules(text):
    return SequenceRules.load(text)


def rule(**keys):
    lines = "\n".join(f"{key} = {value}" for key, value in {"id": '"r"', "deny": '"crm.Case.create"', **keys}.items())
    return rules(f"[[sequence]]\n{lines}")


def attempt(called, seconds=0, *, agent="support", user="bob", task="", state="in_flight", **same):
    return Attempt(
        at=NOW + timedelta(seconds=seconds),
        agent=agent,
        user=user,
        task=task,
        system=called.system,
        connection=called.connection,
        verb=called.verb.value,
        effect="+".join(sorted(called.effects)),
        object=called.object,
        same=hashed(same),
        state=state,
    )


def hashed(same):
    return {key: f"hash of {canonical(value)}" for key, value in same.items()}


def broken(judged, called, earlier=(), seconds=0, *, integrity="trusted", agent="support", user="bob", task="", **same):
    caller, now = Caller(agent, user, task=task), NOW + timedelta(seconds=seconds)
    return [one.rule for one in judged.judge(called, caller, hashed(same), now, tuple(earlier), integrity=integrity)]


def test_replay_mail_and_export():
    judged = rules(REPLAY)
    assert broken(judged, MAIL) == []
    exported = [attempt(EXPORT, 0, state=AttemptState.SUCCEEDED)]
    assert broken(judged, MAIL, exported, 10) == ["no-mail-after-export"]
    assert broken(judged, MAIL, exported, 3600) == ["no-mail-after-export"]
    assert broken(judged, MAIL, exported, 4000) == []


def test_replay_bank_change_and_payment():
    judged = rules(REPLAY)
    changed = [attempt(BANK, vendor="0000100234")]
    assert broken(judged, PAY, changed, 60, vendor=" 100234 ") == ["no-pay-after-bank-change"]
    assert broken(judged, PAY, changed, 60, vendor="100235") == []
    assert broken(judged, PAY, changed, 86_401, vendor="100234") == []


def test_a_chain_through_another_agent_or_task_counts():
    judged = rules(REPLAY)
    elsewhere = [attempt(EXPORT, agent="night", task="t2")]
    assert broken(judged, MAIL, elsewhere, task="t1") == ["no-mail-after-export"]
    assert broken(judged, MAIL, [attempt(EXPORT, user="eve")]) == []


def test_a_call_without_any_user_is_stopped_by_everybodys_attempts():
    assert broken(rules(REPLAY), MAIL, [attempt(EXPORT, user="eve")], user=None) == ["no-mail-after-export"]
    needs = rule(only_after='"crm.*.export"')
    assert broken(needs, operation("create"), [attempt(EXPORT, state="succeeded")], user=None) == ["r"]


@pytest.mark.parametrize(
    ("state", "counts"),
    [("in_flight", True), ("succeeded", True), ("failed", True), ("unknown", True), ("refused", False)],
)
def test_what_was_attempted_counts_and_what_was_refused_does_not(state, counts):
    assert bool(broken(rules(REPLAY), MAIL, [attempt(EXPORT, state=state)])) is counts


def test_a_key_that_one_side_lacks_counts_against_the_call():
    assert broken(rules(REPLAY), PAY, [attempt(BANK)], vendor="1") == ["no-pay-after-bank-change"]
    assert broken(rules(REPLAY), PAY, [attempt(BANK, vendor="1")]) == ["no-pay-after-bank-change"]
    needs = rule(only_after='"crm.Account.get"', same='["account"]')
    read = attempt(operation("get", object="Account"), state=AttemptState.SUCCEEDED)
    assert broken(needs, operation("create"), [read], account="1") == ["r"]


@pytest.mark.parametrize(
    ("state", "enough"), [("succeeded", True), ("in_flight", False), ("failed", False), ("unknown", False)]
)
def test_only_after_needs_an_earlier_success(state, enough):
    judged = rule(only_after='"crm.Account.get"', within='"1h"')
    read = attempt(operation("get", object="Account"), state=state)
    assert broken(judged, operation("create")) == ["r"]
    assert (broken(judged, operation("create"), [read]) == []) is enough
    assert broken(judged, operation("create"), [read], 3601) == ["r"]


def test_at_most_counts_running_calls():
    judged = rule(at_most='{ n = 2, per = "1h" }')
    create = operation("create")
    made = [attempt(create), attempt(operation("get")), attempt(create, 30)]
    assert broken(judged, create, made[:2], 60) == []
    assert broken(judged, create, made, 60) == ["r"]
    assert broken(judged, create, made, 3601) == []
    assert broken(rule(at_most='{ n = 0, per = "1h" }'), create) == ["r"]


def test_an_untrusted_or_unknown_label_stops_a_risky_write():
    judged = rule(deny='{ verb = "write", risk = ">=2" }', not_with_label='{ integrity = "untrusted" }')
    risky = operation("update", risk=2)
    assert broken(judged, risky, integrity="trusted") == []
    assert broken(judged, risky, integrity="untrusted") == ["r"]
    assert broken(judged, risky, integrity="") == ["r"]
    assert broken(judged, operation("update", risk=1), integrity="untrusted") == []
    assert broken(judged, operation("get", risk=2), integrity="untrusted") == []


@pytest.mark.parametrize(
    ("across", "who", "counts"),
    [
        ("task", {"task": "t1", "agent": "night", "user": "eve"}, True),
        ("task", {"task": "t2"}, False),
        ("agent", {"agent": "support", "user": "eve", "task": "t2"}, True),
        ("agent", {"agent": "night"}, False),
    ],
)
def test_a_narrower_scope_is_a_choice(across, who, counts):
    judged = rule(after='"crm.*.export"', across=f'"{across}"')
    assert bool(broken(judged, operation("create"), [attempt(EXPORT, **who)], task="t1")) is counts


def test_without_a_task_the_whole_client_is_one():
    judged = rule(after='"crm.*.export"', across='"task"')
    assert broken(judged, operation("create"), [attempt(EXPORT)]) == ["r"]
    assert broken(judged, operation("create"), [attempt(EXPORT, agent="night")]) == []


@pytest.mark.parametrize(
    ("deny", "called", "meant"),
    [
        ('"crm.Case.create"', operation("upsert"), True),
        ('"crm.Case.create"', operation("load"), True),
        ('"crm.case.create"', operation("create"), True),
        ('"crm-eu.Case.create"', operation("create"), True),
        ('"crm-us.Case.create"', operation("create"), False),
        ('"crm.*.write"', operation("delete"), True),
        ('"crm.*.write"', operation("get"), False),
        ('"crm.Ca*.*"', operation("get"), True),
        ('"crm.Contact.create"', operation("create", objects=("Case", "Contact")), True),
        ('{ effect = "delete" }', operation("delete"), True),
        ('{ verb = "load", effect = "create" }', operation("create"), False),
        ('{ object = "Case", system = "pay" }', operation("create"), False),
    ],
)
def test_patterns_mean_verbs_effects_and_every_object_touched(deny, called, meant):
    judged = rule(deny=deny, at_most='{ n = 0, per = "1h" }')
    assert judged.names(called) is meant
    assert bool(broken(judged, called)) is meant


def test_what_a_rule_looks_for_is_named_too_so_that_it_is_entered():
    judged = rules(REPLAY)
    assert all(judged.names(one) for one in (MAIL, EXPORT, PAY, BANK))
    assert not judged.names(operation("get"))
    assert judged.same_keys(BANK) == {"vendor"}
    assert judged.same_keys(EXPORT) == frozenset()
    assert judged.lookback(PAY) == timedelta(hours=24)
    assert judged.lookback(EXPORT) == timedelta()
    assert rule(after='"crm.*.export"').lookback(operation("create")) is None


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[sequence]", "is not TOML"),
        ("[[sequences]]\nid='x'", "unknown key 'sequences'; did you mean 'sequence'"),
        ("sequence = 3", "[[sequence]] tables"),
        (
            "[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\nwithn='1h'",
            "unknown key 'withn'; did you mean 'within'",
        ),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'", "exactly one of after"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\nonly_after='a.b.get'", "not after and only_after"),
        ("[[sequence]]\ndeny='a.b.get'\nafter='a.b.get'", "'number 1': `id` is missing"),
        ("[[sequence]]\nid='x'\nafter='a.b.get'", "'' names no call"),
        ("[[sequence]]\nid='x'\ndeny='a.get'\nafter='a.b.get'", "'a.get' names no call"),
        (
            "[[sequence]]\nid='x'\ndeny='a.b.gte'\nafter='a.b.get'",
            "'gte' is no verb, effect or group; did you mean 'get'",
        ),
        ("[[sequence]]\nid='x'\ndeny='a.[b].get'\nafter='a.b.get'", "is no name"),
        ("[[sequence]]\nid='x'\ndeny={}\nafter='a.b.get'", "give at least one of"),
        ("[[sequence]]\nid='x'\ndeny={verbs='get'}\nafter='a.b.get'", "did you mean 'verb'"),
        ("[[sequence]]\nid='x'\ndeny={risk='2'}\nafter='a.b.get'", 'write ">=2"'),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter={risk='>=2'}", "past attempts carry no risk"),
        ("[[sequence]]\nid='x'\ndeny={risk='>=2'}\nat_most={n=1,per='1h'}", "cannot count by it"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nat_most={n=1}", "at_most takes"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nat_most={n=true,per='1h'}", "at_most takes"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nat_most={n=1,per='1h'}\nwithin='1h'", "give `per`"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\nwithin='1 hour'", "is no duration"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\nacross='session'", "user, agent, task"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\nsame='id'", "list of argument names"),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nnot_with_label={integrity='bad'}", "not_with_label takes"),
        (
            "[[sequence]]\nid='x'\ndeny='a.b.get'\nnot_with_label={integrity='untrusted'}\nacross='task'",
            "a label belongs to a task",
        ),
        ("[[sequence]]\nid='x'\ndeny='a.b.get'\nafter='a.b.get'\n" * 2, "is there twice"),
    ],
)
def test_a_faulty_rule_is_named_with_its_remedy(text, said):
    with pytest.raises(ConfigurationError) as caught:
        rules(text)
    assert said in str(caught.value)


def test_no_rules_break_nothing_and_name_nothing():
    assert SequenceRules().judge(MAIL, Caller("support"), {}, NOW, ()) == ()
    assert not rules("").names(MAIL)


def test_the_digest_follows_meaning_and_not_layout():
    assert rules(REPLAY).digest == rules(REPLAY.replace("\n\n", "\n# remark\n\n")).digest
    assert rules(REPLAY).digest != rules(REPLAY.replace("24h", "23h")).digest


@given(st.text(max_size=12), st.integers(0, 6), st.sampled_from(["", " ", "\t"]))
def test_spellings_of_one_key_are_equal(value, zeros, blank):
    key = canonical(value)
    assert canonical(f"{blank}{value}{blank}") == key
    assert canonical(key) == key
    if value.strip() == value and value:
        assert canonical("0" * zeros + value) == key
    assert canonical("0000") == canonical(0) == "0"


CALLS = st.sampled_from([MAIL, EXPORT, PAY, BANK, operation("get")])
ATTEMPTS = st.lists(
    st.builds(
        attempt,
        CALLS,
        st.integers(-100_000, 100),
        agent=st.sampled_from(["support", "night"]),
        user=st.sampled_from(["bob", "eve"]),
        state=st.sampled_from(list(AttemptState)),
        vendor=st.sampled_from(["1", "2", "001"]),
    ),
    max_size=6,
)


@given(CALLS, ATTEMPTS, ATTEMPTS)
def test_more_attempts_never_lift_a_refusal_and_their_order_does_not_matter(called, some, more):
    judged = rules(REPLAY + '[[sequence]]\nid="few"\ndeny="crm.*.create"\nat_most={n=2,per="1h"}')
    first = broken(judged, called, some, vendor="1")
    assert set(first) <= set(broken(judged, called, [*some, *more], vendor="1"))
    assert first == broken(judged, called, list(reversed(some)), vendor="1")


@given(ATTEMPTS)
def test_a_bank_change_always_stops_that_vendors_payment_within_a_day(history):
    judged = rules(REPLAY)
    changed = any(
        one.object == "Supplier.bank"
        and one.user == "bob"
        and one.state != AttemptState.REFUSED
        and one.same["vendor"] == "hash of 1"
        and NOW - one.at <= timedelta(hours=24)
        for one in history
    )
    assert (broken(judged, PAY, history, vendor="1") == ["no-pay-after-bank-change"]) is changed
