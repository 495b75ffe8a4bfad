"""What does a SOQL text ask for?

Reads what the vendor's reference ("SOQL SELECT Syntax") allows in a query that only reads. AND and OR are not mixed,
and NOT stands alone in its parentheses, as the vendor demands. Any text gives a tree or a `SoqlError`.
"""

from .ast import (
    And,
    Comparison,
    Condition,
    Expression,
    FieldRef,
    GroupBy,
    In,
    Includes,
    InSelect,
    Like,
    Mode,
    Not,
    Operator,
    Or,
    OrderBy,
    Select,
    SelectItem,
    TypeOf,
    When,
)
from .expressions import (
    Scope,
    located,
    parse_alias,
    parse_expression,
    parse_field,
    parse_fields,
    parse_literal,
    parse_path,
    parse_pattern,
    parse_row_count,
    parse_selected,
)
from .literals import Literal, Text
from .names import SoqlError, check_first_name
from .tokens import Cursor, Token

_OPERATORS: dict[str, Operator] = {"=": "=", "!=": "!=", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}
_LAST_CLAUSES = {
    "VIEW": "FOR VIEW marks what it reads as viewed",
    "REFERENCE": "FOR REFERENCE marks what it reads as referenced",
    "UPDATE": "FOR UPDATE locks what it reads",
    "TRACKING": "UPDATE TRACKING writes article statistics",
    "VIEWSTAT": "UPDATE VIEWSTAT writes article statistics",
}


def parse(text: str) -> Select:
    """Return the tree of one SELECT statement; raises SoqlError for anything else."""
    cursor = Cursor(text)
    if not cursor.at_word("SELECT"):
        raise cursor.unexpected("SELECT")
    select = _select(cursor, frozenset())
    if cursor.token.kind != "end":
        raise _trailing(cursor)
    return select


def _trailing(cursor: Cursor) -> SoqlError:
    token = cursor.token
    if cursor.at_word("FOR", "UPDATE"):
        reason = _LAST_CLAUSES.get(cursor.following.text.upper())
        if reason is not None:
            return SoqlError(f"{reason}, and a query only reads; leave it out.", token.position)
    if cursor.at_word("SELECT"):
        return SoqlError("One statement is sent at a time; leave out the second one.", token.position)
    sentence = f"The query ends before {token.shown()}; leave the rest out, or put the clauses in the vendor's order."
    return SoqlError(sentence, token.position)


def _select(cursor: Cursor, outer: Scope) -> Select:
    """Read from SELECT to the end of the query; `outer` are the names of the query around a child subquery."""
    start, source = cursor.token, cursor.find_from()
    object, scope, end = _source(cursor, source, outer)
    items = _items(cursor, scope)
    if cursor.index != source:
        raise cursor.unexpected("a comma or FROM")
    cursor.index = end
    using = _using(cursor)
    where = _condition(cursor, scope) if cursor.accept_word("WHERE") else None
    mode = _mode(cursor)
    group_by = _group_by(cursor, scope)
    having = _condition(cursor, scope) if cursor.accept_word("HAVING") else None
    order_by = _order_by(cursor, scope)
    limit = parse_row_count(cursor) if cursor.accept_word("LIMIT") else None
    offset = parse_row_count(cursor) if cursor.accept_word("OFFSET") else None
    all_rows = cursor.accept_word("ALL") is not None and bool(cursor.expect_word("ROWS"))
    with located(start):
        return Select(items, object, using, where, mode, group_by, having, order_by, limit, offset, all_rows)


def _source(cursor: Cursor, source: int, outer: Scope) -> tuple[str, Scope, int]:
    """Look ahead, past FROM, for the object, the names that mean it, and where the text after it begins."""
    before, cursor.index = cursor.index, source + 1
    start = cursor.token
    path = parse_path(cursor)
    if len(path) > 1 and path[0].lower() in outer:
        path = path[1:]
    if len(path) > 1:
        raise SoqlError("FROM names one object or child relationship; leave out the path.", start.position)
    with located(start):
        object = check_first_name(path[0])
    alias = parse_alias(cursor)
    if cursor.at_sign(","):
        sentence = "FROM names one object; write relationship paths in the fields instead of more aliases."
        raise SoqlError(sentence, cursor.token.position)
    names = frozenset(name.lower() for name in (object, alias) if name is not None)
    end, cursor.index = cursor.index, before + 1
    return object, names, end


