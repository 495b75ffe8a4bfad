"""What agent and user may do together, and how the verdict says so."""

import pytest

from isthmus.core.policy import Duty, RecordFacts, Related

from .house import act, forbid, permit, policy, question

CRM = 'resource in Isthmus::System::"crm"'
CASES = 'resource in Isthmus::Object::"crm/Case"'
AGENT = 'principal == Isthmus::Agent::"support"'


def test_both_the_agent_and_the_user_must_be_allowed():
    rules = policy(permit("agent", principal=AGENT, action=act("query", "create")))
    allowed = rules.decide(question("query"))
    assert (allowed.allowed, allowed.agent_rules, allowed.user_rules) == (True, ("agent",), ("staff",))
    assert allowed.why == "Allowed by agent for the agent and staff for the user."
    assert rules.decide(question("query", user="eve")).denied_by == "user"
    assert rules.decide(question("delete")).denied_by == "agent"
    assert rules.decide(question("delete", user="eve")).denied_by == "both"


def test_the_verdict_names_the_side_and_the_rule():
    rules = policy(
        permit(), forbid("agents-never", principal="principal is Isthmus::Agent", notes='@why("people do that")')
    )
    verdict = rules.decide(question())
    assert verdict.why == "Denied: rule 'agents-never' forbids it for agent 'support', because people do that."
    assert (verdict.rules, verdict.user_rules) == (("agents-never",), ("all", "staff"))
    nobody = policy(permit(principal=AGENT), staff=False).decide(question("get"))
    assert nobody.why == "Denied: no rule permits user 'bob' to get crm-eu/Case."


def test_a_role_reaches_those_who_hold_a_narrower_one():
    rules = policy(
        permit(principal=AGENT), permit("staff", principal='principal in Isthmus::Role::"support"'), staff=False
    )
    assert rules.decide(question(user="ada")).allowed
    assert not rules.decide(question(user="eve")).allowed


@pytest.mark.parametrize(
    "scope", [CRM, CASES, 'resource in Isthmus::Object::"crm-eu/Case"', 'resource in Isthmus::Connection::"crm-eu"']
)
def test_policies_name_systems_connections_and_objects_of_either(scope):
    rules = policy(permit(principal=AGENT, resource=scope))
    assert rules.decide(question(connection="crm-eu")).allowed
    assert rules.decide(question(connection="crm-us")).allowed == ("crm-eu" not in scope)
    assert rules.decide(question(object="Contact")).allowed == ("Case" not in scope)
    assert not rules.decide(question(connection="pay")).allowed


def test_a_connection_may_have_the_name_of_its_own_system():
    rules = policy(permit(principal=AGENT, resource='resource in Isthmus::Object::"pay/Payment"'))
    assert rules.decide(question(connection="pay", object="Payment")).allowed
    assert not rules.decide(question(connection="pay", object="Refund")).allowed


def test_an_unknown_connection_is_denied():
    assert "no connection 'crm-ap'" in policy(permit()).decide(question(connection="crm-ap")).why


@pytest.mark.parametrize(
    ("verb", "effects", "needed"),
    [
        ("query", None, {"query"}),
        ("aggregate", None, {"aggregate"}),
        ("export", None, {"export"}),
        ("changes", None, {"changes"}),
        ("upsert", None, {"create", "update"}),
        ("load", ("create", "update"), {"load", "create", "update"}),
        ("attach", ("create",), {"attach"}),
        ("invoke", ("execute",), {"execute"}),
        ("invoke", ("read",), {"invoke"}),
        ("invoke", ("update",), {"update"}),
        ("create", ("create", "read"), {"create", "get"}),
    ],
)
def test_a_call_needs_every_action_that_its_effects_mean(verb, effects, needed):
    asked = question(verb, effects=effects)
    assert policy(permit(principal=AGENT, action=act(*needed))).decide(asked).allowed
    for missing in needed:
        rest = needed - {missing} or {"describe"}
        assert not policy(permit(principal=AGENT, action=act(*rest))).decide(asked).allowed


