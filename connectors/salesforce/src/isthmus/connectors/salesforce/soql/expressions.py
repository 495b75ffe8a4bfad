"""Which field, function or literal does a piece of SOQL text name?"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, datetime, time
from typing import get_args

from .ast import Aliased, Call, Expression, FieldRef, Fields, FieldsKind
from .literals import (
    Boolean,
    Currency,
    Date,
    DateLiteral,
    DateTime,
    Literal,
    Null,
    Number,
    Pattern,
    Text,
    Time,
    unquote,
)
from .names import COUNTED_DATE_LITERALS, DATE_LITERALS, FUNCTIONS, NO_ALIAS, SoqlError
from .tokens import Cursor, Token

_CURRENCY = re.compile(r"([A-Za-z]{3})([0-9]+)")
_KEYWORD_LITERALS: dict[str, Literal] = {"TRUE": Boolean(value=True), "FALSE": Boolean(value=False), "NULL": Null()}

Scope = frozenset[str]
"""The lower-case names that mean the object being queried: its own, and its alias."""


@contextmanager
def located(token: Token) -> Iterator[None]:
    """Give the refusals of nodes built inside the place of the text they came from."""
    try:
        yield
    except SoqlError as error:
        if error.position is not None:
            raise
        raise SoqlError(error.message, token.position) from None


def parse_path(cursor: Cursor) -> tuple[str, ...]:
    """Read dotted names."""
    parts = [cursor.name().text]
    while cursor.accept_sign("."):
        parts.append(cursor.name().text)
    return tuple(parts)


def parse_field(cursor: Cursor, scope: Scope) -> FieldRef:
    """Read a field path and leave out the prefix that only names the object being queried."""
    start = cursor.token
    path = parse_path(cursor)
    with located(start):
        return FieldRef(path[1:] if len(path) > 1 and path[0].lower() in scope else path)


def parse_expression(cursor: Cursor, scope: Scope) -> Expression:
    """Read a field or a function call."""
    if cursor.following.text == "(":
        return parse_call(cursor, scope)
    return parse_field(cursor, scope)


def parse_call(cursor: Cursor, scope: Scope) -> Call:
    """Read a function call."""
    start = cursor.name()
    name = FUNCTIONS.get(start.text.upper())
    if name is None:
        known = ", ".join(FUNCTIONS.values())
        raise SoqlError(f"{start.shown()} is not a SOQL function; the functions are {known}.", start.position)
    cursor.open_group()
    arguments: list[FieldRef | Call | Literal] = []
    while not cursor.at_sign(")"):
        arguments.append(_parse_argument(cursor, scope))
        if not cursor.accept_sign(","):
            break
    cursor.close_group()
    with located(start):
        return Call(name, tuple(arguments))


def _parse_argument(cursor: Cursor, scope: Scope) -> FieldRef | Call | Literal:
    if cursor.at_word("DISTINCT"):
        raise SoqlError("SOQL has no DISTINCT; use COUNT_DISTINCT(field).", cursor.token.position)
    return parse_expression(cursor, scope) if cursor.token.kind == "word" else parse_literal(cursor)


def parse_fields(cursor: Cursor) -> Fields:
    """Read FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""
    cursor.expect_word("FIELDS")
    cursor.open_group()
    word = cursor.expect_word("ALL", "STANDARD", "CUSTOM")
    cursor.close_group()
    kind: FieldsKind = next(kind for kind in get_args(FieldsKind) if kind == word)
    return Fields(kind)


def parse_selected(cursor: Cursor, scope: Scope) -> FieldRef | Call | Aliased:
    """Read a selected expression and its alias, if it has one."""
    if cursor.at_word("DISTINCT"):
        raise SoqlError("SOQL has no DISTINCT; use GROUP BY.", cursor.token.position)
    expression = parse_expression(cursor, scope)
    alias = parse_alias(cursor)
    return expression if alias is None else Aliased(expression, alias)


def parse_alias(cursor: Cursor) -> str | None:
    """Read an alias if the next word is none of the words that continue a query."""
    if cursor.at_word("AS"):
        raise SoqlError("SOQL has no AS; write the alias alone.", cursor.token.position)
    if cursor.token.kind != "word" or cursor.token.text.upper() in NO_ALIAS:
        return None
    with located(cursor.token):
        return cursor.take().text


def parse_literal(cursor: Cursor) -> Literal:
    """Read one value; bind variables, lists and other fields are refused."""
    token = cursor.take()
    with located(token):
        match token.kind:
            case "string":
                return Text(unquote(token.text[1:-1], token.position + 1))
            case "number":
                return Number(token.text)
            case "date" | "datetime" | "time":
                return _dated(token)
            case "word":
                return _worded(cursor, token)
            case "sign" if token.text == ":":
                raise SoqlError("Bind variables are not sent; write the value itself.")
            case "sign" if token.text == "(":
                raise SoqlError("A list follows only IN, NOT IN, INCLUDES or EXCLUDES; use one of them.")
            case _:
                raise SoqlError(f"Expected a value, found {token.shown()}; correct the query here.")


def parse_pattern(cursor: Cursor) -> Pattern:
    """Read the string after LIKE."""
    token = cursor.take()
    if token.kind != "string":
        raise SoqlError("LIKE takes one string between single quotes; write it here.", token.position)
    with located(token):
        return Pattern(unquote(token.text[1:-1], token.position + 1, like=True))


def _dated(token: Token) -> Literal:
    try:
        match token.kind:
            case "date":
                return Date(date.fromisoformat(token.text))
            case "time":
                return Time(time.fromisoformat(token.text.removesuffix("Z")))
            case _:
                return DateTime(datetime.fromisoformat(token.text))
    except SoqlError:
        raise
    except ValueError:
        raise SoqlError(f"This {token.kind} is not in the calendar; correct it.") from None


def _worded(cursor: Cursor, token: Token) -> Literal:
    word = token.text.upper()
    if word in _KEYWORD_LITERALS:
        return _KEYWORD_LITERALS[word]
    if word in DATE_LITERALS:
        return DateLiteral(word)
    if word in COUNTED_DATE_LITERALS:
        cursor.expect_sign(":")
        return DateLiteral(word, _count(cursor))
    if money := _CURRENCY.fullmatch(token.text):
        return Currency(money[1].upper(), money[2] + _cents(cursor, token))
    raise SoqlError(f"{token.shown()} is not a value; put text between single quotes (fields are not compared).")


def _cents(cursor: Cursor, token: Token) -> str:
    """Read the decimals that follow an amount without a gap; the tokens part before the dot."""
    adjacent = cursor.token.position == token.position + len(token.text)
    return cursor.take().text if adjacent and cursor.token.text.startswith(".") else ""


def _count(cursor: Cursor) -> int:
    token = cursor.take()
    if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 6:
        raise SoqlError("A date literal counts with a whole number, such as LAST_N_DAYS:30.", token.position)
    return int(token.text)


def parse_row_count(cursor: Cursor) -> int:
    """Read the number after LIMIT or OFFSET."""
    token = cursor.take()
    if token.text == ":":
        raise SoqlError("Bind variables are not sent; write the number itself.", token.position)
    if token.kind != "number" or not token.text.isdecimal() or len(token.text) > 10:
        raise SoqlError("LIMIT and OFFSET take a whole number; write it in digits.", token.position)
    return int(token.text)
