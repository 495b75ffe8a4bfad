"""Which objects and fields does a query read, in which role, and under which name do values come back?

Names keep the spelling of the query; the vendor compares them without case, so match them to describe that way.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal as OneOf

from .ast import (
    Aliased,
    And,
    Call,
    Comparison,
    Condition,
    Expression,
    FieldRef,
    Fields,
    FieldsKind,
    In,
    Includes,
    InSelect,
    Like,
    Not,
    Or,
    Select,
    TypeOf,
    aggregates,
    fields_of,
)

Path = tuple[str, ...]
ReadKind = OneOf["main", "child", "semi_join", "typeof"]

# These give the value back under the field's own name.
_TRANSPARENT = frozenset({"FORMAT", "convertCurrency", "toLabel"})

Leaf = Comparison | Like | In | InSelect | Includes


@dataclass(frozen=True, slots=True)
class ObjectRead:
    """List the field paths one query reads of one source.

    `source` begins with the object after the outermost FROM (of a semi-join: its own) and continues with the
    relationships that lead here: ("Account", "Contacts"), or of a TYPEOF branch ("Task", "What"). `object` is the
    object where the text names it, None for a child relationship. Paths start at the source.

    `selected` returns values as they are, `aggregated` through an aggregate function (MIN and MAX still return one
    row's value). `filtered` holds WHERE, HAVING and the field a semi-join compares with; a semi-join selects nothing.
    A TYPEOF counts the `Type` its relationship points at as selected.
    """

    kind: ReadKind
    source: Path
    object: str | None
    selected: tuple[Path, ...] = ()
    aggregated: tuple[Path, ...] = ()
    filtered: tuple[Path, ...] = ()
    sorted: tuple[Path, ...] = ()
    grouped: tuple[Path, ...] = ()
    fields: tuple[FieldsKind, ...] = ()

    @property
    def paths(self) -> frozenset[Path]:
        """Return every path, whatever its role; FIELDS(...) is not in it before it is expanded."""
        return frozenset((*self.selected, *self.aggregated, *self.filtered, *self.sorted, *self.grouped))


@dataclass(frozen=True, slots=True)
class Column:
    """Say under which keys of a row an expression's value comes back."""

    key: Path
    expression: Expression


def reads(select: Select) -> tuple[ObjectRead, ...]:
    """Return what a query reads: the query itself first, then subqueries, TYPEOF branches and semi-joins."""
    return tuple(_reads(select, "main", (select.object,), select.object))


def _reads(select: Select, kind: ReadKind, source: Path, object: str | None) -> Iterator[ObjectRead]:
    returned = [item.expression if isinstance(item, Aliased) else item for item in select.items]
    calls_and_fields = [item for item in returned if isinstance(item, FieldRef | Call)]
    plain = _paths(each for each in calls_and_fields if not aggregates(each))
    polymorphic = [item for item in returned if isinstance(item, TypeOf)]
    selected = _once((*plain, *(path for item in polymorphic for path in _through(item))))
    conditions = [*_leaves(select.where), *_leaves(select.having)]
    filtered = _paths(leaf.left for leaf in conditions)
    joined = kind == "semi_join"
    yield ObjectRead(
        kind=kind,
        source=source,
        object=object,
        selected=() if joined else selected,
        aggregated=_paths(each for each in calls_and_fields if aggregates(each)),
        filtered=_once((*selected, *filtered)) if joined else filtered,
        sorted=_paths(order.expression for order in select.order_by),
        grouped=_paths(select.group_by.expressions if select.group_by is not None else ()),
        fields=tuple(item.kind for item in returned if isinstance(item, Fields)),
    )
    for item in returned:
        if isinstance(item, Select):
            yield from _reads(item, "child", (*source, item.object), None)
    for item in polymorphic:
        via = (*source, *item.relationship.path)
        for branch in item.branches:
            yield ObjectRead("typeof", via, branch.object, selected=_paths(branch.fields))
    for leaf in conditions:
        if isinstance(leaf, InSelect):
            yield from _reads(leaf.select, "semi_join", (leaf.select.object,), leaf.select.object)


def _through(item: TypeOf) -> Iterator[Path]:
    yield (*item.relationship.path, "Type")
    for field in item.otherwise:
        yield (*item.relationship.path, *field.path)


def _leaves(condition: Condition | None) -> Iterator[Leaf]:
    waiting = [] if condition is None else [condition]
    while waiting:
        node = waiting.pop()
        match node:
            case And() | Or():
                waiting.extend(reversed(node.terms))
            case Not():
                waiting.append(node.term)
            case _:
                yield node


def _paths(expressions: Iterable[Expression]) -> tuple[Path, ...]:
    return _once(field.path for each in expressions for field in fields_of(each))


def _once(paths: Iterable[Path]) -> tuple[Path, ...]:
    return tuple(dict.fromkeys(paths))


def columns(select: Select) -> tuple[Column, ...]:
    """Return where each selected field and function comes back in a row.

    Not listed: subqueries, TYPEOF and FIELDS, which keep their names, and COUNT() alone, which answers in totalSize.
    Rows of groups are flat, and unnamed functions are numbered expr0, expr1, ... ("Using Aliases with GROUP BY" of the
    vendor's SOQL reference).
    """
    found: list[Column] = []
    unnamed = 0
    for item in select.items:
        match item:
            case Aliased():
                found.append(Column((item.alias,), item.expression))
            case FieldRef():
                found.append(Column(item.path[-1:] if select.aggregated else item.path, item))
            case Call(name="COUNT", arguments=()):
                pass
            case Call() if (field := kept_name(item)) is not None and not select.aggregated:
                found.append(Column(field.path, item))
            case Call():
                found.append(Column((f"expr{unnamed}",), item))
                unnamed += 1
            case _:
                pass
    return tuple(found)


def kept_name(call: Call) -> FieldRef | None:
    """Return the field whose name a call such as toLabel(Status) keeps in a row."""
    expression: object = call
    while isinstance(expression, Call) and expression.name in _TRANSPARENT:
        expression = expression.arguments[0]
    return expression if isinstance(expression, FieldRef) else None
