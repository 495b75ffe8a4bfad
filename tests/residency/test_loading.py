"""Is a policy that could mean something else refused, with the place and the nearest right word?"""

import re
import tomllib

import pytest

from isthmus.residency import FlowPolicy, FlowPolicyError


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("version = 1", "", "top level: key 'version' is missing"),
        ("version = 1", "version = 2", "version = 2; expected 1"),
        ("version = 1", "version = true", "version = True; expected a whole number"),
        ("version = 1", "version = 1\nsystems = {}", "top level: unknown key 'systems'"),
        ("[controller]", "[controler]", "top level: unknown key 'controler'; did you mean 'controller'?"),
        ('name = "Acme GmbH"', 'nmae = "Acme"', "controller: unknown key 'nmae'; did you mean 'name'?"),
        ('name = "Acme GmbH"', "", "controller: key 'name' is missing"),
        ('home = ["EEA", "CH"]', 'home = ["EAA"]', "jurisdictions.home: unknown jurisdiction 'EAA'; did you mean 'EEA'?"),
        ('home = ["EEA", "CH"]', "home = []", "jurisdictions: home = []; expected a text or a list"),
        ('home = ["EEA", "CH"]', 'home = ["b"]\nb = ["home"]', "contains itself"),
        ('home = ["EEA", "CH"]', 'EEA = ["DE"]', "'EEA' already names a place"),
        ('home = ["EEA", "CH"]', 'home = ["EEA"]\nFrance = ["DE"]', "'France' already names a place"),
        ('[zones.us]\ncountries = ["US"]', '[zones.us]\ncountries = ["USR"]', "zones.us: countries: unknown country 'USR'"),
        ('[zones.us]\ncountries = ["US"]', "[zones.us]", "zones.us: key 'countries' is missing"),
        ('[zones.us]\ncountries', "[zones.us]\ncountry", "zones.us: unknown key 'country'; did you mean 'countries'?"),
        ("until = 2027-06-30", 'until = "2027-06-30"', "zones.us-phi.attests[0]: until = '2027-06-30'; expected a date"),
        ("until = 2027-06-30", "until = 2027-06-30T00:00:00", "expected a date"),
        ("until = 2027-06-30", "untill = 2027-06-30", "zones.us-phi.attests[0]: unknown key 'untill'; did you mean 'until'?"),
        ('EEA = "scc-2021-m2"', 'EEA = "scc-2021-m5"', "unknown transfer instrument 'scc-2021-m5'; did you mean"),
        ('EEA = "scc-2021-m2"', 'EEA = "art49:consent"', "unknown transfer instrument 'art49:consent'"),
        ('EEA = "scc-2021-m2"', 'EAA = "scc-2021-m2"', "zones.us-phi.transfer: unknown key 'EAA'; did you mean 'EEA'?"),
        ('client_ids = ["desk"]', 'client_ids = ["mcp-desktop-us"]', "client id 'mcp-desktop-us' already belongs to"),
        ('client_ids = ["desk"]', 'client_id = "desk"', "consumers.desk-de: unknown key 'client_id'; did you mean"),
        ('ids = ["mcp-desktop-us"]\nzone = "us"', 'ids = ["x"]\nzone = "uss"', "consumers.claude-us: unknown zone 'uss'; did you mean 'us'?"),
        ('id = "secrets-never"\n', "", "rule number 4: key 'id' is missing"),
        ('id = "secrets-never"', 'id = "phi-needs-baa"', "a second rule has the id 'phi-needs-baa'"),
        ('data = "secret"', 'date = "secret"', "rule 'secrets-never': unknown key 'date'; did you mean 'data'?"),
        ('data = "secret"', 'data = "secrets"', "rule 'secrets-never': unknown class 'secrets'; did you mean 'secret'?"),
        ('data = "secret"', 'data = "pii.shoe"', "rule 'secrets-never': unknown class 'pii.shoe'"),
        ('data = "secret"', "data = []", "rule 'secrets-never': data = []; expected"),
        ('data = "secret"', "data = 7", "rule 'secrets-never': data = 7; expected"),
        ('data = "secret"', 'data = [""]', "rule 'secrets-never': data holds ''; expected a text"),
        ('data = "secret"', 'consumer = "claude"', "rule 'secrets-never': unknown consumer 'claude'; did you mean 'claude-us'?"),
        ('subjects = "EEA"', 'subjects = "EEE"', "rule 'eea-pii-at-home': unknown jurisdiction 'EEE'; did you mean 'EEA'?"),
        ('outside = "home"', 'outside = "hom"', "rule 'eea-pii-at-home': unknown jurisdiction 'hom'; did you mean 'home'?"),
        ('outside = "home"', 'outside = "home"\nelse = "x"', "rule 'eea-pii-at-home': unknown key 'else'"),
        ('outside = "home"', 'outside = "home"\npriority = 1', "rule 'eea-pii-at-home': unknown key 'priority'"),
        ('allow = ["ref", "mask",', 'allow = ["reff", "mask",', "rule 'eea-pii-at-home': unknown form 'reff'; did you mean 'ref'?"),
        ('allow = ["ref", "mask", "aggregate", "drop"]', "", "rule 'eea-pii-at-home': key 'allow' is missing"),
        ("[[rule]]", "[[rule", "policy: not valid TOML"),
        ("[zones.us]", '[zones."a??"]', "zones: 'a??' is no name"),
    ],
)  # fmt: skip
def test_a_wrong_policy_is_refused(policy_text, old, new, sentence):
    assert old in policy_text
    with pytest.raises(FlowPolicyError, match=re.escape(sentence)):
        FlowPolicy.load(policy_text.replace(old, new))


