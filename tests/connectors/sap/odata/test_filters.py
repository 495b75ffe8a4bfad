"""Does a condition mean the same as its $filter, and can no value become a part of it?"""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.sap.odata.edm import (
    EdmType,
    EntitySet,
    Enumeration,
    Navigation,
    Primitive,
    Property,
    Service,
    Version,
)
from isthmus.connectors.sap.odata.filters import MOST_TERMS, check_filter, filter_of
from isthmus.connectors.sap.odata.keys import ID, id_of
from isthmus.core.cursors import after_condition
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import AllOf, AnyOf, Compare, Condition, InQuery, Negated, Operator, Query, Ref, Relative

from . import grammar
from .documents import PARTNER, STRANGE, service, v2
from .making import COLOUR, made, texts

FEW, MANY = 300, 10_000
FIELDS, WORDS = ("f", "g"), (None, "ab", "b")
ROWS = [dict(zip(FIELDS, words, strict=True)) for words in itertools.product(WORDS, repeat=2)]
ORDERED = {Operator.LT: str.__lt__, Operator.LE: str.__le__, Operator.GT: str.__gt__, Operator.GE: str.__ge__}
PARTS = {Operator.CONTAINS: str.__contains__, Operator.STARTS_WITH: str.startswith, Operator.ENDS_WITH: str.endswith}
SINGLE = (Operator.EQ, Operator.NE, *ORDERED, *PARTS)
EITHER = pytest.mark.parametrize("version", list(Version))


def texted(version, nullable=True):
    return made(version, dict.fromkeys(FIELDS, Primitive.STRING), nullable=nullable)


def written(condition, version, found=None):
    version = Version(version)
    offered = found or texted(version)
    return filter_of(condition, offered.sets["S"], offered)


def compares(words):
    fields = st.sampled_from(FIELDS)
    return st.one_of(
        st.builds(Compare, fields, st.sampled_from(SINGLE), words),
        st.builds(Compare, fields, st.sampled_from((Operator.EQ, Operator.NE)), st.none()),
        st.builds(
            Compare,
            fields,
            st.sampled_from((Operator.IN, Operator.NOT_IN)),
            st.lists(words, min_size=1, max_size=3).map(tuple),
        ),
    )


def trees(words):
    return st.recursive(
        compares(words),
        lambda inner: st.one_of(
            st.builds(Negated, inner),
            st.builds(AllOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
            st.builds(AnyOf, st.lists(inner, min_size=1, max_size=3).map(tuple)),
        ),
        max_leaves=6,
    )


def meant(condition: Condition, row) -> bool:
    """What everybody here means by a condition: missing is unequal to any value, and neither less nor greater."""
    match condition:
        case AllOf(terms):
            return all(meant(one, row) for one in terms)
        case AnyOf(terms):
            return any(meant(one, row) for one in terms)
        case Negated(term):
            return not meant(term, row)
        case Compare(field, op, value):
            has = row[field]
            if op in (Operator.IN, Operator.NOT_IN):
                return (has in value) is (op is Operator.IN)
            if op in (Operator.EQ, Operator.NE):
                return (has == value) is (op is Operator.EQ)
            return has is not None and {**ORDERED, **PARTS}[op](has, value)
    raise AssertionError(condition)


def held(tree, row):
    """What OData says of a row: OData 4.01 Part 2, sections 5.1.1.1 and 5.1.1.2. None is null."""
    kind, *parts = tree
    if kind == "literal":
        return parts[0]
    if kind == "path":
        return row[parts[0]]
    values = [held(one, row) for one in parts]
    if kind == "and":
        return False if False in values else None if None in values else True
    if kind == "or":
        return True if True in values else None if None in values else False
    if kind == "not":
        return None if values[0] is None else not values[0]
    if kind in ("eq", "ne"):
        return (values[0] == values[1]) is (kind == "eq")
    if None in values:
        return False if kind in ("lt", "le", "gt", "ge") else None
    if kind == "substringof":
        return values[0] in values[1]
    named = {"contains": str.__contains__, "startswith": str.startswith, "endswith": str.endswith}
    return {**named, **{op.value: test for op, test in ORDERED.items()}}[kind](*values)


def check_meaning(condition, version):
    tree = grammar.read_filter(written(condition, version), version)
    for row in ROWS:
        assert (held(tree, row) is True) is meant(condition, row), (row, written(condition, version))


@settings(max_examples=FEW, deadline=None)
@given(trees(st.sampled_from(("a", "ab", "b", "c"))), st.sampled_from(list(Version)))
def test_a_filter_holds_where_its_condition_does(condition, version):
    check_meaning(condition, version)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=MANY, deadline=None)
