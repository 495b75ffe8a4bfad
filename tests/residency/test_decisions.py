"""Does the starter policy answer as its author reads it?"""

from dataclasses import replace
from datetime import date

import pytest

from isthmus.residency import FlowPolicy, Form, Label, Places, Zone
from isthmus.residency.rulebook import Decision

NAME, DIAGNOSIS, SPEND, STAGE = ["pii"], ["phi", "pii"], ["financial"], ["internal"]


def decide(policy, classes, countries, zone, on, *, person=True, origin="eu-de", purpose="support") -> Decision:
    label = Label.of(classes, countries, ["salesforce-eu"], person=person)
    return policy.decide(label, origin_zone=origin, zone=zone, purpose=purpose, on=on)


@pytest.mark.parametrize(
    ("country", "zone", "name", "diagnosis", "basis"),
    [
        ("DE", "eu-de", "clear", "aggregate", "none-needed"),
        ("DE", "us", "ref", "aggregate", "MISSING"),
        ("DE", "us-phi", "ref", "ref", "art46:scc-2021-m2"),
        ("US", "us", "clear", "aggregate", "none-needed"),
        ("US", "us-phi", "clear", "clear", "none-needed"),
        ("", "us", "ref", "aggregate", "unknown-subject"),
        ("", "us-phi", "ref", "ref", "unknown-subject"),
    ],
)
def test_answers_the_golden_table(policy, today, country, zone, name, diagnosis, basis):
    found = {key: decide(policy, classes, [country], zone, today) for key, classes in
             {"name": NAME, "diagnosis": DIAGNOSIS, "spend": SPEND, "stage": STAGE}.items()}  # fmt: skip
    assert {key: decision.form.value for key, decision in found.items()} == {
        "name": name,
        "diagnosis": diagnosis,
        "spend": "clear",
        "stage": "clear",
    }
    assert found["name"].basis == basis
    assert found["spend"].basis == "none-needed"
    if name == "ref":
        assert found["name"].rules == ("eea-pii-at-home",)
    if diagnosis == "aggregate":
        assert "phi-needs-baa" in found["diagnosis"].rules


def test_an_attestation_is_absent_the_day_after_it_ends(policy):
    assert decide(policy, DIAGNOSIS, ["US"], "us-phi", date(2027, 6, 30)).form is Form.CLEAR
    late = decide(policy, DIAGNOSIS, ["US"], "us-phi", date(2027, 7, 1))
    assert (late.form, late.rules) == (Form.AGGREGATE, ("phi-needs-baa",))


def test_an_attestation_is_absent_before_it_starts(policy_text):
    policy = FlowPolicy.load(policy_text.replace("until = 2027-06-30", "since = 2026-06-01"))
    assert decide(policy, DIAGNOSIS, ["US"], "us-phi", date(2026, 5, 31)).form is Form.AGGREGATE
    assert decide(policy, DIAGNOSIS, ["US"], "us-phi", date(2026, 6, 1)).form is Form.CLEAR


@pytest.mark.parametrize("classes", [["pii.special"], ["pii.child"], [], ["unclassified"], ["pii.shoe_size"], ["PII"]])
def test_special_and_unlabelled_personal_data_never_leaves_clear(policy, today, classes):
    for zone in ("us", "us-phi"):  # the second has a transfer instrument, so only the rule stands in the way
        found = decide(policy, classes, ["DE"], zone, today)
        assert found.form < Form.CLEAR
        assert "eea-pii-at-home" in found.rules


@pytest.mark.parametrize("spelling", ["DEU", "Germany", "de", "276", "Deutschland", " Allemagne ", "Narnia", ""])
def test_no_spelling_of_a_country_slips_past_a_rule(policy, today, spelling):
    assert decide(policy, ["pii"], [spelling], "us", today).form is Form.REF


@pytest.mark.parametrize("country", ["AX", "GF", "GP", "MF", "MQ", "RE", "YT"])
def test_parts_of_member_states_with_own_codes_are_eea_subjects(policy, today, country):
    assert decide(policy, ["pii"], [country], "us", today).form is Form.REF


@pytest.mark.parametrize("country", ["CH", "GB"])
def test_subjects_no_rule_speaks_of_go_clear(policy, today, country):
    assert decide(policy, ["pii"], [country], "us", today).form is Form.CLEAR


