"""Does a label close the gaps through which data leaks?"""

import json
import pickle
import subprocess
import sys

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.residency import Form, Integrity, Label
from isthmus.residency.classes import KNOWN_CLASSES

labels = st.builds(
    Label.of,
    st.sets(st.sampled_from([*sorted(KNOWN_CLASSES), "pii.shoe", "weird"]), max_size=3),
    st.sets(st.sampled_from(["DE", "FR", "US", "GB", "CH", "??", "DEU", "Narnia"]), max_size=3),
    st.sets(st.sampled_from(["eu-de", "us"]), max_size=2),
    st.sampled_from(Integrity),
    person=st.booleans(),
)


def test_forms_are_ordered_by_what_they_reveal():
    assert sorted(Form, reverse=True) == [Form.CLEAR, Form.REF, Form.MASK, Form.AGGREGATE, Form.DROP]
    assert max(Form) is Form.CLEAR
    assert Form.REF >= Form.REF > Form.DROP


@pytest.mark.parametrize("classes", [[], ["unclassified"], ["unclassified", "financial"]])
def test_unclassified_fields_of_people_count_as_personal_free_text(classes):
    label = Label.of(classes, ["DE"], person=True)
    assert label.classes == {*classes, "unclassified", "pii", "free_text"}


def test_unclassified_fields_of_things_are_internal_and_still_unclassified():
    assert Label.of([], ["DE"], person=False).classes == {"internal", "unclassified"}


@pytest.mark.parametrize("classes", [[], ["unclassified"]])
def test_a_label_that_does_not_say_whose_it_is_counts_as_personal(classes):
    label = Label(frozenset(classes), frozenset(), frozenset(), Integrity.TRUSTED)
    assert label.classes == {"unclassified", "pii", "free_text"}
    assert label.countries == {"??"}


@pytest.mark.parametrize(
    "cls", ["pii", "pii.special", "phi", "hr", "pseudonymous", "free_text", "financial.card", "weird"]
)
def test_personal_classes_without_country_get_the_unknown_one(cls):
    assert Label.of([cls], person=False).countries == {"??"}


def test_other_classes_need_no_country_unless_the_record_is_a_person():
    assert Label.of(["financial"], person=False).countries == frozenset()
    assert Label.of(["financial"], person=True).countries == {"??"}


def test_countries_come_in_any_spelling():
    assert Label.of(["pii"], ["DEU", "france", "840", None, ""], person=True).countries == {"DE", "FR", "US", "??"}
    assert Label(frozenset({"pii"}), frozenset({"gbr"}), frozenset(), Integrity.TRUSTED).countries == {"GB"}


def test_a_bare_text_is_no_collection():
    with pytest.raises(TypeError, match=r"countries is the text 'DE'; pass a collection"):
        Label.of(["pii"], "DE", person=True)


@settings(deadline=None)
@given(labels, labels, labels)
def test_join_is_associative_commutative_and_idempotent(a, b, c):
    assert (a | b) | c == a | (b | c)
    assert a | b == b | a
    assert a | a is a


@settings(deadline=None)
@given(labels, labels)
def test_join_loses_nothing_and_untrusted_wins(a, b):
    joined = a.join(b)
    assert a.classes | b.classes == joined.classes
    assert a.countries | b.countries == joined.countries
    assert a.origins | b.origins == joined.origins
    assert (joined.integrity is Integrity.UNTRUSTED) == (Integrity.UNTRUSTED in (a.integrity, b.integrity))


@settings(deadline=None)
@given(labels, labels)
def test_a_join_that_adds_nothing_gives_back_the_same_label(a, b):
    high = a | b
    assert high | a is high
    assert high | b is high


@settings(deadline=None)
@given(labels)
def test_storage_gives_back_an_equal_label(label):
    assert Label.from_dict(json.loads(json.dumps(label.as_dict()))) == label
    assert pickle.loads(pickle.dumps(label)) == label


@settings(deadline=None)
@given(labels)
def test_equal_labels_have_equal_hashes(label):
    twin = Label(label.classes, label.countries, label.origins, label.integrity)
    assert (twin, hash(twin)) == (label, hash(label))


def test_a_label_keeps_its_hash_sound_across_processes():
    code = "import pickle,sys;from isthmus.residency import Label;sys.stdout.buffer.write(pickle.dumps(Label.of(['pii'],['DE'],person=True)))"
    sent = subprocess.run(
        [sys.executable, "-c", code], env={"PYTHONHASHSEED": "7"}, capture_output=True, check=True
    ).stdout
    assert pickle.loads(sent) in dict.fromkeys([Label.of(["pii"], ["DE"], person=True)])


@pytest.mark.parametrize(
    "change",
    [
        {"classes": "pii"},
        {"classes": [1]},
        {"countries": None},
        {"integrity": "perhaps"},
        {"extra": []},
    ],
)
def test_a_damaged_stored_label_is_refused(change):
    with pytest.raises(ValueError):  # noqa: PT011  - every part has its own sentence
        Label.from_dict({**Label.of(["pii"], ["DE"], person=True).as_dict(), **change})


def test_a_stored_label_must_be_whole():
    stored = Label.of(["pii"], ["DE"], person=True).as_dict()
    del stored["countries"]
    with pytest.raises(ValueError, match="expected classes, countries, origins, integrity"):
        Label.from_dict(stored)


def test_a_release_changes_the_class_and_keeps_origin_and_country():
    label = Label.of(["pii"], ["DE"], ["eu-de"], person=True)
    ref, mask = label.released(Form.REF), label.released(Form.MASK)
    assert ref is not None
    assert mask is not None
    assert (ref.classes, ref.countries, ref.origins) == ({"pseudonymous"}, {"DE"}, {"eu-de"})
    assert (mask.classes, mask.countries, mask.origins) == ({"internal"}, {"DE"}, {"eu-de"})
    assert label.released(Form.CLEAR) is label
    assert label.released(Form.AGGREGATE) is None
    assert label.released(Form.DROP) is None


def test_a_label_cannot_be_changed():
    with pytest.raises(AttributeError):
        Label.of(["pii"], ["DE"], person=True).classes = frozenset()
