"""What do fields, functions, literals and conditions look like?"""

from abc import abstractmethod
from typing import TYPE_CHECKING, Final, cast
from typing import Literal as Choice

from .syntax import AGGREGATES, Call, Comparison, Condition, Literal, Logical, Not, Operand, Path, Query, malformed
from .words import RESERVED, Words

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS: Final = frozenset(
    {"CALENDAR_YEAR", "CALENDAR_QUARTER", "CALENDAR_MONTH", "DAY_IN_MONTH", "DAY_IN_WEEK", "DAY_IN_YEAR", "DAY_ONLY"}
    | {"FISCAL_YEAR", "FISCAL_QUARTER", "FISCAL_MONTH", "HOUR_IN_DAY", "WEEK_IN_MONTH", "WEEK_IN_YEAR"}
)
"""Date functions (SOQL and SOSL Reference, "Date Functions")."""

_TAKES: "Final[Mapping[str, int]]" = {
    **dict.fromkeys(AGGREGATES | PARTS | {"TOLABEL", "FORMAT", "CONVERTCURRENCY", "CONVERTTIMEZONE", "GROUPING"}, 1),
    "GEOLOCATION": 2,
    "DISTANCE": 3,
}
_SIGNS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})


class Expressions(Words):
    """Read expressions by recursive descent."""

    def condition(self) -> Condition:
        """Read conditions joined by AND alone or by OR alone; a mixture needs parentheses."""
        terms = [self.nested(self._term)]
        word = self.here.word
        if word not in ("AND", "OR"):
            return terms[0]
        while self.accept(word):
            terms.append(self.nested(self._term))
        if self.here.word in ("AND", "OR"):
            raise self.unexpected()
        return Logical("AND" if word == "AND" else "OR", tuple(terms))

    def operand(self) -> Operand:
        """Read a field or a function."""
        path = self.path()
        if self.here.text != "(":
            return path
        most = _TAKES.get(path.text.upper())
        if most is None:
            raise malformed(f"unexpected token: '{path.text}'", path.at)
        self.sign("(")
        if path.text.upper() == "COUNT" and self.accept_sign(")"):
            return Call(path.text, (), path.at)
        arguments = self.listed(self._argument)
        self.sign(")")
        if len(arguments) != most:
            raise malformed(f"{path.text} takes {most} argument{'s' if most > 1 else ''}", path.at)
        return Call(path.text, arguments, path.at)

    def literal(self) -> Literal:
        """Read one value."""
        token = self.here
        if token.kind in ("string", "number", "date", "datetime"):
            kind = cast("Choice['string', 'number', 'date', 'datetime']", self.take().kind)
            return Literal(kind, token.text, token.at)
        if token.kind != "name" or "." in token.text or token.word in RESERVED:
            raise self.unexpected()
        self.take()
        if token.word in ("TRUE", "FALSE"):
            return Literal("boolean", token.word, token.at)
        if token.word == "NULL":
            return Literal("null", token.word, token.at)
        return Literal("period", token.word, token.at, self.whole_number() if self.accept_sign(":") else 0)

    @abstractmethod
    def query(self, *, inner: bool = False) -> Query:
        """Read from SELECT to the last clause."""

    def _argument(self) -> Path | Call | Literal:
        return self.nested(self.operand) if self.here.kind == "name" else self.literal()

    def _term(self) -> Condition:
        if self.accept("NOT"):
            return Not(self.nested(self._term))
        if self.accept_sign("("):
            term = self.condition()
            self.sign(")")
            return term
        return self._comparison()

    def _comparison(self) -> Comparison:
        operand = self.operand()
        if self.here.kind == "sign" and self.here.text in _SIGNS:
            sign = self.take().text
            return Comparison(operand, "!=" if sign == "<>" else sign, self.literal())
        if self.accept("LIKE"):
            return Comparison(operand, "LIKE", self.literal())
        if self.accept("NOT"):
            self.keyword("IN")
            return Comparison(operand, "NOT IN", self._members())
        if self.accept("IN"):
            return Comparison(operand, "IN", self._members())
        for word in ("INCLUDES", "EXCLUDES"):
            if self.accept(word):
                return Comparison(operand, word, self._values())
        raise self.unexpected()

    def _members(self) -> tuple[Literal, ...] | Query:
        if self.ahead().word != "SELECT":
            return self._values()
        self.sign("(")
        query = self.nested(lambda: self.query(inner=True))
        self.sign(")")
        return query

    def _values(self) -> tuple[Literal, ...]:
        self.sign("(")
        values = self.listed(self.literal)
        self.sign(")")
        return values
