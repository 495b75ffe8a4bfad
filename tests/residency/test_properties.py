"""Do the rules only ever narrow, whatever the policy and whatever flows?"""

import random
from dataclasses import replace
from datetime import date

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from isthmus.residency import Attestation, Consumer, FlowPolicy, Form, Integrity, Label, Places, Rule, Transfer, Zone
from isthmus.residency.classes import KNOWN_CLASSES
from isthmus.residency.rulebook import Rulebook

unhurried = settings(deadline=None)  # the machine may be busy
COUNTRIES = ["DE", "FR", "US", "GB", "CH", "IN"]
ATTESTATIONS = ["soc2-t2", "hipaa-baa", "dpf"]
NAMES = ["za", "zb", "zc"]
DAYS = st.sampled_from([date(2026, 11, 22), date(2027, 6, 30), date(2027, 7, 1), date(2032, 1, 1)])
PURPOSES = st.sampled_from(["support", "marketing", ""])


POOL = random.Random(2026)


def some(values, *, least=0, most=3):
    """Draw a set once; the pools below make examples cheap, so that many fit into a run."""
    return frozenset(POOL.sample(values, POOL.randint(least, most)))


def seldom(values, *, most):
    """Draw a condition that is mostly absent, so that many rules concern the flow at hand."""
    return some(values, least=1, most=most) if POOL.random() < 0.25 else frozenset()


def rule_like() -> Rule:
    places = ["EEA", "home", "other", *COUNTRIES]
    return Rule(
        "pooled",
        some(list(Form), most=len(Form)),
        data=seldom(sorted(KNOWN_CLASSES), most=2),
        subjects=seldom(places, most=2),
        outside=seldom(places, most=3),
        inside=seldom(places, most=2),
        unless_attested=seldom(ATTESTATIONS, most=2),
        purpose=seldom(["support", "marketing"], most=1),
        unless_purpose=seldom(["support", "marketing"], most=1),
        consumer=seldom(["ca", "cb"], most=1),
    )


def zone_like() -> Zone:
    ends = [None, date(2026, 1, 1), date(2027, 6, 30)]
    return Zone(
        "pooled",
        some(COUNTRIES, least=1, most=2) if POOL.random() < 0.8 else some([*COUNTRIES, "??"]),
        attests=tuple(Attestation(name, None, POOL.choice(ends)) for name in some(ATTESTATIONS)),
        transfer=Transfer("scc-2021-m2", None, POOL.choice(ends)) if POOL.random() < 0.4 else None,
    )


def label_like() -> Label:
    classes = some([*sorted(KNOWN_CLASSES), "pii.shoe", "weird"])
    countries = some([*COUNTRIES, "??"], most=2)
    return Label.of(classes, countries, some(NAMES), POOL.choice(list(Integrity)), person=POOL.random() < 0.5)


rules = st.sampled_from([Rule("all", frozenset(Form)), *(rule_like() for _ in range(4000))])
zones = st.sampled_from([zone_like() for _ in range(400)])
labels = st.sampled_from([label_like() for _ in range(2000)])
sets_of_places = st.sampled_from([some(["EEA", "home", "other", *COUNTRIES], most=4) for _ in range(200)])


@st.composite
def rulebooks(draw):
    return Rulebook(
        controller="Acme",
        jurisdictions={"home": draw(st.sampled_from(HOMES)), "other": draw(st.sampled_from(HOMES[1:]))},
        zones={name: replace(draw(zones), name=name) for name in NAMES},
        consumers={
            name: Consumer(name, frozenset({name}), draw(st.sampled_from([*NAMES, None]))) for name in ("ca", "cb")
        },
        rules=tuple(replace(rule, id=f"r{n}") for n, rule in enumerate(draw(st.lists(rules, max_size=4)))),
        places=Places.shipped(),
    )


HOMES = [frozenset({"EEA", "CH"}), frozenset({"US"}), frozenset({"DE", "GB"}), frozenset({"EEA"})]
flows = st.fixed_dictionaries(
    {"origin_zone": st.sampled_from([*NAMES, "??"]), "purpose": PURPOSES, "on": DAYS},
).flatmap(
    lambda flow: st.one_of(
        st.sampled_from(["ca", "cb", "stranger"]).map(lambda name: {**flow, "consumer": name}),
        st.sampled_from([*NAMES, "mars"]).map(lambda name: {**flow, "zone": name}),
    )
)


def decide(rulebook, label, flow):
    return FlowPolicy(rulebook).decide(label, **flow)


@unhurried
@given(rulebooks(), labels, flows, st.permutations(range(4)))
def test_the_order_of_rules_means_nothing(rulebook, label, flow, order):
    shuffled = tuple(rulebook.rules[n] for n in order if n < len(rulebook.rules))
    other = FlowPolicy(replace(rulebook, rules=shuffled))
    assert other.decide(label, **flow) == decide(rulebook, label, flow)
    assert other.digest == FlowPolicy(rulebook).digest


@unhurried
@given(rulebooks(), labels, flows, rules)
def test_adding_a_rule_never_widens(rulebook, label, flow, rule):
    more = replace(rulebook, rules=(*rulebook.rules, replace(rule, id="new")))
    assert decide(more, label, flow).form <= decide(rulebook, label, flow).form