def test_an_attestation_without_end_counts(policy, today):
    assert decide(policy, ["financial"], ["US"], "us", today).form is Form.CLEAR


def test_a_secret_goes_nowhere(policy, today):
    for zone in ("eu-de", "us", "us-phi", "nowhere"):
        assert decide(policy, ["secret"], ["DE"], zone, today) == Decision(Form.DROP, ("secrets-never",), "none-needed")


def test_a_class_nobody_knows_meets_every_rule(policy, today):
    found = decide(policy, ["telepathy"], ["DE"], "us", today)
    assert found.form is Form.DROP
    assert {"secrets-never", "eea-pii-at-home", "phi-needs-baa"} <= set(found.rules)


def test_what_is_told_of_a_job_is_told_of_a_person_and_is_no_diagnosis(policy, today):
    found = decide(policy, ["hr"], ["DE"], "us", today)
    assert (found.form, found.rules) == (Form.REF, ("eea-pii-at-home",))
    assert decide(policy, ["pii", "hr"], ["US"], "us", today).form is Form.CLEAR


def test_the_consumer_stands_for_its_zone(policy, today):
    label = Label.of(["pii"], ["DE"], person=True)
    for consumer, zone in (("claude-us", "us"), ("claude-phi", "us-phi"), ("desk-de", "eu-de")):
        assert policy.decide(
            label, origin_zone="eu-de", consumer=consumer, purpose="support", on=today
        ) == policy.decide(label, origin_zone="eu-de", zone=zone, purpose="support", on=today)


@pytest.mark.parametrize(
    "where", [{"consumer": "stranger"}, {"consumer": "??"}, {"consumer": ""}, {"zone": "mars"}, {}]
)
def test_an_unknown_destination_gets_the_strictest_answer(policy, today, where):
    for classes, countries, form in (
        (["pii"], ["DE"], Form.REF),
        (["phi"], ["US"], Form.AGGREGATE),
        (["financial"], ["US"], Form.DROP),
        (["public"], [], Form.CLEAR),
    ):
        label = Label.of(classes, countries, person=False)
        assert policy.decide(label, origin_zone="eu-de", purpose="support", on=today, **where).form is form


def test_two_destinations_in_one_flow_are_refused(policy, today):
    label = Label.of(["pii"], ["DE"], person=True)
    with pytest.raises(ValueError, match="name one of them"):
        policy.decide(label, origin_zone="eu-de", consumer="claude-us", zone="eu-de", purpose="x", on=today)


def test_a_ref_without_a_known_home_is_not_offered(policy, today):
    assert decide(policy, ["pii"], ["DE"], "us", today, origin="attic").form is Form.MASK


def test_an_unauthenticated_client_is_anyone(policy, today):
    assert policy.consumer_for("mcp-desktop-us").name == "claude-us"
    stranger = policy.consumer_for("someone-else").name
    label = Label.of(["financial"], ["US"], person=False)
    assert policy.decide(label, origin_zone="eu-de", consumer=stranger, purpose="", on=today).form is Form.DROP


def test_missing_basis_takes_clear_away_without_any_rule(policy, today):
    bare = FlowPolicy(replace(policy.rulebook, rules=()))
    assert decide(bare, ["pii"], ["DE"], "us", today) == Decision(Form.REF, (), "MISSING")
    assert decide(bare, ["pii"], ["??"], "us", today) == Decision(Form.REF, (), "unknown-subject")
    assert decide(bare, ["pii"], ["DE", "??"], "us", today) == Decision(Form.REF, (), "MISSING")
    assert decide(bare, ["pii"], ["DE", "??"], "us-phi", today) == Decision(Form.CLEAR, (), "unknown-subject")
    assert decide(bare, ["pii"], ["DE"], "us-phi", today) == Decision(Form.CLEAR, (), "art46:scc-2021-m2")
    assert decide(bare, ["financial"], ["DE"], "us", today) == Decision(Form.CLEAR, (), "none-needed")


def test_where_the_record_lies_does_not_excuse_a_missing_basis(policy, today):
    bare = FlowPolicy(replace(policy.rulebook, rules=()))
    assert decide(bare, ["pii"], ["DE"], "us", today, origin="us").basis == "MISSING"


