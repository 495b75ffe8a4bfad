"""How is a SOQL tree written as the one text that is sent?"""

from typing import assert_never

from .ast import (
    Aliased,
    And,
    Call,
    Comparison,
    Condition,
    Expression,
    FieldRef,
    Fields,
    GroupBy,
    In,
    Includes,
    InSelect,
    Like,
    Not,
    Or,
    OrderBy,
    Select,
    SelectItem,
    TypeOf,
)
from .literals import (
    Boolean,
    Currency,
    Date,
    DateLiteral,
    DateTime,
    Literal,
    Null,
    Number,
    Text,
    Time,
    quote,
    quote_pattern,
)
from .names import MAX_DEPTH, MAX_STATEMENT, SoqlError


def render(select: Select) -> str:
    """Return the statement of a tree: equal trees give equal text, and `parse` gives the tree back."""
    text = _select(select, 0)
    if len(text) > MAX_STATEMENT:
        raise SoqlError(f"A statement has at most {MAX_STATEMENT} characters; ask for less, or split the values.")
    return text


def render_literal(value: Literal) -> str:
    """Return the text of one literal."""
    match value:
        case Text():
            return quote(value.value)
        case Number():
            return value.text
        case Boolean():
            return "TRUE" if value.value else "FALSE"
        case Null():
            return "NULL"
        case Date():
            return value.value.isoformat()
        case DateTime():
            fraction = f".{value.value.microsecond // 1000:03d}" if value.value.microsecond else ""
            return f"{value.value.date().isoformat()}T{value.value:%H:%M:%S}{fraction}Z"
        case Time():
            return f"{value.value:%H:%M:%S}.{value.value.microsecond // 1000:03d}Z"
        case DateLiteral():
            return value.name if value.count is None else f"{value.name}:{value.count}"
        case Currency():
            return f"{value.code}{value.amount}"
        case _:
            assert_never(value)


def _select(select: Select, depth: int) -> str:
    parts = [
        f"SELECT {', '.join(_item(item, select.object, depth) for item in select.items)}",
        f"FROM {select.object}",
        f"USING SCOPE {select.scope}" if select.scope is not None else "",
        f"WHERE {_condition(select.where, select.object, depth)}" if select.where is not None else "",
        f"WITH {select.mode}" if select.mode is not None else "",
        _group_by(select.group_by, select.object, depth) if select.group_by is not None else "",
        f"HAVING {_condition(select.having, select.object, depth)}" if select.having is not None else "",
        f"ORDER BY {', '.join(_order(each, select.object, depth) for each in select.order_by)}"
        if select.order_by
        else "",
        f"LIMIT {select.limit:d}" if select.limit is not None else "",
        f"OFFSET {select.offset:d}" if select.offset is not None else "",
        "ALL ROWS" if select.all_rows else "",
    ]
    return " ".join(part for part in parts if part)


def _deeper(depth: int) -> int:
    if depth == MAX_DEPTH:
        raise SoqlError(f"Conditions and subqueries nest at most {MAX_DEPTH} deep; build a flatter query.")
    return depth + 1


def _item(item: SelectItem, object: str, depth: int) -> str:
    match item:
        case FieldRef() | Call():
            return _expression(item, object, depth)
        case Aliased():
            return f"{_expression(item.expression, object, depth)} {item.alias}"
        case Fields():
            _deeper(depth)
            return f"FIELDS({item.kind})"
        case TypeOf():
            return _type_of(item, object)
        case Select():
            return f"({_select(item, _deeper(depth))})"
        case _:
            assert_never(item)


def _type_of(item: TypeOf, object: str) -> str:
    whens = " ".join(f"WHEN {when.object} THEN {_plain(when.fields)}" for when in item.branches)
    otherwise = f" ELSE {_plain(item.otherwise)}" if item.otherwise else ""
    return f"TYPEOF {_field(item.relationship, object)} {whens}{otherwise} END"


def _plain(fields: tuple[FieldRef, ...]) -> str:
    return ", ".join(".".join(field.path) for field in fields)


def _field(field: FieldRef, object: str) -> str:
    # A path that begins like the object would be read as the object's own prefix: say the prefix too.
    prefixed = len(field.path) > 1 and field.path[0].lower() == object.lower()
    return ".".join((object, *field.path) if prefixed else field.path)


def _expression(expression: Expression, object: str, depth: int) -> str:
    if isinstance(expression, FieldRef):
        return _field(expression, object)
    inside = _deeper(depth)
    arguments = (
        _expression(each, object, inside) if isinstance(each, FieldRef | Call) else render_literal(each)
        for each in expression.arguments
    )
    return f"{expression.name}({', '.join(arguments)})"


def _group_by(group_by: GroupBy, object: str, depth: int) -> str:
    if group_by.kind == "PLAIN":
        return f"GROUP BY {', '.join(_expression(each, object, depth) for each in group_by.expressions)}"
    expressions = ", ".join(_expression(each, object, _deeper(depth)) for each in group_by.expressions)
    return f"GROUP BY {group_by.kind}({expressions})"


def _order(order: OrderBy, object: str, depth: int) -> str:
    nulls = f" NULLS {order.nulls}" if order.nulls is not None else ""
    return f"{_expression(order.expression, object, depth)} {'DESC' if order.descending else 'ASC'}{nulls}"


def _condition(condition: Condition, object: str, depth: int) -> str:
    match condition:
        case Comparison():
            left = _expression(condition.left, object, depth)
            return f"{left} {condition.operator} {render_literal(condition.right)}"
        case Like():
            return f"{_expression(condition.left, object, depth)} LIKE {quote_pattern(condition.pattern)}"
        case In():
            left, word = _expression(condition.left, object, depth), _in(negated=condition.negated)
            return f"{left} {word} {_list(condition.values, depth)}"
        case InSelect():
            inner = _select(condition.select, _deeper(depth))
            return f"{_field(condition.left, object)} {_in(negated=condition.negated)} ({inner})"
        case Includes():
            word = "EXCLUDES" if condition.negated else "INCLUDES"
            return f"{_field(condition.left, object)} {word} {_list(condition.values, depth)}"
        case Not():
            return f"NOT {_nested(condition.term, object, depth)}"
        case And():
            return " AND ".join(_nested(term, object, depth) for term in condition.terms)
        case Or():
            return " OR ".join(_nested(term, object, depth) for term in condition.terms)
        case _:
            assert_never(condition)


def _nested(condition: Condition, object: str, depth: int) -> str:
    if isinstance(condition, And | Or | Not):
        return f"({_condition(condition, object, _deeper(depth))})"
    return _condition(condition, object, depth)


def _list(values: tuple[Literal, ...], depth: int) -> str:
    _deeper(depth)
    return f"({', '.join(map(render_literal, values))})"


def _in(*, negated: bool) -> str:
    return "NOT IN" if negated else "IN"
