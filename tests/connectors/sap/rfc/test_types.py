"""Values keep exactly what their ABAP type can hold; nothing is cut, rounded or guessed."""

import json
from decimal import Decimal
from pathlib import Path

import jsonschema_rs
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.connectors.sap.rfc.interface import Direction, Field, Interface, Parameter
from isthmus.connectors.sap.rfc.schema import arguments_schema, required_of, results_schema
from isthmus.connectors.sap.rfc.types import from_abap, results_of, to_abap, values_for
from isthmus.connectors.sap.rfc.wire import interface_from
from isthmus.core.errors import InvalidArguments

RECORDED = Path(__file__).parents[4].parent / "shared/fixtures/sap/rfc"
LETTERS = {
    "RFCTYPE_CHAR": "C",
    "RFCTYPE_NUM": "N",
    "RFCTYPE_DATE": "D",
    "RFCTYPE_TIME": "T",
    "RFCTYPE_BYTE": "X",
    "RFCTYPE_BCD": "P",
    "RFCTYPE_FLOAT": "F",
    "RFCTYPE_INT": "I",
    "RFCTYPE_INT2": "s",
    "RFCTYPE_INT1": "b",
}
FIELDS = {
    Field("C", "C", 4): st.text("aÄ€ 0", max_size=4).map(str.rstrip),
    Field("N", "N", 6): st.from_regex(r"[0-9]{6}", fullmatch=True),
    Field("A", "C", 10, alpha=True): st.from_regex(r"[1-9][0-9]{0,9}", fullmatch=True),
    Field("D", "D", 8): st.none() | st.dates().map(lambda day: day.isoformat()),
    Field("T", "T", 6): st.times().map(lambda time: time.strftime("%H:%M:%S")),
    Field("P", "P", 15, 2): st.decimals(-(10**13) + 1, 10**13 - 1, places=2).map(lambda one: f"{one + 0:.2f}"),
    Field("b", "b"): st.integers(0, 255),
    Field("s", "s"): st.integers(-(1 << 15), (1 << 15) - 1),
    Field("I", "I"): st.integers(-(1 << 31), (1 << 31) - 1),
    Field("8", "8"): st.integers(-(1 << 53) + 1, (1 << 53) - 1),
    Field("F", "F"): st.floats(allow_nan=False, allow_infinity=False),
    Field("X", "X", 3): st.sampled_from(["", "AAEC", "YWJj"]),
    Field("g", "g"): st.text(max_size=5),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(FIELDS)).flatmap(lambda one: st.tuples(st.just(one), FIELDS[one])))
def test_a_value_comes_back_and_fits_its_schema(case: tuple[Field, object]) -> None:
    field, value = case
    assert from_abap(field, to_abap(field, value)) == value
    parameter = Parameter("P", Direction.CHANGING, (field,))
    for schema in (arguments_schema, results_schema):
        assert jsonschema_rs.is_valid(dict(schema(Interface("F", (parameter,)))["P"]), value)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        (Field("F", "C", 3), "four"),
        (Field("F", "C", 1), "😀"),
        (Field("F", "C", 3), 5),
        (Field("F", "N", 3), "12a"),
        (Field("F", "N", 3), "1234"),
        (Field("F", "D", 8), "2026-02-30"),
        (Field("F", "D", 8), "tomorrow"),
        (Field("F", "T", 6), "noon"),
        (Field("F", "P", 5, 2), "1000.00"),
        (Field("F", "P", 5, 2), "1.005"),
        (Field("F", "P", 5, 2), "NaN"),
        (Field("F", "P", 5, 2), True),
        (Field("F", "b"), 256),
        (Field("F", "I"), 1.5),
        (Field("F", "I"), "ten"),
        (Field("F", "X", 2), "YWJj"),
        (Field("F", "X", 2), "?"),
        (Field("F", "a", 16), "1"),
    ],
)
def test_what_does_not_fit_is_refused(field: Field, value: object) -> None:
    with pytest.raises(InvalidArguments) as refused:
        to_abap(field, value)
    assert refused.value.field == "F"