@given(trees(st.sampled_from(("a", "ab", "b", "c"))), st.sampled_from(list(Version)))
def test_a_filter_holds_where_its_condition_does_ten_thousand_times(condition, version):
    check_meaning(condition, version)


def check_injection(condition, text, version):
    """Put a text into the place of each value: it is the literal there, and all else stays as it was."""

    def put(one, told):
        match one:
            case AllOf(terms) | AnyOf(terms):
                return type(one)(tuple(put(term, told) for term in terms))
            case Negated(term):
                return Negated(put(term, told))
            case Compare(field, op, value):
                value = tuple(told for _ in value) if isinstance(value, tuple) else value and told
                return Compare(field, op, value)
        raise AssertionError(one)

    plain = grammar.read_filter(written(put(condition, "k1t"), version), version)
    hostile = grammar.read_filter(written(put(condition, text), version), version)
    assert grammar.shape(hostile) == grammar.shape(plain)
    wanted = [text if one == "k1t" else one for one in grammar.literals(plain)]
    assert list(grammar.literals(hostile)) == wanted


@settings(max_examples=FEW, deadline=None)
@given(trees(st.just("k1t")), texts.filter(bool), st.sampled_from(list(Version)))
def test_any_text_is_exactly_one_literal(condition, text, version):
    check_injection(condition, text, version)


@pytest.mark.soak
@pytest.mark.timeout(1800)
@settings(max_examples=MANY, deadline=None)
@given(trees(st.just("k1t")), texts.filter(bool), st.sampled_from(list(Version)))
def test_any_text_is_exactly_one_literal_ten_thousand_times(condition, text, version):
    check_injection(condition, text, version)


@EITHER
def test_pages_go_on_after_the_whole_key(version):
    found = made(version, {"A": Primitive.STRING, "B": Primitive.INT32, "C": Primitive.BOOLEAN}, ("A", "B", "C"))
    rows = [dict(zip("ABC", key, strict=True)) for key in itertools.product(("a", "b"), (1, 2), (False, True))]
    for at, row in enumerate(rows[:-1]):
        condition = after_condition((), ID, [id_of(row, found.sets["S"], found)])
        text = written(condition, version, found)
        # Whether true is greater than false is not said by V2.
        assert "C gt" not in text
        tree = grammar.read_filter(text, version)
        assert [one for one in rows if numbered(tree, one)] == rows[at + 1 :]


def numbered(tree, row):
    kind, *parts = tree
    if kind in ("and", "or"):
        return (all if kind == "and" else any)(numbered(one, row) for one in parts)
    value = parts[1][1]
    return row[parts[0][1]] == value if kind == "eq" else row[parts[0][1]] > value


def test_finds_some_records_by_their_ids():
    found = made(Version.V2, {"A": Primitive.STRING, "B": Primitive.INT32}, ("A", "B"))
    told = written(Compare(ID, Operator.IN, ("A='x',B=1", "A='y',B=2")), 2, found)
    assert told == "(A eq 'x' and B eq 1) or (A eq 'y' and B eq 2)"
    assert written(Compare(ID, Operator.NE, "A='x',B=1"), 2, found) == "A ne 'x' or B ne 1"


def test_takes_the_id_of_an_empty_key_for_the_key():
    found = made(Version.V2, {"K": Primitive.STRING}, ("K",))
    assert written(Compare("K", Operator.GT, "K=''"), 2, found) == "K gt ''"
    assert written(Compare("K", Operator.GT, "1"), 2, found) == "K gt '1'"


