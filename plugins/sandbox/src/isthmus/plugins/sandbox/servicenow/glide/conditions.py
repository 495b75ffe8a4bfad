"""When does one condition hold for a row?"""

import operator
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from isthmus.plugins.sandbox.servicenow.schema import NUMBERS, PASSWORDS, Column, TableDefinition
from isthmus.plugins.sandbox.servicenow.store import Row, Store
from isthmus.plugins.sandbox.servicenow.viewer import Viewer

from .asked import Asked, Test, ordered, within
from .invalid import Invalid
from .moments import apart, date_part, not_on, on, relative
from .paths import resolve
from .scripts import evaluate
from .syntax import Condition

_TRUE: Final = frozenset({"true", "1", "yes"})
_FULL_TEXT: Final = frozenset({"123TEXTQUERY321", "123TEXTINDEXGROUP321"})


def build(
    store: Store, viewer: Viewer, now: datetime, before: Row | None, table: TableDefinition, term: Condition
) -> Test:
    """Return the test of one condition; raises Invalid where its field, operator or value makes no sense."""
    if term.field in _FULL_TEXT:
        return _full_text(term.value)
    path = resolve(store, table, term.field)
    make = _OPERATORS.get(term.operator)
    if make is None or path.column.type in PASSWORDS:
        raise Invalid(term.operator)
    reader = path.reader(store)
    return make(Asked(store, viewer, now, before, path.table, path.column, reader, term.value))


def _full_text(value: str) -> Test:
    words = value.casefold().split()

    def test(row: Row) -> bool:
        text = " ".join(row.values()).casefold()
        return all(word in text for word in words)

    return test


def _folded(column: Column, value: str) -> str:
    if column.type == "boolean":
        return "true" if value.strip().lower() in _TRUE else "false"
    if column.type in NUMBERS:
        try:
            return repr(float(value))
        except ValueError:
            return value
    return value.casefold()


def _equals(asked: Asked) -> Test:
    column, plain = asked.column, asked.read
    wanted = _folded(column, asked.text(asked.value))
    if column.type == "boolean" or column.type in NUMBERS:
        return lambda row: _folded(column, plain(row)) == wanted
    return lambda row: plain(row).casefold() == wanted


def _differs(asked: Asked) -> Test:
    equal = _equals(asked)
    return lambda row: not equal(row)


def _among(asked: Asked) -> Test:
    column, plain = asked.column, asked.read
    wanted = {_folded(column, each) for each in asked.text(asked.value).split(",")}
    return lambda row: _folded(column, plain(row)) in wanted


def _not_among(asked: Asked) -> Test:
    among = _among(asked)
    return lambda row: not among(row)


def _compares(compare: Callable[[object, object], bool]) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        key = ordered(asked.column)
        plain, wanted = asked.read, key(asked.text(asked.value))

        def test(row: Row) -> bool:
            found = key(plain(row))
            return found is not None and wanted is not None and compare(found, wanted)

        return test

    return make


def _between(asked: Asked) -> Test:
    low, at, high = asked.value.partition("@")
    if not at:
        raise Invalid(asked.value)
    return within(asked, asked.text(low), asked.text(high))


def _text(compare: Callable[[str, str], bool], *, negate: bool = False) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        shown, wanted = asked.shown(), asked.text(asked.value).casefold()
        return lambda row: compare(shown(row).casefold(), wanted) != negate

    return make


def _like(text: str, wanted: str) -> bool:
    """A value may say with `%` at its ends where other text may stand, as in SQL."""
    if wanted.endswith("%") and not wanted.startswith("%"):
        return text.startswith(wanted[:-1])
    if wanted.startswith("%") and not wanted.endswith("%"):
        return text.endswith(wanted[1:])
    return wanted.strip("%") in text


def _empty(asked: Asked) -> Test:
    plain = asked.read
    return lambda row: plain(row) == ""


def _not_empty(asked: Asked) -> Test:
    plain = asked.read
    return lambda row: plain(row) != ""


