"""What does a filter consist of?"""

from dataclasses import dataclass
from typing import TypeAlias

from isthmus.plugins.sandbox.sap.values import Value


class Malformed(Exception):
    """A part of a URL that cannot be read."""


@dataclass(frozen=True, slots=True)
class Literal:
    """A value as it was written: `kind` is string, number, bool, null, date, stamp, time, guid or binary."""

    kind: str
    value: Value


@dataclass(frozen=True, slots=True)
class Path:
    """A property, maybe behind navigation properties or a lambda's variable."""

    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands with a word between."""

    word: str
    left: "Node"
    right: "Node"


@dataclass(frozen=True, slots=True)
class Joined:
    """Any number of conditions with `and`, or with `or`, between them."""

    word: str
    operands: "tuple[Node, ...]"


@dataclass(frozen=True, slots=True)
class Unary:
    """`not` or a minus sign."""

    word: str
    operand: "Node"


@dataclass(frozen=True, slots=True)
class Called:
    """A function with its arguments."""

    name: str
    arguments: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class OneOf:
    """`in` with its list."""

    operand: "Node"
    choices: tuple[Literal, ...]


@dataclass(frozen=True, slots=True)
class Lambda:
    """`any` or `all` over what a path leads to; without a body, `any` asks whether there is one."""

    path: Path
    word: str
    variable: str
    body: "Node | None"


Node: TypeAlias = Literal | Path | Binary | Joined | Unary | Called | OneOf | Lambda
