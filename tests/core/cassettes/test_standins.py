"""A stand-in keeps its shape, says nothing, and is the same for the same value."""

from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from isthmus.core.cassettes.standins import StandIns, moment_of
from isthmus.core.connector import FieldFacts, FieldType

KEY = b"k" * 32
texts = st.text(min_size=1, max_size=60).filter(str.strip)


@given(texts)
def test_no_word_of_four_letters_stays(value: str) -> None:
    made = StandIns(KEY).text(value)
    words = {one.casefold() for one in "".join(c if c.isalnum() else " " for c in value).split() if len(one) > 3}
    kept = {one.casefold() for one in "".join(c if c.isalnum() else " " for c in made).split()}
    assert made.strip()
    assert not words & (kept - {"stand", "example", "https"})


@given(texts)
def test_equal_values_and_keys_give_equal_stand_ins_and_no_other_key_does(value: str) -> None:
    assert StandIns(KEY).text(value) == StandIns(KEY).text(value)
    name = f"{value} Mustermann Musterfrau"
    assert StandIns(KEY).text(name) != StandIns(b"l" * 32).text(name)


def test_a_mail_address_stays_one_and_leads_nowhere() -> None:
    made = StandIns(KEY).text("anna.mueller+x@mail.kunde.de")
    user, at, host = made.partition("@")
    assert (at, host.endswith(".example"), user.count("."), user.count("+")) == ("@", True, 1, 1)


def test_part_of_a_name_has_the_stand_in_that_it_has_in_the_whole() -> None:
    stand_ins = StandIns(KEY)
    assert stand_ins.text("Anna Mueller").split() == [stand_ins.text("Anna"), stand_ins.text("Mueller")]


@given(st.datetimes(min_value=datetime(1900, 1, 1), max_value=datetime(2100, 1, 1)))  # noqa: DTZ001 - text is made of it
def test_two_spellings_of_one_moment_get_the_same(moment: datetime) -> None:
    told = moment.replace(microsecond=0).isoformat()
    stand_ins = StandIns(KEY)
    one, other = stand_ins.text(f"{told}Z"), stand_ins.text(f"{told}.000+0000")
    assert moment_of(one) == moment_of(other) is not None
    assert (one[-1], other[-9:]) == ("Z", ".000+0000")


def test_numbers_keep_their_digits_and_choices_stay_choices() -> None:
    stand_ins = StandIns(KEY)
    assert len(str(stand_ins.number(48_211))) == 5
    assert isinstance(stand_ins.number(12.5), float)
    assert stand_ins.number(-7) < 0
    choice = FieldFacts("Gender", FieldType.CHOICE, choices=("female", "male", "diverse"))
    assert stand_ins.text("female", choice) in {"male", "diverse"}
    assert moment_of(stand_ins.text("1971-03-29")) is not None
    assert stand_ins.text("19710329", FieldFacts("Birthday", FieldType.DATE)).isdigit()


@given(st.lists(st.integers(0, 40), min_size=2, max_size=30, unique=True))
def test_different_values_have_different_stand_ins_where_there_are_enough(numbers: list[int]) -> None:
    stand_ins = StandIns(KEY)
    made = [stand_ins.text(f"Anna {number}") for number in numbers]
    assert len(set(made)) == len(made)


def test_days_and_moments_of_odata_keep_their_form_and_are_the_same_in_both_versions() -> None:
    stand_ins = StandIns(KEY)
    for old, new in (("/Date(38361600000)/", "1971-03-21"), ("/Date(38391300000+0000)/", "1971-03-21T08:15:00Z")):
        made = stand_ins.text(old)
        assert made != old
        assert (made[:6], made[-2:], "+0000" in made) == ("/Date(", ")/", "+0000" in old)
        assert moment_of(made) == moment_of(stand_ins.text(new))


def test_an_id_of_hexadecimal_digits_stays_one() -> None:
    made = StandIns(KEY).text("0e44c92412d34b01ace61e80a47aaf6d")
    assert (len(made), set(made) <= set("0123456789abcdef")) == (32, True)
    assert made != "0e44c92412d34b01ace61e80a47aaf6d"
