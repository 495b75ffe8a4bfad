"""Does every value stay one literal of equal value, judged by a tokenizer that shares nothing with ours?"""

from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from isthmus.connectors.salesforce.soql import (
    Comparison,
    Currency,
    Date,
    DateLiteral,
    DateTime,
    FieldRef,
    In,
    Like,
    Number,
    Pattern,
    Select,
    SoqlError,
    Text,
    Time,
    escape_search_term,
    like_pattern,
    literal,
    parse,
    quote,
    render,
)

ID, NAME = FieldRef(("Id",)), FieldRef(("Name",))
ANY_TEXT = st.text(st.characters(exclude_categories=["Cs"]))
HOSTILE = [
    "",
    "test\\' OR Name != null",
    "' OR Name != null OR Name = '",
    "\\",
    "\\\\'",
    "'' or 1 eq 1",
    "O'Neil",
    'say "hi"',
    "two\nlines\r\n\tand a tab",
    "\x00",
    "a\x00' OR Id != null",
    "\b\f\x07\x1b\x7f\x85",
    "\u2018smart\u2019 \u201cquotes\u201d",
    "\uff07 \u02bc \u2032",
    "\u2028\u2029\ufeff",
    "100% _sure_ \\% \\_",
    "\\u0027 OR Name != null",
    "\U0001f600",
    "' FOR UPDATE",
    "-- /* // ;",
]

# The vendor's "Quoted String Escape Sequences", read character by character.
PLAIN_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f", '"': '"', "'": "'", "\\": "\\"}


def vendor_string(text, start, like):
    """Return the characters of the literal that opens at `start`, wildcards marked, and the index behind it."""
    assert text[start] == "'"
    found, index = [], start + 1
    while text[index] != "'":
        if text[index] != "\\":
            found.append(("any" if like and text[index] in "%_" else "char", text[index]))
            index += 1
        elif text[index + 1] == "u":
            found.append(("char", chr(int(text[index + 2 : index + 6], 16))))
            index += 6
        elif like and text[index + 1] in "%_":
            found.append(("char", text[index + 1]))
            index += 2
        else:
            found.append(("char", PLAIN_ESCAPES[text[index + 1].lower()]))
            index += 2
    return found, index + 1


def vendor_tokens(text):
    """Return words, signs and string literals; a KeyError, IndexError or AssertionError is a broken statement."""
    tokens, index = [], 0
    while index < len(text):
        character = text[index]
        if character == " ":
            index += 1
        elif character == "'":
            found, index = vendor_string(text, index, like=bool(tokens) and tokens[-1] == "LIKE")
            tokens.append(found)
        elif character.isascii() and character.isalnum():
            end = index
            while end < len(text) and text[end].isascii() and (text[end].isalnum() or text[end] == "_"):
                end += 1
            tokens.append(text[index:end])
            index = end
        else:
            assert character in "=!<>(),."
            tokens.append(character)
            index += 1
    return tokens


def characters(text):
    return [("char", character) for character in text]


def check_one_literal(text):
    head = ["SELECT", "Id", "FROM", "Account", "WHERE", "Name"]
    equal = Select((ID,), "Account", where=Comparison(NAME, "=", Text(text)))
    assert vendor_tokens(render(equal)) == [*head, "=", characters(text)]
    assert parse(render(equal)) == equal
    listed = Select((ID,), "Account", where=In(NAME, (Text(text), Text("x"), Text(text))))
    values = ["(", characters(text), ",", characters("x"), ",", characters(text), ")"]
    assert vendor_tokens(render(listed)) == [*head, "IN", *values]
    wildcard = ("any", "%")
    for kind, wanted in (
        ("contains", [wildcard, *characters(text), wildcard]),
        ("starts_with", [*characters(text), wildcard]),
        ("ends_with", [wildcard, *characters(text)]),
    ):
        like = Select((ID,), "Account", where=Like(NAME, like_pattern(text, kind)))
        assert vendor_tokens(render(like)) == [*head, "LIKE", wanted]
        assert parse(render(like)) == like


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_stays_one_literal(text):
    check_one_literal(text)


@settings(max_examples=200, deadline=None)
@given(ANY_TEXT | st.text(st.sampled_from("\\'\"%_uU0027nN\n\x00;-* O")))
def test_any_text_stays_one_literal(text):
    check_one_literal(text)


@pytest.mark.soak
@pytest.mark.timeout(900)
@settings(max_examples=10_000, deadline=None)
@given(ANY_TEXT | st.text(st.sampled_from("\\'\"%_uU0027nN\n\x00;-* O")))
def test_any_text_stays_one_literal_over_many_examples(text):
    check_one_literal(text)


@pytest.mark.parametrize("text", ["\ud800", "a\udfffb", "\udc00\ud800"])
def test_a_lone_surrogate_is_refused_everywhere(text):
    for build in (Text, Pattern, quote, escape_search_term, literal):
        with pytest.raises(SoqlError, match="surrogate"):
            build(text)
    with pytest.raises(SoqlError, match="surrogate") as caught:
        parse(f"SELECT Id FROM A WHERE N = '{text}'")
    assert caught.value.position is not None


def test_escapes_are_read_as_the_vendor_reads_them():
    text = r"SELECT Id FROM A WHERE N = '\n\N\r\R\t\T\b\B\f\F\"\'\\\u00e9\uD83D\uDE00'"
    assert parse(text).where.right == Text("\n\n\r\r\t\t\b\b\f\f\"'\\\u00e9\U0001f600")


@pytest.mark.parametrize(
    "body", [r"\q", r"\%", r"\_", r"\u12", r"\U0041", r"\ud83d", r"\ud83dx", "\\\n", r"\0", r"\x41"]
)
def test_a_bad_escape_is_refused_with_its_place(body):
    with pytest.raises(SoqlError) as caught:
        parse(f"SELECT Id FROM A WHERE N = '{body}'")
    assert caught.value.position == 28