def test_pseudonyms_are_recorded_but_stay_as_they_are(policy, today):
    assert decide(policy, ["pseudonymous"], ["DE"], "us", today) == Decision(Form.CLEAR, (), "MISSING")


def one_zone(*lines: str) -> FlowPolicy:
    body = "\n".join(lines)
    return FlowPolicy.load(
        f'version = 1\n[controller]\nname = "A"\n[zones.home]\ncountries = "DE"\n[zones.z]\n{body}\n'
    )


@pytest.mark.parametrize(
    ("zone", "on", "basis"),
    [
        ('countries = "CH"', date(2026, 11, 22), "art45:CH"),
        ('countries = ["CH", "DE", "JP"]', date(2026, 11, 22), "art45:CH,JP"),
        ('countries = ["CH", "IN"]', date(2026, 11, 22), "MISSING"),
        ('countries = "*"', date(2026, 11, 22), "MISSING"),
        ('countries = "GB"', date(2020, 12, 31), "none-needed"),
        ('countries = "GB"', date(2021, 1, 1), "MISSING"),
        ('countries = "GB"', date(2031, 12, 27), "art45:GB"),
        ('countries = "GB"', date(2031, 12, 28), "MISSING"),
        ('countries = "BR"', date(2026, 1, 25), "MISSING"),
        ('countries = "BR"', date(2026, 1, 26), "art45:BR"),
        ('countries = "US"', date(2026, 11, 22), "MISSING"),
        ('countries = "US"\nattests = ["dpf"]', date(2026, 11, 22), "art45:US"),
        ('countries = "US"\nattests = [{ name = "dpf", until = 2026-11-21 }]', date(2026, 11, 22), "MISSING"),
        ('countries = "US"\ntransfer = { EEA = "bcr", until = 2026-11-22 }', date(2026, 11, 22), "art46:bcr"),
        ('countries = "US"\ntransfer = { EEA = "bcr", until = 2026-11-22 }', date(2026, 11, 23), "MISSING"),
        ('countries = "IN"\nattests = ["dpf"]', date(2026, 11, 22), "MISSING"),
    ],
)
def test_the_basis_follows_the_law_of_the_day(zone, on, basis):
    found = decide(one_zone(zone), ["pii"], ["FR"], "z", on, origin="home")
    assert found.basis == basis
    assert found.form is (Form.REF if basis == "MISSING" else Form.CLEAR)


def test_an_overlay_replaces_an_adequacy_row(policy_text, today):
    text = policy_text.replace('outside = "home"', 'outside = ["home", "CH"]')
    revoked = '[adequacy.CH]\nsince = 2000-07-26\nuntil = 2026-11-01\nsource = "test"\nas_of = 2026-11-01\n'
    text += '\n[zones.ch]\ncountries = ["CH"]\n'
    assert decide(FlowPolicy.load(text), ["pii"], ["DE"], "ch", today).basis == "art45:CH"
    policy = FlowPolicy.load(text, places=Places.overlaid(revoked))
    assert decide(policy, ["pii"], ["DE"], "ch", today) == Decision(Form.REF, (), "MISSING")
    assert policy.digest != FlowPolicy.load(text).digest


def rule(policy_text: str, *lines: str) -> FlowPolicy:
    head = policy_text.split("[[rule]]", 1)[0]
    return FlowPolicy.load("\n".join([head, "[[rule]]", 'id = "r"', *lines]))


def test_purpose_keys_narrow_and_an_unstated_purpose_excuses_nothing(policy_text, today):
    only = rule(policy_text, 'purpose = ["marketing"]', 'allow = ["drop"]')
    unless = rule(policy_text, 'unless_purpose = "support"', 'allow = ["drop"]')
    for policy, purpose, form in (
        (only, "marketing", Form.DROP),
        (only, "support", Form.CLEAR),
        (only, "", Form.DROP),
        (unless, "support", Form.CLEAR),
        (unless, "marketing", Form.DROP),
        (unless, "", Form.DROP),
    ):
        assert decide(policy, ["internal"], [], "us", today, person=False, purpose=purpose).form is form