@EITHER
def test_a_missing_text_is_null_or_empty(version):
    assert written(Compare("f", Operator.EQ, None), version) == "f eq null or f eq ''"
    assert written(Compare("f", Operator.NE, None), version) == "f ne null and f ne ''"
    sure = texted(version, nullable=False)
    assert written(Compare("f", Operator.EQ, None), version, sure) == "f eq ''"


def test_writes_words_of_each_version():
    assert written(Compare("f", Operator.CONTAINS, "O'Neil"), 2) == "substringof('O''Neil',f)"
    assert written(Compare("f", Operator.CONTAINS, "O'Neil"), 4, texted(Version.V4)) == "contains(f,'O''Neil')"
    assert written(Compare("f", Operator.IN, ("a", "b")), 2) == "f eq 'a' or f eq 'b'"


def test_compares_along_navigations_to_one_record_and_refuses_those_to_many():
    found = service(PARTNER)
    partners = found.sets["A_BusinessPartner"]
    told = filter_of(Compare("to_Customer.CustomerName", Operator.EQ, "x"), partners, found)
    assert told == "to_Customer/CustomerName eq 'x'"
    with pytest.raises(InvalidArguments, match="query A_BusinessPartnerAddress instead"):
        filter_of(Compare("to_BusinessPartnerAddress.Country", Operator.EQ, "DE"), partners, found)
    with pytest.raises(InvalidArguments, match="name one of their fields"):
        filter_of(Compare("to_Customer", Operator.EQ, "x"), partners, found)
    with pytest.raises(InvalidArguments, match="has no field 'nothing'"):
        filter_of(Compare("nothing", Operator.EQ, "x"), partners, found)


def test_looks_into_flags_and_collections_where_the_version_can():
    flags = Enumeration("T.Days", {"Mon": 1, "Tue": 2}, flags=True)
    properties = {"F": Property("F", EdmType(flags)), "C": Property("C", EdmType(Primitive.STRING, collection=True))}
    base = made(Version.V4, {}).sets["S"]
    entities = EntitySet("S", base.type, properties, {})
    v4, v2 = Service(Version.V4, {"S": entities}, {}), Service(Version.V2, {"S": entities}, {})
    assert (
        filter_of(Compare("F", Operator.INCLUDES, ("Mon", "Tue")), entities, v4)
        == "F has T.Days'Mon' or F has T.Days'Tue'"
    )
    told = filter_of(Negated(Compare("C", Operator.INCLUDES, ("a", "b"))), entities, v4)
    assert told == "not (C/any(x:x eq 'a' or x eq 'b'))"
    assert grammar.read_filter(told, 4) == (
        "not",
        ("C/any", "x", ("or", ("eq", ("path", "x"), ("literal", "a")), ("eq", ("path", "x"), ("literal", "b")))),
    )
    with pytest.raises(InvalidArguments):
        filter_of(Compare("C", Operator.INCLUDES, ("a",)), entities, v2)


COMPARED = {"t": Primitive.STRING, "n": Primitive.INT32, "b": Primitive.BOOLEAN, "e": COLOUR, "u": Primitive.UNKNOWN,
            "g": Primitive.GUID, "d": Primitive.DATE_TIME_OFFSET}  # fmt: skip


