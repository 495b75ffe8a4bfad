"""What is a SOQL query made of?

Every name is checked when a node is made, so a tree renders to names, keywords and literals only. It holds no alias of
an object: the parser resolves them, so what was authorized is spelled the way it is sent.
"""

from collections.abc import Sized
from dataclasses import dataclass
from typing import Literal as OneOf
from typing import get_args

from .literals import Literal, Number, Pattern, Text
from .names import AGGREGATES, FUNCTIONS, MAX_PATH, SoqlError, check_alias, check_first_name, check_name

FieldsKind = OneOf["ALL", "STANDARD", "CUSTOM"]
Operator = OneOf["=", "!=", "<", "<=", ">", ">="]
GroupKind = OneOf["PLAIN", "ROLLUP", "CUBE"]
Mode = OneOf["SECURITY_ENFORCED", "USER_MODE"]
Nulls = OneOf["FIRST", "LAST"]


@dataclass(frozen=True, slots=True)
class FieldRef:
    """Name a field, through at most five relationships: `("Account", "Owner", "Name")`."""

    path: tuple[str, ...]

    def __post_init__(self) -> None:
        if not 1 <= len(self.path) <= MAX_PATH:
            raise SoqlError(f"A field path has 1 to {MAX_PATH} parts; the vendor follows at most five relationships.")
        check_first_name(self.path[0])
        for part in self.path[1:]:
            check_name(part)


@dataclass(frozen=True, slots=True)
class Call:
    """Apply a function, in the vendor's spelling, to a field, another call or constants."""

    name: str
    arguments: tuple["FieldRef | Call | Literal", ...] = ()

    def __post_init__(self) -> None:
        if FUNCTIONS.get(self.name.upper()) != self.name:
            raise SoqlError(f"{self.name!a} is not a SOQL function; the functions are {', '.join(FUNCTIONS.values())}.")
        if not _arguments_fit(self):
            raise SoqlError(f"{self.name} does not take these arguments; {_USAGE.get(self.name, _ONE_FIELD)}.")


_ONE_FIELD = "it takes one field"
_USAGE = {
    "COUNT": "it takes one field or nothing",
    "DISTANCE": "write DISTANCE(field, GEOLOCATION(latitude, longitude), 'km') or 'mi'",
    "GEOLOCATION": "it takes latitude and longitude as numbers, inside DISTANCE",
}


def _arguments_fit(call: Call) -> bool:
    match call.name, call.arguments:
        case "COUNT", ():
            return True
        case "GEOLOCATION", (Number(), Number()):
            return True
        case "DISTANCE", (FieldRef(), FieldRef() | Call(name="GEOLOCATION"), Text(value="km" | "mi")):
            return True
        case "GEOLOCATION" | "DISTANCE", _:
            return False
        case _, (FieldRef(),):
            return True
        case _, (Call(name=inner),):
            return inner != "GEOLOCATION"
        case _:
            return False


Expression = FieldRef | Call


@dataclass(frozen=True, slots=True)
class Comparison:
    """Compare with one literal."""

    left: Expression
    operator: Operator
    right: Literal

    def __post_init__(self) -> None:
        _one_of(self.operator, get_args(Operator), "The operator")


@dataclass(frozen=True, slots=True)
class Like:
    """Match a pattern."""

    left: Expression
    pattern: Pattern


@dataclass(frozen=True, slots=True)
class In:
    """Test membership in a list of literals."""

    left: Expression
    values: tuple[Literal, ...]
    negated: bool = False

    def __post_init__(self) -> None:
        _not_empty(self.values, "An IN list", "one value")


@dataclass(frozen=True, slots=True)
class InSelect:
    """Test membership in the one field that another query selects (a semi-join; negated, an anti-join)."""

    left: FieldRef
    select: "Select"
    negated: bool = False

    def __post_init__(self) -> None:
        if len(self.select.items) != 1 or not isinstance(self.select.items[0], FieldRef):
            raise SoqlError("The query after IN selects exactly one field; name that field alone.")


@dataclass(frozen=True, slots=True)
class Includes:
    """Test a multi-select picklist; a value such as `A;B` means both. Negated it is EXCLUDES."""

    left: FieldRef
    values: tuple[Text, ...]
    negated: bool = False

    def __post_init__(self) -> None:
        _not_empty(self.values, "INCLUDES and EXCLUDES", "one value")


@dataclass(frozen=True, slots=True)
class And:
    """Require every term."""

    terms: tuple["Condition", ...]

    def __post_init__(self) -> None:
        _not_empty(self.terms[1:], "AND", "two terms")


@dataclass(frozen=True, slots=True)
class Or:
    """Require one term."""

    terms: tuple["Condition", ...]

    def __post_init__(self) -> None:
        _not_empty(self.terms[1:], "OR", "two terms")


