"""Is an answer reused only for the very same question, and fast?"""

import timeit
from dataclasses import replace

import pytest

from isthmus.core.policy import RecordFacts, Related, decision

from .house import forbid, permit, policy, question


def test_the_same_question_is_answered_from_the_cache():
    rules = policy(permit())
    first, second = rules.decide(question(tool="crm_query")), rules.decide(question(tool="query"))
    assert (first.cached, second.cached) == (False, True)
    assert replace(second, cached=False) == first


@pytest.mark.parametrize(
    "other",
    [
        question("update", ask={"approved": True}),
        question("update", ask={"mfa": True}),
        question("update", ask={"consumer_zone": "eu"}),
        question("update", ask={"records": (RecordFacts(owner="bob"),)}),
        question("update", ask={"related": (Related("Contact", frozenset({"Email"})),)}),
        question("update", amount="1"),
        question("update", rows=2),
        question("update", risk=1),
        question("update", records=("1",)),
        question("update", fields=("Status",)),
        question("update", probed=("Status",)),
        question("update", objects=("Contact",)),
        question("update", object="Contact"),
        question("update", connection="crm-us"),
        question("update", transition=("New", "Working")),
        question("upsert"),
        question("update", user="ada"),
        question("update", user=None),
        question("update", agent="night"),
        question("update", purpose="other"),
    ],
)
def test_a_question_that_differs_in_anything_is_asked_anew(other):
    rules = policy(permit())
    rules.decide(question("update"))
    assert not rules.decide(other).cached
    assert rules.decide(other).cached == (not rules.judge(other).errors)


def test_an_approved_answer_is_never_given_to_an_unapproved_question():
    rules = policy(permit(), forbid("ask", notes='@obligation("approve:user")', unless="context.approved"))
    assert rules.decide(question(ask={"approved": True})).allowed
    assert not rules.decide(question()).allowed
    assert rules.decide(question(ask={"approved": True})).cached


def test_an_answer_with_an_error_is_not_kept():
    rules = policy(permit())
    broken = question(fields=("\ud800",))
    assert [rules.decide(broken).cached, rules.decide(broken).cached] == [False, False]


def test_the_cache_is_bounded(monkeypatch):
    monkeypatch.setattr(decision, "CACHE_SIZE", 8)
    rules = policy(permit())
    for rows in range(20):
        rules.decide(question(rows=rows))
        assert len(rules._cache) <= 8


def test_a_hit_is_at_least_fifty_times_cheaper_than_asking():
    rules, asked = policy(permit()), question()
    rules.decide(asked)
    hit = min(timeit.repeat(lambda: rules.decide(asked), number=2000, repeat=3)) / 2000
    miss = min(timeit.repeat(lambda: rules.judge(asked), number=20, repeat=3)) / 20
    assert hit * 50 < miss
