"""How is an encoded query written and read, so that no value can become a part of it?

An instance ignores what it cannot read and answers the rest of the query, so a slip here would widen an answer. What
is written is therefore read again before it leaves, and whatever reads differently is refused.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

__all__ = ["Encoded", "EncodedError", "Group", "Sort", "Term", "check_name", "parse", "render"]


class EncodedError(ValueError):
    """A query that cannot be said, or that cannot be read for certain."""


@dataclass(frozen=True, slots=True)
class Term:
    """One condition; `values` has one entry, two for BETWEEN, several for IN, none for a unary operator."""

    field: str
    operator: str
    values: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Sort:
    """One sort key."""

    field: str
    descending: bool = False


Either: TypeAlias = tuple[Term, ...]
"""Terms of which one must hold: `a^ORb`."""
Group: TypeAlias = tuple[Either, ...]
"""All must hold: `a^b`."""


@dataclass(frozen=True, slots=True)
class Encoded:
    """Groups of which one must hold (`a^NQb`), and the order; no group at all means every record."""

    groups: tuple[Group, ...] = ()
    order: tuple[Sort, ...] = ()


_NAME = re.compile(r"[a-z][a-z0-9_]{0,79}(?:\.[a-z][a-z0-9_]{0,79}){0,9}")
_UNARY = frozenset({"ISEMPTY", "ISNOTEMPTY"})
_LISTS = frozenset({"IN", "NOT IN"})
_SYMBOLS = frozenset({"=", "!=", "<", "<=", ">", ">="})
_TEXTS = frozenset({"LIKE", "NOT LIKE", "STARTSWITH", "ENDSWITH"})
_RELATIVES = frozenset({"RELATIVEGT", "RELATIVEGE", "RELATIVELT", "RELATIVELE", "RELATIVEEE"})
_SPELLINGS = {"CONTAINS": "LIKE", "DOES NOT CONTAIN": "NOT LIKE", "NOTLIKE": "NOT LIKE"}
_TAKEN = frozenset({*_UNARY, *_LISTS, *_SYMBOLS, *_TEXTS, *_RELATIVES, "BETWEEN", *_SPELLINGS})
_FOREIGN = (
    *("SAMEAS", "NSAMEAS", "GT_FIELD", "LT_FIELD", "GT_OR_EQUALS_FIELD", "LT_OR_EQUALS_FIELD", "EMPTYSTRING"),
    *("ANYTHING", "INSTANCEOF", "DYNAMIC", "ON", "NOTON", "DATEPART", "MORETHAN", "LESSTHAN", "VALCHANGES"),
    *("CHANGESFROM", "CHANGESTO", "!*", "*", "%", "=="),
)
_OPERATORS = re.compile("|".join(re.escape(one) for one in sorted((*_TAKEN, *_FOREIGN), key=len, reverse=True)))
_RELATIVE = re.compile(r"@(?:minute|hour|dayofweek|month|quarter|year)@(?:ago|ahead)@[0-9]{1,6}")
_JOINS = ("RLQUERY", "ENDRLQUERY", "SUBQUERY", "ENDSUBQUERY", "JOIN", "GROUPBY", "123TEXT", "TRENDBY")
_RESERVED = re.compile(r"(?:javascript:|dynamic)", re.IGNORECASE)
_LEADS = re.compile(r"[=!<>*%]")
LONGEST = 20_000
MOST_TERMS = 500


def check_name(name: str) -> str:
    """Return a field name or path; raises EncodedError for what is none."""
    if not _NAME.fullmatch(name):
        raise EncodedError(f"{name[:80]!a} is no field name; use one that describe lists")
    return name


def render(query: Encoded) -> str:
    """Write a query.

    Raises:
        EncodedError: a value, name or operator cannot be written so that it is read as it was meant.
    """
    parts = ["^NQ".join("^".join("^OR".join(map(_term, some)) for some in group) for group in query.groups)]
    parts += [f"ORDERBY{'DESC' if one.descending else ''}{check_name(one.field)}" for one in query.order]
    text = "^".join(part for part in parts if part)
    if len(text) > LONGEST:
        raise EncodedError(f"the query is longer than {LONGEST} characters; use fewer or shorter values")
    if parse(text) != query:
        raise EncodedError("the query could be read in another way than it is meant; use other values or operators")
    return text


def parse(text: str) -> Encoded:
    """Read a query as an instance reads it, and nothing that an instance would ignore.

    Raises:
        EncodedError: a part is unknown, runs code on the server, or joins other tables; the sentence names the part.
    """
    groups: list[list[list[Term]]] = []
    order: list[Sort] = []
    parts = text.split("^") if text else []
    if parts and parts[-1] == "EQ":
        parts.pop()
    for at, part in enumerate(parts):
        if part.startswith("ORDERBY"):
            order.append(_sort(part))
            continue
        if order:
            raise EncodedError("a condition after ORDERBY is not read alike by all; put ORDERBY last")
        if part.startswith(_JOINS):
            raise EncodedError(f"{part[:20]!a} is not taken here; use conditions on the fields of one table")
        if part.startswith("NQ") and at:
            groups.append([[_read(part[2:])]])
        elif part.startswith("OR") and at:
            groups[-1][-1].append(_read(part[2:]))
        elif at:
            groups[-1].append([_read(part)])
        else:
            groups.append([[_read(part)]])
    if sum(len(some) for group in groups for some in group) > MOST_TERMS:
        raise EncodedError(f"a query holds at most {MOST_TERMS} conditions; use fewer")
    return Encoded(tuple(tuple(map(tuple, group)) for group in groups), tuple(order))


def _term(term: Term) -> str:
    check_name(term.field)
    if term.operator not in _TAKEN or term.operator in _SPELLINGS:
        raise EncodedError(f"operator {term.operator!a} is not written here")
    return f"{term.field}{term.operator}{_joined(term)}"


def _joined(term: Term) -> str:
    operator, values = term.operator, term.values
    wanted = {"BETWEEN": 2} | dict.fromkeys(_UNARY, 0)
    if (len(values) != wanted.get(operator, 1)) if operator not in _LISTS else not values:
        raise EncodedError(f"{operator} on {term.field} takes another number of values")
    if operator in _RELATIVES:
        if not _RELATIVE.fullmatch(values[0]):
            raise EncodedError(f"{term.field} takes a relative time such as DAYS_AGO with a count")
        return values[0]
    for value in values:
        _check_value(term.field, operator, value)
    return ("@" if operator == "BETWEEN" else ",").join(values)


def _check_value(field: str, operator: str, value: str) -> None:
    """Refuse what would end the value, start code on the server, or be read as another operator or another value."""
    if not value:
        raise EncodedError(f"an empty text is no value of a condition on {field}; compare with null")
    if "^" in value:
        raise EncodedError(f"a value of {field} holds '^', which the query language cannot quote; search by a part")
    if any(unicodedata.category(char) in _UNSEEN for char in value):
        raise EncodedError(f"a value of {field} holds a control or invisible character; leave it out")
    if _RESERVED.match("".join(unicodedata.normalize("NFKC", value).split())):
        raise EncodedError(f"a value of {field} begins with a word that the server would execute; leave it out")
    if operator in _LISTS and ("," in value or value != value.strip()):
        raise EncodedError(f"a value in a list for {field} holds a comma or outer spaces; compare it by itself")
    if operator == "BETWEEN" and "@" in value:
        raise EncodedError(f"a bound for {field} holds '@'; use >= and <=")
    if _LEADS.match(value) or (operator in _TEXTS and ("%" in value or "*" in value)):
        raise EncodedError(f"a value of {field} could be read as an operator or a wildcard; leave out = ! < > * and %")


_UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})


def _sort(part: str) -> Sort:
    descending = part.startswith("ORDERBYDESC")
    return Sort(check_name(part.removeprefix("ORDERBYDESC" if descending else "ORDERBY")), descending)


def _read(text: str) -> Term:
    named = _NAME.match(text)
    found = _OPERATORS.match(text, named.end()) if named else None
    if named is None or found is None:
        raise EncodedError(f"{text[:40]!a} is no condition; write field, operator and value without spaces")
    if found[0] not in _TAKEN:
        raise EncodedError(f"operator {found[0]} is not taken here; compare with a value")
    operator, rest = _SPELLINGS.get(found[0], found[0]), text[found.end() :]
    term = Term(named[0], operator, tuple(_values(operator, rest)))
    _joined(term)
    return term


def _values(operator: str, rest: str) -> Iterator[str] | Sequence[str]:
    if operator in _UNARY:
        return (rest,) if rest else ()
    if operator == "BETWEEN":
        return rest.split("@")
    return rest.split(",") if operator in _LISTS else (rest,)