def _items(cursor: Cursor, scope: Scope) -> tuple[SelectItem, ...]:
    items = [_item(cursor, scope)]
    while cursor.accept_sign(","):
        items.append(_item(cursor, scope))
    return tuple(items)


def _item(cursor: Cursor, scope: Scope) -> SelectItem:
    if cursor.at_sign("("):
        return _subquery(cursor, scope)
    if cursor.at_word("TYPEOF"):
        return _type_of(cursor, scope)
    if cursor.at_word("FIELDS") and cursor.following.text == "(":
        return parse_fields(cursor)
    return parse_selected(cursor, scope)


def _subquery(cursor: Cursor, outer: Scope) -> Select:
    cursor.open_group()
    if not cursor.at_word("SELECT"):
        raise cursor.unexpected("SELECT")
    select = _select(cursor, outer)
    if not cursor.at_sign(")") and cursor.token.kind != "end":
        raise _trailing(cursor)
    cursor.close_group()
    return select


def _type_of(cursor: Cursor, scope: Scope) -> TypeOf:
    start = cursor.take()
    relationship = parse_field(cursor, scope)
    branches: list[When] = []
    while cursor.accept_word("WHEN"):
        object = cursor.name()
        cursor.expect_word("THEN")
        with located(object):
            branches.append(When(object.text, _field_list(cursor, frozenset())))
    otherwise = _field_list(cursor, frozenset()) if cursor.accept_word("ELSE") else ()
    cursor.expect_word("END")
    with located(start):
        return TypeOf(relationship, tuple(branches), otherwise)


def _field_list(cursor: Cursor, scope: Scope) -> tuple[FieldRef, ...]:
    fields = [parse_field(cursor, scope)]
    while cursor.accept_sign(","):
        fields.append(parse_field(cursor, scope))
    return tuple(fields)


def _using(cursor: Cursor) -> str | None:
    if not cursor.accept_word("USING"):
        return None
    cursor.expect_word("SCOPE")
    return cursor.name().text


def _mode(cursor: Cursor) -> Mode | None:
    start = cursor.token
    if not cursor.accept_word("WITH"):
        return None
    if cursor.accept_word("SECURITY_ENFORCED"):
        return "SECURITY_ENFORCED"
    if cursor.accept_word("USER_MODE"):
        return "USER_MODE"
    raise SoqlError("After WITH only SECURITY_ENFORCED or USER_MODE is sent; leave the clause out.", start.position)


def _group_by(cursor: Cursor, scope: Scope) -> GroupBy | None:
    if not cursor.accept_word("GROUP"):
        return None
    cursor.expect_word("BY")
    if cursor.at_word("ROLLUP", "CUBE") and cursor.following.text == "(":
        kind = cursor.accept_word("ROLLUP", "CUBE")
        cursor.open_group()
        expressions = _expressions(cursor, scope)
        cursor.close_group()
        return GroupBy(expressions, "ROLLUP" if kind == "ROLLUP" else "CUBE")
    return GroupBy(_expressions(cursor, scope))


def _expressions(cursor: Cursor, scope: Scope) -> tuple[Expression, ...]:
    expressions = [parse_expression(cursor, scope)]
    while cursor.accept_sign(","):
        expressions.append(parse_expression(cursor, scope))
    return tuple(expressions)


def _order_by(cursor: Cursor, scope: Scope) -> tuple[OrderBy, ...]:
    if not cursor.accept_word("ORDER"):
        return ()
    cursor.expect_word("BY")
    orders = [_order(cursor, scope)]
    while cursor.accept_sign(","):
        orders.append(_order(cursor, scope))
    return tuple(orders)


