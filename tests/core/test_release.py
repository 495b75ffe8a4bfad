"""Every value of a row leaves in the form that its label and its reader allow, or not at all."""

from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.conftest import FLOWS

from isthmus.core.caller import Caller
from isthmus.core.labelling import label_of
from isthmus.core.reach import Reach
from isthmus.core.records import Ref, Row
from isthmus.core.refs import RefVaults
from isthmus.core.release import Releaser, Source, as_value
from isthmus.residency import FlowPolicy, Form, Integrity

from .schema import Time, metadata, objects

US, EU, NOBODY = (
    Caller("support", "alice", "support", consumer) for consumer in ("model-us", "model-eu", "model-mars")
)
SOURCE = Source("crm-eu", "eu", qualified=True)


@pytest.fixture(scope="module")
def vaults(tmp_path_factory):
    with RefVaults(tmp_path_factory.mktemp("refs"), ("eu", "us"), bytes(32), Time()) as vaults:
        yield vaults


@pytest.fixture(scope="module")
def releaser(vaults):
    return Releaser(FlowPolicy.load(FLOWS), vaults, lambda: date(2026, 11, 22))


async def released(releaser, fields, *paths, caller=US, source=SOURCE, object="Person", masked=frozenset()):
    known = metadata()
    asked = await known.paths(await known.object(object), paths or tuple(fields))
    found = releaser.rows([Row(object, "1", fields, "v1")], Reach(paths=asked), source, caller, "owner", masked=masked)
    return found.records[0], found


@pytest.mark.parametrize(
    ("country", "form"),
    [
        ("DE", Ref),
        ("Germany", Ref),
        ("fra", Ref),
        ("US", str),
        ("GB", str),
        ("", Ref),
        (None, Ref),
        ("Nowhere", Ref),
        ("??", Ref),
    ],
)
async def test_a_name_leaves_by_country(releaser, country, form):
    record, _ = await released(releaser, {"Name": "Falk", "Country": country}, "Name")
    assert isinstance(record.fields["Name"], form)
    record, _ = await released(releaser, {"Name": "Falk", "Country": country}, "Name", caller=EU)
    assert record.fields["Name"] == "Falk"


async def test_an_unknown_consumer_gets_the_least(releaser):
    record, _ = await released(
        releaser, {"Name": "Falk", "Mood": "good", "Country": "DE"}, "Name", "Mood", caller=NOBODY
    )
    assert "Falk" not in repr(record)
    assert "good" not in repr(record)


async def test_few_values_are_masked_since_a_ref_could_be_guessed(releaser):
    record, _ = await released(releaser, {"Mood": "good", "Country": "DE"}, "Mood")
    assert record.fields["Mood"] == "[Mood]"


async def test_control_fields_are_not_released(releaser):
    record, _ = await released(releaser, {"Title": "x", "Country": "DE", "Id": "1"}, "Title")
    assert record.fields == {"Title": "x"}


async def test_each_relationship_has_its_own_country(releaser):
    fields = {"Name": "Falk", "Country": "DE", "Boss.Name": "Joe", "Boss.Country": "US", "Boss.Boss.Name": "Eve"}
    record, _ = await released(releaser, fields, "Name", "Boss.Name", "Boss.Boss.Name")
    assert isinstance(record.fields["Name"], Ref)
    assert record.fields["Boss.Name"] == "Joe"
    assert isinstance(record.fields["Boss.Boss.Name"], Ref)


async def test_ids_lead_back_to_their_connection(releaser):
    record, _ = await released(releaser, {"Id": "1", "CompanyId": "2", "Name": "3"}, caller=EU)
    assert record.id == record.fields["Id"] == "crm-eu~1"
    assert record.fields["CompanyId"] == "crm-eu~2"
    assert record.fields["Name"] == "3"
    alone, _ = await released(releaser, {"Id": "1"}, caller=EU, source=Source("crm-eu", "eu"))
    assert alone.id == alone.fields["Id"] == "1"


async def test_policy_may_mask_what_the_rules_would_show(releaser):
    record, _ = await released(
        releaser,
        {"Title": "x", "Name": "Falk", "Country": "DE"},
        "Title",
        "Name",
        caller=EU,
        masked=frozenset({"Title"}),
    )
    assert record.fields == {"Title": "[Title]", "Name": "Falk"}


async def test_what_is_missing_is_missing_and_says_nothing(releaser):
    record, found = await released(releaser, {"Name": None, "Country": "DE"}, "Name")
    assert record.fields == {"Name": None}
    assert found.label is None


