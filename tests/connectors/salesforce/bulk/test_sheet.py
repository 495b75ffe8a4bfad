"""Does CSV become exactly the values that it holds, whichever way it is read?"""

import csv
import io
from collections.abc import Sequence

import httpx2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from isthmus.connectors.salesforce.bulk.sheet import LINES, Columns, _Rows, _Shape, read_sheet, split_rows
from isthmus.core.connector import FieldType
from isthmus.core.errors import UpstreamError
from isthmus.core.http import Response
from isthmus.core.table import Table

NAMES = ("Id", "Name", "Account.Name")
TEXTS = Columns("Contact", NAMES, (FieldType.ID, FieldType.STRING, FieldType.TEXT))
KINDS = Columns(
    "Invoice__c",
    ("Id", "Paid__c", "Count__c", "Total__c", "Due__c"),
    (FieldType.ID, FieldType.BOOLEAN, FieldType.INTEGER, FieldType.NUMBER, FieldType.DATE),
)


def written(rows: Sequence[Sequence[str]], *, quoting: int = csv.QUOTE_ALL, ending: str = "\n") -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator=ending, quoting=quoting).writerows(rows)  # type: ignore[arg-type]
    return text.getvalue().encode()


def read(body: bytes, columns: Columns = TEXTS, *, headed: bool = True) -> Table:
    return read_sheet(Response(200, httpx2.Headers({"content-type": "text/csv"}), body), columns, headed=headed)


def values(table: Table) -> list[list[object]]:
    return [list(row.fields.values()) for row in table]


TRICKY = ('"', '""', ",", '","', ',"",', "\n", '"\n"', "\r\n", "\\", '\\"', "\\n", "],[", '"],["', "null", "\t", "ü€😀")


@given(
    st.lists(st.tuples(*[st.lists(st.sampled_from([*TRICKY, "a", " "]), max_size=4).map("".join)] * 2), min_size=1),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL]),
)
def test_reads_what_was_written(found: list[tuple[str, str]], ending: str, quoting: int) -> None:
    rows = [[f"003{at:012d}AAA", *row] for at, row in enumerate(found)]
    table = read(written([list(NAMES), *rows], ending=ending, quoting=quoting))
    assert values(table) == [[value or None for value in row] for row in rows]
    empty = {path for at, path in enumerate(NAMES) if not any(row[at] for row in rows)}
    assert table.empty() == empty


@given(st.lists(st.sampled_from([*TRICKY, "a"]), max_size=4).map("".join))
def test_an_only_column_is_read_as_written(text: str) -> None:
    only = Columns("Contact", ("Name",), (FieldType.STRING,))
    body = written([[text], ["b"]])
    for care in range(LINES + 1):
        told = _Shape(only, {}).decoded(_Rows(body, 0), care)
        assert told is None or list(told.column("Name")) == [text or None, "b"]


def test_plain_pages_take_the_short_way() -> None:
    rows = [["003000000000001AAA", "Anna \\ Berger", ""], ["003000000000002AAA", "zwei\nZeilen", "x"]]
    told = _Shape(TEXTS, {}).decoded(_Rows(written(rows), 0), LINES)
    assert told is not None
    assert values(told) == [[value or None for value in row] for row in rows]


@pytest.mark.parametrize("quoting", [csv.QUOTE_ALL, csv.QUOTE_MINIMAL])
def test_values_have_the_type_of_their_field(quoting: int) -> None:
    rows = [
        ["a01000000000001AAA", "true", "12", "1.5E3", "2026-10-01"],
        ["a01000000000002AAA", "false", "-3", "0.1", ""],
        ["a01000000000003AAA", "", "", "", "2026-10-02"],
    ]
    told = values(read(written([KINDS.paths, *rows], quoting=quoting), KINDS))
    assert told == [
        ["a01000000000001AAA", True, 12, 1500.0, "2026-10-01"],
        ["a01000000000002AAA", False, -3, 0.1, None],
        ["a01000000000003AAA", None, None, None, "2026-10-02"],
    ]
    assert [type(value) for value in told[0]] == [str, bool, int, float, str]