def test_a_call_that_declares_no_effect_is_denied():
    assert not policy(permit()).decide(question(effects=())).allowed


def test_every_object_of_a_call_is_judged():
    rules = policy(permit(principal=AGENT, resource=CASES, when='["Subject"].containsAll(context.fields)'))
    assert not rules.decide(question(objects=("Case", "Salary__c"))).allowed
    related = (Related("Contact", frozenset({"Email"})),)
    asked = question("create", objects=("Case", "Contact"), ask={"related": related})
    contact = permit(
        "contact", principal=AGENT, action=act("get"), resource='resource in Isthmus::Object::"crm/Contact"'
    )
    listed = contact.replace(";", ' when { ["Email"].containsAll(context.fields) };')
    case = permit(principal=AGENT, resource=CASES)
    assert not policy(case).decide(asked).allowed
    assert policy(case, listed).decide(asked).allowed


def test_facts_of_every_named_record_decide():
    mine = permit(
        principal=AGENT,
        when="resource is Isthmus::Record && resource has owner && resource.owner == context.on_behalf_of",
    )
    rules = policy(mine)
    one, two = RecordFacts(owner="bob"), RecordFacts(owner="eve")
    assert rules.decide(question("get", records=("1",), ask={"records": (one,)})).allowed
    assert not rules.decide(question("get", records=("1", "2"), ask={"records": (one, two)})).allowed
    assert not rules.decide(question("get", records=("1", "2"), ask={"records": (one,)})).allowed
    assert not rules.decide(question("get", records=("1",))).allowed
    assert not rules.decide(question("query")).allowed


def test_unknown_classes_and_countries_fail_an_allow_list():
    harmless = 'resource is Isthmus::Record && ["pii"].containsAll(resource.classes) && ["DE"].contains(resource.subject_country)'
    rules = policy(permit(principal=AGENT, when=harmless))
    known = RecordFacts(subject_country="DE", classes=frozenset({"pii"}))
    assert rules.decide(question("get", ask={"records": (known,)})).allowed
    assert not rules.decide(question("get", ask={"records": (RecordFacts(subject_country="DE"),)})).allowed
    assert not rules.decide(question("get", ask={"records": (RecordFacts(classes=frozenset({"pii"})),)})).allowed


def test_an_agent_without_a_user_needs_a_rule_that_says_so():
    unattended = permit(
        "nightly",
        action=act("get"),
        principal="principal is Isthmus::Agent",
        when="context.on_behalf_of == principal.owner && context.rows < 10",
    )
    rules = policy(permit("plain"), unattended)
    assert rules.decide(question("get", user=None)).agent_rules == ("nightly", "plain")
    verdict = rules.decide(question("query", user=None))
    assert (verdict.allowed, verdict.denied_by) == (False, "agent")
    assert "act without a user" in verdict.why
    assert not rules.decide(question("get", user=None, rows=50)).allowed
    creates = unattended.replace('"get"', '"create"')
    assert not policy(permit("plain"), creates).decide(question("upsert", user=None)).allowed


def test_a_rule_for_owners_is_not_met_inside_an_alternative():
    loose = permit(
        principal="principal is Isthmus::Agent", when="context.on_behalf_of == principal.owner || context.rows < 10"
    )
    assert not policy(loose).decide(question(user=None)).allowed


def test_an_agents_purposes_and_highest_risk_hold_without_a_policy():
    rules = policy(permit())
    assert rules.decide(question(purpose="marketing")).agent_rules == ("isthmus:agent-purpose",)
    assert rules.decide(question(risk=4)).allowed
    assert rules.decide(question(risk=5)).agent_rules == ("isthmus:agent-risk",)
    assert rules.decide(question(agent="night", purpose="")).allowed
    assert not rules.decide(question(agent="night", purpose="support")).allowed


@pytest.mark.parametrize(
    ("amount", "allowed"), [("999.99", True), ("1000", True), ("1000.0001", False), ("1e2", True), (None, False)]
)
def test_amounts_are_compared_exactly(amount, allowed):
    rules = policy(
        permit(when='context has amount && context.amount.lessThanOrEqual(decimal("1000.00"))', principal=AGENT)
    )
    assert rules.decide(question("create", amount=amount)).allowed is allowed


