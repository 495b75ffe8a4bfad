"""Is no digit lost on the way, and nothing sent that a service would cut or round?"""

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.sap.odata.edm import EdmType, Primitive, Property, Version
from isthmus.connectors.sap.odata.literals import literal
from isthmus.connectors.sap.odata.values import body_of, read_value, same_value, written_value
from isthmus.core.connector import FieldFacts, FieldType, ObjectFacts
from isthmus.core.errors import InvalidArguments
from isthmus.core.metadata import FieldPath, typed

from .documents import PARTNER, service
from .making import made

V2, V4 = made(Version.V2, {}), made(Version.V4, {})


def of(kind, **facets):
    display = facets.pop("display", "")
    return Property("F", EdmType(kind, **facets), display=display)


@pytest.mark.parametrize(
    ("kind", "raw", "ours"),
    [
        (Primitive.DECIMAL, "12.50", 12.5),
        (Primitive.DECIMAL, "12345678901234567.89", "12345678901234567.89"),
        (Primitive.DECIMAL, "0.1", 0.1),
        (Primitive.DECIMAL, "x", "x"),
        (Primitive.INT64, "9007199254740991", 9007199254740991),
        (Primitive.INT64, "9007199254740993", "9007199254740993"),
        (Primitive.INT64, 9007199254740993, "9007199254740993"),
        (Primitive.DATE_TIME, "/Date(1795343252668)/", "2026-11-22T10:27:32.668Z"),
        (Primitive.DATE_TIME, "/Date(-62135596800000)/", "0001-01-01T00:00:00Z"),
        (Primitive.DATE_TIME, "/Date(999999999999999)/", "/Date(999999999999999)/"),
        (Primitive.DATE_TIME, "2026-11-22T10:27:32", "2026-11-22T10:27:32Z"),
        (Primitive.DATE_TIME_OFFSET, "/Date(1795343252668+0000)/", "2026-11-22T10:27:32.668Z"),
        # Vendors do not agree whether the offset is already in the number.
        (Primitive.DATE_TIME_OFFSET, "/Date(1795343252668+0060)/", "/Date(1795343252668+0060)/"),
        (Primitive.TIME, "PT11H00M00S", "11:00:00"),
        (Primitive.TIME, "PT36H", "PT36H"),
        (Primitive.DOUBLE, "1.5E3", 1500.0),
        (Primitive.DOUBLE, "INF", "INF"),
        (Primitive.BINARY, "-_8", "+/8="),
        (Primitive.BINARY, "+/8=", "+/8="),
        (Primitive.BOOLEAN, True, True),
        (Primitive.STRING, "", ""),
        (Primitive.STRING, "0000000001", "0000000001"),
        (Primitive.INT32, None, None),
    ],
)
def test_reads_a_value_exactly(kind, raw, ours):
    assert read_value(raw, of(kind), V2) == ours
    assert type(read_value(raw, of(kind), V2)) is type(ours)


@given(
    st.one_of(
        st.tuples(st.just(Primitive.INT64), st.integers(-(2**63), 2**63 - 1).map(str)),
        st.tuples(st.just(Primitive.DECIMAL), st.decimals(-(10**30), 10**30, places=6).map("{:f}".format)),
        st.tuples(st.just(Primitive.DECIMAL), st.integers(-(10**34), 10**34).map(str)),
    ),
    st.sampled_from((V2, V4)),
)
def test_a_number_that_was_read_is_the_same_number_in_a_condition(told, found):
    kind, raw = told
    property = of(kind)
    facts = FieldFacts("F", FieldType.INTEGER if kind is Primitive.INT64 else FieldType.NUMBER)
    value = typed(read_value(raw, property, found), FieldPath("F", facts, ObjectFacts("S", {"F": facts})))
    assert Decimal(literal(value, property.type, found.version, "F").rstrip("LM")) == Decimal(raw)


def test_reads_a_day_as_a_day():
    assert read_value("/Date(1467158400000)/", of(Primitive.DATE_TIME, display="Date"), V2) == "2016-06-29"
    assert (
        read_value("/Date(1467158400001)/", of(Primitive.DATE_TIME, display="Date"), V2) == "2016-06-29T00:00:00.001Z"
    )


