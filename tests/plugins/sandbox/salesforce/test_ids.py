from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox.salesforce.ids import mint, normalise, suffix

ID15 = st.text("ABCxyz0189", min_size=15, max_size=15)


@given(ID15)
def test_fifteen_characters_grow_to_eighteen(short: str) -> None:
    assert normalise(short) == short + suffix(short)


@given(ID15)
def test_eighteen_characters_survive_a_change_of_case(short: str) -> None:
    full = short + suffix(short)
    assert normalise(full.lower()) == normalise(full.upper()) == full


def test_knows_the_suffix_of_a_published_id() -> None:
    assert normalise("00D000000000001") == "00D000000000001EAA"


def test_refuses_what_is_no_id() -> None:
    assert normalise("23foo") is None
    assert normalise("001000000000001AA") is None
    assert normalise("001000000000001!!!") is None
    assert normalise("001000000000001BAA") is None


@given(st.integers(1, 10**9), st.integers(1, 10**9))
def test_no_two_records_share_an_id(one: int, two: int) -> None:
    assert (mint("001", "8d", one) == mint("001", "8d", two)) is (one == two)