def test_a_consumer_key_names_its_consumers_and_strangers(policy_text, today):
    policy = rule(policy_text, 'consumer = "claude-us"', 'allow = ["mask"]')
    label = Label.of(["internal"], person=False)
    for where, form in (
        ({"consumer": "claude-us"}, Form.MASK),
        ({"consumer": "desk-de"}, Form.CLEAR),
        ({"zone": "us"}, Form.CLEAR),
        ({"consumer": "stranger"}, Form.MASK),
        ({}, Form.MASK),
    ):
        assert policy.decide(label, origin_zone="eu-de", purpose="", on=today, **where).form is form


def test_inside_concerns_every_zone_that_might_be_there(policy_text, today):
    zones = '[zones.both]\ncountries = ["DE", "US"]\n[zones.any]\ncountries = ["*"]\n[zones.fr]\ncountries = ["FR"]\n'
    text = policy_text.replace("[zones.us]\n", zones + "[zones.us]\n")
    policy = rule(text, 'inside = "US"', 'allow = ["drop"]')
    for zone, form in (("us", "drop"), ("both", "drop"), ("any", "drop"), ("mars", "drop"), ("fr", "clear")):
        assert decide(policy, ["internal"], [], zone, today, person=False).form.value == form


@pytest.mark.parametrize(
    ("countries", "form"),
    [(["DE", "CH"], "clear"), (["DE", "US"], "drop"), (["US"], "drop"), ([], "drop"), (["??"], "drop")],
)
def test_a_zone_is_outside_unless_it_stays_within(policy_text, today, countries, form):
    book = rule(policy_text, 'outside = "home"', 'allow = ["drop"]').rulebook
    policy = FlowPolicy(replace(book, zones={**book.zones, "z": Zone("z", frozenset(countries))}))
    assert decide(policy, ["internal"], [], "z", today, person=False, origin="z").form.value == form


def test_a_zone_built_with_odd_spellings_is_still_where_it_is():
    assert Zone("z", frozenset({"deu", "us"})).countries == {"DE", "US"}
    assert Zone("z", frozenset({"Narnia"})).anywhere
    assert Zone("z", frozenset()).anywhere


def test_all_attestations_must_be_held_to_lift_a_rule(policy_text, today):
    policy = rule(policy_text, 'unless_attested = ["soc2-t2", "hipaa-baa"]', 'allow = ["drop"]')
    assert decide(policy, ["internal"], [], "us", today, person=False).form is Form.DROP
    assert decide(policy, ["internal"], [], "us-phi", today, person=False).form is Form.CLEAR


def test_rules_that_leave_nothing_in_common_drop(policy_text, today):
    policy = rule(policy_text, 'allow = ["ref"]', "[[rule]]", 'id = "s"', 'allow = ["mask"]')
    assert decide(policy, ["public"], [], "us", today, person=False) == Decision(Form.DROP, ("r", "s"), "none-needed")


def test_only_rules_that_took_something_away_are_named(policy_text, today):
    policy = rule(policy_text, 'allow = ["clear", "drop"]', "[[rule]]", 'id = "s"', 'allow = ["clear", "ref"]')
    assert decide(policy, ["public"], [], "us", today, person=False) == Decision(Form.CLEAR, (), "none-needed")


def test_a_point_in_time_is_no_day(policy):
    from datetime import UTC, datetime

    with pytest.raises(TypeError, match="pass a date"):
        decide(policy, ["pii"], ["DE"], "us", datetime(2026, 1, 1, tzinfo=UTC))


def test_a_repeated_question_is_answered_from_memory(policy, today):
    first = decide(policy, ["pii"], ["AT"], "us", today)
    assert decide(policy, ["pii"], ["AT"], "us", today) is first
    assert decide(policy, ["pii"], ["AT"], "us", date(2019, 1, 1)) is not first


def test_memory_is_bounded_and_forgetting_changes_no_answer(policy_text, today, monkeypatch):
    monkeypatch.setattr("isthmus.residency.policy._MEMO_LIMIT", 8)
    policy = FlowPolicy.load(policy_text)
    answers = [decide(policy, ["pii"], ["DE"], "us", today, purpose=str(n)) for n in range(50)]
    assert len(set(answers)) == 1
    assert len(policy._memo) <= 8
