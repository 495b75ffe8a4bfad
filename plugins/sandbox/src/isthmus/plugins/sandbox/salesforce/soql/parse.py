"""Is this text a SOQL statement, and what are its parts?"""

from typing import Final
from typing import Literal as Choice

from .expressions import Expressions
from .syntax import Case, Macro, Operand, Order, Path, Query, Selected, TypeOf, malformed
from .tokens import Token
from .words import RESERVED

_MODES: Final = frozenset({"SECURITY_ENFORCED", "USER_MODE", "SYSTEM_MODE"})


def parse_query(text: str) -> Query:
    """Read one statement; raises SoqlError where it is none."""
    parser = Parser(text)
    query = parser.query()
    parser.expect_end()
    return query


class Parser(Expressions):
    """Read a statement, or the parts of one that other languages share with it."""

    def query(self, *, inner: bool = False) -> Query:
        """Read from SELECT to the last clause; an `inner` one neither locks nor marks its rows."""
        self.keyword("SELECT")
        select = self.fields()
        self.keyword("FROM")
        name = self.name()
        alias = self._alias()
        joined: list[tuple[str, Path]] = []
        while self.accept_sign(","):
            path = self.path()
            joined.append((self._alias() or path.parts[-1], path))
        return self.clauses(select, name, alias, tuple(joined), inner=inner)

    def fields(self) -> tuple[Selected, ...]:
        """Read a list of columns."""
        return self.listed(self._selected)

    def clauses(
        self,
        select: tuple[Selected, ...],
        name: Token,
        alias: str | None = None,
        joined: tuple[tuple[str, Path], ...] = (),
        *,
        inner: bool,
    ) -> Query:
        """Read what may follow FROM, in its fixed order."""
        scope = self._scope()
        where = self.condition() if self.accept("WHERE") else None
        self._with()
        grouping, group_by = self._groups()
        having = self.condition() if self.accept("HAVING") else None
        order_by = self._orders()
        limit = self.whole_number() if self.accept("LIMIT") else None
        offset = self.whole_number() if self.accept("OFFSET") else 0
        update = () if inner else self._updates()
        all_rows = not inner and self.accept("ALL")
        if all_rows:
            self.keyword("ROWS")
        return Query(
            select=select,
            object=name.text,
            at=name.at,
            alias=alias,
            joined=joined,
            scope=scope,
            where=where,
            grouping=grouping,
            group_by=group_by,
            having=having,
            order_by=order_by,
            limit=limit,
            offset=offset,
            update=update,
            all_rows=all_rows,
        )

    def orders(self) -> tuple[Order, ...]:
        """Read a list of sort keys."""
        return self.listed(self._order)

    def _alias(self) -> str | None:
        if self.accept("AS") or (self.here.kind == "name" and self.here.word not in RESERVED):
            return self.name().text
        return None

    def _selected(self) -> Selected:
        if self.accept_sign("("):
            query = self.nested(lambda: self.query(inner=True))
            self.sign(")")
            return Selected(query)
        if self.here.word == "TYPEOF" and self.ahead().kind == "name" and self.ahead().word not in RESERVED:
            return Selected(self._type_of())
        if self.here.word == "FIELDS" and self.ahead().text == "(":
            return Selected(self._macro())
        operand = self.operand()
        alias = None
        if self.here.kind == "name" and self.here.word not in RESERVED:
            alias = self.name().text
        return Selected(operand, alias)

    def _macro(self) -> Macro:
        at = self.take().at
        self.sign("(")
        group = self.here.word
        if group not in ("ALL", "STANDARD", "CUSTOM"):
            raise self.unexpected()
        self.take()
        self.sign(")")
        return Macro(group, at)

    def _type_of(self) -> TypeOf:
        at = self.take().at
        path = self.path()
        cases: list[Case] = []
        while self.accept("WHEN"):
            name = self.name()
            self.keyword("THEN")
            cases.append(Case(name.text, name.at, self.listed(self.path)))
        if not cases:
            raise self.unexpected()
        otherwise = self.listed(self.path) if self.accept("ELSE") else ()
        self.keyword("END")
        return TypeOf(path, tuple(cases), otherwise, at)

    def _scope(self) -> str | None:
        if not self.accept("USING"):
            return None
        self.keyword("SCOPE")
        return self.name().text

    def _with(self) -> None:
        if self.accept("WITH"):
            token = self.name()
            if token.word not in _MODES:
                raise malformed(f"unexpected token: '{token.text}'", token.at)

    def _groups(self) -> tuple[Choice["", "ROLLUP", "CUBE"], tuple[Operand, ...]]:
        if not self.accept("GROUP"):
            return "", ()
        self.keyword("BY")
        for word in ("ROLLUP", "CUBE"):
            if self.here.word == word and self.ahead().text == "(":
                self.take()
                self.sign("(")
                operands = self.listed(self.operand)
                self.sign(")")
                return ("ROLLUP" if word == "ROLLUP" else "CUBE"), operands
        return "", self.listed(self.operand)

    def _orders(self) -> tuple[Order, ...]:
        if not self.accept("ORDER"):
            return ()
        self.keyword("BY")
        return self.orders()

    def _order(self) -> Order:
        operand = self.operand()
        descending = self.accept("DESC")
        if not descending:
            self.accept("ASC")
        nulls_last = False
        if self.accept("NULLS"):
            nulls_last = self.accept("LAST")
            if not nulls_last:
                self.keyword("FIRST")
        return Order(operand, descending, nulls_last)

    def _updates(self) -> tuple[str, ...]:
        found: list[str] = []
        while self.here.word in ("FOR", "UPDATE"):
            choices = ("VIEW", "REFERENCE", "UPDATE") if self.take().word == "FOR" else ("TRACKING", "VIEWSTAT")
            found += self.listed(lambda choices=choices: self._one_of(choices))  # type: ignore[misc]
        return tuple(found)

    def _one_of(self, choices: tuple[str, ...]) -> str:
        if self.here.word not in choices:
            raise self.unexpected()
        return self.take().word
