"""Does an explanation name the rules, the condition that failed and the way out?"""

from isthmus.core.policy import explain

from .house import act, forbid, permit, policy, question

AGENT = 'principal == Isthmus::Agent::"support"'
READ = permit(
    "read-cases",
    principal=AGENT,
    action=act("query"),
    resource='resource in Isthmus::Object::"crm/Case"',
    when='context.rows < 100 && ["Subject", "Status"].containsAll(context.fields) && context.risk < 3',
)


def told(rules, asked):
    return "\n".join(explain(rules, asked))


def test_an_allow_shows_the_rules_with_their_text():
    text = told(policy(READ), question())
    assert "Agent 'support': allowed\n  read-cases (file1.cedar)" in text
    assert "User 'bob': allowed\n  staff (staff.cedar)" in text
    assert 'principal == Isthmus::Agent::"support"' in text


def test_a_forbid_shows_its_reason_and_what_would_lift_it():
    ask = forbid("ask", notes='@obligation("approve:user") @why("look first")', unless="context.approved")
    text = told(policy(permit(), ask), question("update"))
    assert "ask (file2.cedar): look first" in text
    assert "Approvable by user." in text
    assert "It would be allowed once approved." in text


def test_a_default_deny_names_the_condition_that_failed_first_and_the_fields_to_leave_out():
    text = told(policy(READ), question(fields=("Subject", "Salary__c")))
    assert 'read-cases: stops at when { ["Subject", "Status"].containsAll(context.fields) }' in text
    assert "It would be allowed without Salary__c." in text
    assert "stops at when { (context.rows) < 100 }" in told(policy(READ), question(fields=("X",), rows=200))
    assert "It would be allowed for one row." in told(policy(READ), question(rows=200))
    assert "It would be allowed with no risk points." in told(policy(READ), question(risk=3))


def test_a_default_deny_tells_for_whom_and_what_the_nearest_rules_are():
    text = told(policy(READ, permit("other", principal='principal == Isthmus::Agent::"night"')), question("get"))
    assert "read-cases: is for actions other than get" in text
    assert "other: is for another principal" in text
    assert text.index("read-cases: is for") < text.index("staff: is for")
    assert "resources other than crm-eu/Contact" in told(policy(READ), question(object="Contact"))


def test_a_call_without_user_shows_the_permit_that_needs_one():
    text = told(policy(READ), question(user=None))
    assert "read-cases would permit it for a user" in text
    assert "context.on_behalf_of == principal.owner" in text


def test_the_right_purpose_is_suggested():
    assert "It would be allowed for the purpose 'support'." in told(policy(permit()), question(purpose=""))


def test_what_was_not_even_asked_is_told_in_one_line():
    assert explain(policy(permit()), question(agent="nobody")) == ("Denied: agent 'nobody' is not registered.",)


def test_an_unless_is_told_as_it_is_written():
    guarded = '@id("guarded") permit(principal, action, resource) unless { context.risk > 2 || context.rows > 9 };'
    text = told(policy(guarded, staff=False), question(rows=10))
    assert "guarded: stops at unless { (context.rows) > 9 }" in text
