"""Does `models` write what live metadata and the rules give, and tell when that has moved?"""

from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import pytest

from isthmus.core import Ref, sync
from isthmus.core.caller import Caller
from isthmus.core.config import load_config
from isthmus.core.errors import InvalidArguments
from isthmus.core.models import Masked
from isthmus.core.records import Compare, Operator

from .conftest import Shell

GERMAN = Compare("MailingCountryCode", Operator.EQ, "DE")
MASKS = """
@id("amounts-masked") @obligation("mask:NumberOfEmployees,Phone")
permit (principal == Isthmus::Agent::"support", action in Isthmus::Action::"read",
  resource in Isthmus::Object::"crm/Account");
"""
NO_ACCOUNTS = """
@id("no-accounts") forbid (principal, action in Isthmus::Action::"read", resource in Isthmus::Object::"crm/Account");
"""
FRENCH = """
[[rule]]
id = "french-never"
data = "pii"
subjects = "FR"
outside = "home"
allow = ["drop"]
"""
FEW_FIELDS = """
@id("few-fields") forbid (principal, action in Isthmus::Action::"read", resource in Isthmus::Object::"crm/Account")
  unless { ["Id", "Name", "Industry"].containsAll(context.fields) };
"""


@pytest.fixture
def write(shell: Shell) -> Callable[..., ModuleType]:
    """Write classes for a client and load them."""

    def load(*objects: str, client: str = "desktop-us") -> ModuleType:
        text = shell.ok("models", "crm", *objects, "--client", client)
        module = ModuleType("crm_models")
        exec(compile(text, "crm_models.py", "exec"), module.__dict__)  # what the command wrote is what is tested
        return module

    return load


@pytest.fixture
def session(shell: Shell) -> Iterator[Callable[[str], sync.Session]]:
    with sync.open_gateway(load_config(shell.config)) as gateway:
        yield lambda where: gateway.session(Caller("support", "alice", "support", f"model-{where}"))


def types(module: ModuleType, name: str) -> dict[str, str]:
    return {one: str(facts.annotation) for one, facts in getattr(module, name).model_fields.items()}


def test_fields_have_the_types_of_live_metadata(write) -> None:
    found = types(module := write("Account", "Case"), "Account")
    assert found["NumberOfEmployees"] == "int | None"
    assert found["CreatedDate"] == "datetime.datetime | None"
    assert found["Customer_Number__c"] == "str | None"
    assert "'Chemicals'" in found["Industry"]
    assert "'Escalated'" in types(module, "CaseNew")["Status"]
    assert "str" not in types(module, "CaseNew")["Status"]
    assert "str" in types(module, "CaseNew")["Origin"]


def test_what_a_new_record_needs_is_required_and_what_nobody_writes_is_left_out(write) -> None:
    module = write("Account")
    needed = {one for one, facts in module.AccountNew.model_fields.items() if facts.is_required()}
    assert needed == {"Name"}
    assert not {"Id", "CreatedDate", "SystemModstamp"} & set(module.AccountNew.model_fields)
    assert not any(facts.is_required() for facts in module.AccountChange.model_fields.values())
    assert {"Id", "CreatedDate"} <= set(module.Account.model_fields)


def test_a_ref_stands_where_the_rules_of_the_client_may_leave_one(write) -> None:
    german, american = types(write("Contact", client="desktop-eu"), "Contact"), types(write("Contact"), "Contact")
    assert "Ref" not in german["Email"]
    assert "Ref" in american["Email"]
    assert "Ref" not in american["Id"]
    assert "Ref" in types(write("Contact"), "ContactNew")["Email"]
    assert "Masked" in american["Salutation"]


def test_a_form_that_is_left_to_people_of_one_country_counts(shell: Shell, write) -> None:
    flows = shell.config.with_name("flows.toml")
    flows.write_text(flows.read_text() + FRENCH)
    assert "Ref" in types(write("Contact"), "Contact")["Email"]


def test_a_field_that_policy_masks_may_hold_a_mask(shell: Shell, write) -> None:
    policy = shell.config.with_name("policy.cedar")
    policy.write_text(policy.read_text() + MASKS)
    found = types(write("Account", client="desktop-eu"), "Account")
    assert "Masked" in found["NumberOfEmployees"]
    assert "Masked" in found["Phone"]
    assert "Masked" not in found["Fax"]


def test_both_forms_arrive_as_the_classes_say(write, session) -> None:
    contact = write("Contact").Contact
    page = session("us").query("crm", contact, where=GERMAN, limit=3)
    assert len(page.records) == 3
    assert all(isinstance(one.Email, Ref) for one in page.records)
    assert all(one.MailingCountryCode == "DE" for one in page.records)
    assert all(one.record.id == one.Id for one in page.records)
    clear = session("eu").get("crm", write("Contact", client="desktop-eu").Contact, page.records[0].Id)
    assert "@" in clear.Email
    assert {why.rules for one in page.records for why in one.record.withheld} == set()