@pytest.mark.parametrize(
    ("service", "kind", "ours", "raw"),
    [
        (V2, Primitive.DECIMAL, "12.50", "12.5"),
        (V4, Primitive.DECIMAL, 12.5, "12.5"),
        (V4, Primitive.INT64, 7, "7"),
        (V2, Primitive.INT32, 7, 7),
        (V2, Primitive.DATE_TIME, "2016-06-29", "/Date(1467158400000)/"),
        (V2, Primitive.DATE_TIME, "2016-06-29T02:00:00+02:00", "/Date(1467158400000)/"),
        (V2, Primitive.DATE_TIME_OFFSET, "2026-11-22T10:27:32.668Z", "/Date(1795343252668+0000)/"),
        (V2, Primitive.TIME, "11:00:00", "PT11H00M00S"),
        (V4, Primitive.DATE_TIME_OFFSET, "2026-11-22T11:27:32.1234567+01:00", "2026-11-22T10:27:32.1234567Z"),
        (V2, Primitive.BINARY, "-_8", "+/8="),
        (V4, Primitive.BINARY, "+/8=", "-_8"),
        (V4, Primitive.STRING, None, None),
    ],
)
def test_writes_a_value_as_the_version_has_it(service, kind, ours, raw):
    assert written_value(ours, of(kind), service) == raw


@pytest.mark.parametrize(
    ("service", "property", "value"),
    [
        (V2, of(Primitive.STRING, max_length=3), "four"),
        (V2, of(Primitive.DECIMAL, precision=5, scale=2), "1.234"),
        (V2, of(Primitive.DECIMAL, precision=5, scale=2), "1234"),
        (V2, of(Primitive.DATE_TIME), "2026-11-22T10:27:32.6681Z"),
        (V2, of(Primitive.INT32), "7x"),
        (V2, of(Primitive.STRING), 7),
        (V2, of(Primitive.BOOLEAN), "X"),
        (V4, of(Primitive.STRING, collection=True), "x"),
        (V4, of(Primitive.UNKNOWN), "x"),
        (V4, of(Primitive.DOUBLE), 10**400),
    ],
)
def test_refuses_what_a_service_would_cut_or_round(service, property, value):
    with pytest.raises(InvalidArguments):
        written_value(value, property, service)


@pytest.mark.parametrize(
    ("property", "sent", "stored", "same"),
    [
        (of(Primitive.STRING), "1", "0000000001", True),
        (of(Primitive.STRING), "a ", "a", True),
        (of(Primitive.STRING), "a", "A", False),
        (of(Primitive.STRING, display="UpperCase"), "a", "A", True),
        (of(Primitive.STRING), "", None, True),
        (of(Primitive.STRING), "x", None, False),
        (of(Primitive.DECIMAL), "12.50", 12.5, True),
        (of(Primitive.DECIMAL), "12.50", 12.51, False),
        (of(Primitive.DATE_TIME), "2016-06-29T02:00:00+02:00", "2016-06-29T00:00:00Z", True),
        (of(Primitive.INT64), 7, "7", True),
    ],
)
def test_knows_what_was_sent_again(property, sent, stored, same):
    assert same_value(sent, stored, property) is same


def test_writes_records_along_with_the_one_that_they_belong_to():
    found = service(PARTNER)
    partners = found.sets["A_BusinessPartner"]
    told = body_of(
        {
            "LastName": "Ada",
            "to_BusinessPartnerAddress": [{"Country": "DE", "ValidityStartDate": "2026-01-01T00:00:00Z"}],
        },
        partners,
        found,
        creating=True,
    )
    address = {"Country": "DE", "ValidityStartDate": "/Date(1767225600000+0000)/"}
    assert told == {"LastName": "Ada", "to_BusinessPartnerAddress": [address]}


@pytest.mark.parametrize(
    ("values", "creating"),
    [
        ({"Nothing": 1}, True),
        ({"BusinessPartner": "1"}, False),
        ({"to_BusinessPartnerAddress": [{}]}, False),
        ({"to_BusinessPartnerAddress": {}}, True),
        ({"to_BusinessPartnerAddress": ["x"]}, True),
        ({"to_BusinessPartnerAddress": [{"Nothing": 1}]}, True),
        ({"to_Customer": [{}]}, True),
    ],
)
def test_refuses_a_body_that_the_set_does_not_take(values, creating):
    found = service(PARTNER)
    with pytest.raises(InvalidArguments):
        body_of(values, found.sets["A_BusinessPartner"], found, creating=creating)
