"""Values lie in the bytes of their types as they do in a real system, and come back the same."""

import json
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from isthmus.plugins.sandbox.sap.rfc.dictionary import Elementary, dictionary, laid_out
from isthmus.plugins.sandbox.sap.rfc.values import decoded, encoded, line_of, row_of

RECORDED = Path(__file__).parents[5].parent / "shared/fixtures/sap/rfc"
DATATYPES = {
    "RFCTYPE_CHAR": "CHAR",
    "RFCTYPE_NUM": "NUMC",
    "RFCTYPE_DATE": "DATS",
    "RFCTYPE_TIME": "TIMS",
    "RFCTYPE_BYTE": "RAW",
    "RFCTYPE_BCD": "DEC",
    "RFCTYPE_FLOAT": "FLTP",
    "RFCTYPE_INT": "INT4",
    "RFCTYPE_INT2": "INT2",
    "RFCTYPE_INT1": "INT1",
}


def recorded() -> list[dict]:
    found = [json.loads(path.read_text()) for path in sorted(RECORDED.glob("*.json"))]
    types = [one["type_description"] for each in found for one in each["parameters"] if one["type_description"]]
    return list({one["name"]: one for one in types}.values())


def test_fields_lie_where_a_real_system_has_them() -> None:
    structures = recorded()
    if not structures:
        pytest.skip(f"no recorded descriptions in {RECORDED.name}")
    for one in structures:
        fields = [(each["name"], type_of(each)) for each in one["fields"]]
        placed = [(field.name, field.offset, field.type.width) for field in laid_out(one["name"], fields).fields]
        assert placed == [(each["name"], each["uc_offset"], each["uc_length"]) for each in one["fields"]], one["name"]


def type_of(field: dict) -> Elementary:
    datatype = DATATYPES[field["field_type"]]
    width = field["nuc_length"]
    return Elementary(datatype, 2 * width - 1 if datatype == "DEC" else width, field["decimals"])


@pytest.mark.parametrize("name", ["RFCTEST", "BAPIRET2", "ORDER_VIEW", "SALES_KEY"])
def test_structures_of_its_own_are_the_recorded_ones(name: str) -> None:
    found = {one["name"]: one for one in recorded()}
    if not found:
        pytest.skip("no recorded descriptions")
    told = [(each["name"], each["uc_offset"], each["uc_length"]) for each in found[name]["fields"]]
    assert [(one.name, one.offset, one.type.width) for one in dictionary().structures[name].fields] == told


@pytest.mark.parametrize(("name", "width"), [("RFC_FUNINT", 402), ("RFC_FIELDS", 138), ("DFIES", 1350)])
def test_descriptions_have_the_width_that_clients_know(name: str, width: int) -> None:
    assert dictionary().structures[name].width == width


VALUES = {
    Elementary("CHAR", 5): st.text("aZä€7-", max_size=5),
    Elementary("NUMC", 4): st.from_regex(r"[0-9]{4}", fullmatch=True),
    Elementary("QUAN", 13, 3): st.decimals(-(10**9), 10**9, places=3),
    Elementary("INT1"): st.integers(0, 255),
    Elementary("INT2"): st.integers(-(1 << 15), (1 << 15) - 1),
    Elementary("INT4"): st.integers(-(1 << 31), (1 << 31) - 1),
    Elementary("FLTP", 16): st.floats(allow_nan=False),
    Elementary("RAW", 3): st.binary(min_size=3, max_size=3),
}


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(list(VALUES)).flatmap(lambda one: st.tuples(st.just(one), VALUES[one])))
def test_a_value_comes_back(case: tuple[Elementary, object]) -> None:
    type, value = case
    assert len(encoded(type, value)) == type.width
    assert decoded(type, encoded(type, value)) == value


def test_a_row_may_be_shorter_than_its_structure() -> None:
    structure = dictionary().structures["BAPIRET2"]
    assert line_of(structure, row_of(structure, {"TYPE": "E", "ROW": 3})[:1008])["SYSTEM"] == ""


def test_packed_numbers_have_their_sign_last() -> None:
    assert encoded(Elementary("CURR", 15, 2), Decimal("-800000.50")).hex() == "000000080000050d"
