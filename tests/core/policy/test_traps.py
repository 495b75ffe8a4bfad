"""Each known way in which Cedar can be made to fail open, tried through the front door."""

import ast
import re
from pathlib import Path

import cedarpy
import pytest

import isthmus.core
from isthmus.core.errors import ConfigurationError

from .house import act, forbid, permit, policy, question

NO_WRITES = forbid("no-writes", action='action in Isthmus::Action::"write"')
CORE = Path(next(iter(isthmus.core.__path__)))


def test_1_a_forbid_on_the_write_group_catches_every_write():
    rules = policy(permit(), NO_WRITES)
    assert rules.decide(question("query")).allowed
    for verb in ("create", "update", "upsert", "delete", "attach", "load", "invoke"):
        verdict = rules.decide(question(verb))
        assert (verdict.allowed, verdict.agent_rules) == (False, ("no-writes",)), verb


def test_1_losing_the_action_hierarchy_is_found_at_load(monkeypatch):
    built = cedarpy.Entities.from_json_str
    monkeypatch.setattr(cedarpy.Entities, "from_json_str", staticmethod(lambda text, schema=None: built(text)))
    with pytest.raises(ConfigurationError, match="action in"):
        policy(permit())


def test_2_a_forbid_that_could_err_is_refused_at_load():
    risky = forbid("closing", when='context.transition.to == "Closed"')
    with pytest.raises(ConfigurationError, match=r"closing.*optional attribute.*context has transition &&"):
        policy(permit(), risky)


def test_2_a_forbid_that_errs_all_the_same_denies():
    from isthmus.core.policy import cedar

    rules = policy(permit(), forbid("closing", when='context has transition && context.transition.to == "Closed"'))
    texts = [permit(), forbid("closing", when='context.transition.to == "Closed"')]
    rules._engine = cedar.Engine({one["annotations"]["id"]: one for text in texts for one in cedar.parse(text)})
    verdict = rules.decide(question("update"))
    assert not verdict.allowed
    assert verdict.errors
    assert "could not be evaluated" in verdict.why


def test_2_an_erring_forbid_passed_over_is_found_at_load(monkeypatch):
    monkeypatch.setattr(cedarpy.Diagnostics, "errors", property(lambda self: []))
    with pytest.raises(ConfigurationError, match="fails to evaluate"):
        policy(permit())


@pytest.mark.parametrize("facts", [{"fields": ("\ud800",)}, {"rows": 1 << 70}, {"object": "\ud800"}])
def test_3_a_question_that_cedar_cannot_read_is_denied(facts):
    verdict = policy(permit()).decide(question(**facts))
    assert not verdict.allowed
    assert verdict.errors


def test_3_no_decision_taken_for_a_yes_is_found_at_load(monkeypatch):
    monkeypatch.setattr(cedarpy.AuthzResult, "decision", property(lambda self: cedarpy.Decision.Allow))
    monkeypatch.setattr(cedarpy.Diagnostics, "errors", property(lambda self: []))
    with pytest.raises(ConfigurationError, match="Cedar does not answer as it must"):
        policy(permit())


def test_4_verdicts_name_policies_by_their_own_id_over_several_files():
    rules = policy(
        permit("first", action=act("get")), permit("second", action=act("query")), forbid("third", action=act("create"))
    )
    assert rules.decide(question("query")).agent_rules == ("second",)
    assert rules.decide(question("create")).agent_rules == ("third",)


def test_5_nothing_but_entities_is_parsed_for_a_question(monkeypatch):
    rules = policy(permit())

    handed = []
    asked = cedarpy.is_authorized_batch
    monkeypatch.setattr(cedarpy, "is_authorized_batch", lambda *parts: handed.append(parts[1:]) or asked(*parts))
    assert rules.decide(question()).allowed
    assert [type(part).__name__ for part in handed[0]] == ["PolicySet", "Entities", "Schema"]


