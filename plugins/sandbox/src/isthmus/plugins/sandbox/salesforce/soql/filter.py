"""Which rows does a condition let through?"""

import operator
import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Final, TypeAlias, cast

from isthmus.plugins.sandbox.clock import stamp
from isthmus.plugins.sandbox.salesforce.ids import normalise
from isthmus.plugins.sandbox.salesforce.schema import NUMERIC, TEXTUAL, Field
from isthmus.plugins.sandbox.salesforce.store import Row, Value

from .periods import Calendar
from .syntax import Call, Comparison, Condition, Literal, Logical, Not, Operand, Query, SoqlError, malformed
from .tokens import like_expression, unescape
from .values import Column, Getter

Predicate: TypeAlias = Callable[[Row], bool]
Key: TypeAlias = str | float | bool

_ORDERINGS: Final[dict[str, Callable[[Key, Key], bool]]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Filter:
    """Turn the conditions of one statement into tests on rows."""

    def __init__(
        self,
        resolve: Callable[[Operand], Column],
        members: Callable[[Query, Column], frozenset[str]],
        calendar: Calendar,
    ) -> None:
        self._resolve = resolve
        self._members = members
        self._calendar = calendar

    def test(self, condition: Condition) -> Predicate:
        """Return the test that a row must pass; raises SoqlError where the condition makes no sense."""
        if isinstance(condition, Not):
            inner = self.test(condition.term)
            return lambda row: not inner(row)
        if isinstance(condition, Logical):
            tests = [self.test(term) for term in condition.terms]
            if condition.operator == "AND":
                return lambda row: all(test(row) for test in tests)
            return lambda row: any(test(row) for test in tests)
        return self._comparison(condition)

    def _comparison(self, comparison: Comparison) -> Predicate:
        column = self._resolve(comparison.operand)
        if isinstance(comparison.operand, Call):
            _check_function(comparison.operand, comparison)
        if not column.field.filterable:
            message = f"field '{column.field.name}' can not be filtered in a query call"
            raise SoqlError("INVALID_FIELD", message, comparison.operand.at)
        if isinstance(comparison.value, Query):
            return _membership(column.get, self._members(comparison.value, column), comparison.operator == "IN")
        if isinstance(comparison.value, tuple):
            return self._listed(column, comparison.operator, comparison.value)
        return self._single(column, comparison.operator, comparison.value)

    def _listed(self, column: Column, sign: str, literals: tuple[Literal, ...]) -> Predicate:
        if sign in ("INCLUDES", "EXCLUDES"):
            return _choices(column, literals, wanted=sign == "INCLUDES")
        keys = [key_of(column.field, literal) for literal in literals]
        wanted, has_null = frozenset(key for key in keys if key is not None), None in keys
        get, fold = column.get, folder(column.field)

        def inside(row: Row) -> bool:
            value = get(row)
            return has_null if value is None else fold(value) in wanted

        return inside if sign == "IN" else lambda row: not inside(row)

    def _single(self, column: Column, sign: str, literal: Literal) -> Predicate:
        if sign == "LIKE":
            return _like(column, literal)
        if literal.kind == "period":
            return self._period(column, sign, literal)
        key, get, fold = key_of(column.field, literal), column.get, folder(column.field)
        if sign in ("=", "!="):
            if key is None:
                return (lambda row: get(row) is None) if sign == "=" else (lambda row: get(row) is not None)

            def equal(row: Row) -> bool:
                value = get(row)
                return value is not None and fold(value) == key

            return equal if sign == "=" else lambda row: not equal(row)
        return self._ordered(column, sign, literal, key)

    def _ordered(self, column: Column, sign: str, literal: Literal, key: Key | None) -> Predicate:
        if column.field.type in ("boolean", "reference", "multipicklist"):
            message = f"invalid operator '{sign}' on {column.field.type} field '{column.field.name}'"
            raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", message, literal.at)
        if key is None:
            return lambda _: False
        get, fold, compare = column.get, folder(column.field), _ORDERINGS[sign]
        bound: Key = key

        def ordered(row: Row) -> bool:
            value = get(row)
            return value is not None and compare(fold(value), bound)

        return ordered

    def _period_of(self, literal: Literal) -> tuple[date, date]:
        try:
            return self._calendar.stretch(literal)
        except (ValueError, OverflowError):
            raise malformed(f"invalid date: {literal.text}:{literal.number}", literal.at) from None

    def _period(self, column: Column, sign: str, literal: Literal) -> Predicate:
        kind = column.field.type
        if kind not in ("date", "datetime"):
            raise _wrong_type(column.field, literal)
        first, after = (each.isoformat() for each in self._period_of(literal))
        if kind == "datetime":
            first, after = f"{first}T00:00:00.000+0000", f"{after}T00:00:00.000+0000"
        get = column.get

        def value_of(row: Row) -> str | None:
            value = get(row)
            return None if value is None else str(value)

        tests: dict[str, Callable[[str], bool]] = {
            "=": lambda value: first <= value < after,
            "!=": lambda value: not first <= value < after,
            "<": lambda value: value < first,
            "<=": lambda value: value < after,
            ">": lambda value: value >= after,
            ">=": lambda value: value >= first,
        }
        test = tests[sign]

        def within(row: Row) -> bool:
            value = value_of(row)
            return sign == "!=" if value is None else test(value)

        return within


def _check_function(call: Call, comparison: Comparison) -> None:
    """Refuse what the functions cannot do in a condition (SOQL and SOSL Reference: "Date Functions", "Location")."""
    if call.function in ("FORMAT", "CONVERTCURRENCY"):
        raise malformed(f"{call.name} is not allowed in a condition", call.at)
    if call.function == "DISTANCE" and comparison.operator not in ("<", "<=", ">", ">="):
        raise malformed("DISTANCE can only be compared by < and >", call.at)
    if isinstance(comparison.value, Literal) and comparison.value.kind == "period":
        raise malformed(f"unexpected token: '{comparison.value.text}'", comparison.value.at)


def folder(field: Field) -> Callable[[Value], Key]:
    """Return how a stored value is brought into the form in which it is compared."""
    if field.type in TEXTUAL and not field.case_sensitive:
        return lambda value: str(value).casefold()
    if field.type in NUMERIC:
        return cast("Callable[[Value], Key]", float)
    if field.type == "boolean":
        return bool
    return str


def key_of(field: Field, literal: Literal) -> Key | None:
    """Return what a literal is compared as, None for null; raises SoqlError where it does not fit the field."""
    if literal.kind == "null":
        return None
    kind = field.type
    if literal.kind == "string":
        text = unescape(literal.text, literal.at)
        if kind in TEXTUAL:
            return (text if field.case_sensitive else text.casefold()) or None
        if kind in ("id", "reference"):
            return _id_key(text, literal)
    elif (literal.kind == "number" and kind in NUMERIC) or (literal.kind == "boolean" and kind == "boolean"):
        return literal.text == "TRUE" if kind == "boolean" else float(literal.text)
    elif literal.kind == kind and kind in ("date", "datetime"):
        return _moment_key(literal)
    raise _wrong_type(field, literal)


def _id_key(text: str, literal: Literal) -> str | None:
    if not text:
        return None
    key = normalise(text)
    if key is None:
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", f"invalid ID field: {text}", literal.at)
    return key


def _moment_key(literal: Literal) -> str:
    try:
        if literal.kind == "date":
            return date.fromisoformat(literal.text).isoformat()
        text = re.sub(r"\.(\d{1,3})", lambda found: f".{found.group(1):0<3}", literal.text)
        return stamp(datetime.fromisoformat(text).astimezone(UTC))
    except (ValueError, OverflowError):
        raise SoqlError("MALFORMED_QUERY", f"invalid {literal.kind}: {literal.text}", literal.at) from None


def _wrong_type(field: Field, literal: Literal) -> SoqlError:
    names = {"currency": "double", "percent": "double", "datetime": "dateTime"}
    quoted = field.type in TEXTUAL or field.type in ("id", "reference")
    kind = "string" if quoted else names.get(field.type, field.type)
    end = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
    message = f"value of filter criterion for field '{field.name}' must be of type {kind} and {end}"
    return SoqlError("INVALID_FIELD", message, literal.at)


def _membership(get: Getter, members: frozenset[str], wanted: bool) -> Predicate:  # noqa: FBT001 - private
    def test(row: Row) -> bool:
        return (str(get(row)) in members) is wanted

    return test


def _like(column: Column, literal: Literal) -> Predicate:
    if column.field.type not in TEXTUAL or column.field.type == "multipicklist":
        message = f"invalid operator on {column.field.type} field"
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", message, literal.at)
    if literal.kind != "string":
        raise _wrong_type(column.field, literal)
    matches, get = like_expression(literal.text, literal.at).fullmatch, column.get

    def test(row: Row) -> bool:
        value = get(row)
        return value is not None and matches(str(value)) is not None

    return test


def _choices(column: Column, literals: tuple[Literal, ...], *, wanted: bool) -> Predicate:
    if column.field.type != "multipicklist":
        message = f"INCLUDES and EXCLUDES need a multi-select picklist, not '{column.field.name}'"
        raise SoqlError("INVALID_QUERY_FILTER_OPERATOR", message, literals[0].at)
    groups = [frozenset(str(key_of(column.field, literal) or "").split(";")) for literal in literals]
    get = column.get

    def test(row: Row) -> bool:
        have = frozenset(str(get(row) or "").casefold().split(";"))
        return any(group <= have for group in groups) is wanted

    return test