async def test_the_label_of_what_left_is_what_the_consumer_now_knows(releaser):
    _, found = await released(releaser, {"Name": "Falk", "Country": "DE"}, "Name")
    assert found.label.classes == {"pseudonymous"}
    _, found = await released(releaser, {"Name": "Falk", "Title": "x", "Country": "DE"}, "Name", "Title", caller=EU)
    assert (found.label.classes, found.label.countries) == ({"pii", "internal"}, {"DE"})
    assert found.forms.fields == {("clear", (), "none-needed"): {"Name", "Title"}}


STRICTER = (
    FLOWS.replace(
        '[zones.us]\ncountries = ["US"]',
        '[zones.us]\ncountries = ["US"]\nattests = [{ name = "iso", until = 2027-01-01 }]',
    )
    + """
[[rule]]
id = "names-for-support-only"
data = "pii"
unless_purpose = "support"
allow = ["mask"]
[[rule]]
id = "attested-only"
data = "internal"
unless_attested = "iso"
allow = ["mask"]
"""
)


@pytest.mark.parametrize(
    "other",
    [
        {"caller": EU},
        {"caller": replace(US, purpose="sales")},
        {"source": Source("crm-us", "eu", qualified=True)},
        {"source": Source("crm-eu", "eu")},
        {"masked": frozenset({"Title"})},
        {"country": "US"},
        {"day": date(2030, 1, 1)},
        {"classes": frozenset({"secret"})},
    ],
    ids=str,
)
async def test_what_was_decided_once_is_not_used_for_another_case(vaults, other):
    known = metadata()
    name, title = await known.paths(await known.object("Person"), ("Name", "Title"))
    case = {"caller": US, "source": SOURCE, "masked": frozenset(), "country": "DE", "day": date(2026, 11, 22)}
    case["reach"] = Reach(paths=(name, title))
    another = case | other
    if "classes" in other:
        another["reach"] = Reach(paths=(replace(name, facts=replace(name.facts, classes=other["classes"])), title))

    def judge(releasers, country, reach, source, caller, masked, day):
        today.append(day)
        row = Row("Person", "1", {"Id": "1", "Name": "Falk", "Title": "x", "Country": country})
        return releasers.rows([row], reach, source, caller, "owner", masked=masked)

    today = []
    used, fresh = (Releaser(FlowPolicy.load(STRICTER), vaults, lambda: today[-1]) for _ in range(2))
    before, after = judge(used, **_told(case)), judge(used, **_told(another))
    assert after == judge(fresh, **_told(another))
    assert (before.forms, before.records) != (after.forms, after.records)


def _told(case):
    return {name: value for name, value in case.items() if name != "classes"}


async def test_a_field_that_holds_nothing_is_summed_up_with_none_that_holds_something(releaser):
    known = metadata()
    reach = Reach(paths=await known.paths(await known.object("Person"), ("Name", "Title")))
    for fields in ({"Name": "Falk"}, {"Title": "x"}, {"Name": "Falk", "Title": "x"}):
        row = Row("Person", "1", {"Country": "US", **fields})
        found = releaser.rows([row], reach, SOURCE, US, "owner")
        assert set().union(*found.forms.fields.values()) == set(fields)
        assert ("pii" in found.label.classes) == ("Name" in fields)
    rows = [Row("Person", one, {"Country": "US", name: "x"}) for one, name in (("1", "Name"), ("2", "Title"))]
    page = releaser.rows(rows, reach, SOURCE, US, "owner")
    assert set().union(*page.forms.fields.values()) == {"Name", "Title"}


async def test_free_text_is_untrusted():
    facts = objects()["Person"]
    for classes, integrity in (({"pii", "free_text"}, Integrity.UNTRUSTED), ({"pii"}, Integrity.TRUSTED)):
        field = type(facts.field("Name"))("Name", classes=frozenset(classes))
        path = (await metadata().path(facts, "Name")).__class__("Name", field, facts)
        assert label_of(path, "DE", "crm-eu").integrity is integrity


VALUES = st.recursive(
    st.booleans() | st.integers() | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=5,
)


@settings(max_examples=60, deadline=None)
@given(value=VALUES, country=st.sampled_from(["DE", "FR", "", None, "xx", "US", "GB"]))
async def test_a_ref_gives_back_exactly_what_it_hides(releaser, vaults, value, country):
    record, found = await released(releaser, {"Name": value, "Country": country}, "Name")
    told = record.fields["Name"]
    if isinstance(told, Ref):
        resolved = vaults.resolve("owner", told)
        assert resolved.value == value
        assert "pii" in resolved.label.classes
        assert country not in ("US", "GB")
    else:
        assert told == as_value(value)
        assert country in ("US", "GB")
    assert {form for form, _, _ in found.forms.fields} <= {Form.REF.value, Form.CLEAR.value}
