"""Is this text a SOQL statement, and what are its parts?"""

from collections.abc import Callable
from typing import Final, TypeVar

from .syntax import (
    Call,
    Comparison,
    Condition,
    Literal,
    Logical,
    Macro,
    Not,
    Operand,
    Order,
    Path,
    Query,
    Selected,
    SoqlError,
)
from .tokens import Token, tokenize

AGGREGATES: Final = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})
DATE_PARTS: Final = frozenset({"CALENDAR_YEAR", "CALENDAR_MONTH", "DAY_IN_MONTH", "DAY_ONLY"})
TEXTS: Final = frozenset({"TOLABEL", "FORMAT"})
_FUNCTIONS: Final = AGGREGATES | DATE_PARTS | TEXTS
_CLAUSES: Final = frozenset(
    {"USING", "WHERE", "WITH", "GROUP", "HAVING", "ORDER", "LIMIT", "OFFSET", "FOR", "UPDATE", "ALL"}
)
_RESERVED: Final = _CLAUSES | {"SELECT", "FROM", "AND", "OR", "NOT", "IN", "LIKE", "INCLUDES", "EXCLUDES"}
_SIGNS: Final = frozenset({"=", "!=", "<>", "<", "<=", ">", ">="})
_MAX_DEPTH: Final = 60
_T = TypeVar("_T")


def parse_query(text: str) -> Query:
    """Read one statement; raises SoqlError where it is none."""
    parser = Parser(tokenize(text))
    query = parser.query()
    parser.expect_end()
    return query


