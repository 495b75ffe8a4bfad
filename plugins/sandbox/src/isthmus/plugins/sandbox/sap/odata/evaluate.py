"""Which rows does a filter let through?"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Final, Protocol, cast

from isthmus.plugins.sandbox.sap.schema import Field, Link, Service, Table
from isthmus.plugins.sandbox.sap.store import Row
from isthmus.plugins.sandbox.sap.values import Value, inner, outer

from .functions import Expr, called
from .syntax import Binary, Called, Joined, Lambda, Literal, Malformed, Node, OneOf, Path, Unary

_FAMILIES: Final = {
    "char": "string", "alpha": "string", "numc": "string", "dec": "number", "int": "number", "int16": "number",
    "byte": "number", "long": "number", "double": "number",
}  # fmt: skip


class Follows(Protocol):
    """What leads from a row to others, as far as the user may see them."""

    def follow(self, link: Link, row: Row) -> list[Row]:
        """Return the rows behind a link."""
        ...


@dataclass(frozen=True)
class Compiler:
    """Turn the tree of a filter on one table into a test."""

    service: Service
    view: Follows

    def test(self, node: Node, table: Table) -> Callable[[Row], bool]:
        """Return the test; raises Malformed where the filter does not fit the table."""
        found = self._compile(node, table, {})
        if found.kind != "bool":
            raise Malformed("The filter is no condition")
        return lambda row: found.get(row, {}) is True

    def path(self, names: tuple[str, ...], table: Table, *, use: str = "nofilter") -> Expr:
        """Return the property that a path leads to over to-one links; raises Malformed."""
        return self._path(names, table, {}, use)

    def _compile(self, node: Node, table: Table, scope: Mapping[str, Table]) -> Expr:
        match node:
            case Literal():
                value = node.value
                return Expr(node.kind, lambda _row, _outer: value)
            case Path():
                return self._path(node.names, table, scope, "nofilter")
            case Unary():
                return self._unary(node, table, scope)
            case Joined():
                return _joined(node.word, [self._compile(each, table, scope) for each in node.operands])
            case Binary():
                left, right = self._compile(node.left, table, scope), self._compile(node.right, table, scope)
                return _binary(node, left, right, self.service.version)
            case OneOf():
                left = self._compile(node.operand, table, scope)
                each = [_binary(Binary("eq", node.operand, one), left, _constant(one), 4) for one in node.choices]
                return Expr("bool", lambda row, outer_: any(one.get(row, outer_) is True for one in each))
            case Called():
                arguments = [self._compile(each, table, scope) for each in node.arguments]
                return called(node.name, [_spoken(each) for each in arguments], self.service.version)
            case Lambda():
                return self._lambda(node, table, scope)

    def _unary(self, node: Unary, table: Table, scope: Mapping[str, Table]) -> Expr:
        operand = self._compile(node.operand, table, scope)
        if operand.kind != ("bool" if node.word == "not" else "number"):
            raise Malformed(f"{node.word} does not fit its operand")
        if node.word == "not":
            return Expr("bool", lambda row, outer_: operand.get(row, outer_) is not True)
        return Expr("number", lambda row, outer_: _negated(operand.get(row, outer_)))

    def _path(self, names: tuple[str, ...], table: Table, scope: Mapping[str, Table], use: str) -> Expr:
        start: Callable[[Row, Mapping[str, Row]], Row | None]
        variable = names[0] if names[0] in scope else ""
        if variable:
            table, names = scope[variable], names[1:]
            start = lambda _row, outer_: outer_[variable]  # noqa: E731
        else:
            start = lambda row, _outer: row  # noqa: E731
        *ways, name = names or ("",)
        for way in ways:
            table, start = self._step(way, table, start)
        field = table.fields.get(name)
        if field is None:
            raise Malformed(f"Property '{name}' is not part of '{self.service.set_of(table)}'")
        if use in field.marks:
            word = "filtered" if use == "nofilter" else "sorted"
            raise Malformed(f"Property '{name}' cannot be {word} by")
        last = start

        def get(row: Row, outer_: Mapping[str, Row]) -> Value:
            found = last(row, outer_)
            return None if found is None else found[name]

        return Expr(_FAMILIES.get(field.kind, field.kind), get, field)

    def _step(
        self, way: str, table: Table, start: Callable[[Row, Mapping[str, Row]], Row | None]
    ) -> tuple[Table, Callable[[Row, Mapping[str, Row]], Row | None]]:
        link = self.service.link(table, way)
        if link is None:
            raise Malformed(f"Property '{way}' is not part of '{self.service.set_of(table)}'")
        if link.many:
            raise Malformed(f"'{way}' leads to many; it cannot stand in a path of properties")

        def step(row: Row, outer_: Mapping[str, Row]) -> Row | None:
            found = start(row, outer_)
            return None if found is None else next(iter(self.view.follow(link, found)), None)

        return self.service.tables[link.table], step

    def _lambda(self, node: Lambda, table: Table, scope: Mapping[str, Table]) -> Expr:
        names, source = node.path.names, ""
        if names[0] in scope:
            source, table, names = names[0], scope[names[0]], names[1:]
        link = self.service.link(table, names[0]) if len(names) == 1 else None
        if link is None or not link.many:
            raise Malformed(f"'{'/'.join(node.path.names)}' leads to no collection")
        inside = self.service.tables[link.table]
        body = None if node.body is None else self._compile(node.body, inside, {**scope, node.variable: inside})
        choose = any if node.word == "any" else all

        def get(row: Row, outer_: Mapping[str, Row]) -> Value:
            rows = self.view.follow(link, outer_[source] if source else row)
            return choose(body is None or body.get(row, {**outer_, node.variable: each}) is True for each in rows)

        return Expr("bool", get)


def fits(field: Field, literal: Literal, version: int) -> Value:
    """Return a literal as the field would hold it; raises Malformed where the types differ."""
    family = _FAMILIES.get(field.kind, field.kind)
    value = literal.value
    if literal.kind == "null":
        return None
    if literal.kind != family:
        raise Malformed(f"{value!r} does not fit the type of '{field.name}'")
    if isinstance(value, str):
        return inner(field, value) if version == 2 or field.kind == "alpha" else value
    return value


def _constant(literal: Literal) -> Expr:
    value = literal.value
    return Expr(literal.kind, lambda _row, _outer: value)


def _spoken(expr: Expr) -> Expr:
    """Return what a function sees of a property: the value as the outside knows it."""
    field = expr.field
    if field is None or field.kind != "alpha":
        return expr
    return Expr("string", lambda row, outer_: outer(field, str(expr.get(row, outer_) or "")))


def _negated(value: Value) -> Value:
    return None if value is None else -cast("Decimal", value)


def _joined(word: str, operands: Sequence[Expr]) -> Expr:
    if any(each.kind != "bool" for each in operands):
        raise Malformed(f"{word} needs conditions on both sides")
    choose = all if word == "and" else any
    return Expr("bool", lambda row, outer_: choose(each.get(row, outer_) is True for each in operands))


def _binary(node: Binary, left: Expr, right: Expr, version: int) -> Expr:
    if node.word in _SUMS:
        if {left.kind, right.kind} - {"number", "null"}:
            raise Malformed(f"{node.word} needs numbers on both sides")
        return Expr("number", lambda row, outer_: _calculated(node.word, left.get(row, outer_), right.get(row, outer_)))
    left, right = _alike(node.left, left, right, version), _alike(node.right, right, left, version)
    if left.kind != right.kind and "null" not in (left.kind, right.kind):
        raise Malformed(f"Values of different types around {node.word}")
    compare = _COMPARES[node.word]
    return Expr("bool", lambda row, outer_: compare(left.get(row, outer_), right.get(row, outer_)))


def _alike(node: Node, mine: Expr, other: Expr, version: int) -> Expr:
    """Return a literal in the form of the property it is compared with."""
    if not isinstance(node, Literal) or other.field is None:
        return mine
    value = fits(other.field, node, version)
    return Expr(node.kind, lambda _row, _outer: value)


def _calculated(word: str, left: Value, right: Value) -> Value:
    if left is None or right is None:
        return None
    try:
        return _SUMS[word](Decimal(str(left)), Decimal(str(right)))
    except (DivisionByZero, InvalidOperation):
        return None


_SUMS: Final[Mapping[str, Callable[[Decimal, Decimal], Decimal]]] = {
    "add": lambda left, right: left + right,
    "sub": lambda left, right: left - right,
    "mul": lambda left, right: left * right,
    "div": lambda left, right: left / right,
    "mod": lambda left, right: left % right,
}


def _ordered(test: Callable[[int], bool]) -> Callable[[Value, Value], bool]:
    def compare(left: Value, right: Value) -> bool:
        if left is None or right is None:
            return False
        one, two = cast("Decimal", left), cast("Decimal", right)
        return test((one > two) - (one < two))

    return compare


_COMPARES: Final[Mapping[str, Callable[[Value, Value], bool]]] = {
    "eq": lambda left, right: left == right,
    "ne": lambda left, right: left != right,
    "lt": _ordered(lambda order: order < 0),
    "le": _ordered(lambda order: order <= 0),
    "gt": _ordered(lambda order: order > 0),
    "ge": _ordered(lambda order: order >= 0),
}


def words_in(table: Table, row: Row, words: Iterable[str]) -> bool:
    """Say whether each word of a search stands in some text of the row."""
    texts = [
        outer(table.fields[name], value).casefold()
        for name, value in row.items()
        if isinstance(value, str) and name in table.fields
    ]
    return all(any(word.casefold() in text for text in texts) for word in words)