@pytest.mark.parametrize(
    "condition",
    [
        '["Name", "Email"].containsAny(context.fields) && !context.fields.contains("SSN__c")',
        '!context.fields.contains("SSN__c")',
        '!(["SSN__c"].containsAny(context.fields))',
        'context.fields.contains("Name")',
        'context.fields == ["Name"] || true',
        '!(["Name"].containsAll(context.fields))',
        'if context.approved then ["Name"].containsAll(context.fields) else true',
        '{Value: context.fields}.Value.contains("Name")',
        '{"&&": context}["&&"].fields.contains("Name")',
        '(if context.approved then context else context).fields.contains("Name")',
        "context.fields.containsAll(context.fields)",
        'context["fields"].isEmpty()',
    ],
)
def test_6_a_permit_that_lists_what_must_not_occur_is_refused(condition):
    with pytest.raises(ConfigurationError, match=r"'by-name'.*allow-list.*containsAll"):
        policy(permit("by-name", when=condition))


def test_6_a_forbid_by_name_is_refused_and_its_allow_list_is_not():
    for condition in ('context.fields.contains("SSN__c")', '["SSN__c"].containsAll(context.fields)'):
        with pytest.raises(ConfigurationError, match="allow-list"):
            policy(permit(), forbid(when=condition))
    fence = forbid(unless='["Subject"].containsAll(context.fields)')
    same = forbid("same", when='!(["Subject"].containsAll(context.fields))')
    rules = policy(permit(), fence, same)
    assert rules.decide(question(fields=("Subject",))).allowed
    assert not rules.decide(question(fields=("Subject", "SSN__c"))).allowed


@pytest.mark.parametrize("fields", [("Subject", "Salary__c"), ("subject",), ("Contact.SSN__c",), ("*",)])
def test_6_a_field_that_is_not_listed_letter_by_letter_is_denied(fields):
    rules = policy(permit(when='["Subject", "Status"].containsAll(context.fields)'))
    assert rules.decide(question(fields=("Subject",))).allowed
    assert not rules.decide(question(fields=fields)).allowed


def test_6_a_field_used_only_to_filter_counts():
    rules = policy(permit(when='["Subject"].containsAll(context.fields)'))
    assert not rules.decide(question(fields=("Subject",), probed=("Salary__c",))).allowed


@pytest.mark.parametrize("verb", ["query", "get", "search", "export", "changes", "create", "update", "upsert", "load"])
def test_7_an_empty_field_set_is_refused(verb):
    verdict = policy(permit()).decide(question(verb, fields=()))
    assert (verdict.allowed, verdict.denied_by) == (False, "both")
    assert "names no field" in verdict.why


@pytest.mark.parametrize("verb", ["describe", "aggregate", "delete", "attach", "download", "invoke"])
def test_7_a_call_without_fields_means_the_whole_record(verb):
    listed = policy(permit(when='["Subject"].containsAll(context.fields)'))
    whole = policy(permit(when='["Subject", "*"].containsAll(context.fields)'))
    assert not listed.decide(question(verb, fields=())).allowed
    assert whole.decide(question(verb, fields=())).allowed


@pytest.mark.parametrize(
    "never",
    [
        {"resource": 'resource == Isthmus::Object::"crm/Case"'},
        {"when": 'resource == Isthmus::Object::"crm-eu/Case"'},
        {"when": 'resource == Isthmus::System::"crm"'},
        {"when": 'principal == Isthmus::Role::"support"'},
        {"when": 'action == Isthmus::Action::"write"'},
        {"when": '!(Isthmus::System::"crm" != resource)'},
        {"when": 'resource in (if context.approved then Isthmus::System::"crm" else Isthmus::System::"pay")'},
    ],
)
def test_8_a_forbid_that_could_never_match_is_refused(never):
    with pytest.raises(ConfigurationError, match=r"'never'.*with `in`"):
        policy(permit(), forbid("never", **never))