def test_a_mask_in_a_number_is_told_from_a_number(shell: Shell, write, session) -> None:
    eu = write("Account", client="desktop-eu").Account
    plain = session("eu").query("crm", eu, select=("Name", "NumberOfEmployees"), limit=1).records[0]
    assert isinstance(plain.NumberOfEmployees, int)
    policy = shell.config.with_name("policy.cedar")
    policy.write_text(policy.read_text() + MASKS)
    masking = write("Account", client="desktop-eu").Account
    with sync.open_gateway(load_config(shell.config)) as gateway:
        caller = Caller("support", "alice", "support", "model-eu")
        one = gateway.session(caller).get("crm", masking, plain.record.id)
        assert isinstance(one.NumberOfEmployees, Masked)
        with pytest.raises(InvalidArguments, match="stands for a masked value"):
            gateway.session(caller).update("crm", masking, one.record.id, {"NumberOfEmployees": one.NumberOfEmployees})
        stale = gateway.session(caller).get("crm", eu, plain.record.id)
    assert stale.NumberOfEmployees is None
    assert [why.what for why in stale.record.withheld] == ["NumberOfEmployees"]


def test_an_object_is_created_and_changed_with_a_ref(shell: Shell, write, session) -> None:
    module = write("Contact", "Case")
    people = session("us").query("crm", module.Contact, where=GERMAN, limit=50).records
    person = next(one for one in people if one.record.id.startswith("crm-eu"))
    values = module.CaseNew(Subject="Call", ContactId=person.Id, SuppliedEmail=person.Email, Priority="High")
    made = session("us").create("crm", module.Case, values, key="models-1")
    assert isinstance(made, module.Case)
    assert (made.record.created, made.Subject) == (True, None)
    changed = session("us").update("crm", module.Case, made.record.id, module.CaseChange(Priority="Low"))
    assert changed.record.id == made.record.id
    again = session("us").get("crm", module.Case, made.record.id)
    assert (again.Subject, again.Priority, again.Status) == ("Call", "Low", "New")
    assert isinstance(again.SuppliedEmail, Ref)
    org = shell.house.sandbox.salesforce[made.record.id.partition("~")[0].removeprefix("crm-")]
    (row,) = [one for one in org.rows("Case") if one["Subject"] == "Call"]
    assert "@" in str(row["SuppliedEmail"])


def test_an_unchanged_org_gives_the_same_file(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    words = ("models", "crm", "Account", "case", "--client", "desktop-us", "--out", str(file))
    assert f"written into {file}" in shell.ok(*words)
    before = file.read_text()
    reordered = ("models", "crm", "Case", "Account", "Case", "--client", "desktop-us", "--out", str(file))
    shell.ok(*reordered)
    assert file.read_text() == before
    assert "up to date" in shell.ok(*words, "--check")
    assert shell.ok_json(*words, "--check") == {"current": True, "moved": []}
    assert shell.house.sandbox.salesforce["eu"].url not in before
    assert "client desktop-us" in before
    assert str(tmp_path) not in before


def test_check_tells_what_moved_and_writes_nothing(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    words = ("models", "crm", "Account", "--client", "desktop-us", "--out", str(file))
    shell.ok(*words)
    file.write_text(text := file.read_text().replace("    Site: str | None = None\n", "").replace('    "Web",\n', ""))
    done = shell(*words, "--check")
    assert done.code == 1
    assert "Account.Site is new" in done.out
    assert "Account_AccountSource: +'Web'" in done.out
    assert file.read_text() == text
    assert shell(*words, "--check", "--json").json["current"] is False
    file.unlink()
    assert shell(*words, "--check").code == 1
    assert not file.exists()


def test_a_changed_label_is_a_change(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    words = ("models", "crm", "Account", "--client", "desktop-us", "--out", str(file))
    shell.ok(*words)
    file.write_text(file.read_text().replace('"Account Site"', '"Site"'))
    assert "labels" in shell(*words, "--check").out


def test_a_reclassified_field_moves(shell: Shell, tmp_path: Path) -> None:
    file = tmp_path / "models.py"
    words = ("models", "crm", "Account", "--client", "desktop-us", "--out", str(file))
    shell.ok(*words)
    text = shell.config.read_text()
    shell.config.write_text(text + '\n[connections.crm-us.fields."Account.Site"]\nclasses = ["pii"]\n')
    assert "Account.Site was str | None, is str | Ref | None" in shell(*words, "--check").out


def test_what_cannot_be_written_says_why(shell: Shell) -> None:
    client = ("--client", "desktop-us")
    assert "there is no system" in shell.fails("models", "crn", "Account", *client, code=2)
    assert "name the objects" in shell.fails("models", "crm", *client, code=2)
    assert "--out" in shell.fails("models", "crm", "Account", "--check", *client, code=2)
    assert "no object 'Acount'" in shell.fails("models", "crm", "Acount", *client)


def test_a_client_that_may_read_nothing_gets_no_classes(shell: Shell) -> None:
    policy = shell.config.with_name("policy.cedar")
    policy.write_text(policy.read_text() + NO_ACCOUNTS)
    assert "may be read" in shell.fails("models", "crm", "Account", "--client", "desktop-us")


def test_fields_that_policy_hides_are_left_out(shell: Shell, write, session) -> None:
    policy = shell.config.with_name("policy.cedar")
    policy.write_text(policy.read_text() + FEW_FIELDS)
    account = write("Account").Account
    assert set(account.model_fields) == {"Id", "Industry", "Name"}
    assert session("us").query("crm", account, limit=1).records[0].Name


def test_the_look_ups_are_recorded(shell: Shell) -> None:
    shell.ok("models", "crm", "Account", "--client", "desktop-us")
    assert "Account" in shell.ok("audit", "show")
