"""Which parts does a SOQL statement have?"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, TypeAlias
from typing import Literal as Choice

AGGREGATES: Final = frozenset({"COUNT", "COUNT_DISTINCT", "SUM", "AVG", "MIN", "MAX"})


class SoqlError(Exception):
    """A statement the org does not accept; `at` is the offset of the offending text, if one is to blame."""

    def __init__(self, code: str, message: str, at: int | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.at = at

    def render(self, text: str) -> str:
        """Return the message with the place in the statement, as the API shows it."""
        if self.at is None:
            return self.message
        before = text[: self.at]
        row = before.count("\n") + 1
        column = self.at - (before.rfind("\n") + 1) + 1
        line = text.split("\n")[row - 1]
        start = max(0, column - 61)
        window = line[start : column + 20]
        return f"\n{window}\n{' ' * (column - 1 - start)}^\nERROR at Row:{row}:Column:{column}\n{self.message}"


def malformed(message: str, at: int | None = None) -> SoqlError:
    """Say that the statement breaks a rule of the language."""
    return SoqlError("MALFORMED_QUERY", message, at)


@dataclass(frozen=True, slots=True)
class Path:
    """A field, possibly of a parent: `Account.Owner.Name`."""

    parts: tuple[str, ...]
    at: int

    @property
    def text(self) -> str:
        """Return the path as it is written."""
        return ".".join(self.parts)


@dataclass(frozen=True, slots=True)
class Call:
    """A function applied to fields, literals or other functions; `name` is as written."""

    name: str
    arguments: "tuple[Path | Call | Literal, ...]"
    at: int

    @property
    def function(self) -> str:
        """Return the name in upper case."""
        return self.name.upper()

    @property
    def text(self) -> str:
        """Return the call as it is written, but for its blanks."""
        return f"{self.name}({', '.join(each.text for each in self.arguments)})"


Operand: TypeAlias = Path | Call


@dataclass(frozen=True, slots=True)
class Literal:
    """One value as written: strings keep their escapes, a period keeps its count in `number`."""

    kind: Choice["string", "number", "boolean", "null", "date", "datetime", "period"]
    text: str
    at: int
    number: int = 0


@dataclass(frozen=True, slots=True)
class Comparison:
    """An operand held against a value, a list of values or a nested query."""

    operand: Operand
    operator: str
    value: "Literal | tuple[Literal, ...] | Query"


@dataclass(frozen=True, slots=True)
class Logical:
    """Conditions joined by AND or by OR."""

    operator: Choice["AND", "OR"]
    terms: "tuple[Condition, ...]"


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite of a condition."""

    term: "Condition"


Condition: TypeAlias = Comparison | Logical | Not


@dataclass(frozen=True, slots=True)
class Macro:
    """`FIELDS(ALL)`, `FIELDS(STANDARD)` or `FIELDS(CUSTOM)`."""

    group: str
    at: int


@dataclass(frozen=True, slots=True)
class Case:
    """What TYPEOF selects of one object."""

    object: str
    at: int
    fields: tuple[Path, ...]


@dataclass(frozen=True, slots=True)
class TypeOf:
    """Columns that depend on the object of a parent; `otherwise` holds those of ELSE."""

    path: Path
    cases: tuple[Case, ...]
    otherwise: tuple[Path, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Selected:
    """One column of the answer; a nested query selects children."""

    expression: "Operand | Query | Macro | TypeOf"
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    operand: Operand
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One statement; `update` holds what FOR and UPDATE clauses ask for, `joined` the aliases of parents in FROM."""

    select: tuple[Selected, ...]
    object: str
    at: int
    alias: str | None = None
    joined: tuple[tuple[str, Path], ...] = ()
    scope: str | None = None
    where: Condition | None = None
    grouping: Choice["", "ROLLUP", "CUBE"] = ""
    group_by: tuple[Operand, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    update: tuple[str, ...] = ()
    all_rows: bool = False


def calls(operand: "Operand | Query | Macro | TypeOf | Literal") -> tuple[Call, ...]:
    """Return a function and the functions within its arguments."""
    if not isinstance(operand, Call):
        return ()
    return (operand, *(inner for each in operand.arguments for inner in calls(each)))


def is_aggregate(query: Query) -> bool:
    """Say whether the statement answers with groups instead of records."""
    functions = {call.function for each in query.select for call in calls(each.expression)}
    return bool(query.group_by) or not functions.isdisjoint(AGGREGATES)


def is_bare_count(query: Query) -> bool:
    """Say whether the statement asks for a number of rows and nothing else."""
    return any(isinstance(each.expression, Call) and each.expression.text.upper() == "COUNT()" for each in query.select)


def required(condition: Condition | None) -> Iterable[Comparison]:
    """Yield the comparisons that every row of the answer must pass."""
    if isinstance(condition, Comparison):
        yield condition
    elif isinstance(condition, Logical) and condition.operator == "AND":
        for term in condition.terms:
            yield from required(term)
