import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.plugins.sandbox.salesforce.bulk.csv_text import DELIMITERS, LINE_ENDINGS, CsvError, Dialect

# The reader takes a NUL for the end of a text in some versions of Python; no CSV holds one.
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
NAMES = st.lists(st.text("abcXYZ_.", min_size=1), min_size=1, max_size=4)


@given(
    names=NAMES,
    data=st.data(),
    delimiter=st.sampled_from(sorted(DELIMITERS)),
    ending=st.sampled_from(sorted(LINE_ENDINGS)),
)
def test_what_is_written_is_read_back(names: list[str], data: st.DataObject, delimiter: str, ending: str) -> None:
    rows = data.draw(st.lists(st.lists(TEXT, min_size=len(names), max_size=len(names)), max_size=4))
    dialect = Dialect(delimiter, ending)
    assert dialect.read(dialect.write([names, *rows])) == (names, rows)


@given(st.binary())
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    try:
        header, rows = Dialect().read(body)
    except CsvError:
        return
    assert all(len(row) == len(header) for row in rows)


def test_a_mark_of_byte_order_is_no_part_of_the_first_name() -> None:
    assert Dialect().read(b"\xef\xbb\xbfId\nx\n") == (["Id"], [["x"]])


@pytest.mark.parametrize(("ending", "text"), [("LF", b"A\r\n1\r\n"), ("CRLF", b"A\n1\n")])
def test_the_wrong_line_ending_is_named(ending: str, text: bytes) -> None:
    with pytest.raises(CsvError, match=f"LineEnding setting is {ending}"):
        Dialect(line_ending=ending).read(text)
