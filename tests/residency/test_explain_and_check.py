"""Can a reader see why, what would change it, and what needs care?"""

from datetime import date

import pytest

from isthmus.residency import FlowPolicy, Label, Places


def explain(policy, classes, countries, on, **where):
    return policy.explain(
        Label.of(classes, countries, person=True), origin_zone="eu-de", purpose="support", on=on, **where
    )


def test_an_explanation_states_rule_text_basis_and_what_would_help(policy, today):
    assert explain(policy, ["pii"], ["DE"], today, consumer="claude-us") == [
        "pii of DE from eu-de to consumer claude-us in zone us (US) for 'support' on 2026-11-22: ref, basis MISSING",
        (
            "rule eea-pii-at-home: data pii, subjects EEA, outside home -> ref mask aggregate drop"
            " (EU customer PII leaves home only masked or by reference)"
        ),
        (
            "MISSING: data of an EEA subject leaves the EEA, and zone us has neither an adequacy decision for every"
            " country nor a transfer instrument in force; this alone takes clear from personal data"
        ),
        "zone us attests soc2-t2 without an end date",
        "would be clear: if it were received in zone eu-de",
    ]


def test_an_explanation_names_the_attestation_that_is_wanting(policy, today):
    lines = explain(policy, ["phi"], ["US"], today, zone="us")
    assert "would be clear: if zone us attested hipaa-baa" in lines
    assert "would be clear: if it were received in zone us-phi" in lines


def test_an_explanation_names_the_day_an_answer_ends(policy, today):
    lines = explain(policy, ["phi"], ["US"], today, zone="us-phi")
    assert "no rule took a form away" in lines
    assert "zone us-phi attests hipaa-baa until 2027-06-30, evidence contracts/baa.pdf#sha256=ab" in lines
    assert "becomes aggregate: after 2027-06-30" in lines


def test_an_explanation_tells_an_expired_attestation(policy):
    lines = explain(policy, ["phi"], ["US"], date(2027, 7, 1), zone="us-phi")
    assert (
        "zone us-phi no longer or not yet attests hipaa-baa until 2027-06-30, evidence contracts/baa.pdf#sha256=ab"
        in lines
    )


def test_an_explanation_tells_what_knowing_the_subject_would_change(policy, today):
    lines = explain(policy, ["pii"], [""], today, zone="us")
    assert "would be clear: if the unknown subject were known to be in US" in lines
    assert any("maybe of the EEA" in line for line in lines)
    assert any(
        "whether this is one is not known" in line for line in explain(policy, ["pii"], [""], today, zone="us-phi")
    )


def test_an_explanation_offers_a_transfer_instrument_or_dpf(policy_text, today):
    policy = FlowPolicy.load(policy_text.replace('outside = "home"', 'outside = ["home", "US"]'))
    lines = explain(policy, ["pii"], ["DE"], today, zone="us")
    assert "would be clear: if zone us had a transfer instrument for EEA data" in lines
    assert "would be clear: if zone us attested dpf" in lines


def test_an_explanation_tells_of_unknown_ends(policy, today):
    lines = policy.explain(Label.of(["pii"], ["DE"], person=True), origin_zone="attic", purpose="", on=today)
    assert lines[0].startswith(
        "pii of DE from an unknown zone to an unknown consumer in an unknown zone (anywhere) for no stated purpose"
    )
    assert "the origin zone is not in this policy, so a ref would have no home and is not offered" in lines


def test_a_purpose_that_would_lift_a_rule_is_named(policy_text, today):
    policy = FlowPolicy.load(policy_text.replace('data = "secret"', 'data = "secret"\nunless_purpose = "rotation"'))
    assert "would be clear: if the purpose were 'rotation'" in explain(policy, ["secret"], ["US"], today, zone="us")