def _anything(_asked: Asked) -> Test:
    return lambda _row: True


def _same(compare: Callable[[object, object], bool], *, missing: bool = False) -> Callable[[Asked], Test]:
    def make(asked: Asked) -> Test:
        other = resolve(asked.store, asked.table, asked.value).reader(asked.store)
        plain, key = asked.read, ordered(asked.column)

        def test(row: Row) -> bool:
            one, two = key(plain(row)), key(other(row))
            return missing if one is None or two is None else compare(one, two)

        return test

    return make


def _instance_of(asked: Asked) -> Test:
    wanted = asked.store.schema.find(asked.value)
    if wanted is None:
        raise Invalid(asked.value)
    names, plain = {each.name for each in wanted.family}, asked.read
    return lambda row: plain(row) in names


def _dynamic(asked: Asked) -> Test:
    option = asked.store.get("sys_filter_option_dynamic", asked.value)
    if option is None:
        raise Invalid(asked.value)
    wanted = set(evaluate(option["script"], asked.viewer, asked.now).split(","))
    plain = asked.read
    return lambda row: plain(row) in wanted


def _changes(of: str) -> Callable[[Asked], Test]:
    """Compare with the row's former state; outside business rules there is none."""

    def make(asked: Asked) -> Test:
        if asked.before is None:
            raise Invalid(of)
        former, plain, value = asked.read(asked.before), asked.read, asked.value
        if of == "VALCHANGES":
            return lambda row: plain(row) != former
        if of == "CHANGESFROM":
            return lambda row: plain(row) != former and former == value
        return lambda row: plain(row) != former and plain(row) == value

    return make


_OPERATORS: Final[Mapping[str, Callable[[Asked], Test]]] = {
    "=": _equals,
    "!=": _differs,
    "<": _compares(operator.lt),  # type: ignore[arg-type]
    "<=": _compares(operator.le),  # type: ignore[arg-type]
    ">": _compares(operator.gt),  # type: ignore[arg-type]
    ">=": _compares(operator.ge),  # type: ignore[arg-type]
    "BETWEEN": _between,
    "IN": _among,
    "NOT IN": _not_among,
    "SAMEAS": _same(operator.eq),
    "NSAMEAS": _same(operator.ne, missing=True),
    "GT_FIELD": _same(operator.gt),  # type: ignore[arg-type]
    "LT_FIELD": _same(operator.lt),  # type: ignore[arg-type]
    "GT_OR_EQUALS_FIELD": _same(operator.ge),  # type: ignore[arg-type]
    "LT_OR_EQUALS_FIELD": _same(operator.le),  # type: ignore[arg-type]
    "STARTSWITH": _text(str.startswith),
    "ENDSWITH": _text(str.endswith),
    "%": _text(str.endswith),
    "LIKE": _text(_like),
    "*": _text(_like),
    "CONTAINS": _text(_like),
    "NOT LIKE": _text(_like, negate=True),
    "NOTLIKE": _text(_like, negate=True),
    "!*": _text(_like, negate=True),
    "DOES NOT CONTAIN": _text(_like, negate=True),
    "EMPTYSTRING": _empty,
    "ISEMPTY": _empty,
    "ISNOTEMPTY": _not_empty,
    "ANYTHING": _anything,
    "INSTANCEOF": _instance_of,
    "DYNAMIC": _dynamic,
    "ON": on,
    "NOTON": not_on,
    "RELATIVEGT": relative("GT"),
    "RELATIVEGE": relative("GE"),
    "RELATIVELT": relative("LT"),
    "RELATIVELE": relative("LE"),
    "RELATIVEEE": relative("EE"),
    "DATEPART": date_part,
    "MORETHAN": apart(more=True),
    "LESSTHAN": apart(more=False),
    "VALCHANGES": _changes("VALCHANGES"),
    "CHANGESFROM": _changes("CHANGESFROM"),
    "CHANGESTO": _changes("CHANGESTO"),
}