@pytest.mark.parametrize(
    "condition",
    [
        'resource in Isthmus::Object::"crm/Case"',
        'resource in [Isthmus::Object::"crm/Case", Isthmus::Object::"crm-us/Contact"]',
        'resource is Isthmus::Object in Isthmus::System::"crm"',
        'action in Isthmus::Action::"write" || action == Isthmus::Action::"query"',
        'principal in Isthmus::Role::"support" || principal == Isthmus::Agent::"support"',
    ],
)
def test_8_membership_matches(condition):
    assert not policy(permit(), forbid(when=condition)).decide(question()).allowed


HOSTILE = 'x" || true || principal == Isthmus::Agent::"support'


@pytest.mark.parametrize(
    "who", [{"agent": HOSTILE}, {"user": HOSTILE}, {"agent": ""}, {"user": ""}, {"agent": "Support"}]
)
def test_8_unknown_parties_are_denied(who):
    verdict = policy(permit()).decide(question(**who))
    assert not verdict.allowed
    assert "is not registered" in verdict.why


@pytest.mark.parametrize("name", ['Case" || true', "Case//", "Ca\nse", "Случай", "", "*"])
def test_8_hostile_object_names_match_no_policy_on_another_object(name):
    rules = policy(permit(resource='resource in Isthmus::Object::"crm/Case"'))
    assert rules.decide(question(object="Case")).allowed
    assert not rules.decide(question(object=name)).allowed


def test_9_only_one_module_touches_cedarpy_and_it_never_evaluates_partially():
    importers = [
        path.name
        for path in CORE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if (isinstance(node, ast.Import) and any(one.name.startswith("cedarpy") for one in node.names))
        or (isinstance(node, ast.ImportFrom) and (node.module or "").startswith("cedarpy"))
    ]
    assert importers == ["cedar.py"]
    assert not re.search(r"cedarpy\.\w*partial", (CORE / "policy" / "cedar.py").read_text("utf-8"))


@pytest.mark.parametrize(
    ("condition", "hint"),
    [('context.purpos == "x"', "did you mean 'purpose'"), ("principal.max_risc > 1", "did you mean 'max_risk'")],
)
def test_10_a_misspelt_attribute_is_refused_with_the_right_one(condition, hint):
    with pytest.raises(ConfigurationError, match=hint):
        policy(forbid(principal="principal is Isthmus::Agent", when=condition))


CLOSING = 'context has transition && context.transition.to == "Closed"'


def test_11_a_change_of_state_without_its_states_is_denied():
    rules = policy(permit(), forbid("never-close", when=CLOSING))
    assert rules.decide(question("transition", transition=("New", "Working"))).allowed
    assert rules.decide(question("transition", transition=("New", "Closed"))).agent_rules == ("never-close",)
    for change in (None, ("New", ""), ("", "Working")):
        verdict = rules.decide(question("transition", transition=change))
        assert not verdict.allowed
        assert "change of state" in verdict.why


def test_11_the_schema_itself_requires_the_states_of_a_transition():
    rules = policy(permit(action='action == Isthmus::Action::"transition"', when='context.transition.to == "Working"'))
    assert rules.decide(question("transition", transition=("New", "Working"))).allowed


def test_11_a_record_cannot_be_created_closed_either():
    rules = policy(permit(), forbid("never-close", action='action in Isthmus::Action::"write"', when=CLOSING))
    assert rules.decide(question("create", transition=("", "New"))).allowed
    assert not rules.decide(question("create", transition=("", "Closed"))).allowed


@pytest.mark.parametrize("effects", [("update",), ("update", "transition")])
def test_12_a_state_written_by_an_update_is_judged_as_a_transition(effects):
    rules = policy(permit(), forbid("never-close", action=act("transition"), when='context.transition.to == "Closed"'))
    written = question("update", fields=("Status",), effects=effects, transition=("New", "Closed"))
    assert rules.decide(written).agent_rules == ("never-close",)
    assert policy(permit(action=act("update"))).decide(written).allowed is False
