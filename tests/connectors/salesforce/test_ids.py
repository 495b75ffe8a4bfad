"""Is an id told from a text that only looks like one?"""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.salesforce.ids import checked_id, full_id, is_id
from isthmus.core.errors import InvalidArguments


@pytest.mark.parametrize(
    ("short", "full"),
    [
        ("001xx000003DGb2", "001xx000003DGb2AAG"),
        ("000000000000000", "000000000000000AAA"),
        ("ABCDEFGHIJKLMNO", "ABCDEFGHIJKLMNO555"),
    ],
)
def test_completes_a_short_id(short: str, full: str) -> None:
    assert full_id(short) == full
    assert full_id(full) == full
    assert checked_id(short) == short
    assert checked_id(full) == full


@pytest.mark.parametrize(
    "text", ["", "a", "001xx000003DGb", "001xx000003DGb2A", "001xx000003DGb2 AG", "001xx000003DGb²"]
)
def test_refuses_what_is_no_id(text: str) -> None:
    assert not is_id(text)
    with pytest.raises(InvalidArguments, match="no Salesforce id"):
        checked_id(text)


@given(st.text("abcxyzABCXYZ0189", min_size=15, max_size=15), st.integers(0, 14))
def test_a_letter_of_the_wrong_case_is_noticed(short: str, place: int) -> None:
    changed = short[:place] + short[place].swapcase() + short[place + 1 :]
    if changed == short:
        return
    with pytest.raises(InvalidArguments, match="do not fit"):
        checked_id(changed + full_id(short)[15:])