@pytest.mark.parametrize(
    ("type", "came", "means"),
    [
        ("C", "ab  ", "ab"),
        ("D", "00000000", None),
        ("D", "0000-00-00", None),
        ("D", "2026-11-22", "2026-11-22"),
        ("D", "20261122", "2026-11-22"),
        ("D", "", None),
        ("D", "garbage!", "garbage!"),
        ("T", "", "00:00:00"),
        ("T", "240000", "24:00:00"),
        ("P", Decimal("12.50"), "12.50"),
        ("I", " 7", 7),
        ("8", 1 << 60, str(1 << 60)),
        ("X", b"abc", "YWJj"),
    ],
)
def test_packages_write_the_same_value_in_several_ways(type: str, came: object, means: object) -> None:
    assert from_abap(Field("F", type), came) == means


def test_numbers_of_documents_have_their_zeros_inside_only() -> None:
    field = Field("VBELN", "C", 10, alpha=True)
    assert [to_abap(field, one) for one in ("1", "0000000001", "A1")] == ["0000000001", "0000000001", "A1"]
    assert [from_abap(field, one) for one in ("0000000001", "A1", "0000000000")] == ["1", "A1", ""]


def recorded() -> list[Interface]:
    """Read the descriptions of a real system, as they were taken down."""
    return [interface_from(plain(json.loads(path.read_text()))) for path in sorted(RECORDED.glob("*.json"))]


def plain(told: dict) -> dict:
    return {"name": told["name"], "parameters": [parameter(one) for one in told["parameters"]]}


def parameter(told: dict) -> dict:
    structure = told["type_description"]
    direction = {"RFC_IMPORT": "I", "RFC_EXPORT": "E", "RFC_CHANGING": "C", "RFC_TABLES": "T"}[told["direction"]]
    fields = (
        [field(one) for one in structure["fields"]]
        if structure
        else [field({**told, "field_type": told["parameter_type"]})]
    )
    flags = {"flat": not structure, "table": direction == "T", "optional": told["optional"], "text": ""}
    return {"name": told["name"], "direction": direction, "fields": fields, **flags}


def field(told: dict) -> dict:
    letter, width = LETTERS[told["field_type"]], told["nuc_length"]
    length = 2 * width - 1 if letter == "P" else width
    return {
        "name": told["name"],
        "type": letter,
        "length": length,
        "decimals": told["decimals"],
        "alpha": False,
        "text": "",
    }


def test_real_interfaces_become_schemas_that_take_what_they_give() -> None:
    interfaces = recorded()
    if not interfaces:
        pytest.skip("no recorded descriptions")
    for one in interfaces:
        for each in one.parameters:
            line = {field.name: from_abap(field, blank(field)) for field in each.fields}
            value = line[each.fields[0].name] if each.flat else [line] if each.table else line
            if each.answered:
                assert results_of(one, {each.name: raw(each)}) == {each.name: value}
                assert jsonschema_rs.is_valid(dict(results_schema(one)[each.name]), value), each.name
            if each.sent:
                assert jsonschema_rs.is_valid(dict(arguments_schema(one)[each.name]), value), each.name
        needed = {name: {} for name in required_of(one)}
        assert set(needed) == {
            each.name for each in one.parameters if each.sent and not each.optional and not each.table
        }


def blank(field: Field) -> object:
    return {"P": Decimal(0).scaleb(-field.decimals), "X": b"", "F": 0.0}.get(
        field.type, 0 if field.type in "bsI" else ""
    )


def raw(parameter: Parameter) -> object:
    line = {field.name: blank(field) for field in parameter.fields}
    return line[parameter.fields[0].name] if parameter.flat else [line] if parameter.table else line


def test_an_argument_is_named_by_its_place() -> None:
    rows = Parameter("ITEMS", Direction.TABLES, (Field("QTY", "P", 5, 1),), flat=False, table=True)
    with pytest.raises(InvalidArguments, match=r"ITEMS\[1\]\.QTY takes a decimal number of at most 5 digits"):
        values_for(Interface("F", (rows,)), {"ITEMS": [{"QTY": "1.0"}, {"QTY": "0.05"}]})
    with pytest.raises(InvalidArguments, match=r"ITEMS\[0\] has no field 'QTZ'"):
        values_for(Interface("F", (rows,)), {"ITEMS": [{"QTZ": "1.0"}]})
    with pytest.raises(InvalidArguments, match="ITEMS is a table"):
        values_for(Interface("F", (rows,)), {"ITEMS": {"QTY": "1"}})