@pytest.mark.parametrize("amount", ["", "ten", "NaN", "Infinity", "0.00001", "922337203685477.5808", "1,000"])
def test_an_amount_that_cedar_cannot_hold_is_denied(amount):
    verdict = policy(permit()).decide(question("create", amount=amount))
    assert not verdict.allowed
    assert "amount" in verdict.why


def test_an_unknown_consumer_zone_is_in_no_country():
    rules = policy(permit(when='["DE", "FR"].containsAll(context.consumer_zone.countries)', principal=AGENT))
    assert rules.decide(question(ask={"consumer_zone": "eu"})).allowed
    for zone in ("us", "", "moon"):
        assert not rules.decide(question(ask={"consumer_zone": zone})).allowed


APPROVABLE = forbid("ask-first", notes='@obligation("approve:leads")', action=act("update"), unless="context.approved")


def test_a_deny_that_an_approval_would_lift_names_who_approves():
    rules = policy(permit(), APPROVABLE)
    verdict = rules.decide(question("update"))
    assert (verdict.allowed, verdict.approvable) == (False, "leads")
    assert rules.decide(question("update", ask={"approved": True})).allowed


def test_an_approval_that_would_not_suffice_is_not_offered():
    also = forbid("never", action=act("update"), when="context.rows > 5")
    assert policy(permit(), APPROVABLE, also).decide(question("update", rows=6)).approvable == ""
    assert policy(permit(), APPROVABLE).decide(question("update", user="eve")).approvable == "leads"
    assert policy(permit(principal=AGENT), APPROVABLE).decide(question("update", user="eve")).approvable == ""


def test_two_approvers_cannot_be_met_by_one_approval():
    other = APPROVABLE.replace("ask-first", "ask-owner").replace("approve:leads", "approve:owner")
    verdict = policy(permit(), APPROVABLE, other).decide(question("update"))
    assert (verdict.allowed, verdict.approvable) == (False, "")
    assert {one.values[0] for one in verdict.obligations} == {"leads", "owner"}


@pytest.mark.parametrize(
    ("who", "approver", "may"),
    [
        ("user", "bob", True),
        ("user", "ada", False),
        ("owner", "ada", True),
        ("owner", "bob", False),
        ("leads", "ada", True),
        ("support", "ada", True),
        ("support", "bob", False),
        ("leads", "eve", False),
        ("leads", "nobody", False),
        ("", "ada", False),
    ],
)
def test_only_whom_the_rule_names_may_approve(who, approver, may):
    assert policy(permit()).may_approve(who, approver, question().caller) is may


def test_obligations_of_all_deciding_rules_are_joined():
    masked = permit("masked", principal=AGENT, notes='@obligation("mask:Email, Phone; limit_rows:50")')
    wide = permit("wide", notes='@obligation("limit_rows:20; notify:dpo")')
    verdict = policy(masked, wide).decide(question())
    assert verdict.masked == {"Email", "Phone"}
    assert verdict.row_limit == 20
    assert [str(one) for one in verdict.obligations] == [
        "limit_rows:20",
        "limit_rows:50",
        "mask:Email,Phone",
        "notify:dpo",
    ]


def test_only_deciding_rules_oblige():
    human = forbid("human", action=act("delete"), notes='@obligation("hand-to-human")')
    rules = policy(permit(notes='@obligation("mask:Email")'), human)
    denied = rules.decide(question("delete"))
    assert [one.duty for one in denied.obligations] == [Duty.HAND_TO_HUMAN]
    assert [one.duty for one in rules.decide(question("query")).obligations] == [Duty.MASK]
    for_agents = human.replace("principal,", "principal is Isthmus::Agent,")
    one_side = policy(permit(notes='@obligation("mask:Email")'), for_agents).decide(question("delete"))
    assert (one_side.user_rules, one_side.masked) == (("all", "staff"), frozenset())
