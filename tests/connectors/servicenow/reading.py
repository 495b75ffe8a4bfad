"""Encoded queries read by the vendor's published grammar alone: what the connector writes is judged by this reader.

A condition is a field, the first operator of the vendor's table that follows, and a value up to the next `^`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

OPERATORS = sorted(
    (
        *("=", "!=", "<", "<=", ">", ">=", "BETWEEN", "IN", "NOT IN", "SAMEAS", "NSAMEAS", "GT_FIELD", "LT_FIELD"),
        *("GT_OR_EQUALS_FIELD", "LT_OR_EQUALS_FIELD", "STARTSWITH", "ENDSWITH", "%", "LIKE", "*", "CONTAINS"),
        *("NOT LIKE", "NOTLIKE", "!*", "DOES NOT CONTAIN", "EMPTYSTRING", "ISEMPTY", "ISNOTEMPTY", "ANYTHING"),
        *("INSTANCEOF", "DYNAMIC", "ON", "NOTON", "RELATIVEGT", "RELATIVEGE", "RELATIVELE", "RELATIVELT", "RELATIVEEE"),
        *("DATEPART", "MORETHAN", "LESSTHAN", "VALCHANGES", "CHANGESFROM", "CHANGESTO"),
    ),
    key=len,
    reverse=True,
)


@dataclass
class Read:
    """What a text says: groups of chains of alternatives, each (field, operator, value), and the sort keys."""

    groups: list[list[list[tuple[str, str, str]]]] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    @property
    def conditions(self) -> list[tuple[str, str, str]]:
        return [one for group in self.groups for some in group for one in some]


def read(text: str) -> Read:
    found = Read()
    for part in text.split("^") if text else []:
        if part.startswith("ORDERBY"):
            found.order.append(part)
        elif part.startswith("NQ"):
            found.groups.append([[condition(part[2:])]])
        elif part.startswith("OR"):
            found.groups[-1][-1].append(condition(part[2:]))
        elif found.groups:
            found.groups[-1].append([condition(part)])
        else:
            found.groups.append([[condition(part)]])
    return found


def condition(text: str) -> tuple[str, str, str]:
    for at in range(1, len(text)):
        for operator in OPERATORS:
            if text.startswith(operator, at):
                return text[:at], operator, text[at + len(operator) :]
    raise AssertionError(f"{text!r} is no condition")


def holds(text: str, row: Mapping[str, str]) -> bool:
    """Tell whether a row is in the answer; an empty text is a missing value, which no comparison finds."""
    groups = read(text).groups
    return not groups or any(all(any(_fits(one, row) for one in some) for some in group) for group in groups)


def _fits(one: tuple[str, str, str], row: Mapping[str, str]) -> bool:
    name, operator, value = one
    has = row[name]
    if operator in ("ISEMPTY", "ISNOTEMPTY"):
        return (has == "") is (operator == "ISEMPTY")
    return bool(has) and _TESTS[operator](has, value)


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "=": lambda has, value: has == value,
    "!=": lambda has, value: has != value,
    "<": lambda has, value: has < value,
    "<=": lambda has, value: has <= value,
    ">": lambda has, value: has > value,
    ">=": lambda has, value: has >= value,
    "IN": lambda has, value: has in value.split(","),
    "NOT IN": lambda has, value: has not in value.split(","),
    "LIKE": lambda has, value: value in has,
    "NOT LIKE": lambda has, value: value not in has,
    "STARTSWITH": lambda has, value: has.startswith(value),
    "ENDSWITH": lambda has, value: has.endswith(value),
}


def dissect(text: str) -> tuple[str, list[str]]:
    """Read a query into its structure and its literals; a text that is none is a literal of its own."""
    found = read(text)
    shape = [[[(name, operator) for name, operator, _ in some] for some in group] for group in found.groups]
    return repr((shape, found.order)), [value for _, _, value in found.conditions]