def test_check_finds_what_the_starter_policy_leaves_open(policy, today):
    assert policy.check(today) == [
        "zone 'eu-de' attestation 'iso27001' has no until and never expires; give its end date",
        "zone 'eu-de' attestation 'soc2-t2' has no until and never expires; give its end date",
        "zone 'us-phi' attestation 'soc2-t2' has no until and never expires; give its end date",
        "zone 'us' attestation 'soc2-t2' has no until and never expires; give its end date",
        "jurisdiction 'home': no rule on pii has subjects in CH; add one, or they go clear anywhere",
    ]


CLEAN = """
version = 1
controller = { name = "A" }
jurisdictions = { home = ["EEA", "CH"] }
[zones.eu]
countries = ["DE"]
attests = [{ name = "soc2-t2", until = 2027-01-01 }]
verified_on = 2026-10-01
[consumers.desk]
client_ids = ["desk"]
zone = "eu"
[[rule]]
id = "r"
data = "pii"
subjects = "home"
unless_attested = "soc2-t2"
allow = ["ref"]
"""


def test_check_has_nothing_to_say_about_a_clean_policy(today):
    assert FlowPolicy.load(CLEAN).check(today) == []


@pytest.mark.parametrize(
    ("old", "new", "finding"),
    [
        ("verified_on = 2026-10-01", "", "zone 'eu' was never verified"),
        ("verified_on = 2026-10-01", "verified_on = 2026-08-23", "zone 'eu' was last verified on 2026-08-23"),
        ("verified_on = 2026-10-01", "verified_on = 2027-01-01", "which is in the future"),
        ('countries = ["DE"]', 'countries = "*"', "zone 'eu' may run anywhere"),
        ("until = 2027-01-01", "until = 2026-11-21", "attestation 'soc2-t2' expired on 2026-11-21"),
        ("until = 2027-01-01", "since = 2026-01-01", "attestation 'soc2-t2' has no until"),
        ('zone = "eu"', "", "consumer 'desk' has no zone"),
        ('client_ids = ["desk"]', "", "consumer 'desk' has no client_ids"),
        ('unless_attested = "soc2-t2"', 'unless_attested = "soc2"', "rule 'r' waits for attestation 'soc2'"),
        ('subjects = "home"', 'subjects = "EEA"', "jurisdiction 'home': no rule on pii has subjects in CH"),
        ('data = "pii"', 'data = "phi"', "jurisdiction 'home': no rule on pii"),
        ('countries = ["DE"]', 'countries = ["US"]\ntransfer = { EEA = "bcr" }', "names 'bcr' without tia"),
        (
            'countries = ["DE"]',
            'countries = ["US"]\ntransfer = { EEA = "bcr", tia = "t", until = 2026-01-01 }',
            "'bcr' is not in force on 2026-11-22",
        ),
        ('countries = ["DE"]', 'countries = ["CA"]', "decision for CA (Decision 2002/2/EC) is limited: commercial"),
    ],
)
def test_check_finds(today, old, new, finding):
    assert old in CLEAN
    found = FlowPolicy.load(CLEAN.replace(old, new, 1)).check(today)
    assert any(finding in line for line in found), found


def test_check_accepts_a_verification_of_ninety_days_ago(today):
    assert FlowPolicy.load(CLEAN.replace("2026-10-01", "2026-08-24")).check(today) == []


def test_check_finds_an_expired_adequacy_row_in_use():
    policy = FlowPolicy.load(CLEAN.replace('["DE"]', '["GB"]').replace("2026-10-01", "2032-01-01"))
    found = policy.check(date(2032, 1, 2))
    assert any("adequacy decision for GB" in line and "ended on 2031-12-27" in line for line in found)
    assert any(line.startswith("places: the shipped facts are") for line in found)


def test_check_trusts_overlaid_facts(today):
    policy = FlowPolicy.load(CLEAN, places=Places.overlaid("as_of = 2020-01-01"))
    assert any(line.startswith("places:") for line in policy.check(today))
