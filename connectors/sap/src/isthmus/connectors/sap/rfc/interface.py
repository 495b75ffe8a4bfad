"""Which parameters does a function module have, and what does each hold?"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

__all__ = ["DESCRIBING", "FIELDS_OF", "PARAMETERS_OF", "Direction", "Field", "Interface", "Parameter", "describe"]

Rows = Sequence[Mapping[str, object]]
Calls = Callable[["Interface", Mapping[str, str]], Mapping[str, object]]
"""How to call a function module whose arguments are texts."""
_TWO_BYTE = frozenset("CNDT")


class Direction(StrEnum):
    """The class of a parameter, as its function module declares it."""

    IMPORTING = "I"
    EXPORTING = "E"
    CHANGING = "C"
    TABLES = "T"


@dataclass(frozen=True, slots=True)
class Field:
    """One elementary value; `type` is the one-letter ABAP type.

    `length` counts characters of C, N, D and T, digits of P and bytes of X. `alpha` tells that digits are kept with
    leading zeros.
    """

    name: str
    type: str
    length: int = 0
    decimals: int = 0
    alpha: bool = False
    text: str = ""


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter: `fields` are those of its structure or of a row of its table; a flat one has one field alone."""

    name: str
    direction: Direction
    fields: tuple[Field, ...]
    flat: bool = True
    table: bool = False
    optional: bool = True
    text: str = ""

    @property
    def untyped(self) -> bool:
        """Tell whether nothing is known of what is in its structure or table."""
        return not self.flat and not self.fields

    @property
    def sent(self) -> bool:
        """Tell whether a caller gives it."""
        return self.direction is not Direction.EXPORTING

    @property
    def answered(self) -> bool:
        """Tell whether a result holds it."""
        return self.direction is not Direction.IMPORTING


@dataclass(frozen=True, slots=True)
class Interface:
    """The interface of a function module."""

    name: str
    parameters: tuple[Parameter, ...] = ()


def _text(name: str, direction: Direction = Direction.IMPORTING, length: int = 30) -> Parameter:
    return Parameter(name, direction, (Field(name, "C", length),))


def _table(name: str) -> Parameter:
    return Parameter(name, Direction.TABLES, (), flat=False, table=True)


PARAMETERS_OF = Interface("RFC_GET_FUNCTION_INTERFACE", (_text("FUNCNAME"), _table("PARAMS")))
FIELDS_OF = Interface("DDIF_FIELDINFO_GET", (_text("TABNAME"), _text("ALL_TYPES", length=1), _table("DFIES_TAB")))
DESCRIBING = frozenset({PARAMETERS_OF.name, FIELDS_OF.name})
"""The function modules by which a system describes the others."""


def describe(function: str, call: Calls) -> Interface:
    """Ask the system for the interface of a function module; raises what `call` raises.

    Function modules answer this since release 4.6, whichever package carries them.
    """
    told = call(PARAMETERS_OF, {"FUNCNAME": function})
    structures: dict[str, tuple[Field, ...]] = {}

    def fields_of(structure: str) -> tuple[Field, ...]:
        if structure not in structures:
            found = call(FIELDS_OF, {"TABNAME": structure, "ALL_TYPES": "X"})
            structures[structure] = tuple(_field(row) for row in _rows(found, "DFIES_TAB"))
        return structures[structure]

    rows = [row for row in _rows(told, "PARAMS") if _letters(row, "PARAMCLASS") in set(Direction)]
    return Interface(function, tuple(_parameter(row, fields_of) for row in rows))


def _parameter(row: Mapping[str, object], fields_of: Callable[[str], tuple[Field, ...]]) -> Parameter:
    name, direction = _letters(row, "PARAMETER"), Direction(_letters(row, "PARAMCLASS"))
    structure, column, type = (_letters(row, each) for each in ("TABNAME", "FIELDNAME", "EXID"))
    flat = type not in ("u", "h", "v") and direction is not Direction.TABLES
    like = next((one for one in fields_of(structure) if one.name == column), None) if flat and column else None
    one = replace(like, name=name) if like else _elementary(name, type, row)
    fields = (one,) if flat else fields_of(structure)
    optional = _letters(row, "OPTIONAL") == "X"
    table = direction is Direction.TABLES or type == "h"
    return Parameter(name, direction, fields, flat, table, optional, _letters(row, "PARAMTEXT"))


def _elementary(name: str, type: str, row: Mapping[str, object]) -> Field:
    width = _number(row, "INTLENGTH")
    length = width // 2 if type in _TWO_BYTE else 2 * width - 1 if type == "P" else width
    return Field(name, type, length, _number(row, "DECIMALS"))


def _field(row: Mapping[str, object]) -> Field:
    type = _TYPES.get(_letters(row, "DATATYPE"), _letters(row, "INTTYPE"))
    return Field(
        _letters(row, "FIELDNAME"),
        type,
        _number(row, "LENG"),
        _number(row, "DECIMALS"),
        _letters(row, "CONVEXIT") == "ALPHA",
        _letters(row, "FIELDTEXT"),
    )


_TYPES = {"INT1": "b", "INT2": "s", "INT4": "I", "INT8": "8", "FLTP": "F", "STRG": "g", "SSTR": "g", "RSTR": "y"}
"""Data types that the one-letter type of a field does not always tell apart from plain bytes."""


def _rows(told: Mapping[str, object], name: str) -> Rows:
    found = told.get(name)
    return [row for row in found if isinstance(row, Mapping)] if isinstance(found, Sequence) else []


def _letters(row: Mapping[str, object], name: str) -> str:
    return str(row.get(name, "")).strip()


def _number(row: Mapping[str, object], name: str) -> int:
    digits = _letters(row, name)
    return int(digits) if digits.lstrip("-").isdigit() else 0
