"""Which parts does a SOQL statement have?"""

from dataclasses import dataclass
from typing import Literal as Choice
from typing import TypeAlias


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
    """A function of one field or of nothing; the name is in upper case."""

    function: str
    argument: Path | None
    at: int


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
class Selected:
    """One column of the answer; a nested query selects children."""

    expression: "Operand | Query | Macro"
    alias: str | None = None


@dataclass(frozen=True, slots=True)
class Order:
    """One sort key."""

    operand: Operand
    descending: bool = False
    nulls_last: bool = False


@dataclass(frozen=True, slots=True)
class Query:
    """One statement; `update` holds what FOR and UPDATE clauses ask for."""

    select: tuple[Selected, ...]
    object: str
    at: int
    alias: str | None = None
    scope: str | None = None
    where: Condition | None = None
    group_by: tuple[Operand, ...] = ()
    having: Condition | None = None
    order_by: tuple[Order, ...] = ()
    limit: int | None = None
    offset: int = 0
    update: tuple[str, ...] = ()
    all_rows: bool = False