@EITHER
@pytest.mark.parametrize(
    "condition",
    [
        Compare("n", Operator.EQ, "1 or 1 eq 1"),
        Compare("n", Operator.EQ, 2**31),
        Compare("n", Operator.EQ, True),
        Compare("n", Operator.CONTAINS, "1"),
        Compare("b", Operator.GT, False),
        Compare("b", Operator.EQ, "true"),
        Compare("e", Operator.EQ, "Red' or 'a' eq 'a"),
        Compare("e", Operator.LT, "Red"),
        Compare("e", Operator.INCLUDES, ("Red",)),
        Compare("u", Operator.EQ, "x"),
        Compare("g", Operator.EQ, "x"),
        Compare("d", Operator.EQ, "2026-01-01T00:00:00"),
        Compare("d", Operator.EQ, Relative("TODAY")),
        Compare("t", Operator.EQ, Ref("ref_aaaaaaaaaaaaaaaa")),
        Compare("t", Operator.EQ, "\ud800"),
        Compare("t", Operator.EQ, 7),
        Compare("t", Operator.EQ, ("a", "b")),
        Compare("t", Operator.LT, None),
        Compare("t", Operator.CONTAINS, ""),
        Compare("t", Operator.IN, ()),
        Compare("t", Operator.INCLUDES, ("a",)),
        Compare("t", Operator.IN, tuple(map(str, range(MOST_TERMS + 1)))),
        InQuery("t", Query("S", ("t",))),
        AllOf(()),
    ],
)
def test_refuses_what_odata_cannot_say(version, condition):
    found = made(version, COMPARED)
    with pytest.raises(InvalidArguments) as refused:
        filter_of(condition, found.sets["S"], found)
    assert refused.value.field in str(refused.value)


def test_refuses_to_ask_a_sure_field_for_nothing():
    found = made(Version.V4, {"n": Primitive.INT32}, nullable=False)
    with pytest.raises(InvalidArguments, match="always has a value"):
        filter_of(Compare("n", Operator.EQ, None), found.sets["S"], found)


def test_refuses_what_the_set_does_not_filter_by():
    found = service(STRANGE)
    with pytest.raises(InvalidArguments, match="cannot be filtered by Data"):
        filter_of(Compare("Data", Operator.EQ, "x"), found.sets["MasterEntities"], found)


def test_keeps_to_the_one_form_that_a_field_takes():
    found = service(STRANGE)
    cars = found.sets["Cars"]
    assert filter_of(Compare("CodeName", Operator.EQ, "x"), cars, found) == "CodeName eq 'x'"
    for condition in (Compare("CodeName", Operator.NE, "x"), Negated(Compare("CodeName", Operator.EQ, "x"))):
        with pytest.raises(InvalidArguments, match="SingleValue"):
            filter_of(condition, cars, found)


def test_asks_for_the_condition_that_a_set_needs():
    found = service(STRANGE)
    with pytest.raises(InvalidArguments, match="only with a condition"):
        check_filter(None, found.sets["CitiesWithFilter"])
    check_filter(Compare("Name", Operator.EQ, "x"), found.sets["CitiesWithFilter"])
    cars = found.sets["Cars"]
    code, name = Compare("CodeName", Operator.EQ, "x"), Compare("Name", Operator.EQ, "x")
    check_filter(AllOf((name, code)), cars)
    for condition in (None, name, AnyOf((name, code)), Negated(code)):
        with pytest.raises(InvalidArguments, match="CodeName"):
            check_filter(condition, cars)


def test_says_what_a_negated_comparison_does_with_a_record_that_a_navigation_lacks():
    found = v2(
        """<EntityType Name="A"><Key><PropertyRef Name="K"/></Key><Property Name="K" Type="Edm.String" Nullable="false"/>
        <NavigationProperty Name="toB" Relationship="T.R" FromRole="a" ToRole="b"/></EntityType>
        <EntityType Name="B"><Key><PropertyRef Name="N"/></Key><Property Name="N" Type="Edm.Int32" Nullable="false"/>
        </EntityType><Association Name="R"><End Role="a" Type="T.A" Multiplicity="*"/>
        <End Role="b" Type="T.B" Multiplicity="0..1"/></Association>""",
        """<EntitySet Name="As" EntityType="T.A"/><EntitySet Name="Bs" EntityType="T.B"/>
        <AssociationSet Name="RS" Association="T.R"><End Role="a" EntitySet="As"/><End Role="b" EntitySet="Bs"/>
        </AssociationSet>""",
    )
    assert isinstance(found.sets["As"].navigations["toB"], Navigation)
    told = filter_of(Negated(Compare("toB.N", Operator.LT, 5)), found.sets["As"], found)
    assert told == "toB/N ge 5 or toB/N eq null"
