"""How do JSON values become ABAP values of exactly the declared type, and back?"""

import base64
import binascii
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Context, Decimal, InvalidOperation

from isthmus.connectors.sap.rfc.backend import Scalar, Value, Values
from isthmus.connectors.sap.rfc.interface import Field, Interface, Parameter
from isthmus.core.errors import InvalidArguments
from isthmus.core.records import JSON

__all__ = ["BOUNDS", "from_abap", "results_of", "to_abap", "values_for"]

BOUNDS = {"b": (0, 255), "s": (-(1 << 15), (1 << 15) - 1), "I": (-(1 << 31), (1 << 31) - 1)}
_SAFE = 1 << 53
"""Beyond this a reader of JSON may take a number for a float."""
_WIDE = Context(prec=64)
_INTEGERS = frozenset("bsI8")
_NO_DATE = ("", "00000000")
_DATE = re.compile(r"(\d{4})-?(\d{2})-?(\d{2})")
_TIME = re.compile(r"(\d{2}):?(\d{2}):?(\d{2})")
_DIGITS = re.compile(r"[0-9]+")


def values_for(interface: Interface, arguments: Mapping[str, JSON]) -> Values:
    """Return the parameters of a call; raises InvalidArguments naming the one that does not fit."""
    known = {one.name: one for one in interface.parameters if one.sent}
    for name in arguments:
        if name not in known:
            raise InvalidArguments(f"{interface.name} has no parameter {name!r} to give", field=name)
    for one in known.values():
        if not one.optional and one.flat and arguments.get(one.name) is None:
            raise InvalidArguments(f"{interface.name} needs {one.name}", field=one.name)
    given = {name: value for name, value in arguments.items() if value is not None}
    return {name: _value(known[name], value) for name, value in given.items()}


def results_of(interface: Interface, results: Mapping[str, object]) -> Mapping[str, JSON]:
    """Return what a call answered, the initial value of a date as null."""
    known = {one.name: one for one in interface.parameters if one.answered}
    return {name: _answer(known[name], value) for name, value in results.items() if name in known}


def to_abap(field: Field, value: JSON, place: str = "") -> Scalar:
    """Return one value as its type has it; raises InvalidArguments where it does not fit: nothing is cut or rounded."""
    where = f"{place}{field.name}"
    match field.type, value:
        case "C", str():
            return _padded(field, _fitting(field, value, where))
        case "N", str() if value == "" or _DIGITS.fullmatch(value):
            return _fitting(field, value, where).zfill(field.length)
        case "D", str() | None:
            return _date(value, where)
        case "T", str() if found := _TIME.fullmatch(value):
            return "".join(found.groups())
        case "P", str() | int() | float() if not isinstance(value, bool):
            return _decimal(field, value, where)
        case (("b" | "s" | "I" | "8"), int() | str()) if not isinstance(value, bool):
            return _integer(field, value, where)
        case "F", int() | float() if not isinstance(value, bool):
            return float(value)
        case "g", str():
            return value
        case (("X" | "y"), str()):
            return _bytes(field, value, where)
    raise _misfit(where, field)


def from_abap(field: Field, value: object) -> JSON:
    """Return one value as JSON: numbers that a reader could round as text, bytes in Base64."""
    if field.type == "P":
        return f"{Decimal(str(value).strip() or 0):f}"
    if field.type in _INTEGERS:
        number = int(str(value).strip() or 0)
        return number if abs(number) < _SAFE else str(number)
    if field.type == "F":
        return float(str(value).strip() or 0)
    if field.type in "Xy":
        return base64.b64encode(value).decode() if isinstance(value, bytes) else str(value)
    text = str(value)
    if field.type == "D":
        return _read_date(text.strip())
    if field.type == "T":
        found = _TIME.fullmatch(text.strip() or "000000")
        return ":".join(found.groups()) if found else text
    if field.type == "g":
        return text
    plain = text.rstrip() if field.type == "C" else text
    return plain.lstrip("0") if field.alpha and _DIGITS.fullmatch(plain) else plain


def _value(parameter: Parameter, value: JSON) -> Value:
    if parameter.flat:
        return to_abap(parameter.fields[0], value)
    if not parameter.table:
        return _line(parameter, value, f"{parameter.name}.")
    if isinstance(value, str) or not isinstance(value, Sequence):
        raise InvalidArguments(f"{parameter.name} is a table: give a list of rows", field=parameter.name)
    return [_line(parameter, row, f"{parameter.name}[{place}].") for place, row in enumerate(value)]