def _order(cursor: Cursor, scope: Scope) -> OrderBy:
    expression = parse_expression(cursor, scope)
    descending = cursor.accept_word("ASC", "DESC") == "DESC"
    if not cursor.accept_word("NULLS"):
        return OrderBy(expression, descending)
    return OrderBy(expression, descending, "FIRST" if cursor.expect_word("FIRST", "LAST") == "FIRST" else "LAST")


def _condition(cursor: Cursor, scope: Scope) -> Condition:
    if cursor.accept_word("NOT"):
        negated = Not(_term(cursor, scope))
        if cursor.at_word("AND", "OR"):
            sentence = "NOT is not mixed with AND or OR; put it in parentheses: (NOT ...)."
            raise SoqlError(sentence, cursor.token.position)
        return negated
    terms = [_term(cursor, scope)]
    word = cursor.token
    if not cursor.at_word("AND", "OR"):
        return terms[0]
    joined = word.text.upper()
    while cursor.accept_word(joined):
        terms.append(_term(cursor, scope))
    if cursor.at_word("AND", "OR"):
        sentence = "AND and OR are not mixed; put the part that belongs together in parentheses."
        raise SoqlError(sentence, cursor.token.position)
    return And(tuple(terms)) if joined == "AND" else Or(tuple(terms))


def _term(cursor: Cursor, scope: Scope) -> Condition:
    if cursor.at_word("NOT"):
        raise SoqlError("NOT here needs parentheses of its own; write (NOT ...).", cursor.token.position)
    if not cursor.at_sign("("):
        return _comparison(cursor, scope)
    cursor.open_group()
    condition = _condition(cursor, scope)
    cursor.close_group()
    return condition


def _comparison(cursor: Cursor, scope: Scope) -> Condition:
    start = cursor.token
    left = parse_expression(cursor, scope)
    sign = cursor.token
    if sign.kind == "sign" and sign.text in _OPERATORS:
        cursor.take()
        return Comparison(left, _OPERATORS[sign.text], parse_literal(cursor))
    if cursor.accept_word("LIKE"):
        return Like(left, parse_pattern(cursor))
    if cursor.at_word("INCLUDES", "EXCLUDES"):
        return _includes(cursor, start, left)
    negated = cursor.accept_word("NOT") is not None
    if negated and cursor.at_word("LIKE"):
        raise SoqlError("SOQL has no NOT LIKE; write (NOT field LIKE 'pattern').", cursor.token.position)
    if not cursor.accept_word("IN"):
        raise cursor.unexpected("IN" if negated else "=, !=, <, <=, >, >=, LIKE, IN, NOT IN, INCLUDES or EXCLUDES")
    if cursor.at_sign("(") and cursor.following.text.upper() == "SELECT":
        return _in_select(cursor, start, left, negated=negated)
    return In(left, _values(cursor), negated)


def _in_select(cursor: Cursor, start: Token, left: Expression, *, negated: bool) -> InSelect:
    select = _subquery(cursor, frozenset())
    if not isinstance(left, FieldRef):
        raise SoqlError("Before IN (SELECT ...) stands a plain field; leave out the function.", start.position)
    with located(start):
        return InSelect(left, select, negated)


def _includes(cursor: Cursor, start: Token, left: Expression) -> Includes:
    negated = cursor.expect_word("INCLUDES", "EXCLUDES") == "EXCLUDES"
    opening = cursor.token
    values = _values(cursor)
    texts = tuple(value for value in values if isinstance(value, Text))
    if len(texts) != len(values):
        raise SoqlError("INCLUDES and EXCLUDES list strings; put each between single quotes.", opening.position)
    if not isinstance(left, FieldRef):
        raise SoqlError("Before INCLUDES or EXCLUDES stands a plain field; leave out the function.", start.position)
    return Includes(left, texts, negated)


def _values(cursor: Cursor) -> tuple[Literal, ...]:
    if cursor.at_sign(":"):
        raise SoqlError("Bind variables are not sent; write the values themselves.", cursor.token.position)
    cursor.open_group()
    values = [parse_literal(cursor)]
    while cursor.accept_sign(","):
        values.append(parse_literal(cursor))
    cursor.close_group()
    return tuple(values)