def test_columns_are_found_by_name_in_any_letter_case() -> None:
    told = read(written([["account.name", "ID", "name"], ["Kessmar", "003000000000001AAA", "Anna"]]))
    assert values(told) == [["003000000000001AAA", "Anna", "Kessmar"]]


def test_a_later_page_may_come_without_a_header() -> None:
    rows = [["003000000000001AAA", "Anna", "Kessmar"], ["003000000000002AAA", "Ben", ""]]
    assert values(read(written(rows), headed=False)) == [[value or None for value in row] for row in rows]
    assert values(read(written([NAMES, *rows]), headed=False)) == [[value or None for value in row] for row in rows]
    with pytest.raises(UpstreamError, match="another shape"):
        read(written(rows))


@pytest.mark.parametrize(
    "body",
    [
        b'"Id","Name"\n"003000000000001AAA","Anna"\n',
        b'"Id","Name","Phone"\n"003000000000001AAA","Anna","1"\n',
        b'"Id","Name","Account.Name"\n"003000000000001AAA","Anna"\n',
        b'"Id","Name","Account.Name"\n"","Anna","x"\n',
        b'"Id","Name","Account.Name"\n"003000000000001AAA","An\xff","x"\n',
        b'"Id","Name","Account.Name"\n"003000000000001AAA","Anna","x\n',
        b"<html>",
        b"",
    ],
)
def test_other_csv_than_was_asked_for_is_not_used(body: bytes) -> None:
    with pytest.raises(UpstreamError, match="another shape"):
        read(body)


@pytest.mark.parametrize("cell", ["nan", "inf", "x", "1e999"])
def test_a_number_that_is_none_is_not_used(cell: str) -> None:
    row = ["a01000000000001AAA", "true", "12", cell, "2026-10-01"]
    with pytest.raises(UpstreamError, match="another shape"):
        read(written([KINDS.paths, row]), KINDS)


def test_a_page_that_is_too_heavy_is_not_read() -> None:
    body = b'"Id","Name","Account.Name"\n' + b'"003000000000001AAA","Anna","x"\n' * 400_000
    with pytest.raises(UpstreamError, match="fewer records at a time"):
        read(body)


def test_no_rows_are_no_rows() -> None:
    assert values(read(written([NAMES]))) == []
    assert split_rows(b"") == []


def test_what_is_usual_in_a_column_is_no_bound_for_what_comes() -> None:
    paths = ("Id", "City", "Phone", "Title")
    columns = Columns("Contact", paths, (FieldType.ID, FieldType.STRING, FieldType.STRING, FieldType.STRING))

    def page(first: int, cities: Sequence[str], title: str = "Head") -> list[list[str]]:
        return [[f"003{at:012d}AAA", cities[at % len(cities)], str(at), title] for at in range(first, first + 120)]

    pages = [page(0, ["Berlin", "Paris"]), page(120, ["Berlin", "Lyon"]), page(240, [f"C{at}" for at in range(40)])]
    pages += [page(360, ["Berlin", ""]), page(480, ["Rom"], "Chief"), page(600, ["Rom"], "")] + [
        page(720 + 120 * at, [f"{at}"]) for at in range(8)
    ]
    for rows in pages:
        table = read(written([paths, *rows]), columns)
        assert values(table) == [[value or None for value in row] for row in rows]
        assert all(set(table.column(path)) == {text} for path, text in table.always.items())


def test_what_is_missing_in_one_row_is_not_the_same_in_all() -> None:
    columns = Columns("Contact", ("Id", "Title"), (FieldType.ID, FieldType.STRING))
    rows = [[f"003{at:012d}AAA", "Head"] for at in range(120)]
    assert read(written([columns.paths, *rows]), columns).always == {}
    assert read(written([columns.paths, *rows]), columns).always == {"Title": "Head"}
    rows[7][1] = ""
    table = read(written([columns.paths, *rows]), columns)
    assert (dict(table.always), table[7].fields["Title"]) == ({}, None)