def test_like_keeps_wildcards_and_characters_apart():
    where = parse(r"SELECT Id FROM A WHERE N LIKE '%50\%\_\\\'_'").where
    assert where.pattern == Pattern(r"%50\%\_\\'_")
    with pytest.raises(SoqlError, match="backslash"):
        Pattern("ends with \\")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "NULL"),
        (True, "TRUE"),
        (False, "FALSE"),
        (0, "0"),
        (-7, "-7"),
        (1e16, "10000000000000000"),
        (1e-7, "0.0000001"),
        (0.1, "0.1"),
        (Decimal("1.50"), "1.50"),
        (Decimal("1E+3"), "1000"),
        (date(2026, 1, 31), "2026-01-31"),
        (time(8, 0, 0, 5000), "08:00:00.005Z"),
        (datetime(2026, 1, 1, tzinfo=UTC), "2026-01-01T00:00:00Z"),
        (datetime(2026, 1, 1, 0, 0, 0, 120_000, tzinfo=timezone(timedelta(hours=2))), "2025-12-31T22:00:00.120Z"),
        ("O'Neil", r"'O\'Neil'"),
    ],
)
def test_values_are_written_unquoted_and_exact(value, text):
    select = Select((ID,), "A", where=Comparison(NAME, "=", literal(value)))
    assert render(select) == f"SELECT Id FROM A WHERE Name = {text}"
    assert parse(render(select)) == select


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        Decimal("NaN"),
        Decimal("1E+999999"),
        pytest.param(10**5000, id="5001 digits"),
        datetime(2026, 1, 1),  # noqa: DTZ001
        datetime.max.replace(tzinfo=timezone(timedelta(hours=-2))),
        datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC),
        time(8, tzinfo=UTC),
        b"bytes",
        ["a"],
    ],
)
def test_values_without_an_exact_literal_are_refused(value):
    with pytest.raises(SoqlError):
        literal(value)


@pytest.mark.parametrize(
    "build",
    [
        lambda: Number("1 OR 1"),
        lambda: Number("1\n"),
        lambda: Number("1e5"),
        lambda: Number("\u0661"),
        lambda: Currency("usd", "5"),
        lambda: Currency("USD", "5 OR"),
        lambda: DateLiteral("TODAY OR Id"),
        lambda: DateLiteral("TODAY", 5),
        lambda: DateLiteral("LAST_N_DAYS"),
        lambda: DateLiteral("LAST_N_DAYS", -1),
    ],
)
def test_typed_literals_hold_nothing_else(build):
    with pytest.raises(SoqlError):
        build()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("today", DateLiteral("TODAY")),
        ("LAST_N_DAYS:30", DateLiteral("LAST_N_DAYS", 30)),
        ("n_fiscal_quarters_ago:2", DateLiteral("N_FISCAL_QUARTERS_AGO", 2)),
        ("USD5000", Currency("USD", "5000")),
        ("eur12.50", Currency("EUR", "12.50")),
        ("+1.0", Number("+1.0")),
        ("2026-02-28", Date(date(2026, 2, 28))),
        ("2026-01-01T00:00:00.000+0000", DateTime(datetime(2026, 1, 1, tzinfo=UTC))),
        ("2026-01-01T02:00:00+02:00", DateTime(datetime(2026, 1, 1, tzinfo=UTC))),
        ("10:15:00.000Z", Time(time(10, 15))),
    ],
)
def test_typed_literals_are_read(text, value):
    assert parse(f"SELECT Id FROM A WHERE F = {text}").where == Comparison(FieldRef(("F",)), "=", value)


@pytest.mark.parametrize(
    "text",
    [
        "2026-02-30",
        "0000-01-01",
        "2026-01-01T00:00:00",
        "2026-01-01T00:00:00 00:00",
        "2026-01-01T25:00:00Z",
        "2026-01-01T00:00:00+99:00",
        "0001-01-01T00:00:00+05:00",
        "1e5",
        ".5",
        "0x10",
        "USD",
        "USD5000 .5",
        "LAST_N_DAYS",
        "LAST_N_DAYS:-1",
        "LAST_N_DAYS:1.5",
        "LAST_N_DAYS::x",
        "TODAY:5",
        "Other__c",
        "('a')",
    ],
)
def test_what_is_no_value_is_refused(text):
    with pytest.raises(SoqlError) as caught:
        parse(f"SELECT Id FROM A WHERE F = {text}")
    assert caught.value.position is not None


def test_search_terms_hold_words_only():
    assert escape_search_term('R&D {x} "y" -z') == r"R\&D \{x\} \"y\" \-z"
    assert escape_search_term("salt and  Pepper\nOR not") == 'salt "and" Pepper "OR" "not"'
    assert escape_search_term("android Norman") == "android Norman"
    for refused in ("", " a ", "a\x00b"):
        with pytest.raises(SoqlError):
            escape_search_term(refused)


@settings(max_examples=200, deadline=None)
@given(st.text(st.sampled_from("?&|!{}[]()^~*:\\\"'+- abAND")))
def test_no_reserved_character_of_a_search_term_stays_bare(text):
    try:
        escaped = escape_search_term(text)
    except SoqlError:
        return
    for word in escaped.split():
        bare = word.removeprefix('"').removesuffix('"') if word.strip('"').lower() in {"and", "or", "not"} else word
        index = 0
        while index < len(bare):
            assert bare[index] == "\\" or bare[index] not in "?&|!{}[]()^~*:\"'+-"
            index += 2 if bare[index] == "\\" else 1
        assert index == len(bare)
        assert bare.lower() not in {"and", "or", "not"} or bare != word
