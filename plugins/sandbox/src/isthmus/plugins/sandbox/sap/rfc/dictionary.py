"""What does the ABAP dictionary say of a type, and where does a field lie in a structure?"""

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Final

TWO_BYTE: Final = frozenset({"CHAR", "NUMC", "DATS", "TIMS", "CLNT", "LANG", "CUKY", "UNIT"})
PACKED: Final = frozenset({"DEC", "CURR", "QUAN"})
_EXID: Final = {
    **dict.fromkeys(("CHAR", "CLNT", "LANG", "CUKY", "UNIT"), "C"),
    **dict.fromkeys(PACKED, "P"),
    "NUMC": "N",
    "DATS": "D",
    "TIMS": "T",
    "INT1": "b",
    "INT2": "s",
    "INT4": "I",
    "FLTP": "F",
    "RAW": "X",
    "STRG": "g",
    "RSTR": "y",
}
_WIDTH: Final = {"INT1": 1, "INT2": 2, "INT4": 4, "FLTP": 8, "STRG": 8, "RSTR": 8}
_ALIGNED: Final = {"INT2": 2, "INT4": 4, "FLTP": 8, "STRG": 4, "RSTR": 4}


@dataclass(frozen=True, slots=True)
class Elementary:
    """One elementary type; `length` counts characters, digits or bytes as the data type does.

    `conversion` names the routine between how people write a value and how it is kept.
    """

    datatype: str
    length: int = 0
    decimals: int = 0
    conversion: str = ""

    @property
    def exid(self) -> str:
        """Return the one-letter ABAP type."""
        return _EXID[self.datatype]

    @property
    def width(self) -> int:
        """Return the bytes in a Unicode system; two digits and the sign's half byte share bytes when packed."""
        if self.datatype in TWO_BYTE:
            return 2 * self.length
        return self.length // 2 + 1 if self.datatype in PACKED else _WIDTH.get(self.datatype, self.length)

    @property
    def alignment(self) -> int:
        """Return what the offset is a multiple of."""
        return 2 if self.datatype in TWO_BYTE else _ALIGNED.get(self.datatype, 1)


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a structure; `offset` in bytes, in a Unicode system."""

    name: str
    type: Elementary
    offset: int


@dataclass(frozen=True, slots=True)
class Structure:
    """A flat structure; `width` is what a row takes on the wire, `stride` what it takes in a table in memory."""

    name: str
    fields: tuple[Field, ...]
    width: int
    stride: int


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of a function module; `direction` is I, E, C or T as it declares, `like` the field it is typed by."""

    direction: str
    name: str
    type: Elementary | Structure
    optional: bool = False
    like: str = ""


@dataclass(frozen=True, slots=True)
class Function:
    """The interface of a function module."""

    name: str
    parameters: tuple[Parameter, ...]
    exceptions: tuple[str, ...] = ()

    def parameter(self, name: str) -> Parameter | None:
        """Return the parameter of this name, or None."""
        return next((one for one in self.parameters if one.name == name), None)


def laid_out(name: str, fields: Sequence[tuple[str, Elementary]]) -> Structure:
    """Place fields one behind the other, each at the next multiple of its alignment."""
    placed, end, widest = list[Field](), 0, 1
    for field, type in fields:
        offset = _up(end, type.alignment)
        placed.append(Field(field, type, offset))
        end, widest = offset + type.width, max(widest, type.alignment)
    return Structure(name, tuple(placed), end, _up(end, widest))


class Dictionary:
    """Every structure and function module of the system, by name."""

    def __init__(self, structures: Mapping[str, str], functions: Mapping[str, Mapping[str, object]]) -> None:
        self.structures = {name: laid_out(name, list(_fields(text))) for name, text in structures.items()}
        self.functions = {name: self._function(name, told) for name, told in functions.items()}

    def _function(self, name: str, told: Mapping[str, object]) -> Function:
        exceptions = told.get("exceptions", [])
        named = tuple(str(one) for one in exceptions) if isinstance(exceptions, list) else ()
        lines = [line.split() for line in str(told["parameters"]).splitlines() if line]
        return Function(name, tuple(self._parameter(words) for words in lines), named)

    def _parameter(self, words: Sequence[str]) -> Parameter:
        structure, _, field = words[2].partition("-")
        found: Elementary | Structure | None = self.structures.get(structure)
        if field and found is not None:
            found = next(one.type for one in self.structures[structure].fields if one.name == field)
        like = words[2] if field else ""
        return Parameter(words[0][0], words[1], found or _elementary(words[2:]), words[0].endswith("?"), like)


@cache
def dictionary() -> Dictionary:
    """Read the dictionary once."""
    read = {
        name: tomllib.loads(files(__package__).joinpath("data", f"{name}.toml").read_text(encoding="utf-8"))
        for name in ("structures", "functions")
    }
    return Dictionary(read["structures"], read["functions"])


def _fields(text: str) -> Iterator[tuple[str, Elementary]]:
    for line in text.splitlines():
        if line:
            name, *type = line.split()
            yield name, _elementary(type)


def _elementary(words: Sequence[str]) -> Elementary:
    datatype, length, decimals, conversion = [*words, *("", "0", "0", "")[len(words) :]]
    return Elementary(datatype, int(length), int(decimals), conversion)


def _up(offset: int, alignment: int) -> int:
    return -(-offset // alignment) * alignment
