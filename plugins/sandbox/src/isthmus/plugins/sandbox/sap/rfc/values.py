"""How does a value lie in the fixed bytes of an ABAP type?"""

import struct
from collections.abc import Mapping
from decimal import Decimal
from typing import Final, TypeAlias

from .dictionary import PACKED, TWO_BYTE, Elementary, Structure

Scalar: TypeAlias = str | int | float | Decimal | bytes
Line: TypeAlias = Mapping[str, Scalar]
Value: TypeAlias = Scalar | Line | list[Line]

_INTEGERS: Final = {"INT1": "<B", "INT2": "<h", "INT4": "<i"}
_MINUS: Final = 0x0D
_PLUS: Final = 0x0C


def initial(type: Elementary) -> Scalar:
    """Return the value of a field that nobody filled."""
    if type.datatype in ("NUMC", "DATS", "TIMS"):
        return "0" * type.length
    if type.datatype in PACKED:
        return Decimal(0).scaleb(-type.decimals)
    if type.datatype in ("RAW", "RSTR"):
        return bytes(type.length)
    if type.datatype == "FLTP":
        return 0.0
    return 0 if type.datatype in _INTEGERS else ""


def encoded(type: Elementary, value: Scalar) -> bytes:
    """Write one value; characters are cut at the field's end, as a MOVE in ABAP does."""
    if type.datatype in TWO_BYTE:
        text = str(value)
        padded = text.rjust(type.length, "0") if type.datatype == "NUMC" else text.ljust(type.length)
        return padded.encode("utf-16-le")[: type.width]
    if type.datatype in PACKED:
        return _packed(type, Decimal(str(value)))
    if type.datatype in _INTEGERS:
        return struct.pack(_INTEGERS[type.datatype], int(value))
    if type.datatype == "FLTP":
        return struct.pack("<d", float(value))
    if isinstance(value, bytes):
        return value.ljust(type.length, b"\0") if type.datatype == "RAW" else value
    return str(value).encode()


def decoded(type: Elementary, data: bytes) -> Scalar:
    """Read one value; trailing blanks do not count in characters."""
    if type.datatype in TWO_BYTE:
        # A client that leaves a field out may send zero bytes instead of blanks.
        text = data.decode("utf-16-le").rstrip("\0")
        return text.rstrip() if type.exid == "C" else text.strip() or str(initial(type))
    if type.datatype in PACKED:
        return _unpacked(type, data)
    if type.datatype in _INTEGERS:
        return int(struct.unpack_from(_INTEGERS[type.datatype], data)[0])
    if type.datatype == "FLTP":
        return float(struct.unpack_from("<d", data)[0])
    return data.decode() if type.datatype == "STRG" else data


def row_of(structure: Structure, line: Line) -> bytes:
    """Write a structure, or a row of a table; fields that are not given are initial."""
    row = bytearray(structure.width)
    for field in structure.fields:
        row[field.offset : field.offset + field.type.width] = encoded(
            field.type, line.get(field.name, initial(field.type))
        )
    return bytes(row)


def line_of(structure: Structure, row: bytes) -> Line:
    """Read a structure, or a row of a table; clients may leave out the bytes behind the last field."""
    whole = row.ljust(structure.width, b"\0")
    return {
        field.name: decoded(field.type, whole[field.offset : field.offset + field.type.width])
        for field in structure.fields
    }


def _packed(type: Elementary, value: Decimal) -> bytes:
    digits = str(abs(int(value.scaleb(type.decimals).to_integral_value()))).rjust(2 * type.width - 1, "0")
    sign = _MINUS if value < 0 else _PLUS
    return bytes.fromhex(f"{digits[-(2 * type.width - 1) :]}{sign:x}")


def _unpacked(type: Elementary, data: bytes) -> Decimal:
    if not any(data):
        return Decimal(0).scaleb(-type.decimals)
    digits, sign = data.hex()[:-1], data[-1] & 0x0F
    value = Decimal(int(digits)).scaleb(-type.decimals)
    return -value if sign == _MINUS else value
