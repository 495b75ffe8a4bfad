"""Does any value of any type survive literals, keys, filters and bodies, as a reader that is not ours sees it?"""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.sap.odata.edm import Primitive, Version
from isthmus.connectors.sap.odata.filters import filter_of
from isthmus.connectors.sap.odata.keys import address_of, id_of, literals_of, values_of
from isthmus.connectors.sap.odata.literals import literal, read_literal
from isthmus.connectors.sap.odata.values import read_value, same_value, written_value
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import Compare, Operator

from . import grammar
from .making import CASES, KINDS, made, same, texts

FEW, MANY = 300, 10_000
EACH = pytest.mark.parametrize(
    ("version", "kind"), KINDS, ids=[f"{v.name}-{getattr(k, 'value', k)!s:.20}" for v, k in KINDS]
)


def literal_survives(version, case):
    service = made(version, {"F": case.kind})
    type = service.sets["S"].properties["F"].type
    text = literal(case.given, type, version, "F")
    assert same(case.means, grammar.literal(text, version))
    again = literal(read_literal(text, type, version, "F"), type, version, "F")
    assert again == text
    return text


def filter_survives(version, case):
    service = made(version, {"F": case.kind})
    text = filter_of(Compare("F", Operator.EQ, case.given), service.sets["S"], service)
    word, left, (kind, read) = grammar.read_filter(text, version)
    assert (word, left, kind) == ("eq", ("path", "F"), "literal")
    assert same(case.means, read)


def body_survives(version, case):
    service = made(version, {"F": case.kind})
    property = service.sets["S"].properties["F"]
    raw = written_value(case.given, property, service)
    found = read_value(raw, property, service)
    if case.ours is None:
        assert found == grammar_text(case)
    elif case.kind is Primitive.BINARY:
        assert same_value(case.ours, found, property)
    elif case.kind in (Primitive.TIME, Primitive.TIME_OF_DAY, Primitive.DATE_TIME, Primitive.DATE_TIME_OFFSET):
        assert grammar_moment(found, case.kind) == case.means
    else:
        assert found == case.ours
    assert same_value(case.given if isinstance(case.given, str | bool | int | float) else case.ours, found, property)


def grammar_text(case):
    text = f"{case.means:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def grammar_moment(text, kind):
    return grammar.clock(text) if kind in (Primitive.TIME, Primitive.TIME_OF_DAY) else grammar.moment(text)


def key_survives(version, cases):
    names = [f"K{at}" for at in range(len(cases))]
    service = made(version, {name: one.kind for name, one in zip(names, cases, strict=True)}, tuple(names))
    entities = service.sets["S"]
    raw = {
        name: written_value(one.given, entities.properties[name], service)
        for name, one in zip(names, cases, strict=True)
    }
    id = id_of(raw, entities, service)
    template, filled = address_of(id, entities, service)
    assert template.count("{}") == len(filled) == len(cases)
    parts = iter(filled)
    predicate = re.sub(r"\{\}", lambda _: next(parts), template)
    read = grammar.read_keys(predicate[2:-1], version)
    wanted = {"" if len(names) == 1 else name: one.means for name, one in zip(names, cases, strict=True)}
    assert read.keys() == wanted.keys()
    assert all(same(wanted[name], read[name]) for name in wanted)
    assert id_of(raw_of(values_of(id, entities, service), entities, service), entities, service) == id


def raw_of(values, entities, service):
    return {name: written_value(value, entities.properties[name], service) for name, value in values.items()}


