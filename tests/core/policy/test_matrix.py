"""Is the matrix complete, deterministic and true?"""

from isthmus.core.operation import Transition, Verb
from isthmus.core.policy import matrix
from isthmus.core.policy.matrix import rows

from .house import act, forbid, permit, policy

AGENT = 'principal == Isthmus::Agent::"support"'
OBJECTS = {"crm-eu": {"Case": frozenset({"Subject", "Status", "Secret__c"})}}
STATES = {"crm-eu/Case": (Transition("Status", "New", "Working"), Transition("Status", "", "Closed"))}
LISTED = '["Subject", "Status"].containsAll(context.fields)'


def house():
    return policy(
        permit("read", principal=AGENT, action=act("query"), when=LISTED, notes='@obligation("limit_rows:9")'),
        permit("work", principal=AGENT, action=act("create", "update", "transition"), when=LISTED),
        forbid("closing", when='context has transition && context.transition.to == "Closed"'),
        forbid(
            "ask", principal=AGENT, action=act("update"), notes='@obligation("approve:user")', unless="context.approved"
        ),
    )


def test_the_table_is_the_golden_one():
    table = matrix(house(), OBJECTS, STATES, users=["bob"])
    kept = [line for line in table.splitlines() if line.startswith(("agent", "support")) and "(no rule)" not in line]
    assert "\n".join(kept) == (
        "agent    user  purpose  object       verb        transition       answer              fields           by\n"
        "support  bob   support  crm-eu/Case  query       -                allow limit_rows:9  Status, Subject  read, staff\n"
        "support  bob   support  crm-eu/Case  create      -                allow               Status, Subject  work, staff\n"
        "support  bob   support  crm-eu/Case  update      -                approve:user        Status, Subject  ask\n"
        "support  bob   support  crm-eu/Case  upsert      -                approve:user        Status, Subject  ask\n"
        "support  bob   support  crm-eu/Case  transition  New -> Working   allow               -                work, staff\n"
        "support  bob   support  crm-eu/Case  create      (new) -> Closed  deny (both)         -                closing"
    )


def test_equal_policies_give_equal_text():
    assert matrix(house(), OBJECTS, STATES) == matrix(house(), OBJECTS, STATES)


def test_every_verb_and_every_kind_of_user_has_its_row():
    found = list(rows(house(), OBJECTS, STATES))
    assert {row.verb for row in found} == {verb.value for verb in Verb}
    assert {row.user for row in found} == {"-", "ada", "bob", "eve"}
    assert {row.agent for row in found} == {"support", "night"}


def test_fields_that_pass_only_apart_are_said_to():
    split = (
        permit("one", principal=AGENT, when='["Subject"].containsAll(context.fields)'),
        permit("two", principal=AGENT, when='["Status"].containsAll(context.fields)'),
    )
    found = [row for row in rows(policy(*split), OBJECTS, {}, ["bob"]) if (row.agent, row.verb) == ("support", "get")]
    assert found[0].fields == "one at a time: Status, Subject"
