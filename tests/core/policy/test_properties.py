"""What holds for every question."""

from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from isthmus.core.operation import Effect, Verb
from isthmus.core.policy.entities import Graph

from .house import CONNECTIONS, DIRECTORY, ZONES, forbid, operation, permit, policy, question

FIELDS = st.frozensets(
    st.sampled_from(["Subject", "Status", "subject", "Salary__c", "Contact.Email", "*", ""]), max_size=4
)
ALLOWED = frozenset({"Subject", "Status"})
LISTED = policy(
    permit("listed", principal="principal is Isthmus::Agent", when='["Subject", "Status"].containsAll(context.fields)')
)
OPEN = policy(permit())
SHUT = policy(permit(), forbid())
QUESTIONS = st.builds(
    lambda verb, effects, fields, agent, user, name, approved: replace(
        question("query", agent=agent, user=user, fields=fields, object=name),
        operation=changed(operation("query", fields=fields, object=name), verb=verb, effects=effects),
        approved=approved,
    ),
    st.sampled_from(Verb),
    st.frozensets(st.sampled_from(Effect)),
    FIELDS,
    st.sampled_from(["support", "night", "nobody"]),
    st.sampled_from(["bob", "eve", "nobody", None]),
    st.text(max_size=8),
    st.booleans(),
)


@given(FIELDS, FIELDS)
@settings(deadline=None)
def test_an_allow_list_passes_its_own_fields_only(fields, probed):
    verdict = LISTED.decide(question("get", fields=fields, probed=probed))
    assert verdict.allowed == (bool(fields) and fields | probed <= ALLOWED)


@given(QUESTIONS)
@settings(deadline=None)
def test_every_question_has_an_answer_and_a_forbid_of_all_is_a_deny_of_all(asked):
    assert not SHUT.decide(asked).allowed
    verdict = OPEN.decide(asked)
    assert bool(verdict.denied_by) is not verdict.allowed
    assert verdict.why
    assert not verdict.allowed or (verdict.agent_rules and asked.caller.user in {"bob", "eve"})
    assert replace(OPEN.decide(asked), cached=False) == verdict or verdict.cached


@given(st.text(), st.text(), st.text())
@settings(deadline=None)
def test_any_names_are_written_as_valid_entities_or_denied(name, state, purpose):
    graph = Graph(DIRECTORY, CONNECTIONS, ZONES)
    assert graph.object("crm-eu", name)[0][1].startswith("crm-eu/")
    asked = question("transition", object=name, purpose=purpose, fields=(state,), transition=("New", state))
    assert OPEN.decide(asked).allowed == (purpose == "support" and bool(state))