@EACH
def test_a_value_survives(version, kind):
    @settings(max_examples=FEW // 15, deadline=None)
    @given(CASES[version][kind])
    def check(case):
        literal_survives(version, case)
        filter_survives(version, case)
        body_survives(version, case)
        key_survives(version, [case])

    check()


@pytest.mark.parametrize("version", list(Version))
def test_values_of_all_types_survive_together(version):
    @settings(max_examples=FEW, deadline=None)
    @given(st.lists(st.one_of(*CASES[version].values()), min_size=2, max_size=4))
    def check(cases):
        key_survives(version, cases)
        for case in cases:
            literal_survives(version, case)
            filter_survives(version, case)
            body_survives(version, case)

    check()


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("version", list(Version))
def test_values_of_all_types_survive_ten_thousand_times(version):
    @settings(max_examples=MANY, deadline=None)
    @given(st.lists(st.one_of(*CASES[version].values()), min_size=1, max_size=4))
    def check(cases):
        key_survives(version, cases)
        for case in cases:
            literal_survives(version, case)
            filter_survives(version, case)
            body_survives(version, case)

    check()


@settings(max_examples=FEW, deadline=None)
@given(texts, st.sampled_from(list(Version)))
def test_one_text_is_one_id_and_nothing_else_is_that_record(text, version):
    service = made(version, {"K": Primitive.STRING}, ("K",))
    entities = service.sets["S"]
    id = id_of({"K": text}, entities, service)
    assert values_of(id, entities, service) == {"K": text}
    assert id == text or id.startswith("K='")


@settings(max_examples=FEW, deadline=None)
@given(st.one_of(texts, texts.map("A='1',B={}".format), texts.map("A={},B='2'".format)), st.sampled_from(list(Version)))
def test_any_text_is_one_key_or_is_refused(text, version):
    service = made(version, {"A": Primitive.STRING, "B": Primitive.STRING}, ("A", "B"))
    entities = service.sets["S"]
    try:
        found = literals_of(text, entities, service)
    except InvalidArguments:
        return
    assert grammar.read_keys(text, version) == {name: grammar.literal(one, version) for name, one in found.items()}
    assert id_of(values_of(text, entities, service), entities, service) == text


@pytest.mark.parametrize(
    ("version", "kinds", "id"),
    [
        (2, {"A": Primitive.STRING, "B": Primitive.STRING}, "B='2',A='1'"),
        (2, {"A": Primitive.STRING, "B": Primitive.STRING}, "A='1',B='2',"),
        (2, {"A": Primitive.STRING, "B": Primitive.STRING}, "A='1', B='2'"),
        (2, {"A": Primitive.STRING, "B": Primitive.STRING}, "A='1',B='2',C='3'"),
        (2, {"A": Primitive.STRING, "B": Primitive.STRING}, "A='1'"),
        (2, {"A": Primitive.GUID}, "A=guid'005056A2-1B1C-1ED8-9AEF-5D1E6F2A3B4C'"),
        (2, {"A": Primitive.GUID}, "005056a2-1b1c-1ed8-9aef-5d1e6f2a3b4c"),
        (2, {"A": Primitive.INT32}, "A=007"),
        (2, {"A": Primitive.DECIMAL}, "A=1.50M"),
        (2, {"A": Primitive.DECIMAL}, "A=1.5"),
        (4, {"A": Primitive.INT32}, "A=1 or 1 eq 1"),
        (4, {"A": Primitive.BOOLEAN}, "A=TRUE"),
        (4, {"A": Primitive.STRING}, "A='plain'"),
        (4, {"A": Primitive.STRING}, ""),
        (4, {"A": Primitive.STRING}, "x" * 2_000),
        (4, {"A": Primitive.STRING}, "\ud800"),
    ],
)
def test_refuses_what_is_another_spelling_of_an_id(version, kinds, id):
    service = made(Version(version), kinds, tuple(kinds))
    with pytest.raises(InvalidArguments):
        literals_of(id, service.sets["S"], service)


def test_a_set_without_a_key_has_no_ids():
    service = made(Version.V2, {"A": Primitive.STRING})
    assert id_of({"A": "1"}, service.sets["S"], service) == ""
    with pytest.raises(InvalidArguments, match="no key"):
        literals_of("1", service.sets["S"], service)


def test_what_a_service_gives_as_a_key_and_is_none_makes_no_id():
    service = made(Version.V2, {"A": Primitive.GUID}, ("A",))
    assert id_of({"A": "x'y"}, service.sets["S"], service) == ""
    assert id_of({}, service.sets["S"], service) == ""