def test_a_refusal_carries_key_place_and_remedy(policy_text):
    with pytest.raises(FlowPolicyError) as refused:
        FlowPolicy.load(policy_text.replace("unless_attested", "unless_atested", 1))
    assert refused.value.key == "unless_atested"
    assert refused.value.where == "rule 'phi-needs-baa'"
    assert refused.value.nearest == "unless_attested"


def test_a_word_that_resembles_nothing_lists_what_is_known(policy_text):
    with pytest.raises(FlowPolicyError, match="known here: aggregate, clear, drop, mask, ref") as refused:
        FlowPolicy.load(policy_text.replace('allow = ["drop"]', 'allow = ["xyz"]', 1))
    assert refused.value.nearest is None


@pytest.mark.parametrize(
    "text", ["zones = 3", "rule = 3", "[rule]\nid = 1", "zones = { x = 1 }", "[controller]\nname = 3"]
)
def test_parts_of_the_wrong_shape_are_refused(text):
    with pytest.raises(FlowPolicyError):
        FlowPolicy.load(f"version = 1\n{text}\n" + ("" if "controller" in text else '[controller]\nname = "A"\n'))


def test_text_and_mapping_are_the_same_policy(policy_text, policy):
    assert FlowPolicy.load(tomllib.loads(policy_text)).digest == policy.digest == FlowPolicy.load(policy_text).digest


def test_the_digest_ignores_layout_and_order(policy_text, policy):
    head, *rules = policy_text.split("[[rule]]")
    turned = "# comment\n" + head + "".join(f"[[rule]]{rule}\n" for rule in reversed(rules))
    assert FlowPolicy.load(turned.replace('["EEA", "CH"]', '["CH", "EEA"]')).digest == policy.digest
    assert re.fullmatch("sha256:[0-9a-f]{64}", policy.digest)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('["EEA", "CH"]', '["EEA"]'),
        ("2027-06-30", "2027-07-01"),
        ('allow = ["aggregate", "drop"]', 'allow = ["drop"]'),
        ('operator = "Example AI Inc"', 'operator = "Other"'),
        ('client_ids = ["desk"]', 'client_ids = ["desk", "phone"]'),
        ("tia/2026-03.pdf", "tia/2026-04.pdf"),
        ("Acme GmbH", "Acme AG"),
    ],
)
def test_the_digest_moves_with_every_change(policy_text, policy, old, new):
    assert FlowPolicy.load(policy_text.replace(old, new)).digest != policy.digest


def test_an_empty_allow_list_means_drop(policy_text):
    policy = FlowPolicy.load(policy_text.replace('data = "secret"\nallow = ["drop"]', 'data = "secret"\nallow = []'))
    assert next(rule for rule in policy.rulebook.rules if rule.id == "secrets-never").allow == frozenset()


def test_members_resolve_nested_jurisdictions_and_countries(policy, today):
    assert {"DE", "IS", "CH"} <= policy.members("home", today)
    assert policy.members("CH", today) == {"CH"}
    with pytest.raises(FlowPolicyError, match="unknown jurisdiction 'hom'; did you mean 'home'"):
        policy.members("hom", today)


def test_an_undeclared_zone_is_anywhere(policy):
    assert set(policy.zones) == {"eu-de", "us", "us-phi"}
    assert set(policy.consumers) == {"claude-us", "claude-phi", "desk-de"}
    assert policy.zone("us").countries == {"US"}
    assert policy.zone("mars").anywhere
    assert policy.zone("mars").attests == ()
