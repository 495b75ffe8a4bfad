"""Do `policy explain`, `matrix` and `check` say what the rules mean?"""

import re

from .conftest import Shell

CLIENT = ("--client", "desktop-us")


def test_a_denial_is_explained_with_its_rule(shell: Shell) -> None:
    case = shell.ok_json("call", "query", "object=Case", "limit=1", *CLIENT)["records"][0]["id"]
    before = shell.sent()
    text = shell.ok("policy", "explain", "delete", "object=Case", f"id={case}", *CLIENT)
    assert "agents-never-delete" in text
    assert "a deleted record cannot be read back" in text
    assert not [one for org in shell.house.sandbox.salesforce.values() for one in org.journal.entries if one.effects]
    assert shell.sent() > before


def test_an_allow_is_explained_for_each_connection(shell: Shell) -> None:
    found = shell.ok_json("policy", "explain", "query", "object=Contact", "select=Name", *CLIENT)["questions"]
    assert [(one["connection"], one["allowed"]) for one in found] == [("crm-eu", True), ("crm-us", True)]
    assert found[0]["lines"][0].startswith("Allowed by read")


def test_the_form_of_each_field_is_explained_by_country(shell: Shell) -> None:
    words = ("policy", "explain", "query", "object=Contact", "select=Email", *CLIENT)
    forms = shell.ok_json(*words)["questions"][0]["forms"]
    assert forms == {"Email": {"DE": "ref", "US": "clear", "??": "ref"}}
    assert "In which form model-us gets each field" in shell.ok(*words)


def test_the_matrix_is_a_flat_table_in_a_file(shell: Shell) -> None:
    head, *rows = shell.ok("policy", "matrix", "--object", "crm/Account").splitlines()
    assert head.split() == ["agent", "user", "purpose", "object", "verb", "transition", "answer", "fields", "by"]
    assert any("approve:manager" in row and "crm-eu/Account" in row for row in rows)
    assert shell.ok("policy", "matrix", "--object", "crm/Account").splitlines() == [head, *rows]


def test_the_matrix_holds_every_change_of_state(shell: Shell) -> None:
    rows = shell.ok_json("policy", "matrix", "--object", "Case")["rows"]
    assert {"(new) -> Closed", "New -> Working"} <= {row["transition"] for row in rows}


def test_the_matrix_takes_its_objects_from_the_policies(shell: Shell) -> None:
    rows = shell.ok_json("policy", "matrix")["rows"]
    assert {"crm-eu/Account", "crm-us/Account"} <= {row["object"] for row in rows}
    assert "crm-eu/Contact" not in {row["object"] for row in rows}


def test_good_rules_are_counted(shell: Shell) -> None:
    text = shell.ok("policy", "check")
    assert re.search(r"\d policies in policy.cedar; 0 sequence rules; 3 flow rules", text)
    assert "all is well" in text
    assert shell.ok_json("policy", "check")["ok"] is True
    assert shell.sent() == 0


def test_a_broken_rule_fails_the_check(shell: Shell) -> None:
    shell.config.with_name("flows.toml").write_text("version = 2\n")
    done = shell("policy", "check")
    assert done.code == 1
    assert "fail" in done.out
    assert "flows.toml" in done.out
    assert shell("policy", "check", "--json").json["checks"][-1]["status"] == "fail"


IDLE = """
@id("dear") forbid (principal, action == Isthmus::Action::"create", resource)
  when { context has amount && context.amount.greaterThan(decimal("1000.0")) };
@id("safe") @obligation("step-up") forbid (principal, action == Isthmus::Action::"delete", resource)
  unless { context.mfa };
@id("told") @obligation("notify:maria") permit (principal, action == Isthmus::Action::"describe", resource);
"""


def test_policies_that_count_on_what_nothing_brings_about_are_found(shell: Shell) -> None:
    policies = shell.config.with_name("policy.cedar")
    policies.write_text(policies.read_text() + IDLE)
    found = {one["subject"]: one for one in shell.ok_json("policy", "check")["checks"] if one["status"] == "warn"}
    assert "context.amount" in found["policy dear"]["said"]
    assert "what it permits is denied" in found["policy told"]["said"]
    assert "policy safe" in found
    assert not any("policy agents" in name for name in found)
    shell.rewrite("[connections.crm-eu]\n", '[connections.crm-eu]\namounts = ["Opportunity.Amount"]\n')
    left = {one["subject"] for one in shell.ok_json("policy", "check")["checks"] if one["status"] == "warn"}
    assert left == found.keys() - {"policy dear"}


def test_the_amount_that_a_policy_is_told_is_explained(shell: Shell) -> None:
    shell.rewrite("[connections.crm-us]\n", '[connections.crm-us]\namounts = ["Opportunity.Amount"]\n')
    explain = ("policy", "explain", "create", "object=Opportunity", "values.Name=x", "values.StageName=Prospecting",
               "values.CloseDate=2027-01-31", "--client", "desktop-eu")  # fmt: skip
    assert "crm-us/Opportunity, risk 3, amount unknown" in shell.ok(*explain)
    assert "crm-us/Opportunity, risk 4, amount 20000.0000" in shell.ok(*explain, "values.Amount=20000")
    assert shell.ok_json(*explain, "values.Amount=20000")["questions"][0]["amount"] == "20000.0000"


def test_clients_that_can_only_be_refused_are_found(shell: Shell) -> None:
    shell.rewrite('consumer = "model-us"', 'consumer = "model-xx"')
    shell.rewrite(
        'consumer = "model-eu"\nuser = "alice"\npurpose = "support"', 'consumer = "model-eu"\npurpose = "sales"'
    )
    text = shell.ok("policy", "check")
    assert "'model-xx' is not in the flow rules" in text
    assert "add it to agents.support.purposes" in text
