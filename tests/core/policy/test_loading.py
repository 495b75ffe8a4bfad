"""Which policy files are refused, and do the sentences say what to do?"""

from dataclasses import replace

import pytest

from isthmus.core.errors import ConfigurationError
from isthmus.core.policy import ConnectionFacts, Directory, Policy, User, ZoneFacts, policy_texts

from .house import CONNECTIONS, DIRECTORY, STAFF, ZONES, act, forbid, permit, policy, question


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("permit(principal action, resource);", "file1.cedar is not a Cedar policy file"),
        ("permit(principal, action, resource);", r"'number 1': it has no @id"),
        (permit("a") + permit("a"), "the id is used before, in file1.cedar"),
        (permit("isthmus:mine"), "our own"),
        (permit(notes='@obligaton("mask:Email")'), "unknown annotation @obligaton; did you mean 'obligation'"),
        (permit(notes='@obligation("maks:Email")'), "unknown obligation 'maks:Email'; did you mean 'mask'"),
        (permit(notes='@obligation("mask")'), "write mask:<field>"),
        (permit(notes='@obligation("limit_rows:many")'), "write limit_rows:<n>"),
        (permit(notes='@obligation("limit_rows:-1")'), "write limit_rows:<n>"),
        (permit(notes='@obligation("approve:user")'), "no meaning on a permit"),
        (forbid(notes='@obligation("mask:Email")'), "no meaning on a forbid"),
        (forbid(notes='@obligation("hand-to-human:bob")'), "takes nothing after it"),
        (forbid(notes='@obligation("")'), "unknown obligation ''"),
        (forbid(notes='@obligation("approve:laeds")', unless="context.approved"), "did you mean 'leads'"),
        (forbid(notes='@obligation("approve:user")'), "unless { context.approved }"),
        (forbid(notes='@obligation("step-up")'), "unless { context.mfa }"),
        (permit(principal='principal == Isthmus::Agent::"suport"'), "no Agent 'suport'; did you mean 'support'"),
        (forbid(principal='principal in Isthmus::Role::"staff"'), "no Role 'staff'"),
        (permit(resource='resource in Isthmus::System::"cmr"'), "no System 'cmr'; did you mean 'crm'"),
        (permit(resource='resource in Isthmus::Object::"Case"'), "'<system or connection>/<Object>'"),
        (permit(resource='resource in Isthmus::Object::"cm/Case"'), "did you mean 'crm'"),
        (permit(when='context.on_behalf_of == Isthmus::User::"bop"'), "no User 'bop'; did you mean 'bob'"),
        (permit(resource='resource == Isthmus::Record::"crm-eu/Case/1"'), "names a single record"),
        (forbid(action='action == Isthmus::Action::"write"'), "named with `action in`"),
        (forbid(action='action == Isthmus::Action::"updat"'), "did you mean 'update'"),
        ('@id("t") permit(principal == ?principal, action, resource);', "name them instead"),
    ],
)
def test_a_faulty_policy_is_named_with_its_remedy(text, said):
    with pytest.raises(ConfigurationError) as caught:
        policy(text)
    assert said.replace("\\", "") in str(caught.value) or pytest.fail(str(caught.value))
    assert caught.value.object == "file1.cedar"


def test_the_fault_is_laid_at_the_policy_that_has_it():
    with pytest.raises(ConfigurationError, match=r"file2.cedar: policy 'third'"):
        policy(permit("first"), permit("second") + permit("third", when="context.nope"))


def test_a_set_without_any_policy_is_refused():
    with pytest.raises(ConfigurationError, match="every call would be denied"):
        policy("// nothing here\n", staff=False)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"users": {"bob": DIRECTORY.users["bob"]}}, "owner is 'ada', which is not defined"),
        ({"users": {**DIRECTORY.users, "x": User("y")}}, "file it under its own name"),
        ({"roles": {"leads": frozenset({"support"}), "support": frozenset({"leads"})}}, "do not fit together"),
        ({"roles": {"owner": frozenset()}}, "cannot be named 'owner'"),
        ({"agents": {"support": replace(DIRECTORY.agents["support"], zone="mars")}}, "zone is 'mars'"),
    ],
)
def test_a_directory_that_does_not_fit_is_refused(change, said):
    with pytest.raises(ConfigurationError, match=said):
        policy(permit(), directory=replace(DIRECTORY, **change))


@pytest.mark.parametrize(
    ("name", "facts", "said"),
    [
        ("crm", ConnectionFacts("salesforce", "eu", "DE", "sales"), "name of another system"),
        ("a/b", ConnectionFacts("salesforce", "eu", "DE", "crm"), "without '/'"),
        ("new", ConnectionFacts("salesforce", "moon", "DE", "crm"), "zone is 'moon'"),
    ],
)
def test_a_connection_whose_name_could_mean_two_things_is_refused(name, facts, said):
    with pytest.raises(ConfigurationError, match=said):
        Policy.load({"a": permit()}, DIRECTORY, connections={**CONNECTIONS, name: facts}, zones=ZONES)


def test_a_failing_reload_leaves_the_old_set_in_use():
    rules = policy(permit(action=act("query")))
    with pytest.raises(ConfigurationError):
        rules.reload({"new": "permit("})
    with pytest.raises(ConfigurationError):
        rules.reload({})
    assert rules.decide(question("query")).allowed
    assert not rules.decide(question("create")).allowed


def test_a_reload_answers_by_the_new_rules_only():
    rules = policy(permit())
    assert rules.decide(question()).allowed
    newer = rules.reload({"new": forbid()})
    assert not newer.decide(question()).allowed
    assert rules.decide(question()).allowed


def test_the_digest_follows_meaning_and_not_layout():
    rules = policy(permit())
    assert rules.digest == rules.reload({"x": f"// said differently\n{permit()}\n\n", "y": STAFF}).digest
    assert rules.digest != rules.reload({"x": permit(), "y": STAFF, "z": forbid()}).digest
    assert rules.digest != rules.reload({"x": permit(notes='@why("so")'), "y": STAFF}).digest
    moved = Directory(
        DIRECTORY.agents, {**DIRECTORY.users, "bob": replace(DIRECTORY.users["bob"], clearance=1)}, DIRECTORY.roles
    )
    assert rules.digest != policy(permit(), directory=moved).digest
    zones = {**ZONES, "us": ZoneFacts(frozenset({"US", "CA"}))}
    changed = Policy.load({"x": permit(), "y": STAFF}, DIRECTORY, connections=CONNECTIONS, zones=zones)
    assert rules.digest != changed.digest


def test_policy_files_are_read_by_path(tmp_path):
    (tmp_path / "a.cedar").write_text(permit(), encoding="utf-8")
    assert policy_texts([tmp_path / "a.cedar"]) == {str(tmp_path / "a.cedar"): permit()}
    with pytest.raises(ConfigurationError, match="cannot read policy file"):
        policy_texts([tmp_path / "b.cedar"])
