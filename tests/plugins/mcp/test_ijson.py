"""Is every message that two parsers could read differently refused, and every other one let through?"""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.mcp.ijson import fault

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)


def has_twins(value: object) -> bool:
    match value:
        case dict():
            return len({name.casefold() for name in value}) < len(value) or any(map(has_twins, value.values()))
        case list():
            return any(map(has_twins, value))
        case _:
            return False


@given(VALUES, st.booleans())
def test_lets_through_what_has_one_reading(value: object, escaped: bool) -> None:
    assert (fault(json.dumps(value, ensure_ascii=escaped).encode()) is not None) == has_twins(value)


@pytest.mark.parametrize(
    "message",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"\\u0061":1}',
        b'{"a":1,"A":1}',
        b'[{"x":{"id":1,"ID":2}}]',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'"\\ud83d"',
        b'"\\uDE00\\uD83D"',
        b'\xff"a"',
        b"{",
        b"",
        b"1" * 5000,
    ],
)
def test_refuses_what_has_two(message: bytes) -> None:
    assert fault(message) is not None


def test_takes_a_whole_surrogate_pair() -> None:
    assert fault(b'"\\ud83d\\ude00"') is None