@dataclass(frozen=True, slots=True)
class Not:
    """Require that the term does not hold."""

    term: "Condition"


Condition = Comparison | Like | In | InSelect | Includes | And | Or | Not


@dataclass(frozen=True, slots=True)
class Aliased:
    """Select an expression under a name of its own (grouped queries)."""

    expression: Expression
    alias: str

    def __post_init__(self) -> None:
        check_alias(self.alias)


@dataclass(frozen=True, slots=True)
class Fields:
    """Select a whole set of fields: FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)."""

    kind: FieldsKind

    def __post_init__(self) -> None:
        _one_of(self.kind, get_args(FieldsKind), "What FIELDS names")


@dataclass(frozen=True, slots=True)
class When:
    """Select fields where a polymorphic relationship points at one object."""

    object: str
    fields: tuple[FieldRef, ...]

    def __post_init__(self) -> None:
        check_first_name(self.object)
        _not_empty(self.fields, "THEN", "one field")


@dataclass(frozen=True, slots=True)
class TypeOf:
    """Select different fields by the object that a polymorphic relationship points at."""

    relationship: FieldRef
    branches: tuple[When, ...]
    otherwise: tuple[FieldRef, ...] = ()

    def __post_init__(self) -> None:
        _not_empty(self.branches, "TYPEOF", "one WHEN")


@dataclass(frozen=True, slots=True)
class GroupBy:
    """Group by fields or date functions, plainly or with ROLLUP or CUBE subtotals."""

    expressions: tuple[Expression, ...]
    kind: GroupKind = "PLAIN"

    def __post_init__(self) -> None:
        _not_empty(self.expressions, "GROUP BY", "one field")
        _one_of(self.kind, get_args(GroupKind), "The kind of GROUP BY")


@dataclass(frozen=True, slots=True)
class OrderBy:
    """Sort by one expression; `nulls` None leaves their place to the vendor (first)."""

    expression: Expression
    descending: bool = False
    nulls: Nulls | None = None

    def __post_init__(self) -> None:
        _one_of(self.nulls, (None, *get_args(Nulls)), "NULLS")


@dataclass(frozen=True, slots=True)
class Select:
    """Hold one query; among its items another Select is a child subquery whose object is the child relationship.

    `all_rows` renders ALL ROWS, which REST expresses by the queryAll resource instead.
    """

    items: tuple["SelectItem", ...]
    object: str
    scope: str | None = None
    where: Condition | None = None
    mode: Mode | None = None
    group_by: GroupBy | None = None
    having: Condition | None = None
    order_by: tuple[OrderBy, ...] = ()
    limit: int | None = None
    offset: int | None = None
    all_rows: bool = False

    def __post_init__(self) -> None:
        _not_empty(self.items, "SELECT", "one field")
        check_first_name(self.object)
        if self.scope is not None:
            check_alias(self.scope)
        _one_of(self.mode, (None, *get_args(Mode)), "WITH")
        if self.having is not None and self.group_by is None:
            raise SoqlError("HAVING filters groups; add GROUP BY, or use WHERE.")
        for word, count in (("LIMIT", self.limit), ("OFFSET", self.offset)):
            if count is not None and not 0 <= count <= 2**31 - 1:
                raise SoqlError(f"{word} counts rows; use a whole number from 0 to 2147483647.")

    @property
    def aggregated(self) -> bool:
        """Tell whether rows are groups and not records."""
        expressions = (item.expression if isinstance(item, Aliased) else item for item in self.items)
        return self.group_by is not None or any(isinstance(each, Call) and aggregates(each) for each in expressions)


SelectItem = FieldRef | Call | Aliased | Fields | TypeOf | Select


def aggregates(expression: Expression) -> bool:
    """Tell whether an expression holds an aggregate function, at any depth."""
    while isinstance(expression, Call):
        if expression.name in AGGREGATES:
            return True
        inner = expression.arguments[:1]
        if not inner or not isinstance(inner[0], FieldRef | Call):
            return False
        expression = inner[0]
    return False


def fields_of(expression: Expression) -> tuple[FieldRef, ...]:
    """Return the fields an expression reads, in the order of its text."""
    found: list[FieldRef] = []
    waiting: list[FieldRef | Call | Literal] = [expression]
    while waiting:
        node = waiting.pop()
        if isinstance(node, FieldRef):
            found.append(node)
        elif isinstance(node, Call):
            waiting.extend(reversed(node.arguments))
    return tuple(found)


def _not_empty(values: Sized, subject: str, least: str) -> None:
    if not len(values):
        raise SoqlError(f"{subject} needs at least {least}; add it.")


def _one_of(value: str | None, allowed: tuple[str | None, ...], subject: str) -> None:
    # The annotations say the same, but a word that reaches the statement is checked where it enters.
    if value not in allowed:
        raise SoqlError(f"{subject} is one of {', '.join(map(str, allowed))}; use one of these.")
