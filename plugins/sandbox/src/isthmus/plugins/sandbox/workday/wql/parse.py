"""How is a query of WQL read? `PARAMETERS`, `SELECT`, `FROM`, `WHERE`, `ORDER BY`, `LIMIT`; nothing that groups."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

MOST_ROWS: Final = 1_000_000
_DEEPEST: Final = 32
_TOKEN: Final = re.compile(
    r"""\s*(?:(?P<text>"[^"]*"|'[^']*')|(?P<mark>!=|>=|<=|[=<>(),])|(?P<word>[^\s=<>!(),"']+))"""
)
_ORDERING: Final = ("=", "!=", ">", ">=", "<", "<=")
_TEXTUAL: Final = ("contains", "startswith", "endswith")

Operator: TypeAlias = Literal[
    "=", "!=", ">", ">=", "<", "<=", "contains", "startswith", "endswith", "in", "is empty",
]  # fmt: skip


class BadQuery(ValueError):
    """A query that cannot be read; the vendor says where, this one what."""


@dataclass(frozen=True, slots=True)
class Test:
    """One condition on one field; `negated` turns it round, `typed` says by what kind of id each value names."""

    field: str
    operator: Operator
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Both:
    """Conditions of which all, or any, must hold."""

    parts: "tuple[Tree, ...]"
    any: bool


Tree: TypeAlias = Test | Both


@dataclass(frozen=True, slots=True)
class Query:
    """One query: `select` pairs fields and the names they come under, `order` fields and whether they descend."""

    select: tuple[tuple[str, str], ...]
    source: str
    arguments: Mapping[str, str]
    where: Tree | None
    order: tuple[tuple[str, bool], ...]
    limit: int | None


def parse(text: str) -> Query:
    """Read a query; raises BadQuery."""
    return _Reader(_tokens(text)).query()


def _tokens(text: str) -> list[tuple[str, str]]:
    found, place, text = [], 0, text.strip()
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            raise BadQuery(f"nothing is understood from character {place} on")
        kind = str(match.lastgroup)
        value = match[kind]
        found.append((kind, value[1:-1] if kind == "text" else value))
        place = match.end()
    return found


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]]) -> None:
        self._tokens = tokens
        self._place = 0

    def query(self) -> Query:
        arguments: dict[str, str] = {}
        if self._takes("parameters"):
            self._assign(arguments)
        self._must("select")
        select = [self._selected()]
        while self._takes(","):
            select.append(self._selected())
        self._must("from")
        source = self._word()
        if self._takes("("):
            self._assign(arguments)
            self._must(")")
        where = self._any(0) if self._takes("where") else None
        order = self._order() if self._takes("order") else []
        limit = self._limit() if self._takes("limit") else None
        if self._place < len(self._tokens):
            raise BadQuery(f"{self._tokens[self._place][1]!r} is not expected here")
        return Query(tuple(select), source, arguments, where, tuple(order), limit)

    def _selected(self) -> tuple[str, str]:
        field = self._word()
        if not re.fullmatch(r"\w+", field):
            raise BadQuery(f"{field!r} is no field")
        return field, self._word() if self._takes("as") else field

    def _assign(self, arguments: dict[str, str]) -> None:
        while True:
            name = self._word()
            self._must("=")
            if name in arguments:
                raise BadQuery(f"parameter {name!r} appears twice")
            arguments[name] = self._value()
            if not self._takes(","):
                return

    def _any(self, depth: int) -> Tree:
        parts = [self._all(depth)]
        while self._takes("or"):
            parts.append(self._all(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts), any=True)

    def _all(self, depth: int) -> Tree:
        parts = [self._one(depth)]
        while self._takes("and"):
            parts.append(self._one(depth))
        return parts[0] if len(parts) == 1 else Both(tuple(parts), any=False)

    def _one(self, depth: int) -> Tree:
        if depth > _DEEPEST:
            raise BadQuery("the conditions are nested too deeply")
        if self._takes("("):
            inside = self._any(depth + 1)
            self._must(")")
            return inside
        field = self._word()
        if self._takes("is"):
            negated = self._takes("not")
            self._must("empty")
            return Test(field, "is empty", (), negated)
        negated = self._takes("not")
        if self._takes("in"):
            return Test(field, "in", self._listed(), negated)
        kind, word = self._next()
        for each in _TEXTUAL:
            if kind == "word" and word.lower() == each:
                return Test(field, each, (self._value(),), negated)
        if kind == "mark" and word in _ORDERING and not negated:
            return Test(field, word, (self._value(),))  # type: ignore[arg-type]
        raise BadQuery(f"{word!r} is no operator")

    def _listed(self) -> tuple[str, ...]:
        self._must("(")
        values = [self._instance()]
        while self._takes(","):
            values.append(self._instance())
        self._must(")")
        return tuple(values)

    def _instance(self) -> str:
        """Read a value, or `Type=Value`, which names an instance by its reference id."""
        value = self._value()
        return f"{value}={self._value()}" if self._takes("=") else value

    def _order(self) -> list[tuple[str, bool]]:
        self._must("by")
        found: list[tuple[str, bool]] = []
        while True:
            field = self._word()
            descending = self._takes("desc")
            if not descending:
                self._takes("asc")
            found.append((field, descending))
            if not self._takes(","):
                return found

    def _limit(self) -> int:
        word = self._word()
        if not word.isascii() or not word.isdecimal() or not 0 < int(word) < MOST_ROWS:
            raise BadQuery(f"LIMIT must be above 0 and below {MOST_ROWS:,}")
        return int(word)

    def _next(self) -> tuple[str, str]:
        if self._place >= len(self._tokens):
            raise BadQuery("the query ends early")
        self._place += 1
        return self._tokens[self._place - 1]

    def _takes(self, word: str) -> bool:
        """Go over the next token if it is this keyword or sign, in any case."""
        there = self._place < len(self._tokens) and self._tokens[self._place]
        if there and there[0] != "text" and there[1].lower() == word:
            self._place += 1
            return True
        return False

    def _must(self, word: str) -> None:
        if not self._takes(word):
            raise BadQuery(f"{word.upper()} is missing")

    def _word(self) -> str:
        kind, word = self._next()
        if kind != "word":
            raise BadQuery(f"{word!r} is no name")
        return word

    def _value(self) -> str:
        kind, word = self._next()
        if kind == "mark":
            raise BadQuery(f"{word!r} is no value")
        return word