class Parser:
    """Read a list of words by recursive descent."""

    def __init__(self, tokens: list[Token]) -> None:
        self._tokens = tokens
        self._next = 0
        self._depth = 0

    @property
    def here(self) -> Token:
        """Return the word that comes next."""
        return self._tokens[self._next]

    def expect_end(self) -> None:
        """Fail unless everything has been read."""
        if self.here.kind != "end":
            raise self._unexpected()

    def query(self, *, nested: bool = False) -> Query:
        """Read from SELECT to the last clause."""
        self._deeper()
        self._keyword("SELECT")
        select = self._listed(self._selected)
        self._keyword("FROM")
        name = self._name()
        alias = None
        if self.accept("AS") or (self.here.kind == "name" and self.here.word not in _RESERVED):
            alias = self._name().text
        query = self.clauses(select, name, alias, nested=nested)
        self._depth -= 1
        return query

    def clauses(self, select: tuple[Selected, ...], name: Token, alias: str | None, *, nested: bool) -> Query:
        """Read what may follow FROM, in its fixed order."""
        scope = self._scope()
        where = self.condition() if self.accept("WHERE") else None
        self._with()
        group_by: tuple[Operand, ...] = ()
        if self.accept("GROUP"):
            self._keyword("BY")
            group_by = self._listed(self._operand)
        having = self.condition() if self.accept("HAVING") else None
        order_by: tuple[Order, ...] = ()
        if self.accept("ORDER"):
            self._keyword("BY")
            order_by = self._listed(self._order)
        limit = self.whole_number() if self.accept("LIMIT") else None
        offset = self.whole_number() if self.accept("OFFSET") else 0
        update = () if nested else self._updates()
        all_rows = self.accept("ALL")
        if all_rows:
            self._keyword("ROWS")
        return Query(
            select, name.text, name.at, alias, scope, where, group_by, having, order_by, limit, offset, update, all_rows
        )

    def condition(self) -> Condition:
        """Read conditions joined by AND alone or by OR alone; a mixture needs parentheses."""
        terms = [self._term()]
        word = self.here.word
        if word not in ("AND", "OR"):
            return terms[0]
        while self.accept(word):
            terms.append(self._term())
        if self.here.word in ("AND", "OR"):
            raise self._unexpected()
        return Logical("AND" if word == "AND" else "OR", tuple(terms))

    def fields(self) -> tuple[Selected, ...]:
        """Read a list of columns."""
        return self._listed(self._selected)

    def returning(self) -> Query:
        """Read what a search returns of one object: `Contact(Id, Name WHERE ... LIMIT 5)`."""
        name = self._name()
        if not self.accept_sign("("):
            return Query((Selected(Path(("Id",), name.at)),), name.text, name.at)
        query = self.clauses(self.fields(), name, None, nested=True)
        self._sign(")")
        return query

    def _term(self) -> Condition:
        self._deeper()
        term: Condition
        if self.accept("NOT"):
            term = Not(self._term())
        elif self.accept_sign("("):
            term = self.condition()
            self._sign(")")
        else:
            term = self._comparison()
        self._depth -= 1
        return term

    def _deeper(self) -> None:
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            raise SoqlError("QUERY_TOO_COMPLICATED", "Query is too complicated: nested too deep.")

    def _comparison(self) -> Comparison:
        operand = self._operand()
        token = self.here
        if token.kind == "sign" and token.text in _SIGNS:
            self._next += 1
            return Comparison(operand, "!=" if token.text == "<>" else token.text, self._literal())
        if self.accept("LIKE"):
            return Comparison(operand, "LIKE", self._literal())
        if self.accept("NOT"):
            self._keyword("IN")
            return Comparison(operand, "NOT IN", self._members())
        if self.accept("IN"):
            return Comparison(operand, "IN", self._members())
        for word in ("INCLUDES", "EXCLUDES"):
            if self.accept(word):
                return Comparison(operand, word, self._values())
        raise self._unexpected()

    def _members(self) -> "tuple[Literal, ...] | Query":
        if self._tokens[min(self._next + 1, len(self._tokens) - 1)].word == "SELECT":
            self._sign("(")
            inner = self.query(nested=True)
            self._sign(")")
            return inner
        return self._values()

    def _values(self) -> tuple[Literal, ...]:
        self._sign("(")
        values = self._listed(self._literal)
        self._sign(")")
        return values

    def _literal(self) -> Literal:
        token = self.here
        self._next += 1
        match token.kind:
            case "string":
                return Literal("string", token.text, token.at)
            case "number":
                return Literal("number", token.text, token.at)
            case "date":
                return Literal("date", token.text, token.at)
            case "datetime":
                return Literal("datetime", token.text, token.at)
            case "name" if token.word in ("TRUE", "FALSE"):
                return Literal("boolean", token.word, token.at)
            case "name" if token.word == "NULL":
                return Literal("null", token.word, token.at)
            case "name" if "." not in token.text and token.word not in _RESERVED:
                number = self.whole_number() if self.accept_sign(":") else 0
                return Literal("period", token.word, token.at, number)
        self._next -= 1
        raise self._unexpected()

    def _selected(self) -> Selected:
        if self.accept_sign("("):
            inner = self.query(nested=True)
            self._sign(")")
            return Selected(inner)
        if self.here.word == "TYPEOF":
            raise SoqlError("MALFORMED_QUERY", "TYPEOF is not served by this sandbox", self.here.at)
        if self.here.word == "FIELDS" and self._ahead("("):
            at = self.here.at
            self._next += 2
            group = self.here.word
            if group not in ("ALL", "STANDARD", "CUSTOM"):
                raise self._unexpected()
            self._next += 1
            self._sign(")")
            return Selected(Macro(group, at))
        operand = self._operand()
        alias = None
        if self.here.kind == "name" and self.here.word not in _RESERVED:
            alias = self._name().text
        return Selected(operand, alias)

    def _operand(self) -> Operand:
        token = self._name()
        if not (self.here.kind == "sign" and self.here.text == "("):
            return Path(tuple(token.text.split(".")), token.at)
        if token.word not in _FUNCTIONS:
            raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token.text}'", token.at)
        self._sign("(")
        argument = None
        if not (self.here.kind == "sign" and self.here.text == ")"):
            inner = self._name()
            argument = Path(tuple(inner.text.split(".")), inner.at)
        self._sign(")")
        if argument is None and token.word != "COUNT":
            raise SoqlError("MALFORMED_QUERY", f"{token.text} needs a field", token.at)
        return Call(token.word, argument, token.at)

    def _order(self) -> Order:
        operand = self._operand()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_last = False
        if self.accept("NULLS"):
            nulls_last = self.accept("LAST")
            if not nulls_last:
                self._keyword("FIRST")
        return Order(operand, descending, nulls_last)

    def _scope(self) -> str | None:
        if not self.accept("USING"):
            return None
        self._keyword("SCOPE")
        return self._name().text

    def _with(self) -> None:
        if self.accept("WITH"):
            token = self._name()
            if token.word not in ("SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"):
                raise SoqlError("MALFORMED_QUERY", f"unexpected token: '{token.text}'", token.at)

    def _updates(self) -> tuple[str, ...]:
        found: list[str] = []
        while self.here.word in ("FOR", "UPDATE"):
            choices = ("VIEW", "REFERENCE", "UPDATE") if self.accept("FOR") else ("TRACKING", "VIEWSTAT")
            if choices[0] == "TRACKING":
                self._keyword("UPDATE")
            if self.here.word not in choices:
                raise self._unexpected()
            found.append(self.here.word)
            self._next += 1
        return tuple(found)

    def whole_number(self) -> int:
        """Read a number without sign or fraction."""
        token = self.here
        if token.kind != "number" or not token.text.isdigit():
            raise self._unexpected()
        self._next += 1
        return int(token.text)

    def _listed(self, read: Callable[[], _T]) -> tuple[_T, ...]:
        items = [read()]
        while self.accept_sign(","):
            items.append(read())
        return tuple(items)

    def _name(self) -> Token:
        token = self.here
        if token.kind != "name" or token.word in _RESERVED:
            raise self._unexpected()
        self._next += 1
        return token

    def _ahead(self, sign: str) -> bool:
        token = self._tokens[min(self._next + 1, len(self._tokens) - 1)]
        return token.kind == "sign" and token.text == sign

    def accept(self, word: str) -> bool:
        """Read this keyword if it comes next."""
        if self.here.kind == "name" and self.here.word == word:
            self._next += 1
            return True
        return False

    def accept_sign(self, sign: str) -> bool:
        """Read this sign if it comes next."""
        if self.here.kind == "sign" and self.here.text == sign:
            self._next += 1
            return True
        return False

    def _keyword(self, word: str) -> None:
        if not self.accept(word):
            raise self._unexpected()

    def _sign(self, sign: str) -> None:
        if not self.accept_sign(sign):
            raise self._unexpected()

    def _unexpected(self) -> SoqlError:
        text = self.here.text if self.here.kind != "string" else "string"
        return SoqlError("MALFORMED_QUERY", f"unexpected token: '{text}'", self.here.at)
