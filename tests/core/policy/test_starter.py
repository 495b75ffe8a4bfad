"""Do the shipped starter policies do what their comments say?"""

import pytest

from isthmus.core.policy import Policy, Related, SequenceRules, starter_texts

from .house import CONNECTIONS, DIRECTORY, ZONES, question

TEXTS = starter_texts()


@pytest.fixture(scope="module")
def starter():
    cedar = {name: text for name, text in TEXTS.items() if name.endswith(".cedar")}
    return Policy.load(cedar, DIRECTORY, connections=CONNECTIONS, zones=ZONES)


@pytest.mark.parametrize("connection", ["crm-eu", "crm-us"])
@pytest.mark.parametrize(
    ("verb", "facts"),
    [
        ("describe", {"object": "", "fields": ()}),
        ("describe", {"object": "Invoice__c", "fields": ()}),
        ("query", {"object": "Contact", "fields": ("Name", "Email"), "probed": ("MailingCountry",)}),
        ("get", {"object": "Account", "fields": ("Name", "Industry")}),
        ("search", {"fields": ("Subject", "Status")}),
        ("aggregate", {"fields": ()}),
        ("aggregate", {"fields": ("Status",)}),
        ("create", {"fields": ("Subject", "SuppliedEmail"), "risk": 1}),
        ("create", {"fields": ("Subject", "Status"), "transition": ("", "New")}),
    ],
)
def test_the_support_agent_may(starter, connection, verb, facts):
    assert starter.decide(question(verb, connection=connection, **facts)).allowed


@pytest.mark.parametrize(
    ("verb", "facts", "rule"),
    [
        ("query", {"object": "Contact", "fields": ("Name", "Birthdate")}, None),
        ("query", {"object": "Contact", "fields": ("Name",), "probed": ("Birthdate",)}, None),
        ("query", {"object": "Opportunity", "fields": ("Name",)}, None),
        ("export", {"object": "Contact", "fields": ("Name",)}, None),
        ("create", {"object": "Contact", "fields": ("Name",)}, None),
        ("create", {"fields": ("Subject", "Status"), "transition": ("", "Closed")}, "agents-never-close"),
        ("delete", {"fields": (), "risk": 4}, "agents-never-delete"),
        ("query", {"connection": "pay"}, None),
        ("query", {"user": "eve"}, None),
        ("query", {"user": None}, None),
        ("query", {"agent": "night", "purpose": ""}, None),
        ("query", {"purpose": "marketing"}, "isthmus:agent-purpose"),
    ],
)
def test_the_support_agent_may_not(starter, verb, facts, rule):
    verdict = starter.decide(question(verb, **facts))
    assert not verdict.allowed
    assert verdict.approvable == ""
    assert rule is None or rule in verdict.rules


@pytest.mark.parametrize(
    ("verb", "facts"),
    [
        ("update", {"fields": ("Priority",)}),
        ("update", {"fields": ("Status",), "transition": ("New", "Working")}),
        ("transition", {"fields": ("Status",), "transition": ("New", "Working")}),
        ("upsert", {"fields": ("Subject",)}),
    ],
)
def test_a_change_waits_for_the_person_the_agent_acts_for(starter, verb, facts):
    assert starter.decide(question(verb, **facts)).approvable == "user"
    assert starter.decide(question(verb, ask={"approved": True}, **facts)).allowed


def test_a_path_to_another_object_needs_that_objects_rule(starter):
    for field, allowed in (("Industry", True), ("AnnualRevenue", False)):
        related = (Related("Account", frozenset({field})),)
        asked = question(object="Contact", fields=("Name",), objects=("Contact", "Account"), ask={"related": related})
        assert starter.decide(asked).allowed is allowed


def test_no_approval_closes_a_case(starter):
    closing = question("update", fields=("Status",), transition=("Working", "Closed"), ask={"approved": True})
    assert starter.decide(closing).agent_rules == ("agents-never-close",)


def test_the_commented_night_rule_is_true_to_the_schema(starter):
    text = TEXTS["support.cedar"]
    night = "\n".join(line.removeprefix("// ") for line in text[text.index('// @id("support-night') :].splitlines())
    grown = starter.reload({"a": night, "b": TEXTS["support-staff.cedar"]})
    assert grown.decide(question("aggregate", user=None, fields=())).allowed


def test_the_starter_sequences_load():
    loaded = SequenceRules.load(TEXTS["sequences.toml"])
    assert [rule.id for rule in loaded.rules] == [
        "no-export-then-case",
        "cases-per-hour",
        "untrusted-input-no-risky-write",
    ]
    assert all(rule.why for rule in loaded.rules)