@unhurried
@given(rulebooks(), labels, flows)
def test_allowing_less_never_widens(rulebook, label, flow):
    assume(rulebook.rules and rulebook.rules[0].allow)
    first = rulebook.rules[0]
    for form in first.allow:
        less = replace(rulebook, rules=(replace(first, allow=first.allow - {form}), *rulebook.rules[1:]))
        assert decide(less, label, flow).form <= decide(rulebook, label, flow).form


@unhurried
@given(rulebooks(), labels, labels, flows)
def test_joining_labels_never_widens(rulebook, a, b, flow):
    assert decide(rulebook, a | b, flow).form <= min(decide(rulebook, a, flow).form, decide(rulebook, b, flow).form)


@unhurried
@given(rulebooks(), labels, flows)
def test_an_unknown_country_is_never_wider_than_a_known_one(rulebook, label, flow):
    unknown = decide(rulebook, replace(label, countries=frozenset({"??"})), flow).form
    for country in COUNTRIES:
        assert unknown <= decide(rulebook, replace(label, countries=frozenset({country})), flow).form


@unhurried
@given(rulebooks(), labels, flows)
def test_an_unknown_class_is_never_wider_than_a_known_one(rulebook, label, flow):
    unknown = decide(rulebook, replace(label, classes=frozenset({"weird"})), flow).form
    for found in KNOWN_CLASSES:
        known = replace(label, classes=frozenset({found}))
        assert unknown <= decide(rulebook, replace(known, countries=label.countries), flow).form


@unhurried
@given(rulebooks(), labels, flows)
def test_an_unknown_destination_is_never_wider_than_a_known_one(rulebook, label, flow):
    base = {key: flow[key] for key in ("origin_zone", "purpose", "on")}
    lost = decide(rulebook, label, {**base, "consumer": "stranger"}).form
    assert decide(rulebook, label, base).form == lost
    for zone in NAMES:
        assert lost <= decide(rulebook, label, {**base, "zone": zone}).form
        assert (
            decide(rulebook, label, {**base, "zone": "mars"}).form
            <= decide(rulebook, label, {**base, "zone": zone}).form
        )
    for consumer in ("ca", "cb"):
        assert lost <= decide(rulebook, label, {**base, "consumer": consumer}).form


@unhurried
@given(rulebooks(), labels, flows)
def test_an_unknown_origin_or_purpose_is_never_wider_than_a_known_one(rulebook, label, flow):
    form = decide(rulebook, label, flow).form
    assert decide(rulebook, label, {**flow, "origin_zone": "attic"}).form <= form
    assert decide(rulebook, label, {**flow, "purpose": ""}).form <= form


@unhurried
@given(rulebooks(), labels, flows)
def test_dropping_an_attestation_or_instrument_never_widens(rulebook, label, flow):
    form = decide(rulebook, label, flow).form
    for lost in [*ATTESTATIONS, "transfer"]:
        poorer = {
            name: replace(
                zone,
                attests=tuple(held for held in zone.attests if held.name != lost),
                transfer=None if lost == "transfer" else zone.transfer,
            )
            for name, zone in rulebook.zones.items()
        }
        assert decide(replace(rulebook, zones=poorer), label, flow).form <= form


@unhurried
@given(rulebooks(), labels, flows)
def test_a_zone_that_may_use_one_more_country_is_never_wider(rulebook, label, flow):
    form = decide(rulebook, label, flow).form
    for country in [*COUNTRIES, "??"]:
        larger = {name: replace(zone, countries=zone.countries | {country}) for name, zone in rulebook.zones.items()}
        assert decide(replace(rulebook, zones=larger), label, flow).form <= form


@unhurried
@given(rulebooks(), labels, flows, sets_of_places, sets_of_places)
def test_dropping_a_country_from_what_counts_as_outside_never_widens(rulebook, label, flow, kept, dropped):
    assume(rulebook.rules and kept)
    first = rulebook.rules[0]
    more, less = (
        replace(rulebook, rules=(replace(first, outside=o), *rulebook.rules[1:])) for o in (kept | dropped, kept)
    )
    assert decide(less, label, flow).form <= decide(more, label, flow).form


@unhurried
@given(rulebooks(), labels, flows)
def test_time_past_every_end_date_never_widens(rulebook, label, flow):
    late = {**flow, "on": date(2100, 1, 1)}
    assert decide(rulebook, label, late).form <= decide(rulebook, label, {**flow, "on": date(2027, 6, 30)}).form


@unhurried
@given(rulebooks(), labels, flows)
def test_the_memo_gives_the_same_answer_as_judging_anew(rulebook, label, flow):
    policy = FlowPolicy(rulebook)
    first = policy.decide(label, **flow)
    twin = Label(label.classes, label.countries, label.origins, label.integrity)
    assert policy.decide(twin, **flow) is first
    assert decide(rulebook, label, flow) == first


@unhurried
@given(rulebooks(), labels, flows)
def test_every_rule_named_is_needed_in_the_explanation(rulebook, label, flow):
    policy = FlowPolicy(rulebook)
    decision = policy.decide(label, **flow)
    lines = policy.explain(label, **flow)
    assert f": {decision.form.value}, basis {decision.basis}" in lines[0]
    for rule_id in decision.rules:
        assert any(line.startswith(f"rule {rule_id}:") for line in lines)