def _line(parameter: Parameter, value: JSON, place: str) -> Mapping[str, Scalar]:
    if not isinstance(value, Mapping):
        raise InvalidArguments(f"{place.rstrip('.')} is a structure: give an object", field=parameter.name)
    if parameter.untyped:
        return {
            name: str(one) for name, one in value.items() if isinstance(one, str | int) and not isinstance(one, bool)
        }
    known = {one.name: one for one in parameter.fields}
    for name in value:
        if name not in known:
            raise InvalidArguments(f"{place.rstrip('.')} has no field {name!r}", field=name)
    return {
        name: to_abap(known[name], one, place)
        for name, one in value.items()
        if one is not None or known[name].type == "D"
    }


def _answer(parameter: Parameter, value: object) -> JSON:
    if parameter.flat:
        return from_abap(parameter.fields[0], value)
    if isinstance(value, Mapping):
        return _answer_line(parameter, value)
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else ()
    return [_answer_line(parameter, row) for row in rows if isinstance(row, Mapping)]


def _answer_line(parameter: Parameter, row: Mapping[str, object]) -> Mapping[str, JSON]:
    if parameter.untyped:
        return {name: str(value) for name, value in row.items()}
    known = {one.name: one for one in parameter.fields}
    return {name: from_abap(known[name], value) for name, value in row.items() if name in known}


def _padded(field: Field, value: str) -> str:
    return value.zfill(field.length) if field.alpha and _DIGITS.fullmatch(value) else value


def _fitting(field: Field, value: str, where: str) -> str:
    # A character beyond the first plane takes two places, and ABAP would cut what is too long without a word.
    if len(value.encode("utf-16-le")) > 2 * field.length:
        raise InvalidArguments(f"{where} takes at most {field.length} characters", field=where)
    return value


def _date(value: str | None, where: str) -> str:
    if value is None or value in _NO_DATE:
        return "00000000"
    found = _DATE.fullmatch(value)
    try:
        year, month, day = map(int, found.groups() if found else ())
        return date(year, month, day).strftime("%Y%m%d").zfill(8)
    except ValueError as error:
        raise InvalidArguments(f"{where} is a date: write it as YYYY-MM-DD", field=where) from error


def _read_date(text: str) -> str | None:
    if text in _NO_DATE or text == "0000-00-00":
        return None
    found = _DATE.fullmatch(text)
    return "-".join(found.groups()) if found else text


def _decimal(field: Field, value: str | float, where: str) -> Decimal:
    try:
        number = Decimal(str(value))
        exact = number.quantize(Decimal(1).scaleb(-field.decimals), context=_WIDE)
    except InvalidOperation as error:
        raise _misfit(where, field) from error
    if exact != number or len(exact.as_tuple().digits) > field.length:
        raise _misfit(where, field)
    return exact


def _integer(field: Field, value: int | str, where: str) -> int:
    if isinstance(value, str) and not re.fullmatch(r"-?[0-9]{1,19}", value):
        raise _misfit(where, field)
    low, high = BOUNDS.get(field.type, (-(1 << 63), (1 << 63) - 1))
    if not low <= int(value) <= high:
        raise InvalidArguments(f"{where} holds {low} to {high}", field=where)
    return int(value)


def _bytes(field: Field, value: str, where: str) -> bytes:
    try:
        data = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as error:
        raise InvalidArguments(f"{where} takes bytes in Base64", field=where) from error
    if field.type == "X" and len(data) > field.length:
        raise InvalidArguments(f"{where} takes at most {field.length} bytes", field=where)
    return data


def _misfit(where: str, field: Field) -> InvalidArguments:
    wanted = _KINDS.get(field.type, f"the ABAP type {field.type!r}, which is not supported")
    size = f" of at most {field.length} digits, {field.decimals} of them decimals" if field.type == "P" else ""
    return InvalidArguments(f"{where} takes {wanted}{size}", field=where)


_KINDS = {
    "C": "text",
    "N": "digits",
    "D": "a date",
    "T": "a time as HH:MM:SS",
    "P": "a decimal number",
    **dict.fromkeys("bsI8", "an integer"),
    "F": "a number",
    "g": "text",
    **dict.fromkeys("Xy", "bytes in Base64"),
}
